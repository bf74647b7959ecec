//! One column before and after.

use crate::feature::{Feature, MISSING, Values, band, band_names, quantile_edges, sorted_known};
use crate::special::{chi_squared_tail, kolmogorov_tail};
use serde::{Deserialize, Serialize};

/// Bands of numbers in the stability index.
const BANDS: usize = 10;
/// An empty band counts as this share, so that its logarithm exists.
const EMPTY: f64 = 1e-4;
/// Stability indices from which a shift is moderate and large, as is usual since credit scoring uses it.
const MODERATE: f64 = 0.1;
const LARGE: f64 = 0.25;
/// Words whose expected number is below this are tested together (Cochran 1954).
const RARE_WORD: f64 = 5.0;

/// How large a shift is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shift {
    /// A stability index below 0.1: nothing to speak of.
    Small,
    /// From 0.1: to be watched.
    Moderate,
    /// From 0.25: the data are others.
    Large,
}

/// How one column differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDrift {
    /// Its name.
    pub name: String,
    /// Population stability index over ten bands of equally many training examples, or over words;
    /// missing values are a band by themselves.
    pub psi: f64,
    /// What that is called.
    pub shift: Shift,
    /// Whether the values that are there may be of one distribution: Kolmogorov and Smirnov's test for
    /// numbers, chi-squared for words.
    pub test: Tested,
    /// Whether equally many values are missing.
    pub missing_test: Tested,
    /// How probable such differences would be in any of the columns, if they were chance.
    pub adjusted: f64,
    /// Whether the shift is not small, and chance seldom makes it.
    pub drifted: bool,
    /// Share of missing values before.
    pub missing_reference: f64,
    /// Share of missing values after.
    pub missing_current: f64,
    /// Words that did not occur before.
    pub unseen: Vec<String>,
    /// Shares of the bands or words before and after, for a chart.
    pub bins: Vec<ShareOfBin>,
}

/// How frequent a band of numbers, or a word, is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareOfBin {
    /// The band or the word.
    pub name: String,
    /// Share of the training examples.
    pub reference: f64,
    /// Share of the new examples.
    pub current: f64,
}

/// A test of whether two samples are from one distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// The statistic.
    pub statistic: f64,
    /// How probable a statistic at least as large would be (p-value).
    pub chance: f64,
}

/// What is said where nothing can be compared.
const NOTHING: Tested = Tested {
    statistic: 0.0,
    chance: 1.0,
};

impl Shift {
    /// By the usual limits of the stability index.
    pub fn of(psi: f64) -> Self {
        match psi {
            p if p >= LARGE => Self::Large,
            p if p >= MODERATE => Self::Moderate,
            _ => Self::Small,
        }
    }
}

impl ColumnDrift {
    /// Compares. Numbers on one side and words on the other are both taken as words.
    pub(super) fn new(reference: &Feature, current: &Feature) -> Self {
        let cells = Cells::new(reference, current);
        let (old, new) = cells.shares();
        let (known, missing) = cells.counts.split_at(cells.names.len());
        let are_there = |counts: &[[usize; 2]]| {
            counts
                .iter()
                .fold([0, 0], |sum, n| [sum[0] + n[0], sum[1] + n[1]])
        };
        let psi = psi(&old, &new);
        let bins = cells.names.iter().map(String::as_str).chain([MISSING]);
        let bins = bins
            .zip(old.iter().zip(&new))
            .map(|(name, (old, new))| ShareOfBin {
                name: name.into(),
                reference: *old,
                current: *new,
            });
        let unseen = match (&reference.values, &current.values) {
            (Values::Numbers(_), Values::Numbers(_)) => Vec::new(),
            _ => cells.unseen(),
        };
        Self {
            name: reference.name.clone(),
            psi,
            shift: Shift::of(psi),
            test: match (&reference.values, &current.values) {
                (Values::Numbers(old), Values::Numbers(new)) => ks(old, new),
                _ => chi_squared(known),
            },
            missing_test: chi_squared(&[are_there(known), are_there(missing)]),
            adjusted: 1.0,
            drifted: false,
            missing_reference: old[cells.names.len()],
            missing_current: new[cells.names.len()],
            unseen,
            bins: bins.filter(|b| b.reference + b.current > 0.0).collect(),
        }
    }

    /// How probable the smaller of both p-values would be.
    pub(super) fn chance(&self) -> f64 {
        match self.missing_reference + self.missing_current > 0.0 {
            true => (2.0 * self.test.chance.min(self.missing_test.chance)).min(1.0),
            false => self.test.chance,
        }
    }
}

/// How often each band or word occurs on both sides.
struct Cells {
    names: Vec<String>,
    /// (before, after) for each name, and at the end for missing values.
    counts: Vec<[usize; 2]>,
}

impl Cells {
    fn new(reference: &Feature, current: &Feature) -> Self {
        if let (Values::Numbers(old), Values::Numbers(new)) = (&reference.values, &current.values) {
            let edges = quantile_edges(old, BANDS);
            if !edges.is_empty() {
                let code = |v: &f64| (!v.is_nan()).then(|| band(&edges, *v) as usize);
                let codes = [old, new].map(|values| values.iter().map(code).collect());
                return Self::of_codes(band_names(&edges), codes);
            }
        }
        let words = [reference, current].map(words);
        let mut names: Vec<&String> = words.iter().flatten().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let code = |word: &Option<String>| names.binary_search(&word.as_ref()?).ok();
        let codes = [0, 1].map(|side: usize| words[side].iter().map(code).collect());
        Self::of_codes(names.iter().map(ToString::to_string).collect(), codes)
    }

    fn of_codes(names: Vec<String>, codes: [Vec<Option<usize>>; 2]) -> Self {
        let mut counts = vec![[0; 2]; names.len() + 1];
        for (side, codes) in codes.iter().enumerate() {
            for code in codes {
                counts[code.unwrap_or(names.len())][side] += 1;
            }
        }
        Self { names, counts }
    }

    /// Shares of each cell before and after.
    fn shares(&self) -> (Vec<f64>, Vec<f64>) {
        let of = |side: usize| {
            let all: usize = self.counts.iter().map(|n| n[side]).sum();
            let share = |n: &[usize; 2]| n[side] as f64 / all.max(1) as f64;
            self.counts.iter().map(share).collect()
        };
        (of(0), of(1))
    }

    fn unseen(&self) -> Vec<String> {
        let new = self.names.iter().zip(&self.counts);
        let new = new.filter(|(_, [old, new])| *old == 0 && *new > 0);
        new.map(|(name, _)| name.clone()).collect()
    }
}

/// The values as words; numbers as they are written.
fn words(feature: &Feature) -> Vec<Option<String>> {
    match &feature.values {
        Values::Numbers(values) => values
            .iter()
            .map(|v| (!v.is_nan()).then(|| v.to_string()))
            .collect(),
        Values::Labels { codes, levels } => codes
            .iter()
            .map(|c| levels.get(*c as usize).cloned())
            .collect(),
    }
}

/// The population stability index of two lists of shares: the sum of (new - old) · ln(new / old).
pub fn psi(reference: &[f64], current: &[f64]) -> f64 {
    let pairs = reference.iter().zip(current);
    let pairs = pairs.filter(|(old, new)| **old > 0.0 || **new > 0.0);
    pairs
        .map(|(old, new)| (old.max(EMPTY), new.max(EMPTY)))
        .map(|(old, new)| (new - old) * (new / old).ln())
        .sum()
}

/// The two-sample Kolmogorov-Smirnov test with its asymptotic p-value; missing values (NaN) are left
/// out.
pub fn ks(reference: &[f64], current: &[f64]) -> Tested {
    let (old, new) = (sorted_known(reference), sorted_known(current));
    if old.is_empty() || new.is_empty() {
        return NOTHING;
    }
    let (n, m) = (old.len() as f64, new.len() as f64);
    let (mut i, mut j, mut statistic) = (0, 0, 0f64);
    while i < old.len() && j < new.len() {
        let value = old[i].min(new[j]);
        while i < old.len() && old[i] <= value {
            i += 1;
        }
        while j < new.len() && new[j] <= value {
            j += 1;
        }
        statistic = statistic.max((i as f64 / n - j as f64 / m).abs());
    }
    Tested {
        statistic,
        chance: kolmogorov_tail(statistic, (n * m / (n + m)).round_ties_even().max(1.0)),
    }
}

/// Pearson's chi-squared test of whether two samples have the same shares; rare words count together.
fn chi_squared(counts: &[[usize; 2]]) -> Tested {
    let sum = |side: usize| counts.iter().map(|n| n[side]).sum::<usize>() as f64;
    let sides = [sum(0), sum(1)];
    let all = sides[0] + sides[1];
    let expected = |n: &[f64; 2], side: usize| (n[0] + n[1]) * sides[side] / all;
    let is_rare = |n: &[f64; 2]| expected(n, 0).min(expected(n, 1)) < RARE_WORD;
    let counts = counts.iter().map(|n| n.map(|n| n as f64));
    let (rare, mut cells): (Vec<[f64; 2]>, Vec<[f64; 2]>) = counts.partition(is_rare);
    cells.push(
        rare.iter()
            .fold([0.0; 2], |sum, n| [sum[0] + n[0], sum[1] + n[1]]),
    );
    cells.retain(|n| n[0] + n[1] > 0.0);
    if sides[0] == 0.0 || sides[1] == 0.0 || cells.len() < 2 {
        return NOTHING;
    }
    let term = |n: &[f64; 2]| -> f64 {
        let of = |side: usize| (n[side] - expected(n, side)).powi(2) / expected(n, side);
        of(0) + of(1)
    };
    let statistic = cells.iter().map(term).sum();
    Tested {
        statistic,
        chance: chi_squared_tail(statistic, (cells.len() - 1) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, numbers};
    use serde_json::Value;

    fn golden() -> Value {
        serde_json::from_str(include_str!("../../../../tests/golden/drift.json")).unwrap()
    }

    /// Values made by `tests/golden/drift.py` with SciPy.
    #[test]
    fn tests_of_numbers_equal_scipy() {
        for g in golden()["ks"].as_array().unwrap() {
            let tested = ks(&numbers(&g["a"]), &numbers(&g["b"]));
            close(tested.statistic, &g["statistic"], 1e-12);
            close(tested.chance, &g["p"], 1e-3);
        }
        for g in golden()["psi"].as_array().unwrap() {
            close(psi(&numbers(&g["a"]), &numbers(&g["b"])), &g["psi"], 1e-12);
        }
    }

    #[test]
    fn tests_of_words_equal_scipy() {
        for g in golden()["chi2"].as_array().unwrap() {
            let counts: Vec<[usize; 2]> = serde_json::from_value(g["counts"].clone()).unwrap();
            let tested = chi_squared(&counts);
            close(tested.statistic, &g["statistic"], 1e-9);
            close(tested.chance, &g["p"], 1e-9);
        }
        assert_eq!(chi_squared(&[[3, 4]]), NOTHING);
        assert_eq!(chi_squared(&[[3, 0], [4, 0]]), NOTHING);
    }

    #[test]
    fn values_that_went_missing_are_a_drift() {
        let old: Vec<f64> = (0..500).map(f64::from).collect();
        let mut new = old.clone();
        for value in new.iter_mut().step_by(3) {
            *value = f64::NAN;
        }
        let of = |values: Vec<f64>| Feature::numbers("x", values);
        let drift = ColumnDrift::new(&of(old.clone()), &of(new));
        assert!(
            drift.test.chance > 0.5 && drift.chance() < 1e-20,
            "{drift:?}"
        );
        assert_eq!(
            (drift.missing_reference, drift.missing_current),
            (0.0, 0.334)
        );
        assert_eq!(drift.shift, Shift::Large);
        let sum = |of: fn(&ShareOfBin) -> f64| drift.bins.iter().map(of).sum::<f64>();
        assert!((sum(|b| b.reference) - 1.0).abs() < 1e-9);
        assert!((sum(|b| b.current) - 1.0).abs() < 1e-9);
        // Nothing but missing values.
        let gone = ColumnDrift::new(&of(old), &of(vec![f64::NAN; 40]));
        assert_eq!((gone.test, gone.missing_current), (NOTHING, 1.0));
    }

    #[test]
    fn a_constant_that_changes_and_another_kind_are_a_drift() {
        let constant = |v: f64| Feature::numbers("x", vec![v; 50]);
        let drift = ColumnDrift::new(&constant(3.0), &constant(4.0));
        assert!(
            drift.shift == Shift::Large && drift.chance() < 1e-9,
            "{drift:?}"
        );
        let words = Feature::words("x", &[Some("3"); 50]);
        assert_eq!(ColumnDrift::new(&constant(3.0), &words).psi, 0.0);
        let others = ColumnDrift::new(&constant(3.0), &Feature::words("x", &[Some("a"); 50]));
        assert_eq!(others.unseen, ["a"]);
    }
}
