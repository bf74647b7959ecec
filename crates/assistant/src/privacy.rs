//! Personal data that has a form of its own is taken out of texts before they are kept: e-mail addresses,
//! telephone, card and account numbers, Chinese identity numbers. Names and addresses have none and stay;
//! a number that is written in words is not seen.

use regex::Regex;
use std::sync::LazyLock;

/// A form, what says that it is what it looks like, and what stands in its place.
struct Form {
    pattern: &'static str,
    is_one: fn(&str) -> bool,
    instead: &'static str,
}

/// In this order: a longer form may hold a shorter one.
const FORMS: [Form; 8] = [
    Form {
        pattern: r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
        is_one: |_| true,
        instead: "[email]",
    },
    Form {
        pattern: r"(?-u:\b)[A-Za-z]{2}\d{2}(?:[ ]?[A-Za-z0-9]{4}){2,7}(?:[ ]?[A-Za-z0-9]{1,3})?(?-u:\b)",
        is_one: is_iban,
        instead: "[iban]",
    },
    Form {
        pattern: r"(?-u:\b)\d{6}[ ]?(?:19|20)\d{2}[ ]?\d{4}[ ]?\d{3}[0-9Xx](?-u:\b)",
        is_one: is_chinese_id,
        instead: "[id number]",
    },
    Form {
        pattern: r"(?-u:\b)\d(?:[ -]?\d){12,18}(?-u:\b)",
        is_one: is_card,
        instead: "[card]",
    },
    Form {
        pattern: r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ ]?)?\d(?:[ ./-]?\d){5,12}(?-u:\b)",
        is_one: |_| true,
        instead: "[phone]",
    },
    Form {
        pattern: r"(?-u:\b)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?-u:\b)",
        is_one: |_| true,
        instead: "[phone]",
    },
    Form {
        pattern: r"\(?(?-u:\b)0\d{1,4}\)?(?:[ ./-]{0,2}\d){6,9}(?-u:\b)",
        is_one: |_| true,
        instead: "[phone]",
    },
    Form {
        pattern: r"\(\d{3}\)[ ]?\d{3}[ .-]\d{4}(?-u:\b)|(?-u:\b)\d{3}[ .-]\d{3}[ .-]\d{4}(?-u:\b)",
        is_one: |_| true,
        instead: "[phone]",
    },
];

static PATTERNS: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
    FORMS
        .iter()
        .map(|form| Regex::new(form.pattern).ok())
        .collect()
});

/// A text without personal data.
pub fn redacted(text: &str) -> String {
    let mut text = wide_digits(text);
    for (form, pattern) in FORMS.iter().zip(&*PATTERNS) {
        let Some(pattern) = pattern else { continue };
        let replaced = pattern.replace_all(&text, |found: &regex::Captures| {
            let found = &found[0];
            match prefix(found, form.is_one) {
                Some(end) => format!("{}{}", form.instead, &found[end..]),
                None => found.to_string(),
            }
        });
        text = replaced.into_owned();
    }
    text
}

/// The end of the longest part up to a space that is one: what follows may look like more of it.
fn prefix(found: &str, is_one: fn(&str) -> bool) -> Option<usize> {
    let spaces = found.rmatch_indices(' ').map(|(at, _)| at);
    [found.len()]
        .into_iter()
        .chain(spaces)
        .find(|end| is_one(&found[..*end]))
}

/// Digits and signs of Chinese typing, as ASCII has them.
fn wide_digits(text: &str) -> String {
    let plain = |c: char| match u32::from(c) {
        code @ (0xff10..=0xff19 | 0xff20 | 0xff0b | 0xff0d | 0xff0e) => {
            char::from_u32(code - 0xfee0).unwrap_or(c)
        }
        _ => c,
    };
    text.chars().map(plain).collect()
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// The check digit of cards (ISO/IEC 7812, Luhn 1960).
fn is_card(text: &str) -> bool {
    let digits = digits(text);
    let doubled = |(i, digit): (usize, &u32)| match i % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).sum();
    digits.len() >= 13 && sum.is_multiple_of(10) && digits.iter().any(|d| *d > 0)
}

/// The check digits of accounts (ISO 13616): the number modulo 97 is 1.
fn is_iban(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(|c| *c != ' ').collect();
    if !(15..=34).contains(&letters.len()) {
        return false;
    }
    let turned = letters[4..].iter().chain(&letters[..4]);
    let values = turned.filter_map(|c| c.to_digit(36));
    let rest = values.fold(0, |rest, value| match value {
        0..=9 => (rest * 10 + value) % 97,
        _ => (rest * 100 + value) % 97,
    });
    rest == 1
}

/// The check digit of Chinese identity numbers (GB 11643, ISO 7064 mod 11-2).
fn is_chinese_id(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let letters: Vec<char> = text.to_uppercase().chars().filter(|c| *c != ' ').collect();
    let digits = letters
        .iter()
        .zip(WEIGHTS)
        .map(|(c, weight)| c.to_digit(10).unwrap_or(0) * weight);
    let sum: u32 = digits.sum();
    letters.len() == 18 && letters[17] == CHECKS[sum as usize % 11]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert!(PATTERNS.iter().all(Option::is_some));
    }

    #[test]
    fn personal_data_is_taken_out() {
        for (text, clean) in [
            ("mail ann.lee+x@mail.example.com now", "mail [email] now"),
            ("我的邮箱是zhang@example.com谢谢", "我的邮箱是[email]谢谢"),
            ("call +49 (30) 901820 today", "call [phone] today"),
            ("+1-415-555-0100", "[phone]"),
            ("(415) 555-0100 or 415-555-0100", "[phone] or [phone]"),
            ("020 7946 0958", "[phone]"),
            ("手机13812345678。", "手机[phone]。"),
            ("电话 138 1234 5678", "电话 [phone]"),
            ("手机１３８１２３４５６７８", "手机[phone]"),
            ("座机010-12345678", "座机[phone]"),
            ("card 4111 1111 1111 1111!", "card [card]!"),
            ("卡号6222021234567890128", "卡号[card]"),
            ("身份证11010519491231002X", "身份证[id number]"),
            ("DE89 3704 0044 0532 0130 00", "[iban]"),
            ("gb82west12345698765432.", "[iban]."),
            ("BE68 5390 0754 7034 call me", "[iban] call me"),
            ("4111 1111 1111 1111 20 euros", "[card] 20 euros"),
        ] {
            assert_eq!(redacted(text), clean, "{text}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "order 20261124 costs 49.90 euros",
            "on 2026-11-24 at 10:30",
            "order 4111 1111 1111 1112",
            "订单号110105194912310021",
            "size 42, 3 pieces, 1000 points",
            "version 1.2.3, page 12-14",
            "满99元减10元，7天内",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
