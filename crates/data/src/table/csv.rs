//! CSV and TSV.

use super::{Table, infer};
use crate::encoding::decode;
use crate::error::DataError;
use crate::open::{Found, read_maybe_gzip};
use std::path::Path;

/// Reads a file with a header line; the separator is told by that line (comma, tab, semicolon, bar).
pub(crate) fn read(path: &Path, encoding: &str, told: &mut Found) -> Result<Table, DataError> {
    let place = path.display().to_string();
    let text = decode(&place, &read_maybe_gzip(path)?, encoding, &mut told.notes)?;
    parse_text(&place, &text)
}

/// Parses CSV in memory; `place` names it in messages.
pub fn parse(place: &str, bytes: &[u8], encoding: &str) -> Result<Table, DataError> {
    parse_text(place, &decode(place, bytes, encoding, &mut Vec::new())?)
}

/// Parses CSV that is decoded already.
pub(crate) fn parse_text(place: &str, text: &str) -> Result<Table, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .from_reader(text.as_bytes());
    let names = header(place, reader.headers().map_err(|e| csv_error(place, &e))?)?;
    let mut texts: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(place, &e))?;
        for (column, field) in texts.iter_mut().zip(&record) {
            column.push(field.to_string());
        }
    }
    if texts.first().is_none_or(Vec::is_empty) {
        return Err(DataError::new(
            place,
            "a header but no rows",
            "give a table with rows",
        ));
    }
    let columns = names
        .into_iter()
        .zip(texts)
        .map(|(n, t)| infer::column_of_texts(n, t))
        .collect();
    Ok(Table { columns })
}

fn header(place: &str, record: &csv::StringRecord) -> Result<Vec<String>, DataError> {
    let names: Vec<String> = record
        .iter()
        .enumerate()
        .map(|(i, name)| match name.trim() {
            "" => format!("column_{}", i + 1),
            name => name.to_string(),
        })
        .collect();
    let place = format!("{place}, line 1");
    if record.is_empty() || (record.len() == 1 && record[0].trim().is_empty()) {
        return Err(DataError::new(
            place,
            "the file is empty",
            "give a table with a header and rows",
        ));
    }
    if names.iter().all(|n| n.parse::<f64>().is_ok()) {
        return Err(DataError::new(
            place,
            "the first line holds numbers, not column names",
            "add a header line with a name for each column",
        ));
    }
    let mut seen = std::collections::HashSet::new();
    for name in &names {
        if !seen.insert(name) {
            let problem = format!("two columns are called `{name}`");
            return Err(DataError::new(
                place,
                problem,
                "give each column a name of its own",
            ));
        }
    }
    Ok(names)
}

fn separator(text: &str) -> u8 {
    let line = text.lines().next().unwrap_or("");
    let count = |separator: &u8| line.bytes().filter(|b| b == separator).count();
    // The first of equal counts is taken by reversing: `max_by_key` returns the last.
    [b'|', b';', b'\t', b',']
        .into_iter()
        .max_by_key(count)
        .unwrap_or(b',')
}

fn csv_error(place: &str, error: &csv::Error) -> DataError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => DataError::new(
            match pos {
                Some(pos) => format!("{place}, line {}", pos.line()),
                None => place.to_string(),
            },
            format!("{len} fields where the header has {expected_len}"),
            "quote fields that contain the separator, or complete the row",
        ),
        _ => DataError::new(place, error, "check that the file is a table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: &[u8]) -> String {
        let e = parse("a.csv", bytes, "utf-8").unwrap_err();
        format!("{e} / {}", e.help)
    }

    #[test]
    fn separators_are_told_by_the_header() {
        for text in ["a,b\n1,2\n", "a\tb\n1\t2\n", "a;b\n1;2\n", "a|b\n1|2\n"] {
            let table = parse("t", text.as_bytes(), "utf-8").unwrap();
            assert_eq!(table.columns.len(), 2, "{text}");
        }
    }

    #[test]
    fn a_ragged_row_is_named_by_line() {
        assert!(error(b"a,b\n1,2\n3\n").contains("line 3: 1 fields where the header has 2"));
    }

    #[test]
    fn headers_are_checked() {
        assert!(error(b"").contains("empty"));
        assert!(error(b"1,2\n3,4\n").contains("not column names"));
        assert!(error(b"a,a\n3,4\n").contains("two columns"));
        assert!(error(b"a,b\n").contains("no rows"));
    }
}
