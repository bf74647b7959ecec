//! Addresses for people: what they answer is what the library predicts.

mod listening;
mod trained;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::Content;
use serde_json::{Value, json};
use trained::{
    ames, assert_same, content, digits, get, iris, png, post, post_json, predictor, quick, row,
    serve,
};

#[test]
fn rows_in_every_form() {
    let (server, _) = serve(quick(), &[("iris", iris())]);
    let Content::Table(table) = content("iris") else {
        panic!()
    };
    let content = Content::Table(table.clone());
    let predictor = predictor(iris());
    let expected = predictor.predict("iris", &content, 0..3).unwrap();
    let rows: Vec<Value> = (0..3).map(|i| row(&table, i)).collect();
    let path = "/v1/models/iris/predict";
    let check = |(status, answer): (u16, Value)| {
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["model"], &answer["version"]),
            (&json!("iris"), &json!("1"))
        );
        let predictions = answer["predictions"].as_array().unwrap();
        for (found, expected) in predictions.iter().zip(&expected) {
            assert_same(found, expected, predictor.labels());
        }
        predictions.len()
    };
    assert_eq!(check(post_json(&server, path, &rows[0])), 1);
    assert_eq!(check(post_json(&server, path, &json!(rows))), 3);
    assert_eq!(check(post_json(&server, path, &json!({ "rows": rows }))), 3);
    // As curl sends it when it is told no type.
    let form = "application/x-www-form-urlencoded";
    let body = rows[0].to_string();
    assert_eq!(check(post(&server, path, form, body.as_bytes())), 1);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let lines = lines.join("\n");
    assert_eq!(
        check(post(
            &server,
            path,
            "application/x-ndjson",
            lines.as_bytes()
        )),
        3
    );
    let mut csv = table
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect::<Vec<_>>()
        .join(",");
    for i in 0..3 {
        let values: Vec<String> = table.columns.iter().map(|c| c.text(i)).collect();
        csv += &format!("\n{}", values.join(","));
    }
    assert_eq!(check(post(&server, path, "text/csv", csv.as_bytes())), 3);
    let (kind, form) = multipart(&[csv.as_bytes()]);
    assert_eq!(check(post(&server, path, &kind, &form)), 3);
    let named = "/v1/models/iris/versions/1/predict";
    assert_eq!(check(post_json(&server, named, &rows[0])), 1);
}

#[test]
fn gaps_and_words_reach_the_model() {
    let (server, _) = serve(quick(), &[("prices", ames())]);
    let Content::Table(table) = content("ames") else {
        panic!()
    };
    let predictor = predictor(ames());
    let rows: Vec<Value> = (0..20).map(|i| row(&table, i)).collect();
    let content = Content::Table(table);
    let expected = predictor.predict("ames", &content, 0..20).unwrap();
    let (status, answer) = post_json(&server, "/v1/models/prices/predict", &json!(rows));
    assert_eq!(status, 200, "{answer}");
    for (i, expected) in expected.iter().enumerate() {
        assert_same(&answer["predictions"][i], expected, &[]);
    }
}

#[test]
fn pictures_in_every_form() {
    let (server, _) = serve(quick(), &[("digits", digits())]);
    let content = content("digits");
    let predictor = predictor(digits());
    let expected = predictor.predict("digits", &content, 0..2).unwrap();
    let files = [png(&content, 0), png(&content, 1)];
    let text = |i: usize| STANDARD.encode(&files[i]);
    let path = "/v1/models/digits/predict";
    let (kind, form) = multipart(&[&files[0], &files[1]]);
    let json = "application/json";
    let body = |value: Value| value.to_string().into_bytes();
    for (kind, sent, count) in [
        ("image/png", files[0].clone(), 1),
        ("application/octet-stream", files[0].clone(), 1),
        (json, body(json!({ "image": text(0) })), 1),
        (
            json,
            body(json!({ "image": format!("data:image/png;base64,{}", text(0)) })),
            1,
        ),
        (json, body(json!({ "images": [text(0), text(1)] })), 2),
        (
            json,
            body(json!([{ "image": text(0) }, { "image": text(1) }])),
            2,
        ),
        (kind.as_str(), form, 2),
    ] {
        let (status, answer) = post(&server, path, kind, &sent);
        assert_eq!(status, 200, "{kind}: {answer}");
        let predictions = answer["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), count, "{kind}");
        for (found, expected) in predictions.iter().zip(&expected) {
            assert_same(found, expected, predictor.labels());
        }
    }
}

/// Every example that the server gives is sent back to it.
#[test]
fn models_say_how_they_are_used() {
    let models = [("iris", iris()), ("digits", digits()), ("prices", ames())];
    let (server, _) = serve(quick(), &models);
    let (_, list) = get(&server, "/v1/models");
    assert_eq!(list["object"], "list");
    let listed = list["data"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0]["id"], listed[0]["name"]);
    assert!(
        listed[0]["created"].as_u64() > Some(1_700_000_000),
        "{list}"
    );
    for (name, _) in models {
        let (status, about) = get(&server, &format!("/v1/models/{name}"));
        assert_eq!(status, 200);
        assert!(about["takes"]["kind"].is_string(), "{about}");
        let (status, answer) = post_json(
            &server,
            &format!("/v1/models/{name}/predict"),
            &about["example"],
        );
        assert_eq!(status, 200, "{answer}");
        assert!(
            about["curl"]
                .as_str()
                .unwrap()
                .contains(&server.address.to_string())
        );
    }
}

/// The shell takes the commands on the page as they stand, apart from those that name files.
#[cfg(unix)]
#[test]
fn commands_on_the_page_work() {
    let (server, _) = serve(quick(), &[("iris", iris()), ("prices", ames())]);
    if std::process::Command::new("curl")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("no curl here");
        return;
    }
    let page = server.get("/docs", "");
    let page = page.replace("host: test", "");
    let base = format!("http://{}", server.address);
    let commands: Vec<String> = page
        .split("<code>curl")
        .skip(1)
        .map(|rest| format!("curl{}", rest.split("</code>").next().unwrap()))
        .map(|c| {
            c.replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
        })
        .map(|c| {
            c.replace("&#39;", "'")
                .replace("&amp;", "&")
                .replace("http://test", &base)
        })
        .filter(|c| !c.contains('@'))
        .collect();
    assert_eq!(commands.len(), 4, "{page}");
    for command in commands {
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(&command)
            .output()
            .unwrap();
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{command}: {e}"));
        assert!(answer.get("error").is_none(), "{command}: {answer}");
    }
}

#[test]
fn the_description_is_of_this_server() {
    let (server, _) = serve(quick(), &[("iris", iris())]);
    let (status, document) = get(&server, "/openapi.json");
    assert_eq!(status, 200);
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{document}"
    );
    let paths = document["paths"].as_object().unwrap();
    // Every address of the document is there.
    for (path, methods) in paths {
        let real = path.replace("{model}", "iris");
        for method in methods.as_object().unwrap().keys() {
            let status = match method.as_str() {
                "get" => get(&server, &real).0,
                _ => post_json(&server, &real, &json!({})).0,
            };
            assert!(![404, 405].contains(&status), "{method} {real}: {status}");
        }
    }
    // Every answer says what it means.
    for operation in paths.values().flat_map(|p| p.as_object().unwrap().values()) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let words = answer["description"].as_str().unwrap_or_default();
            assert!(!words.is_empty(), "{status} of {operation}");
        }
    }
    // Every type that is referred to is described.
    let text = document.to_string();
    for name in text.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

/// A form with files, and its type.
fn multipart(files: &[&[u8]]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../{i}\"\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*file);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    ("multipart/form-data; boundary=edge".into(), body)
}
