//! From table rows to numbers a network can take, fitted on the training rows only.

use super::{Column, ColumnData, Table};
use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Most levels of one category that get an input of their own; rarer ones share one.
const MAX_LEVELS: usize = 100;

/// How each column becomes inputs. Saved in the bundle, so that prediction treats rows as training did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEncoder {
    /// The columns the model reads, in input order.
    pub columns: Vec<ColumnEncoder>,
}

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

impl TableEncoder {
    /// Fits the encoding of every column but the target and the excluded ones.
    ///
    /// Returns the encoder and a note for each column that carries nothing a model could use.
    ///
    /// # Errors
    /// A column without any value, or no usable column at all.
    pub fn fit(
        table: &Table,
        place: &str,
        target: &str,
        exclude: &[String],
        rows: &[usize],
    ) -> Result<(Self, Vec<String>), DataError> {
        for name in exclude {
            table.require(name, place)?;
        }
        let mut columns = Vec::new();
        let mut notes = Vec::new();
        for column in &table.columns {
            let name = &column.name;
            if name == target || exclude.contains(name) {
                continue;
            }
            if column.missing() == column.len() {
                return Err(DataError::new(
                    format!("{place}, column `{name}`"),
                    "no value in any row",
                    format!("fill it, or leave it out with --exclude {name}"),
                ));
            }
            match ColumnEncoder::fit(column, rows) {
                Ok(encoder) => columns.push(encoder),
                Err(why) => notes.push(format!("column `{name}` is left out: {why}")),
            }
        }
        if columns.is_empty() {
            return Err(DataError::new(
                place,
                "no column is left for the model to learn from",
                "give a table with at least one column besides the target that varies",
            ));
        }
        Ok((Self { columns }, notes))
    }

    /// Number of inputs a row becomes.
    pub fn width(&self) -> usize {
        self.columns.iter().map(ColumnEncoder::width).sum()
    }

    /// A name for each input.
    pub fn input_names(&self) -> Vec<String> {
        self.columns
            .iter()
            .flat_map(ColumnEncoder::input_names)
            .collect()
    }

    /// The rows of a table as inputs, row by row: `rows.len() * width()` values.
    ///
    /// # Errors
    /// A column that the model reads is not in the table, or holds words where numbers were.
    pub fn encode(
        &self,
        table: &Table,
        place: &str,
        rows: &[usize],
    ) -> Result<Vec<f32>, DataError> {
        let width = self.width();
        let mut out = vec![0.0; rows.len() * width];
        let mut start = 0;
        for (i, encoder) in self.columns.iter().enumerate() {
            // Where it stands in a conforming table.
            let column = match table.columns.get(i) {
                Some(column) if column.name == encoder.name() => column,
                _ => table.require(encoder.name(), place)?,
            };
            encoder.check(column, place)?;
            for (row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
                encoder.write(column, *row, &mut out[start..start + encoder.width()]);
            }
            start += encoder.width();
        }
        Ok(out)
    }

    /// The columns that are read and no others, each of the sort that is read: such tables can be put
    /// together ([`Table::append`]), and encode as they did before.
    ///
    /// # Errors
    /// As for [`TableEncoder::encode`].
    pub fn conform(&self, table: &Table, place: &str) -> Result<Table, DataError> {
        let by_name: HashMap<&str, &Column> =
            table.columns.iter().map(|c| (c.name.as_str(), c)).collect();
        let conform = |encoder: &ColumnEncoder| {
            let column = match by_name.get(encoder.name()) {
                Some(column) => column,
                None => table.require(encoder.name(), place)?,
            };
            encoder.check(column, place)?;
            Ok(encoder.conform(column))
        };
        Ok(Table {
            columns: self.columns.iter().map(conform).collect::<Result<_, _>>()?,
        })
    }
}

impl ColumnEncoder {
    fn fit(column: &Column, rows: &[usize]) -> Result<Self, String> {
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
                if column.kind == super::Kind::Text {
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

    fn width(&self) -> usize {
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

    fn input_names(&self) -> Vec<String> {
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
    fn check(&self, column: &Column, place: &str) -> Result<(), DataError> {
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
    fn conform(&self, column: &Column) -> Column {
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

    fn write(&self, column: &Column, row: usize, out: &mut [f32]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        super::super::csv::parse("t", text.as_bytes(), "utf-8").unwrap()
    }

    #[test]
    fn numbers_are_scaled_and_words_spread_out() {
        let t = table("x,c,y\n1,a,0\n3,b,1\n,a,0\n");
        let (encoder, notes) = TableEncoder::fit(&t, "t", "y", &[], &[0, 1, 2]).unwrap();
        assert!(notes.is_empty());
        assert_eq!(
            encoder.input_names(),
            ["x", "x is missing", "c = a", "c = b"]
        );
        let rows = encoder.encode(&t, "t", &[0, 2]).unwrap();
        assert_eq!(rows, [-1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn unseen_levels_and_wrong_kinds() {
        let t = table("x,c,y\n1,a,0\n3,b,1\n");
        let (encoder, _) = TableEncoder::fit(&t, "t", "y", &[], &[0, 1]).unwrap();
        let unseen = table("c,x\nz,2\n");
        assert_eq!(encoder.encode(&unseen, "u", &[0]).unwrap(), [0.0, 0.0, 0.0]);
        let wrong = encoder
            .encode(&table("c,x\na,big\n"), "u", &[0])
            .unwrap_err();
        assert!(
            wrong
                .to_string()
                .contains("`big` where the model expects a number")
        );
        let absent = encoder.encode(&table("c\na\n"), "u", &[0]).unwrap_err();
        assert!(absent.to_string().contains("no column `x`"));
    }

    #[test]
    fn gaps_where_numbers_were_are_fine_and_the_word_is_named() {
        let t = table("x,c,y\n1,a,0\n3,b,1\n,a,0\n");
        let (encoder, _) = TableEncoder::fit(&t, "t", "y", &[], &[0, 1, 2]).unwrap();
        let empty = table("c,x\na,\nb,NA\n");
        assert_eq!(
            encoder.encode(&empty, "u", &[1]).unwrap(),
            [0.0, 1.0, 0.0, 1.0]
        );
        // A gap and a number stand before the word at fault.
        let wrong = encoder
            .encode(&table("c,x\na,\na,2\nb,big\n"), "u", &[0])
            .unwrap_err();
        assert!(wrong.to_string().contains("`big`"), "{wrong}");
    }

    #[test]
    fn truth_is_known_however_it_is_written() {
        let t = table("b,y\nTrue,0\nFalse,1\n");
        let (encoder, _) = TableEncoder::fit(&t, "t", "y", &[], &[0, 1]).unwrap();
        let json = super::super::parse_jsonl("u", b"{\"b\": true}").unwrap();
        assert_eq!(encoder.encode(&json, "u", &[0]).unwrap(), [0.0, 1.0]);
    }

    #[test]
    fn tables_in_the_models_form_can_be_put_together() {
        let t = table("x,c,y\n1,20,0\n3,b,1\n,20,0\n");
        let (encoder, _) = TableEncoder::fit(&t, "t", "y", &[], &[0, 1, 2]).unwrap();
        // Other columns, another order, a category that looks like a number, a number without a value.
        let parts = [table("z,c,x\n9,20,1\n"), table("x,c\n,b\n")];
        let mut joined = encoder.conform(&parts[0], "u").unwrap();
        joined
            .append(encoder.conform(&parts[1], "u").unwrap())
            .unwrap();
        assert_eq!(
            encoder.encode(&joined, "u", &[0, 1]).unwrap(),
            encoder
                .encode(&table("x,c\n1,20\n,b\n"), "u", &[0, 1])
                .unwrap()
        );
        assert!(encoder.conform(&table("x,c\nbig,b\n"), "u").is_err());
        assert!(encoder.conform(&table("x\n1\n"), "u").is_err());
    }

    #[test]
    fn an_empty_column_is_an_error_and_a_constant_one_a_note() {
        let t = table("x,e,k,y\n1,,5,0\n3,,5,1\n");
        let error = TableEncoder::fit(&t, "t", "y", &[], &[0, 1]).unwrap_err();
        assert!(error.place.contains("`e`") && error.help.contains("--exclude e"));
        let (_, notes) = TableEncoder::fit(&t, "t", "y", &["e".into()], &[0, 1]).unwrap();
        assert_eq!(notes.len(), 1);
    }
}
