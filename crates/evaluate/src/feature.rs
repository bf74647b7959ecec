//! A column as statistics see it, and how numbers are cut into bands.

use crate::number;
use serde::{Deserialize, Serialize};

/// The name of what has no value.
pub const MISSING: &str = "(missing)";
/// Numbers with up to so many distinct values are taken as they are.
const FEW: usize = 5;
/// Bands that numbers are cut into if nothing is said.
const BANDS: usize = 3;
/// Words in the names of columns that hold ages, each with the edges between the young, those in
/// working age and the old.
const AGES: [&str; 3] = ["age", "alter", "年龄"];
const AGE_EDGES: [f64; 2] = [25.0, 60.0];

/// A named value for each example.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// One for each example.
    pub values: Values,
}

/// What a feature holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; a missing one is NaN.
    Numbers(Vec<f64>),
    /// Words.
    Labels {
        /// For each example an index into `levels`; any larger number stands for a missing value.
        codes: Vec<u32>,
        /// Distinct values.
        levels: Vec<String>,
    },
}

/// How numbers become groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bands {
    /// Each value by itself if there are few; ages under 25, under 60 and above; else thirds with
    /// round edges.
    #[default]
    Auto,
    /// Between these edges; a value that is an edge belongs to the band above.
    Edges(Vec<f64>),
    /// So many bands of about equally many examples.
    Quantiles(usize),
}

impl Feature {
    /// A feature of numbers; a missing one is NaN.
    pub fn numbers(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            values: Values::Numbers(values),
        }
    }

    /// A feature of words; `None` is a missing one.
    pub fn words<S: AsRef<str>>(name: impl Into<String>, words: &[Option<S>]) -> Self {
        let words = || words.iter().map(|w| w.as_ref().map(AsRef::as_ref));
        let mut levels: Vec<&str> = words().flatten().collect();
        levels.sort_unstable();
        levels.dedup();
        let code = |word: Option<&str>| match word.map(|w| levels.binary_search(&w)) {
            Some(Ok(place)) => place as u32,
            _ => u32::MAX,
        };
        Self {
            name: name.into(),
            values: Values::Labels {
                codes: words().map(code).collect(),
                levels: levels.iter().map(ToString::to_string).collect(),
            },
        }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Numbers(values) => values.len(),
            Values::Labels { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an example has no value.
    pub fn is_missing(&self, example: usize) -> bool {
        match &self.values {
            Values::Numbers(values) => values[example].is_nan(),
            Values::Labels { codes, levels } => codes[example] as usize >= levels.len(),
        }
    }

    /// The same feature of some of the examples.
    pub fn of(&self, examples: &[usize]) -> Self {
        let values = match &self.values {
            Values::Numbers(values) => {
                Values::Numbers(examples.iter().map(|i| values[*i]).collect())
            }
            Values::Labels { codes, levels } => Values::Labels {
                codes: examples.iter().map(|i| codes[*i]).collect(),
                levels: levels.clone(),
            },
        };
        Self {
            name: self.name.clone(),
            values,
        }
    }

    /// Words as they are, and numbers cut into bands: (code for each example, names), where a missing
    /// value has the code that follows the last name.
    pub fn cells(&self, bands: &Bands) -> (Vec<u32>, Vec<String>) {
        let values = match &self.values {
            Values::Labels { codes, levels } => {
                let missing = levels.len() as u32;
                return (
                    codes.iter().map(|c| *c.min(&missing)).collect(),
                    levels.clone(),
                );
            }
            Values::Numbers(values) => values,
        };
        let distinct = distinct(values);
        if *bands == Bands::Auto && distinct.len() <= FEW {
            let code = |v: &f64| match v.is_nan() {
                true => distinct.len() as u32,
                false => distinct.partition_point(|d| d < v) as u32,
            };
            let names = distinct.iter().map(|v| number(*v)).collect();
            return (values.iter().map(code).collect(), names);
        }
        let edges = match bands {
            Bands::Auto if is_age(&self.name) => AGE_EDGES.to_vec(),
            Bands::Auto => round_edges(values, BANDS),
            Bands::Edges(edges) => sorted(edges.iter().copied()),
            Bands::Quantiles(n) => quantile_edges(values, *n),
        };
        let missing = edges.len() as u32 + 1;
        let code = |v: &f64| {
            if v.is_nan() {
                missing
            } else {
                band(&edges, *v)
            }
        };
        (values.iter().map(code).collect(), band_names(&edges))
    }
}

/// Which of the bands between sorted edges a number is in.
pub(crate) fn band(edges: &[f64], value: f64) -> u32 {
    edges.partition_point(|edge| *edge <= value) as u32
}

/// `< 25`, `25–60`, `≥ 60`.
pub(crate) fn band_names(edges: &[f64]) -> Vec<String> {
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else {
        return vec!["all".into()];
    };
    let mut names = vec![format!("< {}", number(*first))];
    let inner = edges.windows(2);
    names.extend(inner.map(|e| format!("{}–{}", number(e[0]), number(e[1]))));
    names.push(format!("≥ {}", number(*last)));
    names
}

/// Edges that cut numbers into up to `bands` bands of about equally many values; missing ones are
/// left out. No band is empty. Where nearly all values are the lowest, the others are one band.
pub(crate) fn quantile_edges(values: &[f64], bands: usize) -> Vec<f64> {
    let sorted = sorted_known(values);
    let place = |i: usize| (i * sorted.len()) / bands.max(1);
    let mut edges: Vec<f64> = (1..bands)
        .filter_map(|i| sorted.get(place(i)).copied())
        .filter(|edge| *edge > sorted[0])
        .collect();
    edges.dedup();
    if edges.is_empty() && bands > 1 {
        edges.extend(sorted.iter().copied().find(|v| *v > sorted[0]));
    }
    edges
}

/// The same with round edges, as long as no band gets empty by that.
fn round_edges(values: &[f64], bands: usize) -> Vec<f64> {
    let exact = quantile_edges(values, bands);
    let known = sorted_known(values);
    let (Some(low), Some(high)) = (known.first(), known.last()) else {
        return exact;
    };
    // A step of 1, 2 or 5 at a power of ten, about a twentieth of the middle range.
    let middle = known[known.len() * 9 / 10] - known[known.len() / 10];
    let step = (if middle > 0.0 { middle } else { high - low }) / 20.0;
    if step <= 0.0 {
        return exact;
    }
    let power = 10f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|m| m * power);
    let step = steps.into_iter().find(|s| *s >= step).unwrap_or(step);
    let mut edges: Vec<f64> = exact.iter().map(|e| (e / step).round() * step).collect();
    edges.dedup();
    let mut counts = vec![0; edges.len() + 1];
    for value in &known {
        counts[band(&edges, *value) as usize] += 1;
    }
    match edges.len() == exact.len() && counts.iter().all(|n| *n > 0) {
        true => edges,
        false => exact,
    }
}

/// Whether the name of a column says that it holds ages: `age`, `age_in_years`, `Age at entry`.
fn is_age(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.any(|word| AGES.contains(&word)) || lower.contains(AGES[2])
}

/// The numbers that are there, in order.
pub(crate) fn sorted_known(values: &[f64]) -> Vec<f64> {
    sorted(values.iter().copied().filter(|v| !v.is_nan()))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn distinct(values: &[f64]) -> Vec<f64> {
    let mut distinct = sorted_known(values);
    distinct.dedup();
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, values: Vec<f64>, bands: &Bands) -> Vec<String> {
        Feature::numbers(name, values).cells(bands).1
    }

    #[test]
    fn ages_are_cut_where_people_cut_them() {
        let ages: Vec<f64> = (18..80).map(f64::from).collect();
        let feature = Feature::numbers("age_in_years", ages.clone());
        let (codes, bands) = feature.cells(&Bands::Auto);
        assert_eq!(bands, ["< 25", "25–60", "≥ 60"]);
        // 24, 25, 59 and 60.
        assert_eq!([codes[6], codes[7], codes[41], codes[42]], [0, 1, 1, 2]);
        assert_eq!(
            names("age", ages, &Bands::Edges(vec![40.0])),
            ["< 40", "≥ 40"]
        );
        assert!(!is_age("percentage") && is_age("Alter (Jahre)") && is_age("客户年龄"));
    }

    #[test]
    fn other_numbers_get_thirds_with_round_edges() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i) + 0.25).collect();
        assert_eq!(
            names("amount", values, &Bands::Auto),
            ["< 350", "350–650", "≥ 650"]
        );
        // Few values are groups by themselves; the missing come last.
        let codes = Feature::numbers("sex", vec![2.0, 1.0, f64::NAN]).cells(&Bands::Auto);
        assert_eq!(codes, (vec![1, 0, 2], vec!["1".into(), "2".into()]));
    }

    #[test]
    fn quantiles_leave_no_band_empty() {
        let mut values = vec![0.0; 90];
        values.extend((1..=10).map(f64::from));
        assert_eq!(quantile_edges(&values, 4), [1.0]);
        assert_eq!(quantile_edges(&values, 20), [1.0, 6.0]);
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(quantile_edges(&even, 4), [25.0, 50.0, 75.0]);
        assert!(quantile_edges(&[], 4).is_empty() && quantile_edges(&[3.0; 9], 4).is_empty());
    }

    #[test]
    fn words_are_coded_in_order() {
        let feature = Feature::words("city", &[Some("b"), None, Some("a"), Some("b")]);
        let (codes, levels) = feature.cells(&Bands::Auto);
        assert_eq!((codes, levels.len()), (vec![1, 2, 0, 1], 2));
        assert!(feature.is_missing(1) && !feature.is_missing(0));
        assert_eq!(feature.of(&[1, 2]).len(), 2);
    }
}
