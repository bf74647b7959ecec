//! JSON Lines: one object a line. A list of messages, as in data sets of conversations, becomes a text.

use super::infer::{self, Cell};
use super::{Kind, Table};
use crate::encoding::decode;
use crate::error::DataError;
use crate::open::{Found, read_maybe_gzip};
use crate::texts;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Stands between the texts of a list, such as the labels of one example: a list becomes one text.
pub const LIST_SEPARATOR: &str = "|";

/// Reads a file; keys become columns in the order in which they first appear.
pub(crate) fn read(path: &Path, encoding: &str, told: &mut Found) -> Result<Table, DataError> {
    let place = path.display().to_string();
    let text = decode(&place, &read_maybe_gzip(path)?, encoding, &mut told.notes)?;
    rows(&place, text.as_bytes())?.finish(&place, told)
}

/// Parses JSON Lines in memory; `place` names it in messages.
pub fn parse(place: &str, bytes: &[u8]) -> Result<Table, DataError> {
    rows(place, bytes)?.finish(place, &mut Found::default())
}

fn rows(place: &str, bytes: &[u8]) -> Result<Rows, DataError> {
    let mut rows = Rows::default();
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let place = format!("{place}, line {}", i + 1);
        let object = object(&place, line)?;
        rows.push(&place, object)?;
    }
    Ok(rows)
}

/// A table from objects that are parsed already; keys become columns.
pub fn from_objects(
    place: &str,
    objects: impl IntoIterator<Item = serde_json::Map<String, Value>>,
) -> Result<Table, DataError> {
    from_objects_with(place, objects, &mut Found::default())
}

pub(super) fn from_objects_with(
    place: &str,
    objects: impl IntoIterator<Item = serde_json::Map<String, Value>>,
    told: &mut Found,
) -> Result<Table, DataError> {
    let mut rows = Rows::default();
    for (i, object) in objects.into_iter().enumerate() {
        rows.push(&format!("{place}, row {}", i + 1), object)?;
    }
    rows.finish(place, told)
}

/// A table that grows by rows.
#[derive(Default)]
struct Rows {
    names: Vec<String>,
    index: HashMap<String, usize>,
    columns: Vec<Vec<Cell>>,
    lists: BTreeSet<String>,
    /// Those that hold conversations.
    talks: BTreeSet<String>,
    count: usize,
}

impl Rows {
    fn push(
        &mut self,
        place: &str,
        object: serde_json::Map<String, Value>,
    ) -> Result<(), DataError> {
        for (name, value) in object {
            let cell = match &value {
                Value::Array(list) => self.list(place, &name, list)?,
                _ => cell(place, &name, value)?,
            };
            let column = match self.index.get(&name) {
                Some(column) => *column,
                None => {
                    self.index.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    self.columns.push(Vec::new());
                    self.names.len() - 1
                }
            };
            // The rows before, in which the key was not there.
            self.columns[column].resize(self.count, Cell::Missing);
            self.columns[column].push(cell);
        }
        self.count += 1;
        Ok(())
    }

    /// A conversation, or a list of texts; a column of either is remembered.
    fn list(&mut self, place: &str, name: &str, list: &[Value]) -> Result<Cell, DataError> {
        let (cell, known) = match texts::conversation(place, name, list)? {
            Some(talk) => (Cell::Text(talk), &mut self.talks),
            None => (joined(place, name, list)?, &mut self.lists),
        };
        if !known.contains(name) {
            known.insert(name.into());
        }
        Ok(cell)
    }

    fn finish(self, place: &str, told: &mut Found) -> Result<Table, DataError> {
        let count = self.count;
        told.lists.extend(self.lists);
        if count == 0 {
            return Err(DataError::new(
                place,
                "no rows",
                "give one JSON object a row",
            ));
        }
        let column = |(name, mut cells): (String, Vec<Cell>)| {
            cells.resize(count, Cell::Missing);
            let mut column = infer::column_of_cells(name, cells);
            if self.talks.contains(&column.name) {
                column.kind = Kind::Text;
            }
            column
        };
        Ok(Table {
            columns: self
                .names
                .into_iter()
                .zip(self.columns)
                .map(column)
                .collect(),
        })
    }
}

fn object(place: &str, line: &[u8]) -> Result<serde_json::Map<String, Value>, DataError> {
    const HELP: &str = "give one JSON object a line, such as {\"age\": 41, \"city\": \"Ghent\"}";
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(DataError::new(place, "not a JSON object", HELP)),
        Err(e) => {
            // The error ends in "at line 1 column N": this text is all it saw of the file.
            let problem = e.to_string();
            let problem = problem.split(" at line ").next().unwrap_or(&problem);
            let place = format!("{place}, column {}", e.column());
            Err(DataError::new(place, problem, HELP))
        }
    }
}

fn cell(place: &str, name: &str, value: Value) -> Result<Cell, DataError> {
    Ok(match value {
        Value::Null => Cell::Missing,
        Value::Bool(b) => Cell::Boolean(b),
        Value::Number(n) => Cell::Number {
            value: n.as_f64().unwrap_or(f64::NAN),
            integer: n.is_i64() || n.is_u64(),
        },
        Value::String(text) => Cell::Text(text),
        Value::Array(_) | Value::Object(_) => return Err(nested(place, name)),
    })
}

/// A list of texts as one text; a list of nothing is a gap.
fn joined(place: &str, name: &str, list: &[Value]) -> Result<Cell, DataError> {
    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| nested(place, name))?;
    if let Some(text) = texts.iter().find(|text| text.contains(LIST_SEPARATOR)) {
        return Err(DataError::new(
            place,
            format!(
                "`{text}` in the list `{name}` holds `{LIST_SEPARATOR}`, which separates texts"
            ),
            "write another character in its place",
        ));
    }
    Ok(match texts.is_empty() {
        true => Cell::Missing,
        false => Cell::Text(texts.join(LIST_SEPARATOR)),
    })
}

fn nested(place: &str, name: &str) -> DataError {
    DataError::new(
        place,
        format!("`{name}` holds an object, or a list of other things than texts"),
        "flatten it into columns of its own",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Kind;

    #[test]
    fn keys_may_come_late_or_stay_away() {
        let text = b"{\"a\":1}\n\n{\"a\":2.5,\"b\":\"x\"}\n{\"b\":null}\n";
        let table = parse("t", text).unwrap();
        assert_eq!(table.rows(), 3);
        assert_eq!(table.columns[0].kind, Kind::Number);
        assert_eq!(
            (table.columns[0].missing(), table.columns[1].missing()),
            (1, 2)
        );
    }

    #[test]
    fn lists_of_texts_become_one_text() {
        let text = b"{\"l\":[\"a\",\"b\"],\"x\":1}\n{\"l\":[]}\n{\"l\":[\"c\"]}\n";
        let mut found = Found::default();
        let table = rows("t", text).unwrap().finish("t", &mut found).unwrap();
        assert_eq!(found.lists, ["l"]);
        let words: Vec<_> = (0..3).map(|row| table.columns[0].word(row)).collect();
        assert_eq!(words, [Some("a|b"), None, Some("c")]);
    }

    #[test]
    fn conversations_become_texts() {
        let text = b"{\"m\":[{\"from\":\"human\",\"value\":\"a|b\"}]}\n{\"m\":[]}\n";
        let mut found = Found::default();
        let table = rows("t", text).unwrap().finish("t", &mut found).unwrap();
        let column = &table.columns[0];
        assert_eq!(column.kind, Kind::Text);
        assert_eq!(column.word(0), Some(r#"[{"role":"user","content":"a|b"}]"#));
        assert!(column.is_missing(1));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, part) in [
            ("{\"a\":1}\n{\"a\":", "line 2"),
            ("[1]", "not a JSON object"),
            ("{\"a\":[1]}", "flatten"),
            ("{\"a\":{}}", "flatten"),
            ("{\"a\":[\"x|y\"]}", "`x|y` in the list `a`"),
            (
                "\n{\"m\":[{\"role\":\"user\",\"content\":\"x\"}]}\n{\"m\":[{\"role\":\"user\"}]}",
                "line 3: message 1 of `m`",
            ),
        ] {
            let e = parse("t", text.as_bytes()).unwrap_err();
            assert!(format!("{e} {}", e.help).contains(part), "{e}");
        }
    }
}
