//! Finds documents in folders and reads each by its ending.

use super::{Document, faq, html, markdown, pdf, plain};
use crate::error::AssistantError;
use modelwright_data::{AUTO_ENCODING, DataError, texts};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Most files that are read.
const MOST: usize = 20_000;
/// Deepest folder in a folder that is looked into.
const DEEPEST: usize = 32;

/// A file that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub file: String,
    /// What is the matter with it.
    pub problem: String,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Documents with something in them, by their file.
    pub read: Vec<Document>,
    /// Files that were left out.
    pub skipped: Vec<Skipped>,
}

/// Reads files, and all files in folders, whose names do not begin with a point. A file that cannot be
/// read is told in the result; `told(done, all)` is called after each.
///
/// # Errors
/// A path that is not there, too many files, or nothing to read in any of them.
pub fn read(
    paths: &[PathBuf],
    told: &(dyn Fn(usize, usize) + Sync),
) -> Result<Documents, AssistantError> {
    let mut files = Vec::new();
    for path in paths {
        // Several folders may have files of one name.
        let root = match (paths, path.parent()) {
            ([_], _) | (_, None) => path,
            (_, Some(parent)) => parent,
        };
        list(root, path, 0, &mut files)?;
    }
    files.sort();
    files.dedup();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let all = files.par_iter().map(|(name, path)| {
        let document = one(name, path);
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        told(done, files.len());
        document
    });
    let all: Vec<Result<Document, String>> = all.collect();
    let mut documents = Documents::default();
    for ((file, _), document) in files.iter().zip(all) {
        let problem = match document {
            Ok(document) if !document.blocks.is_empty() => {
                documents.read.push(document);
                continue;
            }
            Ok(_) => "nothing to read in it".into(),
            Err(problem) => problem,
        };
        documents.skipped.push(Skipped {
            file: file.clone(),
            problem,
        });
    }
    if documents.read.is_empty() {
        let first = documents.skipped.first();
        let because = first.map_or_else(String::new, |s| format!(" ({}: {})", s.file, s.problem));
        return Err(AssistantError::asked(
            format!("no document in {} could be read{because}", names(paths)),
            "give Markdown, text, HTML or PDF files, tables with the columns `question` and `answer`, or \
             folders of them",
        ));
    }
    Ok(documents)
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

/// The files below `path` with their names below `root`. Links to folders are not followed: they may lead
/// back.
fn list(
    root: &Path,
    path: &Path,
    depth: usize,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), AssistantError> {
    let kind = std::fs::metadata(path).map_err(|e| DataError::io(path, &e))?;
    if kind.is_file() {
        if files.len() == MOST {
            return Err(AssistantError::asked(
                format!("{}: more than {MOST} files", root.display()),
                "give a smaller folder",
            ));
        }
        files.push((below(root, path), path.into()));
        return Ok(());
    }
    let is_link = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
    if depth > DEEPEST || (is_link && depth > 0) {
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|e| DataError::io(path, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| DataError::io(path, &e))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link that leads nowhere is no reason to stop.
        if !hidden && entry.path().exists() {
            list(root, &entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// The name of a file below a folder, the same on every system; of a file that was given itself, its
/// last part.
fn below(root: &Path, path: &Path) -> String {
    let parts: Vec<String> = match path.strip_prefix(root) {
        Ok(rest) => rest
            .iter()
            .map(|p| p.to_string_lossy().into_owned())
            .collect(),
        Err(_) => Vec::new(),
    };
    match parts.is_empty() {
        true => path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        false => parts.join("/"),
    }
}

/// Reads one file; a problem is a sentence about it.
fn one(name: &str, path: &Path) -> Result<Document, String> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or("")
        .to_lowercase();
    match ending.as_str() {
        "md" | "markdown" => decoded(name, path, markdown::read),
        "html" | "htm" | "xhtml" => decoded(name, path, html::read),
        "txt" | "text" => decoded(name, path, plain::read),
        "csv" | "tsv" | "jsonl" | "ndjson" => faq::read(name, path).map_err(|e| e.to_string()),
        "pdf" => {
            let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
            if size > pdf::LARGEST {
                return Err(format!("larger than {} MiB", pdf::LARGEST >> 20));
            }
            pdf::read(name, std::fs::read(path).map_err(|e| e.to_string())?)
        }
        "" => Err("a file without an ending".into()),
        other => Err(format!("files that end in `.{other}` are not read")),
    }
}

/// A text in any encoding, read by `read`.
fn decoded(
    name: &str,
    path: &Path,
    read: impl Fn(&str, &str) -> Document,
) -> Result<Document, String> {
    let (table, notes) =
        texts::read_files(&[path.to_path_buf()], AUTO_ENCODING).map_err(|e| e.problem)?;
    let text = table.column(texts::TEXT).map(|column| column.text(0));
    let mut document = read(name, text.as_deref().unwrap_or_default());
    document.notes.extend(notes);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_their_ending_and_others_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a.md", "# A\n\ntext\n");
        write("sub/b.html", "<p>page</p>");
        write("c.txt", "plain text");
        write(
            "faq.jsonl",
            "{\"question\":\"q?\",\"answer\":\"a\"}\n{\"question\":\"r?\",\"answer\":\"b\"}\n",
        );
        write("logo.png", "x");
        write("broken.pdf", "x");
        write("empty.md", "");
        write(".secret.md", "no");
        let documents = read(&[folder.path().into()], &|_, _| {}).unwrap();
        let files: Vec<&str> = documents.read.iter().map(|d| d.file.as_str()).collect();
        assert_eq!(files, ["a.md", "c.txt", "faq.jsonl", "sub/b.html"]);
        let skipped: Vec<&str> = documents.skipped.iter().map(|s| s.file.as_str()).collect();
        assert_eq!(skipped, ["broken.pdf", "empty.md", "logo.png"]);
        let one = read(&[folder.path().join("a.md")], &|_, _| {}).unwrap();
        assert_eq!(one.read[0].file, "a.md");
        assert!(read(&[folder.path().join("none")], &|_, _| {}).is_err());
        let error = read(&[folder.path().join("logo.png")], &|_, _| {}).unwrap_err();
        assert!(error.to_string().contains("logo.png"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), "text").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("gone")).unwrap();
        assert_eq!(
            read(&[folder.path().into()], &|_, _| {})
                .unwrap()
                .read
                .len(),
            1
        );
    }
}
