//! SQuAD: questions about paragraphs, with the places of their answers (Rajpurkar et al. 2016 and 2018).

use crate::error::DataError;
use crate::open::Found;
use crate::table::{Column, ColumnData, Kind, Table};
use serde::Deserialize;

/// Both versions; version 2 has questions without an answer.
#[derive(Deserialize)]
struct File {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    #[serde(default)]
    title: String,
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    id: Id,
    question: String,
    #[serde(default)]
    answers: Vec<Answer>,
    #[serde(default)]
    is_impossible: bool,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    answer_start: Option<u64>,
}

/// Sets in the format of SQuAD number their questions.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

impl Default for Id {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// The columns while they grow.
#[derive(Default)]
struct Rows {
    ids: Vec<Option<String>>,
    titles: Vec<Option<String>>,
    contexts: Vec<Option<String>>,
    questions: Vec<Option<String>>,
    answers: Vec<Option<String>>,
    starts: Vec<f64>,
    accepted: Vec<Option<String>>,
}

/// The table of a document that has a `data` of articles: one row a question. `answer` is the first of
/// the accepted ones and missing where there is none, `answer_start` its character in `context`, and
/// `answers` a JSON list of all that are accepted.
///
/// # Errors
/// The document has another form, or no question.
pub(crate) fn table(place: &str, text: &str, told: &mut Found) -> Result<Table, DataError> {
    let file: File = serde_json::from_str(text).map_err(|e| {
        DataError::new(
            place,
            format!("not in the format of SQuAD: {e}"),
            "give {\"data\": [{\"paragraphs\": [{\"context\": …, \"qas\": [{\"question\": …, \
             \"answers\": [{\"text\": …, \"answer_start\": …}]}]}]}]}, or a table",
        )
    })?;
    let mut rows = Rows::default();
    for article in file.data {
        for paragraph in article.paragraphs {
            for asked in paragraph.qas {
                rows.push(&article.title, &paragraph.context, asked);
            }
        }
    }
    if rows.questions.is_empty() {
        return Err(DataError::new(
            place,
            "no question in it",
            "give questions with their paragraphs",
        ));
    }
    let empty = rows.questions.iter().filter(|q| q.is_none()).count();
    if empty > 0 {
        told.notes.push(format!(
            "{empty} of {} questions are empty",
            rows.questions.len()
        ));
    }
    told.target = Some("answer");
    Ok(rows.finish())
}

impl Rows {
    fn push(&mut self, title: &str, context: &str, asked: Asked) {
        let present = |text: &str| (!text.trim().is_empty()).then(|| text.to_string());
        self.ids.push(match asked.id {
            Id::Text(text) => present(&text),
            Id::Number(number) => Some(number.to_string()),
        });
        self.titles.push(present(title));
        self.contexts.push(present(context));
        self.questions.push(present(&asked.question));
        // Version 2 lists what might be taken for an answer elsewhere; here nothing counts then.
        let answers: &[Answer] = if asked.is_impossible {
            &[]
        } else {
            &asked.answers
        };
        let first = answers.first();
        self.answers.push(first.and_then(|a| present(&a.text)));
        let start = first.and_then(|a| a.answer_start);
        self.starts
            .push(start.map_or(f64::NAN, |start| start as f64));
        let mut texts: Vec<&str> = Vec::new();
        for answer in answers {
            if !texts.contains(&answer.text.as_str()) {
                texts.push(&answer.text);
            }
        }
        self.accepted
            .push(Some(serde_json::json!(texts).to_string()));
    }

    fn finish(self) -> Table {
        let starts = Column {
            name: "answer_start".into(),
            kind: Kind::Integer,
            data: ColumnData::Numbers(self.starts),
        };
        Table {
            columns: vec![
                Column::of_words("id", &self.ids),
                Column::of_words("title", &self.titles),
                Column::of_texts("context", &self.contexts),
                Column::of_texts("question", &self.questions),
                Column::of_texts("answer", &self.answers),
                starts,
                Column::of_texts("answers", &self.accepted),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"version": "v2.0", "data": [{"title": "Shop", "paragraphs": [{
        "context": "We open at nine. 我们九点开门。",
        "qas": [
            {"id": "a", "question": "When?", "is_impossible": false,
             "answers": [{"text": "nine", "answer_start": 11}, {"text": "at nine", "answer_start": 8}, {"text": "nine", "answer_start": 11}]},
            {"id": 7, "question": "Why?", "is_impossible": true, "answers": [],
             "plausible_answers": [{"text": "nine", "answer_start": 11}]},
            {"question": "几点？", "answers": [{"text": "九点", "answer_start": 19}]}
        ]}]}]}"#;

    fn read(text: &str) -> Result<Table, DataError> {
        table("s.json", text, &mut Found::default())
    }

    #[test]
    fn questions_with_and_without_answers() {
        let table = read(FILE).unwrap();
        let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let expected = [
            "id",
            "title",
            "context",
            "question",
            "answer",
            "answer_start",
            "answers",
        ];
        assert_eq!(names, expected);
        let row = |i| table.columns.iter().map(|c| c.text(i)).collect::<Vec<_>>();
        let context = "We open at nine. 我们九点开门。";
        let first = [
            "a",
            "Shop",
            context,
            "When?",
            "nine",
            "11",
            r#"["nine","at nine"]"#,
        ];
        assert_eq!(row(0), first);
        assert_eq!(row(1), ["7", "Shop", context, "Why?", "", "", "[]"]);
        assert_eq!(row(2)[4..6], ["九点", "19"]);
        let start: String = context.chars().skip(19).take(2).collect();
        assert_eq!(start, "九点");
    }

    #[test]
    fn other_forms_are_errors_that_tell_the_place() {
        for (text, part) in [
            ("{\"data\": [", "line 1"),
            ("{\"data\": [{}]}", "missing field `paragraphs`"),
            ("{\"data\": []}", "no question"),
            (
                "{\"data\": [{\"paragraphs\": [{\"context\": \"x\", \"qas\": [{}]}]}]}",
                "missing field `question`",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.starts_with("s.json: ") && error.contains(part),
                "{error}"
            );
        }
    }
}
