//! Convolutions over words.

use super::batch::TokenBatch;
use crate::config::TextCnnConfig;
use crate::error::ModelError;
use crate::mlp::dropout;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use modelwright_kernels::nn::{Activation, Dropout, Embedding, Init, Linear};

/// The id of padding in tokenizers that are trained here.
const PAD: i64 = 0;

/// Widest filter that is accepted.
const MAX_WIDTH: usize = 64;

/// Filters of several widths over word vectors, the largest answer of each, one linear layer (Kim
/// 2014).
///
/// Beyond the ends of a text a filter sees padding, and only windows whose middle is a token count: a
/// text has the same logits in every batch.
#[derive(Module, Debug)]
pub struct TextCnn {
    embedding: Embedding,
    /// One for each width; `[filters, width · features]`.
    convs: Vec<Linear>,
    classifier: Linear,
    dropout: Dropout,
}

impl TextCnn {
    pub(super) fn new(
        config: &TextCnnConfig,
        vocabulary: usize,
        outputs: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let bad = |key, problem| Err(ModelError::Config { key, problem });
        if config.widths.is_empty() {
            return bad("widths", "name at least one width".into());
        }
        if let Some(width) = config.widths.iter().find(|w| !(1..=MAX_WIDTH).contains(*w)) {
            return bad(
                "widths",
                format!("a width of {width} is outside 1 to {MAX_WIDTH}"),
            );
        }
        if config.embedding == 0 || config.filters == 0 {
            let key = if config.embedding == 0 {
                "embedding"
            } else {
                "filters"
            };
            return bad(key, "0 is too few".into());
        }
        if config.max_length == 0 {
            return bad("max_length", "a text needs at least one token".into());
        }
        let conv = |width: &usize| {
            let inputs = width * config.embedding;
            Linear::new(inputs, config.filters, Init::HeUniform, device)
        };
        let features = config.filters * config.widths.len();
        Ok(Self {
            embedding: Embedding::new(vocabulary, config.embedding, Init::Uniform, device),
            convs: config.widths.iter().map(conv).collect(),
            classifier: Linear::new(features, outputs, Init::Default, device),
            dropout: dropout(config.dropout)?,
        })
    }

    /// Logits, `[batch, outputs]`.
    pub fn forward(&self, batch: &TokenBatch) -> Tensor<2> {
        // The lookup lays the words of a window side by side: the convolution is one product.
        let laid = |width| self.embedding.forward(windows(&batch.ids, width));
        self.classify(self.features(batch, laid))
    }

    /// The word vectors of tokens, `[batch, seq, features]`.
    pub(super) fn words(&self, batch: &TokenBatch) -> Tensor<3> {
        self.embedding.forward(batch.ids.clone())
    }

    /// [`Self::forward`] with other word vectors than those of the ids.
    pub(super) fn forward_words(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        self.classify(self.hidden(words, batch))
    }

    /// The largest answers of all filters, which the logits are made of.
    pub(super) fn hidden(&self, words: Tensor<3>, batch: &TokenBatch) -> Tensor<2> {
        let padding = self.embedding.weight.val().narrow(0, PAD as usize, 1);
        let laid = |width| side_by_side(words.clone(), padding.clone().unsqueeze(), width);
        self.features(batch, laid)
    }

    fn classify(&self, features: Tensor<2>) -> Tensor<2> {
        self.classifier.forward(self.dropout.forward(features))
    }

    /// The largest answer of each filter to a window around a token, `[batch, filters of all widths]`;
    /// `laid` gives the word vectors of all windows of a width.
    fn features(&self, batch: &TokenBatch, laid: impl Fn(usize) -> Tensor<3>) -> Tensor<2> {
        let [_, features] = self.embedding.weight.dims();
        let [rows, seq] = batch.ids.dims();
        let mask = batch.mask.clone();
        let mask = mask.map(|mask| mask.float().unsqueeze_dim::<3>(2));
        let largest = |conv: &Linear| {
            let [filters, inputs] = conv.weight.dims();
            let x = laid(inputs / features).reshape([rows, seq, inputs]);
            let answers = conv.forward_activated(x, Activation::Relu);
            // Nothing is below 0 after a ReLU, so that a 0 takes no one's place.
            let answers = match &mask {
                Some(mask) => answers * mask.clone(),
                None => answers,
            };
            answers.max_dim(1).reshape([rows, filters])
        };
        Tensor::cat(self.convs.iter().map(largest).collect(), 1)
    }
}

/// For each token the vectors of the `width` tokens around it, side by side:
/// `[batch, seq, width · features]`. What lies beyond the ends is `padding`, `[1, 1, features]`.
fn side_by_side(words: Tensor<3>, padding: Tensor<3>, width: usize) -> Tensor<3> {
    let [batch, seq, features] = words.dims();
    let before = (width - 1) / 2;
    let beyond = |columns: usize| padding.clone().expand([batch, columns, features]);
    let mut parts = vec![words];
    if before > 0 {
        parts.insert(0, beyond(before));
    }
    if width - 1 > before {
        parts.push(beyond(width - 1 - before));
    }
    let padded = Tensor::cat(parts, 1);
    let shifted = (0..width).map(|i| padded.clone().narrow(1, i, seq));
    Tensor::cat(shifted.collect(), 2)
}

/// For each token the ids of the `width` tokens around it, one window after the other:
/// `[batch, seq · width]`.
fn windows(ids: &Tensor<2, Int>, width: usize) -> Tensor<2, Int> {
    let [batch, seq] = ids.dims();
    let before = (width - 1) / 2;
    let padding = |columns: usize| Tensor::full([batch, columns], PAD, &ids.device());
    let mut parts = vec![ids.clone()];
    if before > 0 {
        parts.insert(0, padding(before));
    }
    if width - 1 > before {
        parts.push(padding(width - 1 - before));
    }
    let padded = Tensor::cat(parts, 1);
    let shifted = (0..width).map(|i| padded.clone().narrow(1, i, seq));
    Tensor::stack::<3>(shifted.collect(), 2).reshape([batch, seq * width])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_around_their_token() {
        let ids = Tensor::<2, Int>::from_data([[5, 6, 7]], &Device::flex());
        let of = |width| -> Vec<i64> { windows(&ids, width).into_data().iter::<i64>().collect() };
        assert_eq!(of(1), [5, 6, 7]);
        assert_eq!(of(2), [5, 6, 6, 7, 7, 0]);
        assert_eq!(of(3), [0, 5, 6, 5, 6, 7, 6, 7, 0]);
    }

    #[test]
    fn logits_of_word_vectors_are_those_of_the_ids() {
        let device = Device::flex();
        let net = TextCnn::new(&TextCnnConfig::default(), 50, 3, &device).unwrap();
        let batch = TokenBatch::new(&[&[7, 3, 9], &[4]], 0, &device);
        let values = |x: Tensor<2>| -> Vec<f32> { x.into_data().iter::<f32>().collect() };
        let expected = values(net.forward(&batch));
        for (a, b) in values(net.forward_words(net.words(&batch), &batch))
            .iter()
            .zip(&expected)
        {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn logits_do_not_depend_on_padding() {
        let device = Device::flex();
        let net = TextCnn::new(&TextCnnConfig::default(), 50, 3, &device).unwrap();
        let logits = |rows: &[&[u32]]| -> Vec<f32> {
            let batch = TokenBatch::new(rows, 0, &device);
            net.forward(&batch).into_data().iter::<f32>().collect()
        };
        let (short, long): (&[u32], &[u32]) = (&[7], &[3, 9, 11, 4, 20, 31, 8]);
        let together = logits(&[short, long]);
        for (text, expected) in [(short, &together[..3]), (long, &together[3..])] {
            for (alone, expected) in logits(&[text]).iter().zip(expected) {
                assert!((alone - expected).abs() < 1e-6, "{alone} {expected}");
            }
        }
    }
}
