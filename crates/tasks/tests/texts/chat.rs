//! Language models: tuned, pulled towards preferences, and from scratch.

use super::{plan, shared, train};
use burn::tensor::Device;
use modelwright_evaluate::{LanguageReport, Verdict};
use modelwright_tasks::{Ended, Evaluation, Prediction, Report, Session, SessionOptions, load};
use modelwright_train::{Control, Event};
use std::path::Path;

fn language(report: &Report) -> &LanguageReport {
    match &report.evaluation {
        Evaluation::Language(report) => report,
        other => panic!("{other:?}"),
    }
}

/// Conversations in which the answer repeats what was asked.
fn echoes(folder: &Path) -> String {
    let words = ["tea", "ink", "oak", "sun", "map", "fig"];
    let mut text = String::new();
    for i in 0..60 {
        let word = words[i * 7 % 6];
        text += &format!(
            r#"{{"conversations": [{{"from": "human", "value": "{word} {i}"}}, {{"from": "gpt", "value": "{word}!"}}]}}"#
        );
        text.push('\n');
    }
    let file = folder.join("echoes.jsonl");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[test]
fn adapters_apart_say_the_same_as_merged_ones() {
    let folder = tempfile::tempdir().unwrap();
    let source = echoes(folder.path());
    let weights = shared("tests/golden/decoders/llama-tied");
    let tuned = |adapter: &str| {
        train(
            folder.path(),
            &[
                ("data.source", &source),
                ("model.weights", &weights),
                ("model.max_length", "48"),
                ("model.adapter", adapter),
                ("optimizer.learning_rate", "0.01"),
                ("training.epochs", "6"),
            ],
        )
    };
    let (merged, bundle) = tuned("merged");
    let (apart, with_adapter) = tuned("apart");
    let (one, other) = (language(&merged), language(&apart));
    // Merged weights are rounded to 16 bits with the change, those apart before it.
    let near = (one.perplexity / other.perplexity - 1.0).abs();
    assert!(near < 0.02, "{} {}", one.perplexity, other.perplexity);
    assert!(one.perplexity < 20.0, "{}", one.perplexity);
    assert!(one.answers.is_some());
    let comparison = merged.comparison.unwrap();
    assert_eq!(
        comparison.verdict,
        Verdict::Earned,
        "{}",
        comparison.words()
    );
    assert!(
        merged.notes.iter().any(|n| n.contains("before tuning")),
        "{:?}",
        merged.notes
    );
    assert!(with_adapter.path().join("adapter_config.json").exists());
    assert!(!bundle.path().join("adapter_config.json").exists());
    let predictor = load(&bundle, Device::flex()).unwrap();
    let table = modelwright_data::table::parse_text("t", b"messages\nsun 5\n", "utf-8").unwrap();
    let content = modelwright_data::Content::Table(table);
    let answers = predictor.predict("t", &content, 0..1).unwrap();
    assert!(matches!(&answers[0], Prediction::Text { tokens, .. } if *tokens > 0));
}

#[test]
fn preferences_become_more_probable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("better.jsonl");
    let line = |i: usize| {
        format!(
            "{{\"prompt\": \"say {i}\", \"chosen\": \"yes, {i}\", \"rejected\": \"no, {}\"}}\n",
            i + 1
        )
    };
    std::fs::write(&file, (0..60).map(line).collect::<String>()).unwrap();
    let source = file.display().to_string();
    let weights = shared("tests/golden/decoders/llama-tied");
    let settings = [
        ("data.source", source.as_str()),
        ("model.weights", &weights),
        ("model.max_length", "48"),
        ("optimizer.learning_rate", "0.005"),
        ("training.epochs", "4"),
    ];
    let (report, _) = train(folder.path(), &settings);
    let scores = language(&report).preferences.unwrap();
    assert!(scores.accuracy > 0.9 && scores.margin > 1.0, "{scores:?}");
    let scratch = [("data.source", source.as_str()), ("task", "chat")];
    let error = plan(&scratch).err().unwrap().to_string();
    assert!(error.contains("starts from nothing"), "{error}");
}

#[test]
fn a_book_is_learned_from_scratch_with_a_sample_after_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.txt");
    let chapter = |i: usize| {
        let (a, b) = (
            ["cat", "dog", "hen"][i % 3],
            ["sat", "ran", "ate"][i / 3 % 3],
        );
        format!("The {a} {b} on day {i}. Then the {a} went home, and it was night.\n\n")
    };
    let text: String = (0..200).map(chapter).collect();
    std::fs::write(&file, format!("Animals\n\n{text}")).unwrap();
    let source = file.display().to_string();
    let settings = [
        ("data.source", source.as_str()),
        ("task", "chat"),
        ("model.architecture", "gpt-mini"),
        ("model.layers", "2"),
        ("model.width", "64"),
        ("model.vocabulary", "320"),
        ("model.max_length", "64"),
        ("training.batch_size", "8"),
        ("training.epochs", "6"),
    ];
    let control = Control::default();
    let options = SessionOptions {
        runs: folder.path(),
        tensorboard: false,
        control: &control,
        notify: &modelwright_data::quiet,
    };
    let session = Session::start(plan(&settings).unwrap(), options).unwrap();
    let mut samples = Vec::new();
    let watch = |event: &Event| {
        if let Event::Sample { prompt, text, .. } = event {
            samples.push((prompt.clone(), text.clone()));
        }
    };
    let Ended::Finished(report) = session.run(Box::new(watch)).unwrap() else {
        panic!("it did not finish")
    };
    assert_eq!(samples.len(), 6);
    assert!(samples.iter().all(|(prompt, _)| !prompt.is_empty()));
    let scores = language(&report);
    assert!(scores.token_accuracy > 0.5, "{scores:?}");
    assert!(scores.answers.is_none());
    let comparison = report.comparison.as_ref().unwrap();
    assert_eq!(
        comparison.verdict,
        Verdict::Earned,
        "{}",
        comparison.words()
    );
}

#[test]
fn what_does_not_go_together_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let source = echoes(folder.path());
    let weights = shared("tests/golden/decoders/llama-tied");
    let base = [("data.source", source.as_str()), ("task", "chat")];
    for (more, part) in [
        (
            &[
                ("model.weights", weights.as_str()),
                ("model.max_length", "1000"),
            ][..],
            "1000 is more than the 64",
        ),
        (&[("model.architecture", "bert-mini")], "conversations"),
        (&[("model.architecture", "decoder")], "none are given"),
        (&[("training.preference_beta", "0.2")], "the data has none"),
        (&[("training.label_smoothing", "0.2")], "for classes"),
        (&[("model.heads", "5")], "no multiple"),
        (
            &[
                ("model.weights", weights.as_str()),
                ("model.max_length", "12"),
            ],
            "",
        ),
    ] {
        let settings = [&base[..], more].concat();
        match plan(&settings) {
            Err(error) => assert!(error.to_string().contains(part), "{error}"),
            Ok(_) => assert!(part.is_empty(), "{part}"),
        }
    }
    let other = [("data.source", "iris"), ("training.checkpointing", "true")];
    let error = plan(&other).err().unwrap().to_string();
    assert!(error.contains("for language models"), "{error}");
}
