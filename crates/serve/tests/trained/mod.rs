//! Small models trained on embedded data, and a server with them on a free port.
#![allow(dead_code)] // Each test file uses its part.

use crate::listening::{Server, here};
use burn::tensor::Device;
use modelwright_data::{Content, OpenOptions, Table, open};
use modelwright_runs::Bundle;
use modelwright_serve::access::protect;
use modelwright_serve::security::harden;
use modelwright_serve::{Access, App, Limits, Models, no_such_address, router};
use modelwright_tasks::{Ended, Plan, Prediction, Predictor, Session, SessionOptions, load};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// A bundle of flowers, which has columns of numbers.
pub fn iris() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &BUNDLE.get_or_init(|| train("iris", 1)).1
}

/// A bundle of handwritten digits, 8 by 8 pixels.
pub fn digits() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &BUNDLE.get_or_init(|| train("digits", 1)).1
}

/// A bundle of houses, which has numbers, words and gaps.
pub fn ames() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    &BUNDLE.get_or_init(|| train("ames", 1)).1
}

/// A bundle of questions and what they are about.
pub fn categories() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let train = || {
        train_with(&[
            ("data.source", "faq"),
            ("data.text", "question"),
            ("data.target", "category"),
            ("model.architecture", "text-cnn"),
            ("training.epochs", "2"),
        ])
    };
    &BUNDLE.get_or_init(train).1
}

/// A bundle of questions with several labels: what they are about, and whether they are long.
pub fn labels() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let train = || {
        let folder = tempfile::tempdir().unwrap();
        let Content::Table(faq) = content("faq") else {
            panic!()
        };
        let text = |name: &str, i: usize| faq.column(name).unwrap().text(i);
        let line = |i: usize| {
            let question = text("question", i);
            let mut labels = vec![text("category", i)];
            if question.len() > 40 {
                labels.push("long".into());
            }
            serde_json::json!({ "question": question, "labels": labels }).to_string()
        };
        let lines: Vec<String> = (0..faq.rows()).map(line).collect();
        let file = folder.path().join("tags.jsonl");
        std::fs::write(&file, lines.join("\n")).unwrap();
        train_with(&[
            ("data.source", &file.display().to_string()),
            ("data.text", "question"),
            ("data.target", "labels"),
            ("model.architecture", "text-cnn"),
            ("training.epochs", "2"),
        ])
    };
    &BUNDLE.get_or_init(train).1
}

/// A tiny encoder of sentences.
pub fn vectors() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let train = || {
        let mut settings = TINY.to_vec();
        settings.extend([
            ("task", "text-embedding"),
            ("data.source", "faq"),
            ("data.text", "question"),
            ("data.target", "answer"),
        ]);
        train_with(&settings)
    };
    &BUNDLE.get_or_init(train).1
}

/// A tiny reader of paragraphs; it has seen too little to know much.
pub fn spans() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let train = || {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/squad/product.json");
        let file = file.display().to_string();
        let mut settings = TINY.to_vec();
        settings.extend([("task", "question-answering"), ("data.source", &file)]);
        train_with(&settings)
    };
    &BUNDLE.get_or_init(train).1
}

/// A FAQ that is compared by its letters.
pub fn known() -> &'static Path {
    static BUNDLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let train = || train_with(&[("task", "question-answering"), ("data.source", "faq")]);
    &BUNDLE.get_or_init(train).1
}

/// An encoder that trains in no time.
const TINY: [(&str, &str); 7] = [
    ("model.architecture", "bert-mini"),
    ("model.layers", "1"),
    ("model.width", "32"),
    ("model.heads", "2"),
    ("model.intermediate", "64"),
    ("model.vocabulary", "500"),
    ("training.epochs", "1"),
];

/// A bundle after one epoch; another seed makes another one.
pub fn train(source: &str, seed: u64) -> (TempDir, PathBuf) {
    train_with(&[
        ("data.source", source),
        ("training.epochs", "1"),
        ("training.seed", &seed.to_string()),
        ("data.limit", "256"),
    ])
}

fn train_with(settings: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    let control = Control::default();
    let plan = Plan::new(&layers, &modelwright_data::quiet).unwrap();
    let options = SessionOptions {
        runs: folder.path(),
        tensorboard: false,
        control: &control,
        notify: &modelwright_data::quiet,
    };
    let session = Session::start(plan, options).unwrap();
    let Ended::Finished(report) = session.run(Box::new(|_: &Event| {})).unwrap() else {
        panic!("{settings:?} did not finish")
    };
    (folder, report.bundle)
}

/// Puts a bundle where another one is, as a person would.
pub fn replace(bundle: &Path, place: &Path) {
    let fresh = place.with_extension("fresh");
    std::fs::create_dir_all(&fresh).unwrap();
    for file in std::fs::read_dir(bundle).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), fresh.join(file.file_name())).unwrap();
    }
    if place.exists() {
        std::fs::rename(place, place.with_extension("old")).unwrap();
    }
    std::fs::rename(&fresh, place).unwrap();
    let _ = std::fs::remove_dir_all(place.with_extension("old"));
}

/// Limits under which tests need not wait.
pub fn quick() -> Limits {
    Limits {
        reload_check: Duration::from_millis(50),
        ..Limits::default()
    }
}

/// A server with these models.
pub fn serve(limits: Limits, bundles: &[(&str, &Path)]) -> (Server, Models) {
    let models = Models::new(limits.clone());
    for (name, bundle) in bundles {
        models.add(name, bundle).unwrap();
    }
    let app = App::new(models.clone(), Access::Open, false);
    let metrics = app.metrics.clone();
    let routes = router(app.clone()).fallback(no_such_address);
    let routes = protect(routes, app.access, metrics.clone());
    let server = Server::start(here(), harden(routes, &limits, metrics), limits);
    (server, models)
}

/// What the library itself says.
pub fn predictor(bundle: &Path) -> Box<dyn Predictor> {
    load(&Bundle::open(bundle).unwrap(), Device::flex()).unwrap()
}

pub fn content(source: &str) -> Content {
    open(source, OpenOptions::default()).unwrap().content
}

/// Row `i` of a table as JSON.
pub fn row(table: &Table, i: usize) -> Value {
    let value = |column: &modelwright_data::Column| match &column.data {
        _ if column.is_missing(i) => Value::Null,
        modelwright_data::ColumnData::Numbers(values) => values[i].into(),
        modelwright_data::ColumnData::Labels { .. } => column.text(i).into(),
    };
    let columns = table.columns.iter();
    Value::Object(columns.map(|c| (c.name.clone(), value(c))).collect())
}

/// An error unless an answer is what the library predicts.
pub fn assert_same(answer: &Value, expected: &Prediction, labels: &[String]) {
    match expected {
        Prediction::Class {
            label,
            probabilities,
            ..
        } => {
            assert_eq!(answer["label"], **label, "{answer}");
            for (label, expected) in labels.iter().zip(probabilities) {
                let p = answer["probabilities"][label].as_f64().unwrap();
                assert!(
                    (p - f64::from(*expected)).abs() < 1e-5,
                    "{answer} {expected}"
                );
            }
        }
        Prediction::Value { value } => {
            let found = answer["value"].as_f64().unwrap();
            assert!(
                (found - value).abs() < 1e-5 * value.abs().max(1.0),
                "{found} {value}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Status and JSON of an answer.
pub type Reply = (u16, Value);

/// Sends a body.
pub fn post(server: &Server, path: &str, content_type: &str, body: &[u8]) -> Reply {
    post_with(&agent(), server, path, content_type, body)
}

/// The same on a connection that may be kept.
pub fn post_with(
    agent: &ureq::Agent,
    server: &Server,
    path: &str,
    content_type: &str,
    body: &[u8],
) -> Reply {
    let url = format!("http://{}{path}", server.address);
    let request = agent.post(&url).header("content-type", content_type);
    let mut answer = request.send(body).unwrap();
    (answer.status().as_u16(), json_of(&mut answer))
}

pub fn post_json(server: &Server, path: &str, body: &Value) -> Reply {
    post(
        server,
        path,
        "application/json",
        body.to_string().as_bytes(),
    )
}

pub fn get(server: &Server, path: &str) -> Reply {
    let url = format!("http://{}{path}", server.address);
    let mut answer = agent().get(&url).call().unwrap();
    (answer.status().as_u16(), json_of(&mut answer))
}

fn json_of(answer: &mut ureq::http::Response<ureq::Body>) -> Value {
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}

/// A PNG file of a picture.
pub fn png(content: &Content, i: usize) -> Vec<u8> {
    let Content::Images(set) = content else {
        panic!("no pictures")
    };
    set.raster(i).unwrap().to_png().unwrap()
}
