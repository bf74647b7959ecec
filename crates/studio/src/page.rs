//! The frame of all pages, and what a page knows of its visitor.

use crate::app::Studio;
use crate::assets;
use crate::i18n::{self, Lang};
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use std::convert::Infallible;
use std::fmt::Display;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// As the browser says.
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the cookie and in the page's `data-theme`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of this name; as the browser says for any other.
    pub fn from_name(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|t| t.name() == name);
        found.unwrap_or(Self::Auto)
    }
}

/// A visitor's language, theme and place, with the studio.
#[derive(Clone)]
pub struct Ctx {
    /// The visitor's language.
    pub lang: Lang,
    /// Path and query of the page.
    pub path: String,
    /// Light or dark.
    pub theme: Theme,
    /// The studio.
    pub studio: Studio,
}

impl FromRequestParts<Studio> for Ctx {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, studio: &Studio) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, parts.uri.path_and_query(), studio))
    }
}

impl Ctx {
    /// What a request tells of its visitor.
    pub(crate) fn of(headers: &HeaderMap, place: Option<impl Display>, studio: &Studio) -> Self {
        let header = headers.get(ACCEPT_LANGUAGE).and_then(|h| h.to_str().ok());
        let asked = cookie(headers, "lang").and_then(Lang::from_code);
        Self {
            lang: asked.unwrap_or_else(|| Lang::from_header(header.unwrap_or(""))),
            theme: Theme::from_name(cookie(headers, "theme").unwrap_or("")),
            path: place.map_or("/".into(), |p| p.to_string()),
            studio: studio.clone(),
        }
    }

    /// The text of a key in the visitor's language.
    pub fn t(&self, key: &str) -> String {
        i18n::tr(self.lang, key, &[])
    }

    /// Whether there is a text of this key.
    pub fn has(&self, key: &str) -> bool {
        i18n::has(self.lang, key)
    }

    /// The text of a key with its placeholders filled.
    pub fn tr(&self, key: &str, args: &[(&str, &(dyn Display + Sync))]) -> String {
        i18n::tr(self.lang, key, args)
    }

    /// A page with this title and content, inside the frame.
    pub fn page(&self, title_key: &str, body: Markup) -> Response {
        self.titled(&self.t(title_key), body)
    }

    /// A page whose title is no fixed text.
    pub fn titled(&self, title: &str, body: Markup) -> Response {
        Html(self.frame(title, body).into_string()).into_response()
    }

    fn frame(&self, title: &str, body: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.lang.code()) data-theme=(self.theme.name()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (self.t("app-name")) }
                    link rel="icon" type="image/svg+xml" href=(assets::url("icon.svg"));
                    link rel="stylesheet" href=(assets::url("style.css"));
                    (assets::script("studio.js"))
                }
                body {
                    a.skip href="#content" { (self.t("frame-skip")) }
                    header.top { div.inner {
                        a.brand href="/" {
                            img src=(assets::url("icon.svg")) alt="" width="28" height="28";
                            span { (self.t("app-name")) }
                        }
                        a.link href="/chat" aria-current=[self.path.starts_with("/chat").then_some("page")] {
                            (self.t("chat-title"))
                        }
                        div.visitor { (self.preferences()) (self.sign_out()) }
                    } }
                    (self.steps())
                    main #content tabindex="-1" { (body) }
                    footer { p { (self.t("frame-local")) " " a href="/docs" { (self.t("frame-docs")) } } }
                }
            }
        }
    }

    /// Language and theme, as forms that work without script.
    fn preferences(&self) -> Markup {
        html! {
            form.preferences method="post" action="/preferences" {
                input type="hidden" name="back" value=(self.path);
                div.choices role="group" aria-label=(self.t("frame-language")) {
                    @for lang in Lang::ALL {
                        button type="submit" name="lang" value=(lang.code()) lang=(lang.code())
                            aria-pressed=(lang == self.lang) { (lang.name()) }
                    }
                }
                div.choices role="group" aria-label=(self.t("frame-theme")) {
                    @for (theme, sign) in Theme::ALL.into_iter().zip(["◐", "☀", "☾"]) {
                        @let name = self.t(&format!("frame-theme-{}", theme.name()));
                        button type="submit" name="theme" value=(theme.name()) title=(name)
                            aria-label=(name) aria-pressed=(theme == self.theme) {
                            span aria-hidden="true" { (sign) }
                        }
                    }
                }
            }
        }
    }

    /// The way out, where there was a way in.
    fn sign_out(&self) -> Markup {
        let inside = !self.studio.serve().access.is_open() && !self.path.starts_with("/sign-in");
        html! {
            @if inside {
                form method="post" action="/sign-out" {
                    button.link type="submit" { (self.t("frame-sign-out")) }
                }
            }
        }
    }

    /// The bar that shows where along the line the visitor stands.
    fn steps(&self) -> Markup {
        let path = self.path.split('?').next().unwrap_or("");
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        // A data set keeps its place in the bar while its model is trained; a run has its own pages.
        let data = match parts.as_slice() {
            ["data", id, ..] if !id.is_empty() => Some(id.to_string()),
            ["train"] => self.path.split("data=").nth(1).map(|rest| {
                let end = rest.split('&').next().unwrap_or("");
                end.to_string()
            }),
            _ => None,
        };
        let run = match parts.as_slice() {
            ["runs", id, ..] => Some(*id),
            _ => None,
        };
        let at = match parts.as_slice() {
            [""] => "home",
            ["data", ..] => "data",
            ["train", ..] => "train",
            ["runs", _, "result" | "report", ..] | ["compare"] => "result",
            ["runs", _, "try", ..] => "try",
            ["runs", _, "ship", ..] => "ship",
            ["runs", ..] => "run",
            _ => "",
        };
        let of_data = |before: &str| data.as_ref().map(|id| format!("{before}{id}"));
        let of_run = |after: &str| run.map(|id| format!("/runs/{id}{after}"));
        let steps = [
            ("home", Some("/".to_string())),
            ("data", of_data("/data/").or(Some("/data".into()))),
            ("train", of_data("/train?data=")),
            ("run", of_run("")),
            ("result", of_run("/result")),
            ("try", of_run("/try")),
            ("ship", of_run("/ship")),
        ];
        html! {
            nav.steps aria-label=(self.t("frame-steps")) { ol {
                @for (name, link) in &steps {
                    li {
                        @match link {
                            Some(link) => a href=(link) aria-current=[(*name == at).then_some("step")] {
                                (self.t(&format!("step-{name}")))
                            },
                            None => span { (self.t(&format!("step-{name}"))) },
                        }
                    }
                }
            } }
        }
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).into_iter();
    all.filter_map(|h| h.to_str().ok())
        .flat_map(|h| h.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Sends the browser to another page of the studio, by GET. `path` may hold any letters.
pub fn see_other(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, encoded(path))]).into_response()
}

/// A path whose letters outside of ASCII, and spaces, are written as addresses want them.
fn encoded(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'"' && byte != b'<' && byte != b'>' && byte != b'\\' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

/// One part of a path or a value of a query, encoded.
pub fn encoded_part(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; theme=dark;lang=zh".parse().unwrap());
        assert_eq!(cookie(&headers, "lang"), Some("zh"));
        assert_eq!(cookie(&headers, "theme"), Some("dark"));
        assert_eq!(cookie(&headers, "them"), None);
    }

    #[test]
    fn addresses_are_ascii() {
        assert_eq!(encoded("/data/猫-1?x=1"), "/data/%E7%8C%AB-1?x=1");
        assert_eq!(encoded("/a\r\nb"), "/a%0D%0Ab");
        assert_eq!(encoded_part("a/b&c"), "a%2Fb%26c");
    }
}
