//! What a person decides about an assistant: `settings.toml` in its folder, meant to be edited.

mod usual;

use crate::error::AssistantError;
use crate::reply::Mode;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use usual::{chinese, english, strings};

/// The file of the settings.
pub const SETTINGS: &str = "settings.toml";
/// What stands at its top.
const HEADER: &str = "# How this assistant speaks and when it does not. Edit it, then open the assistant again; nothing has to\n\
    # be built anew. A language is added by copying a [languages.…] table.\n\n";

/// The settings of an assistant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The company, as customers know it.
    pub name: String,
    /// How answers come to their words.
    pub mode: Mode,
    /// Language where a message tells none.
    pub language: String,
    /// Passages that an answer is made from.
    pub passages: usize,
    /// Most tokens that the language model writes.
    pub longest_answer: usize,
    /// An answer is given from this probability on; `None`: from the one that was found when the
    /// assistant was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_from: Option<f64>,
    /// A FAQ's answer is given in its own words from this probability on (mode `auto`).
    pub verbatim_from: f64,
    /// Least support of a sentence of the model by the passages; others are held back.
    pub grounded_from: f64,
    /// When a person goes on.
    pub hand_over: HandOver,
    /// What is said in each language, by its code.
    pub languages: BTreeMap<String, Voice>,
}

/// When a person goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// Angry messages of a customer; 0: never for that.
    pub angry: usize,
    /// Refusals in a row; 0: never for that.
    pub refusals: usize,
    /// Words and phrases in a message, in any language.
    pub words: Vec<String>,
}

/// What is said in a language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// What the language model is told about how to speak.
    pub prompt: String,
    /// The first words of a conversation.
    pub greeting: String,
    /// What is said if the documents do not tell.
    pub refusal: String,
    /// What is said when a person goes on.
    pub hand_over: String,
    /// What is said to who wants the instructions, or other ones.
    pub guarded: String,
    /// Phrases that ask for a person.
    pub person: Vec<String>,
    /// Messages that say yes to the colleague that a refusal offers.
    pub yes: Vec<String>,
    /// Phrases of an angry customer.
    pub angry: Vec<String>,
    /// Replies to what is no question.
    pub small_talk: Vec<SmallTalk>,
}

/// Phrases and the reply to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmallTalk {
    /// Messages that are nothing else.
    pub says: Vec<String>,
    /// What is said to them.
    pub reply: String,
}

impl Settings {
    /// The usual ones, in English and Chinese.
    pub fn new(name: &str, mode: Mode) -> Self {
        Self {
            name: name.into(),
            mode,
            language: text::ENGLISH.into(),
            passages: 3,
            longest_answer: 200,
            answer_from: None,
            verbatim_from: 0.8,
            grounded_from: 0.6,
            hand_over: HandOver {
                angry: 2,
                refusals: 2,
                words: strings(&[
                    "lawyer",
                    "sue you",
                    "consumer protection",
                    "律师",
                    "起诉",
                    "投诉你们",
                    "消费者协会",
                ]),
            },
            languages: BTreeMap::from([
                (text::ENGLISH.into(), english()),
                (text::CHINESE.into(), chinese()),
            ]),
        }
    }

    /// Reads the file in a folder.
    ///
    /// # Errors
    /// It is not there, is no TOML, or a value makes no sense.
    pub fn read(folder: &Path) -> Result<Self, AssistantError> {
        let path = folder.join(SETTINGS);
        let content = std::fs::read_to_string(&path);
        let content =
            content.map_err(|e| AssistantError::broken(folder, format!("{SETTINGS}: {e}")))?;
        let wrong = |problem: String| {
            AssistantError::asked(
                format!("{}: {problem}", path.display()),
                "correct it in that file",
            )
        };
        let settings: Self = toml::from_str(&content).map_err(|e| wrong(e.to_string()))?;
        match settings.complaint() {
            Some(problem) => Err(wrong(problem)),
            None => Ok(settings),
        }
    }

    /// As the file holds it.
    pub fn to_toml(&self) -> String {
        format!(
            "{HEADER}{}",
            toml::to_string_pretty(self).unwrap_or_default()
        )
    }

    /// What is said in a language, or in the usual one.
    pub fn voice(&self, language: &str) -> &Voice {
        let usual = || self.languages.get(&self.language);
        // Settings that were read have the usual one; those that were made need not.
        self.languages
            .get(language)
            .or_else(usual)
            .unwrap_or(&FALLBACK)
    }

    /// The language to reply in.
    pub fn language_of(&self, message: &str) -> String {
        let told = text::language(message).filter(|code| self.languages.contains_key(*code));
        told.unwrap_or(&self.language).into()
    }

    fn complaint(&self) -> Option<String> {
        let shares = [
            ("verbatim_from", self.verbatim_from),
            ("grounded_from", self.grounded_from),
            ("answer_from", self.answer_from.unwrap_or(0.5)),
        ];
        if let Some((name, value)) = shares.iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Some(format!("{name} is {value}; give a number from 0 to 1"));
        }
        if !(1..=20).contains(&self.passages) {
            return Some(format!(
                "passages is {}; give a number from 1 to 20",
                self.passages
            ));
        }
        if !(16..=4096).contains(&self.longest_answer) {
            let given = self.longest_answer;
            return Some(format!(
                "longest_answer is {given}; give a number from 16 to 4096"
            ));
        }
        let known = self.languages.contains_key(&self.language);
        (!known).then(|| {
            format!(
                "language is `{}`, but there is no table [languages.{0}]",
                self.language
            )
        })
    }
}

static FALLBACK: LazyLock<Voice> = LazyLock::new(english);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ones_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::new("Fern & Field", Mode::Auto);
        std::fs::write(folder.path().join(SETTINGS), settings.to_toml()).unwrap();
        assert_eq!(Settings::read(folder.path()).unwrap(), settings);
        assert_eq!(settings.language_of("怎么退货"), "zh");
        assert_eq!(settings.language_of("1234"), "en");
        assert_eq!(settings.voice("de"), settings.voice("en"));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |from: &str, to: &str| {
            let content = Settings::new("x", Mode::Extract).to_toml();
            assert!(content.contains(from), "{from}");
            std::fs::write(folder.path().join(SETTINGS), content.replace(from, to)).unwrap();
            Settings::read(folder.path()).unwrap_err().to_string()
        };
        assert!(write("grounded_from = 0.6", "grounded_from = 60").contains("grounded_from is 60"));
        assert!(write("passages = 3", "passages = 0").contains("from 1 to 20"));
        assert!(write("language = \"en\"", "language = \"xx\"").contains("[languages.xx]"));
        assert!(write("name = ", "nome = ").contains("nome"));
        std::fs::remove_file(folder.path().join(SETTINGS)).unwrap();
        assert!(Settings::read(folder.path()).is_err());
    }
}
