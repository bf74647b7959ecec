//! Weights for training that take away what a group says about the label.

use super::groups::Grouping;
use serde::{Deserialize, Serialize};

/// Example weights by which group and label are independent (Kamiran & Calders 2012): each pair of
/// them weighs P(group) · P(label) / P(group, label). The mean weight is 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reweighing {
    /// Every pair of group and label that occurs.
    pub cells: Vec<ReweighedCell>,
    /// The weight of each example.
    #[serde(skip)]
    pub weights: Vec<f32>,
}

/// Examples of one group and one label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReweighedCell {
    /// Name of the group.
    pub group: String,
    /// The label.
    pub label: u32,
    /// Examples.
    pub examples: usize,
    /// Weight of each; above 1 where there are fewer than independence would give.
    pub weight: f64,
}

impl Reweighing {
    /// From the group and the label of each training example.
    pub fn new(grouping: &Grouping, labels: &[u32]) -> Self {
        let classes = labels.iter().max().map_or(0, |m| *m as usize + 1);
        let groups = grouping.names.len();
        let mut counts = vec![vec![0usize; classes]; groups];
        for (group, label) in grouping.of.iter().zip(labels) {
            counts[*group as usize][*label as usize] += 1;
        }
        let of_group: Vec<usize> = counts.iter().map(|row| row.iter().sum()).collect();
        let of_label: Vec<usize> = (0..classes)
            .map(|label| counts.iter().map(|row| row[label]).sum())
            .collect();
        let all = labels.len() as f64;
        let weight = |group: usize, label: usize| {
            let expected = of_group[group] as f64 * of_label[label] as f64 / all;
            expected / counts[group][label] as f64
        };
        let cells = (0..groups)
            .flat_map(|group| (0..classes).map(move |label| (group, label)))
            .filter(|(group, label)| counts[*group][*label] > 0)
            .map(|(group, label)| ReweighedCell {
                group: grouping.names[group].clone(),
                label: label as u32,
                examples: counts[group][label],
                weight: weight(group, label),
            })
            .collect();
        let pairs = grouping.of.iter().zip(labels);
        Self {
            cells,
            weights: pairs
                .map(|(g, l)| weight(*g as usize, *l as usize) as f32)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_and_label_become_independent() {
        // Four of five men but one of three women have the label.
        let grouping = Grouping {
            attribute: "sex".into(),
            names: vec!["f".into(), "m".into()],
            of: vec![1, 1, 1, 1, 1, 0, 0, 0],
        };
        let labels = [1, 1, 1, 1, 0, 1, 0, 0];
        let reweighing = Reweighing::new(&grouping, &labels);
        let weights = &reweighing.weights;
        // P(f) P(1) / P(f, 1) = 3/8 * 5/8 / (1/8)
        assert!((weights[5] - 1.875).abs() < 1e-6, "{weights:?}");
        assert!((weights[0] - 5.0 * 5.0 / 8.0 / 4.0).abs() < 1e-6);
        let sum = |group: u32, label: Option<u32>| -> f32 {
            let of = (0..8).filter(|i| grouping.of[*i] == group);
            of.filter(|i| label.is_none_or(|l| labels[*i] == l))
                .map(|i| weights[i])
                .sum()
        };
        for group in [0, 1] {
            let rate = sum(group, Some(1)) / sum(group, None);
            assert!((rate - 0.625).abs() < 1e-6, "{rate}");
        }
        assert!((weights.iter().sum::<f32>() - 8.0).abs() < 1e-5);
        assert_eq!(reweighing.cells.len(), 4);
    }
}
