//! Conditions on one feature, and the examples that meet them.

use crate::feature::{Feature, Values, quantile_edges};
use crate::number;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most words of a feature that are looked at, the most frequent ones.
const MAX_WORDS: usize = 30;

/// What the examples of a slice have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The feature has this value.
    Is {
        /// Name of the feature.
        feature: String,
        /// The word.
        value: String,
    },
    /// The feature is in a range.
    Within {
        /// Name of the feature.
        feature: String,
        /// Lowest value that belongs to it; `None` if there is no lower end.
        from: Option<f64>,
        /// Lowest value above it; `None` if there is no upper end.
        below: Option<f64>,
    },
    /// The feature has no value.
    Missing {
        /// Name of the feature.
        feature: String,
    },
}

impl Condition {
    /// Name of the feature.
    pub fn feature(&self) -> &str {
        match self {
            Self::Is { feature, .. } | Self::Within { feature, .. } | Self::Missing { feature } => {
                feature
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Is { feature, value } => write!(f, "{feature} = {value}"),
            Self::Missing { feature } => write!(f, "{feature} is missing"),
            Self::Within {
                feature,
                from,
                below,
            } => match (from.map(number), below.map(number)) {
                (Some(from), Some(below)) => write!(f, "{from} ≤ {feature} < {below}"),
                (Some(from), None) => write!(f, "{feature} ≥ {from}"),
                (None, Some(below)) => write!(f, "{feature} < {below}"),
                (None, None) => write!(f, "any {feature}"),
            },
        }
    }
}

/// Conditions with the examples that meet them all.
pub(super) struct Candidate {
    pub conditions: Vec<Condition>,
    pub bits: Bits,
}

/// Every condition that is looked at: each frequent word, each band between quantiles, all below and
/// all above each quantile, and missing values.
pub(super) fn candidates(features: &[Feature], bands: usize) -> Vec<Candidate> {
    features.iter().flat_map(|f| of_feature(f, bands)).collect()
}

fn of_feature(feature: &Feature, bands: usize) -> Vec<Candidate> {
    let name = || feature.name.clone();
    let missing = Candidate {
        conditions: vec![Condition::Missing { feature: name() }],
        bits: Bits::of((0..feature.len()).map(|i| feature.is_missing(i))),
    };
    let mut all: Vec<Candidate> = match &feature.values {
        Values::Labels { codes, levels } => frequent(codes, levels.len())
            .map(|code| Candidate {
                conditions: vec![Condition::Is {
                    feature: name(),
                    value: levels[code as usize].clone(),
                }],
                bits: Bits::of(codes.iter().map(|c| *c == code)),
            })
            .collect(),
        Values::Numbers(values) => {
            let range = |(from, below): (Option<f64>, Option<f64>)| Candidate {
                conditions: vec![Condition::Within {
                    feature: name(),
                    from,
                    below,
                }],
                bits: Bits::of(values.iter().map(|v| {
                    from.is_none_or(|from| *v >= from)
                        && below.is_none_or(|below| *v < below)
                        && !v.is_nan()
                })),
            };
            let edges = quantile_edges(values, bands);
            ranges(&edges).into_iter().map(range).collect()
        }
    };
    all.push(missing);
    all
}

/// Codes of the words that most examples have.
fn frequent(codes: &[u32], levels: usize) -> impl Iterator<Item = u32> {
    let mut counts = vec![0usize; levels];
    for code in codes {
        if let Some(count) = counts.get_mut(*code as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<u32> = (0..levels as u32).collect();
    order.sort_by_key(|code| std::cmp::Reverse(counts[*code as usize]));
    order.into_iter().take(MAX_WORDS)
}

/// Below each edge, from each edge on, and between neighbours.
fn ranges(edges: &[f64]) -> Vec<(Option<f64>, Option<f64>)> {
    let below = edges.iter().map(|edge| (None, Some(*edge)));
    let above = edges.iter().map(|edge| (Some(*edge), None));
    let between = edges.windows(2).map(|e| (Some(e[0]), Some(e[1])));
    below.chain(above).chain(between).collect()
}

/// A set of examples, a bit for each.
#[derive(Clone)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// No example of so many.
    pub fn none(examples: usize) -> Self {
        Self(vec![0; examples.div_ceil(64)])
    }

    /// The examples for which there is `true`.
    pub fn of(examples: impl ExactSizeIterator<Item = bool>) -> Self {
        let mut bits = Self::none(examples.len());
        for (i, _) in examples.enumerate().filter(|(_, yes)| *yes) {
            bits.0[i / 64] |= 1 << (i % 64);
        }
        bits
    }

    /// Those that are in both.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// Those that are not in the other.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & !b).collect())
    }

    /// Takes in those of the other.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.0.iter_mut().zip(&other.0) {
            *own |= more;
        }
    }

    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The examples in order.
    pub fn examples(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then(|| i * 64 + bit as usize)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_said_in_words() {
        let feature = Feature::numbers("age", (0..100).map(f64::from).collect());
        let words: Vec<String> = candidates(&[feature], 3)
            .iter()
            .map(|c| format!("{} ({})", c.conditions[0], c.bits.count()))
            .collect();
        assert_eq!(
            words,
            [
                "age < 33 (33)",
                "age < 66 (66)",
                "age ≥ 33 (67)",
                "age ≥ 66 (34)",
                "33 ≤ age < 66 (33)",
                "age is missing (0)"
            ]
        );
        let city = Feature::words("city", &[Some("a"), None, Some("b"), Some("b")]);
        let found = candidates(&[city], 3);
        assert_eq!(found[0].conditions[0].to_string(), "city = b");
        assert_eq!(found[0].bits.examples().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(found[2].bits.examples().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn sets_are_sets() {
        let of = |keep: fn(usize) -> bool| Bits::of((0..200).map(keep));
        let (even, large) = (of(|i| i % 2 == 0), of(|i| i >= 150));
        assert_eq!((even.count(), large.count()), (100, 50));
        assert_eq!(even.and(&large).count(), 25);
        assert_eq!(large.without(&even).examples().next(), Some(151));
        let mut both = even.clone();
        both.add(&large);
        assert_eq!(both.count(), 125);
        assert_eq!(both.examples().last(), Some(199));
    }
}
