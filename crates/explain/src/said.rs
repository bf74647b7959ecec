//! What results say, in both languages. In JSON they say it in English.

use modelwright_words::{Lang, Texts, Value};
use serde::{Serialize, Serializer};
use std::sync::LazyLock;

const ENGLISH: &[&str] = &[include_str!("../i18n/en/explain.ftl")];
const CHINESE: &[&str] = &[include_str!("../i18n/zh/explain.ftl")];

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(ENGLISH, CHINESE));

/// The text of a key with its placeholders filled.
pub(crate) fn tr(lang: Lang, key: &str, args: &[(&str, Value)]) -> String {
    TEXTS.tr(lang, key, args)
}

/// What scores and shares are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A probability.
    Probability,
    /// The unit of a regression's target.
    Target,
    /// The log-odds of one class of two.
    LogOdds,
    /// The mean of the log-odds against each other class.
    MeanLogOdds,
    /// An output of a network before softmax or sigmoid.
    Logit,
}

/// What grows when a model does not know a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Of a classifier.
    Log,
    /// Of a regression.
    Absolute,
}

/// By what examples are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Inputs of a model of rows.
    Columns,
    /// The last hidden layer.
    Hidden,
    /// Probabilities or other answers.
    Answers,
}

/// How a method was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Grad-CAM: places of the feature map.
    FeatureMap {
        /// From left to right.
        width: usize,
        /// From top to bottom.
        height: usize,
    },
    /// Integrated gradients from a picture of one colour.
    Colour {
        /// Whether it is black; else it is the mean colour.
        black: bool,
        /// Points of the path.
        points: usize,
    },
    /// Integrated gradients from a text of padding.
    Padding {
        /// Points of the path.
        points: usize,
        /// Whether the end of the text is not read.
        cut: bool,
    },
    /// Occlusion: the patch.
    Patch {
        /// Its side in pixels.
        side: usize,
        /// Pixels from one place to the next.
        step: usize,
    },
    /// Words that are left out one by one.
    Words {
        /// How many are.
        looked: usize,
        /// How many the text has.
        all: usize,
    },
    /// Shapley values of a linear model.
    Linear {
        /// Rows that the row is compared with.
        rows: usize,
    },
    /// Shapley values that were drawn.
    Drawn {
        /// Orders of the columns.
        orders: usize,
        /// Rows that the row is compared with.
        rows: usize,
    },
}

impl Unit {
    /// In words.
    pub fn words(self, lang: Lang) -> String {
        let key = match self {
            Self::Probability => "unit-probability",
            Self::Target => "unit-target",
            Self::LogOdds => "unit-log-odds",
            Self::MeanLogOdds => "unit-mean-log-odds",
            Self::Logit => "unit-logit",
        };
        tr(lang, key, &[])
    }
}

impl Loss {
    /// In words.
    pub fn words(self, lang: Lang) -> String {
        let key = match self {
            Self::Log => "loss-log",
            Self::Absolute => "loss-absolute",
        };
        tr(lang, key, &[])
    }
}

impl Compared {
    /// In words.
    pub fn words(self, lang: Lang) -> String {
        let key = match self {
            Self::Columns => "compared-columns",
            Self::Hidden => "compared-hidden",
            Self::Answers => "compared-answers",
        };
        tr(lang, key, &[])
    }
}

impl Setting {
    /// In words.
    pub fn words(self, lang: Lang) -> String {
        match &self {
            Self::FeatureMap { width, height } => tr(
                lang,
                "setting-feature-map",
                &[("width", width), ("height", height)],
            ),
            Self::Colour { black, points } => {
                let key = match black {
                    true => "setting-black-baseline",
                    false => "setting-mean-baseline",
                };
                tr(lang, key, &[("points", points)])
            }
            Self::Padding { points, cut } => {
                let key = match cut {
                    true => "setting-padding-cut",
                    false => "setting-padding",
                };
                tr(lang, key, &[("points", points)])
            }
            Self::Patch { side, step } => {
                tr(lang, "setting-patch", &[("side", side), ("step", step)])
            }
            Self::Words { looked, all } if looked < all => tr(
                lang,
                "setting-first-words",
                &[("looked", looked), ("all", all)],
            ),
            Self::Words { all, .. } => tr(lang, "setting-words", &[("all", all)]),
            Self::Linear { rows } => tr(lang, "setting-linear", &[("rows", rows)]),
            Self::Drawn { orders, rows } => {
                tr(lang, "setting-drawn", &[("orders", orders), ("rows", rows)])
            }
        }
    }
}

/// Written as its English words.
macro_rules! in_english {
    ($($name:ty),*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.words(Lang::En))
            }
        }
    )* };
}

in_english!(Unit, Loss, Compared, Setting);

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_words::keys;
    use std::path::Path;

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_placeholders() {
        let english = keys(ENGLISH).unwrap();
        assert_eq!(english, keys(CHINESE).unwrap());
        let mut code = String::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(path) = folders.pop() {
            match path.is_dir() {
                true => folders.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path())),
                false => code += &std::fs::read_to_string(path).unwrap(),
            }
        }
        for key in english.keys().filter(|key| !key.starts_with("assumes-")) {
            assert!(
                code.contains(&format!("\"{key}\"")),
                "{key} is used nowhere"
            );
        }
    }

    #[test]
    fn settings_are_told_in_the_language_asked_for_and_written_in_english() {
        let cut = Setting::Padding {
            points: 50,
            cut: true,
        };
        assert_eq!(
            cut.words(Lang::En),
            "baseline: a text of padding; 50 points; the end of the text is not read"
        );
        assert!(cut.words(Lang::Zh).contains("末尾"));
        let words = Setting::Words { looked: 5, all: 5 };
        assert_eq!(serde_json::to_value(words).unwrap(), "5 words");
        assert_eq!(
            serde_json::to_value(Unit::Logit).unwrap(),
            "score before softmax"
        );
    }
}
