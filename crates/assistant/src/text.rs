//! What texts are made of: sentences, terms, numbers, a language. Enough for English and Chinese, and
//! for others that have spaces between words.

use modelwright_tasks::is_unspaced;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Code of Chinese.
pub const CHINESE: &str = "zh";
/// Code of English.
pub const ENGLISH: &str = "en";

/// Words that tell nothing about what a text is about.
const ENGLISH_STOPS: &str = "a about after all also am an and any are as at be been but by can could did \
    do does for from get got had has have he her here him his how i if in into is it its just ll let many may \
    me more much my no not of on once one or our out please re s she should so some t than that the their them then \
    there these they this those to too up us ve was we were what when where which who whom why will with \
    would you your yours d m";
/// Characters of Chinese that are so frequent that a pair with two of them tells nothing.
const CHINESE_STOPS: &str = "的了吗呢吧啊是在我你您他她它们们这那有和与及就都也很要会能可以请问什么么怎样如何哪为到不没个一上下来去把被给对";

static STOPS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| ENGLISH_STOPS.split_whitespace().collect());
static CHINESE_STOP: LazyLock<HashSet<char>> = LazyLock::new(|| CHINESE_STOPS.chars().collect());

/// Endings of words after which a point ends no sentence.
const ABBREVIATIONS: [&str; 14] = [
    "e.g", "i.e", "mr", "mrs", "ms", "dr", "no", "st", "vs", "approx", "etc", "inc", "ltd", "incl",
];

/// The sentences of a text, trimmed, in their order; a line break always ends one.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut start = 0;
    let mut found = Vec::new();
    for end in ends(text) {
        found.push(&text[start..end]);
        start = end;
    }
    found.push(&text[start..]);
    let whole = found.into_iter().map(str::trim);
    whole
        .filter(|s| s.chars().any(char::is_alphanumeric))
        .collect()
}

/// Where the sentences of a text end, in bytes; what follows the last has no end yet.
pub fn ends(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let mut end = at + c.len_utf8();
        let ends = match c {
            '\n' | '。' | '！' | '？' | '；' => true,
            '.' | '!' | '?' => ends_sentence(&text[start..at], c, characters.peek().map(|n| n.1)),
            _ => false,
        };
        if !ends {
            continue;
        }
        // Closing quotes and brackets, and more marks, belong to it.
        let closing = |c: char| "\"'”’）)」』》!?！？。*_".contains(c);
        while let Some((at, c)) = characters.next_if(|(_, next)| c != '\n' && closing(*next)) {
            end = at + c.len_utf8();
        }
        found.push(end);
        start = end;
    }
    found
}

/// Whether a mark after `before` ends a sentence: what follows is a space, and `before` ends in no
/// abbreviation and is not the number of a list.
fn ends_sentence(before: &str, mark: char, next: Option<char>) -> bool {
    let open = next.is_none_or(|n| n.is_whitespace() || "\"'”’)[".contains(n) || is_unspaced(n));
    if mark != '.' || !open {
        return open;
    }
    let last = before.rsplit(char::is_whitespace).next().unwrap_or("");
    let last = last.trim_start_matches(['(', '"', '“']).to_lowercase();
    let is_number = before.trim() == last && last.chars().all(|c| c.is_ascii_digit());
    !(ABBREVIATIONS.contains(&last.as_str()) || is_number)
}

/// The terms of a text that tell what it is about: stems of words, and neighbouring characters where
/// there are no spaces. All terms, if each of them is a word that tells nothing.
pub fn terms(text: &str) -> Vec<String> {
    let all = all_terms(text);
    let telling: Vec<String> = all
        .iter()
        .filter(|(_, tells)| *tells)
        .map(|(term, _)| term.clone())
        .collect();
    match telling.is_empty() {
        true => all.into_iter().map(|(term, _)| term).collect(),
        false => telling,
    }
}

/// Each term, and whether it tells anything.
fn all_terms(text: &str) -> Vec<(String, bool)> {
    let text = text.to_lowercase();
    let mut found = Vec::new();
    let mut word = String::new();
    let mut run: Vec<char> = Vec::new();
    for c in text.chars().chain([' ']) {
        let unspaced = is_unspaced(c);
        if !unspaced && !run.is_empty() {
            of_run(&run, &mut found);
            run.clear();
        }
        // A point or comma inside of a number belongs to it, but not to a word.
        let inside = c.is_alphanumeric() && !unspaced;
        if !inside && !word.is_empty() {
            found.push((stem(&word), !STOPS.contains(word.as_str())));
            word.clear();
        }
        if inside {
            word.push(c);
        } else if unspaced && c.is_alphanumeric() {
            run.push(c);
        }
    }
    found
}

/// Pairs of neighbours; a character alone is a term itself.
fn of_run(run: &[char], found: &mut Vec<(String, bool)>) {
    if let [one] = run {
        found.push((one.to_string(), tells(*one)));
    }
    for pair in run.windows(2) {
        found.push((pair.iter().collect(), pair.iter().any(|c| tells(*c))));
    }
}

/// Whether a character of Chinese tells anything.
pub fn tells(c: char) -> bool {
    !CHINESE_STOP.contains(&c)
}

/// A word without its commonest endings, so that forms of a word are one term (after Harman's
/// S-stemmer, 1991, with the endings of verbs).
fn stem(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|b| b.is_ascii_digit()) {
        return word.into();
    }
    let mut stem = word.to_string();
    if let Some(start) = stem.strip_suffix("ies") {
        stem = format!("{start}y");
    } else if stem.ends_with('s') && !stem.ends_with("ss") && !stem.ends_with("us") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        let Some(start) = stem.strip_suffix(ending).filter(|s| s.len() >= 3) else {
            continue;
        };
        let letters = start.as_bytes();
        let twice = letters[letters.len() - 1] == letters[letters.len() - 2];
        let keep = start.len() - usize::from(twice && !start.ends_with(['l', 's']));
        stem = start[..keep].into();
        break;
    }
    // `delivery` and `deliver`, `exchange` and `exchang(ing)`.
    if stem.len() > 4 && stem.ends_with(['e', 'y']) {
        stem.pop();
    }
    stem
}

/// The numbers of a text as they are compared: without separators of thousands and trailing zeros.
pub fn numbers(text: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut number = String::new();
    let mut characters = text.chars().chain([' ']).peekable();
    while let Some(c) = characters.next() {
        let digit_follows = characters.peek().is_some_and(char::is_ascii_digit);
        let joins = matches!(c, '.' | ',') && !number.is_empty() && digit_follows;
        if c.is_ascii_digit() || joins {
            number.push(c);
        } else if !number.is_empty() {
            found.insert(plain_number(&number));
            number.clear();
        }
    }
    found
}

fn plain_number(number: &str) -> String {
    // A comma before three digits separates thousands; any other one is a decimal comma.
    let mut plain = String::new();
    let parts: Vec<&str> = number.split(',').collect();
    for (i, part) in parts.iter().enumerate() {
        let whole = part.split('.').next().unwrap_or("");
        if i > 0 && whole.len() != 3 {
            plain.push('.');
        }
        plain.push_str(part);
    }
    match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.').into(),
        false => plain,
    }
}

/// About how many tokens a language model makes of a text: one a character of a script without spaces,
/// four for three words, one a sign.
pub fn size(text: &str) -> usize {
    let (mut words, mut others, mut inside) = (0usize, 0usize, false);
    for c in text.chars() {
        let letter = c.is_alphanumeric() && !is_unspaced(c);
        words += usize::from(letter && !inside);
        others += usize::from(!letter && !c.is_whitespace());
        inside = letter;
    }
    words + words.div_ceil(3) + others
}

/// The language of a text: Chinese if a fifth of its letters are of that script, English if it has other
/// letters, `None` without any.
pub fn language(text: &str) -> Option<&'static str> {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (mut chinese, mut all) = (0usize, 0usize);
    for letter in letters {
        // A character of Chinese says more than a letter.
        let weight = if is_unspaced(letter) { 3 } else { 1 };
        all += weight;
        chinese += if is_unspaced(letter) { weight } else { 0 };
    }
    match all {
        0 => None,
        _ if chinese * 5 >= all => Some(CHINESE),
        _ => Some(ENGLISH),
    }
}

/// Lower case, without punctuation at its ends and with single spaces: how phrases are compared.
pub fn folded(text: &str) -> String {
    let letters = |c: char| match c {
        '’' => '\'',
        c if c.is_alphanumeric() || c == '\'' => c,
        _ => ' ',
    };
    let text: String = text.to_lowercase().chars().map(letters).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a folded text has a folded phrase, as whole words where there are spaces between words.
pub fn has_phrase(text: &str, phrase: &str) -> bool {
    match phrase.chars().any(is_unspaced) {
        true => text.replace(' ', "").contains(&phrase.replace(' ', "")),
        false => !phrase.is_empty() && format!(" {text} ").contains(&format!(" {phrase} ")),
    }
}

/// At most `most` characters, with a sign that there is more.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_they_end() {
        let text =
            "Delivery costs €4.90, e.g. to Ghent. Is it free? Yes! See No. 5.\n- from 50 euros";
        assert_eq!(
            sentences(text),
            [
                "Delivery costs €4.90, e.g. to Ghent.",
                "Is it free?",
                "Yes!",
                "See No. 5.",
                "- from 50 euros"
            ]
        );
        assert_eq!(
            sentences("七天内可以退货。运费由您承担！可以吗？"),
            ["七天内可以退货。", "运费由您承担！", "可以吗？"]
        );
        assert_eq!(sentences("1. Open the box."), ["1. Open the box."]);
        assert!(sentences(" \n… ").is_empty());
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        for (a, b) in [
            ("delivery", "deliveries"),
            ("delivered", "deliver"),
            ("returning", "returns"),
            ("exchanging", "exchange"),
            ("shipping", "ship"),
            ("shoes", "shoe"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_eq!(terms("How do I return my shoes?"), ["return", "shoe"]);
        assert_eq!(terms("who are you"), ["who", "are", "you"]);
        assert_eq!(terms("怎么退货"), ["么退", "退货"]);
        assert_eq!(terms("用iPhone支付"), ["用", "iphon", "支付"]);
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let found = numbers("1,200 pieces at €4.90, in 30 days (2026-11-24), 3,5 kg");
        for number in ["1200", "4.9", "30", "2026", "11", "24", "3.5"] {
            assert!(found.contains(number), "{number} {found:?}");
        }
        assert_eq!(
            numbers("满99元，7天"),
            HashSet::from(["99".into(), "7".into()])
        );
        assert!(numbers("none").is_empty());
    }

    #[test]
    fn languages_are_told_by_their_script() {
        assert_eq!(language("Where is my parcel?"), Some("en"));
        assert_eq!(language("我的快递到哪了"), Some("zh"));
        assert_eq!(language("我想买 iPhone 15 Pro Max"), Some("zh"));
        assert_eq!(
            language("The brand 小米 is not sold here, we are sorry to say"),
            Some("en")
        );
        assert_eq!(language("123 ?!"), None);
    }

    #[test]
    fn phrases_are_whole_words() {
        let text = folded("Let me talk to a HUMAN, please!");
        assert!(has_phrase(&text, "talk to a human"));
        assert!(!has_phrase(&text, "man"));
        assert!(has_phrase(&folded("我要转人工！"), "人工"));
        assert!(!has_phrase(&text, ""));
    }

    #[test]
    fn sizes_are_about_those_of_tokens() {
        assert_eq!(size("Returns are free for members"), 7);
        assert_eq!(size("七天退货。"), 5);
        assert_eq!(shortened("abcdef", 3), "abc…");
        assert_eq!(shortened("abc", 3), "abc");
    }
}
