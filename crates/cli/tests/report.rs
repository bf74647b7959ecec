//! `evaluate --report` and `--calibrate` with the real program.

mod common;
use common::Place;
use serde_json::Value;

const CREDIT: &str = "german-credit";

fn credit(place: &Place) {
    place.ok(&["train", CREDIT, "-q", "--epochs", "30"]);
}

fn read(place: &Place, path: &str) -> String {
    std::fs::read_to_string(place.path(path)).unwrap()
}

#[test]
fn credit_is_reported_with_groups_costs_and_a_second_model() {
    let place = Place::new();
    credit(&place);
    place.ok(&[
        "train",
        CREDIT,
        "-q",
        "--architecture",
        "linear",
        "--epochs",
        "30",
    ]);
    let columns = [
        "--sensitive",
        "age_in_years",
        "--sensitive",
        "personal_status_and_sex",
    ];
    let args = [
        &[
            "evaluate",
            "german-credit-mlp-1",
            CREDIT,
            "--report",
            "out",
            "--positive",
            "good",
        ][..],
        &[
            "--cost-alarm",
            "5",
            "--cost-miss",
            "1",
            "--against",
            "german-credit-linear-1",
        ],
        &columns,
    ]
    .concat();
    place.ok(&args);
    let report: Value = serde_json::from_str(&read(&place, "out/report.json")).unwrap();
    assert_eq!(report["positive"], "good");
    assert_eq!(report["against"]["other"], "german-credit-linear-1");
    assert!(report["linear"]["differences"].as_array().unwrap().len() > 3);
    // Two columns and their intersection.
    assert_eq!(report["fairness"].as_array().unwrap().len(), 3);
    let threshold = report["decision"]["best"]["threshold"].as_f64().unwrap();
    assert!(
        threshold > 0.5,
        "a false alarm costs five times as much: {threshold}"
    );
    for metric in ["accuracy", "auroc", "log_loss"] {
        assert!(report["intervals"][metric]["low"].is_number(), "{metric}");
    }
    assert!(
        report["cost"]["predictions"]["energy_kwh"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    assert!(report["cost"]["training"]["energy_kwh"].as_f64().unwrap() > 0.0);
    let html = read(&place, "out/report.html");
    for part in [
        "Does it treat people alike?",
        "Beside german-credit-linear-1",
        "<svg",
        "< 25",
    ] {
        assert!(
            html.contains(part) || html.contains(&part.replace('<', "&lt;")),
            "{part}"
        );
    }
    assert!(html.contains("modelwright evaluate german-credit-mlp-1"));
    let card = place.ok(&["card", "show", "german-credit-mlp-1"]);
    for part in [
        "## Calibration",
        "## Fairness",
        "The decision is for \"good\"",
        "a case would cost",
        "examples of german-credit (its test part)",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    // The same command gives the same figures, but for those of the clock.
    let chinese = [&args[..], &["--lang", "zh"]].concat();
    place.ok(&chinese);
    let again: Value = serde_json::from_str(&read(&place, "out/report.json")).unwrap();
    for key in ["intervals", "decision", "fairness", "slices", "against"] {
        assert_eq!(report[key], again[key], "{key}");
    }
    assert!(read(&place, "out/report.html").contains("它对人一视同仁吗"));
}

#[test]
fn a_temperature_is_stored_and_changes_no_answer() {
    let place = Place::new();
    credit(&place);
    let evaluate = |more: &[&str]| {
        place.json(&[&["evaluate", "german-credit-mlp-1", CREDIT, "--json"], more].concat())
    };
    let before = evaluate(&[]);
    evaluate(&["--calibrate"]);
    let after = evaluate(&[]);
    assert_eq!(before["accuracy"], after["accuracy"]);
    assert_eq!(before["confusion"], after["confusion"]);
    assert_ne!(before["log_loss"], after["log_loss"]);
    let stored: Value = serde_json::from_str(&read(
        &place,
        "runs/german-credit-mlp-1/bundle/calibration.json",
    ))
    .unwrap();
    let temperature = stored["temperature"].as_f64().unwrap();
    assert!(temperature > 0.0 && temperature != 1.0);
    let card = place.ok(&["card", "show", "german-credit-mlp-1"]);
    assert!(
        card.contains("(its validation part). No answer changes by it."),
        "{card}"
    );
    assert!(
        card.contains("The probabilities are the corrected ones."),
        "{card}"
    );
    // What is calibrated already stays as it is.
    evaluate(&["--calibrate"]);
    let again: Value = serde_json::from_str(&read(
        &place,
        "runs/german-credit-mlp-1/bundle/calibration.json",
    ))
    .unwrap();
    assert!((again["temperature"].as_f64().unwrap() - temperature).abs() < 1e-3 * temperature);
    // A damaged one is refused, not ignored.
    let path = place.path("runs/german-credit-mlp-1/bundle/calibration.json");
    std::fs::write(path, r#"{"temperature": 0}"#).unwrap();
    let error = place.fails(&["evaluate", "german-credit-mlp-1", CREDIT]);
    assert!(error.contains("calibration.json"), "{error}");
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::new();
    place.ok(&["train", "iris", "-q", "--epochs", "5"]);
    let report = ["evaluate", "iris-mlp-1", "iris", "--report", "out"];
    let fails = |more: &[&str]| place.fails(&[&report[..], more].concat());
    let error = fails(&["--positive", "rose"]);
    assert!(
        error.contains("no class `rose`") && error.contains("setosa"),
        "{error}"
    );
    let error = fails(&["--positive", "setosa", "--sensitive", "colour"]);
    assert!(error.contains("colour"), "{error}");
    let error = fails(&["--sensitive", "sepal_length"]);
    assert!(error.contains("--positive"), "{error}");
    let error = fails(&["--against", "nobody"]);
    assert!(error.contains("nobody"), "{error}");
    let refused = place.run(&["evaluate", "iris-mlp-1", "iris", "--cost-miss", "5"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!place.path("out/report.html").exists());
}

#[test]
fn a_learning_curve_is_measured() {
    let place = Place::new();
    place.ok(&[
        "train",
        "digits",
        "-q",
        "--epochs",
        "4",
        "--architecture",
        "mlp",
    ]);
    place.ok(&[
        "evaluate",
        "digits-mlp-1",
        "digits",
        "--report",
        "out",
        "--learning-curve",
    ]);
    let report: Value = serde_json::from_str(&read(&place, "out/report.json")).unwrap();
    let points = report["learning"]["points"].as_array().unwrap();
    assert_eq!(points.len(), 5);
    let error = |i: usize| points[i]["error"].as_f64().unwrap();
    assert!(error(0) > error(4), "{points:?}");
    assert!(read(&place, "out/report.html").contains("Would more data help?"));
    // The trainings of the curve leave no runs.
    assert_eq!(
        place
            .json(&["runs", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
