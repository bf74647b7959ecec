//! What the server makes of any request for a prediction: see `tests/decoding` of crate `serve`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

#[path = "../../crates/serve/tests/decoding/mod.rs"]
mod decoding;
#[path = "../../crates/serve/tests/listening/mod.rs"]
mod listening;
#[path = "../../crates/serve/tests/trained/mod.rs"]
mod trained;

static DECODING: LazyLock<decoding::Decoding> =
    LazyLock::new(|| decoding::Decoding::new(trained::digits(), trained::iris()));

fuzz_target!(|data: &[u8]| {
    DECODING.check(data);
});
