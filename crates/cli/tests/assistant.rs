//! `assistant`: build, ask, test, export-training.

mod common;

use common::{Place, shared};
use std::io::Write;
use std::process::Stdio;

fn documents() -> String {
    shared("tests/data/shop/documents").display().to_string()
}

#[test]
fn documents_become_an_assistant_that_answers() {
    let place = Place::new();
    let report = place.json(&[
        "assistant",
        "build",
        &documents(),
        "-o",
        "shop",
        "--name",
        "Fern & Field",
        "--json",
    ]);
    assert_eq!(
        (&report["documents"], &report["skipped"]),
        (&20.into(), &serde_json::json!([]))
    );
    assert!(report["suspicious"].as_array().unwrap().len() >= 3);
    let shown = place.ok(&["assistant", "build", &documents(), "-o", "shop"]);
    assert!(
        shown.contains("zh/supplier-notice.html") && shown.contains("assistant ask shop"),
        "{shown}"
    );

    let reply = place.json(&["assistant", "ask", "shop", "礼品卡丢了怎么办？", "--json"]);
    assert_eq!(
        (&reply["decision"], &reply["language"]),
        (&"answered".into(), &"zh".into())
    );
    assert_eq!(reply["citations"][0]["file"], "zh/membership.md");
    let said = place.ok(&[
        "assistant",
        "ask",
        "shop",
        "Can I bring my dog to the shop?",
    ]);
    assert!(
        said.contains("Dogs on a lead") && said.contains("[1] en/opening-hours.txt"),
        "{said}"
    );

    let questions = shared("tests/data/shop/questions.csv")
        .display()
        .to_string();
    let measured = place.json(&["assistant", "test", "shop", &questions, "--json"]);
    assert_eq!(measured["in_scope"], 41);
    assert!(measured["hit_rate_at_3"].as_f64().unwrap() > 0.75);
    let shown = place.ok(&["assistant", "test", "shop", &questions]);
    assert!(
        shown.contains("hit rate @3") && shown.contains("answer_from"),
        "{shown}"
    );
}

#[test]
fn a_conversation_is_rated_and_becomes_training_data() {
    let place = Place::new();
    // Without -o it is where the studio looks.
    place.ok(&["assistant", "build", &documents(), "--quiet"]);
    let folder = "runs/assistants/documents";
    let mut talk = place.command(&["assistant", "ask", folder]);
    let mut talk = talk
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = "Can I bring my dog to the shop?\n/why\n/up just right\nI want to talk to a human\n/what\n\n";
    talk.stdin
        .take()
        .unwrap()
        .write_all(said.as_bytes())
        .unwrap();
    let heard = talk.wait_with_output().unwrap();
    let heard = String::from_utf8(heard.stdout).unwrap();
    for part in [
        "Hello!",
        "Dogs on a lead",
        "% sure",
        "that is kept",
        "pass you to a colleague",
        "For the colleague",
        "There are /up",
    ] {
        assert!(heard.contains(part), "{part}: {heard}");
    }
    let exported = place.json(&[
        "assistant",
        "export-training",
        folder,
        "-o",
        "training",
        "--json",
    ]);
    assert_eq!(
        (&exported["conversations"], &exported["pairs"]),
        (&1.into(), &0.into())
    );
    let chat = std::fs::read_to_string(place.path("training/chat.jsonl")).unwrap();
    let chat: serde_json::Value = serde_json::from_str(&chat).unwrap();
    assert_eq!(
        chat["messages"][1]["content"],
        "Can I bring my dog to the shop?"
    );
}

#[test]
fn what_is_wrong_is_told() {
    let place = Place::new();
    assert!(
        place
            .fails(&["assistant", "build", "nowhere", "-o", "a"])
            .contains("nowhere")
    );
    place.write("docs/a.md", "# A\n\nWe deliver within two days.\n");
    place.write("thesis/b.txt", "mine");
    assert!(
        place
            .fails(&["assistant", "build", "docs", "-o", "thesis"])
            .contains("is no assistant")
    );
    assert!(
        place
            .fails(&["assistant", "ask", "docs", "x"])
            .contains("no complete assistant")
    );
    place.ok(&["assistant", "build", "docs", "-o", "a", "--quiet"]);
    assert!(
        place
            .fails(&["assistant", "ask", "a", "x", "--mode", "compose"])
            .contains("--model")
    );
    place.write("q.csv", "question,document\nhow?,b.md\nwhy?,b.md\n");
    assert!(
        place
            .fails(&["assistant", "test", "a", "q.csv"])
            .contains("b.md")
    );
    assert!(
        place
            .fails(&["assistant", "export-training", "a", "-o", "t"])
            .contains("log")
    );
    place.write("a/settings.toml", "name = 1\n");
    assert!(
        place
            .fails(&["assistant", "ask", "a", "x"])
            .contains("settings.toml")
    );
}
