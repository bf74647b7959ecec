//! The precision of products in a training.
//!
//! It belongs to the thread, as the seed of [`noise`](crate::noise) does. The training loop sets it
//! around the forward pass; an operation that is recorded for gradients reads it and keeps it for its
//! backward pass. Whatever is not recorded, as in evaluation and prediction, computes in f32.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// What the factors of products are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Nothing: products of f32.
    #[default]
    F32,
    /// bfloat16 in linear layers and 1x1 convolutions, with sums, weights and all else in f32.
    Bf16,
}

thread_local! {
    static CURRENT: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// The precision of what is recorded now.
pub(crate) fn current() -> Precision {
    CURRENT.get()
}

/// Runs `work`; what it records on this thread computes its products in `precision`.
pub fn with<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    /// Sets the precision back, also when `work` panics.
    struct Before(Precision);
    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _before = Before(CURRENT.replace(precision));
    work()
}
