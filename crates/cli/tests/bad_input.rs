//! Bad input gets a clear error: what, where, what to do. One test a mistake.

mod common;
#[path = "bad_input/files.rs"]
mod files;
#[cfg(unix)]
#[path = "bad_input/full_disk.rs"]
mod full_disk;

use common::{Place, pictures};
use std::io::Write;

/// The error must hold all `parts`.
#[track_caller]
fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in:\n{error}");
    }
}

#[test]
fn missing_file() {
    says(
        &Place::new().fails(&["train", "nowhere.csv"]),
        &["nowhere.csv", "no such file", "digits, ames"],
    );
}

#[test]
fn empty_folder_and_loose_pictures() {
    let place = Place::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    says(
        &place.fails(&["train", "empty"]),
        &["empty", "no pictures", "a folder of its own"],
    );
    pictures(&place, "p", &["png"], 1);
    says(
        &place.fails(&["train", "p/dark"]),
        &["1 pictures, but no folder for each class"],
    );
}

#[test]
fn one_class_only() {
    let place = Place::new();
    pictures(&place, "p", &["png"], 5);
    std::fs::remove_dir_all(place.path("p/dark")).unwrap();
    says(
        &place.fails(&["train", "p"]),
        &["only one class", "`light`", "at least two"],
    );
    place.write("t.csv", "x,label\n1,a\n2,a\n3,a\n");
    says(
        &place.fails(&["train", "t.csv"]),
        &["only one class", "`a`"],
    );
}

#[test]
fn missing_target_and_empty_columns() {
    let place = Place::new();
    place.write("t.csv", "a,b,empty\n1,x,\n2,y,\n3,x,\n4,y,\n");
    says(
        &place.fails(&["train", "t.csv"]),
        &["which column", "--target", "a, b, empty"],
    );
    says(
        &place.fails(&["train", "t.csv", "--target", "c"]),
        &["no column `c`", "a, b, empty"],
    );
    says(
        &place.fails(&["train", "t.csv", "--target", "b"]),
        &["`empty`", "no value in any row", "--exclude empty"],
    );
    says(
        &place.fails(&["train", "t.csv", "--target", "empty"]),
        &["`empty` has no value"],
    );
}

#[test]
fn a_loss_that_is_no_number_stops_and_keeps_the_checkpoint() {
    let place = Place::new();
    let error = place.fails(&[
        "train",
        "ames",
        "-q",
        "--architecture",
        "linear",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "1000",
        "--checkpoint-seconds",
        "0",
    ]);
    says(
        &error,
        &[
            "the loss became",
            "at step",
            "smaller learning rate",
            "last good checkpoint",
        ],
    );
    let kept = std::fs::read_dir(place.path("runs/ames-linear-1/checkpoints"))
        .unwrap()
        .count();
    assert_eq!(kept, 1);
    assert_eq!(
        place.json(&["runs", "list", "--json"])[0]["status"],
        "failed"
    );
}

#[test]
fn unknown_settings_get_a_suggestion() {
    let place = Place::new();
    says(
        &place.fails(&["train", "digits", "--set", "training.epoch=3"]),
        &["training.epoch", "did you mean `training.epochs`"],
    );
    place.write("r.toml", "[optimizer]\nlearningrate = 0.1\n");
    says(
        &place.fails(&["train", "digits", "--recipe", "r.toml"]),
        &["r.toml", "did you mean `optimizer.learning_rate`"],
    );
    says(
        &place.fails(&["train", "digits", "--momentum", "0.9"]),
        &["unknown field `momentum`", "sgd and rmsprop"],
    );
    says(
        &place.fails(&["train", "digits", "--epochs", "0"]),
        &["training.epochs", "from 1"],
    );
    says(
        &place.fails(&["train", "digits", "--task", "chatting"]),
        &["unknown task", "image-classification"],
    );
    says(
        &place.fails(&["train", "ames", "--architecture", "lenet"]),
        &["lenet", "pictures", "linear, mlp"],
    );
    says(
        &place.fails(&["train", "digits", "--architecture", "resnet18", "--freeze"]),
        &["--weights"],
    );
    says(
        &place.fails(&[
            "train",
            "digits",
            "--architecture",
            "resnet18",
            "--weights",
            "no.pth",
        ]),
        &["no.pth", "no such file"],
    );
}

#[test]
fn bundles_that_are_damaged_or_of_another_task() {
    let place = Place::new();
    place.ok(&["train", "iris", "-q", "--epochs", "2"]);
    pictures(&place, "p", &["png"], 2);
    says(
        &place.fails(&["predict", "iris-mlp-1", "p"]),
        &["pictures", "rows of a table"],
    );
    says(
        &place.fails(&["evaluate", "iris-mlp-1", "digits"]),
        &["pictures", "rows of a table"],
    );
    place.write("t.csv", "sepal_width\n1\n");
    says(
        &place.fails(&["predict", "iris-mlp-1", "t.csv"]),
        &["no column `", "sepal_width"],
    );
    says(
        &place.fails(&["predict", "nothing", "t.csv"]),
        &["no run `nothing`", "iris-mlp-1"],
    );
    says(
        &place.fails(&["predict", "p", "t.csv"]),
        &["config.json is missing"],
    );
    let model = place.path("runs/iris-mlp-1/bundle/model.safetensors");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
    says(
        &place.fails(&["predict", "iris-mlp-1", "t.csv"]),
        &["model.safetensors", "damaged"],
    );
}

#[test]
fn no_network_and_a_wrong_checksum() {
    let place = Place::new();
    let run = |mirror: &str| {
        let mut command = place.command(&["data", "info", "mnist"]);
        command
            .env("MODELWRIGHT_CACHE", place.path("cache"))
            .env("MODELWRIGHT_MIRROR", mirror);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    says(
        &run("http://127.0.0.1:9"),
        &[
            "cannot be fetched",
            "--data-dir FOLDER",
            "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
            "/train-labels-idx1-ubyte.gz",
            "/t10k-images-idx3-ubyte.gz",
            "/t10k-labels-idx1-ubyte.gz",
        ],
    );
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 4096];
        let n = std::io::Read::read(&mut stream, &mut request).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwrong")
            .unwrap();
        String::from_utf8_lossy(&request[..n]).into_owned()
    });
    says(
        &run(&address),
        &[
            "checksum",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ],
    );
    assert!(
        thread
            .join()
            .unwrap()
            .starts_with("GET /mnist/train-images-idx3-ubyte.gz")
    );
    assert_eq!(
        std::fs::read_dir(place.path("cache/data/mnist"))
            .unwrap()
            .count(),
        0,
        "nothing half-written"
    );
}

/// Root may write anywhere, so the folder is made unwritable by putting a file in its place.
#[test]
fn an_unwritable_folder() {
    let place = Place::new();
    place.write("file", "");
    let error = place.fails(&["train", "iris", "-q", "--runs-dir", "file/runs"]);
    says(&error, &["file/runs"]);
    place.ok(&["train", "iris", "-q", "--epochs", "1"]);
    place.write(
        "t.csv",
        "sepal_length,sepal_width,petal_length,petal_width\n5,3,1,0.2\n",
    );
    let error = place.fails(&["predict", "latest", "t.csv", "--output", "file/out.csv"]);
    says(&error, &["cannot write into file"]);
}
