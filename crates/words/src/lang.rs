//! The languages.

/// A language that pages and reports are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The code for a page's `lang` attribute and the cookie.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_chooses_the_language() {
        for (header, lang) in [
            ("", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Lang::En),
            ("fr, zh-TW;q=0.5", Lang::Zh),
            ("de", Lang::En),
        ] {
            assert_eq!(Lang::from_header(header), lang, "{header}");
        }
    }
}
