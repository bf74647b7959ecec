//! Random numbers that depend on what they are for and not on what was drawn before.
//!
//! Every use takes a fresh generator from (seed, purpose, position). Nothing has to be saved to
//! continue a run exactly, and the order in which threads work does not matter.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a stream of random numbers is for; two purposes never share numbers.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// The order of examples in an epoch; position is (epoch, 0).
    Shuffle,
    /// Changes made to one example; position is (epoch, example).
    Augment,
    /// Pairing of examples in a batch; position is (epoch, first example).
    Mixup,
    /// Noise inside the network; position is (step, 0).
    Network,
    /// Initial weights.
    Init,
}

/// A 64-bit seed for (seed, purpose, position).
pub fn derive(seed: u64, purpose: Purpose, position: (u64, u64)) -> u64 {
    let mut bytes = [0u8; 17];
    bytes[0] = purpose as u8;
    bytes[1..9].copy_from_slice(&position.0.to_le_bytes());
    bytes[9..].copy_from_slice(&position.1.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

/// A generator for (seed, purpose, position); its output is stable across versions and machines.
pub fn stream(seed: u64, purpose: Purpose, position: (u64, u64)) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(derive(seed, purpose, position))
}
