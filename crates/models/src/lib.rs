//! Architectures and other people's weights.
//!
//! An architecture is a Burn [`Module`](burn::module::Module) with a config; its parameters carry
//! PyTorch's names and layouts, so a state dict written by either side is read by the other without
//! a translation table; text encoders alone need one, because their names differ from family to
//! family. Layers come through one door, [`modelwright_kernels::nn`].
//!
//! This crate reads no data set, prints nothing and does not train.

pub mod catalog;
mod config;
mod decoder;
mod error;
mod fresh;
pub mod gguf;
pub mod hub;
mod image_net;
mod language_config;
mod lenet;
mod linear;
mod mlp;
mod projection;
mod resnet;
mod size;
mod table_net;
mod text;
mod tokenizer;
pub mod weights;

pub use config::{
    Adapter, BertConfig, BertMiniConfig, LenetConfig, LinearConfig, LoraTarget, MlpConfig,
    ModelConfig, Pooling, ResNetConfig, Stem, TextCnnConfig,
};
pub use decoder::{
    Base, Block, DecoderConfig, DecoderFamily, DecoderNet, LanguageModel, RopeScaling, Stored,
    decoder_weights, peft_files,
};
pub use error::ModelError;
pub use image_net::{ImageNet, load_pretrained, pretrained_stem};
pub use language_config::{GptMiniConfig, TunedConfig};
pub use lenet::Lenet;
pub use linear::LinearModel;
pub use mlp::Mlp;
pub use projection::Lora;
pub use resnet::ResNet;
pub use table_net::TableNet;
pub use text::{
    ADAPTER, Classifier, Encoder, EncoderConfig, Exported, Family, HiddenActivation, Pretrained,
    Purpose, SentenceNet, SpanNet, TextCnn, TextNet, TokenBatch, export,
};
pub use tokenizer::{Encoded, StreamDecoder, Tokenizer, TokenizerKind, Window};
