//! Hashed n-grams: neighbouring words, and neighbouring characters where a script has no spaces.

use rayon::prelude::*;
use std::ops::RangeInclusive;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Lengths of runs of characters, and of pieces of words.
const CHARACTERS: RangeInclusive<usize> = 1..=4;
const PIECES: RangeInclusive<usize> = 3..=4;
/// The hashes of words and of characters have nothing in common.
const WORD: u64 = 1;
const CHARACTER: u64 = 2;

/// Whether a character is of a script that is written without spaces between words: Chinese, Japanese,
/// Thai, Lao, Tibetan, Burmese, Khmer.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0fff
        | 0x1000..=0x109f
        | 0x1780..=0x17ff
        | 0x2e80..=0x2fdf
        | 0x3005..=0x3007
        | 0x3040..=0x312f
        | 0x31f0..=0x31ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xf900..=0xfaff
        | 0xff66..=0xff9d
        | 0x2_0000..=0x3_ffff)
}

/// What a character is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Word,
    Unspaced,
    /// Punctuation, signs, emoji: a word by itself, however often it is repeated.
    Sign(char),
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            _ if c.is_whitespace() || c.is_control() => Self::Space,
            _ if is_unspaced(c) => Self::Unspaced,
            '_' | '\'' | '’' => Self::Word,
            // Marks that are put on the letter before them.
            '\u{300}'..='\u{36f}' => Self::Word,
            _ if c.is_alphanumeric() => Self::Word,
            _ => Self::Sign(c),
        }
    }
}

/// Gives the hash of every word, every two neighbouring words and, in scripts without spaces, every run
/// of one to four characters, whatever their case.
pub(crate) fn each(text: &str, found: impl FnMut(u64)) {
    visit(text, false, found);
}

/// As [`each`], with pieces of words where they are asked for.
fn visit(text: &str, pieces: bool, mut found: impl FnMut(u64)) {
    let mut marked = String::new();
    let text = text.to_lowercase();
    let mut before: Option<u64> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((start, c)) = characters.next() {
        let class = Class::of(c);
        let mut end = start + c.len_utf8();
        while let Some((at, next)) = characters.next_if(|(_, next)| Class::of(*next) == class) {
            end = at + next.len_utf8();
        }
        let run = &text[start..end];
        match class {
            Class::Space => {}
            Class::Unspaced => {
                before = None;
                of_characters(run, CHARACTERS, &mut found);
            }
            Class::Word | Class::Sign(_) => {
                let one = if class == Class::Word {
                    run
                } else {
                    &run[..c.len_utf8()]
                };
                let word = xxh3_64_with_seed(one.as_bytes(), WORD);
                found(word);
                if pieces && class == Class::Word {
                    marked.clear();
                    marked.extend(["<", run, ">"]);
                    of_characters(&marked, PIECES, &mut found);
                }
                if let Some(before) = before {
                    found(xxh3_64_with_seed(&word.to_le_bytes(), before));
                }
                before = Some(word);
            }
        }
    }
}

fn of_characters(run: &str, lengths: RangeInclusive<usize>, found: &mut impl FnMut(u64)) {
    let bounds: Vec<usize> = run
        .char_indices()
        .map(|(at, _)| at)
        .chain([run.len()])
        .collect();
    for (i, start) in bounds.iter().enumerate() {
        for end in lengths.clone().map_while(|length| bounds.get(i + length)) {
            found(xxh3_64_with_seed(&run.as_bytes()[*start..*end], CHARACTER));
        }
    }
}

/// Rows of mostly zeros: (bucket, value) of the others, sorted by bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
}

impl Rows {
    /// How often the n-grams of each text occur, in `2^bits` buckets: those of [`each`], and `pieces` of
    /// three and four characters of words, of which other forms of a word share most.
    pub fn counts<T: AsRef<str> + Sync>(texts: &[T], pieces: bool, bits: u32) -> Self {
        let counted = |text: &T| counted(text.as_ref(), pieces, bits);
        let rows: Vec<Vec<(u32, f32)>> = texts.par_iter().map(counted).collect();
        let mut starts = vec![0];
        let mut entries = Vec::with_capacity(rows.iter().map(Vec::len).sum());
        for row in rows {
            entries.extend(row);
            starts.push(entries.len());
        }
        Self { starts, entries }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The entries of a row.
    pub fn row(&self, i: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[i]..self.starts[i + 1]]
    }

    /// Entries of all rows.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// In how many rows each bucket occurs.
    pub fn occurrences(&self, bits: u32) -> Vec<u32> {
        let mut rows = vec![0; 1 << bits];
        self.entries
            .iter()
            .for_each(|(bucket, _)| rows[*bucket as usize] += 1);
        rows
    }

    /// The rows with 1 + ln(count) times the weight of the bucket for each count, brought to length 1;
    /// buckets of weight 0 are left out.
    pub fn weighted(&self, weights: &[f32]) -> Self {
        let mut starts = vec![0];
        let mut entries = Vec::with_capacity(self.entries.len());
        for i in 0..self.len() {
            let first = entries.len();
            let known = |(bucket, count): &(u32, f32)| {
                let weight = weights[*bucket as usize];
                (weight != 0.0).then(|| (*bucket, (1.0 + count.ln()) * weight))
            };
            entries.extend(self.row(i).iter().filter_map(known));
            let row = &mut entries[first..];
            let length = row.iter().map(|(_, v)| v * v).sum::<f32>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|(_, v)| *v /= length);
            }
            starts.push(entries.len());
        }
        Self { starts, entries }
    }
}

fn counted(text: &str, pieces: bool, bits: u32) -> Vec<(u32, f32)> {
    let mut buckets = Vec::new();
    visit(text, pieces, |hash| {
        buckets.push((hash >> (64 - bits)) as u32)
    });
    buckets.sort_unstable();
    let same = buckets.chunk_by(|a, b| a == b);
    same.map(|run| (run[0], run.len() as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u64> {
        let mut all = Vec::new();
        each(text, |hash| all.push(hash));
        all
    }

    #[test]
    fn pieces_of_words() {
        let mut all = Vec::new();
        visit("cats!", true, |hash| all.push(hash));
        // cats; <ca, cat, ats, ts>; <cat, cats, ats>; !; the pair.
        assert_eq!(all.len(), 10);
        let mut other = Vec::new();
        visit("cat", true, |hash| other.push(hash));
        let shared = other.iter().filter(|hash| all.contains(hash));
        // <ca, cat, <cat.
        assert_eq!(shared.count(), 3);
    }

    #[test]
    fn words_and_pairs_of_words() {
        assert_eq!(hashes("Good morning"), hashes("good   MORNING"));
        // good, morning, good morning.
        assert_eq!(hashes("good morning").len(), 3);
        assert_ne!(hashes("good morning")[2], hashes("morning good")[2]);
        // don't, !: a sign counts once however often it stands there.
        assert_eq!(hashes("don't!!!").len(), 3);
        assert_eq!(hashes("don't!!!"), hashes("don't!"));
        assert!(hashes(" \n").is_empty());
    }

    #[test]
    fn characters_of_scripts_without_spaces() {
        // 5 + 4 + 3 + 2 runs of one to four characters.
        assert_eq!(hashes("这个很好吃").len(), 14);
        assert_eq!(hashes("很好")[0], hashes("很")[0]);
        // A word among them is still a word.
        assert!(hashes("买了iPhone很好").contains(&hashes("iphone")[0]));
    }

    #[test]
    fn rows_count_and_are_weighted() {
        let rows = Rows::counts(&["a b a", "", "b"], false, 18);
        assert_eq!(
            (rows.len(), rows.row(1).len(), rows.row(2).len()),
            (3, 0, 1)
        );
        let total: f32 = rows.row(0).iter().map(|(_, v)| v).sum();
        assert_eq!(total, 5.0); // a twice, b, and two pairs
        let (b, _) = rows.row(2)[0];
        assert_eq!(rows.occurrences(18)[b as usize], 2);
        let mut weights = vec![1.0; 1 << 18];
        let weighted = rows.weighted(&weights);
        let length: f32 = weighted.row(0).iter().map(|(_, v)| v * v).sum();
        assert!((length - 1.0).abs() < 1e-6);
        weights[b as usize] = 0.0;
        assert!(rows.weighted(&weights).row(2).is_empty());
    }
}
