//! An answer in the words of a passage.

use crate::documents::Kind;
use crate::guard::TAKEN_OUT;
use crate::passages::Passage;
use crate::search::Searcher;
use crate::text;
use crate::{AssistantError, ground};

/// A passage up to this size is the answer as it is.
const WHOLE: usize = 60;
/// A list up to this size is.
const WHOLE_LIST: usize = 150;
/// Most rows of a table.
const ROWS: usize = 4;
/// Most sentences.
const SENTENCES: usize = 3;
/// What the share of the question's words counts beside the cosine.
const COVERED: f32 = 0.5;

/// The words of a passage that answer a question best.
///
/// # Errors
/// The embedder broke off.
pub fn extract(
    question: &str,
    passage: &Passage,
    searcher: &Searcher,
) -> Result<String, AssistantError> {
    let content = passage.text.replace(TAKEN_OUT, "");
    let content = content.trim();
    let size = text::size(content);
    let whole = passage.kind == Kind::Faq
        || size <= WHOLE
        || (passage.kind == Kind::List && size <= WHOLE_LIST);
    if whole {
        return Ok(content.into());
    }
    let is_table = passage.kind == Kind::Table;
    let units: Vec<&str> = match is_table {
        true => content.lines().collect(),
        false => text::sentences(content),
    };
    let scores = scores(question, &units, passage, searcher)?;
    Ok(match is_table {
        true => rows(&units, &scores),
        false => sentences(content, &units, &scores),
    })
}

/// How well each unit fits the question.
fn scores(
    question: &str,
    units: &[&str],
    passage: &Passage,
    searcher: &Searcher,
) -> Result<Vec<f32>, AssistantError> {
    let covered = units
        .iter()
        .map(|unit| ground::covered(question, unit, searcher.words()));
    let covered: Vec<f32> = covered.collect();
    let same = text::language(question).is_none_or(|code| code == passage.language);
    let Some(embedder) = searcher.embedder(&passage.language).filter(|_| same) else {
        return Ok(covered);
    };
    let texts: Vec<String> = units.iter().map(|unit| unit.to_string()).collect();
    let cosines = embedder
        .vectors(&texts, &|_, _| {})?
        .cosines(&embedder.vector(question)?);
    Ok(cosines
        .iter()
        .zip(covered)
        .map(|(c, w)| c + COVERED * w)
        .collect())
}

/// The names of the columns, and the best rows in their order.
fn rows(lines: &[&str], scores: &[f32]) -> String {
    let mut best: Vec<usize> = (1..lines.len()).collect();
    best.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    best.truncate(ROWS);
    best.sort_unstable();
    let rows: Vec<&str> = [0]
        .into_iter()
        .chain(best)
        .filter_map(|i| lines.get(i).copied())
        .collect();
    rows.join("\n")
}

/// The best sentence, with neighbours that fit half as well, as they stand in the text.
fn sentences(content: &str, units: &[&str], scores: &[f32]) -> String {
    let best = (0..units.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a)));
    let Some(best) = best else {
        return content.into();
    };
    let (mut first, mut last) = (best, best);
    while last - first + 1 < SENTENCES {
        let after = scores.get(last + 1).copied().unwrap_or(f32::MIN);
        let before = if first > 0 {
            scores[first - 1]
        } else {
            f32::MIN
        };
        if after.max(before) < scores[best] / 2.0 {
            break;
        }
        match after >= before {
            true => last += 1,
            false => first -= 1,
        }
    }
    // Where they stand: units are slices of the content.
    let start = units[first].as_ptr() as usize - content.as_ptr() as usize;
    let end = units[last].as_ptr() as usize - content.as_ptr() as usize + units[last].len();
    content[start..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;

    fn extracted(kind: Kind, content: &str, question: &str) -> String {
        let passage = Passage {
            kind,
            ..passage("x", content)
        };
        let searcher = Searcher::new(std::slice::from_ref(&passage), None);
        extract(question, &passage, &searcher).unwrap()
    }

    #[test]
    fn the_sentences_that_answer_are_given_as_they_stand() {
        let filler =
            "The company was founded by two friends who liked plants and long walks in the hills. "
                .repeat(4);
        let content =
            format!("{filler}\nReturns are free within 30 days.  Sale goods are not. {filler}");
        let answer = extracted(Kind::Paragraph, &content, "are returns free?");
        assert!(
            answer.starts_with("Returns are free within 30 days."),
            "{answer}"
        );
        assert!(content.contains(&answer));
        assert_eq!(
            extracted(Kind::Faq, "All of it. Always.", "it?"),
            "All of it. Always."
        );
        assert_eq!(
            extracted(Kind::Paragraph, "Short. […] Text.", "text?"),
            "Short.  Text."
        );
    }

    #[test]
    fn of_a_table_the_rows_that_answer() {
        let rows: Vec<String> = (0..40).map(|i| format!("city{i} | {i} days")).collect();
        let table = format!("To | Time\n{}", rows.join("\n"));
        let answer = extracted(Kind::Table, &table, "how long to city7?");
        assert!(
            answer.starts_with("To | Time\n") && answer.contains("city7 | 7 days"),
            "{answer}"
        );
        assert_eq!(answer.lines().count(), ROWS + 1);
    }
}
