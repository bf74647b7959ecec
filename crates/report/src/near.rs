//! Examples of one part of the data that are nearly the same as examples of another.

use modelwright_data::{Column, Content, DataError, ImageSet};
use modelwright_evaluate::{near_copies, picture_key, similar_sets};
use modelwright_tasks::words;
use rayon::prelude::*;
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Texts with this share of their pairs of words in common are nearly the same.
const ALIKE: f64 = 0.6;

/// An example and a nearly equal one of an earlier part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NearPair {
    /// The example.
    pub example: usize,
    /// The one of an earlier part that is most like it.
    pub like: usize,
    /// How alike they are, from 0 to 1: of texts the share of pairs of words that both have.
    pub similarity: f64,
}

/// All pairs, the most alike first; rows of a table have none. `text` is the column that is read as one,
/// `parts` has the part of each example.
///
/// # Errors
/// A picture cannot be read.
pub(crate) fn near_pairs(
    content: &Content,
    text: Option<&str>,
    parts: &[usize],
) -> Result<Vec<NearPair>, DataError> {
    let mut pairs = match content {
        Content::Images(set) => of_pictures(set, parts)?,
        Content::Table(table) => match text.and_then(|name| table.column(name)) {
            Some(column) => of_texts(column, parts),
            None => Vec::new(),
        },
    };
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    Ok(pairs)
}

fn of_texts(column: &Column, parts: &[usize]) -> Vec<NearPair> {
    let sets: Vec<Vec<u64>> = (0..column.len())
        .into_par_iter()
        .map(|row| pieces(&column.text(row)))
        .collect();
    similar_sets(&sets, parts, ALIKE)
        .into_iter()
        .map(|found| NearPair {
            example: found.example,
            like: found.like,
            similarity: found.similarity,
        })
        .collect()
}

/// Hashes of every two neighbouring words, in scripts without blanks of every two characters, whatever
/// their case and the signs between them.
fn pieces(text: &str) -> Vec<u64> {
    let plain = |word: String| -> String { word.chars().filter(|c| c.is_alphanumeric()).collect() };
    let words = words(&text.to_lowercase()).into_iter().map(plain);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    let hash = |piece: &[String]| {
        let mut hasher = DefaultHasher::new();
        piece.hash(&mut hasher);
        hasher.finish()
    };
    match words.len() {
        1 => vec![hash(&words)],
        _ => words.windows(2).map(hash).collect(),
    }
}

fn of_pictures(set: &ImageSet, parts: &[usize]) -> Result<Vec<NearPair>, DataError> {
    let keys = (0..set.len())
        .into_par_iter()
        .map(|i| {
            let raster = set.raster(i)?;
            let [height, width, _] = raster.shape();
            Ok(picture_key(raster.fit([height, width, 1]).pixels(), width))
        })
        .collect::<Result<Vec<Option<u64>>, DataError>>()?;
    let known: Vec<(usize, u64)> = keys
        .into_iter()
        .enumerate()
        .filter_map(|(i, key)| Some((i, key?)))
        .collect();
    let keyed: Vec<(u64, usize)> = known.iter().map(|(i, key)| (*key, parts[*i])).collect();
    let found = near_copies(&keyed, 0).into_iter();
    Ok(found
        .map(|copy| NearPair {
            example: known[copy.example].0,
            like: known[copy.like].0,
            similarity: 1.0 - f64::from(copy.distance) / 64.0,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(texts: &[&str], parts: &[usize]) -> Vec<(usize, usize)> {
        let texts: Vec<Option<String>> = texts.iter().map(|t| Some(t.to_string())).collect();
        let found = of_texts(&Column::of_texts("t", &texts), parts);
        found.iter().map(|p| (p.example, p.like)).collect()
    }

    #[test]
    fn small_edits_are_found_in_both_scripts() {
        let texts = [
            "Your parcel of Monday could not be delivered because nobody was at home to take it.",
            "We can offer you a discount of ten percent if you order again before the end of May.",
            "这家酒店的房间很干净，服务员的态度也非常好，下次来北京还会再住。",
            "YOUR parcel of Tuesday could not be delivered because nobody was at home to take it!",
            "这家酒店的房间很干净，服务员的态度也非常好，下次来上海还会再住",
            "The weather is nice today and nothing else happened in the town by the river.",
        ];
        let parts = [0, 0, 0, 1, 1, 1];
        assert_eq!(pairs(&texts, &parts), [(3, 0), (4, 2)]);
    }

    #[test]
    fn short_texts_must_read_the_same() {
        let texts = [
            "How do I reset my password?",
            "how do i reset my password",
            "How do I reset my PIN?",
            "?!",
        ];
        assert_eq!(pairs(&texts, &[0, 1, 1, 1]), [(1, 0)]);
    }
}
