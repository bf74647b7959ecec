//! Each word of a text left out.

use super::{share, text_of, words};
use crate::explanation::{Explanation, Shares, TextShare};
use crate::method::Method;
use crate::said::Setting;
use crate::subject::{BlackBox, Subject};
use crate::{Result, asked};
use modelwright_data::{Column, Content, Table};
use std::ops::Range;

/// Most words that are left out one by one; the rest of a longer text is not looked at.
const MOST: usize = 500;

/// What the score loses if a word is left out.
///
/// # Errors
/// The model reads no texts, or the text has fewer than two words: without one nothing is left.
pub fn leave_one_out(subject: &Subject, examples: &Content, row: usize) -> Result<Explanation> {
    let (column, text) = text_of(subject, examples, row)?;
    let mut places = words(&text);
    if places.len() < 2 {
        return Err(asked(
            format!("`{text}` is a single word: nothing is left of it without that word"),
            "give a longer text, or use --method integrated-gradients",
        ));
    }
    let all = places.len();
    places.truncate(MOST);
    let settings = Setting::Words {
        looked: places.len(),
        all,
    };
    let (score, pieces) = left_out(subject, &column, &text, &places)?;
    let shares = Shares::Text { text, pieces };
    let (method, unit) = (Method::LeaveOneOut, subject.unit());
    Ok(Explanation::new(
        method, subject, unit, score, settings, shares,
    ))
}

/// The score of a text, and what each of some pieces adds to it.
fn left_out(
    model: &dyn BlackBox,
    column: &str,
    text: &str,
    places: &[Range<usize>],
) -> Result<(f64, Vec<TextShare>)> {
    let without = |place: &Range<usize>| {
        let rest = format!("{}{}", &text[..place.start], &text[place.end..]);
        Some(rest.trim().to_string())
    };
    let mut texts = vec![Some(text.to_string())];
    texts.extend(places.iter().map(without));
    let columns = vec![Column::of_texts(column, &texts)];
    let scores = model.scores(&Content::Table(Table { columns }))?;
    let score = scores[0];
    let pieces = places.iter().zip(&scores[1..]);
    let pieces = pieces.map(|(place, without)| share(text, place.clone(), score - without));
    Ok((score, pieces.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often a text says that something is good.
    struct Good;

    impl BlackBox for Good {
        fn scores(&self, examples: &Content) -> Result<Vec<f64>> {
            let Content::Table(table) = examples else {
                return Ok(Vec::new());
            };
            let column = &table.columns[0];
            let score = |row| column.text(row).matches("good").count() as f64;
            Ok((0..table.rows()).map(score).collect())
        }
    }

    #[test]
    fn the_word_that_decides_has_the_share() {
        let text = "Züge: good, not late";
        let (score, pieces) = left_out(&Good, "text", text, &words(text)).unwrap();
        assert_eq!(score, 1.0);
        let values: Vec<f64> = pieces.iter().map(|p| p.value).collect();
        assert_eq!(values, [0.0, 1.0, 0.0, 0.0]);
        // Places are counted in characters, not in bytes.
        let good = &pieces[1];
        assert_eq!((good.text.as_str(), good.start, good.end), ("good", 6, 10));
    }
}
