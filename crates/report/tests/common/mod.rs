//! A trained model and the report on it.
#![allow(dead_code)] // each test file uses its part

use burn::tensor::Device;
use modelwright_data::{Dataset, OpenOptions, Part, open, quiet};
use modelwright_report::{About, Again, Columns, Options, Report, Subject, build};
use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Plan, Predictor, Session, SessionOptions, load};
use modelwright_train::recipe::Layers;
use modelwright_train::{Control, Event, Recipe};

/// A trained model in a folder of its own.
pub struct Trained {
    _folder: tempfile::TempDir,
    pub bundle: std::path::PathBuf,
    pub predictor: Box<dyn Predictor>,
    pub recipe: Recipe,
}

pub fn train(source: &str, settings: &[(&str, &str)]) -> Trained {
    let folder = tempfile::tempdir().unwrap();
    let mut layers = Layers::default();
    layers.set("data.source", source).unwrap();
    layers.set("training.threads", "2").unwrap();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    let plan = Plan::new(&layers, &quiet).unwrap();
    let recipe = plan.recipe.clone();
    let options = SessionOptions {
        runs: folder.path(),
        tensorboard: false,
        control: &Control::default(),
        notify: &quiet,
    };
    let session = Session::start(plan, options).unwrap();
    let Ended::Finished(report) = session.run(Box::new(|_: &Event| {})).unwrap() else {
        panic!("it was not stopped");
    };
    let predictor = load(&Bundle::open(&report.bundle).unwrap(), Device::flex()).unwrap();
    Trained {
        _folder: folder,
        bundle: report.bundle,
        predictor,
        recipe,
    }
}

pub fn data(source: &str) -> Dataset {
    let options = OpenOptions {
        data_dir: None,
        encoding: "auto",
        skip_bad: false,
        notify: &quiet,
    };
    open(source, options).unwrap()
}

/// What trains again, in a folder.
pub fn again<'a>(folder: &'a std::path::Path, control: &'a Control) -> Again<'a> {
    Again {
        folder,
        control,
        notify: &quiet,
    }
}

/// The report on the test part, or on all if `whole`.
pub fn report(trained: &Trained, dataset: &Dataset, whole: bool, options: Options) -> Report {
    let predictor = &*trained.predictor;
    let parts = predictor.parts(dataset, &trained.recipe).unwrap();
    let rows: Vec<usize> = (0..parts.len())
        .filter(|i| whole || parts[*i] == Part::Test)
        .collect();
    let subject = Subject::new(predictor, dataset, &rows).unwrap();
    let options = Options {
        about: Some(About {
            run: "model".into(),
            task: trained.recipe.task.clone(),
            source: dataset.source.clone(),
            part: "test".into(),
            ..About::default()
        }),
        columns: Columns {
            text: options.columns.text,
            target: trained.recipe.data.target.as_deref(),
        },
        parts: options.parts.or(if whole { None } else { Some(&parts) }),
        seed: 1,
        ..options
    };
    build(&subject, &options).unwrap()
}
