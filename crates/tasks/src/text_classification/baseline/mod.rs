//! Simple models made in seconds, which a network has to be better than to be worth its time.

mod bayes;
mod linear;
mod logistic;

use super::examples::Examples;
use super::head::decide;
use crate::ngrams::Rows;
use crate::parts::Parts;
use linear::{Linear, Targets};
use modelwright_data::Part;
use modelwright_evaluate::{Baseline, Pairs};
use modelwright_train::Recipe;
use std::time::Instant;

/// Most bits of a bucket's number.
const MOST_BITS: u32 = 18;
/// Most weights of a model.
const MOST_WEIGHTS: usize = 1 << 26;
/// Texts of fewer characters on average are told by pieces of their words as well; longer ones say enough
/// by whole words, and have too many pieces to take seconds.
const SHORT: usize = 400;

/// Naive Bayes and logistic regression on the n-grams of the training texts, measured on the texts that
/// the model was scored on. `answers` are the model's there.
pub(super) fn measure(
    recipe: &Recipe,
    examples: &Examples,
    parts: &Parts,
    answers: &[Vec<u32>],
) -> Vec<Baseline> {
    let classes = examples.classes.len();
    let bits = (MOST_WEIGHTS / classes).ilog2().min(MOST_BITS);
    let (train, scored) = (parts.of(Part::Train), parts.of(parts.scored_on()));
    let several = recipe.data.label_separator.is_some();
    let targets = Targets {
        of: examples.of_rows(train),
        classes,
        several,
    };
    let started = Instant::now();
    let texts = examples.texts_of(train);
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    let pieces = characters < SHORT * texts.len();
    let counts = Rows::counts(&texts, pieces, bits);
    let counting = started.elapsed();
    let asked = Rows::counts(&examples.texts_of(scored), pieces, bits);

    let beside = |name: &str, model: Linear, rows: &Rows, seconds: f64| {
        let mut pairs = Pairs {
            only_model: 0,
            only_simple: 0,
        };
        let mut right = 0;
        for (i, truth) in examples.of_rows(scored).into_iter().enumerate() {
            let simple = decide(&model.scores(rows.row(i)), several.then_some(0.0)) == truth;
            right += usize::from(simple);
            match (answers[i] == truth, simple) {
                (true, false) => pairs.only_model += 1,
                (false, true) => pairs.only_simple += 1,
                _ => {}
            }
        }
        Baseline {
            name: name.into(),
            score: right as f64 / scored.len().max(1) as f64,
            score_name: if several {
                "subset_accuracy"
            } else {
                "accuracy"
            }
            .into(),
            seconds,
            pairs: Some(pairs),
        }
    };
    let started = Instant::now();
    let bayes = bayes::fit(&counts, &targets, bits);
    let seconds = (counting + started.elapsed()).as_secs_f64();
    let bayes = beside("naive Bayes on n-grams", bayes, &asked, seconds);

    let started = Instant::now();
    let rarity = rarity(&counts, bits);
    let logistic = logistic::fit(
        &counts.weighted(&rarity),
        &targets,
        bits,
        recipe.training.seed,
    );
    let seconds = (counting + started.elapsed()).as_secs_f64();
    let asked = asked.weighted(&rarity);
    let logistic = beside("logistic regression on n-grams", logistic, &asked, seconds);
    vec![bayes, logistic]
}

/// The weight of each bucket: the rarer, the more it tells (smoothed inverse document frequency, as
/// scikit-learn's); 0 for those of no text.
fn rarity(counts: &Rows, bits: u32) -> Vec<f32> {
    let texts = counts.len() as f32 + 1.0;
    let weight = |rows: &u32| match rows {
        0 => 0.0,
        rows => (texts / (*rows as f32 + 1.0)).ln() + 1.0,
    };
    counts.occurrences(bits).iter().map(weight).collect()
}
