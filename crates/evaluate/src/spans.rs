//! Metrics of extracted answers by the rules of SQuAD's own evaluation (Rajpurkar et al. 2016, 2018).

use crate::chart::bars;
use crate::classification::ratio;
use crate::grouped;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Metrics of answers that were cut out of texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanReport {
    /// Number of questions.
    pub examples: usize,
    /// Share of answers that say the same as an accepted one.
    pub exact_match: f64,
    /// Mean of F1 over questions: how many words an answer shares with the accepted one closest to it.
    pub f1: f64,
    /// The same for questions that have an answer in their text, if there are any.
    pub answerable: Option<SpanScores>,
    /// The same for questions without an answer: right is to give none. Here both are the share of
    /// questions that were left unanswered.
    pub unanswerable: Option<SpanScores>,
}

/// Scores of some of the questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanScores {
    /// Number of questions.
    pub examples: usize,
    /// Share of answers that say the same as an accepted one.
    pub exact_match: f64,
    /// Mean of F1.
    pub f1: f64,
}

impl SpanReport {
    /// Compares each answer with those that are accepted for its question. An empty answer says that
    /// there is none; a question without accepted answers has none.
    pub fn new(answers: &[String], accepted: &[Vec<String>]) -> Self {
        let scored: Vec<(bool, SpanScore)> = answers
            .iter()
            .zip(accepted)
            .map(|(answer, accepted)| (has_answer(accepted), span_score(answer, accepted)))
            .collect();
        let of = |wanted: bool| -> Option<SpanScores> {
            let some = || scored.iter().filter(|(has, _)| *has == wanted);
            (some().count() > 0).then(|| SpanScores::of(some().map(|(_, score)| score)))
        };
        let all = SpanScores::of(scored.iter().map(|(_, score)| score));
        Self {
            examples: all.examples,
            exact_match: all.exact_match,
            f1: all.f1,
            answerable: of(true),
            unanswerable: of(false),
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let mut scores = vec![
            ("f1".to_string(), self.f1),
            ("exact_match".to_string(), self.exact_match),
        ];
        // Without unanswerable questions all are answerable, and the figures the same.
        if let Some(none) = &self.unanswerable {
            if let Some(some) = &self.answerable {
                scores.push(("answerable_f1".to_string(), some.f1));
                scores.push(("answerable_exact_match".to_string(), some.exact_match));
            }
            scores.push(("unanswerable_accuracy".to_string(), none.exact_match));
        }
        scores
    }

    /// Exact match and F1 as bars, apart for questions with an answer and without.
    pub fn chart(&self) -> String {
        let mut rows = vec![("all questions".to_string(), vec![self.exact_match, self.f1])];
        for (name, scores) in [
            ("with an answer", &self.answerable),
            ("without an answer", &self.unanswerable),
        ] {
            let row = |s: &SpanScores| {
                let name = format!("{name} ({})", s.examples);
                (name, vec![s.exact_match, s.f1])
            };
            rows.extend(scores.as_ref().map(row));
        }
        let title = format!(
            "{} questions, F1 {:.1} %",
            grouped(self.examples as i64),
            100.0 * self.f1
        );
        bars(&title, &["exact match", "F1"], &rows)
    }
}

impl SpanScores {
    fn of<'a>(scores: impl Iterator<Item = &'a SpanScore>) -> Self {
        let (mut examples, mut exact, mut f1) = (0, 0, 0.0);
        for score in scores {
            examples += 1;
            exact += usize::from(score.exact);
            f1 += score.f1;
        }
        Self {
            examples,
            exact_match: ratio(exact as f64, examples as f64),
            f1: ratio(f1, examples as f64),
        }
    }
}

/// How near one answer comes to those that are accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanScore {
    /// Whether it says the same as one of them.
    pub exact: bool,
    /// The best F1 with one of them, over words.
    pub f1: f64,
}

/// Compares an answer with those that are accepted; without any, only an empty answer is right.
///
/// Case, punctuation, articles and blanks do not count. Chinese and Japanese are compared character by
/// character, without the punctuation of those scripts.
pub fn span_score(answer: &str, accepted: &[String]) -> SpanScore {
    let answer = words(answer);
    let mut best = SpanScore {
        exact: false,
        f1: 0.0,
    };
    let mut add = |truth: &[String]| {
        best.exact |= answer == truth;
        best.f1 = best.f1.max(overlap(&answer, truth));
    };
    let truths = accepted.iter().map(|a| words(a)).filter(|a| !a.is_empty());
    let mut truths = truths.peekable();
    if truths.peek().is_none() {
        add(&[]);
    }
    truths.for_each(|truth| add(&truth));
    best
}

/// Whether anything that says something is accepted.
fn has_answer(accepted: &[String]) -> bool {
    accepted.iter().any(|a| !words(a).is_empty())
}

/// F1 of two lists of words, each word as often as it stands there.
fn overlap(answer: &[String], truth: &[String]) -> f64 {
    if answer.is_empty() || truth.is_empty() {
        return if answer == truth { 1.0 } else { 0.0 };
    }
    let mut left = HashMap::<&str, usize>::new();
    for word in truth {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0;
    for word in answer {
        if let Some(count) = left.get_mut(word.as_str()).filter(|c| **c > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    let (precision, recall) = (
        shared as f64 / answer.len() as f64,
        shared as f64 / truth.len() as f64,
    );
    ratio(2.0 * precision * recall, precision + recall)
}

/// The words that count, in lower case; a Chinese or Japanese character is one by itself.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let dense = lower.contains(is_dense);
    let kept: String = lower
        .chars()
        .filter(|c| !(c.is_ascii_punctuation() || dense && is_wide_punctuation(*c)))
        .collect();
    let mut words = Vec::new();
    for word in without_articles(&kept).split_whitespace() {
        let mut rest = String::new();
        for c in word.chars() {
            if is_dense(c) {
                words.extend((!rest.is_empty()).then(|| std::mem::take(&mut rest)));
                words.push(c.to_string());
            } else {
                rest.push(c);
            }
        }
        words.extend((!rest.is_empty()).then_some(rest));
    }
    words
}

/// `text` with a blank in place of each `a`, `an` and `the` that no letter or digit touches.
fn without_articles(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric();
    let chars: Vec<char> = text.chars().collect();
    let runs = chars.chunk_by(|a, b| is_word(*a) == is_word(*b));
    let kept = runs.map(|run| match run {
        ['a'] | ['a', 'n'] | ['t', 'h', 'e'] => " ".to_string(),
        _ => run.iter().collect(),
    });
    kept.collect()
}

/// Whether a character belongs to a script that is written without blanks: Han, kana.
fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Punctuation that stands in such scripts.
fn is_wide_punctuation(c: char) -> bool {
    matches!(c,
        '\u{b7}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3000}'..='\u{303f}'
        | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}'
        | '\u{ff5b}'..='\u{ff65}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(answer: &str, accepted: &[&str]) -> (bool, f64) {
        let accepted: Vec<String> = accepted.iter().map(|a| a.to_string()).collect();
        let score = span_score(answer, &accepted);
        (score.exact, score.f1)
    }

    #[test]
    fn case_punctuation_articles_and_blanks_do_not_count() {
        assert_eq!(score("The  Eiffel-Tower!", &["eiffeltower"]), (true, 1.0));
        assert_eq!(score("an apple", &["Apple."]), (true, 1.0));
        // What looks like an article is one, but no part of a word is.
        assert_eq!(score("vitamin a", &["vitamin"]), (true, 1.0));
        assert_eq!(score("anthem", &["them"]), (false, 0.0));
    }

    #[test]
    fn words_count_as_often_as_they_stand_there() {
        // Two of three words, and two of four.
        let expected = 2.0 * (2.0 / 3.0) * 0.5 / (2.0 / 3.0 + 0.5);
        assert_eq!(score("red red blue", &["red green red white"]).1, expected);
        // The best of several accepted answers.
        assert_eq!(score("nine", &["ten", "nine o'clock", "Nine"]), (true, 1.0));
    }

    #[test]
    fn no_answer_is_an_answer() {
        assert_eq!(score("", &[]), (true, 1.0));
        assert_eq!(score("something", &[]), (false, 0.0));
        assert_eq!(score("", &["something"]), (false, 0.0));
        // Accepted answers that say nothing do not count, and an answer of an article says nothing.
        assert_eq!(score("the", &["", "..."]), (true, 1.0));
        assert_eq!(score("", &["", "rain"]), (false, 0.0));
    }

    #[test]
    fn chinese_goes_by_characters() {
        assert_eq!(score("北京市", &["北京 市。"]), (true, 1.0));
        assert_eq!(score("北京市", &["北京"]), (false, 0.8));
        assert_eq!(score("“iPhone手机”", &["iphone 手机"]), (true, 1.0));
        assert_eq!(score("1949年10月", &["1949年"]).1, 2.0 * 0.5 / 1.5);
    }

    /// Values made by `tests/golden/text_metrics.py` with an independent reading of the rules.
    #[test]
    fn scores_equal_the_official_rules() {
        let golden = include_str!("../../../tests/golden/text_metrics.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let g = &golden["squad"];
        let (mut answers, mut accepted) = (Vec::new(), Vec::new());
        for question in g["questions"].as_array().unwrap() {
            let answer = question["answer"].as_str().unwrap().to_string();
            let truths: Vec<String> = serde_json::from_value(question["accepted"].clone()).unwrap();
            let score = span_score(&answer, &truths);
            let expected = (question["exact"] == 1.0, question["f1"].as_f64().unwrap());
            assert_eq!(score.exact, expected.0, "{question}");
            assert!((score.f1 - expected.1).abs() < 1e-12, "{question}");
            answers.push(answer);
            accepted.push(truths);
        }
        let report = SpanReport::new(&answers, &accepted);
        let (some, none) = (report.answerable.unwrap(), report.unanswerable.unwrap());
        for (actual, key) in [
            (report.examples as f64, "total"),
            (report.exact_match, "exact"),
            (report.f1, "f1"),
            (some.examples as f64, "has_answer_total"),
            (some.exact_match, "has_answer_exact"),
            (some.f1, "has_answer_f1"),
            (none.examples as f64, "no_answer_total"),
            (none.exact_match, "no_answer_exact"),
            (none.f1, "no_answer_f1"),
        ] {
            assert!((actual - g[key].as_f64().unwrap()).abs() < 1e-12, "{key}");
        }
    }

    #[test]
    fn questions_without_an_answer_are_scored_apart() {
        let answers = ["Paris", "in Rome", "", "Bonn"].map(String::from);
        let accepted = [vec!["paris"], vec!["rome"], vec![], vec![]];
        let accepted = accepted.map(|a| a.into_iter().map(String::from).collect());
        let report = SpanReport::new(&answers, &accepted);
        let f1 = 2.0 / 3.0;
        let scores = |examples, exact_match, f1| SpanScores {
            examples,
            exact_match,
            f1,
        };
        assert_eq!(report.answerable, Some(scores(2, 0.5, (1.0 + f1) / 2.0)));
        assert_eq!(report.unanswerable, Some(scores(2, 0.5, 0.5)));
        assert_eq!((report.examples, report.exact_match), (4, 0.5));
        assert!((report.f1 - (2.0 + f1) / 4.0).abs() < 1e-12);
        let names: Vec<String> = report.scores().into_iter().map(|(n, _)| n).collect();
        assert!(names.contains(&"unanswerable_accuracy".to_string()));
        assert!(report.chart().contains("without an answer (2)"));
    }
}
