//! The runs whose models are served; they are served again when the studio starts again.

use crate::jobs::lock;
use crate::{Problem, Studio};
use modelwright_runs::{RunError, write_file};
use modelwright_serve::ServeError;
use modelwright_serve::chat::ChatSource;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Beside the run store: the names of these runs, as JSON.
const FILE: &str = "served.json";
/// Longest part of a run's name that is taken over.
const LONGEST: usize = 60;

/// Held from reading the list to writing it.
static CHANGE: Mutex<()> = Mutex::new(());

/// Serves the model of a run.
pub(super) fn start(studio: &Studio, run: &str) -> Result<(), Problem> {
    let _change = lock(&CHANGE);
    add(studio, run, &studio.store()?.folder(run).bundle())?;
    let mut runs = read(studio);
    runs.insert(run.into());
    Ok(write(studio, &runs)?)
}

/// Ends it.
pub(super) fn stop(studio: &Studio, run: &str) -> Result<(), Problem> {
    let _change = lock(&CHANGE);
    studio.models().remove(&model_name(run));
    studio.serve().chat.remove(&model_name(run));
    let mut runs = read(studio);
    runs.remove(run);
    Ok(write(studio, &runs)?)
}

/// Serves what was served when the studio ended. A model that cannot be loaded is passed over: the
/// others, and the pages, are of use without it.
pub(crate) fn restore(studio: &Studio) {
    for run in read(studio) {
        let bundle = studio.runs().join(&run).join("bundle");
        if let Err(error) = add(studio, &run, &bundle) {
            tracing::warn!(run, %error, "its model is not served again");
        }
    }
}

/// Serves a bundle by what it does: predict or talk.
fn add(studio: &Studio, run: &str, bundle: &Path) -> Result<(), ServeError> {
    let (name, chat) = (model_name(run), &studio.serve().chat);
    match ChatSource::at(&bundle.to_string_lossy()) {
        None => studio.models().add(&name, bundle),
        Some(_) if chat.find(&name).is_some() => Ok(()),
        Some(source) => chat.load(&name, &source, studio.engine()),
    }
}

fn file(studio: &Studio) -> PathBuf {
    studio.runs().join(FILE)
}

/// The list; none if there is no file yet or it cannot be read.
fn read(studio: &Studio) -> BTreeSet<String> {
    let bytes = std::fs::read(file(studio)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn write(studio: &Studio, runs: &BTreeSet<String>) -> Result<(), RunError> {
    let text = serde_json::to_vec_pretty(runs).unwrap_or_default();
    write_file(&file(studio), &text)
}

/// The name under which a run's model is served: the run's own, if that can stand in an address.
pub(crate) fn model_name(run: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = run.chars().filter(plain).take(LONGEST).collect();
    if name == run && !name.starts_with('.') {
        return name;
    }
    // Two runs that differ only in other letters must not get one name. The hasher's keys are fixed,
    // so that the name is the same tomorrow.
    let mut hash = DefaultHasher::new();
    run.hash(&mut hash);
    let name = name.trim_matches(['-', '.']);
    format!("model-{name}-{:08x}", hash.finish() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_addresses_and_do_not_collide() {
        assert_eq!(model_name("digits-mlp-1"), "digits-mlp-1");
        let (cat, dog) = (model_name("猫-mlp-1"), model_name("狗-mlp-1"));
        assert!(cat.starts_with("model-mlp-1-") && cat.is_ascii());
        assert_ne!(cat, dog);
        assert!(model_name(&"long".repeat(50)).len() < 100);
    }
}
