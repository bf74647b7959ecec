//! Encoders with a head: for classes, for sentences, for spans.

use super::batch::TokenBatch;
use super::blueprint::{Blueprint, Head};
use super::encoder::Encoder;
use super::stored::stored;
use super::text_cnn::TextCnn;
use crate::catalog;
use crate::config::{ModelConfig, Pooling};
use crate::error::ModelError;
use crate::fresh::Fresh;
use crate::{size, weights};
use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use modelwright_kernels::nn::{Dropout, Linear};

/// A network from texts to logits.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one value a process; boxing would buy nothing
pub enum TextNet {
    /// Convolutions over words.
    Cnn(TextCnn),
    /// An encoder with a classifier.
    Encoder(Classifier),
}

impl TextNet {
    /// Builds `config` for a tokenizer of `vocabulary` ids, with fresh weights; the body of `bert` is
    /// empty and waits to be loaded.
    pub fn new(
        config: &ModelConfig,
        vocabulary: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        if let ModelConfig::TextCnn(c) = config {
            size::check(config, &[vocabulary], outputs)?;
            return Ok(Self::Cnn(TextCnn::new(c, vocabulary, outputs, device)?));
        }
        let blueprint = checked(config, vocabulary, Head::Classes(outputs))?;
        Ok(Self::Encoder(Classifier::new(&blueprint, device)))
    }

    /// From the files of a bundle: `model.safetensors`, and `adapter_model.safetensors` if the adapter
    /// was kept apart, which then becomes part of the weights. The error is a sentence.
    pub fn from_bundle(
        config: &ModelConfig,
        vocabulary: usize,
        outputs: usize,
        model: &[u8],
        adapter: Option<&[u8]>,
        device: &Device,
    ) -> Result<Self, String> {
        if let ModelConfig::TextCnn(_) = config {
            catalog::check_file(config, &[vocabulary], outputs, model.len())?;
            let net = Self::new(config, vocabulary, outputs, device).map_err(|e| e.to_string())?;
            return weights::apply(net, weights::from_bytes(model)?);
        }
        let head = Head::Classes(outputs);
        let (blueprint, state) = stored(config, vocabulary, head, model, adapter)?;
        weights::apply(Self::Encoder(Classifier::new(&blueprint, device)), state)
    }

    /// Logits, `[batch, outputs]`.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<2> {
        match self {
            Self::Cnn(m) => m.forward(batch),
            Self::Encoder(m) => m.forward(batch),
        }
    }

    /// The word vectors of tokens, `[batch, seq, features]`.
    pub fn words(&self, batch: &TokenBatch) -> Tensor<3> {
        match self {
            Self::Cnn(m) => m.words(batch),
            Self::Encoder(m) => m.encoder.words(batch),
        }
    }

    /// [`Self::forward`] with other word vectors than those of the ids: how the logits change with
    /// each word.
    pub fn forward_words(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        match self {
            Self::Cnn(m) => m.forward_words(words, batch),
            Self::Encoder(m) => m.forward_words(words, batch),
        }
    }

    /// The features that the logits are made of, `[batch, features]`; texts that are alike to the
    /// network are close to each other in them.
    pub fn hidden(&self, batch: &TokenBatch) -> Tensor<2> {
        match self {
            Self::Cnn(m) => m.hidden(m.words(batch), batch),
            Self::Encoder(m) => m.hidden(m.encoder.words(batch), batch),
        }
    }
}

/// An encoder whose text vector goes through a linear layer, as transformers'
/// `…ForSequenceClassification`.
#[derive(Module, Debug)]
pub struct Classifier {
    /// The body.
    pub encoder: Encoder,
    classifier: Linear,
    dropout: Dropout,
    /// RoBERTa drops before its dense layer too.
    drops_twice: bool,
}

impl Classifier {
    fn new(blueprint: &Blueprint, device: &Device) -> Self {
        Self {
            encoder: blueprint.body(device),
            classifier: head(blueprint, device),
            dropout: Dropout::new(blueprint.encoder.head_dropout),
            drops_twice: blueprint.encoder.family.is_roberta(),
        }
    }

    /// Logits, `[batch, outputs]`.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<2> {
        self.forward_words(self.encoder.words(batch), batch)
    }

    /// [`Self::forward`] with other word vectors than those of the ids.
    fn forward_words(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        let text = self.hidden(words, batch);
        self.classifier.forward(self.dropout.forward(text))
    }

    /// The vector of each text that the logits are made of.
    fn hidden(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        match self.encoder.has_pooler() {
            true => {
                let first = self.encoder.first_words(words, batch);
                let first = match self.drops_twice {
                    true => self.dropout.forward(first),
                    false => first,
                };
                self.encoder.pooled(first)
            }
            false => mean(
                self.encoder.forward_words(words, batch),
                batch.mask.as_ref(),
            ),
        }
    }
}

/// An encoder that makes one vector of length 1 of each text, as sentence-transformers.
#[derive(Module, Debug)]
pub struct SentenceNet {
    /// The body.
    pub encoder: Encoder,
    takes_first: bool,
}

impl SentenceNet {
    /// Builds `config`, as [`TextNet::new`].
    pub fn new(
        config: &ModelConfig,
        vocabulary: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let blueprint = checked(config, vocabulary, Head::Sentences)?;
        Ok(Self::of(&blueprint, device))
    }

    /// From the files of a bundle, as [`TextNet::from_bundle`].
    pub fn from_bundle(
        config: &ModelConfig,
        vocabulary: usize,
        model: &[u8],
        adapter: Option<&[u8]>,
        device: &Device,
    ) -> Result<Self, String> {
        let (blueprint, state) = stored(config, vocabulary, Head::Sentences, model, adapter)?;
        weights::apply(Self::of(&blueprint, device), state)
    }

    fn of(blueprint: &Blueprint, device: &Device) -> Self {
        Self {
            encoder: blueprint.body(device),
            takes_first: blueprint.pooling == Pooling::Cls,
        }
    }

    /// How a vector is made of the tokens: `Cls` or `Mean`.
    pub fn pooling(&self) -> Pooling {
        match self.takes_first {
            true => Pooling::Cls,
            false => Pooling::Mean,
        }
    }

    /// Rows of length 1, `[batch, hidden]`.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<2> {
        let text = match self.takes_first {
            true => self.encoder.first(batch),
            false => mean(self.encoder.forward(batch), batch.mask.as_ref()),
        };
        let squares = text.clone() * text.clone();
        let length = squares.sum_dim(1).clamp_min(1e-24).sqrt();
        text / length
    }
}

/// An encoder that says where an answer starts and ends, as transformers' `…ForQuestionAnswering`.
#[derive(Module, Debug)]
pub struct SpanNet {
    /// The body.
    pub encoder: Encoder,
    spans: Linear,
    dropout: Dropout,
}

impl SpanNet {
    /// Builds `config`, as [`TextNet::new`].
    pub fn new(
        config: &ModelConfig,
        vocabulary: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let blueprint = checked(config, vocabulary, Head::Spans)?;
        Ok(Self::of(&blueprint, device))
    }

    /// From the files of a bundle, as [`TextNet::from_bundle`].
    pub fn from_bundle(
        config: &ModelConfig,
        vocabulary: usize,
        model: &[u8],
        adapter: Option<&[u8]>,
        device: &Device,
    ) -> Result<Self, String> {
        let (blueprint, state) = stored(config, vocabulary, Head::Spans, model, adapter)?;
        weights::apply(Self::of(&blueprint, device), state)
    }

    fn of(blueprint: &Blueprint, device: &Device) -> Self {
        Self {
            encoder: blueprint.body(device),
            spans: head(blueprint, device),
            dropout: Dropout::new(blueprint.encoder.span_dropout),
        }
    }

    /// Logits of each token as the first and as the last of the answer, each `[batch, seq]`. Tokens that
    /// cannot be part of one, such as padding, have logits too.
    pub fn forward(&self, batch: &TokenBatch) -> (Tensor<2>, Tensor<2>) {
        let hidden = self.encoder.forward(batch);
        let [rows, seq, _] = hidden.dims();
        let logits = self.spans.forward(self.dropout.forward(hidden));
        let side = |i| logits.clone().narrow(2, i, 1).reshape([rows, seq]);
        (side(0), side(1))
    }
}

/// What is to be built, if it is not too large.
fn checked(config: &ModelConfig, vocabulary: usize, head: Head) -> Result<Blueprint, ModelError> {
    let blueprint = Blueprint::new(config, vocabulary, head)?;
    blueprint.check_size()?;
    Ok(blueprint)
}

/// The linear layer at the end; the weights of the body seldom have one that fits.
fn head(blueprint: &Blueprint, device: &Device) -> Linear {
    let fresh = Fresh {
        device,
        blank: false,
    };
    fresh.linear(blueprint.encoder.hidden, blueprint.outputs())
}

/// The mean of the hidden states of real tokens, `[batch, hidden]`.
fn mean(x: Tensor<3>, mask: Option<&Tensor<2, Bool>>) -> Tensor<2> {
    let [batch, seq, hidden] = x.dims();
    let share = match mask {
        Some(mask) => {
            let real = mask.clone().float();
            real.clone() / real.sum_dim(1).clamp_min(1.0)
        }
        None => Tensor::full([batch, seq], 1.0 / seq as f64, &x.device()),
    };
    // As a product: nothing of the size of `x` is written.
    share
        .unsqueeze_dim::<3>(1)
        .matmul(x)
        .reshape([batch, hidden])
}
