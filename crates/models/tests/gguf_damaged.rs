//! GGUF files that were damaged at random are refused or read, and never end the program. The target in
//! `fuzz/` asks the same with coverage to guide it, and starts from the same files.

mod gguf_damage;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Damaged files that are read.
const ROUNDS: usize = 6_000;
/// Numbers that break readers more often than chance finds them.
const NUMBERS: [u64; 8] = [
    0,
    1,
    1 << 31,
    1 << 60,
    u64::MAX,
    i64::MAX as u64,
    u32::MAX as u64,
    u64::MAX - 31,
];

/// The beginnings of small real files: all of the header and some of the weights.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/decoders");
    ["llama", "qwen2", "gpt2", "mistral", "quants"]
        .map(|name| std::fs::read(folder.join(name).with_extension("gguf")).unwrap())
        .to_vec()
}

/// One change, most often in the header.
fn damage(data: &mut Vec<u8>, random: &mut impl Rng) {
    let header = data.len().clamp(1, 6_000);
    let at = random.random_range(0..header).min(data.len());
    let end = (at + random.random_range(1..=16usize)).min(data.len());
    match random.random_range(0..6u8) {
        0 if at < data.len() => data[at] ^= 1 << random.random_range(0..8u8),
        1 if at < data.len() => data[at] = random.random(),
        2 => drop(data.drain(at..end)),
        3 => {
            let number = NUMBERS[random.random_range(0..NUMBERS.len())].to_le_bytes();
            let length = number.len().min(data.len() - at);
            data[at..at + length].copy_from_slice(&number[..length]);
        }
        4 => {
            let length = random.random_range(0..=data.len());
            data.truncate(length);
        }
        _ => {
            let again = data[at..end].to_vec();
            data.splice(at..at, again);
        }
    }
}

#[test]
fn undamaged_files_are_read() {
    for (i, seed) in seeds().iter().enumerate() {
        assert!(gguf_damage::check(seed), "seed {i}");
    }
}

#[test]
fn damaged_files_are_refused_or_read() {
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut data = seeds[round % seeds.len()].clone();
        for _ in 0..random.random_range(1..=4u8) {
            damage(&mut data, &mut random);
        }
        let checked = std::panic::catch_unwind(|| gguf_damage::check(&data));
        match checked {
            Ok(well) => refused += usize::from(!well),
            Err(_) => panic!("round {round} ({} bytes)", data.len()),
        }
    }
    // Otherwise they would not have been damaged.
    assert!(refused > ROUNDS / 2, "{refused} of {ROUNDS}");
}
