//! Cards of a small model, and what people answer.

use super::*;
use crate::bundle::{Bundle, BundleConfig, write_bundle};
use crate::cost::{Rates, Usage};

/// The documents of a small model.
fn documents(task: &str) -> Documents {
    let usage = Usage {
        seconds: 2.0,
        processor_kwh: 0.001,
        ..Usage::default()
    };
    let machine = Machine {
        processor: "A \"quoted\" processor: 3".into(),
        threads: 2,
        system: "linux".into(),
        memory: None,
    };
    let cost = Cost::new(usage, Rates::default());
    let card = Card {
        title: "mail-1",
        task,
        architecture: "text-cnn",
        parameters: 1234,
        source: "/home/me/mail: all.csv",
        data: vec![("train examples".into(), "80".into())],
        scores: &[("accuracy".into(), 0.5), ("log_loss".into(), f64::NAN)],
        scored_on: "test",
        comparison: None,
        seconds: 2.0,
        cost: Some(&cost),
        machine: &machine,
        recipe: "task = \"t\"\n",
        notes: &["a note".into()],
        files: vec![MODEL],
    };
    Documents::new(card.to_markdown(), card.datasheet())
}

fn bundle(path: &std::path::Path, documents: Documents) -> Bundle {
    let config = BundleConfig::new("t", "mail-1", "mlp", serde_json::json!({}), &[]);
    let mut files = documents.into_files();
    files.push((MODEL, vec![1, 2, 3]));
    write_bundle(path, config, &files).unwrap();
    Bundle::open(path).unwrap()
}

#[test]
fn the_front_matter_is_what_the_hub_reads() {
    let documents = documents("text-embedding");
    let card = documents.text(MODEL_CARD).unwrap();
    let front = card.strip_prefix("---\n").unwrap();
    let front = front.split_once("\n---\n").unwrap().0;
    for line in [
        "pipeline_tag: sentence-similarity",
        "library_name: modelwright",
        "- accuracy",
        "- name: \"mail-1\"",
        "      name: \"mail: all.csv\"",
        "    - type: accuracy\n      value: 0.5",
        "  emissions: 0.47305",
        "  hardware_used: \"A \\\"quoted\\\" processor: 3\"",
    ] {
        assert!(front.contains(line), "{line}:\n{front}");
    }
    assert!(
        !front.contains("log_loss") && !front.contains("license"),
        "{front}"
    );
}

#[test]
fn every_section_is_there_and_what_a_person_must_say_is_open() {
    let documents = documents("text-classification");
    let card = documents.text(MODEL_CARD).unwrap();
    for section in [
        "Model details",
        "Intended use",
        "Factors",
        "Data",
        "Measured on the test part",
        "Ethical considerations",
        "Caveats and recommendations",
        "Training",
        "Cost",
        "Files",
    ] {
        assert!(
            card.contains(&format!("\n## {section}\n")),
            "{section}:\n{card}"
        );
    }
    let sheet = documents.text(DATA_SHEET).unwrap();
    assert!(sheet.contains("| train examples | 80 |") && sheet.contains("- a note"));
    let questions = documents.questions();
    assert_eq!(questions.len(), 23);
    assert!(
        questions
            .iter()
            .all(|q| q.answer.is_none() && q.question.ends_with(['?', '.']))
    );
    let of_rows = super::tests::documents("tabular-regression").questions();
    assert_eq!(of_rows.len(), 22);
}

#[test]
fn answers_stay_in_the_bundle_and_its_checksums_stay_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    let mut bundle = bundle(&path, documents("text-classification"));
    let mut edited = Documents::of(&bundle).unwrap();
    edited.answer("intended-use", "Sorting mail.").unwrap();
    edited.answer("license", "MIT").unwrap();
    edited.answer("data-consent", "All agreed.").unwrap();
    edited.set_measured(PREDICTION_COST, "", "Cost of 1,000 predictions: nothing.");
    edited.set_measured("audit", "Audit", "All well.");
    edited.save(&mut bundle).unwrap();
    let again = Bundle::open(&path).unwrap();
    assert_eq!(again.config, bundle.config);
    assert_eq!(again.config.files.len(), 3);
    let read = Documents::of(&again).unwrap();
    assert_eq!(read, edited);
    let card = read.text(MODEL_CARD).unwrap();
    assert!(card.starts_with("---\nlicense: mit\n"), "{card}");
    assert!(
        card.contains("1,000 predictions: nothing") && !card.contains("--predictions` does it")
    );
    assert!(
        card.ends_with("## Audit\n\n<!-- measured: audit -->\nAll well.\n<!-- /measured -->\n")
    );
    // A card that is written anew takes the answers over.
    let mut anew = documents("text-classification");
    let taken = anew.take_answers(&read);
    assert_eq!(taken, ["license", "intended-use", "data-consent"]);
    assert!(anew.text(MODEL_CARD).unwrap().contains("license: mit"));
    assert!(anew.take_answers(&read).is_empty());
}

#[test]
fn questions_that_are_not_asked_and_empty_answers_are_refused() {
    let mut documents = documents("tabular-regression");
    let before = documents.clone();
    let error = documents.answer("intended-usage", "x").unwrap_err();
    assert!(error.to_string().contains("intended-use"), "{error}");
    assert!(documents.answer("ethics", " \n").is_err());
    assert_eq!(documents, before);
    let mut old = Documents::new("# An old card\n".into(), String::new());
    assert!(old.questions().is_empty());
    let error = old.answer("ethics", "x").unwrap_err().to_string();
    assert!(error.contains("older version"), "{error}");
}
