//! What a decoder-only language model computes at inference beside its products ([`crate::quant`]):
//! functions on slices, without tensors and without a graph.
//!
//! Rows are tokens, of one conversation or of several together: a prompt has many rows, generation one
//! for each conversation. What a row gets does not depend on the rows beside it, nor on the number of
//! threads, bit for bit. Threads share work only where there is enough of it; call these functions
//! inside of a rayon pool, because handing each of them to one from outside costs more than its work.

mod attention;
mod pages;
mod rows;

pub use crate::cpu::rotary::Rotary;
pub use attention::{Seen, paged_attention};
pub use pages::KvPages;
pub use rows::{add, add_rows, gelu_tanh, layer_norm, rms_norm, swiglu};
