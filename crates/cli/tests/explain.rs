//! `explain`: each kind of input, with its usual method and some others.

mod common;

use common::{Place, pictures};
use serde_json::Value;

/// `key` decides; `noise` and `age` do not.
fn rows(place: &Place) {
    let mut csv = String::from("noise,key,age,label\n");
    for i in 0..200 {
        let (noise, key, age) = (i * 7 % 50, i * 13 % 100, 20 + i * 11 % 50);
        let label = if key > 50 { "yes" } else { "no" };
        csv += &format!("{noise},{key},{age},{label}\n");
    }
    place.write("rows.csv", csv);
}

fn names(of: &Value, key: &str) -> Vec<String> {
    let items = of.as_array().unwrap().iter();
    items
        .map(|v| v[key].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn rows_of_a_table() {
    let place = Place::new();
    rows(&place);
    place.ok(&["train", "rows.csv", "--epochs", "60", "-q"]);
    let run = "rows-mlp-1";
    // Row 1 has key 0.
    let found = place.json(&["explain", run, "rows.csv", "--json"]);
    let found = &found[0];
    assert_eq!(
        (&found["method"], &found["class"]),
        (&"shapley".into(), &"no".into())
    );
    assert!(
        found["assumes"]
            .as_str()
            .unwrap()
            .starts_with("Assumes that")
    );
    assert!(found["delta"].as_f64().unwrap().abs() < 1e-6, "{found}");
    assert_eq!(names(&found["columns"], "column"), ["noise", "key", "age"]);
    let shown = place.ok(&["explain", run, "rows.csv", "--row", "2"]);
    for part in ["rows.csv, row 2", "key", "█", "Assumes that", "probability"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    let chinese = place.ok(&["explain", run, "rows.csv", "--row", "2", "--lang", "zh"]);
    for part in ["rows.csv 第 2 行", "概率", "种列的顺序", "份额", "前提："] {
        assert!(chinese.contains(part), "{part}: {chinese}");
    }
    assert!(!chinese.contains("Assumes that"), "{chinese}");

    let ways = ["explain", run, "rows.csv", "--method", "counterfactual"];
    let found = place.json(&[&ways[..], &["--fixed", "age", "--json"]].concat());
    let changes = &found[0]["found"][0]["changes"];
    assert_eq!(names(changes, "column"), ["key"]);
    assert_eq!(found[0]["wanted"], "`yes`");
    let shown = place.ok(&ways);
    assert!(
        shown.contains("wanted: `yes`") && shown.contains("key"),
        "{shown}"
    );

    let found = place.json(&[
        "explain",
        run,
        "rows.csv",
        "--method",
        "importance",
        "--json",
    ]);
    assert_eq!(names(&found[0]["columns"], "column")[0], "key");
    let course = ["explain", run, "rows.csv", "--method", "partial-dependence"];
    let error = place.fails(&course);
    assert!(error.contains("--column"), "{error}");
    let shown = place.ok(&[&course[..], &["--column", "key", "--class", "yes"]].concat());
    assert!(
        shown.contains("of `yes`") && shown.contains("middle half"),
        "{shown}"
    );
    let near = place.ok(&["explain", run, "rows.csv", "--method", "nearest", "-k", "3"]);
    assert!(
        near.contains("true answer") && near.contains("0.000"),
        "{near}"
    );

    for (more, parts) in [
        (&["--method", "grad-cam"][..], &["grad-cam", "shapley"][..]),
        (&["--class", "maybe"], &["maybe", "no, yes"]),
        (&["--row", "500"], &["no example 500", "1 to 200"]),
        (&["--data", "nowhere.csv"], &["nowhere.csv"]),
    ] {
        let error = place.fails(&[&["explain", run, "rows.csv"], more].concat());
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    // A model whose training data is gone says what to do.
    std::fs::rename(place.path("rows.csv"), place.path("others.csv")).unwrap();
    let error = place.fails(&["explain", run, "others.csv"]);
    assert!(error.contains("--data SOURCE"), "{error}");
    place.ok(&["explain", run, "others.csv", "--data", "others.csv"]);
}

#[test]
fn pictures_are_drawn() {
    let place = Place::new();
    pictures(&place, "photos", &["png"], 20);
    let settings = ["--architecture", "lenet", "--epochs", "2", "-q"];
    place.ok(&[&["train", "photos"], &settings[..]].concat());
    let run = "photos-lenet-1";
    for method in ["occlusion", "grad-cam", "integrated-gradients"] {
        let asked = [
            "explain",
            run,
            "photos/dark/0.png",
            "photos/light/1.png",
            "--method",
            method,
        ];
        let shown = place.ok(&[&asked[..], &["--output", method]].concat());
        assert!(
            shown.contains("0.png") && shown.contains("written into"),
            "{shown}"
        );
        for i in 1..=2 {
            let drawn = image::open(place.path(&format!("{method}/0{i}-{method}.png"))).unwrap();
            assert!(drawn.width() >= 256 && drawn.height() >= 256);
        }
        let all = std::fs::read(place.path(&format!("{method}/explanations.json"))).unwrap();
        let all: Value = serde_json::from_slice(&all).unwrap();
        let first = &all[0];
        let pixels = first["height"].as_u64().unwrap() * first["width"].as_u64().unwrap();
        assert_eq!(first["values"].as_array().unwrap().len() as u64, pixels);
    }
    let near = place.json(&[
        "explain",
        run,
        "photos/dark/0.png",
        "--method",
        "nearest",
        "--json",
    ]);
    assert_eq!(near[0]["found"].as_array().unwrap().len(), 5);
}

#[test]
fn words_of_a_text() {
    let place = Place::new();
    let mut csv = String::from("text,label\n");
    for i in 0..60 {
        let day = ["monday", "tuesday", "friday"][i % 3];
        csv += &format!("\"let us meet on {day} at {i} for lunch\",ham\n");
        csv += &format!("\"you have won {i} prizes, {day} only\",spam\n");
    }
    place.write("messages.csv", csv);
    let settings = [
        "--architecture",
        "text-cnn",
        "--epochs",
        "4",
        "--vocabulary",
        "500",
        "-q",
    ];
    place.ok(&[&["train", "messages.csv"], &settings[..]].concat());
    let run = "messages-text-cnn-1";
    let text = "you have won <b>prizes</b>";
    let found = place.json(&["explain", run, text, "--json"]);
    assert_eq!(found[0]["method"], "leave-one-out");
    assert_eq!(
        names(&found[0]["pieces"], "text"),
        ["you", "have", "won", "b", "prizes", "b"]
    );
    let asked = [
        "explain",
        run,
        text,
        "--method",
        "integrated-gradients",
        "--output",
        "why",
    ];
    let shown = place.ok(&asked);
    assert!(
        shown.contains("prizes") && shown.contains("miss the score by"),
        "{shown}"
    );
    let page = std::fs::read_to_string(place.path("why/01-integrated-gradients.html")).unwrap();
    assert!(page.contains("rgba(") && !page.contains("<b>"), "{page}");
    place.ok(&[&asked[..], &["--lang", "zh"]].concat());
    let page = std::fs::read_to_string(place.path("why/01-integrated-gradients.html")).unwrap();
    assert!(
        page.contains("softmax 之前的得分") && page.contains("前提："),
        "{page}"
    );
    let error = place.fails(&["explain", run, "won"]);
    assert!(error.contains("single word"), "{error}");
}
