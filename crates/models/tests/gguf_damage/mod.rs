//! What is asked of any bytes that claim to be a GGUF file; the fuzz target `gguf` asks the same.

use modelwright_models::gguf::Header;
use modelwright_models::{DecoderConfig, Tokenizer};

/// Reads a file's header, and what its metadata makes: a config and a tokenizer. Errors are sentences
/// and all there may be; returns whether all was well.
pub fn check(bytes: &[u8]) -> bool {
    let header = match Header::read(bytes, bytes.len() as u64) {
        Ok(header) => header,
        Err(problem) => {
            assert!(!problem.is_empty());
            return false;
        }
    };
    for tensor in header.tensors.values() {
        let end = header.data + tensor.offset + tensor.bytes;
        assert!(end <= bytes.len() as u64);
        assert_eq!(tensor.bytes % tensor.rows(), 0);
    }
    let config = DecoderConfig::from_gguf(&header, None);
    if let Ok(config) = &config {
        assert!(config.parameters() > 0);
        assert!(config.frequencies().iter().all(|f| f.is_finite()));
    }
    let Ok(tokenizer) = Tokenizer::from_gguf("a file", &header) else {
        return false;
    };
    let encoded = tokenizer.encode_plain("The Answer 42, and\n你好<|end|>");
    assert!(
        encoded
            .ids
            .iter()
            .all(|id| (*id as usize) < tokenizer.vocabulary())
    );
    tokenizer.decode(&encoded.ids, false);
    config.is_ok()
}
