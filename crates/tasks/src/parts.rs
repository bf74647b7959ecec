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

/// Divides by the recipe's shares and seed.
pub(crate) fn divide(
    recipe: &Recipe,
    strata: &[u32],
    hashes: &[u64],
    given: &[Option<Part>],
) -> Vec<Part> {
    let rule = SplitRule {
        validation: recipe.data.validation,
        test: recipe.data.test,
        seed: recipe.training.seed,
    };
    split(strata, hashes, given, rule)
}

impl Parts {
    /// Lists the examples of each part; `rows` are the usable ones, `strata` and `hashes` (of their
    /// content) belong to them. Applies `data.limit`.
    pub fn new(
        recipe: &Recipe,
        parts: &[Part],
        strata: &[u32],
        rows: &[usize],
        hashes: &[u64],
    ) -> Result<Self, TaskError> {
        let of = |part: Part| -> Vec<usize> {
            rows.iter()
                .zip(parts)
                .filter(|(_, p)| **p == part)
                .map(|(r, _)| *r)
                .collect()
        };
        let mut train = of(Part::Train);
        if let Some(limit) = recipe.data.limit.filter(|l| *l < train.len()) {
            let facts = rows.iter().zip(strata.iter().zip(hashes));
            let facts = facts.map(|(r, (s, h))| (*r, (*s, *h))).collect();
            train = limited(train, limit, recipe.training.seed, &facts);
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

/// `limit` examples with the same shares of the strata. Like the split, the choice follows the
/// examples' content and not their order.
fn limited(
    mut train: Vec<usize>,
    limit: usize,
    seed: u64,
    facts: &HashMap<usize, (u32, u64)>,
) -> Vec<usize> {
    let rank = |i: &usize| {
        let hash = facts.get(i).map_or(0, |f| f.1);
        (derive(seed, Purpose::Shuffle, (u64::MAX, hash)), *i)
    };
    train.sort_by_cached_key(rank);
    let mut sizes = HashMap::<u32, usize>::new();
    let stratum = |i: &usize| facts.get(i).map_or(0, |f| f.0);
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
