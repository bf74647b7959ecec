//! Which models `serve` and `studio` are told to serve, and under which names.

use super::{bundle_folder, text};
use anyhow::Result;
use clap::ArgMatches;
use modelwright_serve::ServeError;
use modelwright_serve::chat::ChatSource;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A model to serve.
pub enum Given {
    /// One that predicts.
    Bundle(PathBuf),
    /// One that talks.
    Talks(ChatSource),
}

/// Names and places of the models that `serve` was given.
pub fn given(m: &ArgMatches, runs: &Path) -> Result<Vec<(String, Given)>> {
    let given: Vec<&String> = m.get_many("bundles").into_iter().flatten().collect();
    let name = text(m, "name");
    if name.is_some() && given.len() > 1 {
        return Err(ServeError::setup(
            "--name is for one model",
            "put the names before the models: NAME=MODEL",
        )
        .into());
    }
    let mut taken = BTreeSet::new();
    let mut all = Vec::new();
    for model in given {
        let (own, model) = named(model, runs)?;
        let name = name.map_or(own, String::from);
        if !taken.insert(name.clone()) {
            return Err(ServeError::setup(
                format!("two models are called `{name}`"),
                "put a name of its own before each: NAME=MODEL",
            )
            .into());
        }
        all.push((name, model));
    }
    Ok(all)
}

/// A model that talks, by path or name of its run, with its name.
pub fn talking_model(given: &str, runs: &Path) -> Result<(String, ChatSource)> {
    match named(given, runs)? {
        (name, Given::Talks(source)) => Ok((name, source)),
        (_, Given::Bundle(path)) => Err(ServeError::setup(
            format!("{} does not talk", path.display()),
            "give a GGUF file, a folder or hub id of a language model, a run of the task chat, or an \
             assistant's folder",
        )
        .into()),
    }
}

/// `NAME=MODEL`, or a model that is called like its run, folder or file.
fn named(given: &str, runs: &Path) -> Result<(String, Given)> {
    // A folder may have the sign in its name.
    if !Path::new(given).exists()
        && let Some((name, model)) = given.split_once('=')
    {
        return Ok((name.into(), model_at(model, runs)?.1));
    }
    model_at(given, runs)
}

/// A model with the name that it has by itself.
fn model_at(given: &str, runs: &Path) -> Result<(String, Given)> {
    let path = bundle_folder(given, runs)?;
    let model = match ChatSource::at(&path.to_string_lossy()) {
        Some(source) => Given::Talks(source),
        None => Given::Bundle(path.clone()),
    };
    Ok((own_name(&path), model))
}

/// What a file or folder is called.
fn own_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.into());
    let own = match full.file_name() {
        // The folder of every run has one of this name.
        Some(name) if name == "bundle" => full.parent().and_then(Path::file_name),
        Some(_) if is_gguf(&full) => full.file_stem(),
        name => name,
    };
    own.unwrap_or_default().to_string_lossy().into_owned()
}

fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
}
