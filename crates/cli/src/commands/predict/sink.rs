//! Predictions as CSV, as JSON lines, or as a table for the eye.

use crate::output;
use anyhow::Result;
use modelwright_data::Content;
use modelwright_tasks::{InputSchema, InputValues, OutputSchema, Prediction};
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};

/// Characters of a text that are shown in a table.
const SHOWN: usize = 60;
/// Numbers of a vector that are shown in a table.
const FIRST: usize = 4;

/// How predictions are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Csv,
    JsonLines,
    /// For the eye.
    Table,
}

/// What is known of the model.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    pub takes: &'a InputSchema,
    pub gives: OutputSchema,
    pub labels: &'a [String],
}

/// Where predictions go.
pub struct Sink<'a> {
    model: Model<'a>,
    content: &'a Content,
    writer: Writer<'a>,
}

enum Writer<'a> {
    Csv(Box<csv::Writer<Box<dyn Write + 'a>>>),
    Json(BufWriter<Box<dyn Write + 'a>>),
    Table(Box<comfy_table::Table>, Box<dyn Write + 'a>),
}

impl<'a> Sink<'a> {
    /// Writes the header, if the form has one.
    pub fn new(
        target: Box<dyn Write + 'a>,
        form: Form,
        content: &'a Content,
        model: Model<'a>,
    ) -> Result<Self> {
        let writer = match form {
            Form::JsonLines => Writer::Json(BufWriter::new(target)),
            Form::Table => {
                let mut header = vec![id_name(content)];
                header.extend(text_column(&model, content));
                header.extend(shown_header(model.gives));
                Writer::Table(Box::new(output::table(&header)), target)
            }
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(target);
                let mut header = vec![id_name(content).to_string()];
                header.extend(csv_header(&model));
                writer.write_record(&header)?;
                Writer::Csv(Box::new(writer))
            }
        };
        Ok(Self {
            model,
            content,
            writer,
        })
    }

    /// Writes the prediction for one example.
    pub fn write(&mut self, row: usize, prediction: &Prediction) -> Result<()> {
        match &mut self.writer {
            Writer::Csv(writer) => {
                let mut record = vec![id_of(self.content, row)];
                record.extend(csv_cells(prediction));
                writer.write_record(&record)?;
            }
            Writer::Json(writer) => {
                let mut body = Map::from_iter([(
                    id_name(self.content).to_string(),
                    json_id(self.content, row),
                )]);
                body.extend(json_body(prediction, self.model.labels));
                serde_json::to_writer(&mut *writer, &body)?;
                writer.write_all(b"\n")?;
            }
            Writer::Table(table, _) => {
                let mut cells = vec![id_of(self.content, row)];
                if let (Some(name), Content::Table(rows)) =
                    (text_column(&self.model, self.content), self.content)
                {
                    let text = rows.column(name).map(|c| c.text(row));
                    cells.push(shortened(&text.unwrap_or_default()));
                }
                cells.extend(shown_cells(prediction, self.model.labels));
                table.add_row(cells);
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(self) -> Result<()> {
        match self.writer {
            Writer::Csv(mut writer) => writer.flush()?,
            Writer::Json(mut writer) => writer.flush()?,
            Writer::Table(table, mut target) => writeln!(target, "{table}")?,
        }
        Ok(())
    }
}

fn csv_header(model: &Model) -> Vec<String> {
    let of = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    let each = model.labels.iter().map(|l| format!("p({l})"));
    match model.gives {
        OutputSchema::Class => of(&["prediction", "probability"])
            .into_iter()
            .chain(each)
            .collect(),
        OutputSchema::Labels => of(&["prediction"]).into_iter().chain(each).collect(),
        OutputSchema::Value => of(&["prediction"]),
        OutputSchema::Vector { width } => (1..=width).map(|i| format!("v{i}")).collect(),
        OutputSchema::Span => of(&["answer", "probability", "start", "end"]),
        OutputSchema::Match => of(&["answer", "probability", "question"]),
        OutputSchema::Text => of(&["text"]),
    }
}

fn csv_cells(prediction: &Prediction) -> Vec<String> {
    let share = |p: &f32| format!("{p:.6}");
    match prediction {
        Prediction::Class {
            label,
            probability,
            probabilities,
        } => [label.clone(), share(probability)]
            .into_iter()
            .chain(probabilities.iter().map(share))
            .collect(),
        Prediction::Labels {
            labels,
            probabilities,
        } => std::iter::once(labels.join("|"))
            .chain(probabilities.iter().map(share))
            .collect(),
        Prediction::Value { value } => vec![value.to_string()],
        Prediction::Vector { values } => values.iter().map(f32::to_string).collect(),
        Prediction::Span {
            answer,
            start,
            end,
            probability,
        } => vec![
            answer.clone(),
            share(probability),
            start.to_string(),
            end.to_string(),
        ],
        Prediction::Match {
            answer,
            question,
            probability,
            ..
        } => vec![
            answer.clone().unwrap_or_default(),
            share(probability),
            question.clone(),
        ],
        Prediction::Text { text, .. } => vec![text.clone()],
    }
}

fn json_body(prediction: &Prediction, labels: &[String]) -> Map<String, Value> {
    let by_label = |probabilities: &[f32]| -> Map<String, Value> {
        let shares = probabilities.iter().map(|p| Value::from(*p));
        labels.iter().cloned().zip(shares).collect()
    };
    let body = match prediction {
        Prediction::Class {
            label,
            probability,
            probabilities,
        } => json!({ "prediction": label, "probability": probability,
            "probabilities": by_label(probabilities) }),
        Prediction::Labels {
            labels,
            probabilities,
        } => json!({ "prediction": labels, "probabilities": by_label(probabilities) }),
        Prediction::Value { value } => json!({ "prediction": value }),
        Prediction::Vector { values } => json!({ "vector": values }),
        Prediction::Span {
            answer,
            probability,
            ..
        } if answer.is_empty() => json!({ "answer": null, "probability": probability }),
        Prediction::Span {
            answer,
            start,
            end,
            probability,
        } => json!({ "answer": answer, "probability": probability, "start": start, "end": end }),
        Prediction::Match {
            answer,
            question,
            probability,
            neighbours,
        } => json!({ "answer": answer, "probability": probability, "question": question,
            "neighbours": neighbours }),
        Prediction::Text {
            text,
            tokens,
            complete,
        } => json!({ "text": text, "tokens": tokens, "complete": complete }),
    };
    match body {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

fn shown_header(gives: OutputSchema) -> &'static [&'static str] {
    match gives {
        OutputSchema::Class => &["prediction", "probability", "else"],
        OutputSchema::Labels => &["labels", "nearly"],
        OutputSchema::Value => &["prediction"],
        OutputSchema::Vector { .. } => &["vector"],
        OutputSchema::Span => &["answer", "probability"],
        OutputSchema::Match => &["answer", "probability", "closest known question"],
        OutputSchema::Text => &["text"],
    }
}

fn shown_cells(prediction: &Prediction, names: &[String]) -> Vec<String> {
    match prediction {
        Prediction::Class {
            label,
            probability,
            probabilities,
        } => vec![
            label.clone(),
            percent(*probability),
            next_best(names, probabilities, std::slice::from_ref(label)),
        ],
        Prediction::Labels {
            labels,
            probabilities,
        } => {
            let p = |label: &String| {
                let place = names.iter().position(|n| n == label);
                let p = place.map_or(0.0, |i| probabilities[i]);
                format!("{label} {}", percent(p))
            };
            let given: Vec<String> = labels.iter().map(p).collect();
            let given = match given.is_empty() {
                true => "none".into(),
                false => given.join(", "),
            };
            vec![given, next_best(names, probabilities, labels)]
        }
        Prediction::Value { value } => vec![output::number(*value)],
        Prediction::Vector { values } => {
            let first: Vec<String> = values
                .iter()
                .take(FIRST)
                .map(|v| format!("{v:.4}"))
                .collect();
            vec![format!("{} … ({} numbers)", first.join(" "), values.len())]
        }
        Prediction::Span {
            answer,
            probability,
            ..
        } => vec![
            match answer.is_empty() {
                true => "no answer in the text".into(),
                false => answer.clone(),
            },
            percent(*probability),
        ],
        Prediction::Match {
            answer,
            question,
            probability,
            ..
        } => vec![
            answer.clone().unwrap_or_else(|| "I do not know".into()),
            percent(*probability),
            question.clone(),
        ],
        Prediction::Text { text, complete, .. } => match complete {
            true => vec![text.clone()],
            false => vec![format!("{text} …")],
        },
    }
}

fn percent(p: f32) -> String {
    format!("{:.1} %", 100.0 * p)
}

/// The most probable name that was not given.
fn next_best(names: &[String], probabilities: &[f32], given: &[String]) -> String {
    let others = names.iter().zip(probabilities);
    let others = others.filter(|(name, _)| !given.contains(name));
    let best = others.max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(String::new(), |(name, p)| format!("{name} {}", percent(*p)))
}

/// The column of the table whose text stands beside the prediction: the question, if there is one.
fn text_column<'a>(model: &Model<'a>, content: &Content) -> Option<&'a str> {
    let (InputSchema::Table { columns }, Content::Table(table)) = (model.takes, content) else {
        return None;
    };
    let texts = || {
        let is_text = |c: &&modelwright_tasks::InputColumn| {
            matches!(c.values, InputValues::Text { .. }) && table.column(&c.name).is_some()
        };
        columns.iter().filter(is_text)
    };
    let question = texts().find(|c| c.name.eq_ignore_ascii_case("question"));
    question.or_else(|| texts().next()).map(|c| c.name.as_str())
}

/// The start of a text, on one line.
fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

fn id_name(content: &Content) -> &'static str {
    match content {
        Content::Images(_) => "file",
        Content::Table(_) => "row",
    }
}

/// The same for JSON, where a row's number is a number.
fn json_id(content: &Content, row: usize) -> Value {
    match content {
        Content::Images(set) => set.name(row).into(),
        Content::Table(_) => (row + 1).into(),
    }
}

fn id_of(content: &Content, row: usize) -> String {
    match content {
        Content::Images(set) => set.name(row),
        Content::Table(_) => (row + 1).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_tell_the_second_choice_and_what_is_not_known() {
        let names = ["ham".to_string(), "spam".to_string()];
        let class = Prediction::Class {
            label: "spam".into(),
            probability: 0.9,
            probabilities: vec![0.1, 0.9],
        };
        assert_eq!(
            shown_cells(&class, &names),
            ["spam", "90.0 %", "ham 10.0 %"]
        );
        let none = Prediction::Labels {
            labels: Vec::new(),
            probabilities: vec![0.1, 0.4],
        };
        assert_eq!(shown_cells(&none, &names), ["none", "spam 40.0 %"]);
        let unknown = Prediction::Match {
            answer: None,
            question: "When do you open?".into(),
            probability: 0.2,
            neighbours: Vec::new(),
        };
        assert_eq!(shown_cells(&unknown, &[])[0], "I do not know");
        assert_eq!(csv_cells(&unknown), ["", "0.200000", "When do you open?"]);
        assert_eq!(shortened("a\n b"), "a b");
        assert_eq!(shortened(&"语".repeat(80)).chars().count(), SHOWN + 1);
    }
}
