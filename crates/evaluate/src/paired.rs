//! Two models on the same examples: is one better, or is it chance?

use crate::bootstrap::{
    ClassifierScores, CountedScores, Interval, RegressionScores, each_count, each_draw,
};
use crate::numbers;
use serde::{Deserialize, Serialize};

/// A difference counts once chance alone would make one as large in fewer cases than this.
pub(crate) const RARE: f64 = 0.05;

/// Which of two models is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// The first.
    First,
    /// The second.
    Second,
    /// Nobody can tell: with these examples, chance makes such differences.
    Neither,
}

/// McNemar's exact test (1947): of the examples that only one of two models got right, are there more
/// on one side than chance puts there?
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Examples that both models got right.
    pub both: usize,
    /// Those that only the first got right.
    pub only_first: usize,
    /// Those that only the second got right.
    pub only_second: usize,
    /// Those that both got wrong.
    pub neither: usize,
    /// How probable so uneven a number of disagreements, or a more uneven one, is if both models are
    /// equally good.
    pub chance: f64,
}

impl McNemar {
    /// From whether each model was right on each example, in the same order.
    pub fn new(first: &[bool], second: &[bool]) -> Self {
        let count = |of: (bool, bool)| {
            let pairs = first.iter().zip(second);
            pairs.filter(|(a, b)| (**a, **b) == of).count()
        };
        let (only_first, only_second) = (count((true, false)), count((false, true)));
        Self {
            both: count((true, true)),
            only_first,
            only_second,
            neither: count((false, false)),
            chance: sign_test(only_first, only_second),
        }
    }

    /// Which model is right more often.
    pub fn better(&self) -> Better {
        match self.chance < RARE {
            true if self.only_first > self.only_second => Better::First,
            true => Better::Second,
            false => Better::Neither,
        }
    }
}

/// The exact two-sided sign test: how probable it is that of all cases so many, or more, fall to one
/// side, if each falls to either side alike.
pub fn sign_test(one: usize, other: usize) -> f64 {
    let all = (one + other) as f64;
    // Logarithms, because half to the power of thousands is nothing.
    let mut term = -all * std::f64::consts::LN_2;
    let mut tail = term.exp();
    for k in 0..one.min(other) {
        term += ((all - k as f64) / (k + 1) as f64).ln();
        tail += term.exp();
    }
    (2.0 * tail).min(1.0)
}

/// One score of two models, and the bootstrap of their difference: both are taken of the same draws,
/// so that examples which are hard for both do not blur it (Efron & Tibshirani 1993).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The score's name, as in the reports.
    pub name: String,
    /// The first model's score.
    pub first: f64,
    /// The second model's score.
    pub second: f64,
    /// How far the first lies above the second.
    pub difference: f64,
    /// Interval of the difference; absent if the score has no value on most draws.
    pub interval: Option<Interval>,
    /// Two-sided p-value: twice the share of draws in which the difference is nothing or turns round.
    pub chance: Option<f64>,
}

impl Difference {
    fn new(name: &str, first: f64, second: f64, drawn: Vec<f64>, rounds: usize) -> Self {
        let chance = chance(&drawn);
        let interval = Interval::of(drawn, rounds);
        Self {
            name: name.into(),
            first,
            second,
            difference: first - second,
            interval,
            chance: interval.map(|_| chance),
        }
    }

    /// Which model is better by this score: the interval does not hold "no difference".
    pub fn better(&self) -> Better {
        let first_is_larger = match self.interval {
            Some(interval) if interval.low > 0.0 => true,
            Some(interval) if interval.high < 0.0 => false,
            _ => return Better::Neither,
        };
        match first_is_larger == numbers::larger_is_better(&self.name) {
            true => Better::First,
            false => Better::Second,
        }
    }
}

fn chance(drawn: &[f64]) -> f64 {
    // The examples themselves count as a draw, so that nothing is called impossible.
    let all = drawn.len() as f64 + 1.0;
    let share = |side: fn(f64) -> bool| {
        let on_it = drawn.iter().filter(|d| side(**d)).count();
        (on_it as f64 + 1.0) / all
    };
    (2.0 * share(|d| d <= 0.0).min(share(|d| d >= 0.0))).min(1.0)
}

/// The difference of any score. The statistics take indices of examples, which are the same ones for
/// both; `None` if one of them has no value on the examples themselves.
pub fn difference(
    name: &str,
    examples: usize,
    rounds: usize,
    seed: u64,
    first: impl Fn(&[usize]) -> Option<f64>,
    second: impl Fn(&[usize]) -> Option<f64>,
) -> Option<Difference> {
    let both = |drawn: &[usize]| Some((first(drawn)?, second(drawn)?));
    let all: Vec<usize> = (0..examples).collect();
    let (a, b) = both(&all)?;
    let mut drawn = Vec::with_capacity(rounds);
    each_draw(examples, rounds, seed, |indices| {
        drawn.extend(both(indices).map(|(a, b)| a - b));
    });
    Some(Difference::new(name, a, b, drawn, rounds))
}

/// The differences of all headline scores, from the same draws.
///
/// # Panics
/// If the models were measured on different numbers of examples.
pub fn differences<S: CountedScores>(
    first: &S,
    second: &S,
    rounds: usize,
    seed: u64,
) -> Vec<Difference> {
    let examples = first.examples();
    assert_eq!(
        examples,
        second.examples(),
        "both models must be measured on the same examples"
    );
    let names = first.names();
    let pairs = |counts: &[u32]| {
        let pairs = first.scores(counts).into_iter().zip(second.scores(counts));
        pairs.map(|(a, b)| a.zip(b)).collect::<Vec<_>>()
    };
    let mut drawn = vec![Vec::new(); names.len()];
    each_count(examples, rounds, seed, |counts| {
        for (drawn, pair) in drawn.iter_mut().zip(pairs(counts)) {
            drawn.extend(pair.map(|(a, b)| a - b));
        }
    });
    let scores = names.iter().zip(pairs(&vec![1; examples])).zip(drawn);
    scores
        .filter_map(|((name, pair), drawn)| {
            let (a, b) = pair?;
            Some(Difference::new(name, a, b, drawn, rounds))
        })
        .collect()
}

/// Two models on the same examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedReport {
    /// Number of examples.
    pub examples: usize,
    /// McNemar's test, if answers are right or wrong.
    pub mcnemar: Option<McNemar>,
    /// The differences of the headline scores; the first one is that of the verdict.
    pub differences: Vec<Difference>,
    /// Which model is better: by McNemar's test where there is one, else by the first difference.
    pub better: Better,
}

impl PairedReport {
    /// Compares two classifiers by their accuracy.
    ///
    /// # Panics
    /// If they were measured on different numbers of examples.
    pub fn of_classifiers(
        first: &ClassifierScores,
        second: &ClassifierScores,
        rounds: usize,
        seed: u64,
    ) -> Self {
        let mcnemar = McNemar::new(&first.right(), &second.right());
        Self {
            examples: first.examples(),
            differences: differences(first, second, rounds, seed),
            better: mcnemar.better(),
            mcnemar: Some(mcnemar),
        }
    }

    /// Compares two regressions by their R².
    ///
    /// # Panics
    /// If they were measured on different numbers of examples.
    pub fn of_regressions(
        first: &RegressionScores,
        second: &RegressionScores,
        rounds: usize,
        seed: u64,
    ) -> Self {
        let differences = differences(first, second, rounds, seed);
        Self {
            examples: first.examples(),
            mcnemar: None,
            better: differences
                .first()
                .map_or(Better::Neither, Difference::better),
            differences,
        }
    }

    /// The verdict in plain words, with the models' names.
    pub fn words(&self, first: &str, second: &str) -> String {
        let verdict = match self.better {
            Better::First => format!("{first} is better than {second}"),
            Better::Second => format!("{second} is better than {first}"),
            Better::Neither => {
                format!("It cannot be told whether {first} or {second} is better")
            }
        };
        let mut text = verdict;
        if let Some(score) = self.differences.first() {
            let value = |v: f64| numbers::score(&score.name, v);
            text += &format!(
                ": {} {} of {first}, {} of {second} on {} examples",
                numbers::label(&score.name),
                value(score.first),
                value(score.second),
                numbers::grouped(self.examples as i64)
            );
            if let Some(interval) = score.interval {
                text += &format!(
                    ", a difference of {} (95 % interval from {} to {})",
                    value(score.difference),
                    value(interval.low),
                    value(interval.high)
                );
            }
        }
        if let Some(test) = &self.mcnemar {
            text += &format!(
                ". {first} alone is right {} times, {second} alone {} times; chance makes this at least as \
                 uneven with probability {}",
                numbers::grouped(test.only_first as i64),
                numbers::grouped(test.only_second as i64),
                probability(test.chance)
            );
        }
        text + "."
    }
}

/// A p-value as people read it.
fn probability(p: f64) -> String {
    match p < 0.001 {
        true => "below 0.001".into(),
        false => format!("{p:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bounds_close, close, golden, labels, probabilities};

    /// Values made by `tests/golden/evaluation.py` with scipy.
    #[test]
    fn tests_equal_scipy() {
        let golden = golden();
        let g = &golden["paired"];
        for case in g["sign_test"].as_array().unwrap() {
            let count = |i: usize| case["counts"][i].as_u64().unwrap() as usize;
            close(sign_test(count(0), count(1)), &case["p"], 1e-9);
        }
        let labels = labels(g);
        let scores = |part: &str| ClassifierScores::new(2, &probabilities(&g[part]), &labels);
        let report = PairedReport::of_classifiers(&scores("first"), &scores("second"), 5000, 1);
        let test = report.mcnemar.unwrap();
        close(test.chance, &g["mcnemar"]["p"], 1e-9);
        assert_eq!(g["mcnemar"]["only_first"], test.only_first);
        assert_eq!(g["mcnemar"]["only_second"], test.only_second);
        for (name, expected) in g["differences"].as_object().unwrap() {
            let found = report.differences.iter().find(|d| d.name == *name).unwrap();
            close(found.difference, &expected["value"], 1e-6);
            bounds_close(found.interval, &expected["interval"]);
        }
    }

    /// A model that is right on the first `right` of a hundred examples.
    fn model(right: u32) -> ClassifierScores {
        let rows = (0..100).flat_map(|i| if i < right { [0.2, 0.8] } else { [0.6, 0.4] });
        ClassifierScores::new(2, &rows.collect::<Vec<f32>>(), &[1; 100])
    }

    #[test]
    fn the_better_of_two_is_found_and_said() {
        let report = PairedReport::of_classifiers(&model(80), &model(95), 500, 1);
        assert_eq!(report.better, Better::Second);
        let by = |name: &str| report.differences.iter().find(|d| d.name == name).unwrap();
        assert_eq!(by("accuracy").better(), Better::Second);
        // A smaller loss is better.
        assert!(by("log_loss").difference > 0.0);
        assert_eq!(by("log_loss").better(), Better::Second);
        assert!(by("accuracy").chance.unwrap() < 0.01);
        let words = report.words("old", "new");
        assert!(
            words.starts_with(
                "new is better than old: accuracy 80.00 % of old, 95.00 % of new on 100"
            ),
            "{words}"
        );
        assert!(words.contains("new alone 15 times"), "{words}");
    }

    #[test]
    fn equal_models_are_not_told_apart() {
        let report = PairedReport::of_classifiers(&model(80), &model(80), 200, 1);
        assert_eq!(report.better, Better::Neither);
        for difference in &report.differences {
            assert_eq!((difference.difference, difference.chance), (0.0, Some(1.0)));
        }
        assert!(
            report
                .words("a", "b")
                .starts_with("It cannot be told whether a or b")
        );
    }

    #[test]
    fn regressions_are_compared_by_what_they_explain() {
        let truth: Vec<f64> = (0..50).map(f64::from).collect();
        let off = |by: f64| {
            let signs = [by, -by].into_iter().cycle();
            let predicted: Vec<f64> = truth.iter().zip(signs).map(|(t, e)| t + e).collect();
            RegressionScores::new(&predicted, &truth)
        };
        let report = PairedReport::of_regressions(&off(1.0), &off(3.0), 300, 1);
        assert_eq!((report.better, report.mcnemar), (Better::First, None));
        assert!(
            report
                .differences
                .iter()
                .all(|d| d.better() == Better::First)
        );
    }

    #[test]
    fn any_score_can_be_compared() {
        let of = |by: f64| move |drawn: &[usize]| Some(drawn.len() as f64 * by);
        let found = difference("size", 4, 50, 1, of(2.0), of(1.0)).unwrap();
        assert_eq!((found.difference, found.better()), (4.0, Better::First));
        assert!((found.chance.unwrap() - 2.0 / 51.0).abs() < 1e-12);
        assert!(difference("size", 4, 50, 1, of(2.0), |_| None).is_none());
    }
}
