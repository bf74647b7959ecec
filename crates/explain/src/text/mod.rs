//! Which words of a text speak for an answer?

mod gradients;
mod html;
mod left_out;
mod words;

pub use gradients::integrated;
pub use html::to_html;
pub use left_out::leave_one_out;
pub use words::words;

use crate::explanation::TextShare;
use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::{Column, Content, Table};
use std::ops::Range;

/// The text in a row as the model reads it, and the column that it stands in.
fn text_of(subject: &Subject, examples: &Content, row: usize) -> Result<(String, String)> {
    let wrong = || {
        asked(
            "words are of texts, which this model does not read",
            "leave --method away",
        )
    };
    let Content::Table(table) = examples else {
        return Err(wrong());
    };
    if subject.predictor().input().only_text().is_none() {
        return Err(wrong());
    }
    let one = Content::Table(table.select(&[row]));
    match subject.predictor().prepare(subject.place(), one)? {
        Content::Table(Table { columns }) if columns.len() == 1 => {
            let column: &Column = &columns[0];
            let text = column.word(0).unwrap_or_default().to_string();
            Ok((column.name.clone(), text))
        }
        _ => Err(wrong()),
    }
}

/// The share of the piece at some bytes of a text.
fn share(text: &str, piece: Range<usize>, value: f64) -> TextShare {
    let start = text[..piece.start].chars().count();
    let text = &text[piece];
    TextShare {
        text: text.into(),
        start,
        end: start + text.chars().count(),
        value,
    }
}
