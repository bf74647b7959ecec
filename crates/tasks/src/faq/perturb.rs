//! A question as somebody else might type it: with words left out, in another order, with slips.

use crate::ngrams::is_unspaced;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// The words of a text; in scripts without spaces, its characters.
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split_whitespace() {
        let mut open = false;
        for c in piece.chars() {
            match words.last_mut().filter(|_| open && !is_unspaced(c)) {
                Some(word) => word.push(c),
                None => words.push(c.into()),
            }
            open = !is_unspaced(c);
        }
    }
    words
}

/// The words put together again: without a space where one of the two has none around it.
fn joined(words: &[String]) -> String {
    let mut text = String::new();
    let unspaced = |word: &str| word.chars().all(is_unspaced);
    for (i, word) in words.iter().enumerate() {
        if i > 0 && !(unspaced(word) && unspaced(&words[i - 1])) {
            text.push(' ');
        }
        text += word;
    }
    text
}

/// `words` changed at random. How much differs from draw to draw; on average about half of the words
/// go, as people who ask in other words have few of them in common with the question.
pub fn perturbed(words: &[String], rng: &mut impl Rng) -> String {
    let strength: f64 = rng.random_range(0.3..0.8);
    let mut kept: Vec<String> = words
        .iter()
        .filter(|_| !rng.random_bool(strength))
        .cloned()
        .collect();
    if kept.is_empty() {
        kept.extend(words.choose(rng).cloned());
    }
    for word in &mut kept {
        if rng.random_bool(strength / 3.0) {
            *word = slip(word, rng);
        }
    }
    for i in 1..kept.len() {
        if rng.random_bool(strength / 2.0) {
            kept.swap(i - 1, i);
        }
    }
    joined(&kept)
}

/// A word with two letters swapped or one lost.
fn slip(word: &str, rng: &mut impl Rng) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() > 1 {
        let at = rng.random_range(0..letters.len() - 1);
        match rng.random_bool(0.5) {
            true => letters.swap(at, at + 1),
            false => drop(letters.remove(at)),
        }
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::rng::{Purpose, stream};

    #[test]
    fn words_are_characters_where_there_are_no_spaces() {
        assert_eq!(words("what is AI?"), ["what", "is", "AI?"]);
        assert_eq!(words("什么是AI 呢"), ["什", "么", "是", "AI", "呢"]);
        assert_eq!(joined(&words("什么是AI 呢")), "什么是 AI 呢");
        assert_eq!(joined(&words("what is  it")), "what is it");
        assert!(words(" ").is_empty());
    }

    #[test]
    fn something_of_the_question_always_stays() {
        let question = words("how do I reset my password");
        let mut changed = 0;
        for i in 0..200 {
            let draw = || perturbed(&question, &mut stream(1, Purpose::Augment, (0, i)));
            let text = draw();
            assert!(!text.trim().is_empty());
            assert_eq!(text, draw());
            changed += usize::from(text != "how do I reset my password");
        }
        assert!(changed > 180, "{changed}");
        let one = perturbed(&words("嗨"), &mut stream(1, Purpose::Augment, (0, 0)));
        assert_eq!(one, "嗨");
    }
}
