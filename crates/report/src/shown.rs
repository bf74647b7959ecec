//! Examples as a reader of the report sees them.

use crate::subject::{Classes, Subject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::{Content, Dataset, Table};
use modelwright_evaluate::argmax;
use serde::Serialize;

/// Most characters of a text that are shown.
const SHOWN: usize = 300;
/// Largest side of a picture in the report, in pixels.
const SIDE: usize = 96;
/// Most columns of a row that are shown.
const COLUMNS: usize = 12;

/// An example with the true and the given answer.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// Its position in the data, counted from 0.
    pub example: usize,
    /// What it is.
    #[serde(flatten)]
    pub look: Look,
    /// The true answer.
    pub truth: String,
    /// The model's.
    pub predicted: String,
    /// How sure the model was of its answer, from 0 to 1, if it can say.
    pub probability: Option<f64>,
}

/// What an example looks like.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Look {
    /// A picture.
    Picture {
        /// Where it is from.
        name: String,
        /// A `data:` address; only in the page.
        #[serde(skip)]
        address: String,
    },
    /// The start of a text.
    Text {
        /// As it stands there.
        text: String,
    },
    /// Some columns of a row.
    Row {
        /// Name and value.
        values: Vec<(String, String)>,
    },
}

/// How an example looks; `text` is the column that is read as one, `target` the one that is not shown.
pub fn look(dataset: &Dataset, example: usize, text: Option<&str>, target: Option<&str>) -> Look {
    match &dataset.content {
        Content::Images(set) => Look::Picture {
            name: set.name(example),
            address: set
                .raster(example)
                .ok()
                .and_then(|raster| {
                    let [height, width, channels] = raster.shape();
                    let scale = (SIDE as f64 / height.max(width).max(1) as f64).min(1.0);
                    let side = |n: usize| ((n as f64 * scale).round() as usize).max(1);
                    raster
                        .fit([side(height), side(width), channels])
                        .to_png()
                        .ok()
                })
                .map_or(String::new(), |png| {
                    format!("data:image/png;base64,{}", STANDARD.encode(png))
                }),
        },
        Content::Table(table) => match text.and_then(|name| table.column(name)) {
            Some(column) => Look::Text {
                text: shortened(&column.text(example)),
            },
            None => Look::Row {
                values: values(table, example, target),
            },
        },
    }
}

fn values(table: &Table, row: usize, target: Option<&str>) -> Vec<(String, String)> {
    let columns = table
        .columns
        .iter()
        .filter(|c| Some(c.name.as_str()) != target);
    let cell = |c: &modelwright_data::Column| (c.name.clone(), shortened(&c.text(row)));
    columns.take(COLUMNS).map(cell).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// How examples are shown: which column is a text, which one the answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns<'a> {
    /// The column that is read as a text.
    pub text: Option<&'a str>,
    /// The column with the true answers.
    pub target: Option<&'a str>,
}

/// The example at a position of a classifier's answers.
pub fn of_class(subject: &Subject, classes: Classes, columns: Columns, position: usize) -> Shown {
    let k = classes.names.len();
    let row = &classes.probabilities[position * k..(position + 1) * k];
    let predicted = argmax(row);
    let example = subject.answers.examples[position];
    Shown {
        example,
        look: look(subject.dataset, example, columns.text, columns.target),
        truth: classes.names[classes.truth[position] as usize].clone(),
        predicted: classes.names[predicted].clone(),
        probability: Some(f64::from(row[predicted])),
    }
}

/// Positions of the wrong answers, those first of which the model was most sure.
pub fn surest_mistakes(classes: Classes, most: usize) -> Vec<usize> {
    let mut wrong: Vec<(usize, f32)> = classes
        .rows()
        .zip(classes.truth)
        .enumerate()
        .filter(|(_, (row, truth))| argmax(row) != **truth as usize)
        .map(|(i, (row, truth))| (i, row[argmax(row)] - row[*truth as usize]))
        .collect();
    wrong.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    wrong.into_iter().take(most).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "好".repeat(SHOWN + 1);
        assert_eq!(shortened(&long).chars().count(), SHOWN + 1);
        assert!(shortened(&long).ends_with('…'));
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn the_surest_mistakes_come_first() {
        let names = ["a", "b"].map(String::from);
        let classes = Classes {
            names: &names,
            truth: &[0, 0, 1, 1],
            probabilities: &[0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.4, 0.6],
        };
        assert_eq!(surest_mistakes(classes, 5), [1, 2]);
        assert_eq!(surest_mistakes(classes, 1), [1]);
    }
}
