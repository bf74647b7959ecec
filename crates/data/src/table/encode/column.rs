//! How one column becomes inputs.

use crate::error::DataError;
use crate::table::{Column, ColumnData, Kind};
use serde::{Deserialize, Serialize};

/// Most levels of one category that get an input of their own; rarer ones share one.
const MAX_LEVELS: usize = 100;

/// How one column becomes inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ColumnEncoder {
    /// `(x - mean) / std`; a gap becomes the mean, and says so in a second input if training had gaps.
    Number {
        /// Column name.
        name: String,
        /// Mean of the training rows.
        mean: f64,
        /// Standard deviation of the training rows.
        std: f64,
        /// Whether a second input tells that the value is missing.
        flags_missing: bool,
    },
    /// One input a level, plus one for rarer and unseen levels if training had such; a gap is a level.
    Category {
        /// Column name.
        name: String,
        /// The levels with an input of their own.
        levels: Vec<String>,
        /// Whether rare levels share an input.
        other: bool,
        /// Whether gaps have an input.
        missing: bool,
    },
}

impl ColumnEncoder {
    pub(super) fn fit(column: &Column, rows: &[usize]) -> Result<Self, String> {
        let name = column.name.clone();
        match &column.data {
            ColumnData::Numbers(values) => {
                let present: Vec<f64> = rows
                    .iter()
                    .map(|r| values[*r])
                    .filter(|v| !v.is_nan())
                    .collect();
                let count = present.len().max(1) as f64;
                let mean = present.iter().sum::<f64>() / count;
                let variance = present.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                let flags_missing = present.len() < rows.len();
                let varies = variance.sqrt() > 1e-12 * mean.abs().max(1e-300);
                if !varies && !flags_missing {
                    return Err("the same value in every training row".into());
                }
                let std = if variance > 0.0 { variance.sqrt() } else { 1.0 };
                Ok(Self::Number {
                    name,
                    mean,
                    std,
                    flags_missing,
                })
            }
            ColumnData::Labels { codes, levels } => {
                if column.kind == Kind::Text {
                    return Err("free text, which the table tasks do not read".into());
                }
                let mut counts = vec![0usize; levels.len()];
                let mut missing = false;
                for row in rows {
                    match counts.get_mut(codes[*row] as usize) {
                        Some(count) => *count += 1,
                        None => missing = true,
                    }
                }
                let mut seen: Vec<usize> = (0..levels.len()).filter(|l| counts[*l] > 0).collect();
                if seen.len() + usize::from(missing) < 2 {
                    return Err("the same value in every training row".into());
                }
                let other = seen.len() > MAX_LEVELS;
                seen.sort_by_key(|l| std::cmp::Reverse(counts[*l]));
                seen.truncate(MAX_LEVELS);
                seen.sort_unstable();
                let levels = seen.into_iter().map(|l| levels[l].clone()).collect();
                Ok(Self::Category {
                    name,
                    levels,
                    other,
                    missing,
                })
            }
        }
    }

    /// Name of the column.
    pub fn name(&self) -> &str {
        match self {
            Self::Number { name, .. } | Self::Category { name, .. } => name,
        }
    }

    pub(super) fn width(&self) -> usize {
        match self {
            Self::Number { flags_missing, .. } => 1 + usize::from(*flags_missing),
            Self::Category {
                levels,
                other,
                missing,
                ..
            } => levels.len() + usize::from(*other) + usize::from(*missing),
        }
    }

    pub(super) fn input_names(&self) -> Vec<String> {
        match self {
            Self::Number {
                name,
                flags_missing,
                ..
            } => {
                let mut names = vec![name.clone()];
                names.extend(flags_missing.then(|| format!("{name} is missing")));
                names
            }
            Self::Category {
                name,
                levels,
                other,
                missing,
            } => {
                let mut names: Vec<_> = levels.iter().map(|l| format!("{name} = {l}")).collect();
                names.extend(other.then(|| format!("{name} = (rare)")));
                names.extend(missing.then(|| format!("{name} is missing")));
                names
            }
        }
    }

    /// Asked once a chunk of rows, so it must not look at every row unless there is an error to tell.
    pub(super) fn check(&self, column: &Column, place: &str) -> Result<(), DataError> {
        let (Self::Number { name, .. }, ColumnData::Labels { codes, levels }) =
            (self, &column.data)
        else {
            return Ok(());
        };
        // A column without any value has no levels: it is all gaps, which a number may have.
        if levels.is_empty() {
            return Ok(());
        }
        let words = codes.iter().filter_map(|c| levels.get(*c as usize));
        // Numbers kept as text, as Parquet may have them, are words too.
        let word = words
            .clone()
            .find(|w| w.parse::<f64>().is_err())
            .or_else(|| words.clone().next());
        Err(DataError::new(
            format!("{place}, column `{name}`"),
            format!(
                "`{}` where the model expects a number",
                word.map_or("", String::as_str)
            ),
            "give numbers, or an empty field where the value is unknown",
        ))
    }

    /// A column that passed [`Self::check`], as numbers or as words.
    pub(super) fn conform(&self, column: &Column) -> Column {
        let data = match (self, &column.data) {
            // All gaps, or it would not have passed.
            (Self::Number { .. }, ColumnData::Labels { codes, .. }) => {
                ColumnData::Numbers(vec![f64::NAN; codes.len()])
            }
            (Self::Category { .. }, ColumnData::Numbers(_)) => {
                let (codes, levels) = column.to_labels();
                ColumnData::Labels { codes, levels }
            }
            _ => column.data.clone(),
        };
        Column {
            name: column.name.clone(),
            kind: column.kind,
            data,
        }
    }

    pub(super) fn write(&self, column: &Column, row: usize, out: &mut [f32]) {
        match (self, &column.data) {
            (Self::Number { mean, std, .. }, ColumnData::Numbers(values))
                if !values[row].is_nan() =>
            {
                out[0] = ((values[row] - mean) / std) as f32;
            }
            (Self::Number { flags_missing, .. }, _) => {
                if *flags_missing {
                    out[1] = 1.0;
                }
            }
            (
                Self::Category {
                    levels,
                    other,
                    missing,
                    ..
                },
                _,
            ) => {
                if column.is_missing(row) {
                    if *missing {
                        out[levels.len() + usize::from(*other)] = 1.0;
                    }
                    return;
                }
                // Numbers in a column of words (a code such as 20) are compared as text.
                match find_level(levels, &column.text(row)) {
                    Some(level) => out[level] = 1.0,
                    None if *other => out[levels.len()] = 1.0,
                    None => {}
                }
            }
        }
    }
}

/// The index of a level. What is true or false may be written otherwise than in training: `True` in a
/// table, `true` in JSON.
fn find_level(levels: &[String], text: &str) -> Option<usize> {
    let is_truth = |l: &String| l.eq_ignore_ascii_case("true") || l.eq_ignore_ascii_case("false");
    match levels.binary_search_by(|level| level.as_str().cmp(text)) {
        Ok(level) => Some(level),
        Err(_) if levels.iter().all(is_truth) => {
            levels.iter().position(|l| l.eq_ignore_ascii_case(text))
        }
        Err(_) => None,
    }
}
