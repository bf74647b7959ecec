//! Vectors of texts at `/v1/embeddings`, as OpenAI's clients ask for them.

mod listening;
mod trained;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trained::{categories, post_json, quick, serve, vectors};

const PATH: &str = "/v1/embeddings";

fn numbers(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn texts_become_vectors_in_every_form() {
    let (server, _) = serve(quick(), &[("meaning", vectors())]);
    let texts = ["Tell me a joke", "What is artificial intelligence?"];
    let (status, answer) = post_json(
        &server,
        PATH,
        &json!({ "model": "meaning", "input": texts }),
    );
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!(answer["data"][1]["index"], 1);
    assert!(
        answer["usage"]["prompt_tokens"].as_u64() > Some(8),
        "{answer}"
    );
    let plain = numbers(&answer["data"][1]["embedding"]);
    // The same as at the address for people.
    let path = "/v1/models/meaning/predict";
    let (_, known) = post_json(&server, path, &json!({ "text": texts[1] }));
    for (a, b) in plain
        .iter()
        .zip(numbers(&known["predictions"][0]["vector"]))
    {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let one = json!({ "model": "meaning", "input": texts[1], "encoding_format": "base64", "dimensions": 4 });
    let (status, short) = post_json(&server, PATH, &one);
    assert_eq!(status, 200, "{short}");
    let bytes = STANDARD
        .decode(short["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let short: Vec<f32> = bytes
        .chunks(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let length = plain[..4].iter().map(|v| v * v).sum::<f32>().sqrt();
    for (a, b) in short.iter().zip(&plain) {
        assert!((a - b / length).abs() < 1e-5, "{a} {b}");
    }
    assert_eq!(short.len(), 4);
}

#[test]
fn what_gives_no_vectors_is_named() {
    let models = [("meaning", vectors()), ("topics", categories())];
    let (server, _) = serve(quick(), &models);
    for (body, status, param) in [
        (json!({ "model": "topics", "input": "a" }), 400, "model"),
        (json!({ "model": "nobody", "input": "a" }), 404, "model"),
        (
            json!({ "model": "meaning", "input": "a", "dimensions": 100_000 }),
            400,
            "dimensions",
        ),
        (json!({ "model": "meaning", "input": [] }), 400, "input"),
        (json!({ "model": "meaning", "input": "" }), 400, "input"),
        (
            json!({ "model": "meaning", "input": [[1, 2]] }),
            400,
            "input",
        ),
    ] {
        let (found, answer) = post_json(&server, PATH, &body);
        assert_eq!(found, status, "{body} {answer}");
        assert_eq!(answer["error"]["param"], param, "{body} {answer}");
    }
    let body = json!({ "model": "topics", "messages": [{ "role": "user", "content": "a" }] });
    let (status, answer) = post_json(&server, "/v1/chat/completions", &body);
    assert_eq!(status, 400);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("text-classification"), "{message}");
}
