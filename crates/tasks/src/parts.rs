//! Dividing a data set, as the recipe says.

use crate::error::TaskError;
use modelwright_data::rng::{Purpose, derive};
use modelwright_data::{Part, SplitRule, split};
use modelwright_runs::Facts;
use modelwright_train::Recipe;
use std::collections::HashMap;

/// The examples of each part, by index into the data set.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<usize>,
}

/// What the division of a data set follows.
pub(crate) struct Division<'a> {
    /// The usable examples: those with a label or a target.
    pub rows: &'a [usize],
    /// The class, or another stratum, of each of them.
    pub strata: &'a [u32],
    /// A hash of the content of every example of the data set.
    pub hashes: &'a [u64],
    /// The part that the source prescribes for every example; empty if it prescribes none.
    pub given: &'a [Option<Part>],
}

impl Division<'_> {
    /// The part of each usable example, by the recipe's shares and seed.
    fn of_rows(&self, recipe: &Recipe) -> Vec<Part> {
        let rule = SplitRule {
            validation: recipe.data.validation,
            test: recipe.data.test,
            seed: recipe.training.seed,
        };
        let pick = |row: &usize| (self.hashes[*row], self.given.get(*row).copied().flatten());
        let (hashes, given): (Vec<u64>, Vec<Option<Part>>) = self.rows.iter().map(pick).unzip();
        split(self.strata, &hashes, &given, rule)
    }

    /// The part of every example; `None` for those that cannot be used.
    pub fn of_all(&self, recipe: &Recipe) -> Vec<Option<Part>> {
        let mut parts = vec![None; self.hashes.len()];
        for (row, part) in self.rows.iter().zip(self.of_rows(recipe)) {
            parts[*row] = Some(part);
        }
        parts
    }
}

impl Parts {
    /// Divides, and lists the examples of each part. Applies `data.limit`.
    pub fn new(recipe: &Recipe, division: &Division) -> Result<Self, TaskError> {
        let rows = division.rows;
        let parts = division.of_rows(recipe);
        let of = |part: Part| -> Vec<usize> {
            rows.iter()
                .zip(&parts)
                .filter(|(_, p)| **p == part)
                .map(|(r, _)| *r)
                .collect()
        };
        let mut train = of(Part::Train);
        if let Some(limit) = recipe.data.limit.filter(|l| *l < train.len()) {
            train = limited(train, limit, recipe.training.seed, division);
        }
        if train.is_empty() {
            return Err(TaskError::asked(
                "no example is left to train on",
                "lower data.validation and data.test, or give more data",
            ));
        }
        Ok(Self {
            train,
            validation: of(Part::Validation),
            test: of(Part::Test),
        })
    }

    /// The examples of a part.
    pub fn of(&self, part: Part) -> &[usize] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    /// The examples at some positions of a part.
    pub fn pick(&self, part: Part, positions: &[usize]) -> Vec<usize> {
        let examples = self.of(part);
        positions.iter().map(|i| examples[*i]).collect()
    }

    /// The part on which the final evaluation is made: the last one that has examples.
    pub fn scored_on(&self) -> Part {
        [Part::Test, Part::Validation]
            .into_iter()
            .find(|p| !self.of(*p).is_empty())
            .unwrap_or(Part::Train)
    }

    /// For the model card.
    pub fn facts(&self) -> Facts {
        [Part::Train, Part::Validation, Part::Test]
            .map(|p| {
                (
                    format!("{} examples", p.name()),
                    self.of(p).len().to_string(),
                )
            })
            .into()
    }
}

/// The part of every example; those that cannot be used count as training examples.
pub(crate) fn or_train(parts: Vec<Option<Part>>) -> Vec<Part> {
    let part = |p: Option<Part>| p.unwrap_or(Part::Train);
    parts.into_iter().map(part).collect()
}

/// `limit` examples with the same shares of the strata. Like the split, the choice follows the
/// examples' content and not their order.
fn limited(mut train: Vec<usize>, limit: usize, seed: u64, division: &Division) -> Vec<usize> {
    let place = |i: &usize| (u64::MAX, division.hashes[*i]);
    let rank = |i: &usize| (derive(seed, Purpose::Shuffle, place(i)), *i);
    train.sort_by_cached_key(rank);
    let strata: HashMap<_, _> = division.rows.iter().zip(division.strata).collect();
    let stratum = |i: &usize| strata.get(i).map_or(0, |s| **s);
    let mut sizes = HashMap::<u32, usize>::new();
    let ranked: Vec<(usize, usize)> = train
        .iter()
        .map(|i| {
            let size = sizes.entry(stratum(i)).or_default();
            *size += 1;
            (*i, *size)
        })
        .collect();
    // Ordered by how far into its stratum each is, the first `limit` hold all strata evenly.
    let mut order: Vec<(f64, usize)> = ranked
        .into_iter()
        .map(|(i, rank)| (rank as f64 / sizes[&stratum(&i)] as f64, i))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<usize> = order.into_iter().take(limit).map(|(_, i)| i).collect();
    kept.sort_unstable();
    kept
}
