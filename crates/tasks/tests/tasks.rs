//! One contract for every task: train two steps, stop, resume, evaluate, bundle, load, predict.

use burn::tensor::Device;
use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Plan, Prediction, Session, SessionOptions, load, registry};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event};

/// The smallest real data for each task.
fn smallest_data(task: &str) -> &'static str {
    match task {
        "image-classification" => "digits",
        "tabular-classification" => "iris",
        "tabular-regression" => "ames",
        other => panic!("{other} has no data in this test; add some"),
    }
}

fn layers(source: &str) -> Layers {
    let mut layers = Layers::default();
    for (key, value) in [
        ("data.source", source),
        ("training.epochs", "1"),
        ("data.limit", "128"),
    ] {
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
        let plan = Plan::new(&layers(smallest_data(name)), &modelwright_data::quiet).unwrap();
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
