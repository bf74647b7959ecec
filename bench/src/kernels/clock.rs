//! Repeats a kernel and keeps the fastest time.

use cpu_time::ThreadTime;
use std::hint::black_box;
use std::time::Instant;

/// Fewest and most repetitions that are timed.
const REPEATS: [usize; 2] = [5, 2000];
/// Repetitions before that.
const WARM_UP: usize = 2;

/// Times of one kernel, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The fastest: the one that other processes disturbed least.
    pub fastest: f64,
    /// The median.
    pub median: f64,
    /// How many were timed.
    pub repeats: usize,
}

impl Times {
    /// These times without what `other` took.
    pub fn without(self, other: Self) -> Self {
        // A clock's tick, so that no rate becomes infinite.
        let least = 1e-8;
        Self {
            fastest: (self.fastest - other.fastest).max(least),
            median: (self.median - other.median).max(least),
            repeats: self.repeats,
        }
    }
}

/// Calls `run` on what `prepare` makes until `seconds` have passed. Only `run` is on the clock;
/// what it returns is dropped outside. As everywhere in this crate, the clock is that of the processor
/// with one thread, and of the wall with more.
pub fn times<S, R>(
    seconds: f64,
    mut prepare: impl FnMut() -> S,
    mut run: impl FnMut(S) -> R,
) -> Times {
    for _ in 0..WARM_UP {
        black_box(run(prepare()));
    }
    let (started, mut all) = (Instant::now(), Vec::new());
    while all.len() < REPEATS[0]
        || (all.len() < REPEATS[1] && started.elapsed().as_secs_f64() < seconds)
    {
        let state = prepare();
        let (wall, processor) = (Instant::now(), ThreadTime::now());
        let result = black_box(run(state));
        let elapsed = match rayon::current_num_threads() {
            1 => processor.elapsed(),
            _ => wall.elapsed(),
        };
        all.push(elapsed.as_secs_f64());
        drop(result);
    }
    all.sort_by(f64::total_cmp);
    Times {
        fastest: all[0],
        median: all[all.len() / 2],
        repeats: all.len(),
    }
}
