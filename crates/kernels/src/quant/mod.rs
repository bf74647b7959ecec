//! Matrices whose weights stay quantized: the formats of GGUF files and products with them.
//!
//! ```text
//! file's blocks → packed (16 rows together, same codes, same scales) ┐
//! x [n, cols] → activation (rounded to int8 blocks)                  ┴→ tiles: integer sums of a
//!     block, then scales → out [n, rows]
//! ```
//!
//! - `format`, `blocks`: what is in a file, exactly; [`dequantize`].
//! - `packed`: the order in memory, the same for every instruction set.
//! - `activation`: the other factor, rounded as llama.cpp does.
//! - `lanes`: registers of an instruction set; `unpack`: codes as registers.
//! - `small`, `large`, `dense`: the kernels for blocks of 32, of 256, and for numbers with a point, driven
//!   by `tiles`; `columns`: weights back as f32, for training.
//! - `matrix`: [`Matrix`], and how work is shared by threads.

mod activation;
mod blocks;
mod columns;
mod dense;
mod format;
pub(crate) mod half;
pub(crate) mod lanes;
mod large;
mod matrix;
mod packed;
mod small;
mod tiles;
mod unpack;

pub use blocks::{dequantize, quantize_q8_0};
pub use format::Format;
pub use matrix::{Matrix, products};

#[cfg(test)]
mod tests;
