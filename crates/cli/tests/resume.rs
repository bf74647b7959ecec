//! Exact resume: the real process is killed, and the weights are those of an undisturbed run.

mod common;
use common::Place;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Noise (dropout), batch norm, augmentation, momentum, schedule and accumulation all in play.
const RECIPE: &[&str] = &[
    "train",
    "digits",
    "-q",
    "--architecture",
    "mlp",
    "--hidden",
    "64,32",
    "--batch-norm",
    "--dropout",
    "0.2",
    "--optimizer",
    "sgd",
    "--learning-rate",
    "0.05",
    "--schedule",
    "one-cycle",
    "--rotate",
    "10",
    "--crop-padding",
    "1",
    "--mixup",
    "0.2",
    "--epochs",
    "6",
    "--accumulate",
    "2",
    "--checkpoint-seconds",
    "0",
];

/// Waits until something has happened; slow machines take long, and nothing is said about speed.
#[track_caller]
fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the run has a complete checkpoint.
fn has_checkpoint(place: &Place, run: &str) -> bool {
    std::fs::read_dir(place.path(&format!("runs/{run}/checkpoints"))).is_ok_and(|mut all| {
        all.any(|e| e.is_ok_and(|e| e.file_name().to_string_lossy().starts_with("step-")))
    })
}

#[test]
fn killed_at_random_moments_and_resumed_gives_the_same_weights() {
    let place = Place::new();
    let started = Instant::now();
    place.ok(RECIPE);
    let whole = started.elapsed();
    let expected = place.model_bytes("digits-mlp-1");

    let mut kills = 0;
    for (attempt, share) in [0.15, 0.35, 0.55, 0.75].into_iter().enumerate() {
        let id = format!("digits-mlp-{}", attempt + 2);
        let mut child = place.command(RECIPE).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(share));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        // Killed again while it goes on.
        if place.path(&format!("runs/{id}/bundle")).exists()
            || !place.path(&format!("runs/{id}")).exists()
        {
            continue; // it was faster or slower than thought; other moments are tried
        }
        kills += 1;
        let mut child = place
            .command(&["resume", &id, "-q"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole.mul_f64(0.2));
        let _ = child.kill();
        child.wait().unwrap();
        if !place.path(&format!("runs/{id}/bundle")).exists() {
            place.ok(&["resume", &id, "-q"]);
        }
        assert!(
            place.model_bytes(&id) == expected,
            "killed at {share}: other weights"
        );
        let epochs = |run: &str| place.json(&["runs", "show", run, "--json"])["epochs"].clone();
        assert_eq!(
            epochs(&id),
            epochs("digits-mlp-1"),
            "killed at {share}: other curves"
        );
    }
    assert!(kills >= 2, "only {kills} kills hit a running process");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let place = Place::new();
    let args = [
        "train",
        "digits",
        "-q",
        "--epochs",
        "2000",
        "--set",
        "training.checkpoint_seconds=1000",
    ];
    let child = place.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("no first checkpoint", || {
        has_checkpoint(&place, "digits-mlp-1")
    });
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("modelwright resume digits-mlp-1"), "{error}");
    let run = &place.json(&["runs", "list", "--json"])[0];
    assert_eq!(run["status"], "interrupted");
}

#[test]
fn a_time_limit_ends_the_training_with_a_model() {
    let place = Place::new();
    let long = [
        "train",
        "digits",
        "-q",
        "--epochs",
        "100000",
        "--early-stopping",
        "100000",
    ];
    let limited = |minutes| [&long[..], &["--time-limit", minutes]].concat();
    place.ok(&limited("0.02"));
    let run = &place.json(&["runs", "list", "--json"])[0];
    assert_eq!(run["status"], "finished");
    assert!(place.path("runs/digits-mlp-1/bundle/config.json").exists());
    // Even the shortest time is enough for one step, in an epoch that is cut short.
    place.ok(&limited("0.00001"));
    let shown = place.ok(&["runs", "list"]);
    assert!(shown.contains("digits-mlp-2"), "{shown}");
    let refused = place.run(&limited("soon"));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert!(error.contains("a number of minutes above 0"), "{error}");
}

#[test]
fn a_run_in_progress_is_locked() {
    let place = Place::new();
    let args = ["train", "digits", "-q", "--epochs", "5000"];
    let mut child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
    wait_until("no first checkpoint", || {
        has_checkpoint(&place, "digits-mlp-1")
    });
    // Looking at the run does not disturb it, nor the lock.
    let listed = place.json(&["runs", "list", "--json"]);
    assert_eq!(listed[0]["status"], "running");
    let resumed = place.fails(&["resume", "digits-mlp-1"]);
    let removed = place.fails(&["runs", "rm", "digits-mlp-1"]);
    child.kill().unwrap();
    child.wait().unwrap();
    // The time of the killed process counts up to its last checkpoint.
    let run = &place.json(&["runs", "list", "--json"])[0];
    assert_eq!(run["status"], "interrupted");
    assert!(run["seconds"].as_f64().unwrap() > 0.0, "{run}");
    assert!(
        resumed.contains("in progress in another process"),
        "{resumed}"
    );
    assert!(
        removed.contains("in progress in another process"),
        "{removed}"
    );
}
