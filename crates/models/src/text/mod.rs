//! Networks that read texts: pretrained encoders of the BERT family, small ones that are trained from
//! scratch, and convolutions over words.
//!
//! All take a [`TokenBatch`]. An encoder's parameters have one set of names in memory; the names of
//! Hugging Face's files, which differ from family to family, are translated on the way in and out
//! (`names.rs`), so that transformers and PEFT load what is written here.

pub(crate) mod adapter;
mod batch;
mod blueprint;
mod encoder;
mod encoder_config;
mod encoder_json;
pub(crate) mod folder;
mod names;
mod nets;
mod pretrained;
mod stored;
mod text_cnn;

pub use batch::TokenBatch;
pub(crate) use blueprint::{Blueprint, Head};
pub use encoder::Encoder;
pub use encoder_config::{EncoderConfig, Family, HiddenActivation};
pub use nets::{Classifier, SentenceNet, SpanNet, TextNet};
pub use pretrained::Pretrained;
pub use stored::{ADAPTER, Exported, Purpose, export};
pub use text_cnn::TextCnn;
