//! Pretrained weights through the real program: a file, and a model hub.

mod common;
use common::{Place, pictures, shared};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

fn weights() -> Vec<u8> {
    let packed = std::fs::File::open(shared("tests/golden/resnet18.pth.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

#[test]
fn a_pytorch_file_is_loaded_and_its_body_frozen() {
    let place = Place::new();
    pictures(&place, "photos", &["png"], 6);
    place.write("resnet18.pth", weights());
    let trained = place.json(&[
        "train",
        "photos",
        "--architecture",
        "resnet18",
        "--weights",
        "resnet18.pth",
        "--freeze",
        "--epochs",
        "1",
        "--image-size",
        "32",
        "--json",
    ]);
    assert!(
        trained["notes"][0]
            .as_str()
            .unwrap()
            .contains("head of the pretrained network was replaced")
    );
    let recipe = std::fs::read_to_string(place.path("runs/photos-resnet18-1/recipe.toml")).unwrap();
    assert!(
        recipe.contains("stem = \"imagenet\""),
        "the stem that the weights have:\n{recipe}"
    );
    let state =
        modelwright_models::weights::from_bytes(&place.model_bytes("photos-resnet18-1")).unwrap();
    let given = modelwright_models::weights::read_file(&place.path("resnet18.pth")).unwrap();
    for name in [
        "conv1.weight",
        "layer4.1.conv2.weight",
        "bn1.running_mean",
        "layer4.1.bn2.running_var",
    ] {
        assert!(
            state[name] == given[name],
            "{name} has changed in spite of --freeze"
        );
    }
    assert_eq!(state["fc.weight"].shape().to_vec(), [2, 512]);
    place.ok(&["predict", "latest", "photos/dark"]);

    let error = place.fails(&[
        "train",
        "photos",
        "--architecture",
        "resnet34",
        "--weights",
        "resnet18.pth",
    ]);
    assert!(
        error.contains("do not fit this model") && error.contains("missing: layer1.2"),
        "{error}"
    );
}

/// Speaks as much of the hub's protocol as its official client asks for.
fn serve(listener: TcpListener, file: Arc<Vec<u8>>) {
    for stream in listener.incoming() {
        let (mut stream, file) = (stream.unwrap(), file.clone());
        std::thread::spawn(move || {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            let found = request.contains("/acme/resnet/resolve/main/pytorch_model.bin");
            if !found {
                let _ = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
                return;
            }
            let range = request
                .lines()
                .find_map(|l| l.strip_prefix("range: bytes="));
            let (start, end) = match range.and_then(|r| r.trim().split_once('-')) {
                Some((start, end)) => (
                    start.parse().unwrap_or(0),
                    end.parse().unwrap_or(file.len() - 1),
                ),
                None => (0, file.len() - 1),
            };
            let end = end.min(file.len() - 1);
            let status = if range.is_some() {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{end}/{}\r\n\
                 Accept-Ranges: bytes\r\nETag: \"abc\"\r\nX-Repo-Commit: 0123456789abcdef\r\nConnection: close\r\n\r\n",
                end + 1 - start,
                file.len()
            );
            let _ = stream.write_all(head.as_bytes());
            if !request.starts_with("head") {
                let _ = stream.write_all(&file[start..=end]);
            }
        });
    }
}

#[test]
fn a_hub_id_is_fetched_and_a_missing_one_explained() {
    let place = Place::new();
    pictures(&place, "photos", &["png"], 6);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || serve(listener, Arc::new(weights())));
    let train = |id: &str| {
        let args = [
            "train",
            "photos",
            "--architecture",
            "resnet18",
            "--weights",
            id,
            "--freeze",
            "--epochs",
            "1",
            "--image-size",
            "32",
            "-q",
        ];
        let mut command = place.command(&args);
        command
            .env("HF_ENDPOINT", &address)
            .env("HF_HOME", place.path("hub"))
            .output()
            .unwrap()
    };
    let output = train("acme/resnet");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = train("acme/other");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("`acme/other`") && error.contains("pass its path to --weights"),
        "{error}"
    );
}
