//! Metrics of a search: is the right text found, and does the model know when it is not there?

use crate::chart::{Series, lines};
use crate::classification::ratio;
use crate::grouped;
use serde::{Deserialize, Serialize};

/// Most points of the curve that are kept.
const MAX_POINTS: usize = 200;

/// How one query went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryOutcome {
    /// Whether any of the texts is right for it.
    pub in_scope: bool,
    /// Where the first right text stands in the ranking, counted from 1; `None` if it was not found or
    /// there is none.
    pub rank: Option<usize>,
    /// How sure the model is that its first text is right, from 0 to 1.
    pub confidence: f32,
}

/// Metrics of a search among texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    /// Number of queries.
    pub examples: usize,
    /// Those for which there is a right text; recall and MRR are over these.
    pub in_scope: usize,
    /// Texts that each of them was compared with.
    pub candidates: usize,
    /// Share of queries whose right text comes first.
    pub recall_at_1: f64,
    /// Share of queries whose right text is among the first five.
    pub recall_at_5: f64,
    /// Share of queries whose right text is among the first ten.
    pub recall_at_10: f64,
    /// Mean reciprocal rank of the first right text, 0 where it was not found.
    pub mrr: f64,
    /// How well the model knows what it does not know, where it may say so.
    pub answers: Option<AnswerScores>,
    /// (share of queries answered, share of those answered right) from the strictest threshold to
    /// none, in up to 200 points; queries out of scope can only be answered wrong.
    pub curve: Vec<(f64, f64)>,
}

/// Scores of a model that says "I do not know" below some confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerScores {
    /// The confidence from which it answers.
    pub threshold: f32,
    /// Share of all queries that it answered.
    pub answered: f64,
    /// Share of those that it answered right.
    pub right: f64,
    /// Share of queries out of scope among those it did not answer; `None` without queries out of
    /// scope.
    pub refusal_precision: Option<f64>,
    /// Share of the queries out of scope that it did not answer; `None` without any.
    pub refusal_recall: Option<f64>,
}

impl RetrievalReport {
    /// `candidates` texts were searched. With a `threshold` the model answers only queries of at
    /// least that confidence; without one it has no say in that.
    pub fn new(queries: &[QueryOutcome], candidates: usize, threshold: Option<f32>) -> Self {
        let in_scope = queries.iter().filter(|q| q.in_scope).count();
        let ranks = || queries.iter().filter(|q| q.in_scope).filter_map(|q| q.rank);
        let recall = |k: usize| {
            let found = ranks().filter(|rank| *rank <= k).count();
            ratio(found as f64, in_scope as f64)
        };
        let reciprocal: f64 = ranks().map(|rank| 1.0 / rank as f64).sum();
        Self {
            examples: queries.len(),
            in_scope,
            candidates,
            recall_at_1: recall(1),
            recall_at_5: recall(5),
            recall_at_10: recall(10),
            mrr: ratio(reciprocal, in_scope as f64),
            answers: threshold.map(|t| AnswerScores::new(queries, t)),
            curve: match threshold {
                Some(_) => curve(queries),
                None => Vec::new(),
            },
        }
    }

    /// The headline numbers, for tables and the run store.
    pub fn scores(&self) -> Vec<(String, f64)> {
        let mut scores = vec![
            ("recall_at_1".to_string(), self.recall_at_1),
            ("recall_at_5".to_string(), self.recall_at_5),
            ("recall_at_10".to_string(), self.recall_at_10),
            ("mrr".to_string(), self.mrr),
        ];
        if let Some(answers) = &self.answers {
            scores.push(("answered".to_string(), answers.answered));
            scores.push(("answered_right".to_string(), answers.right));
            for (name, value) in [
                ("refusal_precision", answers.refusal_precision),
                ("refusal_recall", answers.refusal_recall),
            ] {
                scores.extend(value.map(|v| (name.to_string(), v)));
            }
        }
        scores
    }

    /// How right the answers are, the more queries are answered; without thresholds, recall at k.
    pub fn chart(&self) -> String {
        let percent = |p: &(f64, f64)| (100.0 * p.0, 100.0 * p.1);
        let series = |name: &str, points: Vec<(f64, f64)>, dashed| Series {
            name: name.into(),
            points,
            dashed,
        };
        let Some(answers) = &self.answers else {
            let points = [
                (1.0, self.recall_at_1),
                (5.0, self.recall_at_5),
                (10.0, self.recall_at_10),
            ];
            let points = points.map(|(k, recall)| (k, 100.0 * recall)).to_vec();
            let [queries, texts] = [self.examples, self.candidates].map(|n| grouped(n as i64));
            let title = format!("{queries} queries among {texts} texts");
            return lines(&title, "k", &[series("recall at k in %", points, false)]);
        };
        let curve: Vec<(f64, f64)> = self.curve.iter().map(percent).collect();
        let here = percent(&(answers.answered, answers.right));
        // From the curve down, so that it is seen where on the curve the model stands.
        let lowest = curve.iter().map(|p| p.1).fold(here.1, f64::min);
        lines(
            &format!(
                "{} queries, {:.1} % answered, {:.1} % of those right",
                grouped(self.examples as i64),
                here.0,
                here.1
            ),
            "% of the queries answered",
            &[
                series("% right of those answered", curve, false),
                series("this model", vec![(here.0, lowest), here], true),
            ],
        )
    }
}

impl AnswerScores {
    fn new(queries: &[QueryOutcome], threshold: f32) -> Self {
        let count =
            |of: &dyn Fn(&QueryOutcome) -> bool| queries.iter().filter(|q| of(q)).count() as f64;
        let answers = |q: &QueryOutcome| q.confidence >= threshold;
        let answered = count(&answers);
        let right = count(&|q| answers(q) && is_right(q));
        let outside = count(&|q| !q.in_scope);
        let refused_outside = count(&|q| !q.in_scope && !answers(q));
        let some = |value: f64| (outside > 0.0).then_some(value);
        let all = queries.len() as f64;
        Self {
            threshold,
            answered: ratio(answered, all),
            right: ratio(right, answered),
            refusal_precision: some(ratio(refused_outside, all - answered)),
            refusal_recall: some(ratio(refused_outside, outside)),
        }
    }
}

fn is_right(query: &QueryOutcome) -> bool {
    query.in_scope && query.rank == Some(1)
}

/// (share answered, share of those right) for every threshold that makes a difference.
fn curve(queries: &[QueryOutcome]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<&QueryOutcome> = queries.iter().collect();
    sorted.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut answered, mut right) = (0, 0);
    let mut points = Vec::new();
    for tied in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        answered += tied.len();
        right += tied.iter().filter(|q| is_right(q)).count();
        let share = answered as f64 / queries.len() as f64;
        points.push((share, right as f64 / answered as f64));
    }
    let every = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate();
    kept.filter(|(i, _)| i % every == 0 || *i == last)
        .map(|(_, point)| point)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(in_scope: bool, rank: Option<usize>, confidence: f32) -> QueryOutcome {
        QueryOutcome {
            in_scope,
            rank,
            confidence,
        }
    }

    #[test]
    fn ranks_become_recall_and_reciprocal_rank() {
        let ranks = [Some(1), Some(2), Some(6), Some(11), None];
        let queries = ranks.map(|rank| query(true, rank, 0.0));
        let report = RetrievalReport::new(&queries, 40, None);
        assert_eq!(
            [report.recall_at_1, report.recall_at_5, report.recall_at_10],
            [0.2, 0.4, 0.6]
        );
        let mrr = (1.0 + 1.0 / 2.0 + 1.0 / 6.0 + 1.0 / 11.0) / 5.0;
        assert!((report.mrr - mrr).abs() < 1e-12);
        assert_eq!((report.answers.clone(), report.curve.len()), (None, 0));
        assert_eq!(report.scores().len(), 4);
        assert!(report.chart().contains("recall at k"));
    }

    #[test]
    fn a_model_that_may_refuse_is_scored_for_it() {
        let queries = [
            query(true, Some(1), 0.9),
            query(true, Some(1), 0.7),
            query(true, Some(3), 0.7),
            query(true, Some(1), 0.3),
            query(false, None, 0.6),
            query(false, None, 0.1),
        ];
        let report = RetrievalReport::new(&queries, 40, Some(0.6));
        // Out of scope does not count in recall.
        assert_eq!((report.in_scope, report.recall_at_1), (4, 0.75));
        let answers = report.answers.clone().unwrap();
        assert_eq!((answers.answered, answers.right), (4.0 / 6.0, 0.5));
        assert_eq!(answers.refusal_precision, Some(0.5));
        assert_eq!(answers.refusal_recall, Some(0.5));
        // Equal confidences are answered together.
        let points = [(1, 1), (3, 2), (4, 2), (5, 3), (6, 3)];
        let expected = points.map(|(n, r)| (n as f64 / 6.0, r as f64 / n as f64));
        assert_eq!(report.curve, expected);
        assert!(report.chart().contains("66.7 % answered"));
    }

    #[test]
    fn without_queries_out_of_scope_refusals_have_no_score() {
        let report = RetrievalReport::new(&[query(true, Some(1), 0.9)], 3, Some(0.5));
        let answers = report.answers.clone().unwrap();
        assert_eq!(
            (answers.refusal_precision, answers.refusal_recall),
            (None, None)
        );
        assert_eq!(report.scores().len(), 6);
        let none = RetrievalReport::new(&[], 3, Some(0.5));
        assert_eq!((none.mrr, none.curve.len()), (0.0, 0));
    }
}
