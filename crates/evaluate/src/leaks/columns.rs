//! Columns that decide the target alone, that say nothing, or that only number the rows.

use crate::auroc;
use crate::classification::ratio;
use crate::feature::{Bands, Feature, Values, sorted_known};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Bands that numbers are cut into.
const BANDS: usize = 20;
/// Areas under the ROC curve from which a column decides the classes, or nearly so.
const AREAS: (f64, f64) = (0.99, 0.95);
/// The same for the share of a quantity's spread that a column explains.
const EXPLAINED: (f64, f64) = (0.97, 0.9);
/// Fewest examples that anything is said about.
const FEWEST: usize = 20;
/// A column numbers the rows if at least this share of its values occurs once.
const UNIQUE: f64 = 0.98;
/// Longest words, on average, that may be a key; what is longer is text.
const LONGEST_KEY: f64 = 40.0;

/// What is to be predicted.
#[derive(Debug, Clone, Copy)]
pub enum LeakTarget<'a> {
    /// The class of each example.
    Classes(&'a [u32]),
    /// A number for each example.
    Numbers(&'a [f64]),
}

/// What is wrong with a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFinding {
    /// Its name.
    pub column: String,
    /// What is wrong.
    pub trouble: ColumnTrouble,
}

/// What can be wrong with a column.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnTrouble {
    /// It alone decides the target: it was probably filled in after the answer was known.
    Decides {
        /// How well, on examples that the rule was not made from.
        value: f64,
        /// What that measures.
        measure: LeakMeasure,
    },
    /// It alone nearly decides the target, which may be right or a leak.
    NearlyDecides {
        /// How well, on examples that the rule was not made from.
        value: f64,
        /// What that measures.
        measure: LeakMeasure,
    },
    /// All its values are the same, or missing.
    Constant,
    /// It numbers or names the rows, so that a model can learn them by heart.
    Key,
}

/// How well a column decides a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakMeasure {
    /// Area under the ROC curve; with more than two classes the mean over each against the rest.
    Area,
    /// Share of the spread of the target's ranks that is explained.
    Explained,
}

/// Looks at each column by itself. Examples whose target is missing are to be left out.
pub fn column_findings(features: &[Feature], target: LeakTarget, seed: u64) -> Vec<ColumnFinding> {
    let half = halves(features.first().map_or(0, Feature::len), seed);
    let finding = |feature: &Feature| {
        Some(ColumnFinding {
            column: feature.name.clone(),
            trouble: trouble(feature, target, &half)?,
        })
    };
    features.iter().filter_map(finding).collect()
}

fn trouble(feature: &Feature, target: LeakTarget, half: &[bool]) -> Option<ColumnTrouble> {
    if feature.len() < FEWEST {
        return None;
    }
    if is_constant(feature) {
        return Some(ColumnTrouble::Constant);
    }
    let (value, measure, (decides, nearly)) = match target {
        LeakTarget::Classes(classes) => (area(feature, classes, half), LeakMeasure::Area, AREAS),
        LeakTarget::Numbers(numbers) => (
            explained(feature, numbers, half),
            LeakMeasure::Explained,
            EXPLAINED,
        ),
    };
    match value {
        Some(value) if value >= decides => Some(ColumnTrouble::Decides { value, measure }),
        Some(value) if value >= nearly => Some(ColumnTrouble::NearlyDecides { value, measure }),
        _ => is_key(feature).then_some(ColumnTrouble::Key),
    }
}

/// In which half each example is, by lot.
fn halves(examples: usize, seed: u64) -> Vec<bool> {
    let mut half: Vec<bool> = (0..examples).map(|i| i % 2 == 0).collect();
    Random::new(seed, 0).shuffle(&mut half);
    half
}

/// The area of the rates that each word or band has in one half, on the other half; the mean of both
/// ways round.
fn area(feature: &Feature, classes: &[u32], half: &[bool]) -> Option<f64> {
    let (cells, names) = feature.cells(&Bands::Quantiles(BANDS));
    let k = classes.iter().max()? + 1;
    // The areas of two classes are the same.
    let first = u32::from(k == 2);
    let of_class = |class: u32, fit: bool| {
        let truth = |i: usize| f64::from(u8::from(classes[i] == class));
        let rates = means(&cells, names.len() + 1, truth, |i| half[i] == fit);
        let others = (0..cells.len()).filter(|i| half[*i] != fit);
        auroc(others.map(|i| (rates[cells[i] as usize] as f32, classes[i] == class)))
    };
    let areas: Vec<f64> = (first..k)
        .flat_map(|class| [of_class(class, true), of_class(class, false)])
        .flatten()
        .collect();
    (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
}

/// The share of the ranks' spread in one half that the means of each word or band in the other half
/// explain; the mean of both ways round.
fn explained(feature: &Feature, target: &[f64], half: &[bool]) -> Option<f64> {
    let (cells, names) = feature.cells(&Bands::Quantiles(BANDS));
    let ranks = ranks(target);
    let one_way = |fit: bool| {
        let predicted = means(&cells, names.len() + 1, |i| ranks[i], |i| half[i] == fit);
        let others = || (0..cells.len()).filter(|i| half[*i] != fit);
        let mean = others().map(|i| ranks[i]).sum::<f64>() / others().count().max(1) as f64;
        let spread: f64 = others().map(|i| (ranks[i] - mean).powi(2)).sum();
        let left = |i: usize| (ranks[i] - predicted[cells[i] as usize]).powi(2);
        (spread > 0.0).then(|| 1.0 - others().map(left).sum::<f64>() / spread)
    };
    Some((one_way(true)? + one_way(false)?) / 2.0)
}

/// The mean of the examples of each cell that are to be looked at, drawn towards the mean of all by one
/// example, so that a cell of few says little.
fn means(
    cells: &[u32],
    count: usize,
    value: impl Fn(usize) -> f64,
    looked_at: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); count];
    let mut all = (0.0, 0.0);
    for (i, cell) in cells.iter().enumerate().filter(|(i, _)| looked_at(*i)) {
        let sum = &mut sums[*cell as usize];
        *sum = (sum.0 + value(i), sum.1 + 1.0);
        all = (all.0 + value(i), all.1 + 1.0);
    }
    let mean = ratio(all.0, all.1);
    sums.iter()
        .map(|(sum, n)| (sum + mean) / (n + 1.0))
        .collect()
}

/// The place of each value among all, from 0 to 1; equal ones share theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let sorted = sorted_known(values);
    let n = sorted.len().max(1) as f64;
    let rank = |value: &f64| {
        let below = sorted.partition_point(|v| v < value);
        let up_to = sorted.partition_point(|v| v <= value);
        (below + up_to) as f64 / (2.0 * n)
    };
    values.iter().map(rank).collect()
}

fn is_constant(feature: &Feature) -> bool {
    match &feature.values {
        Values::Numbers(values) => {
            let known = sorted_known(values);
            known.first() == known.last()
        }
        Values::Labels { codes, levels } => {
            let known = codes.iter().filter(|c| (**c as usize) < levels.len());
            known.collect::<HashSet<_>>().len() < 2
        }
    }
}

/// Whether the values are all different as keys are: short words without a blank, or whole numbers
/// without large gaps.
fn is_key(feature: &Feature) -> bool {
    match &feature.values {
        Values::Labels { codes, levels } => {
            let known: Vec<&String> = codes
                .iter()
                .filter_map(|c| levels.get(*c as usize))
                .collect();
            let distinct = known.iter().collect::<HashSet<_>>().len();
            let letters: usize = known.iter().map(|word| word.chars().count()).sum();
            let blanks = known
                .iter()
                .filter(|w| w.trim().contains(char::is_whitespace))
                .count();
            distinct as f64 >= UNIQUE * codes.len() as f64
                && letters as f64 <= LONGEST_KEY * known.len() as f64
                && blanks * 10 <= known.len()
        }
        Values::Numbers(values) => {
            let known = sorted_known(values);
            let distinct = known.chunk_by(|a, b| a == b).count() as f64;
            let range = known
                .last()
                .zip(known.first())
                .map_or(0.0, |(high, low)| high - low);
            known.iter().all(|v| v.fract() == 0.0)
                && distinct >= UNIQUE * values.len() as f64
                && range <= 4.0 * distinct
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(features: &[Feature], target: LeakTarget) -> Vec<(String, ColumnTrouble)> {
        let findings = column_findings(features, target, 1);
        findings
            .into_iter()
            .map(|f| (f.column, f.trouble))
            .collect()
    }

    fn decides(trouble: &ColumnTrouble) -> bool {
        matches!(trouble, ColumnTrouble::Decides { .. })
    }

    /// Noise, a code of the class, a number that is present for one class only, and a weak hint.
    fn table(classes: &[u32]) -> Vec<Feature> {
        let mut random = Random::new(2, 0);
        let mut numbers = |of: &dyn Fn(u32, f64) -> f64| -> Vec<f64> {
            classes.iter().map(|c| of(*c, random.normal())).collect()
        };
        let noise = numbers(&|_, noise| noise);
        let default = numbers(&|c, noise| if c == 1 { noise } else { f64::NAN });
        let hint = numbers(&|c, noise| f64::from(c) + noise);
        let bowl = numbers(&|c, noise| {
            if c == 1 {
                noise.signum() * 9.0 + noise
            } else {
                noise
            }
        });
        let code: Vec<Option<&str>> = classes
            .iter()
            .map(|c| Some(["x", "y", "z"][*c as usize]))
            .collect();
        vec![
            Feature::numbers("noise", noise),
            Feature::numbers("date_of_default", default),
            Feature::numbers("hint", hint),
            Feature::numbers("bowl", bowl),
            Feature::words("code", &code),
        ]
    }

    #[test]
    fn columns_that_give_classes_away_are_found() {
        let classes: Vec<u32> = (0..600).map(|i| u32::from(i % 3 == 0)).collect();
        let found_two = found(&table(&classes), LeakTarget::Classes(&classes));
        let names: Vec<&str> = found_two.iter().map(|f| f.0.as_str()).collect();
        assert_eq!(names, ["date_of_default", "bowl", "code"]);
        assert!(decides(&found_two[0].1) && decides(&found_two[2].1));
        // Two of twenty bands are of both classes.
        let bowl = &found_two[1].1;
        assert!(
            matches!(bowl, ColumnTrouble::NearlyDecides { .. }),
            "{bowl:?}"
        );
        let classes: Vec<u32> = (0..600).map(|i| i % 3).collect();
        let found_three = found(&table(&classes), LeakTarget::Classes(&classes));
        let [(name, trouble)] = &found_three[..] else {
            panic!("{found_three:?}")
        };
        assert!(name == "code" && decides(trouble));
    }

    #[test]
    fn columns_that_give_numbers_away_are_found() {
        let mut random = Random::new(3, 0);
        let price: Vec<f64> = (0..800).map(|_| random.normal().exp()).collect();
        let with = |mut of: Box<dyn FnMut(f64) -> f64>| price.iter().map(|p| of(*p)).collect();
        let mut noise = Random::new(4, 0);
        let features = [
            Feature::numbers("price_in_euro", with(Box::new(|p| 0.9 * p))),
            Feature::numbers("size", with(Box::new(move |p| p + 2.0 * noise.normal()))),
        ];
        let found = found(&features, LeakTarget::Numbers(&price));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].0 == "price_in_euro" && decides(&found[0].1),
            "{found:?}"
        );
    }

    #[test]
    fn constants_and_keys_are_found() {
        let classes: Vec<u32> = (0..100).map(|i| i / 7 % 2).collect();
        let names: Vec<Option<String>> = (0..100).map(|i| Some(format!("K-{i:04}"))).collect();
        let texts: Vec<Option<String>> =
            (0..100).map(|i| Some(format!("a good day {i}"))).collect();
        let features = [
            Feature::numbers("row", (0..100).map(f64::from).collect()),
            Feature::numbers(
                "height",
                (0..100).map(|i| f64::from(i * 37 % 100) * 0.37).collect(),
            ),
            Feature::words("key", &names),
            Feature::words("text", &texts),
            Feature::words("country", &[Some("DE"); 100]),
            Feature::numbers("empty", vec![f64::NAN; 100]),
        ];
        let expected = [
            ("row", ColumnTrouble::Key),
            ("key", ColumnTrouble::Key),
            ("country", ColumnTrouble::Constant),
            ("empty", ColumnTrouble::Constant),
        ];
        let expected = expected.map(|(name, trouble)| (name.to_string(), trouble));
        assert_eq!(found(&features, LeakTarget::Classes(&classes)), expected);
        let few = Feature::numbers("row", vec![1.0; 5]);
        assert!(found(&[few], LeakTarget::Classes(&[0; 5])).is_empty());
    }

    #[test]
    fn equal_values_share_a_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 9.0]), [0.5, 0.125, 0.5, 0.875]);
    }
}
