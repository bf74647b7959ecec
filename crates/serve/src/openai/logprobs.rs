//! Log-probabilities of tokens, in the two forms that OpenAI's API has.

use modelwright_generate::TokenLogprob;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Those of a conversation's answer.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ChatLogprobs {
    /// One for each token.
    pub content: Vec<TokenChance>,
}

/// A token with those that might have been.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenChance {
    #[serde(flatten)]
    chosen: Chance,
    /// The most probable tokens in its place.
    top_logprobs: Vec<Chance>,
}

/// How probable a token was.
#[derive(Debug, Serialize, ToSchema)]
struct Chance {
    /// Its text; bytes that are no whole character are shown as one that stands for them.
    token: String,
    /// Natural logarithm of its probability.
    logprob: f32,
    /// Its bytes.
    bytes: Vec<u8>,
}

impl Chance {
    fn new(bytes: &[u8], logprob: f32) -> Self {
        Self {
            token: text(bytes),
            logprob: finite(logprob),
            bytes: bytes.to_vec(),
        }
    }
}

impl ChatLogprobs {
    /// In their order.
    pub fn of(tokens: &[TokenLogprob]) -> Self {
        let chance = |token: &TokenLogprob| TokenChance {
            chosen: Chance::new(&token.bytes, token.logprob),
            top_logprobs: token
                .top
                .iter()
                .map(|t| Chance::new(&t.bytes, t.logprob))
                .collect(),
        };
        Self {
            content: tokens.iter().map(chance).collect(),
        }
    }
}

/// Those of a text.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct TextLogprobs {
    /// The tokens.
    tokens: Vec<String>,
    /// Natural logarithm of the probability of each.
    token_logprobs: Vec<f32>,
    /// The most probable tokens in each place.
    #[schema(value_type = Vec<Object>)]
    top_logprobs: Vec<Map<String, Value>>,
    /// Where each begins in the text, in characters.
    text_offset: Vec<usize>,
}

impl TextLogprobs {
    /// In their order; the first begins at `offset`, which moves on.
    pub fn of(tokens: &[TokenLogprob], offset: &mut usize) -> Self {
        let mut all = Self::default();
        for token in tokens {
            let written = text(&token.bytes);
            let top = token.top.iter();
            let top = top.map(|t| (text(&t.bytes), Value::from(finite(t.logprob))));
            all.text_offset.push(*offset);
            *offset += written.chars().count();
            all.tokens.push(written);
            all.token_logprobs.push(finite(token.logprob));
            all.top_logprobs.push(top.collect());
        }
        all
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What JSON can hold: a probability of 0 has no logarithm.
fn finite(logprob: f32) -> f32 {
    logprob.max(-9999.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_generate::Alternative;

    #[test]
    fn both_forms_tell_the_same() {
        let token = |bytes: &[u8], logprob| TokenLogprob {
            id: 1,
            bytes: bytes.to_vec(),
            logprob,
            top: vec![Alternative {
                id: 2,
                bytes: b"x".to_vec(),
                logprob: f32::NEG_INFINITY,
            }],
        };
        let tokens = [token("é".as_bytes(), -0.5), token(b" b", -1.5)];
        let chat = serde_json::to_value(ChatLogprobs::of(&tokens)).unwrap();
        assert_eq!(chat["content"][0]["token"], "é");
        assert_eq!(chat["content"][0]["bytes"], serde_json::json!([0xc3, 0xa9]));
        assert_eq!(chat["content"][1]["top_logprobs"][0]["logprob"], -9999.0);
        let mut offset = 3;
        let text = TextLogprobs::of(&tokens, &mut offset);
        let text = serde_json::to_value(text).unwrap();
        assert_eq!(text["text_offset"], serde_json::json!([3, 4]));
        assert_eq!(text["token_logprobs"][1], -1.5);
        assert_eq!(offset, 6);
    }
}
