//! A full disk, in the two ways that an ordinary user can make one: a limit on the size of files,
//! beyond which writing fails as it does on a full disk, and `/dev/full`.

use super::says;
use crate::common::Place;
use std::process::Command;

/// Standard error of a call that may write no file of more than `blocks` times 512 bytes, and so must
/// fail with an error.
///
/// A process that writes beyond the limit is killed by the signal XFSZ unless it ignores it. The shell
/// does, and the program inherits that, so it sees a failed write instead.
#[track_caller]
fn fails_within(place: &Place, blocks: u32, args: &[&str]) -> String {
    let script = format!("trap '' XFSZ && ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let inner = place.command(args);
    let mut command = Command::new("sh");
    command.args(["-c", script.as_str()]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.current_dir(place.path(""));
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}:\n{error}");
    assert!(!error.contains("panicked"), "{args:?}:\n{error}");
    error
}

/// A table of irises without their species.
fn irises(rows: usize) -> String {
    let header = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n";
    header.to_string() + &"5.1,3.5,1.4,0.2\n".repeat(rows)
}

#[test]
fn a_checkpoint_that_does_not_fit() {
    let place = Place::new();
    // 1 MiB: the run store fits, the 1.2 MB of weights do not.
    let error = fails_within(
        &place,
        2048,
        &[
            "train",
            "digits",
            "-q",
            "--hidden",
            "512,512",
            "--checkpoint-seconds",
            "0",
        ],
    );
    says(&error, &["runs/", "checkpoints", "File too large"]);
    let listed = place.json(&["runs", "list", "--json"]);
    assert_eq!(listed[0]["status"], "failed", "the store is still readable");
    let id = listed[0]["id"].as_str().unwrap();
    let left =
        std::fs::read_dir(place.path(&format!("runs/{id}/checkpoints"))).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing half-written");
}

#[test]
fn a_run_store_that_does_not_fit() {
    let error = fails_within(&Place::new(), 8, &["train", "iris", "-q"]);
    says(&error, &["modelwright.db"]);
}

#[test]
fn predictions_that_do_not_fit() {
    let place = Place::new();
    place.ok(&["train", "iris", "-q", "--epochs", "1"]);
    place.write("t.csv", irises(200));
    std::fs::create_dir(place.path("out")).unwrap();
    for name in ["out/p.csv", "out/p.jsonl"] {
        // By its path, because the bundle of a run is found through the store, which needs room too.
        let bundle = "runs/iris-mlp-1/bundle";
        let error = fails_within(&place, 1, &["predict", bundle, "t.csv", "--output", name]);
        says(&error, &[name, "File too large"]);
        let left = std::fs::read_dir(place.path("out")).unwrap().count();
        assert_eq!(left, 0, "nothing half-written");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn predictions_to_a_full_device() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full here");
        return;
    };
    let place = Place::new();
    place.ok(&["train", "iris", "-q", "--epochs", "1"]);
    place.write("t.csv", irises(200));
    let output = place
        .command(&["predict", "iris-mlp-1", "t.csv"])
        .stdout(full)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    says(&error, &["No space left"]);
}
