//! `embed` and `search`.

mod common;

use common::Place;

/// Trains a small encoder on pairs; its run is `pairs-bert-mini-1`.
fn encoder(place: &Place, seed: &str) {
    let things = [
        "car", "house", "boat", "shirt", "chair", "phone", "bag", "door",
    ];
    let line = |thing: &&str| {
        format!("I want a {thing},one {thing} please\na {thing} for me,the {thing}\n")
    };
    let lines: String = things.iter().map(line).collect();
    place.write("pairs.csv", format!("said,meant\n{lines}"));
    place.ok(&[
        "train",
        "pairs.csv",
        "--task",
        "text-embedding",
        "--text",
        "said",
        "--target",
        "meant",
        "--architecture",
        "bert-mini",
        "--layers",
        "1",
        "--width",
        "16",
        "--heads",
        "2",
        "--intermediate",
        "32",
        "--vocabulary",
        "300",
        "--epochs",
        "1",
        "--seed",
        seed,
        "--quiet",
    ]);
}

fn notes(place: &Place) {
    place.write(
        "notes.csv",
        "id,note,day\n7,a red car,monday\n8,a blue boat,tuesday\n9,,friday\n10,a red car,sunday\n",
    );
}

#[test]
fn texts_become_an_index_and_are_found() {
    let place = Place::new();
    encoder(&place, "1");
    notes(&place);
    let summary = place.json(&[
        "embed",
        "pairs-bert-mini-1",
        "notes.csv",
        "--text",
        "note",
        "-o",
        "notes.index",
        "--json",
    ]);
    assert_eq!(summary["texts"], 3);
    assert_eq!(
        (&summary["distinct"], &summary["left_out"]),
        (&2.into(), &1.into())
    );
    assert_eq!(summary["dimension"], 16);
    assert!(summary["sentences_per_second"].as_f64().unwrap() > 0.0);
    assert!(place.path("notes.index/vectors.safetensors").is_file());

    let found = place.json(&["search", "notes.index", "a red car", "-k", "2", "--json"]);
    let found = found[0]["found"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0]["row"], &found[1]["row"]), (&1.into(), &4.into()));
    assert_eq!(found[0]["values"]["day"], "monday");
    assert_eq!(found[0]["values"]["id"], 7);
    let shown = place.ok(&[
        "search",
        "notes.index",
        "a blue boat",
        "a red car",
        "-k",
        "1",
    ]);
    assert!(
        shown.contains("1.000") && shown.contains("tuesday"),
        "{shown}"
    );

    // Without an index the vectors go to standard output.
    let lines = place.ok(&[
        "embed",
        "runs/pairs-bert-mini-1",
        "notes.csv",
        "--text",
        "note",
    ]);
    let rows: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[2]["row"], &rows[2]["vector"]),
        (&4.into(), &rows[0]["vector"])
    );
    let told = place.run(&["embed", "pairs-bert-mini-1", "a red car"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("sentences/s"));
}

#[test]
fn what_does_not_go_together_is_told() {
    let place = Place::new();
    encoder(&place, "1");
    encoder(&place, "2");
    notes(&place);
    let embed = |model: &str, more: &[&str]| {
        let args = [&["embed", model, "notes.csv", "-o", "notes.index"], more].concat();
        place.run(&args)
    };
    assert!(
        embed("pairs-bert-mini-1", &["--text", "note"])
            .status
            .success()
    );

    assert!(
        place
            .fails(&["search", "notes.index", " "])
            .contains("the query is empty")
    );
    let other = [
        "search",
        "notes.index",
        "boat",
        "--model",
        "pairs-bert-mini-2",
    ];
    let error = place.fails(&other);
    assert!(
        error.contains("made with another model") && error.contains("help:"),
        "{error}"
    );
    let error = place.fails(&["search", "nowhere", "boat"]);
    assert!(error.contains("nowhere is no complete index"), "{error}");
    std::fs::rename(place.path("runs"), place.path("moved")).unwrap();
    let error = place.fails(&["search", "notes.index", "boat"]);
    assert!(error.contains("add --model"), "{error}");
    let moved = [
        "search",
        "notes.index",
        "boat",
        "--model",
        "moved/pairs-bert-mini-1",
    ];
    assert!(place.ok(&moved).contains("a blue boat"));
    let vectors = place.path("notes.index/vectors.safetensors");
    std::fs::write(&vectors, &std::fs::read(&vectors).unwrap()[..50]).unwrap();
    let error = place.fails(&moved);
    assert!(error.contains("vectors.safetensors is damaged"), "{error}");

    let model = "moved/pairs-bert-mini-1";
    let error = place.fails(&["embed", model, "notes.csv"]);
    assert!(error.contains("--text COLUMN"), "{error}");
    let error = place.fails(&["embed", model, "notes.csv", "--text", "body"]);
    assert!(error.contains("no column `body`"), "{error}");
    assert!(place.fails(&["embed", model, "no.csv"]).contains("no.csv"));
    place.write("thesis/text.txt", "mine");
    let error = place.fails(&[
        "embed",
        model,
        "notes.csv",
        "--text",
        "note",
        "-o",
        "thesis",
    ]);
    assert!(error.contains("is no index"), "{error}");
    assert!(place.path("thesis/text.txt").is_file());
    place.ok(&["train", "iris", "--epochs", "1", "--quiet"]);
    let error = place.fails(&["embed", "iris-mlp-1", "notes.csv", "--text", "note"]);
    assert!(error.contains("gives no vectors"), "{error}");
}
