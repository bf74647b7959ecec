//! How sure must it be to answer? Learned from questions that passages answer, asked in other words, and
//! from the same questions where the passages that answer them are taken away.

use crate::documents::Kind;
use crate::error::AssistantError;
use crate::passages::Passage;
use crate::search::Searcher;
use crate::text;
use modelwright_data::rng::{Purpose, stream};
use modelwright_tasks::{Calibration, Evidence, perturbed, words};
use rand::seq::IndexedRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most passages that are asked for.
const MOST: usize = 500;
/// Questions from which on a language has a calibration of its own.
const ENOUGH: usize = 20;
/// The seed of all draws.
const SEED: u64 = 7;

/// How sure to be, and what is to be expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// From how well the best passage fits to the probability that it answers.
    pub calibration: Calibration,
    /// An answer is given from this probability on.
    pub answer_from: f64,
    /// Share of right ones among the answers, if every second question has an answer in the documents.
    pub precision: f64,
    /// Share of the questions with an answer in the documents that get the right one.
    pub recall: f64,
    /// Share of the questions without one that are refused.
    pub refused: f64,
    /// Questions that were asked.
    pub questions: usize,
}

/// A question, and what it should find.
struct Asked {
    text: String,
    of: u32,
    language: String,
}

/// How a question went.
struct Tried {
    evidence: Evidence,
    right: bool,
    in_scope: bool,
}

/// The thresholds of each language of the passages, and under `""` that of all together.
///
/// # Errors
/// The embedder broke off.
pub fn calibrate(
    passages: &[Passage],
    searcher: &Searcher,
    told: &(dyn Fn(usize, usize) + Sync),
) -> Result<BTreeMap<String, Threshold>, AssistantError> {
    let rounds: Vec<Vec<Asked>> = (0..2).map(|round| draw(passages, round)).collect();
    let all: usize = rounds.iter().map(Vec::len).sum();
    let mut tried = Vec::new();
    for (i, round) in rounds.iter().enumerate() {
        let done = |n: usize, _: usize| told(i * all / 2 + n, all);
        tried.push(ask(round, searcher, &done)?);
        told((i + 1) * all / 2, all);
    }
    let mut languages: Vec<&str> = passages.iter().map(|p| p.language.as_str()).collect();
    languages.sort_unstable();
    languages.dedup();
    let of = |round: usize, language: &str| -> Vec<&Tried> {
        let asked = rounds[round].iter().zip(tried[round].chunks(2));
        let own = asked.filter(|(asked, _)| language.is_empty() || asked.language == language);
        own.flat_map(|(_, tried)| tried).collect()
    };
    let mut thresholds = BTreeMap::new();
    for language in languages.into_iter().chain([""]) {
        let (learned, measured) = (of(0, language), of(1, language));
        if language.is_empty() || learned.len() / 2 >= ENOUGH {
            thresholds.insert(language.to_string(), threshold(&learned, &measured));
        }
    }
    Ok(thresholds)
}

/// Questions made of passages: the question of a FAQ, or words of a heading and of a sentence; then as
/// somebody else might type it. Another `round` draws others.
fn draw(passages: &[Passage], round: u64) -> Vec<Asked> {
    let step = passages.len().div_ceil(MOST).max(1);
    let rows = (0..passages.len()).step_by(step);
    rows.map(|row| {
        let passage = &passages[row];
        let mut rng = stream(SEED, Purpose::Augment, (round, row as u64));
        let heading = passage.heading.last();
        let is_question =
            passage.kind == Kind::Faq || heading.is_some_and(|h| h.ends_with(['?', '？']));
        let plain = match heading.filter(|_| is_question) {
            Some(question) => question.clone(),
            None => {
                let sentences = text::sentences(&passage.text);
                let sentence = sentences.choose(&mut rng).copied().unwrap_or_default();
                format!("{} {sentence}", heading.unwrap_or(&passage.title))
            }
        };
        Asked {
            text: perturbed(&words(&plain), &mut rng),
            of: row as u32,
            language: passage.language.clone(),
        }
    })
    .collect()
}

/// Asks each question of all passages, and of those that do not say the same as its own.
fn ask(
    asked: &[Asked],
    searcher: &Searcher,
    told: &dyn Fn(usize, usize),
) -> Result<Vec<Tried>, AssistantError> {
    let vectors = vectors(asked, searcher, told)?;
    let all = asked.par_iter().zip(&vectors).map(|(asked, vector)| {
        let query = searcher.query_with(&asked.text, vector.as_deref());
        let whole = searcher.rank(&query, |_| false);
        let without = searcher.rank(&query, |row| searcher.is_same(row, asked.of));
        let right = whole
            .passages
            .first()
            .is_some_and(|row| searcher.is_same(*row, asked.of));
        [
            Tried {
                evidence: whole.evidence,
                right,
                in_scope: true,
            },
            Tried {
                evidence: without.evidence,
                right: false,
                in_scope: false,
            },
        ]
    });
    Ok(all.flatten_iter().collect())
}

/// The vectors of the questions in languages that the embedder knows.
fn vectors(
    asked: &[Asked],
    searcher: &Searcher,
    told: &dyn Fn(usize, usize),
) -> Result<Vec<Option<Vec<f32>>>, AssistantError> {
    let mut vectors = vec![None; asked.len()];
    let language = |asked: &Asked| text::language(&asked.text).unwrap_or(text::ENGLISH);
    let known: Vec<usize> = (0..asked.len())
        .filter(|i| searcher.embedder(language(&asked[*i])).is_some())
        .collect();
    let texts: Vec<String> = known.iter().map(|i| asked[*i].text.clone()).collect();
    if let Some(meaning) = searcher.meaning()
        && !texts.is_empty()
    {
        let found = meaning.embedder.vectors(&texts, told)?;
        for (row, i) in known.into_iter().enumerate() {
            vectors[i] = Some(found.row(row).to_vec());
        }
    }
    Ok(vectors)
}

/// The threshold with the most right answers and right refusals together (Youden's index, 1950), learned
/// on some questions and measured on others.
fn threshold(learned: &[&Tried], measured: &[&Tried]) -> Threshold {
    let examples: Vec<(Evidence, bool)> = learned.iter().map(|t| (t.evidence, t.right)).collect();
    let calibration = Calibration::fit(&examples);
    let mut found: Vec<(f64, &Tried)> = measured
        .iter()
        .map(|t| (f64::from(calibration.probability(t.evidence)), *t))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let in_scope = found.iter().filter(|(_, t)| t.in_scope).count().max(1) as f64;
    let (mut right, mut answered, mut wrong_scope) = (0usize, 0usize, 0usize);
    let mut best: Option<(f64, Threshold)> = None;
    for (i, (probability, tried)) in found.iter().enumerate() {
        answered += 1;
        right += usize::from(tried.right);
        wrong_scope += usize::from(!tried.in_scope);
        // All of one probability are answered, or none of them.
        if found.get(i + 1).is_some_and(|next| next.0 == *probability) {
            continue;
        }
        let precision = right as f64 / answered as f64;
        let candidate = Threshold {
            calibration,
            answer_from: *probability,
            precision,
            recall: right as f64 / in_scope,
            refused: 1.0 - wrong_scope as f64 / (found.len() as f64 - in_scope).max(1.0),
            questions: found.len() / 2,
        };
        let value = candidate.recall + candidate.refused;
        if best.as_ref().is_none_or(|(most, _)| value > *most) {
            best = Some((value, candidate));
        }
    }
    best.map_or(
        Threshold {
            calibration,
            answer_from: 0.5,
            precision: 0.0,
            recall: 0.0,
            refused: 0.0,
            questions: 0,
        },
        |(_, threshold)| threshold,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;

    #[test]
    fn questions_with_an_answer_are_told_from_those_without() {
        let things = [
            "shoe", "lamp", "chair", "table", "carpet", "mirror", "curtain", "cushion", "blanket",
            "basket",
        ];
        let verbs = ["return", "repair", "deliver", "clean", "assemble"];
        let passages: Vec<Passage> = things
            .iter()
            .flat_map(|thing| verbs.iter().map(move |verb| (thing, verb)))
            .map(|(thing, verb)| {
                passage(
                    &format!("How do I {verb} the {thing} that I bought?"),
                    &format!("To {verb} a {thing}, call us."),
                )
            })
            .collect();
        let searcher = Searcher::new(&passages, None);
        let thresholds = calibrate(&passages, &searcher, &|_, _| {}).unwrap();
        assert_eq!(thresholds.keys().collect::<Vec<_>>(), ["", "en"]);
        let found = &thresholds["en"];
        assert!(
            found.precision >= 0.8 && found.recall > 0.2 && found.refused > 0.7,
            "{found:?}"
        );
        assert_eq!(found.questions, 50);
        assert_eq!(
            thresholds,
            calibrate(&passages, &searcher, &|_, _| {}).unwrap()
        );
    }

    #[test]
    fn nothing_to_learn_from_is_no_reason_to_fail() {
        let passages = [passage("a", "b")];
        let thresholds = calibrate(&passages, &Searcher::new(&passages, None), &|_, _| {}).unwrap();
        assert!(thresholds[""].answer_from.is_finite());
    }
}
