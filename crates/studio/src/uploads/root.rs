//! Which of the files that arrived is the data: a table, or the folder of pictures or texts.

use super::Sort;
use crate::problem::Problem;
use modelwright_data::images::is_picture;
use modelwright_data::texts::is_text;
use std::path::{Path, PathBuf};

/// Endings of tables that can be read.
const TABLES: [&str; 6] = ["csv", "tsv", "json", "jsonl", "ndjson", "parquet"];

/// The data among the files of an upload.
pub struct Found {
    /// The file, or the folder with one folder a class.
    pub path: PathBuf,
    /// Which of these.
    pub sort: Sort,
    /// What to call it.
    pub name: String,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of files.
    pub files: usize,
}

/// Whether a file name is that of a table.
pub fn is_table(name: &str) -> bool {
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    // A packed text file can only be a table.
    TABLES.contains(&ending) || (ending == "txt" && plain != lower)
}

/// Finds the data in `content`. Files without a folder in common get the name `name`.
///
/// # Errors
/// Neither pictures, nor texts, nor exactly one table are there.
pub fn find(content: &Path, name: &str) -> Result<Found, Problem> {
    let all = files(content)?;
    let bytes = all.iter().map(|(_, size)| size).sum();
    let found = |path: PathBuf, sort, name: String| Found {
        path,
        sort,
        name,
        bytes,
        files: all.len(),
    };
    let paths = || all.iter().map(|(path, _)| path);
    let tables: Vec<&PathBuf> = paths().filter(|p| is_table(&named(p))).collect();
    if paths().any(|p| is_picture(p)) || paths().any(|p| is_idx_or_cifar(p)) {
        let (root, name) = folder(content, name)?;
        return Ok(found(root, Sort::Pictures, name));
    }
    match tables.as_slice() {
        [only] => {
            let name = named(only);
            Ok(found(only.to_path_buf(), Sort::Table, name))
        }
        [] => texts(content, name, &found),
        several => {
            let names: Vec<String> = several.iter().map(|p| named(p)).collect();
            Err(Problem::bad("upload-many-tables", names.join(", ")))
        }
    }
}

/// Text files without a table: one alone is read as it is, several are a folder.
fn texts(
    content: &Path,
    name: &str,
    found: &dyn Fn(PathBuf, Sort, String) -> Found,
) -> Result<Found, Problem> {
    let all = files(content)?;
    let texts: Vec<&PathBuf> = all
        .iter()
        .map(|(path, _)| path)
        .filter(|p| is_text(p))
        .collect();
    match texts.as_slice() {
        [] => Err(Problem::bad("upload-nothing", "")),
        [only] => Ok(found(only.to_path_buf(), Sort::Table, named(only))),
        [first, rest @ ..] => {
            // All in one folder: documents. Else their folders are classes, and the one above is the data.
            let documents = rest.iter().all(|other| other.parent() == first.parent());
            let parent = first.parent().filter(|_| documents);
            let (root, name) = match parent.filter(|parent| *parent != content) {
                Some(parent) => (parent.to_path_buf(), named(parent)),
                None => folder(content, name)?,
            };
            Ok(found(root, Sort::Texts, name))
        }
    }
}

/// The folder that is the data, and its name. Loose files and classes get one of their own, after
/// which a run is named.
fn folder(content: &Path, name: &str) -> Result<(PathBuf, String), Problem> {
    let root = unwrap(content)?;
    if root != content {
        let name = named(&root);
        return Ok((root, name));
    }
    let own = content.join(super::names::slug(name));
    gather(content, &own)?;
    Ok((own, name.into()))
}

fn named(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Files of the benchmark sets' own formats, which `open` reads from their folder.
fn is_idx_or_cifar(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("idx3-ubyte") || name == "data_batch_1.bin" || name == "train.bin"
}

/// Every file below a folder, with its size.
pub fn files(folder: &Path) -> Result<Vec<(PathBuf, u64)>, Problem> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => open.push(entry.path()),
                false => found.push((entry.path(), entry.metadata()?.len())),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Goes into folders that only wrap another: `photos/photos/{cats,dogs}`. A folder that holds
/// pictures itself is a class, and the one above it is the data.
fn unwrap(content: &Path) -> Result<PathBuf, Problem> {
    let mut root = content.to_path_buf();
    loop {
        let entries: Vec<_> = std::fs::read_dir(&root)?.collect::<Result<_, _>>()?;
        let [only] = entries.as_slice() else {
            return Ok(root);
        };
        let inner = only.path();
        if !inner.is_dir() {
            return Ok(root);
        }
        let mut inside = std::fs::read_dir(&inner)?.flatten();
        let holds_files = inside.any(|e| e.path().is_file());
        // At the top a wrapper of loose pictures is kept: the message about it then names the folder.
        if holds_files && root != content {
            return Ok(root);
        }
        root = inner;
        if holds_files {
            return Ok(root);
        }
    }
}

/// Moves everything in a folder into a new one inside of it.
fn gather(content: &Path, own: &Path) -> Result<(), Problem> {
    let entries: Vec<_> = std::fs::read_dir(content)?.collect::<Result<_, _>>()?;
    // A class may have the same name, so the new folder is made under one that no upload can have.
    let beside = content.join(".gathered");
    std::fs::create_dir(&beside)?;
    for entry in entries {
        std::fs::rename(entry.path(), beside.join(entry.file_name()))?;
    }
    Ok(std::fs::rename(&beside, own)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        folder
    }

    #[test]
    fn the_folder_of_the_classes_is_found() {
        for (files, expected) in [
            (&["photos/cats/1.png", "photos/dogs/1.png"][..], "photos"),
            (&["a/photos/cats/1.png", "a/photos/dogs/2.jpg"], "a/photos"),
            (&["cats/1.png", "dogs/1.png"], "pets"),
            (&["photos/1.png", "photos/2.png"], "photos"),
            (&["photos/cats/1.png"], "photos"),
            (&["photos/cats/1.png", "photos/labels.csv"], "photos"),
        ] {
            let folder = with(files);
            let found = find(folder.path(), "pets").unwrap();
            assert_eq!(found.path, folder.path().join(expected), "{files:?}");
            assert_eq!(found.sort, Sort::Pictures);
            assert_eq!(found.files, files.len());
        }
    }

    #[test]
    fn texts_are_classes_or_documents() {
        for (files, expected, sort) in [
            (
                &["mail/ham/1.txt", "mail/spam/1.txt"][..],
                "mail",
                Sort::Texts,
            ),
            (&["ham/1.txt", "spam/1.txt"], "post", Sort::Texts),
            (&["help/start.md", "help/prices.md"], "help", Sort::Texts),
            (
                &["x/help/start.md", "x/help/prices.md"],
                "x/help",
                Sort::Texts,
            ),
            (&["a.md", "b.md"], "post", Sort::Texts),
            (&["faq.md"], "faq.md", Sort::Table),
            (&["rows.txt"], "rows.txt", Sort::Table),
            (
                &["squad/dev.json", "squad/readme.txt"],
                "squad/dev.json",
                Sort::Table,
            ),
        ] {
            let folder = with(files);
            let found = find(folder.path(), "post").unwrap();
            assert_eq!(found.path, folder.path().join(expected), "{files:?}");
            assert_eq!(found.sort, sort, "{files:?}");
        }
    }

    #[test]
    fn one_table_is_the_data_and_two_are_a_question() {
        let folder = with(&["export/sales.CSV", "export/readme.md"]);
        let found = find(folder.path(), "x").unwrap();
        assert_eq!(
            (found.sort, found.name.as_str()),
            (Sort::Table, "sales.CSV")
        );
        assert!(find(with(&["a.csv", "b.csv"]).path(), "x").is_err());
        assert!(find(with(&["a.docx"]).path(), "x").is_err());
    }
}
