//! CSV and TSV.

use super::{Table, infer};
use crate::error::DataError;
use crate::open::read_maybe_gzip;
use std::path::Path;

/// Reads a file with a header line; the separator is told by that line (comma, tab, semicolon, bar).
pub fn read(path: &Path, encoding: &str) -> Result<Table, DataError> {
    let bytes = read_maybe_gzip(path)?;
    parse(&path.display().to_string(), &bytes, encoding)
}

/// Parses CSV in memory; `place` names it in messages.
pub fn parse(place: &str, bytes: &[u8], encoding: &str) -> Result<Table, DataError> {
    let text = decode(place, bytes, encoding)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(&text))
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

/// The text in UTF-8, or an error that names the line and the encoding it looks like.
fn decode(place: &str, bytes: &[u8], encoding: &str) -> Result<String, DataError> {
    let Some(asked) = encoding_rs::Encoding::for_label(encoding.as_bytes()) else {
        return Err(DataError::new(
            format!("encoding `{encoding}`"),
            "unknown text encoding",
            "use a name such as utf-8, gb18030, big5, shift_jis or windows-1252",
        ));
    };
    // A byte order mark wins over what was asked.
    let (text, used, failed) = asked.decode(bytes);
    if !failed {
        return Ok(text.into_owned());
    }
    let good = std::str::from_utf8(bytes)
        .err()
        .map_or(0, |e| e.valid_up_to());
    let line = 1 + bytes[..good].iter().filter(|b| **b == b'\n').count();
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    let guess = detector
        .guess(None, chardetng::Utf8Detection::Allow)
        .name()
        .to_lowercase();
    Err(DataError::new(
        format!("{place}, line {line}"),
        format!("bytes that are not {}", used.name()),
        format!("it looks like {guess}: add --encoding {guess}, or save the file as UTF-8"),
    ))
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
    fn a_wrong_encoding_is_named_and_its_own_reads() {
        let (bytes, ..) =
            encoding_rs::GB18030.encode("城市,房价\n北京的房子在二环里面,100\n上海的房子,90\n");
        let message = error(&bytes);
        assert!(
            message.contains("line 1") && message.contains("--encoding gb"),
            "{message}"
        );
        assert_eq!(
            parse("t", &bytes, "gb18030").unwrap().columns[0].name,
            "城市"
        );
    }

    #[test]
    fn headers_are_checked() {
        assert!(error(b"").contains("empty"));
        assert!(error(b"1,2\n3,4\n").contains("not column names"));
        assert!(error(b"a,a\n3,4\n").contains("two columns"));
        assert!(error(b"a,b\n").contains("no rows"));
    }
}
