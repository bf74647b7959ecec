//! OpenAI's API over real sockets: streams, errors in them, clients that leave, limits, web sites.
//!
//! What talks here is a script. Language models behind the same addresses are asked through OpenAI's
//! own client by `scripts/check-openai`.

mod listening;

use futures_util::stream::{self, StreamExt};
use listening::{Server, body, first, header, here, status};
use modelwright_generate::{ChatSettings, Finish, Load, TokenLogprob, Usage};
use modelwright_serve::access::protect;
use modelwright_serve::chat::{
    About, Ask, Citation, Feedback, Grounds, Piece, Pieces, Prompt, Talker,
};
use modelwright_serve::security::{Origin, allow_origins, harden};
use modelwright_serve::tokens::{NewToken, Scope, TokenFile};
use modelwright_serve::{Access, App, Limits, Models, ServeError, no_such_address, router};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Says what it hears, word by word. Some words make it do something else.
#[derive(Default)]
struct Parrot {
    /// Answers that are under way.
    under_way: Arc<AtomicUsize>,
}

/// Counts an answer until it is dropped.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn text(text: &str) -> Piece {
    let token = TokenLogprob {
        id: 1,
        bytes: text.as_bytes().to_vec(),
        logprob: -0.5,
        top: Vec::new(),
    };
    Piece::Text {
        text: text.into(),
        tokens: vec![token],
    }
}

fn done(completion: usize) -> Piece {
    Piece::Done {
        reason: Finish::Stop,
        usage: Usage {
            prompt: 3,
            completion,
            cached: 1,
        },
    }
}

impl Parrot {
    fn say(&self, said: &str) -> Pieces {
        let under_way = UnderWay::new(&self.under_way);
        if said.contains("forever") {
            // A piece now and then, for as long as somebody listens.
            return stream::unfold(under_way, |under_way| async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((text("on "), under_way))
            })
            .boxed();
        }
        let mut pieces: Vec<Piece> = said.split_inclusive(' ').map(text).collect();
        let count = pieces.len();
        if said.contains("cite") {
            let citation = Citation {
                number: 1,
                title: "Returns".into(),
                file: "returns.md".into(),
                heading: "How long".into(),
                quote: "30 days".into(),
                text: "You have 30 days.".into(),
            };
            pieces.push(Piece::Grounds(Grounds {
                decision: "answered".into(),
                citations: vec![citation],
            }));
        }
        match said.contains("fail") {
            true => pieces.push(Piece::Failed(ServeError::own("it broke"))),
            false => pieces.push(done(count)),
        }
        stream::iter(pieces)
            .map(move |piece| {
                let _ = &under_way;
                piece
            })
            .boxed()
    }
}

impl Talker for Parrot {
    fn about(&self) -> About {
        About {
            task: "chat",
            architecture: "parrot".into(),
            context: 100,
        }
    }

    fn chat(&self, ask: Ask) -> Result<Pieces, ServeError> {
        let said = ask
            .messages
            .last()
            .map(|m| m.content.clone())
            .unwrap_or_default();
        if said.contains("refuse") {
            return Err(ServeError::input("it is too long", "say less"));
        }
        if said.contains("busy") {
            return Err(ServeError::busy("many wait", 7));
        }
        Ok(self.say(&said))
    }

    fn complete(&self, prompt: Prompt, _: ChatSettings) -> Result<Pieces, ServeError> {
        match prompt {
            Prompt::Text(said) => Ok(self.say(&said)),
            Prompt::Tokens(tokens) => Ok(self.say(&format!("{} tokens", tokens.len()))),
        }
    }

    fn feedback(&self, feedback: Feedback) -> Result<(), ServeError> {
        match feedback.id.as_str() {
            "known" => Ok(()),
            _ => Err(ServeError::missing("no such answer", "repeat its id")),
        }
    }

    fn load(&self) -> Load {
        Load {
            running: self.under_way.load(Ordering::SeqCst),
            completion_tokens: 42,
            ..Load::default()
        }
    }
}

/// A server with a parrot, and how many of its answers are under way.
fn parrot(limits: Limits, access: Access) -> (Server, Arc<AtomicUsize>) {
    let parrot = Parrot::default();
    let under_way = parrot.under_way.clone();
    let site: Origin = "https://shop.example".parse().unwrap();
    let app = App {
        origins: [site].into_iter().collect(),
        ..App::new(Models::new(limits.clone()), access, false)
    };
    app.chat.add("parrot", Arc::new(parrot)).unwrap();
    let routes = router(app.clone()).fallback(no_such_address);
    let routes = protect(routes, app.access, app.metrics.clone());
    let routes = harden(routes, &limits, app.metrics);
    (
        Server::start(here(), allow_origins(routes, app.origins), limits),
        under_way,
    )
}

fn open() -> (Server, Arc<AtomicUsize>) {
    parrot(Limits::default(), Access::Open)
}

fn request(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn chat(said: &str, more: &Value) -> String {
    let mut body = json!({ "model": "parrot", "messages": [{ "role": "user", "content": said }] });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    request("/v1/chat/completions", "", &body.to_string())
}

fn json_of(response: &str) -> Value {
    let text = body(response);
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {response}"))
}

/// The data of each event of a stream, whose body comes in chunks.
fn events(response: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = body(response);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text += &after[..size];
        rest = &after[size + 2..];
        if size == 0 {
            break;
        }
    }
    let data = |event: &str| event.strip_prefix("data: ").map(String::from);
    text.split("\n\n").filter_map(data).collect()
}

fn chunks(events: &[String]) -> Vec<Value> {
    events
        .iter()
        .filter(|e| *e != "[DONE]")
        .map(|e| serde_json::from_str(e).unwrap())
        .collect()
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_whole_answer() {
    let (server, _) = open();
    let response = server.exchange(&chat("a b c", &json!({ "n": 2, "logprobs": true })));
    assert_eq!(status(&response), 200, "{response}");
    let answer = json_of(&response);
    assert_eq!(answer["object"], "chat.completion");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(answer["choices"].as_array().unwrap().len(), 2);
    let choice = &answer["choices"][1];
    assert_eq!(choice["index"], 1);
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "a b c");
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"]["content"][0]["token"], "a ");
    assert!(choice["message"].get("citations").is_none());
    // The prompt of several answers is read once.
    let usage = &answer["usage"];
    assert_eq!(usage["prompt_tokens"], 3, "{usage}");
    assert_eq!(usage["completion_tokens"], 6, "{usage}");
    assert_eq!(usage["total_tokens"], 9, "{usage}");
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 1);
}

#[test]
fn a_stream_is_role_pieces_reason_usage_done() {
    let (server, _) = open();
    let more = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let response = server.exchange(&chat("cite b c", &more));
    assert_eq!(status(&response), 200);
    assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
    let events = events(&response);
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks = chunks(&events);
    assert!(
        chunks
            .iter()
            .all(|c| c["object"] == "chat.completion.chunk")
    );
    assert!(
        chunks
            .iter()
            .all(|c| c["id"] == chunks[0]["id"] && c["model"] == "parrot")
    );
    assert_eq!(
        chunks[0]["choices"][0]["delta"],
        json!({ "role": "assistant", "content": "" })
    );
    let told = |c: &Value| {
        c["choices"][0]["delta"]["content"]
            .as_str()
            .map(String::from)
    };
    let text: Vec<String> = chunks[1..].iter().filter_map(told).collect();
    assert_eq!(text, ["cite ", "b ", "c"]);
    let grounds = &chunks[4]["choices"][0]["delta"];
    assert_eq!(grounds["decision"], "answered");
    assert_eq!(grounds["citations"][0]["quote"], "30 days");
    let end = &chunks[5]["choices"][0];
    assert_eq!(
        (&end["finish_reason"], &end["delta"]),
        (&json!("stop"), &json!({}))
    );
    assert_eq!(chunks[5]["usage"], Value::Null);
    assert_eq!(chunks[6]["choices"], json!([]));
    assert_eq!(chunks[6]["usage"]["completion_tokens"], 3);
    assert_eq!(chunks.len(), 7);
}

#[test]
fn a_text_goes_on_whole_and_streamed() {
    let (server, _) = open();
    let post = |more: Value| {
        let mut body = json!({ "model": "parrot", "prompt": "a b" });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        server.exchange(&request("/v1/completions", "", &body.to_string()))
    };
    let answer = json_of(&post(
        json!({ "prompt": ["a b", "c"], "n": 2, "logprobs": 1 }),
    ));
    assert_eq!(answer["object"], "text_completion");
    let texts: Vec<&Value> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["text"])
        .collect();
    assert_eq!(texts, ["a b", "a b", "c", "c"]);
    assert_eq!(
        answer["choices"][0]["logprobs"]["text_offset"],
        json!([0, 2])
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 6);
    let answer = json_of(&post(json!({ "prompt": [5, 6, 7] })));
    assert_eq!(answer["choices"][0]["text"], "3 tokens");
    let events = events(&post(json!({ "stream": true })));
    let chunks = chunks(&events);
    assert_eq!(chunks[0]["choices"][0]["text"], "a ");
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events.last().unwrap(), "[DONE]");
    for odd in [
        json!({ "echo": true }),
        json!({ "suffix": "x" }),
        json!({ "best_of": 3 }),
    ] {
        let response = post(odd.clone());
        assert_eq!(status(&response), 400, "{odd}");
        assert_eq!(json_of(&response)["error"]["code"], "unsupported_parameter");
    }
}

#[test]
fn an_error_in_a_stream_is_an_event_and_the_end() {
    let (server, under_way) = open();
    let events = events(&server.exchange(&chat("a fail", &json!({ "stream": true }))));
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert!(
        last["error"]["message"]
            .as_str()
            .unwrap()
            .contains("it broke"),
        "{last}"
    );
    assert_eq!(last["error"]["type"], "server_error");
    assert!(!events.contains(&"[DONE]".to_string()));
    let response = server.exchange(&chat("a fail", &json!({})));
    assert_eq!(status(&response), 500);
    wait("all answers have ended", || {
        under_way.load(Ordering::SeqCst) == 0
    });
}

#[test]
fn a_client_that_leaves_ends_the_work() {
    let (server, under_way) = open();
    for streamed in [true, false] {
        let mut client = server.connect();
        let asked = chat("forever", &json!({ "stream": streamed }));
        client.write_all(asked.as_bytes()).unwrap();
        wait("it writes", || under_way.load(Ordering::SeqCst) == 1);
        if streamed {
            assert!(first(&mut client).starts_with("HTTP/1.1 200"));
        }
        drop(client);
        wait("it has ended", || under_way.load(Ordering::SeqCst) == 0);
    }
}

#[test]
fn answers_outlast_other_requests_and_have_a_limit_of_their_own() {
    let limits = Limits {
        request_time: Duration::from_millis(50),
        answer_time: Duration::from_millis(400),
        ..Limits::default()
    };
    let (server, _) = parrot(limits, Access::Open);
    let begun = Instant::now();
    let events = events(&server.exchange(&chat("forever", &json!({ "stream": true }))));
    assert!(begun.elapsed() >= Duration::from_millis(400));
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert!(
        last["error"]["message"]
            .as_str()
            .unwrap()
            .contains("too long"),
        "{last}"
    );
    let begun = Instant::now();
    let response = server.exchange(&chat("forever", &json!({})));
    assert_eq!(status(&response), 408);
    assert!(begun.elapsed() >= Duration::from_millis(350));
    assert!(json_of(&response)["error"]["message"].is_string());
}

#[test]
fn errors_are_in_openais_form_with_the_right_status() {
    let limits = Limits {
        body_bytes: 2000,
        ..Limits::default()
    };
    let (server, _) = parrot(limits, Access::Open);
    let none = json!({});
    for (request, expected, param, code) in [
        (chat("refuse", &none), 400, Value::Null, Value::Null),
        (
            chat("refuse", &json!({ "stream": true })),
            400,
            Value::Null,
            Value::Null,
        ),
        (
            chat("busy", &none),
            429,
            Value::Null,
            json!("rate_limit_exceeded"),
        ),
        (
            chat("a", &json!({ "model": "nobody" })),
            404,
            json!("model"),
            json!("model_not_found"),
        ),
        (
            chat("a", &json!({ "temperature": "hot" })),
            400,
            json!("temperature"),
            Value::Null,
        ),
        (
            chat("a", &json!({ "made_up": 1 })),
            400,
            json!("made_up"),
            Value::Null,
        ),
        (
            chat("a", &json!({ "frequency_penalty": 1 })),
            400,
            json!("frequency_penalty"),
            json!("unsupported_parameter"),
        ),
        (
            chat(&"long ".repeat(1000), &none),
            413,
            Value::Null,
            Value::Null,
        ),
        (
            request("/v1/chat/completions", "", "{"),
            400,
            Value::Null,
            Value::Null,
        ),
        (
            request(
                "/v1/embeddings",
                "",
                "{\"model\":\"parrot\",\"input\":\"a\"}",
            ),
            400,
            json!("model"),
            Value::Null,
        ),
    ] {
        let response = server.exchange(&request);
        assert_eq!(status(&response), expected, "{request}\n{response}");
        let error = &json_of(&response)["error"];
        assert!(
            error["message"].is_string() && error["type"].is_string(),
            "{response}"
        );
        assert_eq!(
            (&error["param"], &error["code"]),
            (&param, &code),
            "{response}"
        );
    }
    let busy = server.exchange(&chat("busy", &none));
    assert_eq!(header(&busy, "retry-after"), Some("7"));
}

#[test]
fn models_that_talk_are_listed_and_described() {
    let (server, _) = open();
    let list = json_of(&server.get("/v1/models", ""));
    assert_eq!(list["data"][0]["id"], "parrot");
    assert_eq!(list["data"][0]["object"], "model");
    assert_eq!(list["data"][0]["task"], "chat");
    let about = json_of(&server.get("/v1/models/parrot", ""));
    assert_eq!(about["id"], "parrot");
    assert_eq!(
        about["takes"],
        json!({ "kind": "messages", "context": 100 })
    );
    let body = about["example"].to_string();
    let response = server.exchange(&request("/v1/chat/completions", "", &body));
    assert_eq!(status(&response), 200, "{response}");
    assert_eq!(status(&server.get("/v1/models/nobody", "")), 404);
    assert!(server.get("/docs", "").contains("parrot"));
    let document = json_of(&server.get("/openapi.json", ""));
    assert!(document["paths"]["/v1/chat/completions"]["post"].is_object());
}

#[test]
fn feedback_is_for_answers_that_are_known() {
    let (server, _) = open();
    let give = |id: &str, rating: &str| {
        let body = json!({ "model": "parrot", "id": id, "rating": rating, "note": "thanks" });
        server.exchange(&request("/v1/feedback", "", &body.to_string()))
    };
    assert_eq!(
        json_of(&give("known", "up")),
        json!({ "id": "known", "recorded": true })
    );
    assert_eq!(status(&give("unknown", "down")), 404);
    assert_eq!(status(&give("known", "sideways")), 400);
}

#[test]
fn a_token_for_chat_can_do_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::open(&folder.path().join("tokens.json")).unwrap();
    let secret = |scope| {
        let new = NewToken {
            name: "site".into(),
            scopes: vec![scope],
            expires: None,
            per_minute: None,
        };
        format!("authorization: Bearer {}\r\n", file.create(new).unwrap().1)
    };
    let (chat, predict) = (secret(Scope::Chat), secret(Scope::Predict));
    let (server, _) = parrot(Limits::default(), Access::tokens(file.path()).unwrap());
    let post = |path: &str, headers: &str| {
        let body = json!({ "model": "parrot", "messages": [{ "role": "user", "content": "a" }] });
        server.exchange(&request(path, headers, &body.to_string()))
    };
    assert_eq!(status(&post("/v1/chat/completions", &chat)), 200);
    assert_eq!(status(&post("/v1/chat/completions", &predict)), 200);
    for path in ["/v1/completions", "/v1/embeddings"] {
        let response = post(path, &chat);
        assert_eq!(status(&response), 403, "{path}");
        assert_eq!(
            json_of(&response)["error"]["code"],
            "insufficient_permissions"
        );
    }
    assert_eq!(status(&server.get("/v1/models", &chat)), 403);
    let nobody = post("/v1/chat/completions", "");
    assert_eq!(status(&nobody), 401);
    assert_eq!(json_of(&nobody)["error"]["code"], "invalid_api_key");
    assert_eq!(header(&nobody, "www-authenticate"), Some("Bearer"));
    // The widget holds nothing.
    let widget = server.get("/widget.js", "");
    assert_eq!(status(&widget), 200);
    assert_eq!(
        header(&widget, "cross-origin-resource-policy"),
        Some("cross-origin")
    );
}

#[test]
fn pages_of_named_sites_may_ask_and_others_may_not() {
    let (server, _) = open();
    let asks_first = |origin: &str| {
        server.exchange(&format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nhost: test\r\nconnection: close\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\n\r\n"
        ))
    };
    let allowed = asks_first("https://shop.example");
    assert_eq!(status(&allowed), 204);
    assert_eq!(
        header(&allowed, "access-control-allow-origin"),
        Some("https://shop.example")
    );
    assert!(
        header(&allowed, "access-control-allow-headers")
            .unwrap()
            .contains("authorization")
    );
    assert!(header(&allowed, "access-control-allow-credentials").is_none());
    let other = asks_first("https://other.example");
    assert!(
        header(&other, "access-control-allow-origin").is_none(),
        "{other}"
    );
    let body = json!({ "model": "nobody", "messages": [] }).to_string();
    let error = server.exchange(&request(
        "/v1/chat/completions",
        "origin: https://shop.example\r\n",
        &body,
    ));
    // Pages can read errors, too.
    assert_eq!(status(&error), 404);
    assert_eq!(
        header(&error, "access-control-allow-origin"),
        Some("https://shop.example")
    );
}

#[test]
fn what_talks_is_counted() {
    let (server, _) = open();
    server.exchange(&chat("a b", &json!({})));
    let metrics = server.get("/metrics", "");
    for line in [
        "modelwright_generated_tokens_total{model=\"parrot\"} 42",
        "modelwright_first_token_seconds_count{model=\"parrot\"} 1",
        "modelwright_conversations_waiting{model=\"parrot\"} 0",
        "modelwright_model_loaded{model=\"parrot\",version=\"1\"} 1",
        "modelwright_requests_total{model=\"parrot\",route=\"/v1/chat/completions\",status=\"200\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
}
