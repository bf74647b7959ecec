//! One loaded bundle.

use crate::batcher::{Batcher, Open};
use crate::error::ServeError;
use crate::input::PLACE;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::stamp::Stamp;
use crate::tokens::hex;
use burn::tensor::Device;
use modelwright_data::Content;
use modelwright_models::Tokenizer;
use modelwright_runs::{Bundle, CONFIG, MODEL};
use modelwright_tasks::{
    InputSchema, OutputSchema, Prediction, Predictor, STACK, SentenceEncoder, TaskError, load,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tokens of a text that are counted at most.
const TOKENS: usize = 1 << 20;
/// Digits of a bundle's digest that are shown.
const DIGITS: usize = 12;

/// A version of a model: a bundle in memory with the thread that computes.
pub(crate) struct Version {
    /// Its number among the versions of this model, from 1.
    pub number: u64,
    /// The bundle's folder as it was given.
    pub source: PathBuf,
    /// The file that says whether it was replaced, as it was when it was read.
    pub stamp: Option<Stamp>,
    /// Start of the SHA-256 of the bundle's description, which has those of its files.
    pub digest: String,
    /// The run that made it.
    pub run: String,
    /// Its task.
    pub task: String,
    /// Its architecture.
    pub architecture: String,
    /// Class names; empty where the answer is no class.
    pub labels: Arc<[String]>,
    /// What comes out.
    pub output: OutputSchema,
    input: InputSchema,
    /// Of a model that gives vectors.
    tokenizer: Option<Tokenizer>,
    // Before the batcher: its thread then drops the network, on a stack that is large enough.
    predictor: Arc<dyn Predictor>,
    batcher: Batcher,
}

impl Version {
    /// Loads a bundle; takes as long as it takes.
    pub fn load(
        model: &str,
        number: u64,
        source: &Path,
        limits: &Limits,
        metrics: &Metrics,
    ) -> Result<Self, ServeError> {
        let stamp = stamp(source);
        let Opened {
            digest,
            run,
            task,
            architecture,
            predictor,
            folder,
        } = open(source)?;
        let output = predictor.output();
        let vectors = matches!(output, OutputSchema::Vector { .. });
        let named = (model, &*number.to_string());
        let batcher = Batcher::start(named, predictor.clone(), limits, metrics.clone())?;
        Ok(Self {
            number,
            source: source.into(),
            stamp,
            digest,
            run,
            task,
            architecture,
            labels: predictor.labels().into(),
            output,
            // Without one, tokens cannot be counted; all else works.
            tokenizer: vectors.then(|| Tokenizer::open(&folder).ok()).flatten(),
            input: predictor.input(),
            predictor,
            batcher,
        })
    }

    /// What goes in.
    pub fn input(&self) -> &InputSchema {
        &self.input
    }

    /// Whether an address or a client means this version: by number or by digest.
    pub fn is(&self, name: &str) -> bool {
        name == self.digest || name.parse() == Ok(self.number)
    }

    /// See [`Batcher::open`].
    pub fn open(&self) -> Open {
        self.batcher.open()
    }

    /// See [`Batcher::open_requests`].
    pub fn open_requests(&self) -> usize {
        self.batcher.open_requests()
    }

    /// See [`Batcher::computed`].
    pub fn computed(&self) -> (u64, u64) {
        self.batcher.computed()
    }

    /// Content in the form that the model reads.
    pub fn prepare(&self, content: Content) -> Result<Content, ServeError> {
        let prepared = self.predictor.prepare(PLACE, content);
        prepared.map_err(|e| ServeError::prediction(&e))
    }

    /// How many tokens a text has for a model that gives vectors.
    pub fn tokens(&self, text: &str) -> usize {
        let tokenizer = self.tokenizer.as_ref();
        tokenizer.map_or(0, |tokenizer| tokenizer.encode(text, TOKENS).ids.len())
    }

    /// Predictions for prepared content.
    pub async fn predict(
        &self,
        content: Content,
        open: Open,
    ) -> Result<Vec<Prediction>, ServeError> {
        self.batcher.predict(content, open).await
    }
}

/// What was read of a model.
struct Opened {
    digest: String,
    run: String,
    task: String,
    architecture: String,
    predictor: Arc<dyn Predictor>,
    /// The folder of its files.
    folder: PathBuf,
}

/// Opens a bundle on a thread with a large stack: networks are built recursively.
fn open(source: &Path) -> Result<Opened, ServeError> {
    let path = source.to_path_buf();
    let open = move || -> Result<Opened, TaskError> {
        if is_of_others(&path) {
            return open_encoder(path);
        }
        let bundle = Bundle::open(&path)?;
        Ok(Opened {
            digest: digest(&bundle.read(CONFIG)?),
            predictor: load(&bundle, Device::flex())?.into(),
            folder: bundle.path().into(),
            run: bundle.config.run,
            task: bundle.config.task,
            architecture: bundle.config.model_type,
        })
    };
    let failed = |problem: &str| ServeError::own(format!("{}: {problem}", source.display()));
    let thread = std::thread::Builder::new()
        .name("loading".into())
        .stack_size(STACK)
        .spawn(open)
        .map_err(|e| failed(&e.to_string()))?;
    let opened = thread.join().map_err(|_| failed("loading it failed"))?;
    opened.map_err(|e| ServeError::bundle(&e))
}

/// Whether a folder is a sentence encoder of Hugging Face's and no bundle of ours.
fn is_of_others(folder: &Path) -> bool {
    let config = std::fs::read(folder.join(CONFIG)).ok();
    let config: Option<Value> = config.and_then(|text| serde_json::from_slice(&text).ok());
    let weights = [MODEL, "pytorch_model.bin"].map(|file| folder.join(file).exists());
    config.is_some_and(|c| c.get("modelwright_bundle").is_none() && c["model_type"].is_string())
        && weights.contains(&true)
}

fn open_encoder(folder: PathBuf) -> Result<Opened, TaskError> {
    let text = std::fs::read(folder.join(CONFIG)).unwrap_or_default();
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    let encoder = SentenceEncoder::open(&folder.to_string_lossy(), Device::flex())?;
    Ok(Opened {
        digest: digest(&text),
        // It was trained elsewhere.
        run: String::new(),
        task: "text-embedding".into(),
        architecture: config["model_type"].as_str().unwrap_or_default().into(),
        predictor: encoder.into_predictor().into(),
        folder,
    })
}

fn digest(content: &[u8]) -> String {
    hex(&Sha256::digest(content))[..DIGITS].to_string()
}

/// What changes when the bundle at `source`, or the one in a run folder, is replaced; `None` while
/// there is none.
pub(crate) fn stamp(source: &Path) -> Option<Stamp> {
    let inner = Stamp::of(&source.join("bundle").join(CONFIG));
    inner.or_else(|| Stamp::of(&source.join(CONFIG)))
}
