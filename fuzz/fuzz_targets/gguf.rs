//! What is made of any bytes that claim to be a GGUF file: see `tests/gguf_damage` of crate `models`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/models/tests/gguf_damage/mod.rs"]
mod gguf_damage;

fuzz_target!(|data: &[u8]| {
    gguf_damage::check(data);
});
