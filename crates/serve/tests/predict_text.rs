//! Models that read texts: every form in which a text may come, every kind of answer, by both protocols.

mod listening;
mod trained;

use listening::Server;
use modelwright_data::{Column, Content, Table};
use modelwright_serve::Limits;
use modelwright_tasks::{OutputSchema, Prediction};
use serde_json::{Value, json};
use std::path::Path;
use trained::{
    assert_same, categories, get, known, labels, post, post_json, predictor, quick, serve, spans,
    vectors,
};

const TEXTS: [&str; 3] = [
    "What is artificial intelligence?",
    "Tell me a joke",
    "{\"who\": [\"wrote\", 'Dracula'?]}",
];

/// What the library says of texts in a model's only column.
fn expected(bundle: &Path, column: &str, texts: &[&str]) -> Vec<Prediction> {
    let words: Vec<_> = texts.iter().map(|t| Some(t.to_string())).collect();
    let content = Content::Table(Table {
        columns: vec![Column::of_words(column, &words)],
    });
    predictor(bundle)
        .predict("test", &content, 0..texts.len())
        .unwrap()
}

#[test]
fn a_text_in_every_form() {
    let (server, _) = serve(quick(), &[("topics", categories())]);
    let path = "/v1/models/topics/predict";
    let expected = expected(categories(), "question", &TEXTS);
    let names = predictor(categories()).labels().to_vec();
    let check = |(status, answer): (u16, Value), which: &[usize]| {
        assert_eq!(status, 200, "{answer}");
        let predictions = answer["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), which.len(), "{answer}");
        for (found, i) in predictions.iter().zip(which) {
            assert_same(found, &expected[*i], &names);
        }
    };
    let all = [0, 1, 2];
    for (body, which) in [
        (json!({ "text": TEXTS[0] }), &all[..1]),
        (json!({ "question": TEXTS[0], "other": 1 }), &all[..1]),
        (json!(TEXTS[0]), &all[..1]),
        (json!({ "texts": TEXTS }), &all),
        (json!(TEXTS), &all),
        (
            json!({ "rows": [{ "text": TEXTS[0] }, { "question": TEXTS[1] }] }),
            &all[..2],
        ),
    ] {
        check(post_json(&server, path, &body), which);
    }
    // A text stays a text, whatever it looks like.
    for i in all {
        let body = TEXTS[i].as_bytes();
        check(post(&server, path, "text/plain; charset=utf-8", body), &[i]);
    }
    // As curl sends it when it is told no type.
    let form = "application/x-www-form-urlencoded";
    check(post(&server, path, form, TEXTS[0].as_bytes()), &[0]);
    let json = json!({ "text": TEXTS[1] }).to_string();
    check(post(&server, path, form, json.as_bytes()), &[1]);

    let csv = format!("number,question\n1,{}\n2,{}\n", TEXTS[0], TEXTS[1]);
    check(post(&server, path, "text/csv", csv.as_bytes()), &[0, 1]);
    let lines = TEXTS.map(|t| json!({ "question": t }).to_string());
    let lines = lines.join("\n");
    check(
        post(&server, path, "application/x-ndjson", lines.as_bytes()),
        &all,
    );
}

#[test]
fn what_is_no_text_or_too_long_is_named() {
    let limits = Limits {
        text_chars: 1000,
        ..quick()
    };
    let (server, _) = serve(limits, &[("topics", categories())]);
    let path = "/v1/models/topics/predict";
    let long = "长".repeat(1001);
    for (kind, body, part) in [
        (
            "application/json",
            json!({ "texts": ["fine", long] }).to_string(),
            "row 2: `question` has 1001 characters, and 1000 are the most",
        ),
        ("text/plain", long.clone(), "1001 characters"),
        ("text/plain", "  \n".into(), "empty"),
        (
            "application/json",
            json!({ "text": null }).to_string(),
            "empty",
        ),
        (
            "application/json",
            json!({ "words": "a" }).to_string(),
            "`question` is missing",
        ),
        (
            "application/json",
            json!({ "text": ["a", "b"] }).to_string(),
            "is no text",
        ),
        ("application/json", "[]".into(), "no example"),
        ("application/json", "5".into(), "no JSON object"),
    ] {
        let (status, answer) = post(&server, path, kind, body.as_bytes());
        assert_eq!(status, 400, "{answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part), "{part}: {answer}");
        assert!(answer["help"].is_string(), "{answer}");
    }
    let (status, answer) = post(&server, path, "text/plain", b"caf\xe9");
    assert_eq!(status, 400);
    assert!(
        answer["error"].as_str().unwrap().contains("byte 4"),
        "{answer}"
    );
    // As long as allowed, in characters.
    let fits = "长".repeat(1000);
    assert_eq!(post(&server, path, "text/plain", fits.as_bytes()).0, 200);
}

#[test]
fn labels_by_both_protocols() {
    let (server, _) = serve(quick(), &[("tags", labels())]);
    let names = predictor(labels()).labels().to_vec();
    let (_, answer) = post_json(
        &server,
        "/v1/models/tags/predict",
        &json!({ "texts": TEXTS }),
    );
    let infer = infer(&server, "tags", "question", &TEXTS);
    for (i, prediction) in expected(labels(), "question", &TEXTS).iter().enumerate() {
        let Prediction::Labels {
            labels,
            probabilities,
        } = prediction
        else {
            panic!("{prediction:?}")
        };
        let one = &answer["predictions"][i];
        assert_eq!(one["labels"], json!(labels), "{answer}");
        assert_eq!(one["probabilities"].as_object().unwrap().len(), names.len());
        let given: Vec<String> =
            serde_json::from_str(infer[0]["data"][i].as_str().unwrap()).unwrap();
        assert_eq!(given, *labels);
        for (k, p) in probabilities.iter().enumerate() {
            near(&one["probabilities"][&names[k]], *p);
            near(&infer[1]["data"][i * names.len() + k], *p);
        }
    }
    assert_eq!(infer[1]["shape"], json!([3, names.len()]));
}

#[test]
fn vectors_by_both_protocols() {
    let (server, _) = serve(quick(), &[("meaning", vectors())]);
    let OutputSchema::Vector { width } = predictor(vectors()).output() else {
        panic!()
    };
    let (_, about) = get(&server, "/v2/models/meaning");
    assert_eq!(
        about["outputs"],
        json!([{ "name": "vector", "datatype": "FP32", "shape": [-1, width] }])
    );
    let (_, answer) = post_json(
        &server,
        "/v1/models/meaning/predict",
        &json!({ "texts": TEXTS }),
    );
    let infer = infer(&server, "meaning", "question", &TEXTS);
    assert_eq!(infer[0]["shape"], json!([3, width]));
    for (i, prediction) in expected(vectors(), "question", &TEXTS).iter().enumerate() {
        let Prediction::Vector { values } = prediction else {
            panic!("{prediction:?}")
        };
        let length: f32 = values.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
        for (k, value) in values.iter().enumerate() {
            near(&answer["predictions"][i]["vector"][k], *value);
            near(&infer[0]["data"][i * width + k], *value);
        }
    }
}

#[test]
fn places_in_a_context_by_both_protocols() {
    let (server, _) = serve(quick(), &[("reader", spans())]);
    let context = "The shop in Gdańsk opens at nine. Parcels are sent within two days.";
    let rows = json!([
        { "question": "When does it open?", "context": context },
        { "question": "How fast are parcels?", "context": context },
    ]);
    let (status, answer) = post_json(&server, "/v1/models/reader/predict", &rows);
    assert_eq!(status, 200, "{answer}");
    let column = |name: &str| {
        let data = [rows[0][name].clone(), rows[1][name].clone()];
        json!({ "name": name, "shape": [2], "datatype": "BYTES", "data": data })
    };
    let request = json!({ "inputs": [column("question"), column("context")] });
    let (status, infer) = post_json(&server, "/v2/models/reader/infer", &request);
    assert_eq!(status, 200, "{infer}");
    let output = |name: &str| {
        let outputs = infer["outputs"].as_array().unwrap();
        outputs.iter().find(|o| o["name"] == name).unwrap().clone()
    };
    assert_eq!(output("start")["datatype"], "INT32");
    for i in 0..2 {
        let one = &answer["predictions"][i];
        let said = one["answer"].as_str().unwrap_or_default();
        assert_eq!(output("answer")["data"][i], said);
        near(
            &output("probability")["data"][i],
            one["probability"].as_f64().unwrap() as f32,
        );
        if !said.is_empty() {
            let (start, end) = (one["start"].as_u64().unwrap(), one["end"].as_u64().unwrap());
            let letters: Vec<char> = context.chars().collect();
            let there: String = letters[start as usize..end as usize].iter().collect();
            assert_eq!(there, said);
            assert_eq!(output("start")["data"][i], start);
            assert_eq!(output("end")["data"][i], end);
        }
    }
    let (_, missing) = post_json(
        &server,
        "/v1/models/reader/predict",
        &json!({ "question": "Who?" }),
    );
    assert!(
        missing["error"]
            .as_str()
            .unwrap()
            .contains("`context` is missing")
    );
}

#[test]
fn known_answers_by_both_protocols() {
    let (server, _) = serve(quick(), &[("faq", known())]);
    let asked = [
        "what is ai",
        "how do I return a parcel to your shop in Antwerp?",
    ];
    let (status, answer) = post_json(
        &server,
        "/v1/models/faq/predict",
        &json!({ "texts": asked }),
    );
    assert_eq!(status, 200, "{answer}");
    let [right, unknown] = [0, 1].map(|i| &answer["predictions"][i]);
    assert_eq!(
        right["answer"], right["neighbours"][0]["answer"],
        "{answer}"
    );
    assert!(right["probability"].as_f64().unwrap() > 0.5, "{answer}");
    assert_eq!(right["question"], "What is AI?");
    assert_eq!(right["neighbours"].as_array().unwrap().len(), 5);
    assert_eq!(unknown["answer"], Value::Null, "{answer}");
    assert!(unknown["question"].is_string() && unknown["probability"].as_f64().unwrap() < 0.5);
    let infer = infer(&server, "faq", "question", &asked);
    assert_eq!(infer[0]["data"][0], right["answer"]);
    assert_eq!(infer[0]["data"][1], "");
    let near: Value = serde_json::from_str(infer[3]["data"][0].as_str().unwrap()).unwrap();
    assert_eq!(near[0]["answer"], right["neighbours"][0]["answer"]);
}

/// Every example that the server gives is sent back to it, and its page speaks of every model.
#[test]
fn models_of_texts_say_how_they_are_used() {
    let models = [
        ("topics", categories(), "class"),
        ("tags", labels(), "labels"),
        ("meaning", vectors(), "vector"),
        ("reader", spans(), "span"),
        ("faq", known(), "match"),
    ];
    let (server, _) = serve(quick(), &models.map(|(name, bundle, _)| (name, bundle)));
    let page = server.get("/docs", "");
    for (name, _, gives) in models {
        let (status, about) = get(&server, &format!("/v1/models/{name}"));
        assert_eq!(status, 200);
        assert_eq!(about["gives"]["kind"], gives, "{about}");
        let columns = about["takes"]["columns"].as_array().unwrap();
        assert!(columns.iter().all(|c| c["kind"] == "text"), "{about}");
        let path = format!("/v1/models/{name}/predict");
        let (status, answer) = post_json(&server, &path, &about["example"]);
        assert_eq!(status, 200, "{answer}");
        assert!(page.contains(&path), "{name}");
    }
    for words in [
        "A text as it is",
        "vector of",
        "characters are read",
        "any number of",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let (_, document) = get(&server, "/openapi.json");
    let predict = &document["paths"]["/v1/models/{model}/predict"]["post"];
    assert!(
        predict["requestBody"]["content"]["text/plain"].is_object(),
        "{predict}"
    );
}

/// The outputs for texts in one tensor.
fn infer(server: &Server, model: &str, column: &str, texts: &[&str]) -> Vec<Value> {
    let input =
        json!({ "name": column, "shape": [texts.len()], "datatype": "BYTES", "data": texts });
    let path = format!("/v2/models/{model}/infer");
    let (status, answer) = post_json(server, &path, &json!({ "inputs": [input] }));
    assert_eq!(status, 200, "{answer}");
    answer["outputs"].as_array().unwrap().clone()
}

fn near(found: &Value, expected: f32) {
    let found = found.as_f64().unwrap_or(f64::NAN) as f32;
    assert!((found - expected).abs() < 1e-4, "{found} {expected}");
}
