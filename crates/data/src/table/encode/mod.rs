//! From table rows to numbers a network can take, fitted on the training rows only.

mod column;

pub use column::ColumnEncoder;

use super::{Column, Table};
use crate::error::DataError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How each column becomes inputs. Saved in the bundle, so that prediction treats rows as training did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEncoder {
    /// The columns the model reads, in input order.
    pub columns: Vec<ColumnEncoder>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        crate::table::csv::parse("t", text.as_bytes(), "utf-8").unwrap()
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
        let json = crate::table::parse_jsonl("u", b"{\"b\": true}").unwrap();
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
