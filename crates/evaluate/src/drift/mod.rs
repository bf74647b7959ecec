//! Are new data like those that the model was trained on?
//!
//! Columns are compared one by one: by the population stability index, which says how large a shift
//! is, and by a test, which says whether chance makes it. Vectors, such as embeddings, are compared as
//! a whole. A shift of the inputs does not prove that the model got worse; it says where to look.

mod columns;
mod vectors;

pub use columns::{ColumnDrift, ShareOfBin, Shift, Tested, ks, psi};
pub use vectors::VectorDrift;

use crate::chance::Correction;
use crate::feature::Feature;
use serde::{Deserialize, Serialize};

/// A column has drifted if its adjusted p-value is below this and its shift is not small.
const RARE: f64 = 0.05;

/// How new data differ from those of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Examples of the training.
    pub reference: usize,
    /// New examples.
    pub current: usize,
    /// Columns of both, the one with the largest shift first.
    pub columns: Vec<ColumnDrift>,
    /// Columns of the training that the new data do not have.
    pub absent: Vec<String>,
    /// Columns that only the new data have.
    pub added: Vec<String>,
}

impl DriftReport {
    /// Compares columns of the same name.
    pub fn new(reference: &[Feature], current: &[Feature]) -> Self {
        let find = |all: &[Feature], name: &str| all.iter().position(|f| f.name == *name);
        let missing_from = |all: &[Feature], other: &[Feature]| -> Vec<String> {
            let absent = all.iter().filter(|f| find(other, &f.name).is_none());
            absent.map(|f| f.name.clone()).collect()
        };
        let mut columns: Vec<ColumnDrift> = reference
            .iter()
            .filter_map(|old| {
                let new = &current[find(current, &old.name)?];
                Some(ColumnDrift::new(old, new))
            })
            .collect();
        let chances: Vec<f64> = columns.iter().map(ColumnDrift::chance).collect();
        for (column, chance) in columns.iter_mut().zip(Correction::Holm.adjust(&chances)) {
            column.adjusted = chance;
            column.drifted = chance < RARE && column.shift != Shift::Small;
        }
        columns.sort_by(|a, b| {
            let drifted = b.drifted.cmp(&a.drifted);
            drifted.then(b.psi.total_cmp(&a.psi))
        });
        Self {
            reference: reference.first().map_or(0, Feature::len),
            current: current.first().map_or(0, Feature::len),
            columns,
            absent: missing_from(reference, current),
            added: missing_from(current, reference),
        }
    }

    /// The columns that drifted.
    pub fn drifted(&self) -> impl Iterator<Item = &ColumnDrift> {
        self.columns.iter().filter(|c| c.drifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn table(seed: u64, examples: usize, shift: f64, cities: &[&str]) -> Vec<Feature> {
        let mut random = Random::new(seed, 0);
        let mut numbers =
            |mean: f64| -> Vec<f64> { (0..examples).map(|_| mean + random.normal()).collect() };
        let (income, height) = (numbers(shift), numbers(0.0));
        let words: Vec<Option<&str>> = (0..examples)
            .map(|_| Some(cities[random.below(cities.len())]))
            .collect();
        vec![
            Feature::numbers("height", height),
            Feature::numbers("income", income),
            Feature::words("city", &words),
        ]
    }

    #[test]
    fn a_drifted_copy_is_found_and_a_plain_copy_is_not() {
        let cities = ["Bonn", "Köln", "Trier"];
        let reference = table(1, 1500, 0.0, &cities);
        let same = DriftReport::new(&reference, &table(2, 800, 0.0, &cities));
        assert_eq!(same.drifted().count(), 0, "{same:?}");
        let moved = table(3, 800, 0.6, &["Bonn", "Bonn", "Köln", "Mainz"]);
        let report = DriftReport::new(&reference, &moved);
        let names: Vec<&str> = report.drifted().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["city", "income"]);
        assert_eq!(report.columns[0].unseen, ["Mainz"]);
        assert_eq!(report.columns[0].shift, Shift::Large);
        assert_eq!((report.reference, report.current), (1500, 800));
    }

    #[test]
    fn few_examples_are_no_drift() {
        // Of forty examples, a stability index far above 0.1 is nothing special.
        let reference = table(1, 1500, 0.0, &["a", "b"]);
        let report = DriftReport::new(&reference, &table(4, 40, 0.0, &["a", "b"]));
        assert!(report.columns[0].psi > 0.1, "{report:?}");
        assert_eq!(report.drifted().count(), 0);
    }

    #[test]
    fn columns_of_one_side_are_named() {
        let mut new = table(1, 50, 0.0, &["a"]);
        let old = new.clone();
        new[0].name = "size".into();
        let report = DriftReport::new(&old, &new);
        assert_eq!(report.absent, ["height"]);
        assert_eq!(report.added, ["size"]);
        assert_eq!(report.columns.len(), 2);
        assert!(report.columns.iter().all(|c| c.psi == 0.0 && !c.drifted));
    }
}
