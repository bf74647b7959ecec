//! Text models from a hub: a server that speaks as much of the protocol as its client asks for.

mod common;

use modelwright_models::{LanguageModel, Pretrained};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Repositories, and the golden folders that are in them.
const REPOSITORIES: [(&str, &str); 3] = [
    ("tiny", "text/bert"),
    ("chat", "decoders/qwen2"),
    ("files", "decoders"),
];

/// What the hub does besides serving [`REPOSITORIES`] of `acme`.
#[derive(Default)]
struct Hub {
    /// A file for which it answers that it is broken.
    broken: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Hub {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
            request.push(byte[0]);
        }
        let request = String::from_utf8_lossy(&request).to_string();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (folder, name) = REPOSITORIES
            .iter()
            .find_map(|(repository, folder)| {
                let name = path.strip_prefix(&format!("/acme/{repository}/resolve/main/"))?;
                Some((*folder, name))
            })
            .unwrap_or(("text", "none"));
        self.asked.lock().unwrap().push(name.into());
        let status = |status: &str| {
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        };
        if self.broken == Some(name) {
            return stream.write_all(status("500 Internal Server Error").as_bytes());
        }
        let Ok(content) = std::fs::read(common::golden(folder).join(name)) else {
            return stream.write_all(status("404 Not Found").as_bytes());
        };
        let lower = request.to_lowercase();
        let range = lower.lines().find_map(|l| l.strip_prefix("range: bytes="));
        let (start, end) = range
            .and_then(|r| r.trim().split_once('-'))
            .unwrap_or(("0", ""));
        let start: usize = start.parse().unwrap_or(0);
        let end = end.parse().unwrap_or(usize::MAX).min(content.len() - 1);
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{end}/{}\r\n\
             ETag: \"{name}\"\r\nX-Repo-Commit: 0123456789abcdef\r\nConnection: close\r\n\r\n",
            end + 1 - start,
            content.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(&content[start..=end])
    }

    /// Starts it; its address.
    fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let hub = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = hub.answer(stream);
            }
        });
        address
    }
}

/// Opens the model in a process of its own, because the hub's address comes from the environment.
fn open(home: &Path, address: &str) -> String {
    open_id("acme/tiny", home, address)
}

fn open_id(id: &str, home: &Path, address: &str) -> String {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "opens_in_a_process_of_its_own", "--nocapture"])
        .env("TEXT_HUB_TEST", id)
        .env("HF_HOME", home)
        .env("HF_ENDPOINT", address)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into()
}

#[test]
fn opens_in_a_process_of_its_own() {
    let Ok(id) = std::env::var("TEXT_HUB_TEST") else {
        return;
    };
    let opened = match id.as_str() {
        "acme/tiny" => Pretrained::open(&id).map(|opened| opened.config.layers),
        _ => LanguageModel::open(&id, &|said| println!("{said}")).map(|m| m.config.layers),
    };
    match opened {
        Ok(layers) => println!("opened: {layers} layers"),
        Err(error) => println!("failed: {error}"),
    }
}

#[test]
fn a_hub_id_is_fetched_once() {
    let home = tempfile::tempdir().unwrap();
    let hub = Arc::new(Hub::default());
    let address = hub.start();
    let first = open(home.path(), &address);
    assert!(first.contains("opened: 2 layers"), "{first}");
    let asked = hub.asked.lock().unwrap().clone();
    for name in [
        "config.json",
        "vocab.txt",
        "tokenizer.json",
        "model.safetensors",
    ] {
        assert!(asked.iter().any(|a| a == name), "{name}: {asked:?}");
    }
    // From then on nobody is asked: this hub does not exist.
    let again = open(home.path(), "http://127.0.0.1:1");
    assert!(again.contains("opened: 2 layers"), "{again}");
}

#[test]
fn language_models_are_fetched_as_folders_and_as_single_files() {
    let home = tempfile::tempdir().unwrap();
    let address = Arc::new(Hub::default()).start();
    for id in ["acme/chat", "acme/files/llama.gguf"] {
        let first = open_id(id, home.path(), &address);
        assert!(first.contains("opened: 2 layers"), "{first}");
        let again = open_id(id, home.path(), "http://127.0.0.1:1");
        assert!(again.contains("opened: 2 layers"), "{again}");
    }
    let missing = open_id("acme/files/none.gguf", home.path(), &address);
    assert!(missing.contains("it has no none.gguf"), "{missing}");
}

#[test]
fn a_hub_that_fails_is_not_taken_for_one_that_has_no_such_file() {
    let home = tempfile::tempdir().unwrap();
    let hub = Arc::new(Hub {
        broken: Some("tokenizer_config.json"),
        ..Hub::default()
    });
    let said = open(home.path(), &hub.start());
    assert!(said.contains("failed: cannot fetch `acme/tiny`"), "{said}");
    assert!(
        said.contains("tokenizer_config.json") && said.contains("500"),
        "{said}"
    );
    let said = open(home.path(), "http://127.0.0.1:1");
    assert!(said.contains("failed: cannot fetch `acme/tiny`"), "{said}");
}
