//! Which labels are probably wrong, by confident learning (Northcutt et al. 2021).
//!
//! A class that the model gives with more than its usual confidence, against the label, makes the
//! label suspect. The probabilities must come from a model that was not trained on the examples, or
//! it will have learned the wrong labels by heart. Where classes overlap by nature, hard examples are
//! among the suspects: the list is to be looked through by a person, not to be deleted.

use crate::argmax;
use crate::classification::ratio;
use serde::{Deserialize, Serialize};

/// What confident learning found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspects {
    /// Number of examples.
    pub examples: usize,
    /// For each class the mean probability that its own examples have of it: the confidence from which
    /// an example counts as one of the class. `None` for a class without examples.
    pub thresholds: Vec<Option<f64>>,
    /// `joint[given][likely]`, expected counts of examples with that label and that true class. Rows
    /// add up to the labels' counts.
    pub joint: Vec<Vec<f64>>,
    /// Expected number of wrong labels.
    pub expected: f64,
    /// The labels to look at, the most suspect first.
    pub list: Vec<Suspect>,
}

/// A label that is probably wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The example.
    pub example: usize,
    /// Its label.
    pub given: u32,
    /// The class that it more probably is of.
    pub likely: u32,
    /// Normalized margin: 0 if the model is sure that the label is wrong, 1 if it is sure of the label,
    /// below one half if another class is more probable.
    pub score: f64,
    /// The probability of the label.
    pub confidence: f64,
}

/// What the most suspect labels are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuspectOrder {
    /// The probability of the label less that of the most probable other class.
    #[default]
    Margin,
    /// The probability of the label.
    Confidence,
}

impl SuspectOrder {
    /// The most suspect first; equal ones stay in their order.
    fn sort(self, suspects: &mut [Suspect]) {
        match self {
            Self::Margin => suspects.sort_by(|a, b| a.score.total_cmp(&b.score)),
            Self::Confidence => suspects.sort_by(|a, b| a.confidence.total_cmp(&b.confidence)),
        }
    }
}

impl Suspects {
    /// From probabilities (`examples x classes`, row by row) and the labels given.
    pub fn new(classes: usize, probabilities: &[f32], labels: &[u32], order: SuspectOrder) -> Self {
        let rows = Rows {
            classes: classes.max(1),
            probabilities,
            labels,
        };
        let thresholds = rows.thresholds();
        let joint = rows.joint(&thresholds);
        let wrong = |(given, row): (usize, &Vec<f64>)| -> f64 {
            let others = row
                .iter()
                .enumerate()
                .filter(|(likely, _)| *likely != given);
            others.map(|(_, n)| n).sum()
        };
        let expected: f64 = joint.iter().enumerate().map(wrong).sum();
        let mut list = rows.pruned(&joint);
        order.sort(&mut list);
        Self {
            examples: labels.len(),
            thresholds,
            joint,
            expected,
            list,
        }
    }

    /// Expected share of wrong labels.
    pub fn noise(&self) -> f64 {
        ratio(self.expected, self.examples as f64)
    }
}

/// All examples with what is to be said about their labels, the most suspect first.
pub fn ranked_suspects(
    classes: usize,
    probabilities: &[f32],
    labels: &[u32],
    order: SuspectOrder,
) -> Vec<Suspect> {
    let rows = Rows {
        classes: classes.max(1),
        probabilities,
        labels,
    };
    let mut all: Vec<Suspect> = (0..labels.len()).map(|i| rows.suspect(i)).collect();
    order.sort(&mut all);
    all
}

/// The examples.
struct Rows<'a> {
    classes: usize,
    probabilities: &'a [f32],
    labels: &'a [u32],
}

impl Rows<'_> {
    fn row(&self, example: usize) -> &[f32] {
        &self.probabilities[example * self.classes..][..self.classes]
    }

    fn label(&self, example: usize) -> usize {
        self.labels[example] as usize
    }

    /// Mean self-confidence of each class.
    fn thresholds(&self) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0usize); self.classes];
        for example in 0..self.labels.len() {
            let label = self.label(example);
            sums[label].0 += f64::from(self.row(example)[label]);
            sums[label].1 += 1;
        }
        let mean = |(sum, n): (f64, usize)| (n > 0).then(|| sum / n as f64);
        sums.into_iter().map(mean).collect()
    }

    /// The confident joint: examples by label and by the most probable class among those that reach
    /// their threshold, with rows scaled to all examples of the label.
    fn joint(&self, thresholds: &[Option<f64>]) -> Vec<Vec<f64>> {
        let mut joint = vec![vec![0.0; self.classes]; self.classes];
        let mut supports = vec![0.0; self.classes];
        for example in 0..self.labels.len() {
            let label = self.label(example);
            supports[label] += 1.0;
            let row = self.row(example);
            let confident = (0..self.classes)
                .filter(|c| thresholds[*c].is_some_and(|t| f64::from(row[*c]) >= t))
                .reduce(|best, c| if row[c] > row[best] { c } else { best });
            if let Some(likely) = confident {
                joint[label][likely] += 1.0;
            }
        }
        for (label, row) in joint.iter_mut().enumerate() {
            let counted: f64 = row.iter().sum();
            if counted == 0.0 {
                row[label] = supports[label];
            } else {
                row.iter_mut().for_each(|n| *n *= supports[label] / counted);
            }
        }
        joint
    }

    /// Prunes by noise rate: of each label and each other class as many examples as the joint expects,
    /// those in which the other class is the most probable by the largest margin. Labels that the model
    /// agrees with are kept.
    fn pruned(&self, joint: &[Vec<f64>]) -> Vec<Suspect> {
        let mut by_label = vec![Vec::new(); self.classes];
        for example in 0..self.labels.len() {
            by_label[self.label(example)].push(example);
        }
        let mut found = vec![false; self.labels.len()];
        for (given, examples) in by_label.iter().enumerate() {
            for likely in (0..self.classes).filter(|c| *c != given) {
                let count = joint[given][likely].round() as usize;
                let margin = |example: &usize| {
                    let row = self.row(*example);
                    row[likely] - row[given]
                };
                let mut ordered = examples.clone();
                ordered.sort_by(|a, b| margin(b).total_cmp(&margin(a)));
                for example in ordered.into_iter().take(count) {
                    found[example] = true;
                }
            }
        }
        let suspect = |(example, found): (usize, &bool)| {
            let disagrees = argmax(self.row(example)) != self.label(example);
            (*found && disagrees).then(|| self.suspect(example))
        };
        found.iter().enumerate().filter_map(suspect).collect()
    }

    fn suspect(&self, example: usize) -> Suspect {
        let (row, given) = (self.row(example), self.label(example));
        let likely = (0..self.classes)
            .filter(|c| *c != given)
            .reduce(|best, c| if row[c] > row[best] { c } else { best })
            .unwrap_or(given);
        let confidence = f64::from(row[given]);
        Suspect {
            example,
            given: given as u32,
            likely: likely as u32,
            score: (confidence - f64::from(row[likely]) + 1.0) / 2.0,
            confidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::testing::all_close;
    use serde_json::Value;
    use std::collections::HashSet;

    /// Examples of three classes, whose labels are wrong for every twentieth; probabilities are those
    /// of a model that is right more often than not.
    fn noisy() -> (Vec<f32>, Vec<u32>, Vec<bool>) {
        let mut random = Random::new(5, 0);
        let (mut probabilities, mut labels, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..3000usize {
            let truth = i % 3;
            let score =
                |class: usize, noise: f64| (noise + if class == truth { 4.0 } else { 0.0 }).exp();
            let scores: Vec<f64> = (0..3).map(|c| score(c, random.normal())).collect();
            let sum: f64 = scores.iter().sum();
            probabilities.extend(scores.iter().map(|s| (s / sum) as f32));
            let flip = i % 20 == 0;
            wrong.push(flip);
            labels.push(if flip { (truth + 1) % 3 } else { truth } as u32);
        }
        (probabilities, labels, wrong)
    }

    #[test]
    fn planted_errors_are_found() {
        let (probabilities, labels, wrong) = noisy();
        let suspects = Suspects::new(3, &probabilities, &labels, SuspectOrder::Margin);
        assert!(
            (suspects.expected - 150.0).abs() < 40.0,
            "{}",
            suspects.expected
        );
        assert!((suspects.noise() - 0.05).abs() < 0.014);
        for order in [SuspectOrder::Margin, SuspectOrder::Confidence] {
            let ranked = ranked_suspects(3, &probabilities, &labels, order);
            let top = &ranked[..210];
            let found = top.iter().filter(|s| wrong[s.example]).count();
            assert!(found >= 135, "{found} of 150");
        }
        let found = suspects.list.iter().filter(|s| wrong[s.example]);
        let right = found
            .clone()
            .filter(|s| s.likely == (s.given + 2) % 3)
            .count();
        assert!(found.count() >= 130 && right >= 130, "{right}");
        assert!(suspects.list.len() < 230, "{}", suspects.list.len());
        assert!(suspects.list[0].score < 0.05);
    }

    /// Worked out by hand.
    #[test]
    fn thresholds_and_joint_are_those_of_the_paper() {
        let p = [0.9, 0.1, 0.7, 0.3, 0.2, 0.8, 0.1, 0.9, 0.3, 0.7];
        let suspects = Suspects::new(2, &p, &[0, 0, 0, 1, 1], SuspectOrder::Margin);
        // (0.9 + 0.7 + 0.2) / 3 and (0.9 + 0.7) / 2
        let [zero, one] = [0, 1].map(|c: usize| suspects.thresholds[c].unwrap());
        assert!((zero - 0.6).abs() < 1e-6 && (one - 0.8).abs() < 1e-6);
        // Of the three zeros two reach 0.6 for zero and one 0.8 for one; of the ones, one of two counts.
        assert_eq!(suspects.joint, [[2.0, 1.0], [0.0, 2.0]]);
        assert_eq!(suspects.expected, 1.0);
        let [only] = suspects.list[..] else {
            panic!("{:?}", suspects.list)
        };
        assert_eq!((only.example, only.given, only.likely), (2, 0, 1));
        assert!((only.score - 0.2).abs() < 1e-6 && (only.confidence - 0.2).abs() < 1e-6);
    }

    /// Values made by `tests/golden/suspects.py` with cleanlab, which makes whole numbers of the joint.
    #[test]
    fn suspects_are_cleanlabs() {
        let golden = include_str!("../../../tests/golden/suspects.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let rows: Vec<Vec<f32>> = serde_json::from_value(golden["p"].clone()).unwrap();
        let labels: Vec<u32> = serde_json::from_value(golden["labels"].clone()).unwrap();
        let (classes, p) = (rows[0].len(), rows.concat());
        let suspects = Suspects::new(classes, &p, &labels, SuspectOrder::Margin);
        let thresholds: Vec<f64> = suspects.thresholds.iter().copied().flatten().collect();
        all_close(&thresholds, &golden["thresholds"], 1e-6);
        for (row, expected) in suspects
            .joint
            .iter()
            .zip(golden["joint"].as_array().unwrap())
        {
            all_close(row, expected, 1.0);
        }
        let theirs: HashSet<usize> = serde_json::from_value(golden["issues"].clone()).unwrap();
        let ours: HashSet<usize> = suspects.list.iter().map(|s| s.example).collect();
        let (both, either) = (ours.intersection(&theirs), ours.union(&theirs));
        assert!(
            10 * both.count() >= 9 * either.count(),
            "{ours:?} {theirs:?}"
        );
        let mut all = ranked_suspects(classes, &p, &labels, SuspectOrder::Margin);
        all.sort_by_key(|s| s.example);
        let of = |value: fn(&Suspect) -> f64| all.iter().map(value).collect::<Vec<f64>>();
        all_close(&of(|s| s.score), &golden["margin"], 1e-6);
        all_close(&of(|s| s.confidence), &golden["confidence"], 1e-6);
    }

    #[test]
    fn clean_labels_and_absent_classes_are_no_trouble() {
        let p = [0.9, 0.1, 0.0, 0.2, 0.8, 0.0];
        let suspects = Suspects::new(3, &p, &[0, 1], SuspectOrder::Confidence);
        assert_eq!((suspects.expected, suspects.list.len()), (0.0, 0));
        assert_eq!(suspects.thresholds[2], None);
        let none = Suspects::new(3, &[], &[], SuspectOrder::Margin);
        assert_eq!((none.noise(), none.list.len()), (0.0, 0));
    }
}
