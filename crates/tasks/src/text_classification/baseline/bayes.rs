//! Multinomial naive Bayes with one added count for every n-gram (Laplace).

use super::linear::{Linear, Targets};
use crate::ngrams::Rows;

/// Counts which n-grams each class uses. N-grams that no training text has say nothing.
///
/// Where a text may have several classes, each is told from all texts without it: the scores are then
/// logarithms of odds.
pub(super) fn fit(rows: &Rows, targets: &Targets, bits: u32) -> Linear {
    let classes = targets.classes;
    let mut counts = Linear::new(classes, bits);
    let (mut all, mut texts) = (vec![0.0f32; 1 << bits], vec![0.0f64; classes]);
    for (i, of) in targets.of.iter().enumerate() {
        of.iter().for_each(|class| texts[*class as usize] += 1.0);
        for (bucket, count) in rows.row(i) {
            let bucket = *bucket as usize;
            all[bucket] += count;
            for class in *of {
                counts.weights[bucket * classes + *class as usize] += count;
            }
        }
    }
    let seen = all.iter().filter(|count| **count > 0.0).count() as f64;
    let total: f64 = all.iter().map(|c| f64::from(*c)).sum();
    let mut of_class = vec![0.0f64; classes];
    for row in counts.weights.chunks_exact(classes) {
        of_class
            .iter_mut()
            .zip(row)
            .for_each(|(sum, count)| *sum += f64::from(*count));
    }
    let rest = targets.several;
    for (row, all) in counts.weights.chunks_exact_mut(classes).zip(&all) {
        if *all == 0.0 {
            continue;
        }
        for (class, weight) in row.iter_mut().enumerate() {
            let (count, sum) = (f64::from(*weight), of_class[class]);
            let mut log = ((count + 1.0) / (sum + seen)).ln();
            if rest {
                log -= ((f64::from(*all) - count + 1.0) / (total - sum + seen)).ln();
            }
            *weight = log as f32;
        }
    }
    let n = targets.of.len() as f64;
    for (bias, with) in counts.bias.iter_mut().zip(&texts) {
        // Odds of a class that all texts have, or none, are kept finite.
        let odds = ((with + 0.5) / (n - with + 0.5)).ln();
        *bias = if rest { odds } else { (with / n).ln() } as f32;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = ["a a b", "b c", "c c c"];

    fn bucket(text: &str) -> u32 {
        Rows::counts(&[text], false, 18).row(0)[0].0
    }

    #[test]
    fn probabilities_are_counts_with_one_added() {
        let rows = Rows::counts(&TEXTS, false, 18);
        let of: Vec<&[u32]> = vec![&[0], &[0], &[1]];
        let targets = Targets {
            of,
            classes: 2,
            several: false,
        };
        let model = fit(&rows, &targets, 18);
        // Seen: a, b, c and the pairs aa, ab, bc, cc. Class 0 has 8 n-grams, class 1 has 5.
        let expected = |count: f64, sum: f64| ((count + 1.0) / (sum + 7.0)).ln() as f32;
        assert_eq!(
            model.of(bucket("a")),
            [expected(2.0, 8.0), expected(0.0, 5.0)]
        );
        assert_eq!(
            model.of(bucket("c")),
            [expected(1.0, 8.0), expected(3.0, 5.0)]
        );
        assert_eq!(
            model.bias,
            [(2.0f64 / 3.0).ln() as f32, (1.0f64 / 3.0).ln() as f32]
        );
        assert_eq!(model.of(bucket("unseen")), [0.0, 0.0]);
    }

    #[test]
    fn each_label_is_told_from_the_texts_without_it() {
        let rows = Rows::counts(&TEXTS, false, 18);
        let of: Vec<&[u32]> = vec![&[0, 1], &[1], &[]];
        let targets = Targets {
            of,
            classes: 2,
            several: true,
        };
        let model = fit(&rows, &targets, 18);
        let scores = model.scores(rows.row(0));
        assert!(scores[0] > 0.0 && scores[1] > 0.0, "{scores:?}");
        let scores = model.scores(rows.row(2));
        assert!(scores[0] < 0.0 && scores[1] < 0.0, "{scores:?}");
    }
}
