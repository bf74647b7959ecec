//! A JSON document: questions in SQuAD's format, or a list of objects.

use super::{Table, jsonl};
use crate::encoding::decode;
use crate::error::DataError;
use crate::open::{Found, read_maybe_gzip};
use crate::texts;
use serde_json::{Map, Value};
use std::path::Path;

/// Reads a file. The first character that is no blank tells which of the two it is.
pub(crate) fn read(path: &Path, encoding: &str, told: &mut Found) -> Result<Table, DataError> {
    let place = path.display().to_string();
    let text = decode(&place, &read_maybe_gzip(path)?, encoding, &mut told.notes)?;
    parse(&place, &text, told)
}

fn parse(place: &str, text: &str, told: &mut Found) -> Result<Table, DataError> {
    if !text.trim_start().starts_with('[') {
        return texts::squad_table(place, text, told);
    }
    let objects: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|e| {
        DataError::new(
            place,
            format!("not a list of objects: {e}"),
            "give [{\"text\": …, \"label\": …}, …], or one object a line in a .jsonl file",
        )
    })?;
    jsonl::from_objects_with(place, objects, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Table, Found), String> {
        let mut found = Found::default();
        match parse("t.json", text, &mut found) {
            Ok(table) => Ok((table, found)),
            Err(e) => Err(format!("{e} / {}", e.help)),
        }
    }

    #[test]
    fn a_list_of_objects_is_a_table() {
        let (table, found) = read(" [{\"a\": 1, \"l\": [\"x\", \"y\"]}, {\"a\": 2}]").unwrap();
        assert_eq!((table.rows(), found.lists), (2, vec!["l".to_string()]));
    }

    #[test]
    fn questions_are_told_by_their_object() {
        let text = r#"{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "y"}]}]}]}"#;
        assert_eq!(read(text).unwrap().1.target, Some("answer"));
    }

    #[test]
    fn other_documents_are_errors() {
        for (text, part) in [
            ("[1, 2]", "not a list of objects"),
            ("{\"rows\": []}", "missing field `data`"),
            ("", "SQuAD"),
            ("[]", "no rows"),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
