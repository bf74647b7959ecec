//! `chat` and `bench-chat` with real weights.

mod common;

use common::Place;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

/// SmolLM2, or a note that the test is skipped.
fn model() -> Option<String> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(PathBuf::from);
    let root = root.or_else(|| Some(cache.or_else(home)?.join("modelwright/test-data")))?;
    let file = root.join("smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
    if !file.exists() {
        println!(
            "skipped: no {}; run scripts/fetch-test-data",
            file.display()
        );
        return None;
    }
    Some(file.display().to_string())
}

const GREEDY: [&str; 4] = ["--temperature", "0", "--max-tokens", "60"];

#[test]
fn a_prompt_is_answered() {
    let Some(model) = model() else { return };
    let place = Place::new();
    let ask = [
        "chat",
        &model,
        "Explain in two sentences how a bicycle stays upright.",
    ];
    let answer = place.ok(&[&ask[..], &GREEDY].concat());
    assert!(answer.contains("bicycle"), "{answer}");
    let line = place.json(&[&ask[..], &GREEDY, &["--json"]].concat());
    assert_eq!(line["answer"], answer.trim_end());
    assert_eq!(line["finish"], "stop");
    assert!(line["usage"]["prompt"].as_u64().unwrap() > 10, "{line}");
}

#[test]
fn standard_input_is_answered() {
    let Some(model) = model() else { return };
    let place = Place::new();
    let system = ["chat", &model, "--system", "You are a shop."];
    let mut child = place
        .command(&[&system[..], &GREEDY, &["--json"]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all("Explain in two sentences how a bicycle stays upright.\n".as_bytes())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(line["answer"].as_str().unwrap().len() > 10, "{line}");
}

#[test]
fn a_schema_is_kept() {
    let Some(model) = model() else { return };
    let place = Place::new();
    place.write(
        "age.json",
        r#"{"type": "object", "properties": {"age": {"type": "integer", "maximum": 99, "minimum": 0}},
            "required": ["age"], "additionalProperties": false}"#,
    );
    let answer = place.ok(&[
        "chat",
        &model,
        "How old is Ann?",
        "--schema",
        "age.json",
        "--temperature",
        "0",
    ]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["age"].is_i64(), "{answer}");
}

#[test]
fn what_cannot_work_is_an_error() {
    let place = Place::new();
    let error = place.fails(&["chat", "missing.gguf", "Hi"]);
    assert!(error.contains("missing.gguf"), "{error}");
    place.write("broken.gguf", "GGUF is not enough");
    let error = place.fails(&["chat", "broken.gguf", "Hi"]);
    assert!(error.contains("broken.gguf"), "{error}");
    let Some(model) = model() else { return };
    let error = place.fails(&["chat", &model, "Hi", "--context", "1000000"]);
    assert!(error.contains("this model reads"), "{error}");
    let error = place.fails(&["chat", &model, "Hi", "--top-p", "7"]);
    assert!(error.contains("top_p"), "{error}");
    place.write("schema.json", "[1");
    let error = place.fails(&["chat", &model, "Hi", "--schema", "schema.json"]);
    assert!(error.contains("schema.json is not JSON"), "{error}");
}

#[test]
fn speed_is_measured() {
    let Some(model) = model() else { return };
    let place = Place::new();
    let few = [
        "--prompt",
        "16",
        "--generate",
        "4",
        "--conversations",
        "2",
        "--rounds",
        "1",
    ];
    let report = place.json(
        &[
            &["bench-chat", &model, "--threads", "2", "--json"][..],
            &few,
        ]
        .concat(),
    );
    for rate in ["prompt", "generated", "together", "one_after_another"] {
        assert!(
            report[format!("{rate}_tokens_per_second")]
                .as_f64()
                .unwrap()
                > 0.0,
            "{report}"
        );
    }
}
