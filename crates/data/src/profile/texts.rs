//! Profile of a column of texts.

use crate::table::{Column, ColumnData};
use serde::Serialize;

/// Facts about a column of texts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextProfile {
    /// Characters of a text.
    pub characters: Lengths,
    /// Words of a text; a Chinese or Japanese character counts as one.
    pub words: Lengths,
    /// Rows without a text.
    pub empty: usize,
    /// Texts that occur before.
    pub duplicates: usize,
    /// Share of each script among the letters, the largest first.
    pub scripts: Vec<(&'static str, f64)>,
}

/// How long texts are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lengths {
    /// Of the shortest.
    pub shortest: usize,
    /// Half of the texts are no longer.
    pub median: usize,
    /// Of all together, divided by their number.
    pub mean: f64,
    /// Of the longest.
    pub longest: usize,
}

/// The facts of a column; `None` for numbers, and if there is no text at all.
pub(super) fn profile(column: &Column) -> Option<TextProfile> {
    let ColumnData::Labels { codes, levels } = &column.data else {
        return None;
    };
    // Equal texts are looked at once and counted as often as they occur.
    let mut times = vec![0usize; levels.len()];
    let mut empty = 0;
    for code in codes {
        match times.get_mut(*code as usize) {
            Some(n) => *n += 1,
            None => empty += 1,
        }
    }
    let counted = || {
        levels
            .iter()
            .zip(times.iter().copied())
            .filter(|(_, n)| *n > 0)
    };
    let mut letters = [0usize; SCRIPTS.len()];
    for (text, n) in counted() {
        text.chars()
            .filter_map(script)
            .for_each(|s| letters[s] += n);
    }
    let present = codes.len() - empty;
    let lengths = |of: fn(&str) -> usize| lengths(counted().map(|(t, n)| (of(t), n)).collect());
    Some(TextProfile {
        characters: lengths(|text| text.chars().count())?,
        words: lengths(words)?,
        empty,
        duplicates: present - counted().count(),
        scripts: shares(&letters),
    })
}

fn lengths(mut of: Vec<(usize, usize)>) -> Option<Lengths> {
    of.sort_unstable();
    let count: usize = of.iter().map(|(_, n)| n).sum();
    let total: usize = of.iter().map(|(length, n)| length * n).sum();
    let mut below = 0;
    let median = of.iter().find(|(_, n)| {
        below += n;
        2 * below >= count
    })?;
    Some(Lengths {
        shortest: of.first()?.0,
        median: median.0,
        mean: total as f64 / count as f64,
        longest: of.last()?.0,
    })
}

/// Words: what stands between other characters than letters and digits, and each character of a script
/// that has no blanks between words.
fn words(text: &str) -> usize {
    let mut words = 0;
    let mut inside = false;
    for c in text.chars() {
        let alone = matches!(script(c), Some(s) if matches!(SCRIPTS[s], "han" | "kana"));
        let part = c.is_alphanumeric() && !alone;
        words += usize::from(alone || (part && !inside));
        inside = part;
    }
    words
}

/// The scripts that are told apart.
const SCRIPTS: [&str; 11] = [
    "latin",
    "han",
    "kana",
    "hangul",
    "cyrillic",
    "greek",
    "arabic",
    "hebrew",
    "devanagari",
    "thai",
    "other",
];

/// The script of a letter, by the blocks of Unicode.
fn script(c: char) -> Option<usize> {
    if !c.is_alphabetic() {
        return None;
    }
    Some(match c as u32 {
        0x0041..=0x024f | 0x1e00..=0x1eff | 0x2c60..=0x2c7f | 0xa720..=0xa7ff | 0xff21..=0xff5a => {
            0
        }
        0x3005 | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x323af => 1,
        0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f => 2,
        0x1100..=0x11ff | 0x3130..=0x318f | 0xa960..=0xa97f | 0xac00..=0xd7ff => 3,
        0x0400..=0x052f | 0x1c80..=0x1c8f | 0x2de0..=0x2dff | 0xa640..=0xa69f => 4,
        0x0370..=0x03ff | 0x1f00..=0x1fff => 5,
        0x0600..=0x06ff | 0x0750..=0x077f | 0x08a0..=0x08ff | 0xfb50..=0xfdff | 0xfe70..=0xfeff => {
            6
        }
        0x0590..=0x05ff | 0xfb1d..=0xfb4f => 7,
        0x0900..=0x097f | 0xa8e0..=0xa8ff => 8,
        0x0e00..=0x0e7f => 9,
        _ => 10,
    })
}

fn shares(letters: &[usize]) -> Vec<(&'static str, f64)> {
    let total: usize = letters.iter().sum();
    let mut shares: Vec<(&'static str, f64)> = SCRIPTS
        .into_iter()
        .zip(letters)
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| (name, *n as f64 / total as f64))
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> TextProfile {
        let present = |text: &&str| (!text.is_empty()).then(|| text.to_string());
        let texts: Vec<Option<String>> = texts.iter().map(present).collect();
        profile(&Column::of_texts("t", &texts)).unwrap()
    }

    #[test]
    fn lengths_gaps_and_repetitions() {
        let p = of(&["one two", "one two", "three", "", "four-five six"]);
        assert_eq!((p.empty, p.duplicates), (1, 1));
        let lengths = |shortest, median, mean, longest| Lengths {
            shortest,
            median,
            mean,
            longest,
        };
        assert_eq!(p.characters, lengths(5, 7, 8.0, 13));
        assert_eq!(p.words, lengths(1, 2, 2.0, 3));
        assert!(profile(&Column::of_texts("t", &[None, None])).is_none());
    }

    #[test]
    fn scripts_are_told_apart() {
        let p = of(&["abc 人工智能 12！", "привет", "ひらがな"]);
        let share = |name| {
            p.scripts
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, share)| *share)
        };
        let expected = [
            ("latin", 3.0),
            ("han", 4.0),
            ("cyrillic", 6.0),
            ("kana", 4.0),
        ];
        for (name, letters) in expected {
            assert_eq!(share(name), Some(letters / 17.0), "{name}");
        }
        assert_eq!(p.scripts[0].0, "cyrillic");
        assert_eq!(words("abc 人工智能 12！"), 6);
    }
}
