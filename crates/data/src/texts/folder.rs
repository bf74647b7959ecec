//! A folder of text files with one folder a class.

use super::{FILE, LABEL, TEXT, contents};
use crate::dataset::Part;
use crate::error::DataError;
use crate::folder;
use crate::open::Found;
use crate::table::{Column, SPLIT, Table};
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 3] = ["txt", "md", "markdown"];

/// Whether the file's ending is one of a text.
pub fn is_text(path: &Path) -> bool {
    folder::has_ending(path, &ENDINGS)
}

/// Text files in `folder` and below, sorted by path.
///
/// # Errors
/// A folder that cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    folder::list(folder, is_text)
}

/// Texts that nothing is known about: a table of `text` and `file`, and what was noticed.
///
/// # Errors
/// A file that cannot be read, or is no text.
pub fn read_files(paths: &[PathBuf], encoding: &str) -> Result<(Table, Vec<String>), DataError> {
    let mut notes = Vec::new();
    let (names, texts) = contents(None, paths, encoding, &mut notes)?;
    let columns = vec![texts_column(texts, &mut notes), words(FILE, names)];
    Ok((Table { columns }, notes))
}

/// Reads `folder/CLASS/text`, or `folder/{train,val,test}/CLASS/text`, whose table has a column that
/// prescribes the parts.
pub(crate) fn read(folder: &Path, encoding: &str, told: &mut Found) -> Result<Table, DataError> {
    let found = folder::classed(folder, is_text)?;
    let all = list(folder)?.len();
    if found.is_empty() {
        return Err(DataError::new(
            folder.display(),
            format!("{all} texts, but no folder for each class"),
            "put the texts of each class into a folder of its own: praise/1.txt, praise/2.txt, \
             complaints/1.txt; or give one table with a row for each text",
        ));
    }
    if all > found.len() {
        let loose = all - found.len();
        told.notes.push(format!(
            "{loose} texts in no folder of a class were left out"
        ));
    }
    let paths: Vec<PathBuf> = found.iter().map(|f| f.path.clone()).collect();
    let (names, texts) = contents(Some(folder), &paths, encoding, &mut told.notes)?;
    let classes = found.iter().map(|f| f.class.clone()).collect();
    let mut columns = vec![
        texts_column(texts, &mut told.notes),
        words(LABEL, classes),
        words(FILE, names),
    ];
    if found.iter().any(|f| f.part.is_some()) {
        let part = |part: Option<Part>| part.map(|p| p.name().to_string());
        let parts: Vec<Option<String>> = found.iter().map(|f| part(f.part)).collect();
        columns.push(Column::of_words(SPLIT, &parts));
    }
    told.target = Some(LABEL);
    Ok(Table { columns })
}

/// The column of the texts; an empty one is a gap.
fn texts_column(texts: Vec<String>, notes: &mut Vec<String>) -> Column {
    let present = |text: String| (!text.trim().is_empty()).then_some(text);
    let texts: Vec<Option<String>> = texts.into_iter().map(present).collect();
    let empty = texts.iter().filter(|t| t.is_none()).count();
    if empty > 0 {
        notes.push(format!("{empty} of {} texts are empty", texts.len()));
    }
    Column::of_texts(TEXT, &texts)
}

fn words(name: &str, words: Vec<String>) -> Column {
    Column::of_words(name, &words.into_iter().map(Some).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use crate::table::Kind;
    use crate::{Content, DataConfig, Dataset, OpenOptions, Part, Table, open};
    use std::path::Path;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn read(folder: &Path) -> Result<Dataset, String> {
        open(&folder.display().to_string(), OpenOptions::default())
            .map_err(|e| format!("{e} / {}", e.help))
    }

    fn table(dataset: &Dataset) -> &Table {
        match &dataset.content {
            Content::Table(table) => table,
            Content::Images(_) => panic!("pictures"),
        }
    }

    fn column(table: &Table, name: &str) -> Vec<String> {
        let column = table.column(name).unwrap();
        (0..column.len()).map(|row| column.text(row)).collect()
    }

    #[test]
    fn a_folder_is_a_class_and_a_file_a_text() {
        let folder = folder(&[
            ("good/a.txt", b"fine"),
            ("good/deep/b.md", b"# very fine\n"),
            ("bad/a.txt", b" \n"),
            ("bad/.hidden.txt", b"no"),
            ("README.txt", b"about"),
        ]);
        let dataset = read(folder.path()).unwrap();
        let table = table(&dataset);
        assert_eq!(column(table, "text"), ["", "fine", "# very fine\n"]);
        assert_eq!(column(table, "label"), ["bad", "good", "good"]);
        let files = ["bad/a.txt", "good/a.txt", "good/deep/b.md"];
        assert_eq!(column(table, "file"), files);
        assert!(table.column("split").is_none());
        assert_eq!(table.column("text").unwrap().kind, Kind::Text);
        assert_eq!(dataset.suggested_target.as_deref(), Some("label"));
        let notes = dataset.notes.join("; ");
        assert!(notes.contains("1 of 3 texts are empty"), "{notes}");
        assert!(notes.contains("1 texts in no folder of a class"), "{notes}");
    }

    #[test]
    fn folders_of_parts_prescribe_them() {
        let folder = folder(&[
            ("train/good/a.txt", b"fine"),
            ("train/bad/a.txt", b"poor"),
            ("test/good/a.txt", b"great"),
            ("dev/bad/a.txt", b"awful"),
        ]);
        let dataset = read(folder.path()).unwrap();
        let table = table(&dataset);
        let given = table.given(&DataConfig::default(), "t").unwrap();
        let part = |text: &str| {
            let row = column(table, "text").iter().position(|t| t == text);
            given[row.unwrap()]
        };
        assert_eq!(part("fine"), Some(Part::Train));
        assert_eq!(part("great"), Some(Part::Test));
        assert_eq!(part("awful"), Some(Part::Validation));
        assert_eq!(column(table, "label").len(), 4);
    }

    #[test]
    fn other_encodings_and_what_is_no_text() {
        let gbk = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
        let (one, two) = (gbk("这家店的东西很好吃"), gbk("太差了，不会再来"));
        let folder = folder(&[("good/a.txt", &one), ("bad/a.txt", &two)]);
        let dataset = read(folder.path()).unwrap();
        assert_eq!(column(table(&dataset), "text")[1], "这家店的东西很好吃");
        assert!(dataset.notes[0].starts_with("2 of 2 files are in gb"));
        std::fs::write(folder.path().join("bad/b.txt"), [0u8, 1, 2, 3, 0, 0, 9]).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(
            error.contains("b.txt") && error.contains("not a text"),
            "{error}"
        );
    }

    #[test]
    fn loose_mixed_and_no_files_are_errors() {
        for (files, part) in [
            (
                &[("train/a.txt", &b"x"[..]), ("test/b.txt", b"y")][..],
                "2 texts, but no folder for each class",
            ),
            (&[], "no pictures in this folder"),
            (&[("a/x.bin", b"x")], "no texts (txt, md)"),
            (
                &[("a/x.png", b"x"), ("a/x.txt", b"y")],
                "1 pictures and 1 texts",
            ),
        ] {
            let folder = folder(files);
            let error = read(folder.path()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_stray_text_among_pictures_is_left_out() {
        let png = [("c", 1), ("d", 30)].map(|(class, n)| {
            (0..n)
                .map(move |i| format!("{class}/{i}.png"))
                .collect::<Vec<_>>()
        });
        let names = png.concat();
        let mut files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &b"x"[..])).collect();
        files.push(("c/about.txt", b"where they are from"));
        let dataset = read(folder(&files).path()).unwrap();
        assert!(matches!(dataset.content, Content::Images(set) if set.len() == 31));
        assert!(
            dataset.notes[0].contains("1 texts in the folder"),
            "{:?}",
            dataset.notes
        );
    }

    #[test]
    fn what_is_about_the_data_does_not_decide() {
        let pictures = folder(&[
            ("a/1.png", b"x"),
            ("b/1.png", b"x"),
            ("README.md", b"# About\nx"),
        ]);
        assert!(matches!(
            read(pictures.path()).unwrap().content,
            Content::Images(_)
        ));
        let texts = folder(&[
            ("a/1.txt", b"x"),
            ("b/1.txt", b"y"),
            ("README.md", b"# About\nx"),
        ]);
        let dataset = read(texts.path()).unwrap();
        assert_eq!(column(table(&dataset), "label"), ["a", "b"]);
        let documents = folder(&[("guide/1.md", b"# Why?\nx"), ("README.md", b"# About\nx")]);
        let dataset = read(documents.path()).unwrap();
        assert_eq!(column(table(&dataset), "question"), ["About", "Why?"]);
    }

    #[test]
    fn a_file_that_is_too_large_is_named() {
        let folder = folder(&[("good/a.txt", b"x"), ("bad/b.txt", b"")]);
        let file = std::fs::File::create(folder.path().join("bad/b.txt")).unwrap();
        file.set_len(17 << 20).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(
            error.contains("b.txt") && error.contains("16 MiB"),
            "{error}"
        );
    }
}
