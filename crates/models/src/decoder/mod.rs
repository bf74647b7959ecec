//! Language models that read from left to right: Llama and its kin, and GPT-2.
//!
//! Inside, every family has one set of names and one layout: Hugging Face's names of Llama, weights
//! `[out, in]`, the features of a head rotated by halves. What files do otherwise (GGUF's names and
//! interleaved rows, GPT-2's fused and transposed layers) ends in `source.rs` and `names.rs`.

mod adapter;
mod attention;
mod config;
mod config_gguf;
mod config_hf;
mod folder;
mod layers;
mod lora;
mod model;
mod names;
mod net;
mod origin;
mod save;
mod source;
mod stored;
mod template;

pub use config::{DecoderConfig, DecoderFamily, RopeScaling};
pub use lora::Base;
pub use model::LanguageModel;
pub use net::{Block, DecoderNet};
pub use save::{decoder_weights, peft_files};
pub use stored::Stored;
