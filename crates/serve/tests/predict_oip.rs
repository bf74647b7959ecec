//! The Open Inference Protocol, in JSON and with binary tensors, as Triton's clients speak it.

mod listening;
mod trained;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use listening::Server;
use modelwright_data::{ColumnData, Content};
use modelwright_tasks::Prediction;
use serde_json::{Value, json};
use trained::{agent, ames, content, digits, get, iris, png, post_json, predictor, quick, serve};

#[test]
fn server_and_models_describe_themselves() {
    let (server, _) = serve(quick(), &[("iris", iris()), ("digits", digits())]);
    assert_eq!(get(&server, "/v2").1["name"], "modelwright");
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/iris/ready",
        "/v2/models/iris/versions/1/ready",
    ] {
        assert_eq!(get(&server, path).0, 200, "{path}");
    }
    let (_, digits) = get(&server, "/v2/models/digits");
    assert_eq!(
        digits["inputs"],
        json!([{ "name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 1] }])
    );
    assert_eq!(digits["outputs"][1]["shape"], json!([-1, 10]));
    let (_, iris) = get(&server, "/v2/models/iris/versions/1");
    assert_eq!(iris["inputs"].as_array().unwrap().len(), 4);
    assert_eq!(
        get(&server, "/v2/models/iris/config").1["max_batch_size"],
        64
    );
    let (status, stats) = get(&server, "/v2/models/iris/stats");
    assert_eq!(
        (status, &stats["model_stats"][0]["name"]),
        (200, &json!("iris"))
    );
    let (_, index) = post_json(&server, "/v2/repository/index", &json!({}));
    assert_eq!(index.as_array().unwrap().len(), 2);
    for path in [
        "/v2/models/nothing",
        "/v2/models/iris/versions/7",
        "/v2/models/nothing/ready",
        "/v2/models/..%2F..%2Fetc/ready",
    ] {
        assert_eq!(get(&server, path).0, 404, "{path}");
    }
}

#[test]
fn columns_as_tensors() {
    let (server, _) = serve(quick(), &[("prices", ames())]);
    let content = content("ames");
    let expected = predictor(ames()).predict("ames", &content, 0..3).unwrap();
    let Content::Table(table) = &content else {
        panic!()
    };
    let (_, about) = get(&server, "/v2/models/prices");
    let inputs: Vec<Value> = about["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| {
            let column = table.column(input["name"].as_str().unwrap()).unwrap();
            // A model's words may look like numbers in the table, and are sent as they look.
            let (datatype, data): (&str, Vec<Value>) = match &column.data {
                ColumnData::Numbers(v) => {
                    let value = |v: &f64| if v.is_nan() { Value::Null } else { json!(v) };
                    ("FP64", v[..3].iter().map(value).collect())
                }
                ColumnData::Labels { .. } => {
                    ("BYTES", (0..3).map(|i| column.text(i).into()).collect())
                }
            };
            json!({ "name": input["name"], "shape": [3, 1], "datatype": datatype, "data": data })
        })
        .collect();
    let request = json!({ "id": "a-1", "inputs": inputs });
    let (status, answer) = post_json(&server, "/v2/models/prices/infer", &request);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["id"], &answer["model_version"]),
        (&json!("a-1"), &json!("1"))
    );
    assert_eq!(answer["outputs"][0]["datatype"], "FP64");
    for (i, expected) in expected.iter().enumerate() {
        let Prediction::Value { value } = expected else {
            panic!()
        };
        let found = answer["outputs"][0]["data"][i].as_f64().unwrap();
        assert!(
            (found - value).abs() <= 1e-5 * value.abs(),
            "{found} {value}"
        );
    }
}

#[test]
fn pictures_as_pixels_and_files() {
    let (server, _) = serve(quick(), &[("digits", digits())]);
    let content = content("digits");
    let expected = classes(
        &predictor(digits())
            .predict("digits", &content, 0..2)
            .unwrap(),
    );
    let Content::Images(set) = &content else {
        panic!()
    };
    let pixels = [set.packed(0).unwrap(), set.packed(1).unwrap()].concat();
    let path = "/v2/models/digits/infer";
    let files: Vec<String> = (0..2).map(|i| STANDARD.encode(png(&content, i))).collect();
    for input in [
        json!({ "name": "image", "shape": [2, 8, 8, 1], "datatype": "UINT8", "data": pixels }),
        json!({ "name": "image", "shape": [2, 8, 8, 1], "datatype": "FP32", "data": pixels }),
        json!({ "name": "image", "shape": [2], "datatype": "BYTES", "data": files }),
    ] {
        let request = json!({ "inputs": [input], "outputs": [{ "name": "probabilities" }] });
        let (status, answer) = post_json(&server, path, &request);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["outputs"][0]["shape"], json!([2, 10]));
        let found = answer["outputs"][0]["data"].as_array().unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found.as_f64().unwrap() as f32 - expected).abs() < 1e-5);
        }
    }
}

#[test]
fn tensors_as_bytes_behind_the_json() {
    let (server, _) = serve(quick(), &[("digits", digits())]);
    let content = content("digits");
    let predictions = predictor(digits())
        .predict("digits", &content, 0..2)
        .unwrap();
    let Content::Images(set) = &content else {
        panic!()
    };
    let pixels = [set.packed(0).unwrap(), set.packed(1).unwrap()].concat();
    let request = json!({
        "inputs": [{ "name": "image", "shape": [2, 8, 8, 1], "datatype": "UINT8",
            "parameters": { "binary_data_size": pixels.len() } }],
        "parameters": { "binary_data_output": true },
    });
    let (json, bytes) = binary(&server, &request, &pixels);
    assert_eq!(json["outputs"][0]["name"], "label");
    let size = |i: usize| {
        let size = &json["outputs"][i]["parameters"]["binary_data_size"];
        size.as_u64().unwrap() as usize
    };
    assert_eq!(size(0) + size(1), bytes.len());
    let Prediction::Class { label, .. } = &predictions[0] else {
        panic!()
    };
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    assert_eq!(&bytes[4..4 + length], label.as_bytes());
    let floats: Vec<f32> = bytes[size(0)..]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    for (found, expected) in floats.iter().zip(classes(&predictions)) {
        assert!((found - expected).abs() < 1e-5);
    }

    // Files as bytes, one output in JSON and the other as its three best.
    let file = png(&content, 0);
    let blob = [&(file.len() as u32).to_le_bytes(), file.as_slice()].concat();
    let request = json!({
        "inputs": [{ "name": "image", "shape": [1], "datatype": "BYTES",
            "parameters": { "binary_data_size": blob.len() } }],
        "outputs": [{ "name": "label", "parameters": { "binary_data": false } },
            { "name": "probabilities", "parameters": { "binary_data": true, "classification": 3 } }],
    });
    let (json, bytes) = binary(&server, &request, &blob);
    assert_eq!(json["outputs"][0]["data"][0], **label);
    assert_eq!(json["outputs"][1]["shape"], json!([1, 3]));
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let best = String::from_utf8(bytes[4..4 + length].to_vec()).unwrap();
    assert!(best.ends_with(&format!(":{label}")), "{best}");
}

#[test]
fn what_is_wrong_is_named() {
    let (server, _) = serve(quick(), &[("iris", iris()), ("digits", digits())]);
    let (_, iris) = get(&server, "/v2/models/iris");
    let column = |i: usize| iris["inputs"][i]["name"].as_str().unwrap().to_string();
    let tensor = |name: &str, shape: Value, data: Value| json!({ "name": name, "shape": shape, "datatype": "FP64", "data": data });
    let image = |shape: Value, kind: &str, data: Value| json!([{ "name": "image", "shape": shape, "datatype": kind, "data": data }]);
    for (model, inputs, part) in [
        ("iris", json!([]), "no example"),
        (
            "iris",
            json!([tensor(&column(0), json!([1]), json!([1]))]),
            column(1).as_str(),
        ),
        (
            "iris",
            json!([tensor("other", json!([1]), json!([1]))]),
            "`other`",
        ),
        (
            "iris",
            json!([tensor(&column(0), json!([2, 2]), json!([1, 1, 1, 1]))]),
            "[2, 2]",
        ),
        (
            "iris",
            json!([
                tensor(&column(0), json!([1]), json!([1])),
                tensor(&column(1), json!([2]), json!([1, 2]))
            ]),
            "another number of rows",
        ),
        (
            "digits",
            image(json!([1, 8, 8, 3]), "UINT8", json!(vec![0; 192])),
            "[-1, 8, 8, 1]",
        ),
        (
            "digits",
            image(json!([1, 8, 8, 1]), "FP32", json!(vec![256; 64])),
            "brightness",
        ),
        ("digits", image(json!([1]), "BYTES", json!(["?"])), "Base64"),
        (
            "digits",
            image(json!([1]), "BYTES", json!(["aGVsbG8="])),
            "picture 1",
        ),
        (
            "digits",
            image(json!([0, 8, 8, 1]), "UINT8", json!([])),
            "no example",
        ),
    ] {
        let request = json!({ "inputs": inputs });
        let (status, answer) = post_json(&server, &format!("/v2/models/{model}/infer"), &request);
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(part),
            "{part}: {answer}"
        );
    }
}

fn classes(predictions: &[Prediction]) -> Vec<f32> {
    let all = predictions.iter().flat_map(|p| match p {
        Prediction::Class { probabilities, .. } => probabilities.clone(),
        _ => Vec::new(),
    });
    all.collect()
}

/// Sends JSON with bytes behind it; returns the same of the answer.
fn binary(server: &Server, json: &Value, bytes: &[u8]) -> (Value, Vec<u8>) {
    const LENGTH: &str = "Inference-Header-Content-Length";
    let json = json.to_string();
    let mut answer = agent()
        .post(format!("http://{}/v2/models/digits/infer", server.address))
        .header(LENGTH, json.len().to_string())
        .send([json.as_bytes(), bytes].concat())
        .unwrap();
    assert_eq!(answer.status(), 200);
    let length: usize = answer.headers()[LENGTH].to_str().unwrap().parse().unwrap();
    let body = answer.body_mut().read_to_vec().unwrap();
    (
        serde_json::from_slice(&body[..length]).unwrap(),
        body[length..].to_vec(),
    )
}
