//! Architectures and other people's weights.
//!
//! An architecture is a Burn [`Module`](burn::module::Module) with a config; its parameters carry
//! PyTorch's names and layouts, so a state dict written by either side is read by the other without
//! a translation table. Layers come through one door, [`modelwright_kernels::nn`].
//!
//! This crate reads no data set, prints nothing and does not train.

pub mod catalog;
mod config;
mod error;
pub mod hub;
mod image_net;
mod lenet;
mod linear;
mod mlp;
mod resnet;
mod size;
mod table_net;
pub mod weights;

pub use config::{LenetConfig, LinearConfig, MlpConfig, ModelConfig, ResNetConfig, Stem};
pub use error::ModelError;
pub use image_net::{ImageNet, load_pretrained, pretrained_stem};
pub use lenet::Lenet;
pub use linear::LinearModel;
pub use mlp::Mlp;
pub use resnet::ResNet;
pub use table_net::TableNet;
