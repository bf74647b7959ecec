//! Fast CPU operations for training and inference, and the layers that use them.
//!
//! - [`nn`] and [`optim`] are what architectures and the training loop use.
//! - [`ops`] makes the kernels operations of Burn's backends, each with its own backward pass.
//! - [`cpu`] are the kernels: functions on slices that know no tensor.
//! - [`quant`] are matrices whose weights stay quantized, [`decode`] what else generation computes.
//!
//! This is the only crate with `unsafe` code. It knows no model, file or task.

pub mod buffer;
pub mod cpu;
pub mod decode;
mod graph;
pub mod isa;
pub mod nn;
pub mod noise;
pub mod ops;
pub mod optim;
pub mod par;
pub mod precision;
pub mod quant;
pub mod real;
mod tensor;
