//! What scores are called and mean, and what reports say, in both languages.

use modelwright_evaluate::amount;
use modelwright_words::{Lang, Texts, Value};
use std::sync::LazyLock;

const ENGLISH: &[&str] = &[
    include_str!("../i18n/en/scores.ftl"),
    include_str!("../i18n/en/report.ftl"),
];
const CHINESE: &[&str] = &[
    include_str!("../i18n/zh/scores.ftl"),
    include_str!("../i18n/zh/report.ftl"),
];

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(ENGLISH, CHINESE));

/// The text of a key with its placeholders filled.
pub(crate) fn tr(lang: Lang, key: &str, args: &[(&str, Value)]) -> String {
    TEXTS.tr(lang, key, args)
}

/// A score's name.
pub fn score_name(lang: Lang, name: &str) -> String {
    let key = format!("score-{}", name.replace('_', "-"));
    match TEXTS.has(lang, &key) {
        true => tr(lang, &key, &[]),
        false => name.replace('_', " "),
    }
}

/// What the examples of a task are, as keys of texts name them.
pub fn seen(task: &str) -> &'static str {
    match task {
        t if t.starts_with("image") => "pictures",
        t if t.starts_with("tabular") => "rows",
        _ => "texts",
    }
}

/// What a score means for the product, in a sentence; `None` if only experts would gain from it.
pub fn plain(lang: Lang, task: &str, name: &str, value: f64) -> Option<String> {
    let of_all = |key: &str| {
        // Nearly always right is said of a thousand: 99.7 of 100 would be rounded to all.
        let of = if value > 0.985 { 1000u32 } else { 100 };
        let right = (value * f64::from(of)).round();
        Some(tr(lang, key, &[("of", &of), ("right", &right)]))
    };
    match name {
        "accuracy" if value >= 1.0 => Some(tr(lang, &format!("plain-all-{}", seen(task)), &[])),
        "accuracy" => of_all(&format!("plain-right-{}", seen(task))),
        "subset_accuracy" => of_all("plain-labels"),
        "exact_match" => of_all("plain-exact"),
        "recall_at_1" => of_all(&format!("plain-first-{task}")),
        "answered" => of_all("plain-answered"),
        "answered_right" => of_all("plain-answered-right"),
        "mae" => Some(tr(lang, "plain-mae", &[("error", &amount(value))])),
        "r2" if value > 0.0 => {
            let share = (100.0 * value).round();
            Some(tr(lang, "plain-r2", &[("share", &share)]))
        }
        "r2" => Some(tr(lang, "plain-r2-useless", &[])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_words::keys;
    use std::path::Path;

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_placeholders() {
        assert_eq!(keys(ENGLISH).unwrap(), keys(CHINESE).unwrap());
    }

    /// Keys stand in calls of `t` and `tr`, or begin with one of the prefixes that code completes.
    #[test]
    fn every_key_in_the_code_exists_and_none_is_left_over() {
        let mut used = String::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(path) = folders.pop() {
            match path.is_dir() {
                true => folders.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path())),
                false => used += &std::fs::read_to_string(path).unwrap(),
            }
        }
        let known = keys(ENGLISH).unwrap();
        for call in [".t(\"", ".tr(\""] {
            for key in used
                .split(call)
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
            {
                assert!(known.contains_key(key), "{key}");
            }
        }
        let completed = ["score-", "plain-", "damage-", "feature-", "word-"];
        for key in known.keys() {
            let open = completed.iter().any(|prefix| key.starts_with(prefix));
            assert!(
                open || used.contains(&format!("\"{key}\"")),
                "{key} is used nowhere"
            );
        }
    }

    #[test]
    fn scores_are_named_and_put_into_plain_words() {
        assert_eq!(score_name(Lang::En, "auroc"), "area under the ROC curve");
        assert_eq!(score_name(Lang::En, "some_new"), "some new");
        let said = plain(Lang::En, "image-classification", "accuracy", 0.9).unwrap();
        assert!(said.contains("100") && said.contains("90"), "{said}");
        assert!(plain(Lang::Zh, "tabular-regression", "log_loss", 0.9).is_none());
    }
}
