//! On which examples is a model worse? A search among slices of one or two conditions (Slice Finder,
//! Chung et al. 2019).
//!
//! A slice counts if its examples have more loss than the others by more than chance makes (Welch's
//! test, corrected for the number of slices that were looked at), if the difference is large in units
//! of spread, and if the slices found before do not explain it.

mod conditions;

pub use conditions::Condition;

use crate::bootstrap::Interval;
use crate::chance::{Correction, Sums, welch};
use crate::chart::{GroupMark, GroupPanel};
use crate::feature::Feature;
use conditions::{Bits, Candidate, candidates};
use serde::{Deserialize, Serialize};

/// A slice counts if its adjusted p-value is below this.
const RARE: f64 = 0.05;
/// Two conditions must be worse than each alone with a p-value below this.
const CLEARLY: f64 = 0.01;
/// Effects that have no end, because nothing is spread, are taken as this.
const LARGEST: f64 = 100.0;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SliceSearch {
    /// Fewest examples of a slice.
    pub smallest: usize,
    /// Least effect size: difference of the means in units of spread. 0.2 is small, 0.5 medium, 0.8
    /// large (Cohen 1988).
    pub effect: f64,
    /// Bands of about equally many examples that numbers are cut into.
    pub bands: usize,
    /// Most slices that are returned.
    pub most: usize,
    /// How the number of slices looked at is taken into account.
    pub correction: Correction,
}

impl Default for SliceSearch {
    fn default() -> Self {
        Self {
            smallest: 30,
            effect: 0.2,
            bands: 5,
            most: 10,
            correction: Correction::Holm,
        }
    }
}

/// Examples on which a model is worse than on the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// One or two conditions that its examples meet.
    pub conditions: Vec<Condition>,
    /// The number of its examples.
    pub size: usize,
    /// Their mean loss.
    pub loss: f64,
    /// 95 % interval of that, by the normal distribution.
    pub interval: Interval,
    /// Mean loss of all other examples.
    pub other_loss: f64,
    /// The difference in units of spread.
    pub effect: f64,
    /// How probable a difference at least this large would be in any of the slices looked at, if it
    /// were chance.
    pub chance: f64,
    /// Its examples.
    #[serde(skip)]
    pub examples: Vec<usize>,
}

/// The slices found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceReport {
    /// Number of examples.
    pub examples: usize,
    /// Mean loss of all.
    pub loss: f64,
    /// Slices that were looked at.
    pub searched: usize,
    /// The slices that are worse, the one with the largest effect first.
    pub slices: Vec<Slice>,
}

impl Slice {
    /// Its conditions, such as `age < 25 and purpose = car`.
    pub fn words(&self) -> String {
        let words: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        words.join(" and ")
    }
}

impl SliceReport {
    /// Searches. `losses` has for each example its loss, or 1 where the answer is wrong and 0 where it
    /// is right.
    pub fn new(features: &[Feature], losses: &[f64], search: SliceSearch) -> Self {
        let searcher = Searcher {
            losses,
            all: Sums::of(losses.iter().copied()),
            search,
        };
        let singles = searcher.measured(candidates(features, search.bands), None);
        let pairs = searcher.pairs(&singles);
        let searched = singles.len() + pairs.len();
        let measured: Vec<Measured> = singles.into_iter().chain(pairs).collect();
        let slices = searcher.chosen(measured);
        Self {
            examples: losses.len(),
            loss: searcher.all.mean(),
            searched,
            slices,
        }
    }

    /// The losses for a [chart of groups](crate::chart::groups()), under a name in the reader's language.
    pub fn panel(&self, name: &str) -> GroupPanel {
        let mark = |slice: &Slice| {
            Some(GroupMark {
                value: slice.loss,
                interval: slice.interval,
                faint: false,
            })
        };
        GroupPanel {
            name: name.into(),
            overall: Some(self.loss),
            marks: self.slices.iter().map(mark).collect(),
        }
    }
}

/// A candidate with what its examples lost.
struct Measured {
    conditions: Vec<Condition>,
    bits: Bits,
    sums: Sums,
    t: f64,
    chance: f64,
    effect: f64,
    /// Whether it is clearly worse than each of its conditions alone.
    own: bool,
}

struct Searcher<'a> {
    losses: &'a [f64],
    all: Sums,
    search: SliceSearch,
}

impl Searcher<'_> {
    /// Measures candidates of the right size; those of two conditions have two `parents`.
    fn measured(
        &self,
        candidates: impl IntoIterator<Item = Candidate>,
        parents: Option<[&Measured; 2]>,
    ) -> Vec<Measured> {
        let measure = |candidate: Candidate| {
            let size = candidate.bits.count();
            // What is left must say what is usual.
            let fewest = self.search.smallest.max(2);
            let fits = size >= fewest && self.losses.len() - size >= fewest;
            fits.then(|| self.measure(candidate, parents))
        };
        candidates.into_iter().filter_map(measure).collect()
    }

    fn measure(&self, candidate: Candidate, parents: Option<[&Measured; 2]>) -> Measured {
        let sums = self.sums(&candidate.bits);
        let others = self.all.without(sums);
        let (t, chance) = welch(sums, others);
        let worse_than = |parent: &Measured| {
            let rest = parent.sums.without(sums);
            welch(sums, rest).1 < CLEARLY && effect(sums, rest) >= self.search.effect
        };
        Measured {
            own: parents.is_none_or(|parents| parents.into_iter().all(worse_than)),
            effect: effect(sums, others),
            conditions: candidate.conditions,
            bits: candidate.bits,
            sums,
            t,
            chance,
        }
    }

    /// Slices of two conditions on different features.
    fn pairs(&self, singles: &[Measured]) -> Vec<Measured> {
        let mut pairs = Vec::new();
        for (i, one) in singles.iter().enumerate() {
            for other in &singles[i + 1..] {
                if one.conditions[0].feature() == other.conditions[0].feature() {
                    continue;
                }
                let candidate = Candidate {
                    conditions: [one, other].map(|m| m.conditions[0].clone()).into(),
                    bits: one.bits.and(&other.bits),
                };
                for mut pair in self.measured([candidate], Some([one, other])) {
                    // Of the others only the chance is needed, and thousands of sets are large.
                    if !self.may_count(&pair) {
                        pair.bits = Bits::none(0);
                    }
                    pairs.push(pair);
                }
            }
        }
        pairs
    }

    /// Those that count, each of which is worse without the examples of those before it too.
    fn chosen(&self, measured: Vec<Measured>) -> Vec<Slice> {
        let chances: Vec<f64> = measured.iter().map(|m| m.chance).collect();
        let adjusted = self.search.correction.adjust(&chances);
        let mut found: Vec<(Measured, f64)> = measured
            .into_iter()
            .zip(adjusted)
            .filter(|(m, chance)| *chance < RARE && self.may_count(m))
            .collect();
        found.sort_by(|a, b| b.0.t.total_cmp(&a.0.t));
        let mut explained = Bits::none(self.losses.len());
        let mut slices = Vec::new();
        for (slice, chance) in found {
            if slices.len() == self.search.most {
                break;
            }
            if self.is_new(&slice.bits, &explained) {
                explained.add(&slice.bits);
                slices.push(self.slice(slice, chance));
            }
        }
        slices.sort_by(|a, b| b.effect.total_cmp(&a.effect));
        slices
    }

    /// Whether a slice counts, if it is not one of too many that were looked at.
    fn may_count(&self, slice: &Measured) -> bool {
        slice.chance < RARE && slice.effect >= self.search.effect && slice.own
    }

    /// Whether what `explained` leaves of a slice is worse than what it leaves of the others.
    fn is_new(&self, bits: &Bits, explained: &Bits) -> bool {
        let rest = bits.without(explained);
        if rest.count() < self.search.smallest.max(2) {
            return false;
        }
        let rest = self.sums(&rest);
        let left = self.all.without(self.sums(explained));
        let others = left.without(rest);
        welch(rest, others).1 < RARE && effect(rest, others) >= self.search.effect
    }

    fn slice(&self, measured: Measured, chance: f64) -> Slice {
        Slice {
            size: measured.bits.count(),
            loss: measured.sums.mean(),
            interval: measured.sums.interval(),
            other_loss: self.all.without(measured.sums).mean(),
            effect: measured.effect,
            chance,
            examples: measured.bits.examples().collect(),
            conditions: measured.conditions,
        }
    }

    fn sums(&self, bits: &Bits) -> Sums {
        Sums::of(bits.examples().map(|i| self.losses[i]))
    }
}

/// How far the mean of `a` is above that of `b`, in units of the root of their mean variance.
fn effect(a: Sums, b: Sums) -> f64 {
    let difference = a.mean() - b.mean();
    let spread = ((a.variance() + b.variance()) / 2.0).sqrt();
    match spread > 0.0 {
        true => (difference / spread).min(LARGEST),
        false if difference > 0.0 => LARGEST,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const CITIES: [&str; 4] = ["Bonn", "Köln", "Trier", "北京"];

    /// Features and a rate of errors that depends on them.
    fn world(rate: impl Fn(f64, &str) -> f64) -> (Vec<Feature>, Vec<f64>) {
        let mut random = Random::new(11, 0);
        let (mut ages, mut cities, mut noise) = (Vec::new(), Vec::new(), Vec::new());
        let mut losses = Vec::new();
        for _ in 0..4000 {
            let age = 18.0 + random.below(50) as f64;
            let city = CITIES[random.below(4)];
            losses.push(f64::from(u8::from(random.unit() < rate(age, city))));
            ages.push(age);
            cities.push(Some(city));
            noise.push(random.normal());
        }
        let features = vec![
            Feature::numbers("age", ages),
            Feature::words("city", &cities),
            Feature::numbers("noise", noise),
        ];
        (features, losses)
    }

    #[test]
    fn a_slice_made_worse_is_found_and_nothing_else() {
        let (features, losses) = world(|_, city| if city == "Trier" { 0.4 } else { 0.1 });
        let report = SliceReport::new(&features, &losses, SliceSearch::default());
        let words: Vec<String> = report.slices.iter().map(Slice::words).collect();
        assert_eq!(words, ["city = Trier"]);
        let slice = &report.slices[0];
        assert!(slice.interval.contains(slice.loss) && slice.loss > 0.35 && slice.chance < 1e-6);
        assert_eq!(slice.size, slice.examples.len());
        assert_eq!(report.panel("errors").marks[0].unwrap().value, slice.loss);
        assert!((slice.other_loss - 0.1).abs() < 0.02 && slice.effect > 0.5);
    }

    #[test]
    fn two_conditions_are_found_where_only_both_are_bad() {
        let rate = |age: f64, city: &str| {
            if age < 28.0 && city == "北京" {
                0.6
            } else {
                0.1
            }
        };
        let (features, losses) = world(rate);
        let report = SliceReport::new(&features, &losses, SliceSearch::default());
        let words = report.slices[0].words();
        // The second of five bands starts at 27 or 28.
        assert!(
            words == "age < 27 and city = 北京" || words == "age < 28 and city = 北京",
            "{words}"
        );
        assert!(report.slices.len() <= 2, "{:?}", report.slices);
        assert!(report.searched > 100);
    }

    #[test]
    fn where_all_is_alike_nothing_is_found() {
        let (features, losses) = world(|_, _| 0.2);
        for correction in [Correction::Holm, Correction::BenjaminiHochberg] {
            let search = SliceSearch {
                correction,
                effect: 0.0,
                ..SliceSearch::default()
            };
            let report = SliceReport::new(&features, &losses, search);
            assert!(report.slices.is_empty(), "{:?}", report.slices);
        }
        let none = SliceReport::new(&features, &[0.0; 4000], SliceSearch::default());
        assert!(none.slices.is_empty() && none.loss == 0.0);
        let empty = SliceReport::new(&[], &[], SliceSearch::default());
        assert_eq!((empty.searched, empty.slices.len()), (0, 0));
    }

    #[test]
    fn missing_values_are_a_condition() {
        let (mut features, _) = world(|_, _| 0.0);
        let mut ages = vec![30.0; 4000];
        ages[..400].fill(f64::NAN);
        features[0] = Feature::numbers("age", ages);
        let loss = |i: u32| f64::from(1 + u32::from(i < 400)) + f64::from(i % 7) * 0.1;
        let losses: Vec<f64> = (0..4000).map(loss).collect();
        let report = SliceReport::new(&features, &losses, SliceSearch::default());
        assert_eq!(report.slices[0].words(), "age is missing");
        assert_eq!(report.slices[0].size, 400);
    }
}
