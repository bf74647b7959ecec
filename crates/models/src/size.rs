//! How many parameters a network will have, before anything is allocated.

use crate::config::{ModelConfig, Stem, TextCnnConfig};
use crate::error::ModelError;
use crate::resnet::{RESNET18, RESNET34};
use crate::text::{Blueprint, Head};

/// Most parameters that are accepted: 4 GiB of weights, and with gradients and Adam's moments 16 GiB.
const MOST: u64 = 1 << 30;

/// Parameters of `config` for an input of `shape` (`[features]`, `[channels, height, width]`, or
/// `[vocabulary]` for texts); saturates instead of overflowing. Of settings that no network can be
/// built from, as many as there can be.
pub fn parameters(config: &ModelConfig, shape: &[usize], outputs: usize) -> u64 {
    let inputs = shape.iter().fold(1u64, |n, s| n.saturating_mul(*s as u64));
    let outputs = outputs as u64;
    match config {
        ModelConfig::Linear(_) => dense(&[inputs, outputs]),
        ModelConfig::Mlp(c) => {
            let mut widths = vec![inputs];
            widths.extend(c.hidden.iter().map(|w| *w as u64));
            let norms: u64 = match c.batch_norm {
                true => widths[1..].iter().map(|w| w.saturating_mul(2)).sum(),
                false => 0,
            };
            widths.push(outputs);
            dense(&widths).saturating_add(norms)
        }
        ModelConfig::Lenet(_) => lenet(shape, outputs),
        ModelConfig::Resnet18(c) => resnet(c.stem, RESNET18, shape, outputs),
        ModelConfig::Resnet34(c) => resnet(c.stem, RESNET34, shape, outputs),
        ModelConfig::TextCnn(c) => text_cnn(c, inputs, outputs),
        ModelConfig::BertMini(_) | ModelConfig::Bert(_) => {
            let head = Head::Classes(outputs as usize);
            Blueprint::new(config, inputs as usize, head).map_or(u64::MAX, |b| b.parameters())
        }
        ModelConfig::GptMini(c) => match c.complaint() {
            Some(_) => u64::MAX,
            None => c.decoder(inputs as usize).parameters(),
        },
        ModelConfig::Decoder(c) => c.decoder.as_ref().map_or(0, |c| c.parameters()),
    }
}

/// An error if `config` asks for more parameters than are accepted; a typing error should not ask
/// for terabytes.
pub fn check(config: &ModelConfig, shape: &[usize], outputs: usize) -> Result<(), ModelError> {
    check_count(config.name(), parameters(config, shape, outputs))
}

/// An error if `count` is more than is accepted.
pub(crate) fn check_count(name: &str, count: u64) -> Result<(), ModelError> {
    match count <= MOST {
        true => Ok(()),
        false => Err(ModelError::Config {
            key: "architecture",
            problem: format!(
                "this `{name}` would have {count} parameters, more than {MOST}; make its layers narrower \
                 or the input smaller"
            ),
        }),
    }
}

/// Linear layers with biases from width to width.
pub(crate) fn dense(widths: &[u64]) -> u64 {
    widths
        .windows(2)
        .map(|w| w[0].saturating_add(1).saturating_mul(w[1]))
        .fold(0, u64::saturating_add)
}

fn text_cnn(c: &TextCnnConfig, vocabulary: u64, outputs: u64) -> u64 {
    let (features, filters) = (c.embedding as u64, c.filters as u64);
    let conv = |width: &usize| dense(&[features.saturating_mul(*width as u64), filters]);
    let convs = c.widths.iter().map(conv).fold(0, u64::saturating_add);
    let head = dense(&[filters.saturating_mul(c.widths.len() as u64), outputs]);
    let words = vocabulary.saturating_mul(features);
    words.saturating_add(convs).saturating_add(head)
}

fn lenet(shape: &[usize], outputs: u64) -> u64 {
    let &[channels, height, width] = shape else {
        return u64::MAX;
    };
    let (kernel, padding) = crate::lenet::second_kernel(height, width);
    let after = |side: usize| ((side / 2 + 2 * padding + 1).saturating_sub(kernel) / 2) as u64;
    let conv = channels as u64 * 6 * 25 + 6 + 6 * 16 * (kernel * kernel) as u64 + 16;
    let features = after(height)
        .saturating_mul(after(width))
        .saturating_mul(16);
    dense(&[features, 120, 84, outputs]).saturating_add(conv)
}

fn resnet(stem: Stem, blocks: [usize; 4], shape: &[usize], outputs: u64) -> u64 {
    let &[channels, height, width] = shape else {
        return u64::MAX;
    };
    let kernel = if crate::resnet::is_small(stem, height, width) {
        3
    } else {
        7
    };
    let norm = |width: u64| 2 * width;
    let mut total = channels as u64 * 64 * kernel * kernel + norm(64);
    let mut from = 64;
    for (stage, count) in blocks.into_iter().enumerate() {
        let to = 64 << stage;
        for _ in 0..count {
            total += 9 * from * to + 9 * to * to + 2 * norm(to);
            total += if from == to { 0 } else { from * to + norm(to) };
            from = to;
        }
    }
    total.saturating_add(dense(&[from, outputs]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BertConfig, BertMiniConfig, EncoderConfig, Family, ImageNet, LenetConfig, LoraTarget,
        MlpConfig, Pooling, ResNetConfig, SentenceNet, SpanNet, TableNet, TextNet, weights,
    };
    use burn::tensor::Device;

    #[test]
    fn the_count_is_that_of_the_built_network() {
        let device = Device::flex();
        let mlp = ModelConfig::Mlp(MlpConfig {
            hidden: vec![9, 4],
            batch_norm: true,
            ..Default::default()
        });
        let net = TableNet::new(&mlp, 7, 3, &device).unwrap();
        assert_eq!(parameters(&mlp, &[7], 3), weights::count(&net) as u64);
        let small = ResNetConfig {
            stem: Stem::Small,
            ..Default::default()
        };
        for config in [
            ModelConfig::Lenet(LenetConfig::default()),
            ModelConfig::Resnet18(small),
            ModelConfig::Resnet34(ResNetConfig::default()),
        ] {
            for shape in [[1, 12, 17], [3, 70, 66]] {
                let net = ImageNet::new(&config, shape, 5, &device).unwrap();
                let counted = weights::count(&net) as u64;
                assert_eq!(parameters(&config, &shape, 5), counted, "{config:?}");
            }
        }
    }

    fn encoders() -> Vec<ModelConfig> {
        let mini = |pooling| {
            ModelConfig::BertMini(BertMiniConfig {
                layers: 3,
                width: 12,
                heads: 2,
                intermediate: 20,
                max_length: 9,
                pooling,
                ..Default::default()
            })
        };
        let bert = |family, types| {
            ModelConfig::Bert(BertConfig {
                max_length: 8,
                lora_rank: 3,
                lora_targets: vec![LoraTarget::Query, LoraTarget::Output],
                encoder: Some(Box::new(EncoderConfig {
                    family,
                    vocabulary: 31,
                    hidden: 12,
                    layers: 2,
                    heads: 3,
                    intermediate: 20,
                    positions: 10,
                    types,
                    ..Default::default()
                })),
                ..Default::default()
            })
        };
        vec![
            mini(Pooling::Mean),
            mini(Pooling::Cls),
            bert(Family::Bert, 2),
            bert(Family::Distilbert, 0),
        ]
    }

    #[test]
    fn the_count_is_that_of_the_built_text_network() {
        let device = Device::flex();
        let cnn = TextCnnConfig {
            embedding: 6,
            filters: 5,
            widths: vec![1, 4],
            ..Default::default()
        };
        let mut all = encoders();
        all.push(ModelConfig::TextCnn(cnn));
        for config in all {
            let net = TextNet::new(&config, 40, 3, &device).unwrap();
            let counted = weights::count(&net) as u64;
            assert_eq!(parameters(&config, &[40], 3), counted, "{config:?}");
        }
        for config in encoders() {
            let count = |head| Blueprint::new(&config, 40, head).unwrap().parameters();
            let net = SentenceNet::new(&config, 40, &device).unwrap();
            assert_eq!(count(Head::Sentences), weights::count(&net) as u64);
            let net = SpanNet::new(&config, 40, &device).unwrap();
            assert_eq!(count(Head::Spans), weights::count(&net) as u64);
        }
    }

    #[test]
    fn an_absurd_encoder_is_refused_before_it_is_allocated() {
        let config = ModelConfig::BertMini(BertMiniConfig {
            width: 1 << 20,
            layers: 1 << 40,
            ..Default::default()
        });
        let error = SentenceNet::new(&config, 100, &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("parameters"), "{error}");
    }

    #[test]
    fn an_absurd_width_is_refused_before_it_is_allocated() {
        let config = ModelConfig::Mlp(MlpConfig {
            hidden: vec![65_536, 65_536],
            ..Default::default()
        });
        let error = TableNet::new(&config, 10, 2, &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("parameters"), "{error}");
    }
}
