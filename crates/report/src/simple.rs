//! What needs no model at all: the scores of always giving the same answer.

use crate::page::Voice;
use crate::subject::Subject;
use modelwright_evaluate::{ClassificationReport, RegressionReport};
use serde::Serialize;

/// Scores of a simple way to answer.
#[derive(Debug, Clone, Serialize)]
pub struct Simple {
    /// How it answers.
    pub way: Way,
    /// Its scores, by the names of the model's.
    pub scores: Vec<(String, f64)>,
}

/// A way to answer.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Way {
    /// Always the class that is the most frequent.
    MostFrequent {
        /// The class.
        class: String,
    },
    /// Always the mean.
    Mean {
        /// In the unit of the target.
        value: f64,
    },
    /// A simple model that was trained beside this one.
    Model {
        /// Its name.
        name: String,
    },
}

impl Simple {
    /// The score of this name.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.scores.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    pub(crate) fn name(&self, voice: Voice) -> String {
        match &self.way {
            Way::MostFrequent { class } => voice.tr("simple-most-frequent", &[("class", class)]),
            Way::Mean { .. } => voice.t("simple-mean"),
            Way::Model { name } => name.clone(),
        }
    }
}

/// The best answer that looks at no example, with shares and the mean of these same examples: no model
/// without knowledge of them can know those better.
pub fn trivial(subject: &Subject) -> Option<Simple> {
    if let Some(classes) = subject.classes() {
        let k = classes.names.len();
        let mut counts = vec![0usize; k];
        classes.truth.iter().for_each(|t| counts[*t as usize] += 1);
        let most = (0..k).max_by_key(|c| (counts[*c], k - c))?;
        let total = classes.truth.len().max(1) as f32;
        // The most frequent class first, in case that several are as frequent.
        let shares = counts
            .iter()
            .enumerate()
            .map(|(c, n)| *n as f32 / total + if c == most { 1e-6 } else { 0.0 });
        let row: Vec<f32> = shares.collect();
        let probabilities: Vec<f32> = classes.truth.iter().flat_map(|_| row.clone()).collect();
        let report = ClassificationReport::new(classes.names, &probabilities, classes.truth);
        return Some(Simple {
            way: Way::MostFrequent {
                class: classes.names[most].clone(),
            },
            scores: report.scores(),
        });
    }
    let (truth, _) = subject.values()?;
    let value = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
    let same = vec![value; truth.len()];
    Some(Simple {
        way: Way::Mean { value },
        scores: RegressionReport::new("", &same, truth).scores(),
    })
}
