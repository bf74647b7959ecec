//! Signing in with a token, and the visitor's language and theme.

use crate::app::Studio;
use crate::i18n::Lang;
use crate::page::{Ctx, Theme, cookie, see_other};
use crate::problem::Problem;
use crate::sessions::COOKIE;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::html;
use modelwright_serve::access::Refusal;
use modelwright_serve::tokens::Scope;
use serde::Deserialize;
use std::net::SocketAddr;

/// The routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/preferences", post(preferences))
        .route("/sign-in", get(form).post(sign_in))
        .route("/sign-out", post(sign_out))
}

#[derive(Deserialize)]
struct Preferences {
    back: String,
    lang: Option<String>,
    theme: Option<String>,
}

/// Remembers a year long.
async fn preferences(Form(wish): Form<Preferences>) -> Response {
    let mut response = see_other(own_path(&wish.back));
    let lang = wish.lang.as_deref().and_then(Lang::from_code);
    let theme = wish.theme.map(|t| Theme::from_name(&t).name());
    for (name, value) in [("lang", lang.map(Lang::code)), ("theme", theme)] {
        let Some(value) = value else { continue };
        let text = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        if let Ok(header) = text.parse() {
            response.headers_mut().append(SET_COOKIE, header);
        }
    }
    response
}

/// A path of ours; a form could be made to lead elsewhere.
fn own_path(path: &str) -> &str {
    let elsewhere = path.starts_with("//") || path.contains('\\') || !path.starts_with('/');
    match elsewhere {
        true => "/",
        false => path,
    }
}

async fn form(ctx: Ctx) -> Response {
    sign_in_page(&ctx, false)
}

fn sign_in_page(ctx: &Ctx, wrong: bool) -> Response {
    let body = html! {
        section.card.narrow {
            h1 { (ctx.t("sign-in-title")) }
            p { (ctx.t("sign-in-lead")) }
            @if wrong { p.notice.bad role="alert" { (ctx.t("sign-in-wrong")) } }
            form method="post" action="/sign-in" {
                label for="token" { (ctx.t("sign-in-token")) }
                input #token type="password" name="token" required autocomplete="current-password" autofocus;
                p.technical { code { "modelwright token create ME --scope admin" } }
                button type="submit" { (ctx.t("sign-in-go")) }
            }
        }
    };
    ctx.page("sign-in-title", body)
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

async fn sign_in(
    ctx: Ctx,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(given): Form<SignIn>,
) -> Result<Response, Problem> {
    let token = given.token.trim();
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    let access = &ctx.studio.serve().access;
    match access.check(Some(token), Scope::Admin, peer).await {
        Ok(_) => {}
        Err(Refusal::Token | Refusal::Scope(_)) => return Ok(sign_in_page(&ctx, true)),
        Err(refusal) => return Ok(refusal.into_response()),
    }
    let session = ctx
        .studio
        .sessions()
        .begin(token)
        .map_err(Problem::internal)?;
    let secure = if ctx.studio.serve().tls {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}");
    Ok(([(SET_COOKIE, text)], see_other("/")).into_response())
}

async fn sign_out(State(studio): State<Studio>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers, COOKIE) {
        studio.sessions().end(session);
    }
    let text = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    ([(SET_COOKIE, text)], see_other("/sign-in")).into_response()
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn one_goes_back_to_own_pages_only() {
        assert_eq!(own_path("/data?x=1"), "/data?x=1");
        for elsewhere in ["//evil.com", "https://evil.com", "/\\evil.com", ""] {
            assert_eq!(own_path(elsewhere), "/");
        }
    }
}
