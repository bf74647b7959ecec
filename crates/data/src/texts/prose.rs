//! Running text, such as a book: a table with a row for each passage.

use super::{FILE, TEXT, contents};
use crate::error::DataError;
use crate::open::Found;
use crate::table::{Column, Table};
use std::path::{Path, PathBuf};

/// Characters of a passage in a long text.
const LONGEST: usize = 2000;
/// Characters of a passage in a short one.
const SHORTEST: usize = 200;
/// A text is cut into about so many passages at least, so that some can be held out.
const PASSAGES: usize = 60;
/// Lines that tell whether a text is a table.
const LOOKED_AT: usize = 20;

/// Words of a column's name.
const NAME: usize = 5;

/// Whether a text is no table: its first line is a sentence, or its lines are not all divided into the
/// same number of fields, which are at least two.
pub(crate) fn is_prose(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let named = |field: &str| field.split_whitespace().count() <= NAME;
    let table = [b',', b'\t', b';', b'|'].into_iter().any(|separator| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let looked: Vec<_> = reader.records().take(LOOKED_AT).collect();
        first.split(char::from(separator)).all(named)
            && !first
                .trim_end()
                .ends_with(['.', '!', '?', '。', '！', '？'])
            && first.as_bytes().contains(&separator)
            && looked.len() > 1
            && looked.iter().all(Result::is_ok)
    });
    !table
}

/// The table of a text: `text` and `file`, a row a passage.
pub(crate) fn table(name: &str, text: &str, told: &mut Found) -> Result<Table, DataError> {
    of_texts(vec![name.to_string()], vec![text.to_string()], told)
}

/// The table of text files below `root`.
pub(crate) fn read_files(
    root: &Path,
    paths: &[PathBuf],
    encoding: &str,
    told: &mut Found,
) -> Result<Table, DataError> {
    let (names, texts) = contents(Some(root), paths, encoding, &mut told.notes)?;
    of_texts(names, texts, told)
}

fn of_texts(names: Vec<String>, texts: Vec<String>, told: &mut Found) -> Result<Table, DataError> {
    let all: usize = texts.iter().map(|text| text.chars().count()).sum();
    let size = (all / PASSAGES).clamp(SHORTEST, LONGEST);
    let mut files = Vec::new();
    let mut rows = Vec::new();
    for (name, text) in names.iter().zip(&texts) {
        for passage in passages(text, size) {
            files.push(Some(name.clone()));
            rows.push(Some(passage));
        }
    }
    if rows.is_empty() {
        let place = names.first().cloned().unwrap_or_default();
        return Err(DataError::new(
            place,
            "there is no text in it",
            "give a text to learn from",
        ));
    }
    told.notes.push(format!(
        "read as running text: {} passages of about {size} characters; a table needs a line of column \
         names and the same number of fields in every line",
        rows.len()
    ));
    Ok(Table {
        columns: vec![
            Column::of_texts(TEXT, &rows),
            Column::of_words(FILE, &files),
        ],
    })
}

/// Cuts a text at the ends of paragraphs into passages of `size` characters or a little more. Where a
/// paragraph is long it is cut at the end of a line, and a long line between words.
fn passages(text: &str, size: usize) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let mut all = Vec::new();
    let mut open = String::new();
    let mut length = 0;
    let mut close = |open: &mut String, length: &mut usize| {
        let passage = open.trim_matches('\n').trim_end();
        if !passage.trim().is_empty() {
            all.push(passage.to_string());
        }
        open.clear();
        *length = 0;
    };
    for line in text
        .split_inclusive('\n')
        .flat_map(|line| pieces(line, size))
    {
        open.push_str(line);
        length += line.chars().count();
        let paragraph_ends = line.trim().is_empty();
        if length >= 2 * size || length >= size && paragraph_ends {
            close(&mut open, &mut length);
        }
    }
    close(&mut open, &mut length);
    all
}

/// A line, cut between words where it is longer than `size` characters.
fn pieces(mut line: &str, size: usize) -> Vec<&str> {
    let mut found = Vec::new();
    while let Some((most, _)) = line.char_indices().nth(size) {
        // Scripts without blanks are cut between characters.
        let end = line[..most].rfind(' ').map_or(most, |blank| blank + 1);
        let (piece, rest) = line.split_at(end);
        found.push(piece);
        line = rest;
    }
    found.push(line);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, OpenOptions, open};

    #[test]
    fn tables_are_told_from_prose() {
        for table in [
            "a,b\n1,2\n",
            "a\tb\nx\ty\n",
            "a;b\n\"x\ny\";2\n",
            "name|age\nx|3\n",
        ] {
            assert!(!is_prose(table), "{table}");
        }
        for prose in [
            "Once upon a time, there was a shop.\nIt sold tea.\n",
            "Title\n\nA first line, of two.\nAnd, well, three.",
            "one word",
            "Hello, world",
            "The cat sat.  It purred, too.\nThe dog ran, too.\n",
            "After the long rain of that year the river rose, and\nthe people left, one by one\n",
            "第一章，开始。\n他走了。",
        ] {
            assert!(is_prose(prose), "{prose}");
        }
    }

    #[test]
    fn passages_end_where_paragraphs_do() {
        let text = "One two.\r\nThree.\r\n\r\n\r\nFour five six.\n\nSeven.\n";
        assert_eq!(
            passages(text, 10),
            ["One two.\nThree.", "Four five six.", "Seven."]
        );
        // No blank line: at the end of a line; no line: between words; no word: between characters.
        assert_eq!(
            passages("aaaa\nbbbb\ncccc\ndddd\n", 5),
            ["aaaa\nbbbb", "cccc\ndddd"]
        );
        let words = passages(&"word ".repeat(9), 6);
        assert!(
            words.iter().all(|w| w.split(' ').all(|w| w == "word")),
            "{words:?}"
        );
        let characters = passages(&"字".repeat(9), 4);
        assert_eq!(characters.concat(), "字".repeat(9));
        assert!(passages(" \n\n", 5).is_empty());
    }

    #[test]
    fn a_book_and_a_folder_of_texts_are_tables() {
        let folder = tempfile::tempdir().unwrap();
        let book = folder.path().join("book.txt");
        let paragraph = "It was a dark night, and the wind blew.\nNobody came.\n\n";
        std::fs::write(&book, paragraph.repeat(40)).unwrap();
        std::fs::write(folder.path().join("b.txt"), "Another text.").unwrap();
        let read = |path: &Path| {
            let dataset = open(&path.display().to_string(), OpenOptions::default()).unwrap();
            match dataset.content {
                Content::Table(table) => (table, dataset.notes),
                Content::Images(_) => panic!("pictures"),
            }
        };
        let (table, notes) = read(&book);
        assert!(table.rows() > 5, "{}", table.rows());
        assert!(notes[0].contains("running text"), "{notes:?}");
        let (table, _) = read(folder.path());
        let files = table.column(FILE).unwrap();
        assert_eq!((files.text(0), files.distinct()), ("b.txt".into(), 2));
    }
}
