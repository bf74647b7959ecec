//! Text classification from the outside: what is guessed, what is left out and reported, several labels
//! a text, pretrained weights, adapters.

use burn::tensor::Device;
use modelwright_data::{Content, OpenOptions, Table, open, quiet};
use modelwright_models::weights::{self, StateDict};
use modelwright_runs::{Bundle, MODEL};
use modelwright_tasks::{
    Ended, Evaluation, OutputSchema, Plan, Prediction, Report, Session, SessionOptions, TaskError,
    load,
};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use std::fmt::Write;
use std::path::Path;

type Settings<'a> = &'a [(&'a str, &'a str)];

fn plan(settings: &[Settings]) -> Result<Plan, TaskError> {
    let mut layers = Layers::default();
    for (key, value) in settings.iter().copied().flatten() {
        layers.set(key, value).unwrap();
    }
    Plan::new(&layers, &quiet)
}

fn train(runs: &Path, settings: &[Settings]) -> Result<Report, TaskError> {
    let options = SessionOptions {
        runs,
        tensorboard: false,
        control: &Control::default(),
        notify: &quiet,
    };
    let session = Session::start(plan(settings)?, options)?;
    match session.run(Box::new(|_: &Event| {}))? {
        Ended::Finished(report) => Ok(*report),
        Ended::Interrupted => panic!("nobody asked it to stop"),
    }
}

/// Questions with a category, and a network small enough for a test.
const FAQ: Settings = &[
    ("data.source", "faq"),
    ("data.text", "question"),
    ("data.target", "category"),
    ("data.limit", "160"),
];
const MINI: Settings = &[
    ("model.architecture", "bert-mini"),
    ("model.layers", "2"),
    ("model.width", "32"),
    ("model.intermediate", "64"),
    ("model.max_length", "32"),
    ("model.vocabulary", "1000"),
    ("model.pooling", "cls"),
    ("training.epochs", "1"),
];

fn faq() -> Table {
    match open("faq", OpenOptions::default()).unwrap().content {
        Content::Table(table) => table,
        Content::Images(_) => panic!("no table"),
    }
}

/// The questions with several labels each, as JSON lines: the category, and whether they are long.
fn many_labels(folder: &Path) -> String {
    let table = faq();
    let (questions, categories) = (
        table.column("question").unwrap(),
        table.column("category").unwrap(),
    );
    let mut lines = String::new();
    for row in (0..table.rows()).step_by(3) {
        let text = questions.text(row);
        let mut labels = vec![categories.text(row)];
        match text.chars().count() {
            0..20 => labels.clear(),
            20..35 => {}
            _ => labels.push("long".into()),
        }
        let line = serde_json::json!({ "text": text, "labels": labels });
        writeln!(lines, "{line}").unwrap();
    }
    let path = folder.join("labels.jsonl");
    std::fs::write(&path, lines).unwrap();
    path.display().to_string()
}

#[test]
fn a_column_of_texts_beside_classes_is_text_classification() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let source = path.display().to_string();
    let guessed = |header: &str, row: &dyn Fn(usize) -> String| {
        let rows: String = (0..90).map(row).collect();
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        let plan = plan(&[&[("data.source", &source)]]).unwrap();
        plan.recipe.task
    };
    let reviews = |i| format!("the {i} rooms were clean and quiet,{}\n", i % 2);
    assert_eq!(guessed("review,label", &reviews), "text-classification");
    let chinese = |i| format!("房间很干净{i}次,{}\n", i % 2);
    assert_eq!(guessed("内容,label", &chinese), "text-classification");
    // Names beside measures are no texts to classify, and neither are numbers of customers.
    let passengers = |i| {
        let name = format!("\"Lovelace, Mrs. Ada {i}\"");
        format!(
            "{name},{},{},{},{},{}\n",
            i % 3,
            i,
            i * 7 % 50,
            i % 5,
            i % 2
        )
    };
    let header = "name,class,ticket,fare,siblings,label";
    assert_eq!(guessed(header, &passengers), "tabular-classification");
    let customers = |i| format!("7590-{i},{},{}\n", i % 40, i % 2);
    assert_eq!(
        guessed("customer,tenure,label", &customers),
        "tabular-classification"
    );
}

#[test]
fn what_is_left_out_or_cut_off_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let mut csv = String::from("text,label,split\n");
    for i in 0..60 {
        let text = match i {
            7 => String::new(),
            8 => "word ".repeat(40),
            _ => format!("the {i} words of a short text"),
        };
        let label = match i {
            9 => "",
            55 => "rare",
            _ if i % 2 == 0 => "even",
            _ => "odd",
        };
        let split = if i < 45 { "train" } else { "test" };
        writeln!(csv, "{text},{label},{split}").unwrap();
    }
    std::fs::write(&path, csv).unwrap();
    let source = path.display().to_string();
    let settings: Settings = &[
        ("data.source", &source),
        ("model.max_length", "16"),
        ("model.vocabulary", "300"),
        ("training.epochs", "1"),
    ];
    let report = train(folder.path(), &[settings]).unwrap();
    let notes = report.notes.join("\n");
    for words in [
        "1 rows with an empty text",
        "1 rows without a value for `label`",
        "1 of 58 texts (1.7 %) are longer than 16 tokens",
        "`rare` (1)",
    ] {
        assert!(notes.contains(words), "no `{words}` in:\n{notes}");
    }
    assert_eq!(report.evaluation.examples(), 15);

    let bundle = Bundle::open(&report.bundle).unwrap();
    let predictor = load(&bundle, Device::flex()).unwrap();
    let content = open(&source, OpenOptions::default()).unwrap().content;
    let error = predictor.predict("t.csv", &content, 0..10).unwrap_err();
    assert!(error.to_string().contains("row 8"), "{error}");
    let prepared = predictor.prepare("t.csv", content).unwrap_err();
    assert!(prepared.to_string().contains("empty"), "{prepared}");
}

#[test]
fn settings_that_do_not_suit_texts_are_refused() {
    let refused = |more: Settings, words: &[&str]| {
        let Err(error) = plan(&[FAQ, more]) else {
            panic!("{more:?} was taken")
        };
        let message = format!("{error} {}", error.help().unwrap_or_default());
        assert!(words.iter().all(|w| message.contains(w)), "{message}");
    };
    refused(&[("augment.flip", "true")], &["augment"]);
    refused(&[("model.architecture", "mlp")], &["mlp", "text-cnn"]);
    refused(
        &[("model.architecture", "bert")],
        &["--weights", "bert-mini"],
    );
    refused(
        &[("training.epochs", "0")],
        &["training.epochs", "model.weights"],
    );
    let task: Settings = &[("data.source", "faq"), ("task", "text-classification")];
    let Err(error) = plan(&[task, &[("data.target", "category")]]) else {
        panic!("two columns of texts")
    };
    assert!(
        error.help().unwrap().contains("question, answer"),
        "{error}"
    );
}

#[test]
fn a_text_may_have_several_labels_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let source = many_labels(folder.path());
    let settings: Settings = &[
        ("data.source", &source),
        ("data.target", "labels"),
        ("model.vocabulary", "1000"),
        ("training.epochs", "25"),
        ("optimizer.learning_rate", "0.004"),
    ];
    let planned = plan(&[settings]).unwrap();
    assert_eq!(planned.recipe.task, "text-classification");
    assert_eq!(planned.recipe.data.label_separator.as_deref(), Some("|"));
    let report = train(folder.path(), &[settings]).unwrap();
    let Evaluation::MultiLabel(scores) = &report.evaluation else {
        panic!("{:?}", report.evaluation)
    };
    assert!(scores.labels.iter().any(|l| l == "long"));
    assert!(scores.micro_f1 > 0.1, "nothing was learned: {scores:?}");
    let comparison = report.comparison.unwrap();
    assert_eq!(comparison.score_name, "subset_accuracy");
    assert_eq!(comparison.baselines.len(), 2);
    let bundle = Bundle::open(&report.bundle).unwrap();
    let predictor = load(&bundle, Device::flex()).unwrap();
    assert_eq!(predictor.output(), OutputSchema::Labels);
    let predictions = predictor
        .predict("t", &planned.dataset.content, 0..40)
        .unwrap();
    for prediction in predictions {
        let Prediction::Labels {
            labels,
            probabilities,
        } = prediction
        else {
            panic!("{prediction:?}")
        };
        let of = |label: &String| {
            let index = scores.labels.iter().position(|l| l == label).unwrap();
            probabilities[index]
        };
        assert!(labels.iter().all(|l| of(l) >= 0.5));
        assert!(labels.is_sorted_by(|a, b| of(a) >= of(b)));
        assert_eq!(
            labels.len(),
            probabilities.iter().filter(|p| **p >= 0.5).count()
        );
    }
}

#[test]
fn both_simple_models_are_measured_beside() {
    let folder = tempfile::tempdir().unwrap();
    let settings: Settings = &[("training.epochs", "1"), ("model.vocabulary", "1000")];
    let report = train(folder.path(), &[FAQ, settings]).unwrap();
    let comparison = report.comparison.unwrap();
    assert_eq!(comparison.score_name, "accuracy");
    let names: Vec<&str> = comparison
        .baselines
        .iter()
        .map(|b| b.name.as_str())
        .collect();
    assert!(names.iter().any(|n| n.contains("naive Bayes")), "{names:?}");
    assert!(names.iter().any(|n| n.contains("logistic")), "{names:?}");
    for baseline in &comparison.baselines {
        // 21 categories: by guessing, about one in ten.
        assert!(baseline.score > 0.15, "{baseline:?}");
        let pairs = baseline.pairs.unwrap();
        let difference = pairs.only_model as f64 - pairs.only_simple as f64;
        let scores = (comparison.score - baseline.score) * comparison.examples as f64;
        assert!((difference - scores).abs() < 1e-6, "{baseline:?}");
    }
}

/// The weights in a bundle.
fn state(report: &Report) -> StateDict {
    let bundle = Bundle::open(&report.bundle).unwrap();
    weights::from_bytes(&bundle.read(MODEL).unwrap()).unwrap()
}

/// Whether the tensors whose name contains `part` are the same in both.
fn same(a: &StateDict, b: &StateDict, part: &str) -> bool {
    let names: Vec<_> = a.keys().filter(|name| name.contains(part)).collect();
    assert!(!names.is_empty(), "no tensor is called {part}");
    names.iter().all(|name| a.get(*name) == b.get(*name))
}

#[test]
fn pretrained_weights_are_taken_frozen_adapted_and_decayed() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path();
    let first = train(runs, &[FAQ, MINI]).unwrap();
    let weights = first.bundle.display().to_string();
    let tuned: Settings = &[
        ("model.weights", &weights),
        ("model.max_length", "32"),
        ("training.epochs", "1"),
        ("optimizer.learning_rate", "0.001"),
    ];
    let pretrained = state(&first);

    // As they are, with their own head.
    let zero = train(runs, &[FAQ, tuned, &[("training.epochs", "0")]]).unwrap();
    assert_eq!(zero.evaluation, first.evaluation);
    assert_eq!(zero.epoch, 0);
    assert!(same(&pretrained, &state(&zero), "."));

    // A classifier of other classes has none to offer.
    let other: Settings = &[("data.source", "faq-zh"), ("training.epochs", "0")];
    let Err(error) = train(runs, &[FAQ, tuned, other]) else {
        panic!("a head out of nothing")
    };
    assert!(error.to_string().contains("no head"), "{error}");

    let frozen = train(runs, &[FAQ, tuned, &[("model.frozen_layers", "1")]]).unwrap();
    let frozen = state(&frozen);
    assert!(same(&pretrained, &frozen, "embeddings"));
    assert!(same(&pretrained, &frozen, "layer.0."));
    assert!(!same(&pretrained, &frozen, "layer.1."));
    assert!(!same(&pretrained, &frozen, "classifier"));

    // The lower a layer, the less it moves.
    let decayed = train(runs, &[FAQ, tuned, &[("model.layer_decay", "0.1")]]).unwrap();
    let decayed = state(&decayed);
    let moved = |part: &str| {
        let values = |state: &StateDict| -> Vec<f32> {
            let name = state.keys().find(|n| n.contains(part)).unwrap();
            state[name].iter::<f32>().collect()
        };
        let (a, b) = (values(&pretrained), values(&decayed));
        let moves = a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs()));
        moves.sum::<f64>() / a.len() as f64
    };
    let (low, high) = (
        moved("layer.0.output.dense.weight"),
        moved("layer.1.output.dense.weight"),
    );
    assert!(low > 0.0 && low < 0.3 * high, "{low} {high}");

    let adapted: Settings = &[("model.lora_rank", "4")];
    let merged = train(runs, &[FAQ, tuned, adapted]).unwrap();
    let merged_state = state(&merged);
    assert!(same(&pretrained, &merged_state, "layer.0.output.dense"));
    assert!(!same(
        &pretrained,
        &merged_state,
        "attention.self.query.weight"
    ));
    assert!(!merged.bundle.join("adapter_config.json").exists());

    let apart: Settings = &[("model.adapter", "apart")];
    let apart = train(runs, &[FAQ, tuned, adapted, apart]).unwrap();
    assert!(same(
        &pretrained,
        &state(&apart),
        "attention.self.query.weight"
    ));
    assert!(apart.bundle.join("adapter_model.safetensors").exists());
    assert!(apart.bundle.join("adapter_config.json").exists());
    // Both are the same model.
    assert_eq!(merged.evaluation, apart.evaluation);
    let data = plan(&[FAQ]).unwrap().dataset;
    let predict = |report: &Report| {
        let bundle = Bundle::open(&report.bundle).unwrap();
        let predictor = load(&bundle, Device::flex()).unwrap();
        predictor.predict("t", &data.content, 0..20).unwrap()
    };
    assert_eq!(predict(&merged), predict(&apart));
}
