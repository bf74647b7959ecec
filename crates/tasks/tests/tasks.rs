//! One contract for every task: train two steps, stop, resume, evaluate, bundle, load, predict.

use burn::tensor::Device;
use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Plan, Prediction, Session, SessionOptions, load, registry};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};

/// The smallest real data for each task, with what has to be said of it.
fn smallest_data(task: &str) -> &'static [(&'static str, &'static str)] {
    match task {
        "image-classification" => &[("data.source", "digits")],
        "tabular-classification" => &[("data.source", "iris")],
        "tabular-regression" => &[("data.source", "ames")],
        "text-classification" => &[
            ("data.source", "faq"),
            ("data.text", "question"),
            ("data.target", "category"),
            ("model.vocabulary", "2000"),
        ],
        "text-embedding" => &[
            ("task", "text-embedding"),
            ("data.source", "faq"),
            ("data.text", "question"),
            ("data.target", "answer"),
            ("model.architecture", "bert-mini"),
            ("model.width", "32"),
            ("training.batch_size", "32"),
            ("model.vocabulary", "2000"),
        ],
        "question-answering" => &[
            ("data.source", "../../tests/data/squad/product.json"),
            ("model.layers", "1"),
            ("model.width", "64"),
            ("model.vocabulary", "600"),
        ],
        "chat" => &[
            ("task", "chat"),
            ("data.source", "faq"),
            ("model.layers", "1"),
            ("model.width", "32"),
            ("model.heads", "2"),
            ("model.max_length", "64"),
            ("model.vocabulary", "400"),
        ],
        other => panic!("{other} has no data in this test; add some"),
    }
}

fn layers(task: &str) -> Layers {
    let mut layers = Layers::default();
    let common = [("training.epochs", "1"), ("data.limit", "128")];
    for (key, value) in common.iter().chain(smallest_data(task)) {
        layers.set(key, value).unwrap();
    }
    layers
}

#[test]
fn every_task_keeps_the_contract() {
    for task in registry::TASKS {
        let name = task.info().name;
        let folder = tempfile::tempdir().unwrap();
        let control = Control::default();
        let options = |control| SessionOptions {
            runs: folder.path(),
            tensorboard: false,
            control,
            notify: &modelwright_data::quiet,
        };
        let plan = Plan::new(&layers(name), &modelwright_data::quiet).unwrap();
        assert_eq!(plan.recipe.task, name, "the task is guessed from the data");
        let dataset = plan.dataset.clone();
        let session = Session::start(plan, options(&control)).unwrap();
        let id = session.id().to_string();
        let stop_after_two = |event: &Event| {
            if matches!(event, Event::Step { step: 2, .. }) {
                control.stop();
            }
        };
        let ended = session.run(Box::new(stop_after_two)).unwrap();
        assert!(matches!(ended, Ended::Interrupted), "{name}");

        let control = Control::default();
        let session = Session::resume(&id, options(&control)).unwrap();
        let mut resumed_at = 0;
        let watch = |event: &Event| {
            if let Event::Started { resumed_at: at, .. } = event {
                resumed_at = *at;
            }
        };
        let Ended::Finished(report) = session.run(Box::new(watch)).unwrap() else {
            panic!("{name} did not finish")
        };
        assert_eq!(resumed_at, 2, "{name}");
        assert!(report.evaluation.examples() > 10, "{name}");

        let bundle = Bundle::open(&report.bundle).unwrap();
        assert_eq!(bundle.config.task, name);
        let predictor = load(&bundle, Device::flex()).unwrap();
        let predictions = predictor.predict("test", &dataset.content, 0..5).unwrap();
        assert_eq!(predictions.len(), 5, "{name}");
        for prediction in predictions {
            match prediction {
                Prediction::Class { probabilities, .. } => {
                    let sum: f32 = probabilities.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-4, "{name}: {sum}");
                    assert_eq!(probabilities.len(), predictor.labels().len());
                }
                Prediction::Value { value } => assert!(value.is_finite(), "{name}"),
                Prediction::Labels {
                    labels,
                    probabilities,
                } => {
                    assert_eq!(probabilities.len(), predictor.labels().len());
                    let given = probabilities.iter().filter(|p| **p >= 0.5).count();
                    assert_eq!(labels.len(), given, "{name}");
                }
                Prediction::Span {
                    answer, start, end, ..
                } => assert_eq!(answer.chars().count(), end - start, "{name}"),
                Prediction::Text { tokens, .. } => assert!(tokens > 0, "{name}"),
                Prediction::Vector { values } => {
                    let length: f32 = values.iter().map(|v| v * v).sum();
                    assert!((length - 1.0).abs() < 1e-4, "{name}: {length}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        // The loaded predictor gives the evaluation that the run recorded.
        let recipe = toml::from_slice(&bundle.read("recipe.toml").unwrap()).unwrap();
        let parts = predictor.parts(&dataset, &recipe).unwrap();
        let rows: Vec<usize> = (0..parts.len())
            .filter(|i| parts[*i] == report.scored_on)
            .collect();
        assert_eq!(
            predictor.evaluate(&dataset, &rows).unwrap(),
            report.evaluation,
            "{name}"
        );
    }
}
