//! A table of questions and answers: an entry is a block.

use super::{Block, Document, Kind, name};
use crate::error::AssistantError;
use modelwright_data::{AUTO_ENCODING, Column, Content, OpenOptions, Table, open, quiet};
use std::collections::HashSet;
use std::path::Path;

/// Names of the column of questions, and of the answers.
const QUESTION: [&str; 4] = ["question", "questions", "问题", "提问"];
const ANSWER: [&str; 5] = ["answer", "answers", "答案", "回答", "答复"];

/// Reads a table in CSV, TSV or JSON lines.
pub fn read(file: &str, path: &Path) -> Result<Document, AssistantError> {
    let options = OpenOptions {
        data_dir: None,
        encoding: AUTO_ENCODING,
        skip_bad: false,
        notify: &quiet,
    };
    let dataset = open(&path.display().to_string(), options)?;
    let Content::Table(table) = &dataset.content else {
        return Err(AssistantError::asked("it holds no table", ""));
    };
    let (questions, answers) = (column(table, &QUESTION)?, column(table, &ANSWER)?);
    let mut seen = HashSet::new();
    let mut blocks = Vec::new();
    let mut left_out = 0;
    for row in 0..table.rows() {
        let text = |column: &Column| match column.is_missing(row) {
            true => String::new(),
            false => column.text(row).trim().to_string(),
        };
        let (question, answer) = (text(questions), text(answers));
        if question.is_empty() || answer.is_empty() {
            left_out += 1;
        } else if seen.insert((question.clone(), answer.clone())) {
            blocks.push(Block {
                heading: vec![question],
                kind: Kind::Faq,
                text: answer,
            });
        }
    }
    let mut notes = dataset.notes;
    if left_out > 0 {
        notes.push(format!(
            "{left_out} rows without a question or an answer were left out"
        ));
    }
    Ok(Document {
        file: file.into(),
        title: name(file),
        blocks,
        notes,
    })
}

fn column<'a>(table: &'a Table, names: &[&str]) -> Result<&'a Column, AssistantError> {
    let found = table.columns.iter().find(|column| {
        let name = column.name.trim().to_lowercase();
        names.contains(&name.as_str())
    });
    found.ok_or_else(|| {
        AssistantError::asked(
            format!("it has no column `{}`", names[0]),
            "name the columns `question` and `answer`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faq.csv");
        std::fs::write(
            &path,
            "Question,answer,x\nhow?,so,1\nhow?,so,2\nwhy?,,3\nwhen?,now,4\n",
        )
        .unwrap();
        let document = read("faq.csv", &path).unwrap();
        let pairs: Vec<_> = document
            .blocks
            .iter()
            .map(|b| (b.heading[0].as_str(), b.text.as_str()))
            .collect();
        assert_eq!(pairs, [("how?", "so"), ("when?", "now")]);
        assert!(document.notes[0].contains("1 rows"));
        std::fs::write(&path, "a,b\n1,2\n3,4\n").unwrap();
        assert!(
            read("faq.csv", &path)
                .unwrap_err()
                .to_string()
                .contains("no column `question`")
        );
    }
}
