//! Who may do what: no other site through a visitor's browser, and nobody without a token where
//! tokens are asked for.

use crate::app::Studio;
use crate::page::{cookie, see_other};
use crate::problem::Problem;
use crate::sessions::COOKIE;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use modelwright_serve::access::Refusal;
use modelwright_serve::tokens::Scope;
use std::net::{IpAddr, SocketAddr};

/// A layer that refuses what another site asks through a visitor's browser.
///
/// A page elsewhere can make a browser send requests here, and, if its name is made to lead to this
/// machine (DNS rebinding), read the answers as well. The first shows in `Sec-Fetch-Site` or
/// `Origin`, the second in `Host`.
pub async fn own_pages_only(
    State(studio): State<Studio>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    // With tokens a foreign name has no session, so that nothing is open to it.
    if studio.serve().access.is_open() && !host_is_ours(host(headers, &request), studio.host()) {
        return refused("guard-host");
    }
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    // Sites that were named when the studio was started may ask models.
    let named = studio.serve().origins.allow(request.uri().path(), headers);
    if changes && !named && !same_origin(headers, host(headers, &request)) {
        return refused("guard-origin");
    }
    next.run(request).await
}

fn refused(key: &str) -> Response {
    // No page: who sees this is not one of our visitors.
    let text = crate::i18n::tr(crate::i18n::Lang::En, key, &[]);
    (StatusCode::FORBIDDEN, text).into_response()
}

fn host<'a>(headers: &'a HeaderMap, request: &'a Request) -> &'a str {
    let header = headers.get(HOST).and_then(|h| h.to_str().ok());
    header
        .or_else(|| request.uri().authority().map(|a| a.as_str()))
        .unwrap_or("")
}

/// Whether a `Host` names this machine or the address that was bound.
fn host_is_ours(host: &str, bound: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are inside the brackets.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
    let bound = bound.trim_matches(['[', ']']).to_ascii_lowercase();
    if ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()) || name == bound {
        return !name.is_empty();
    }
    // Bound to every address of the machine, it has many numbers. No foreign page is at one of them:
    // what is made to lead here is always a name.
    let everywhere = bound.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified());
    everywhere && name.parse::<IpAddr>().is_ok()
}

/// Whether a request comes from one of our pages, or from no page at all (a program, an address typed).
fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(ORIGIN.as_str()) {
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, theirs)| !host.is_empty() && theirs.eq_ignore_ascii_case(host)),
        None => true,
    }
}

/// A layer that sends visitors without a session to the sign-in page, where tokens are asked for.
pub async fn signed_in(State(studio): State<Studio>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = ["/sign-in", "/preferences"].contains(&path) || path.starts_with("/assets/");
    let access = &studio.serve().access;
    if open || access.is_open() {
        return next.run(request).await;
    }
    let session = cookie(request.headers(), COOKIE);
    if let Some(token) = session.and_then(|session| studio.sessions().token(session)) {
        // The token is looked at again each time, so that a revoked one ends its sessions.
        match access
            .check(Some(&token), Scope::Admin, peer(&request))
            .await
        {
            Ok(_) => return next.run(request).await,
            Err(refusal @ Refusal::Rate(_)) => return refusal.into_response(),
            Err(_) => {}
        }
    }
    match *request.method() {
        Method::GET => see_other("/sign-in"),
        _ => Problem::new(StatusCode::UNAUTHORIZED, "guard-sign-in", "").into_response(),
    }
}

/// The address that a request came from.
fn peer(request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(address)| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_hosts() {
        for host in [
            "localhost:7860",
            "127.0.0.1",
            "[::1]:7860",
            "LOCALHOST",
            "box.lan:1",
        ] {
            assert!(host_is_ours(host, "box.lan"), "{host}");
        }
        for host in [
            "",
            "evil.com:7860",
            "localhost.evil.com",
            "127.0.0.1.evil.com",
            "[::2]:1",
        ] {
            assert!(!host_is_ours(host, "box.lan"), "{host}");
        }
        assert!(host_is_ours("192.168.0.9:7860", "0.0.0.0"));
        assert!(host_is_ours("[fe80::1]:7860", "::"));
        assert!(!host_is_ours("evil.com:7860", "0.0.0.0"));
    }

    #[test]
    fn other_sites_are_told_by_their_headers() {
        let asked = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            same_origin(&headers, "localhost:7860")
        };
        assert!(asked(&[]));
        assert!(asked(&[("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("origin", "http://localhost:7860")]));
        assert!(!asked(&[("origin", "http://localhost:1")]));
        assert!(!asked(&[("origin", "null")]));
        assert!(!asked(&[("sec-fetch-site", "cross-site")]));
        // A sibling port or subdomain is another site's page, too.
        assert!(!asked(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:7860")
        ]));
    }
}
