//! How sure may a FAQ be? Learned from its own questions, asked in other words, and asked of a FAQ that
//! has no answer to them.

use super::calibration::{Calibration, Evidence};
use super::matcher::Matcher;
use super::perturb::{perturbed, words};
use modelwright_data::rng::{Purpose, stream};
use modelwright_evaluate::QueryOutcome;
use rayon::prelude::*;

/// Most questions of a FAQ that are asked.
const MOST: usize = 1000;
/// Changed forms of each.
const FORMS: usize = 2;

/// The questions of a FAQ changed at random, and what is to be found with each.
pub(super) struct Asked {
    pub texts: Vec<String>,
    /// The question that each was made of.
    of: Vec<u32>,
}

impl Asked {
    /// Another `round` draws other changes.
    pub fn draw(questions: &[String], seed: u64, round: u64) -> Self {
        let words: Vec<Vec<String>> = questions.iter().map(|q| words(q)).collect();
        let step = questions.len().div_ceil(MOST);
        let mut asked = Self {
            texts: Vec::new(),
            of: Vec::new(),
        };
        for question in (0..questions.len()).step_by(step) {
            for form in 0..FORMS as u64 {
                let position = (round * FORMS as u64 + form, question as u64);
                let mut rng = stream(seed, Purpose::Augment, position);
                asked.texts.push(perturbed(&words[question], &mut rng));
                asked.of.push(question as u32);
            }
        }
        asked
    }
}

/// How one of the questions went.
pub(super) struct Tried {
    evidence: Evidence,
    /// Place of the first right one; `None` without any.
    rank: Option<usize>,
    in_scope: bool,
}

/// Asks each question of the whole FAQ, and of the FAQ without its own entry and those of equal answers.
/// `vector(i)` is the vector of the i-th text.
pub(super) fn ask<'a>(
    matcher: &Matcher,
    asked: &Asked,
    vector: impl Fn(usize) -> Option<&'a [f32]> + Sync,
) -> Vec<Tried> {
    let all = asked.texts.par_iter().zip(&asked.of).enumerate();
    let tried = all.map(|(i, (text, of))| {
        let same = |question: u32| matcher.is_same(*of, question);
        let scores = matcher.scores(text, vector(i));
        let whole = matcher.best(&scores, |_| false);
        let without = matcher.best(&scores, same);
        [
            Tried {
                evidence: whole.evidence,
                rank: whole.rank(same),
                in_scope: true,
            },
            Tried {
                evidence: without.evidence,
                rank: None,
                in_scope: false,
            },
        ]
    });
    tried.flatten_iter().collect()
}

/// The probability of being right, fitted to how the questions went.
pub(super) fn calibrate(tried: &[Tried]) -> Calibration {
    let examples = tried.iter().map(|t| (t.evidence, t.rank == Some(1)));
    Calibration::fit(&examples.collect::<Vec<_>>())
}

/// The outcomes for a report.
pub(super) fn outcomes(tried: &[Tried], calibration: &Calibration) -> Vec<QueryOutcome> {
    let outcome = |t: &Tried| QueryOutcome {
        in_scope: t.in_scope,
        rank: t.rank,
        confidence: calibration.probability(t.evidence),
    };
    tried.iter().map(outcome).collect()
}
