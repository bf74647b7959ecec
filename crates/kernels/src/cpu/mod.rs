//! Kernels on slices: no tensor, no graph, no task.
//!
//! Pictures are channels-last, `[n, h, w, c]`; rows are `[rows, c]`. In the order in which one would
//! read them: what everything uses, then pictures, then rows and sequences, then the optimizer.

pub mod math;

mod erf;
pub(crate) mod rows;
pub(crate) mod transpose;

pub mod batch_norm;
pub mod batch_norm_backward;
pub(crate) mod batch_norm_statistics;
pub(crate) mod batch_norm_sums;
pub mod bf16;
pub(crate) mod channel_lanes;
pub mod conv;
pub mod epilogue;
pub mod pool;
pub mod pool_average;
pub mod pool_global;
pub mod pool_max;
pub mod winograd;

pub mod activation;
pub mod attention;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
pub mod layer_norm;
pub mod loss;
pub mod norm_rows;
pub mod rotary;
pub mod softmax;
pub mod swiglu;

pub mod optim;

#[doc(hidden)]
pub mod peak;

#[cfg(test)]
pub(crate) mod testing;
