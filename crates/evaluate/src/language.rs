//! Metrics of models that write.

use crate::chart::bars;
use crate::grouped;
use crate::spans::span_score;
use serde::{Deserialize, Serialize};

/// How well a language model tells what people wrote, and what it writes itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LanguageReport {
    /// Number of conversations, pairs of answers or texts.
    pub examples: usize,
    /// Tokens that were to be told from those before them.
    pub tokens: usize,
    /// `e` to the mean of `-ln p` of each token: among so many the model hesitates on average.
    pub perplexity: f64,
    /// Share of tokens that were the most probable ones.
    pub token_accuracy: f64,
    /// Of answers that the model wrote, beside those of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<WrittenScores>,
    /// Of pairs of answers of which one is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<PreferenceScores>,
}

/// How near written answers come to those of people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WrittenScores {
    /// Number of answers.
    pub examples: usize,
    /// Share of those that say the same, but for case, punctuation and articles.
    pub exact_match: f64,
    /// Mean of F1 over words.
    pub f1: f64,
}

/// How a model tells better answers from worse ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PreferenceScores {
    /// Number of pairs.
    pub examples: usize,
    /// Share of pairs whose better answer is the more probable one.
    pub accuracy: f64,
    /// Mean of the difference of `ln p` between them.
    pub margin: f64,
}

impl LanguageReport {
    /// From `-ln p` of all tokens together, and whether each was the most probable one.
    pub fn new(examples: usize, surprise: f64, right: &[bool]) -> Self {
        let count = right.len().max(1) as f64;
        Self {
            examples,
            tokens: right.len(),
            perplexity: (surprise / count).exp(),
            token_accuracy: right.iter().filter(|r| **r).count() as f64 / count,
            answers: None,
            preferences: None,
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let mut scores = Vec::new();
        if let Some(preferences) = &self.preferences {
            scores.push(("preference_accuracy".to_string(), preferences.accuracy));
        }
        scores.push(("perplexity".to_string(), self.perplexity));
        scores.push(("token_accuracy".to_string(), self.token_accuracy));
        if let Some(answers) = &self.answers {
            scores.push(("f1".to_string(), answers.f1));
            scores.push(("exact_match".to_string(), answers.exact_match));
        }
        scores
    }

    /// The shares among the scores as bars.
    pub fn chart(&self) -> String {
        let mut rows = vec![("next token".to_string(), vec![self.token_accuracy])];
        if let Some(answers) = &self.answers {
            let name = |what: &str| format!("{what} ({} answers)", answers.examples);
            rows.push((name("F1"), vec![answers.f1]));
            rows.push((name("exact match"), vec![answers.exact_match]));
        }
        if let Some(preferences) = &self.preferences {
            let name = format!("better answer ({} pairs)", preferences.examples);
            rows.push((name, vec![preferences.accuracy]));
        }
        let title = format!(
            "{} tokens, perplexity {:.2}",
            grouped(self.tokens as i64),
            self.perplexity
        );
        bars(&title, &["right"], &rows)
    }
}

impl WrittenScores {
    /// Compares each written answer with the one that a person gave; `None` without any.
    pub fn new(written: &[String], given: &[String]) -> Option<Self> {
        let pairs = written.iter().zip(given);
        let scores = pairs.map(|(written, given)| span_score(written, std::slice::from_ref(given)));
        let (mut examples, mut exact, mut f1) = (0, 0, 0.0);
        for score in scores {
            examples += 1;
            exact += usize::from(score.exact);
            f1 += score.f1;
        }
        let count = examples as f64;
        (examples > 0).then(|| Self {
            examples,
            exact_match: exact as f64 / count,
            f1: f1 / count,
        })
    }
}

impl PreferenceScores {
    /// From `-ln p` of the better and the worse answer by turns; `None` without any.
    pub fn new(surprise: &[f64]) -> Option<Self> {
        let margins = surprise.chunks_exact(2).map(|pair| pair[1] - pair[0]);
        let margins: Vec<f64> = margins.collect();
        let count = margins.len() as f64;
        (!margins.is_empty()).then(|| Self {
            examples: margins.len(),
            accuracy: margins.iter().filter(|m| **m > 0.0).count() as f64 / count,
            margin: margins.iter().sum::<f64>() / count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_is_the_number_of_equal_chances() {
        let report = LanguageReport::new(1, 3.0 * 8f64.ln(), &[true, false, false]);
        assert!((report.perplexity - 8.0).abs() < 1e-12);
        assert!((report.token_accuracy - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(report.scores()[0].0, "perplexity");
    }

    #[test]
    fn answers_are_compared_by_words_and_pairs_by_probability() {
        let texts = |list: [&str; 2]| list.map(String::from).to_vec();
        let written = texts(["The shop is open.", "No"]);
        let given = texts(["shop is open", "yes it is"]);
        let scores = WrittenScores::new(&written, &given).unwrap();
        assert_eq!(
            (scores.examples, scores.exact_match, scores.f1),
            (2, 0.5, 0.5)
        );
        assert!(WrittenScores::new(&[], &[]).is_none());
        let scores = PreferenceScores::new(&[1.0, 3.0, 2.0, 1.0]).unwrap();
        assert_eq!((scores.accuracy, scores.margin), (0.5, 0.5));
    }
}
