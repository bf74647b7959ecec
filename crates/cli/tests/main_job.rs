//! The newcomer's way: train, look, evaluate, predict, compare, remove.

mod common;
use common::{Place, pictures, shared};

#[test]
fn train_digits_then_use_the_model() {
    let place = Place::new();
    let trained = place.json(&["train", "digits", "--json", "--tensorboard"]);
    assert!(
        trained["evaluation"]["accuracy"].as_f64().unwrap() >= 0.97,
        "{trained}"
    );
    let run = place.path("runs/digits-mlp-1");
    for file in [
        "recipe.toml",
        "evaluation.json",
        "events.jsonl",
        "curve-loss.svg",
        "curve-accuracy.png",
        "confusion.svg",
        "confusion.png",
        "bundle/config.json",
        "bundle/model.safetensors",
        "bundle/labels.json",
        "bundle/preprocessor_config.json",
        "bundle/README.md",
    ] {
        assert!(run.join(file).exists(), "{file} is missing");
    }
    assert_eq!(
        std::fs::read_dir(run.join("tensorboard")).unwrap().count(),
        1
    );
    let card = std::fs::read_to_string(run.join("bundle/README.md")).unwrap();
    assert!(
        card.starts_with("---\n") && card.contains("| accuracy |") && card.contains("[training]")
    );
    let config = std::fs::read(run.join("bundle/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["architectures"][0], "MlpForImageClassification");
    assert_eq!(config["num_labels"], 10);
    assert_eq!(config["label2id"]["3"], 3);

    // The same test part is found again, and the same score.
    let again = place.json(&[
        "evaluate", "latest", "digits", "--json", "--output", "report",
    ]);
    assert_eq!(again, trained["evaluation"]);
    assert!(place.path("report/confusion.png").exists());
    // Training again from the recorded recipe gives the same weights.
    place.ok(&["train", "--recipe", "runs/digits-mlp-1/recipe.toml", "-q"]);
    assert_eq!(
        place.model_bytes("digits-mlp-1"),
        place.model_bytes("digits-mlp-2")
    );

    let shown = place.ok(&["runs", "show", "digits-mlp-1"]);
    assert!(
        shown.contains("validation accuracy")
            && shown.contains("[optimizer]")
            && shown.contains("test "),
        "{shown}"
    );
    assert_eq!(
        place.json(&["runs", "list", "--json"])[0]["scored_on"],
        "test"
    );
    assert!(
        place
            .ok(&["runs", "compare", "digits-mlp-1", "digits-mlp-2"])
            .contains("accuracy")
    );
    place.ok(&["runs", "rm", "digits-mlp-1"]);
    assert!(!run.exists());
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
fn pictures_of_every_format_train_and_predict() {
    let place = Place::new();
    pictures(&place, "photos", &["png", "jpg", "bmp", "webp", "gif"], 20);
    place.ok(&[
        "train",
        "photos",
        "--architecture",
        "lenet",
        "--epochs",
        "8",
        "-q",
    ]);
    let csv = place.ok(&["predict", "latest", "photos/dark", "photos/light/3.webp"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 22);
    assert!(lines[0].starts_with("file,prediction,probability,p(dark)"));
    assert!(
        lines[1].contains(",dark,") && lines[21].contains("3.webp,light,"),
        "{csv}"
    );

    place.write("photos/dark/broken.png", b"\x89PNG\r\n\x1a\nnot really");
    let error = place.fails(&["train", "photos"]);
    assert!(
        error.contains("broken.png") && error.contains("--skip-bad"),
        "{error}"
    );
    let skipped = place.json(&[
        "train",
        "photos",
        "--skip-bad",
        "--architecture",
        "mlp",
        "--epochs",
        "1",
        "--json",
    ]);
    assert!(
        skipped["notes"][0]
            .as_str()
            .unwrap()
            .contains("1 unreadable"),
        "{skipped}"
    );
    let profile = place.ok(&["data", "profile", "photos", "--html", "profile.html"]);
    assert!(
        profile.contains("broken.png") && profile.contains("cannot be read"),
        "{profile}"
    );
    let page = std::fs::read_to_string(place.path("profile.html")).unwrap();
    assert!(page.matches("<img").count() == 16, "eight samples a class");
}

#[test]
fn a_parquet_table_trains_and_predicts_to_a_file() {
    let place = Place::new();
    let table = shared("tests/golden/table.parquet").display().to_string();
    let info = place.json(&["data", "info", &table, "--json"]);
    let kinds: Vec<_> = info["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "integer", "number", "category", "boolean", "number", "category"
        ]
    );
    assert_eq!(
        (
            info["columns"][0]["missing"].as_u64(),
            info["columns"][2]["missing"].as_u64()
        ),
        (Some(5), Some(20))
    );
    place.ok(&["train", &table, "-q"]);
    place.ok(&["predict", "latest", &table, "--output", "out.jsonl"]);
    let out = std::fs::read_to_string(place.path("out.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(out.lines().count(), 60);
    assert!(
        first["probabilities"]["small"].as_f64().unwrap() > 0.5,
        "{first}"
    );
}

#[test]
fn regression_guesses_its_task_and_reads_standard_input() {
    let place = Place::new();
    let trained = place.json(&["train", "ames", "--json"]);
    assert!(
        trained["evaluation"]["r2"].as_f64().unwrap() > 0.8,
        "{trained}"
    );
    let rows: String = (0..200).map(|i| format!("{},{}\n", i, 3 * i + 7)).collect();
    place.write("line.csv", format!("x,y\n{rows}"));
    let trained = place.json(&[
        "train",
        "line.csv",
        "--architecture",
        "linear",
        "--learning-rate",
        "0.05",
        "--json",
    ]);
    assert!(
        trained["evaluation"]["r2"].as_f64().unwrap() > 0.999,
        "{trained}"
    );
    let mut child = place.command(&["predict", "line-linear-1", "-"]);
    let mut child = child
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"x\n100\n").unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let value: f64 = out
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!((value - 307.0).abs() < 5.0, "{out}");
}

#[test]
fn training_data_is_known_under_any_name_and_a_part_needs_its_recipe() {
    let place = Place::new();
    pictures(&place, "my photos", &["png"], 20);
    let trained = place.run(&[
        "train",
        "my photos",
        "--architecture",
        "mlp",
        "--epochs",
        "1",
        "--runs-dir",
        "other runs",
        "-q",
    ]);
    let next = String::from_utf8(trained.stdout).unwrap();
    let error = String::from_utf8_lossy(&trained.stderr);
    assert!(trained.status.success(), "{error}");
    assert!(
        next.contains("modelwright evaluate my-photos-mlp-1 'my photos' --runs-dir 'other runs'"),
        "{next}"
    );

    let bundle = "other runs/my-photos-mlp-1";
    let whole = place.path("my photos").display().to_string();
    let plain = place.json(&["evaluate", bundle, "my photos", "--json"]);
    assert!(plain["examples"].as_u64().unwrap() < 40, "{plain}");
    for name in ["my photos/", "./my photos", &whole] {
        assert_eq!(
            place.json(&["evaluate", bundle, name, "--json"]),
            plain,
            "{name}"
        );
    }

    // The recipe is gone, and with it the knowledge of what was held out.
    let config = place.path("other runs/my-photos-mlp-1/bundle/config.json");
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    json["files"]
        .as_object_mut()
        .unwrap()
        .remove("recipe.toml")
        .unwrap();
    std::fs::write(&config, json.to_string()).unwrap();
    std::fs::remove_file(place.path("other runs/my-photos-mlp-1/bundle/recipe.toml")).unwrap();
    let error = place.fails(&["evaluate", bundle, "my photos", "--part", "test"]);
    assert!(
        error.contains("the test part of my photos") && error.contains("recipe.toml is missing"),
        "{error}"
    );
    let all = place.json(&["evaluate", bundle, "my photos", "--json"]);
    assert_eq!(all["examples"], 40);
}

#[test]
fn looking_and_failing_leave_nothing_behind() {
    let place = Place::new();
    assert_eq!(
        place.json(&["runs", "list", "--json"]),
        serde_json::json!([])
    );
    for args in [
        &["runs", "show", "latest"][..],
        &["runs", "rm", "a-1"],
        &["resume"],
    ] {
        let error = place.fails(args);
        assert!(error.contains("no runs in runs yet"), "{error}");
    }
    place.fails(&["train", "nowhere.csv"]);
    place.fails(&["train", "digits", "--epochs", "0"]);
    assert!(!place.path("runs").exists());
    // What shows only once the network is built leaves no run either.
    place.fails(&[
        "train",
        "digits",
        "--architecture",
        "resnet18",
        "--weights",
        "nowhere.safetensors",
    ]);
    assert_eq!(
        place.json(&["runs", "list", "--json"]),
        serde_json::json!([])
    );
}

#[test]
fn a_reader_that_stops_early_is_no_error() {
    let place = Place::new();
    place.ok(&["train", "iris", "-q", "--epochs", "1"]);
    let header = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n";
    place.write(
        "many.csv",
        format!("{header}{}", "5,3,1,0.2\n".repeat(5000)),
    );
    for form in ["csv", "jsonl"] {
        let mut command = place.command(&["predict", "latest", "many.csv", "--format", form]);
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take()); // as `head` does
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && error.is_empty(),
            "{form}: {error}"
        );
    }
}

#[test]
fn data_info_counts_what_is_missing() {
    let place = Place::new();
    place.write("t.csv", "year,word\n1872,a\n1901,\n,b\n2010,\n");
    let info = place.ok(&["data", "info", "t.csv"]);
    assert!(info.contains("missing"), "{info}");
    let profile = place.ok(&["data", "profile", "t.csv"]);
    assert!(profile.contains("1872 to 2010"), "{profile}");
}

#[test]
fn data_info_tells_how_a_training_divides() {
    let place = Place::new();
    let info = place.json(&["data", "info", "digits", "--json"]);
    place.ok(&["train", "digits", "--epochs", "1", "-q"]);
    let card = std::fs::read_to_string(place.path("runs/digits-mlp-1/bundle/README.md")).unwrap();
    for part in ["train", "validation", "test"] {
        let count = info[part].as_u64().unwrap();
        assert!(
            card.contains(&format!("| {part} examples | {count} |")),
            "{part} {count}:\n{card}"
        );
    }
}

#[test]
fn help_lists_and_documents_agree() {
    let place = Place::new();
    let reference = place.ok(&["recipe", "--reference"]);
    let written = std::fs::read_to_string(shared("docs/recipe.md")).unwrap();
    assert_eq!(
        reference, written,
        "run `modelwright recipe --reference > docs/recipe.md`"
    );
    let help = place.ok(&["train", "--help"]);
    for flag in [
        "--learning-rate",
        "--hidden",
        "--crop-padding",
        "--early-stopping",
        "--schedule",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert!(place.ok(&["models"]).contains("11,689,512"));
    assert!(place.ok(&["tasks"]).contains("tabular-regression"));
    assert!(place.ok(&["data", "list"]).contains("fashion-mnist"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(
            place.ok(&["completions", shell]).contains("learning-rate"),
            "{shell}"
        );
    }
    let recipe = place.ok(&["train", "digits", "--dry-run", "--set", "training.epochs=3"]);
    assert!(
        recipe.contains("epochs = 3") && recipe.contains("architecture = \"mlp\""),
        "{recipe}"
    );
}
