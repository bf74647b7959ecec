//! Vectors of texts, the index over them, FAQs and chats, from the data to the answer.

mod chat;
mod embedding;
mod faq;

use modelwright_runs::Bundle;
use modelwright_tasks::{Ended, Plan, Report, Session, SessionOptions, TaskError};
use modelwright_train::Control;
use modelwright_train::recipe::Layers;
use std::path::{Path, PathBuf};

/// Trains with some settings and opens the bundle.
fn train(runs: &Path, settings: &[(&str, &str)]) -> (Box<Report>, Bundle) {
    let control = Control::default();
    let options = SessionOptions {
        runs,
        tensorboard: false,
        control: &control,
        notify: &modelwright_data::quiet,
    };
    let session = Session::start(plan(settings).unwrap(), options).unwrap();
    let ended = session.run(Box::new(|_: &modelwright_train::Event| {}));
    let Ended::Finished(report) = ended.unwrap() else {
        panic!("not finished")
    };
    let bundle = Bundle::open(&report.bundle).unwrap();
    (report, bundle)
}

fn plan(settings: &[(&str, &str)]) -> Result<Plan, TaskError> {
    let mut layers = Layers::default();
    for (key, value) in settings {
        layers.set(key, value).unwrap();
    }
    Plan::new(&layers, &modelwright_data::quiet)
}

/// MiniLM's real weights, or a note that the test is skipped.
fn minilm() -> Option<String> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(PathBuf::from);
    let root = root.or_else(|| Some(cache.or_else(home)?.join("modelwright/test-data")))?;
    let folder = root.join("minilm");
    if !folder.join("config.json").exists() {
        println!(
            "skipped: no MiniLM in {}; run scripts/fetch-test-data",
            folder.display()
        );
        return None;
    }
    Some(folder.display().to_string())
}

/// A file of the repository.
fn shared(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join(path).display().to_string()
}
