//! What a model writes while it learns.

use super::form::{Item, is_answer};
use super::written::Writer;
use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use modelwright_data::rng::{Purpose, stream};
use modelwright_kernels::nn::Segments;
use modelwright_models::DecoderNet;
use rand::RngExt;

/// Tokens that are written.
const TOKENS: usize = 48;
/// Words of a text that are shown to go on with.
const WORDS: usize = 6;
/// Logits are divided by it: a little less bold than the model is.
const TEMPERATURE: f32 = 0.8;

/// What the network is shown of `item` in an epoch, and how it goes on; `None` if there is nothing to go
/// on with. `seed` and epoch decide what is drawn.
pub(super) fn shown(
    net: &DecoderNet,
    writer: &Writer,
    item: &Item,
    (seed, epoch): (u64, usize),
) -> Option<(String, String)> {
    let (prompt, shown) = match item {
        Item::Talk(messages) => {
            let asked = &messages[..messages.iter().position(is_answer)?];
            let last = asked.last()?;
            (writer.prompt(asked).ok()?, format!("{} → ", last.content))
        }
        Item::Preference([messages, _]) => {
            let asked = &messages[..messages.len() - 1];
            let last = asked.last()?;
            (writer.prompt(asked).ok()?, format!("{} → ", last.content))
        }
        Item::Text(text) => {
            let start = beginning(text);
            (writer.text(start), start.to_string())
        }
    };
    let mut rng = stream(seed, Purpose::Augment, (epoch as u64, 0));
    let mut draw = || rng.random::<f32>();
    let text = written(net, writer, prompt, &mut draw)?;
    Some((shown, text))
}

/// The first words of a text.
fn beginning(text: &str) -> &str {
    let mut blanks = text.match_indices(char::is_whitespace);
    blanks.nth(WORDS - 1).map_or(text, |(end, _)| &text[..end])
}

/// Goes on with tokens until a special one or [`TOKENS`]; the prompt is read again for each.
fn written(
    net: &DecoderNet,
    writer: &Writer,
    mut ids: Vec<u32>,
    draw: &mut dyn FnMut() -> f32,
) -> Option<String> {
    let device = net.devices().remove(0);
    let start = ids.len();
    while ids.len() < start + TOKENS {
        let seen = &ids[ids.len().saturating_sub(writer.max_length)..];
        if seen.is_empty() {
            return None;
        }
        let values: Vec<i64> = seen.iter().map(|id| i64::from(*id)).collect();
        let count = values.len();
        let input = Tensor::<2, Int>::from_data(TensorData::new(values, [1, count]), &device);
        let hidden = net.hidden(input, &Segments::equal(1, count));
        let width = hidden.dims()[2];
        let last = hidden.narrow(1, count - 1, 1).reshape([1, width]);
        let logits: Vec<f32> = net.logits(last).inner().into_data().iter::<f32>().collect();
        let next = drawn(&logits, draw()) as u32;
        if writer.tokenizer.is_special(next) {
            break;
        }
        ids.push(next);
    }
    Some(writer.tokenizer.decode(&ids[start..], true))
}

/// The index whose share of the probability `at`, from 0 to 1, falls into.
fn drawn(logits: &[f32], at: f32) -> usize {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f32> = logits
        .iter()
        .map(|l| ((l - most) / TEMPERATURE).exp())
        .collect();
    let mut left = at * weights.iter().sum::<f32>();
    let passed = |weight: &f32| {
        left -= weight;
        left < 0.0
    };
    weights
        .iter()
        .position(passed)
        .unwrap_or(logits.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.0, TEMPERATURE * 3f32.ln(), f32::NEG_INFINITY];
        assert_eq!(drawn(&logits, 0.0), 0);
        assert_eq!(drawn(&logits, 0.24), 0);
        assert_eq!(drawn(&logits, 0.26), 1);
        assert_eq!(drawn(&logits, 0.999), 1);
    }

    #[test]
    fn a_text_begins_with_a_few_words() {
        assert_eq!(
            beginning("one two three four five six seven"),
            "one two three four five six"
        );
        assert_eq!(beginning("one"), "one");
    }
}
