//! The main job with texts: train, look, predict for a text on the command line, for files and tables.

mod common;

use common::Place;
use serde_json::Value;

/// Messages of two kinds that hardly share a word.
fn messages(place: &Place) {
    let mut csv = String::from("text,label\n");
    for i in 0..60 {
        let day = ["monday", "tuesday", "friday"][i % 3];
        csv += &format!("\"let us meet on {day} at {i} for lunch\",ham\n");
        csv += &format!("\"you have won {i} prizes, click here now, {day} only\",spam\n");
    }
    place.write("messages.csv", csv);
}

fn train(place: &Place) -> Value {
    messages(place);
    place.json(&[
        "train",
        "messages.csv",
        "--architecture",
        "text-cnn",
        "--epochs",
        "4",
        "--vocabulary",
        "500",
        "--json",
    ])
}

#[test]
fn messages_are_sorted_and_the_verdict_is_told() {
    let place = Place::new();
    let report = train(&place);
    let run = report["run"].as_str().unwrap();
    assert!(
        report["evaluation"]["accuracy"].as_f64().unwrap() > 0.9,
        "{report}"
    );
    let baselines = report["baselines"].as_array().unwrap();
    assert_eq!(baselines.len(), 2, "{report}");
    for baseline in baselines {
        assert_eq!(baseline["score_name"], "accuracy");
        assert!(baseline["seconds"].as_f64().unwrap() < 20.0);
    }
    let verdict = report["verdict"].as_str().unwrap();
    assert!(
        verdict.contains("earn") && verdict.contains("accuracy"),
        "{verdict}"
    );
    let kept = place.path(&format!("runs/{run}/baselines.json"));
    let kept: Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    assert_eq!(kept["baselines"], report["baselines"]);
    let card = place.path(&format!("runs/{run}/bundle/README.md"));
    let card = std::fs::read_to_string(card).unwrap();
    assert!(
        card.contains("## Beside simple models") && card.contains(verdict),
        "{card}"
    );
    let shown = place.ok(&["runs", "show", run]);
    assert!(
        shown.contains("this model") && shown.contains(verdict),
        "{shown}"
    );

    // A text, two texts, a table, files: the same words get the same answer.
    let text = "click here now, you have won";
    let one = place.json(&["predict", run, text, "--json"]);
    assert_eq!(
        (&one["prediction"], &one["row"]),
        (&"spam".into(), &1.into())
    );
    let csv = place.ok(&["predict", run, text, "let us meet for lunch"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "row,prediction,probability,p(ham),p(spam)");
    assert!(
        lines[1].starts_with("1,spam,") && lines[2].starts_with("2,ham,"),
        "{csv}"
    );
    place.write("new/a.txt", text);
    place.write("new/b.txt", "let us meet for lunch");
    place.write(
        "new.csv",
        format!("text\n\"{text}\"\nlet us meet for lunch\n"),
    );
    for input in [&["new"][..], &["new/a.txt", "new/b.txt"], &["new.csv"]] {
        let again = place.ok(&[&["predict", run], input].concat());
        assert_eq!(again, csv, "{input:?}");
    }
    let table = place.ok(&["predict", run, text, "--format", "table"]);
    for part in ["prediction", "spam", "ham", "click here now"] {
        assert!(table.contains(part), "{table}");
    }
    // A slip in a name is not classified.
    let error = place.fails(&["predict", run, "mesages.csv"]);
    assert!(error.contains("mesages.csv"), "{error}");
    let error = place.fails(&["predict", run, " "]);
    assert!(error.contains("empty"), "{error}");
}

#[test]
fn the_report_for_people_has_the_scores_and_the_verdict() {
    let place = Place::new();
    messages(&place);
    let report = place.ok(&[
        "train",
        "messages.csv",
        "--architecture",
        "text-cnn",
        "--epochs",
        "2",
        "--vocabulary",
        "500",
        "--quiet",
    ]);
    for part in [
        "accuracy",
        "macro F1",
        "Matthews' correlation",
        "area under ROC curve",
        "this model",
        "naive Bayes",
        "logistic regression",
        "its cost",
        "a text itself may stand for FILE",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let evaluated = place.ok(&["evaluate", "messages-text-cnn-1", "messages.csv"]);
    assert!(evaluated.contains("true \\ predicted"), "{evaluated}");
}

#[test]
fn questions_are_answered_from_what_is_known() {
    let place = Place::new();
    let report = place.json(&["train", "faq", "--task", "question-answering", "--json"]);
    let run = report["run"].as_str().unwrap();
    let known = place.json(&["predict", run, "who wrote frankenstein?", "--json"]);
    assert!(known["answer"].is_string(), "{known}");
    assert!(known["neighbours"][0]["text"].is_string(), "{known}");
    let odd = "wie viel kostet eine Fahrkarte nach Antwerpen";
    let unknown = place.json(&["predict", run, odd, "--json"]);
    assert_eq!(unknown["answer"], Value::Null, "{unknown}");
    let table = place.ok(&["predict", run, odd, "--format", "table"]);
    assert!(table.contains("I do not know"), "{table}");
    let csv = place.ok(&["predict", run, odd]);
    assert!(
        csv.starts_with("row,answer,probability,question\n1,,0."),
        "{csv}"
    );
}
