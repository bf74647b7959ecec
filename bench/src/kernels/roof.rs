//! What this machine can do at most, measured: multiply-adds in registers, and bytes to and from
//! each level of memory.

use super::clock;
use modelwright_kernels::cpu::peak;
use modelwright_kernels::isa::Isa;
use std::hint::black_box;

/// Sizes at which bandwidth is measured, in bytes over all arrays and threads. The last is far
/// beyond any cache.
const SIZES: [usize; 9] = [
    64 << 10,
    256 << 10,
    1 << 20,
    4 << 20,
    8 << 20,
    16 << 20,
    32 << 20,
    64 << 20,
    256 << 20,
];
/// Bytes that are moved at least while the clock runs, so that its resolution does not matter.
const MOVED: usize = 32 << 20;
/// Rounds of multiply-adds while the clock runs: less than a millisecond, so that some measurement fits
/// between the turns of other processes.
const ROUNDS: usize = 200_000;
/// Seconds for each measurement.
const SECONDS: f64 = 0.2;

/// Bandwidth with data of one size.
#[derive(Debug, Clone, Copy)]
pub struct Bandwidth {
    /// Bytes of all arrays.
    pub bytes: usize,
    /// Bytes a second of `y = x`, read and written.
    pub copy: f64,
    /// Bytes a second of `z = x + a y`, read and written.
    pub triad: f64,
    /// Bytes a second of `z += a x`, read and written: what is written has been read, so no line is
    /// fetched only to be overwritten.
    pub update: f64,
}

impl Bandwidth {
    /// The best of them.
    pub fn best(self) -> f64 {
        self.copy.max(self.triad).max(self.update)
    }
}

/// The roofs with some number of threads.
#[derive(Debug, Clone)]
pub struct Roofs {
    /// Threads that computed.
    pub threads: usize,
    /// Operations a second of each instruction set, the one in use last.
    pub peaks: Vec<(Isa, f64)>,
    /// From small to large.
    pub bandwidths: Vec<Bandwidth>,
}

impl Roofs {
    /// Measures with one thread, or with all of the current pool.
    pub fn measure(all_threads: bool) -> Self {
        let threads = match all_threads {
            true => rayon::current_num_threads(),
            false => 1,
        };
        Self {
            threads,
            peaks: peak::sets()
                .into_iter()
                .map(|set| (set, rate(set, threads)))
                .collect(),
            bandwidths: SIZES
                .iter()
                .map(|bytes| bandwidth(*bytes, threads))
                .collect(),
        }
    }

    /// Operations a second of the instruction set in use.
    pub fn peak(&self) -> f64 {
        self.peaks.last().map_or(f64::NAN, |(_, rate)| *rate)
    }

    /// Bytes a second for a kernel that works on `data` bytes: of the smallest measured size that holds
    /// them, since what stays in a cache is not limited by memory.
    pub fn bandwidth(&self, data: f64) -> f64 {
        let holds = |b: &&Bandwidth| b.bytes as f64 >= data;
        let found = self.bandwidths.iter().find(holds);
        let found = found.or(self.bandwidths.last());
        found.map_or(f64::NAN, |b| b.best())
    }
}

/// Calls `work` on every one of `threads` threads at once.
fn on_each(threads: usize, work: impl Fn(usize) + Sync) {
    match threads {
        1 => work(0),
        _ => {
            rayon::broadcast(|thread| work(thread.index()));
        }
    }
}

fn rate(set: Isa, threads: usize) -> f64 {
    let work = |_: usize| {
        black_box(peak::multiply_add(set, ROUNDS));
    };
    let times = clock::times(SECONDS, || (), |()| on_each(threads, work));
    let each = peak::multiply_add(set, 1) * ROUNDS as f64;
    threads as f64 * each / times.fastest
}

/// Three arrays of one thread.
struct Arrays {
    x: Vec<f32>,
    y: Vec<f32>,
    z: Vec<f32>,
}

fn bandwidth(bytes: usize, threads: usize) -> Bandwidth {
    Bandwidth {
        bytes,
        copy: rate_of(bytes, threads, [2, 2], |a| a.z.copy_from_slice(&a.x)),
        triad: rate_of(bytes, threads, [3, 3], |a| {
            for ((z, x), y) in a.z.iter_mut().zip(&a.x).zip(&a.y) {
                *z = x + 0.5 * y;
            }
        }),
        update: rate_of(bytes, threads, [2, 3], |a| {
            for (z, x) in a.z.iter_mut().zip(&a.x) {
                *z += 0.5 * x;
            }
        }),
    }
}

/// Bytes a second of `sweep`, which has `arrays` arrays and reads or writes one `moves` times, each
/// thread with its own.
fn rate_of(
    bytes: usize,
    threads: usize,
    [arrays, moves]: [usize; 2],
    sweep: impl Fn(&mut Arrays) + Sync,
) -> f64 {
    let len = bytes / arrays / threads / 4;
    let sweeps = (MOVED / bytes).max(1);
    let made = || Arrays {
        x: vec![1.0; len],
        y: vec![2.0; if arrays > 2 { len } else { 0 }],
        z: vec![0.0; len],
    };
    let all: Vec<_> = (0..threads)
        .map(|_| std::sync::Mutex::new(made()))
        .collect();
    let work = |thread: usize| {
        // Nobody else asks for the arrays of a thread.
        if let Ok(mut arrays) = all[thread].lock() {
            for _ in 0..sweeps {
                sweep(black_box(&mut arrays));
            }
        }
    };
    let times = clock::times(SECONDS, || (), |()| on_each(threads, work));
    (len * moves * threads * 4 * sweeps) as f64 / times.fastest
}
