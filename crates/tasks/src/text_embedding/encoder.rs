//! A model that turns texts into vectors, from wherever it comes.

use super::NAME;
use crate::error::TaskError;
use crate::network;
use crate::text::{self, TokenSet};
use burn::tensor::Device;
use modelwright_models::{
    BertConfig, Exported, ModelConfig, Pretrained, SentenceNet, Tokenizer, weights,
};
use modelwright_runs::{Bundle, CONFIG, MODEL};
use serde_json::Value;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// A sentence encoder: a transformer, the mean (or first token) of its hidden states, length 1.
pub struct SentenceEncoder {
    net: SentenceNet,
    tokenizer: Tokenizer,
    max_length: usize,
    dimension: usize,
    digest: String,
    device: Device,
}

impl SentenceEncoder {
    /// Opens a bundle or run of this program, a folder of Hugging Face's or sentence-transformers', or a
    /// hub id.
    pub fn open(source: &str, device: Device) -> Result<Self, TaskError> {
        let path = Path::new(source);
        match is_bundle(path) || is_bundle(&path.join("bundle")) {
            true => Self::from_bundle(&Bundle::open(path)?, device),
            false => Self::pretrained(&Pretrained::open(source)?, device),
        }
    }

    /// The one in a bundle of the task `text-embedding`.
    pub fn from_bundle(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let task = &bundle.config.task;
        if task != NAME {
            return Err(TaskError::asked(
                format!(
                    "{} is a model for {task}, which gives no vectors",
                    bundle.path().display()
                ),
                format!("give a {NAME} model, or a sentence encoder of Hugging Face's"),
            ));
        }
        Self::in_bundle(bundle, device)
    }

    /// The one among the files of a bundle, whatever its task.
    pub(crate) fn in_bundle(bundle: &Bundle, device: Device) -> Result<Self, TaskError> {
        let config = network::config(bundle)?;
        let exported = text::exported_in(bundle, &config)?;
        let tokenizer = text::tokenizer_of(bundle)?;
        let encoder = Self::read(&config, &exported, tokenizer, device);
        Ok(encoder.map_err(|problem| bundle.broken(format!("{MODEL}: {problem}")))?)
    }

    /// One that is about to be put into a bundle.
    pub(crate) fn exported(
        config: &ModelConfig,
        exported: &Exported,
        tokenizer: Tokenizer,
        device: Device,
    ) -> Result<Self, TaskError> {
        let encoder = Self::read(config, exported, tokenizer, device);
        encoder.map_err(|problem| TaskError::asked(problem, ""))
    }

    fn read(
        config: &ModelConfig,
        exported: &Exported,
        tokenizer: Tokenizer,
        device: Device,
    ) -> Result<Self, String> {
        let (model, adapter) = (exported.model(), exported.adapter());
        let vocabulary = tokenizer.vocabulary();
        let net = SentenceNet::from_bundle(config, vocabulary, model, adapter, &device)?;
        Ok(Self::new(net, tokenizer, config, device))
    }

    /// One with other people's weights as they are.
    fn pretrained(source: &Pretrained, device: Device) -> Result<Self, TaskError> {
        let longest = source.config.longest();
        let mut config = ModelConfig::Bert(BertConfig {
            max_length: source.max_length.unwrap_or(longest).min(longest),
            ..BertConfig::default()
        });
        config.set_encoder(&source.config);
        Self::configured(&config, source, device)
    }

    /// One with other people's weights as they are, and settings of one's own.
    pub(crate) fn configured(
        config: &ModelConfig,
        source: &Pretrained,
        device: Device,
    ) -> Result<Self, TaskError> {
        let net = SentenceNet::new(config, source.tokenizer.vocabulary(), &device)?;
        let (net, _) = source.load_into(net, &[])?;
        Ok(Self::new(net, source.tokenizer.clone(), config, device))
    }

    /// A trained network with its tokenizer.
    pub(crate) fn new(
        net: SentenceNet,
        tokenizer: Tokenizer,
        config: &ModelConfig,
        device: Device,
    ) -> Self {
        let max_length = config.max_length().unwrap_or_default();
        Self {
            digest: digest(&net, &tokenizer, max_length),
            dimension: dimension(config),
            net,
            tokenizer,
            max_length,
            device,
        }
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Tokens of a text that are read at most.
    pub(crate) fn max_length(&self) -> usize {
        self.max_length
    }

    /// What splits texts into tokens.
    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The network.
    pub(crate) fn net(&self) -> &SentenceNet {
        &self.net
    }

    /// An encoder that does not know a larger share of the tokens than this cannot tell texts apart by
    /// their meaning.
    pub const MOST_UNKNOWN: f64 = 0.1;

    /// Share of the tokens of some texts that the encoder does not know.
    pub fn unknown<T: AsRef<str> + Sync>(&self, texts: &[T]) -> f64 {
        let Some(unknown) = self.tokenizer.unknown() else {
            return 0.0;
        };
        let tokens = TokenSet::new(&self.tokenizer, texts, self.max_length);
        let all = (0..tokens.len()).flat_map(|i| tokens.ids(i));
        let (count, missing) = all.fold((0usize, 0usize), |(count, missing), id| {
            (count + 1, missing + usize::from(*id == unknown))
        });
        // Each text is framed by two tokens that every encoder knows.
        missing as f64 / count.saturating_sub(2 * texts.len()).max(1) as f64
    }

    /// A hash of weights, tokenizer and settings. Encoders of one digest give the same vectors.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The vectors of texts, one after the other in their order, each of length 1. `batch` texts of like
    /// length go through the network at once; `told(done, total)` is called after each batch.
    pub fn embed<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        batch: usize,
        told: &dyn Fn(usize, usize),
    ) -> Vec<f32> {
        let tokens = TokenSet::new(&self.tokenizer, texts, self.max_length);
        let all: Vec<usize> = (0..texts.len()).collect();
        let mut done = 0;
        tokens.map(&all, batch.max(1), &self.device, |batch| {
            let [rows, _] = batch.ids.dims();
            let vectors = self.net.forward(&batch);
            done += rows;
            told(done, texts.len());
            vectors
        })
    }
}

/// Whether a folder is a bundle and not only Hugging Face's; what is wrong with it is told when it is
/// opened.
fn is_bundle(path: &Path) -> bool {
    let config = std::fs::read(path.join(CONFIG)).ok();
    let config: Option<Value> = config.and_then(|text| serde_json::from_slice(&text).ok());
    config.is_some_and(|config| config.get("modelwright_bundle").is_some())
}

/// Numbers of a vector: the width of the hidden states.
fn dimension(config: &ModelConfig) -> usize {
    match config {
        ModelConfig::Bert(c) => c.encoder.as_ref().map_or(0, |encoder| encoder.hidden),
        ModelConfig::BertMini(c) => c.width,
        _ => 0,
    }
}

fn digest(net: &SentenceNet, tokenizer: &Tokenizer, max_length: usize) -> String {
    let mut hash = Xxh3::new();
    for (name, values) in weights::collect(net) {
        hash.update(name.as_bytes());
        hash.update(values.as_bytes());
    }
    hash.update(&tokenizer.to_json());
    hash.update(&(max_length as u64).to_le_bytes());
    format!("{:032x}", hash.digest128())
}
