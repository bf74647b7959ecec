//! Markdown as questions and answers: a heading asks, what stands below it answers.

use super::{FILE, contents};
use crate::error::DataError;
use crate::folder;
use crate::open::Found;
use crate::table::{Column, Table};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::path::{Path, PathBuf};

/// Whether the file's ending is that of Markdown.
pub(crate) fn is_markdown(path: &Path) -> bool {
    folder::has_ending(path, &["md", "markdown"])
}

/// Reads Markdown files; `root` is the folder that their names start from.
///
/// # Errors
/// A file that cannot be read, or no heading with text below it in any of them.
pub(crate) fn read(
    root: &Path,
    paths: &[PathBuf],
    encoding: &str,
    told: &mut Found,
) -> Result<Table, DataError> {
    let (names, texts) = contents(Some(root), paths, encoding, &mut told.notes)?;
    let (mut questions, mut answers, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut without = 0;
    for (name, text) in names.iter().zip(&texts) {
        let sections = sections(name, text);
        without += usize::from(sections.is_empty());
        for (question, answer) in sections {
            questions.push(Some(question));
            answers.push(Some(answer));
            files.push(Some(name.clone()));
        }
    }
    if questions.is_empty() {
        return Err(DataError::new(
            root.display(),
            "no heading with text below it in the Markdown",
            "write each question as a heading (`## How do I pay?`) and its answer below it",
        ));
    }
    if without > 0 {
        told.notes.push(format!(
            "{without} Markdown files without any text were left out"
        ));
    }
    told.target = Some("answer");
    Ok(Table {
        columns: vec![
            Column::of_texts("question", &questions),
            Column::of_texts("answer", &answers),
            Column::of_words(FILE, &files),
        ],
    })
}

/// The headings of a document with the Markdown between each and the next. What stands before the first
/// heading belongs to the document itself, whose name is that of the file.
fn sections(file: &str, text: &str) -> Vec<(String, String)> {
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let mut open = vec![(0, stem.replace(['-', '_'], " "))];
    let mut found: Vec<(String, String)> = Vec::new();
    let mut start = 0;
    let mut close = |open: &[(usize, String)], below: &str| {
        let answer = below.trim();
        if !answer.is_empty() {
            found.push((question(open), answer.to_string()));
        }
    };
    let mut heading: Option<String> = None;
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                close(&open, &text[start..place.start]);
                heading = Some(String::new());
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut heading {
                    heading.push(' ');
                }
            }
            Event::End(TagEnd::Heading(level)) => {
                let level = level as usize;
                open.retain(|(above, _)| (1..level).contains(above));
                open.push((level, heading.take().unwrap_or_default().trim().to_string()));
                start = place.end;
            }
            // What tells about the file is not part of its text.
            Event::End(TagEnd::MetadataBlock(_)) => start = place.end,
            _ => {}
        }
    }
    close(&open, &text[start..]);
    found
}

/// The path of headings. One that is a question itself needs nothing before it.
fn question(open: &[(usize, String)]) -> String {
    let names: Vec<&str> = open
        .iter()
        .map(|(_, name)| name.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    match names.last() {
        Some(last) if last.ends_with(['?', '？']) => last.to_string(),
        _ => names.join(" › "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, OpenOptions, open};

    fn pairs(text: &str) -> Vec<(String, String)> {
        sections("guide/first-steps.md", text)
    }

    fn pair(question: &str, answer: &str) -> (String, String) {
        (question.into(), answer.into())
    }

    #[test]
    fn headings_ask_and_what_is_below_answers() {
        let text = "---\ntitle: x\n---\nWelcome.\n\n# Shop\n\n## How do I *pay*?\n\nBy card.\n\n- or\n- so\n\n\
                    ## Delivery\n\nText `a`\n===\n\nTwo days.\n\n### Abroad\n\nA week.\n\n# Other\nEnd.";
        assert_eq!(
            pairs(text),
            [
                pair("first steps", "Welcome."),
                pair("How do I pay?", "By card.\n\n- or\n- so"),
                pair("Text a", "Two days."),
                pair("Text a › Abroad", "A week."),
                pair("Other", "End."),
            ]
        );
    }

    #[test]
    fn paths_of_headings_and_code_that_looks_like_one() {
        let text =
            "# Shop\n## Delivery\n### Abroad\n```\n# not a heading\n```\n## 怎么付款？\n刷卡。\n";
        assert_eq!(
            pairs(text),
            [
                pair("Shop › Delivery › Abroad", "```\n# not a heading\n```"),
                pair("怎么付款？", "刷卡。"),
            ]
        );
        assert!(pairs("# Empty\n\n## Also\n").is_empty());
        assert_eq!(pairs("just text"), [pair("first steps", "just text")]);
    }

    #[test]
    fn folders_and_single_files_become_tables() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("index.md", "# Empty\n");
        let read = |source: &Path| open(&source.display().to_string(), OpenOptions::default());
        let error = read(folder.path()).unwrap_err();
        assert!(error.problem.contains("no heading with text"), "{error}");
        write("more/pay.md", "# How do I pay?\nBy card.\n");
        let dataset = read(folder.path()).unwrap();
        let Content::Table(table) = &dataset.content else {
            panic!("pictures");
        };
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["question", "answer", "file"]);
        assert_eq!(table.columns[2].text(0), "more/pay.md");
        assert!(dataset.notes[0].contains("1 Markdown files without any text"));
        let one = read(&folder.path().join("more/pay.md")).unwrap();
        assert_eq!((one.content.len(), one.name.as_str()), (1, "pay"));
    }
}
