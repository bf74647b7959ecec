//! Training from the studio: the form of all settings, jobs in line, time limits, stop and resume.

mod common;

use common::Bench;
use modelwright_runs::{Run, Status};
use modelwright_studio::RunNews;
use modelwright_train::Event;
use std::time::Duration;

/// Waits until a run has ended in this process.
async fn ended(bench: &Bench, id: &str) -> Run {
    for _ in 0..1200 {
        if !bench.studio.jobs().is_running(id) {
            return bench.studio.store().unwrap().get(id).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{id} does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_goes_from_the_form_to_a_finished_run() {
    let bench = Bench::new();
    let page = bench.data("/train?data=iris").await;
    page.says("A network with 2 inner layers")
        .says("learns from 70 % of the examples")
        .says("stops early once 20 passes")
        .says("optimizer.learning_rate");
    assert!(
        !page.text.contains("augment.flip"),
        "a table has no pictures"
    );
    let started = bench
        .post("/train", "data=iris&training.epochs=2&model.hidden=8")
        .await;
    assert_eq!(started.place(), "/runs/iris-mlp-1");
    let run = ended(&bench, "iris-mlp-1").await;
    assert_eq!(run.status, Status::Finished);
    assert!(run.recipe.contains("epochs = 2") && run.recipe.contains("hidden = [8]"));
    bench.get("/").await.says("iris-mlp-1");
    assert_eq!(bench.get("/runs/iris-mlp-1").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_said_beside_its_field() {
    let bench = Bench::new();
    bench.data("/train?data=iris").await;
    for (form, key, message) in [
        ("training.epochs=many", "training.epochs", "is no value"),
        ("training.epochs=0", "training.epochs", "must be from 1"),
        ("training.epochs=", "training.epochs", "cannot be empty"),
        ("data.test=0.95", "data.test", "share from 0 to 0.9"),
        ("minutes=soon", "minutes", "number of minutes"),
        (
            "optimizer.momentum=0.5",
            "optimizer.momentum",
            "sgd and rmsprop",
        ),
    ] {
        let answer = bench.post("/train", &format!("data=iris&{form}")).await;
        assert_eq!(answer.status, 422, "{form}");
        answer
            .says(message)
            .says(&format!("href=\"#{key}\""))
            .says("class=\"fault\"");
    }
    let store = bench.studio.store().unwrap();
    assert!(
        store.list().unwrap().is_empty(),
        "a mistake in the form leaves no run"
    );
    // Another optimizer brings its own defaults, though the form has the recommended one's.
    let form = "data=iris&training.epochs=1&optimizer.name=sgd&optimizer.learning_rate=&optimizer.momentum=0.5";
    let started = bench.post("/train", form).await;
    let id = started.place().rsplit('/').next().unwrap().to_string();
    let run = ended(&bench, &id).await;
    assert!(run.recipe.contains("momentum = 0.5") && run.recipe.contains("learning_rate = 0.01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_ends_a_training_with_a_model() {
    let bench = Bench::new();
    bench.data("/train?data=iris").await;
    let form = "data=iris&minutes=0.005&training.epochs=1000000&training.early_stopping=1000000";
    bench.post("/train", form).await;
    let run = ended(&bench, "iris-mlp-1").await;
    assert_eq!(run.status, Status::Finished);
    let page = bench.get("/runs/iris-mlp-1/result").await;
    assert_eq!(page.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn trainings_stand_in_line_and_a_stopped_one_goes_on_later() {
    let bench = Bench::new();
    bench.data("/train?data=iris").await;
    let form = "data=iris&training.epochs=1000000&training.early_stopping=1000000";
    let started = bench.post("/train", form).await;
    assert_eq!(started.place(), "/runs/iris-mlp-1");
    assert!(bench.studio.jobs().stop("iris-mlp-1"));
    let run = ended(&bench, "iris-mlp-1").await;
    assert_eq!(run.status, Status::Interrupted);

    let jobs = bench.studio.jobs();
    jobs.resume("iris-mlp-1", None).await.unwrap();
    let mut subscription = jobs.subscribe("iris-mlp-1").unwrap();
    // A second training waits for the first.
    let form = "data=iris&training.epochs=1";
    assert_eq!(bench.post("/train", form).await.place(), "/runs/iris-mlp-2");
    let waits = || {
        let past = jobs.subscribe("iris-mlp-2").unwrap().past;
        past.iter()
            .any(|n| matches!(n, RunNews::Waiting { ahead: 1 }))
    };
    // The name of a run is known a moment before its place in line.
    while !waits() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(jobs.stop("iris-mlp-1"));
    let mut stopped = false;
    while let Ok(news) = subscription.news.recv().await {
        if let RunNews::Training(Event::Interrupted { .. }) = news {
            stopped = true;
        }
        if let RunNews::Ended { status, .. } = news {
            assert_eq!(status, Status::Interrupted);
            break;
        }
    }
    assert!(stopped);
    assert_eq!(ended(&bench, "iris-mlp-2").await.status, Status::Finished);
    assert!(!jobs.stop("iris-mlp-2"), "what has ended cannot be stopped");
}
