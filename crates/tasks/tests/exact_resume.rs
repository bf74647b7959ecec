//! A training that is stopped and taken up again ends with the same weights, bit for bit, as one that
//! was not: with every optimizer, with noise in the network, with convolutions, for every task.

use modelwright_runs::{Bundle, MODEL};
use modelwright_tasks::{Ended, Plan, Session, SessionOptions};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};
use std::path::Path;

const CASES: [(&str, &[(&str, &str)]); 13] = [
    (
        "adam",
        &[("data.source", "digits"), ("model.dropout", "0.3")],
    ),
    (
        "momentum",
        &[
            ("data.source", "digits"),
            ("optimizer.name", "sgd"),
            ("augment.mixup", "0.4"),
        ],
    ),
    (
        "averaged momentum",
        &[
            ("data.source", "digits"),
            ("optimizer.name", "sgd"),
            ("optimizer.averaging", "true"),
        ],
    ),
    (
        "rmsprop",
        &[
            ("data.source", "iris"),
            ("optimizer.name", "rmsprop"),
            ("optimizer.centered", "true"),
            ("optimizer.momentum", "0.5"),
        ],
    ),
    ("adamw", &[("data.source", "ames")]),
    (
        "lenet",
        &[
            ("data.source", "digits"),
            ("model.architecture", "lenet"),
            ("model.dropout", "0.2"),
        ],
    ),
    (
        "bf16",
        &[
            ("data.source", "digits"),
            ("model.dropout", "0.3"),
            ("training.precision", "bf16"),
        ],
    ),
    (
        "batch norm",
        &[
            ("data.source", "digits"),
            ("model.batch_norm", "true"),
            ("training.accumulate", "2"),
            ("training.clip_norm", "1"),
        ],
    ),
    (
        "text, batches by length",
        &[
            ("data.source", "faq"),
            ("data.text", "question"),
            ("data.target", "category"),
            ("model.vocabulary", "1000"),
            ("training.batch_size", "8"),
        ],
    ),
    (
        "attention",
        &[
            ("data.source", "faq"),
            ("data.text", "answer"),
            ("data.target", "category"),
            ("model.architecture", "bert-mini"),
            ("model.layers", "2"),
            ("model.width", "32"),
            ("model.intermediate", "64"),
            ("model.max_length", "32"),
            ("model.vocabulary", "1000"),
            ("training.batch_size", "8"),
        ],
    ),
    (
        "answers in texts",
        &[
            ("data.source", "../../tests/data/squad/product.json"),
            ("model.layers", "1"),
            ("model.width", "32"),
            ("model.intermediate", "64"),
            ("model.vocabulary", "600"),
            ("training.batch_size", "16"),
        ],
    ),
    (
        "a language model from scratch",
        &[
            ("task", "chat"),
            ("data.source", "faq"),
            ("model.layers", "1"),
            ("model.width", "32"),
            ("model.heads", "2"),
            ("model.max_length", "64"),
            ("model.vocabulary", "400"),
        ],
    ),
    (
        "adapters of a language model, blocks computed again",
        &[
            ("task", "chat"),
            ("data.source", "faq"),
            ("model.weights", "../../tests/golden/decoders/llama-tied"),
            ("model.max_length", "48"),
            ("model.lora_dropout", "0.2"),
            ("training.checkpointing", "true"),
            ("training.batch_size", "32"),
        ],
    ),
];

fn layers(settings: &[(&str, &str)]) -> Layers {
    let mut layers = Layers::default();
    for (key, value) in [("training.epochs", "2"), ("data.limit", "160")]
        .iter()
        .chain(settings)
    {
        layers.set(key, value).unwrap();
    }
    layers
}

/// Trains with the settings, stopping after each of `stops` steps, and returns the weights' file.
fn weights(runs: &Path, settings: &[(&str, &str)], stops: &[usize]) -> Vec<u8> {
    weights_and(runs, settings, stops, &|| {})
}

/// The same, with something done each time that it has stopped.
fn weights_and(
    runs: &Path,
    settings: &[(&str, &str)],
    stops: &[usize],
    stopped: &dyn Fn(),
) -> Vec<u8> {
    let layers = layers(settings);
    let mut id = String::new();
    for stop in stops.iter().map(Some).chain([None]) {
        let control = Control::default();
        let options = SessionOptions {
            runs,
            tensorboard: false,
            control: &control,
            notify: &modelwright_data::quiet,
        };
        let session = match id.is_empty() {
            true => {
                let plan = Plan::new(&layers, &modelwright_data::quiet).unwrap();
                Session::start(plan, options).unwrap()
            }
            false => Session::resume(&id, options).unwrap(),
        };
        id = session.id().to_string();
        let watch = |event: &Event| {
            if matches!(event, Event::Step { step, .. } if Some(step) == stop) {
                control.stop();
            }
        };
        match session.run(Box::new(watch)).unwrap() {
            Ended::Finished(report) => {
                assert!(stop.is_none(), "it did not stop");
                return Bundle::open(&report.bundle).unwrap().read(MODEL).unwrap();
            }
            Ended::Interrupted => {
                assert!(stop.is_some());
                stopped();
            }
        }
    }
    unreachable!("the last part runs to the end")
}

#[test]
fn stopped_and_unstopped_trainings_end_with_the_same_weights() {
    for (name, settings) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let whole = weights(folder.path(), settings, &[]);
        let stopped = weights(folder.path(), settings, &[1, 2, 4]);
        assert!(whole == stopped, "{name}: the weights differ");
    }
}

/// A resumed run has its encoder from the checkpoint, its tokenizer from its own folder and its rates
/// from the recipe: the weights it started from may be gone.
#[test]
fn a_tuned_encoder_goes_on_without_the_weights_it_started_from() {
    let folder = tempfile::tempdir().unwrap();
    let text = [
        ("data.source", "faq"),
        ("data.text", "question"),
        ("data.target", "category"),
        ("training.batch_size", "8"),
        ("model.max_length", "32"),
    ];
    let mini = [
        ("model.architecture", "bert-mini"),
        ("model.layers", "2"),
        ("model.width", "32"),
        ("model.intermediate", "64"),
        ("model.vocabulary", "1000"),
        ("model.pooling", "cls"),
    ];
    let pretrained = folder.path().join("pretrained");
    let options = SessionOptions {
        runs: folder.path(),
        tensorboard: false,
        control: &Control::default(),
        notify: &modelwright_data::quiet,
    };
    let plan = Plan::new(
        &layers(&[&text[..], &mini].concat()),
        &modelwright_data::quiet,
    )
    .unwrap();
    let session = Session::start(plan, options).unwrap();
    let Ended::Finished(report) = session.run(Box::new(|_: &Event| {})).unwrap() else {
        panic!("it did not finish")
    };
    for tuning in [
        [("model.lora_rank", "4"), ("model.lora_dropout", "0.2")],
        [("model.layer_decay", "0.5"), ("model.frozen_layers", "1")],
    ] {
        let source = pretrained.display().to_string();
        let settings = [&text[..], &tuning, &[("model.weights", &source)]].concat();
        let weights = |stops: &[usize]| {
            std::fs::rename(&report.bundle, &pretrained).unwrap();
            let gone = || {
                if pretrained.exists() {
                    std::fs::rename(&pretrained, &report.bundle).unwrap();
                }
            };
            let weights = weights_and(folder.path(), &settings, stops, &gone);
            gone();
            weights
        };
        assert!(
            weights(&[]) == weights(&[1, 3]),
            "{tuning:?}: the weights differ"
        );
    }
}

#[test]
fn data_that_has_changed_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t.csv");
    let rows = |from: usize| -> String {
        let line = |i: usize| format!("{},{},{}\n", i, i * i % 17, i % 3);
        "a,b,label\n".to_string() + &(from..from + 60).map(line).collect::<String>()
    };
    std::fs::write(&table, rows(0)).unwrap();
    let mut layers = Layers::default();
    layers
        .set("data.source", &table.display().to_string())
        .unwrap();
    let control = Control::default();
    let options = |control| SessionOptions {
        runs: folder.path(),
        tensorboard: false,
        control,
        notify: &modelwright_data::quiet,
    };
    let plan = Plan::new(&layers, &modelwright_data::quiet).unwrap();
    let session = Session::start(plan, options(&control)).unwrap();
    let id = session.id().to_string();
    let stop = |event: &Event| {
        if matches!(event, Event::Step { .. }) {
            control.stop();
        }
    };
    session.run(Box::new(stop)).unwrap();
    std::fs::write(&table, rows(1)).unwrap();
    let control = Control::default();
    let Err(error) = Session::resume(&id, options(&control)) else {
        panic!("it went on with other data")
    };
    assert!(error.to_string().contains("has changed"), "{error}");
    std::fs::write(&table, rows(0)).unwrap();
    assert!(Session::resume(&id, options(&control)).is_ok());
}
