//! Where the words of a text are.

use std::ops::Range;

/// The bytes of each word: letters and digits that belong together, with apostrophes and hyphens among
/// them. Of scripts without blanks between words each character is one.
pub fn words(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open = None;
    for (at, c) in text.char_indices() {
        let joins = matches!(c, '\'' | '’' | '-') && open.is_some();
        let alone = is_unspaced(c);
        if !alone && (c.is_alphanumeric() || joins) {
            open.get_or_insert(at);
            continue;
        }
        found.extend(open.take().map(|start| start..at));
        if alone {
            found.push(at..at + c.len_utf8());
        }
    }
    found.extend(open.map(|start| start..text.len()));
    for word in &mut found {
        // What joins nothing behind it is no part of the word.
        let end = text[word.clone()].trim_end_matches(['\'', '’', '-']).len();
        word.end = word.start + end;
    }
    found
}

/// Whether a character is of a script that is written without blanks: Chinese, Japanese, Thai, Lao,
/// Khmer, Burmese.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_found_in_any_script() {
        for (text, expected) in [
            (
                "Great phone, bad battery!",
                &["Great", "phone", "bad", "battery"][..],
            ),
            (
                "don't up-to-date 'quoted' 3.5",
                &["don't", "up-to-date", "quoted", "3", "5"],
            ),
            ("很好 ok。", &["很", "好", "ok"]),
            ("Zürich été", &["Zürich", "été"]),
            ("… !", &[]),
        ] {
            let found: Vec<&str> = words(text).into_iter().map(|w| &text[w]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
