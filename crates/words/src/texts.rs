//! Texts by their keys.

use crate::Lang;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use unic_langid::LanguageIdentifier;

/// What fills a placeholder.
pub type Value<'a> = &'a (dyn Display + Sync);

/// The same texts in every language.
pub struct Texts {
    english: FluentBundle<FluentResource>,
    chinese: FluentBundle<FluentResource>,
}

impl Texts {
    /// From the contents of Fluent files.
    pub fn new(english: &[&str], chinese: &[&str]) -> Self {
        Self {
            english: bundle(Lang::En, english),
            chinese: bundle(Lang::Zh, chinese),
        }
    }

    fn of(&self, lang: Lang) -> &FluentBundle<FluentResource> {
        match lang {
            Lang::En => &self.english,
            Lang::Zh => &self.chinese,
        }
    }

    /// Whether there is a text of this key.
    pub fn has(&self, lang: Lang, key: &str) -> bool {
        self.of(lang).has_message(key)
    }

    /// The text of a key with its placeholders filled. Whole numbers choose plural forms. A key without
    /// a text is returned itself.
    pub fn tr(&self, lang: Lang, key: &str, args: &[(&str, Value)]) -> String {
        let texts = self.of(lang);
        let Some(pattern) = texts.get_message(key).and_then(|m| m.value()) else {
            tracing::warn!(key, "no such text");
            return key.into();
        };
        let mut values = FluentArgs::new();
        for (name, value) in args {
            values.set(*name, argument(&value.to_string()));
        }
        let mut errors = Vec::new();
        let text = texts.format_pattern(pattern, Some(&values), &mut errors);
        if !errors.is_empty() {
            tracing::warn!(key, ?errors, "text with a wrong placeholder");
        }
        text.into_owned()
    }
}

/// A number if the text is one as Fluent would write it; `007` stays as it is.
fn argument(text: &str) -> FluentValue<'static> {
    match text.parse::<u32>() {
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.to_string().into(),
    }
}

fn bundle(lang: Lang, sources: &[&str]) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = lang.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Marks around placeholders would be copied with the text.
    bundle.set_use_isolating(false);
    for source in sources {
        // Tests make sure that there are no errors; what can be read is used.
        let resource = match FluentResource::try_new(source.to_string()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// Each key of some Fluent files with the placeholders of its text.
///
/// # Errors
/// A file is no Fluent, or a key is there twice.
pub fn keys(sources: &[&str]) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        FluentResource::try_new(source.to_string()).map_err(|(_, errors)| format!("{errors:?}"))?;
        let mut key = String::new();
        for line in source.lines() {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                key = name.to_string();
                if found.insert(key.clone(), BTreeSet::new()).is_some() {
                    return Err(format!("{key} is there twice"));
                }
            }
            for part in line.split("{ $").skip(1) {
                let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let name = part[..end.unwrap_or(part.len())].to_string();
                found.entry(key.clone()).or_default().insert(name);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_in_their_language() {
        let english = ["n = { $n ->\n    [one] one cat\n   *[other] { $n } cats\n}\n"];
        let texts = Texts::new(&english, &["n = { $n } 只猫\n"]);
        let said = |lang, n: u32| texts.tr(lang, "n", &[("n", &n)]);
        assert_eq!(said(Lang::En, 1), "one cat");
        assert_eq!(said(Lang::En, 2), "2 cats");
        assert_eq!(said(Lang::Zh, 2), "2 只猫");
        assert!(texts.has(Lang::En, "n") && !texts.has(Lang::En, "m"));
        assert_eq!(texts.tr(Lang::En, "m", &[]), "m");
    }

    #[test]
    fn keys_are_listed_with_their_placeholders() {
        let listed = keys(&["a = { $x } of { $y }\nb = no\n"]).unwrap();
        assert_eq!(listed["a"].len(), 2);
        assert!(listed["b"].is_empty());
        assert!(keys(&["a = 1\na = 2\n"]).is_err());
        assert!(keys(&["= nothing"]).is_err());
    }

    #[test]
    fn numbers_choose_plurals_and_others_stay() {
        assert!(matches!(argument("12"), FluentValue::Number(_)));
        assert!(matches!(argument("007"), FluentValue::String(_)));
        assert!(matches!(argument("1,797"), FluentValue::String(_)));
    }
}
