//! Texts in several languages, from the Fluent files in `i18n/`.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::fmt::Display;
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

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
        ]
    };
}

/// A language of the studio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Lang::En));
static CHINESE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Lang::Zh));

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The code for the page's `lang` attribute and the cookie.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// What its speakers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The language of a code such as `zh-CN`.
    pub fn from_code(code: &str) -> Option<Self> {
        match code.trim().split(['-', '_']).next()? {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// The best of an `Accept-Language` header; English if none suits.
    pub fn from_header(header: &str) -> Self {
        let weighted = header.split(',').filter_map(|item| {
            let (code, rest) = item.split_once(';').unwrap_or((item, ""));
            let weight = rest.trim().strip_prefix("q=").unwrap_or("1").parse::<f32>();
            Some((Self::from_code(code)?, weight.unwrap_or(0.0)))
        });
        // Of equal weights the first counts.
        weighted
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map_or(Self::En, |(lang, _)| lang)
    }

    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::En => texts!("en"),
            Self::Zh => texts!("zh"),
        }
    }

    fn texts(self) -> &'static FluentBundle<FluentResource> {
        match self {
            Self::En => &ENGLISH,
            Self::Zh => &CHINESE,
        }
    }

    /// Whether there is a text of this key.
    pub fn has(self, key: &str) -> bool {
        self.texts().has_message(key)
    }

    /// The text of a key.
    pub fn t(self, key: &str) -> String {
        self.tr(key, &[])
    }

    /// The text of a key with its placeholders filled. Whole numbers choose plural forms.
    pub fn tr(self, key: &str, args: &[(&str, &(dyn Display + Sync))]) -> String {
        let texts = self.texts();
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

fn bundle(lang: Lang) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = lang.code().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Marks around placeholders would be copied with the text.
    bundle.set_use_isolating(false);
    for source in lang.sources() {
        // A test makes sure that there are no errors; what can be read is used.
        let resource = match FluentResource::try_new(source.to_string()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests;
