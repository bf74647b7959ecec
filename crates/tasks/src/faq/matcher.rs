//! Which of the FAQ's questions asks the same?

use super::calibration::{Calibration, Evidence};
use super::entries::Entries;
use super::lexical::Lexicon;
use crate::index::{Near, Vectors};

/// Candidates that are looked at behind the best one.
const CANDIDATES: usize = 32;
/// Where there are only letters: what the likeness to a question's answer counts beside that to the
/// question.
const ANSWERS: f32 = 0.5;

/// The questions of a FAQ, ready to be compared with.
pub(super) struct Matcher {
    pub entries: Entries,
    answers_of: Vec<Vec<u32>>,
    questions: Lexicon,
    answers: Lexicon,
    /// What the questions mean, if that is compared: of length 1 or shorter.
    pub meanings: Option<Vectors>,
}

/// The best questions for a query.
#[derive(Debug, Clone)]
pub(super) struct Match {
    /// The nearest first.
    pub questions: Vec<Near>,
    pub evidence: Evidence,
}

impl Match {
    /// The place, counted from 1, of the first question that is among `right`.
    pub fn rank(&self, right: impl Fn(u32) -> bool) -> Option<usize> {
        self.questions
            .iter()
            .position(|near| right(near.row))
            .map(|place| place + 1)
    }
}

impl Matcher {
    pub fn new(entries: Entries, meanings: Option<Vectors>) -> Self {
        Self {
            answers_of: entries.answers_of(),
            questions: Lexicon::new(&entries.questions),
            answers: Lexicon::new(&entries.answers),
            entries,
            meanings,
        }
    }

    /// How well each question fits a query, up to 1: by meaning where the FAQ knows meanings, else by
    /// letters. The two are not mixed: questions that ask something else in the same words have most
    /// letters in common, and those that ask the same in other words have few. `vector` is the query's.
    pub fn scores(&self, query: &str, vector: Option<&[f32]>) -> Vec<f32> {
        match self.meanings.as_ref().zip(vector) {
            Some((meanings, vector)) => meanings.cosines(vector),
            None => self.with_answers(query, self.questions.cosines(query)),
        }
    }

    fn with_answers(&self, query: &str, mut scores: Vec<f32>) -> Vec<f32> {
        let answers = self.answers.cosines(query);
        for (score, own) in scores.iter_mut().zip(&self.answers_of) {
            let best = own.iter().map(|a| answers[*a as usize]).fold(0.0, f32::max);
            *score = (*score + ANSWERS * best) / (1.0 + ANSWERS);
        }
        scores
    }

    /// The best questions by their scores, without those that `left_out` names.
    pub fn best(&self, scores: &[f32], left_out: impl Fn(u32) -> bool) -> Match {
        let all = (0..).zip(scores).filter(|(row, _)| !left_out(*row));
        let mut near: Vec<Near> = all
            .map(|(row, score)| Near { row, score: *score })
            .collect();
        let farther = |a: &Near, b: &Near| b.cmp(a);
        if near.len() > CANDIDATES {
            near.select_nth_unstable_by(CANDIDATES, farther);
            near.truncate(CANDIDATES);
        }
        near.sort_unstable_by(farther);
        let top = near.first().map_or(0.0, |near| near.score);
        // Another wording of the best question does not make it less sure. If all are wordings of it, the
        // farthest tells how near an unseen one may be, and there is none if all of the FAQ was seen.
        let other = near.first().and_then(|best| {
            let mut others = near.iter().filter(|n| !self.is_same(best.row, n.row));
            let farthest = || near.last().filter(|_| near.len() == CANDIDATES);
            others.next().or_else(farthest)
        });
        Match {
            evidence: Evidence {
                top,
                margin: top - other.map_or(0.0, |n| n.score),
            },
            questions: near,
        }
    }

    /// Whether two questions are one, or have an answer in common.
    pub fn is_same(&self, a: u32, b: u32) -> bool {
        let answers = |question: u32| &self.answers_of[question as usize];
        a == b || answers(a).iter().any(|answer| answers(b).contains(answer))
    }

    /// The answer of a question whose letters are most like the query; the first one where none is.
    pub fn answer(&self, question: u32, query: &str) -> &str {
        let own = &self.answers_of[question as usize];
        let chosen = match own.as_slice() {
            [only] => *only,
            several => {
                let letters = self.answers.cosines(query);
                let near = |answer: &u32| Near {
                    row: *answer,
                    score: letters[*answer as usize],
                };
                several.iter().map(near).max().map_or(0, |near| near.row)
            }
        };
        &self.entries.answers[chosen as usize]
    }
}

/// What a FAQ says: its matcher, and how sure it must be.
pub(super) struct Faq {
    pub matcher: Matcher,
    pub calibration: Calibration,
    /// Below this probability it does not know.
    pub threshold: f32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faq::entries::tests::table;
    use crate::faq::entries::{Columns, Entries};
    use modelwright_data::DataConfig;

    fn matcher() -> Matcher {
        let table = table(&[
            (
                "question",
                &[
                    "how do I reset my password",
                    "I forgot my login",
                    "where is my parcel",
                    "where is my parcel",
                ],
            ),
            (
                "answer",
                &[
                    "Click on the link.",
                    "Click on the link.",
                    "On its way.",
                    "See the page of orders for the parcel.",
                ],
            ),
        ]);
        let columns = Columns::find(&table, "t", &DataConfig::default()).unwrap();
        Matcher::new(Entries::read(&table, "t", &columns).unwrap().0, None)
    }

    #[test]
    fn the_question_that_asks_the_same_is_found() {
        let matcher = matcher();
        let found = matcher.best(&matcher.scores("password reset please", None), |_| false);
        assert_eq!(found.questions[0].row, 0);
        assert_eq!(found.questions.len(), 3);
        assert_eq!(found.rank(|q| q == 2).map(|r| r > 1), Some(true));
        assert_eq!(found.rank(|_| false), None);
    }

    #[test]
    fn another_wording_of_the_same_does_not_count_as_a_rival() {
        let matcher = matcher();
        assert!(matcher.is_same(0, 1) && !matcher.is_same(0, 2));
        let found = matcher.best(&[0.9, 0.8, 0.1], |_| false);
        assert!((found.evidence.margin - 0.8).abs() < 1e-6);
        // Without the question and what is the same, little is left.
        let found = matcher.best(&[0.9, 0.8, 0.1], |q| matcher.is_same(q, 0));
        assert_eq!((found.questions.len(), found.evidence.top), (1, 0.1));
    }

    #[test]
    fn of_several_answers_the_one_most_like_the_query_is_given() {
        let matcher = matcher();
        let orders = matcher.answer(2, "which page shows my orders");
        assert!(orders.starts_with("See the page"));
        assert_eq!(matcher.answer(2, "hello"), "On its way.");
    }
}
