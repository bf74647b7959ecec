//! Requests that are wrong or mean harm: a clear answer, quickly, and the server goes on.

mod listening;
mod trained;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_serve::Limits;
use serde_json::json;
use std::time::{Duration, Instant};
use trained::{content, digits, get, iris, png, post, post_json, quick, serve};

/// A PNG file with a right header and nothing behind it.
fn header_of(width: u32, height: u32) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(1, 1, image::Luma([0]));
    let mut file = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    let mut bytes = file.into_inner();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// The checksum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn pictures_that_are_none_or_too_large() {
    let limits = Limits {
        picture_pixels: 1_000_000,
        ..quick()
    };
    let (server, _) = serve(limits, &[("digits", digits())]);
    let path = "/v1/models/digits/predict";
    let good = png(&content("digits"), 0);
    let huge = header_of(50_000, 50_000);
    let started = Instant::now();
    for (file, part) in [
        (huge.clone(), "50000x50000"),
        (header_of(1_001, 1_000), "1001x1000"),
        (
            good[..good.len() / 2].to_vec(),
            "cannot be read as a picture",
        ),
        (b"GIF89a".to_vec(), "cannot be read as a picture"),
        (b"hello".to_vec(), "cannot be read as a picture"),
        (Vec::new(), "cannot be read as a picture"),
        ([0u8; 1000].to_vec(), "cannot be read as a picture"),
    ] {
        let (status, answer) = post(&server, path, "image/png", &file);
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{answer}");
        assert!(answer["help"].is_string());
    }
    let (status, _) = post_json(&server, path, &json!({ "image": STANDARD.encode(&huge) }));
    assert_eq!(status, 400);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "nothing was decoded"
    );
    assert_eq!(post(&server, path, "image/png", &good).0, 200);
}

#[test]
fn json_and_tables_that_are_none() {
    let (server, _) = serve(quick(), &[("iris", iris()), ("digits", digits())]);
    let deep = "[".repeat(100_000);
    let wide = ",".repeat(200_000);
    for (model, kind, body, part) in [
        ("iris", "application/json", "{", "no JSON"),
        ("iris", "application/json", "", "no JSON"),
        ("iris", "application/json", "\u{0}", "no JSON"),
        ("iris", "application/json", &deep, "no JSON"),
        ("iris", "application/json", "[]", "no example"),
        ("iris", "application/json", "[1]", "row 1"),
        ("iris", "application/json", "{}", "is missing"),
        (
            "iris",
            "application/json",
            "[{\"sepal_length\": [1]}]",
            "sepal_length",
        ),
        ("iris", "text/csv", "a,b\n1\n", "line 2"),
        ("iris", "text/csv", "a,b\n1,2\n", "is missing"),
        ("iris", "text/csv", &wide, "rows"),
        ("iris", "image/png", "\u{89}PNG", "the request"),
        (
            "digits",
            "application/json",
            "{\"image\": 7}",
            "no pictures",
        ),
        ("digits", "application/json", "{\"image\": \"%\"}", "Base64"),
        (
            "digits",
            "application/json",
            "{\"images\": []}",
            "no example",
        ),
        ("digits", "multipart/form-data", "", "form"),
        (
            "digits",
            "multipart/form-data; boundary=x",
            "--x\r\n",
            "form",
        ),
        (
            "digits",
            "multipart/form-data; boundary=x",
            "--x--\r\n",
            "no example",
        ),
        (
            "digits",
            "multipart/form-data; boundary=x",
            "garbage",
            "form",
        ),
    ] {
        let path = format!("/v1/models/{model}/predict");
        let (status, answer) = post(&server, &path, kind, body.as_bytes());
        let start: String = body.chars().take(40).collect();
        assert_eq!(status, 400, "{start}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(part), "{start}: {error}");
    }
    assert_eq!(get(&server, "/v2/health/ready").0, 200);
}

#[test]
fn sizes_names_and_encodings() {
    let limits = Limits {
        body_bytes: 10_000,
        examples: 3,
        ..quick()
    };
    let (server, _) = serve(limits, &[("iris", iris())]);
    let path = "/v1/models/iris/predict";
    let large = "x".repeat(20_000);
    assert_eq!(
        post(&server, path, "application/json", large.as_bytes()).0,
        413
    );
    assert_eq!(
        post(
            &server,
            path,
            "multipart/form-data; boundary=x",
            large.as_bytes()
        )
        .0,
        413
    );
    let (status, answer) = post_json(&server, path, &json!([{}, {}, {}, {}]));
    assert_eq!(status, 400, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("4 examples"));
    for path in [
        "/v1/models/../predict",
        "/v1/models/..%2f..%2fetc%2fpasswd/predict",
        "/v1/models/%00/predict",
        "/v1/models/iris/versions/..%2f1/predict",
        "/v1/models/iris/versions/99999999999999999999/predict",
        "/nowhere",
    ] {
        let (status, answer) = post_json(&server, path, &json!({}));
        assert_eq!(status, 404, "{path}: {answer}");
        assert!(answer["error"].is_string(), "{path}: {answer}");
    }
    let body = "content-encoding: gzip\r\n";
    assert_eq!(listening::status(&server.post(path, body)), 415);
    let broken = "inference-header-content-length: 99\r\n";
    assert_eq!(
        listening::status(&server.post("/v2/models/iris/infer", broken)),
        400
    );
}
