//! What `explain` says on a terminal, in both languages.

use modelwright_words::{Lang, Texts, Value};
use std::sync::LazyLock;

const ENGLISH: &[&str] = &[include_str!("../../../i18n/en/explain.ftl")];
const CHINESE: &[&str] = &[include_str!("../../../i18n/zh/explain.ftl")];

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(ENGLISH, CHINESE));

/// The text of a key with its placeholders filled.
pub fn tr(lang: Lang, key: &str, args: &[(&str, Value)]) -> String {
    TEXTS.tr(lang, key, args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_words::keys;

    #[test]
    fn both_languages_have_the_same_keys_and_all_are_used() {
        let english = keys(ENGLISH).unwrap();
        assert_eq!(english, keys(CHINESE).unwrap());
        let code = concat!(include_str!("show.rs"), include_str!("mod.rs"));
        for key in english.keys() {
            assert!(
                code.contains(&format!("\"{key}\"")),
                "{key} is used nowhere"
            );
        }
    }
}
