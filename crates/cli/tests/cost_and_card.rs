//! What runs cost, and cards that a person completes.

mod common;
use common::Place;
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Trains a small network on the flowers, in France at 36 an hour.
fn train(place: &Place) {
    place.write(
        "runs/cost.toml",
        "country = \"FR\"\nhourly_price = 36\ncurrency = \"EUR\"\n",
    );
    place.ok(&["train", "iris", "-q", "--epochs", "5"]);
}

fn card(place: &Place) -> String {
    std::fs::read_to_string(place.path("runs/iris-mlp-1/bundle/README.md")).unwrap()
}

#[test]
fn a_run_says_what_it_cost_and_so_does_its_card() {
    let place = Place::new();
    train(&place);
    let run = &place.json(&["cost", "iris-mlp-1", "--json"])[0];
    let cost = &run["cost"];
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(cost["grid"]["code"], "FRA");
    let (energy, carbon) = (number(&cost["energy_kwh"]), number(&cost["emissions_kg"]));
    assert!(
        energy > 0.0 && (carbon / energy - 0.04418).abs() < 1e-9,
        "{cost}"
    );
    assert!((number(&cost["money"]) - number(&cost["seconds"]) / 100.0).abs() < 1e-9);
    // The time of the run is that of its processes.
    assert!(
        (number(&cost["seconds"]) - number(&run["seconds"])).abs() < 0.5,
        "{run}"
    );
    assert_eq!(run["cost_of_1000_predictions"], Value::Null);

    let shown = place.ok(&["runs", "show", "iris-mlp-1"]);
    assert!(
        shown.contains("Wh") && shown.contains("France, Ember 2024"),
        "{shown}"
    );
    let stored = &place.json(&["runs", "show", "iris-mlp-1", "--json"])["run"]["cost"];
    assert_eq!(stored, cost);
    let card = card(&place);
    assert!(
        card.contains("\nco2_eq_emissions:\n  emissions: "),
        "{card}"
    );
    assert!(
        card.contains("Cost of the training:") && card.contains("EUR"),
        "{card}"
    );

    // Counted elsewhere, the record stays.
    let elsewhere = place.json(&["cost", "--country", "pol", "--json"]);
    let share = number(&elsewhere[0]["cost"]["emissions_kg"]) / carbon;
    assert!((share - 614.98 / 44.18).abs() < 1e-6, "{share}");
    assert_eq!(&place.json(&["cost", "--json"])[0]["cost"], cost);
    let error = place.fails(&["cost", "--country", "Atlantis"]);
    assert!(
        error.contains("Atlantis") && error.contains("intensity"),
        "{error}"
    );
    place.write("runs/cost.toml", "pue = 0\n");
    let error = place.fails(&["train", "iris", "-q"]);
    assert!(
        error.contains("cost.toml") && error.contains("effectiveness"),
        "{error}"
    );
    assert_eq!(
        place
            .json(&["runs", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn predictions_are_measured_and_runs_written_as_codecarbon_does() {
    let place = Place::new();
    train(&place);
    assert!(card(&place).contains("was not measured yet"));
    let run = &place.json(&["cost", "latest", "--predictions", "--json"])[0];
    let seconds = run["cost_of_1000_predictions"]["seconds"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 100.0, "{run}");
    assert!(card(&place).contains("Cost of 1,000 predictions:"));
    // The bundle is whole, and the store has it.
    place.write(
        "row.csv",
        "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n5.1,3.5,1.4,0.2\n",
    );
    place.ok(&["predict", "iris-mlp-1", "row.csv"]);
    let table = place.ok(&["cost", "--all", "--csv", "emissions.csv"]);
    assert!(
        table.contains("iris-mlp-1") && !table.contains("what predictions cost"),
        "{table}"
    );

    let csv = std::fs::read_to_string(place.path("emissions.csv")).unwrap();
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    assert_eq!(
        &header[..7],
        [
            "timestamp",
            "project_name",
            "run_id",
            "experiment_id",
            "duration",
            "emissions",
            "emissions_rate"
        ]
    );
    assert_eq!(&header[35..], ["on_cloud", "pue", "wue"]);
    let row = lines.next().unwrap();
    let of = |name: &str| row[header.iter().position(|h| *h == name).unwrap()];
    assert_eq!(
        (of("run_id"), of("country_iso_code")),
        ("iris-mlp-1", "FRA")
    );
    let energies =
        ["cpu_energy", "gpu_energy", "ram_energy"].map(|name| of(name).parse::<f64>().unwrap());
    let consumed: f64 = of("energy_consumed").parse().unwrap();
    assert!((energies.iter().sum::<f64>() - consumed).abs() < 1e-12);
    assert!(lines.next().is_none());
}

#[test]
fn a_killed_run_keeps_what_it_cost_and_adds_to_it() {
    let place = Place::new();
    let args = [
        "train",
        "digits",
        "-q",
        "--epochs",
        "100000",
        "--checkpoint-seconds",
        "0",
    ];
    let mut child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let seconds = || {
        let output = place.run(&["cost", "digits-mlp-1", "--json"]);
        let runs: Value = serde_json::from_slice(&output.stdout).ok()?;
        runs[0]["cost"]["seconds"].as_f64()
    };
    let before = loop {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "nothing was recorded"
        );
        match seconds() {
            Some(seconds) => break seconds,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = seconds().unwrap();
    assert!(killed >= before);
    place.ok(&["resume", "digits-mlp-1", "-q", "--time-limit", "0.01"]);
    let run = &place.json(&["cost", "digits-mlp-1", "--json"])[0];
    assert_eq!(run["status"], "finished");
    assert!(seconds().unwrap() >= killed + 0.5, "{killed} {run}");
}

#[test]
fn a_person_completes_the_card() {
    let place = Place::new();
    train(&place);
    let open = |name: &str| {
        let open = place.json(&["card", "edit", name, "--json"]);
        open.as_array().unwrap().len()
    };
    assert_eq!(open("iris-mlp-1"), 22);
    place.ok(&[
        "card",
        "edit",
        "iris-mlp-1",
        "--set",
        "license=Apache-2.0",
        "--set",
        "data-consent=Flowers cannot be asked.",
    ]);
    assert_eq!(open("iris-mlp-1"), 20);
    let written = card(&place);
    assert!(
        written.starts_with("---\nlicense: apache-2.0\n"),
        "{written}"
    );

    // Asked one by one: an answer, one for later, and then the end.
    let mut child = place
        .command(&["card", "edit", "iris-mlp-1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all("花 and flowers team\n\nfor botanists".as_bytes())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let (said, asked) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success() && said.contains("2 answered, 18 open"),
        "{said}{asked}"
    );
    assert!(asked.contains("1/20  Who developed the model"), "{asked}");
    let written = card(&place);
    assert!(written.contains("\n花 and flowers team\n") && written.contains("\nfor botanists\n"));
    // The rest is as it was, and the bundle whole.
    assert!(written.contains("[training]") && written.contains("| accuracy |"));
    assert!(
        place
            .ok(&["card", "show", "iris-mlp-1", "--data"])
            .contains("Flowers cannot be asked.")
    );
    assert_eq!(place.ok(&["card", "show", "iris-mlp-1"]), written);
    place.ok(&["evaluate", "iris-mlp-1", "iris"]);

    // A next model of the same kind has the same answers.
    place.ok(&["train", "iris", "-q", "--epochs", "2"]);
    let said = place.ok(&["card", "edit", "iris-mlp-2", "--like", "iris-mlp-1"]);
    assert!(said.contains("4 answered, 18 open"), "{said}");

    let before = card(&place);
    for (wrong, word) in [
        ("licence=mit", "license"),
        ("license=", "empty"),
        ("license", "`=`"),
    ] {
        let error = place.fails(&[
            "card",
            "edit",
            "iris-mlp-1",
            "--set",
            "ethics=none",
            "--set",
            wrong,
        ]);
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(card(&place), before);
}
