//! Many requests at once: batches, a full queue, replaced bundles, canaries, a stop.

mod listening;
mod trained;

use modelwright_data::Content;
use modelwright_serve::{Input, Limits, Models};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use trained::{
    agent, assert_same, content, digits, get, iris, post_json, post_with, predictor, quick,
    replace, row, serve, train,
};

/// Rows of the table and what the library says about each, computed alone.
fn rows() -> Vec<Value> {
    let Content::Table(table) = content("iris") else {
        panic!()
    };
    (0..table.rows()).map(|i| row(&table, i)).collect()
}

#[test]
fn merged_requests_get_the_answers_they_would_get_alone() {
    let limits = Limits {
        batch_delay: Duration::from_millis(20),
        ..quick()
    };
    let (server, _) = serve(limits, &[("iris", iris())]);
    let (rows, predictor, content) = (rows(), predictor(iris()), content("iris"));
    // Before anybody asks: the clients would be busy with it, and requests would seldom meet.
    let alone = (0..rows.len()).map(|i| predictor.predict("alone", &content, i..i + 1).unwrap());
    let alone: Vec<_> = alone.collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let agent = agent();
                for _ in 0..10 {
                    let i = next.fetch_add(1, Ordering::Relaxed) % rows.len();
                    let body = rows[i].to_string();
                    let path = "/v1/models/iris/predict";
                    let json = "application/json";
                    let (status, answer) = post_with(&agent, &server, path, json, body.as_bytes());
                    assert_eq!(status, 200, "{answer}");
                    assert_same(&answer["predictions"][0], &alone[i][0], predictor.labels());
                }
            });
        }
    });
    let (_, stats) = get(&server, "/v2/models/iris/stats");
    let stats = &stats["model_stats"][0];
    let (examples, passes) = (&stats["inference_count"], &stats["execution_count"]);
    assert_eq!(examples, 640);
    assert!(passes.as_u64().unwrap() < 640, "nothing was merged");
}

/// A request that is at fault does not touch those that it was merged with.
#[test]
fn a_bad_request_fails_alone() {
    let (server, _) = serve(quick(), &[("iris", iris())]);
    let rows = rows();
    let mut bad = rows[0].clone();
    let column = bad.as_object().unwrap().keys().next().unwrap().clone();
    bad[&column] = json!("long");
    std::thread::scope(|scope| {
        for n in 0..16 {
            let (server, rows, bad, column) = (&server, &rows, &bad, &column);
            scope.spawn(move || {
                for row in rows.iter().take(20) {
                    let body = if n == 0 { bad } else { row };
                    let (status, answer) = post_json(server, "/v1/models/iris/predict", body);
                    assert_eq!(status, if n == 0 { 400 } else { 200 }, "{answer}");
                    if n == 0 {
                        let error = answer["error"].as_str().unwrap();
                        assert!(error.contains(column) && error.contains("long"), "{error}");
                    }
                }
            });
        }
    });
}

/// Pixels are read much faster than they are computed with.
#[test]
fn a_full_queue_sends_away() {
    const COUNT: usize = 10_000;
    let limits = Limits {
        queue: 1,
        ..quick()
    };
    let (server, _) = serve(limits, &[("digits", digits())]);
    let head = json!({ "inputs": [{ "name": "image", "shape": [COUNT, 8, 8, 1], "datatype": "UINT8",
        "parameters": { "binary_data_size": COUNT * 64 } }] });
    let head = head.to_string();
    let body = [head.as_bytes(), &vec![9; COUNT * 64]].concat();
    let ask = || {
        let url = format!("http://{}/v2/models/digits/infer", server.address);
        let length = head.len().to_string();
        let request = agent()
            .post(url)
            .header("inference-header-content-length", length);
        request.send(&body[..]).unwrap()
    };
    let (ok, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let answer = ask();
                match answer.status().as_u16() {
                    200 => ok.fetch_add(1, Ordering::Relaxed),
                    429 => {
                        assert_eq!(answer.headers()["retry-after"], "1");
                        busy.fetch_add(1, Ordering::Relaxed)
                    }
                    other => panic!("{other}"),
                };
            });
        }
    });
    let (ok, busy) = (ok.into_inner(), busy.into_inner());
    assert!(ok > 0 && busy > 0, "{ok} answered, {busy} sent away");
    assert_eq!(ask().status(), 200, "the places are free again");
}

#[test]
fn a_bundle_is_replaced_under_load_without_a_failed_request() {
    let (_other_folder, other) = train("iris", 2);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("model");
    replace(iris(), &place);
    let (server, models) = serve(quick(), &[("iris", &place)]);
    let (rows, running) = (rows(), AtomicBool::new(true));
    let versions = Mutex::new(BTreeMap::<String, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let agent = agent();
                let mut i = 0;
                while running.load(Ordering::Relaxed) {
                    let body = rows[i % rows.len()].to_string();
                    let path = "/v1/models/iris/predict";
                    let json = "application/json";
                    let (status, answer) = post_with(&agent, &server, path, json, body.as_bytes());
                    assert_eq!(status, 200, "{answer}");
                    let version = answer["version"].as_str().unwrap().to_string();
                    *versions.lock().unwrap().entry(version).or_default() += 1;
                    i += 1;
                }
            });
        }
        for round in 0..4 {
            let bundle = if round % 2 == 0 { &other } else { iris() };
            replace(bundle, &place);
            wait_for(&models, &(round + 2).to_string());
        }
        running.store(false, Ordering::Relaxed);
    });
    let versions = versions.into_inner().unwrap();
    assert_eq!(versions.len(), 5, "{versions:?}");
    // As many versions stay as the limits say, and can be asked for.
    let loaded: Vec<_> = models.list()[0]
        .versions
        .iter()
        .map(|v| v.version.clone())
        .collect();
    assert_eq!(loaded, ["4", "5"]);
    let path = |version| format!("/v1/models/iris/versions/{version}/predict");
    let (status, answer) = post_json(&server, &path("4"), &rows[0]);
    assert_eq!((status, &answer["version"]), (200, &json!("4")));
    assert_eq!(post_json(&server, &path("1"), &rows[0]).0, 404);
    let digest = models.list()[0].versions[0].digest.clone();
    assert_eq!(
        post_json(&server, &path(&digest), &rows[0]).1["version"],
        "4"
    );
}

#[test]
fn a_broken_bundle_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("model");
    replace(iris(), &place);
    let (server, models) = serve(quick(), &[("iris", &place)]);
    let weights = std::fs::read(place.join("model.safetensors")).unwrap();
    std::fs::write(place.join("model.safetensors"), &weights[..100]).unwrap();
    // The description is touched, as when a copy is under way.
    let config = std::fs::read(place.join("config.json")).unwrap();
    std::fs::write(
        place.join("config.json"),
        [config.as_slice(), b"\n"].concat(),
    )
    .unwrap();
    let failures = || {
        server
            .get("/metrics", "")
            .contains("reload_failures_total{model=\"iris\"}")
    };
    let end = Instant::now() + Duration::from_secs(10);
    while !failures() {
        assert!(Instant::now() < end, "the failure is not counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    let row = &rows()[0];
    let (status, answer) = post_json(&server, "/v1/models/iris/predict", row);
    assert_eq!((status, &answer["version"]), (200, &json!("1")));
    // Complete at last.
    std::fs::write(place.join("model.safetensors"), &weights).unwrap();
    wait_for(&models, "2");
    assert_eq!(
        post_json(&server, "/v1/models/iris/predict", row).1["version"],
        "2"
    );
}

#[test]
fn a_canary_gets_its_share() {
    let (_folder, other) = train("iris", 3);
    let (server, models) = serve(quick(), &[("iris", iris())]);
    models.add_canary("iris", &other, 10).unwrap();
    let row = &rows()[0];
    let agent = agent();
    let count = || {
        let mut counts = BTreeMap::<String, usize>::new();
        for _ in 0..200 {
            let body = row.to_string();
            let path = "/v1/models/iris/predict";
            let json = "application/json";
            let (_, answer) = post_with(&agent, &server, path, json, body.as_bytes());
            let version = answer["version"].as_str().unwrap().to_string();
            *counts.entry(version).or_default() += 1;
        }
        counts
    };
    assert_eq!(
        count(),
        BTreeMap::from([("1".into(), 180), ("2".into(), 20)])
    );
    // The version in the address wins.
    let path = "/v1/models/iris/versions/2/predict";
    assert_eq!(post_json(&server, path, row).1["version"], "2");
    assert_eq!(models.list()[0].versions[1].share, 10);
    models.set_canary("iris", "2", 50).unwrap();
    assert_eq!(count()["2"], 100);
    models.set_canary("iris", "2", 0).unwrap();
    assert_eq!(count().get("2"), None);
    assert!(models.set_canary("iris", "2", 101).is_err());
    assert!(models.set_canary("iris", "9", 10).is_err());
}

#[test]
fn models_come_and_go_and_what_was_accepted_is_answered() {
    let models = Models::new(quick());
    for name in [
        "",
        "..",
        "../x",
        "a/b",
        ".hidden",
        "a b",
        "ä",
        &"x".repeat(101),
    ] {
        assert!(models.add(name, iris()).is_err(), "{name}");
    }
    assert!(models.add("iris", std::path::Path::new("nowhere")).is_err());
    assert!(models.list().is_empty(), "a failed load leaves nothing");
    models.add("iris", iris()).unwrap();
    let Content::Table(table) = content("iris") else {
        panic!()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ask = || models.predict("iris", None, Input::Table(table.clone()));
        let answers = futures_util::future::join_all((0..20).map(|_| ask()));
        let (answers, ()) = tokio::join!(answers, async {
            tokio::task::yield_now().await;
            models.drain().await;
        });
        let answered = answers.iter().filter(|a| a.is_ok()).count();
        assert!(answered > 0);
        for answer in answers.into_iter().flatten() {
            assert_eq!(answer.predictions.len(), table.rows());
        }
        assert_eq!(ask().await.unwrap_err().status(), 503);
    });
    assert!(models.remove("iris") && !models.remove("iris"));
}

fn wait_for(models: &Models, version: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while models.list()[0].version != version {
        assert!(Instant::now() < end, "version {version} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}
