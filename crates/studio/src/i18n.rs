//! What the pages say, from the Fluent files in `i18n/`.

use modelwright_words::Texts;
pub use modelwright_words::{Lang, Value};
use std::sync::LazyLock;

/// The texts of one language, file by file.
macro_rules! texts {
    ($language:literal) => {
        &[
            include_str!(concat!("../i18n/", $language, "/frame.ftl")),
            include_str!(concat!("../i18n/", $language, "/home.ftl")),
            include_str!(concat!("../i18n/", $language, "/data.ftl")),
            include_str!(concat!("../i18n/", $language, "/train.ftl")),
            include_str!(concat!("../i18n/", $language, "/fields.ftl")),
            include_str!(concat!("../i18n/", $language, "/run.ftl")),
            include_str!(concat!("../i18n/", $language, "/result.ftl")),
            include_str!(concat!("../i18n/", $language, "/try.ftl")),
            include_str!(concat!("../i18n/", $language, "/ship.ftl")),
            include_str!(concat!("../i18n/", $language, "/text.ftl")),
            include_str!(concat!("../i18n/", $language, "/chat.ftl")),
        ]
    };
}

const ENGLISH: &[&str] = texts!("en");
const CHINESE: &[&str] = texts!("zh");

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(ENGLISH, CHINESE));

/// Whether the pages have a text of this key.
pub fn has(lang: Lang, key: &str) -> bool {
    TEXTS.has(lang, key)
}

/// The text of a key with its placeholders filled.
pub fn tr(lang: Lang, key: &str, args: &[(&str, Value)]) -> String {
    TEXTS.tr(lang, key, args)
}

#[cfg(test)]
mod tests;
