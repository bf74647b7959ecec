//! The seed of what is random inside a network: initial weights and dropout.
//!
//! It belongs to the thread, so that two trainings in one process do not disturb each other (as long as
//! they are not tasks of one thread pool, whose threads are lent from task to task), and is
//! set anew at every step: what is drawn then depends on the step alone, and a resumed training draws
//! the same.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, in which dropout on this thread drops nothing although gradients are recorded: how the
/// answer of a finished network changes with its input.
pub fn without<R>(work: impl FnOnce() -> R) -> R {
    /// Sets the noise back, also when `work` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _before = Before(OFF.replace(true));
    work()
}

/// Whether there is no noise now.
pub(crate) fn is_off() -> bool {
    OFF.get()
}

/// Sets this thread's seed.
pub fn seed(seed: u64) {
    STATE.set((seed, 0));
}

/// The next of the seeds that follow from this thread's seed.
pub fn next() -> u64 {
    let (seed, count) = STATE.get();
    STATE.set((seed, count + 1));
    mix(seed ^ mix(count))
}

/// The finalizer of splitmix64 (Steele et al. 2014).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
