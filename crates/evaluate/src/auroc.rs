//! The area under the ROC curve, as scikit-learn has it.

use crate::ranking::Ranking;

/// How likely a positive example scores higher than a negative one; equal scores count one half.
/// `None` unless there are examples of both kinds.
pub fn auroc(examples: impl Iterator<Item = (f32, bool)>) -> Option<f64> {
    Ranking::new(examples).area(|_| 1)
}

/// The area for each column of `scores` (`examples x columns`, row by row) against all others;
/// `is_of(example, column)` tells the true ones.
pub(crate) fn by_column(
    scores: &[f32],
    columns: usize,
    is_of: impl Fn(usize, usize) -> bool,
) -> Vec<Option<f64>> {
    let of = |column: usize| {
        let rows = scores.chunks_exact(columns).enumerate();
        auroc(rows.map(|(i, row)| (row[column], is_of(i, column))))
    };
    (0..columns).map(of).collect()
}

/// The mean of the areas that are defined.
pub(crate) fn mean(areas: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = areas.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::auroc;

    #[test]
    fn ties_count_one_half() {
        let area = |scores: &[f32], labels: &[u8]| {
            let labels = labels.iter().map(|l| *l == 1);
            auroc(scores.iter().copied().zip(labels))
        };
        assert_eq!(area(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]), Some(0.75));
        assert_eq!(area(&[0.5; 6], &[0, 1, 0, 1, 1, 0]), Some(0.5));
        assert_eq!(area(&[0.2, 0.5, 0.5, 0.9], &[0, 0, 1, 1]), Some(0.875));
        assert_eq!(area(&[0.2, 0.5], &[1, 1]), None);
        assert_eq!(area(&[], &[]), None);
    }
}
