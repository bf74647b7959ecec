//! The chat page: what can be talked with, answers behind the studio's own guards, other web sites.

mod common;
mod parrot;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use common::{Answer, Bench};
use parrot::Parrot;
use serde_json::{Value, json};
use std::sync::Arc;

const OWN: &str = "http://localhost:7860";

fn bench() -> Bench {
    let bench = Bench::new();
    let chat = &bench.studio.serve().chat;
    chat.add("help", Arc::new(Parrot)).unwrap();
    bench
}

async fn ask(bench: &Bench, path: &str, origin: &str, model: &str) -> Answer {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    let request = Request::post(path)
        .header(HOST, "localhost:7860")
        .header("origin", origin)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    bench.ask(request.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_studio_says_how_to_get_a_model() {
    let page = Bench::new().get("/chat").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says("modelwright studio --chat")
        .says("href=\"/chat\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_can_be_chosen_and_asked() {
    let bench = bench();
    bench
        .get("/chat")
        .await
        .says("value=\"served:help\"")
        .says("talk-1");
    let chinese = bench.get_with("/chat", &[("cookie", "lang=zh-Hans")]).await;
    chinese.says("与之比较").says("正在输入");
    let loaded = bench.post("/chat/load", "model=served%3Ahelp").await;
    let loaded: Value = serde_json::from_str(&loaded.text).unwrap();
    let name = loaded["model"].as_str().unwrap();
    // Once is enough.
    let again = bench.post("/chat/load", "model=served%3Ahelp").await;
    assert!(again.text.contains(name), "{}", again.text);
    let answer = ask(&bench, "/chat/api/v1/chat/completions", OWN, name).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let answer: Value = serde_json::from_str(&answer.text).unwrap();
    let message = &answer["choices"][0]["message"];
    assert!(
        message["content"]
            .as_str()
            .unwrap()
            .contains("You said **hi**"),
        "{message}"
    );
    assert_eq!(message["citations"][0]["file"], "hours.md");
    // The page's own models are not among those that programs ask.
    let outside = ask(&bench, "/v1/chat/completions", OWN, name).await;
    assert_eq!(outside.status, StatusCode::NOT_FOUND);
    assert_eq!(
        ask(&bench, "/v1/chat/completions", OWN, "help")
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_page_offers_is_loaded() {
    let bench = bench();
    for key in [
        "run%3A..",
        "assistant%3A..%2F..",
        "served%3Anobody",
        "%2Fetc%2Fpasswd",
        "",
    ] {
        let answer = bench.post("/chat/load", &format!("model={key}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_web_sites_are_kept_out_unless_they_are_named() {
    let bench = bench();
    let site = "https://shop.example";
    for path in ["/v1/chat/completions", "/chat/api/v1/chat/completions"] {
        let answer = ask(&bench, path, site, "help").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let named = Bench::naming(site);
    named
        .studio
        .serve()
        .chat
        .add("help", Arc::new(Parrot))
        .unwrap();
    let answer = ask(&named, "/v1/chat/completions", site, "help").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["access-control-allow-origin"], site);
    // Pages of the studio are for its own visitors.
    let answer = ask(&named, "/chat/api/v1/chat/completions", site, "help").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let widget = named.get("/widget.js").await;
    assert_eq!(
        widget.headers["cross-origin-resource-policy"],
        "cross-origin"
    );
    widget.says("/v1/chat/completions");
}
