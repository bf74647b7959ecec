//! Requests that were damaged at random are answered, never with an error of the server's own. The
//! target in `fuzz/` puts the same question with coverage to guide it, and starts from the same seeds.

mod decoding;
mod listening;
mod trained;

use axum::http::StatusCode;
use decoding::Decoding;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Damaged requests that are sent.
const ROUNDS: usize = 10_000;
/// What breaks parsers more often than chance finds it.
const TOKENS: [&[u8]; 16] = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b",",
    b":",
    b"null",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551615",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\r\n--b",
    b"\xf0\x9f",
];

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/request");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files.iter().map(|f| std::fs::read(f).unwrap()).collect()
}

/// One change at a random place.
fn damage(data: &mut Vec<u8>, others: &[Vec<u8>], random: &mut impl Rng) {
    let at = random.random_range(0..=data.len());
    let end = (at + random.random_range(1..=16usize)).min(data.len());
    match random.random_range(0..6u8) {
        0 if at < data.len() => data[at] ^= 1 << random.random_range(0..8u8),
        1 if at < data.len() => data[at] = random.random(),
        2 => drop(data.drain(at..end)),
        3 => {
            let token = TOKENS[random.random_range(0..TOKENS.len())];
            data.splice(at..end.min(at + token.len()), token.iter().copied());
        }
        4 => {
            let other = &others[random.random_range(0..others.len())];
            let from = random.random_range(0..=other.len());
            data.truncate(at);
            data.extend(&other[from..]);
        }
        _ => {
            let again = data[at..end].repeat(random.random_range(1..=8));
            data.splice(at..at, again);
        }
    }
}

#[test]
fn seeds_are_predicted() {
    let decoding = Decoding::new(trained::digits(), trained::iris());
    for seed in seeds() {
        let status = decoding.check(&seed);
        assert_eq!(
            status,
            Some(StatusCode::OK),
            "{}",
            String::from_utf8_lossy(&seed)
        );
    }
}

#[test]
fn damaged_requests_are_answered() {
    let decoding = Decoding::new(trained::digits(), trained::iris());
    let seeds = seeds();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut data = seeds[round % seeds.len()].clone();
        for _ in 0..random.random_range(1..=4u8) {
            damage(&mut data, &seeds, &mut random);
        }
        let checked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoding.check(&data)));
        match checked {
            Ok(status) => refused += usize::from(status == Some(StatusCode::BAD_REQUEST)),
            Err(_) => panic!("round {round}: \"{}\"", data.escape_ascii()),
        }
    }
    // Otherwise they would not have been damaged.
    assert!(refused > ROUNDS / 2, "{refused} of {ROUNDS}");
}
