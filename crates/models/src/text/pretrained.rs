//! Pretrained encoders of other people.

use super::adapter;
use super::encoder_config::EncoderConfig;
use super::folder::{CONFIG, Folder};
use super::names;
use super::stored::{ADAPTER, ADAPTER_CONFIG, known};
use crate::config::{BertConfig, ModelConfig, Pooling};
use crate::error::ModelError;
use crate::tokenizer::Tokenizer;
use crate::weights::{self, StateDict};
use burn::module::Module;
use burn::tensor::TensorData;
use serde_json::Value;

/// A Hugging Face folder or hub repository whose files agree with each other. Its weights are read when
/// they are loaded into a network.
#[derive(Debug, Clone)]
pub struct Pretrained {
    /// Sizes and constants.
    pub config: EncoderConfig,
    /// From text to token ids.
    pub tokenizer: Tokenizer,
    /// The most tokens that a sentence encoder was trained on, where the folder says so.
    pub max_length: Option<usize>,
    /// The classes of a classifier by index; empty for a bare encoder.
    pub labels: Vec<String>,
    folder: Folder,
}

impl Pretrained {
    /// Opens a folder, or the repository of a hub id.
    ///
    /// # Errors
    /// A file is missing, the family is not supported, `config.json` and the weights differ in shapes,
    /// or the tokenizer has ids that the encoder has not.
    pub fn open(source: &str) -> Result<Self, ModelError> {
        let folder = Folder::locate(source)?;
        let text = folder.config()?;
        let mut config = EncoderConfig::from_hugging_face(&text)
            .map_err(|problem| folder.unusable(format!("{CONFIG}: {problem}")))?;
        let (takes_first, max_length) = folder.sentences()?;
        config.pooling = match takes_first {
            Some(true) => Pooling::Cls,
            Some(false) => Pooling::Mean,
            None => Pooling::Auto,
        };
        let pretrained = Self {
            tokenizer: Tokenizer::open(folder.path())?,
            labels: labels(&text),
            max_length: max_length.map(|most| most.min(config.longest())),
            config,
            folder,
        };
        pretrained.check_vocabulary()?;
        pretrained.check_shapes()?;
        Ok(pretrained)
    }

    /// The settings of `bert` with this encoder, for texts as long as it was made for.
    pub fn model(&self) -> ModelConfig {
        let longest = self.max_length.unwrap_or(BertConfig::default().max_length);
        ModelConfig::Bert(BertConfig {
            max_length: longest.min(self.config.longest()),
            encoder: Some(Box::new(self.config.clone())),
            ..BertConfig::default()
        })
    }

    fn check_vocabulary(&self) -> Result<(), ModelError> {
        let (ids, rows) = (self.tokenizer.vocabulary(), self.config.vocabulary);
        match ids <= rows {
            true => Ok(()),
            false => Err(self.folder.unusable(format!(
                "the tokenizer has {ids} entries, but by {CONFIG} (`vocab_size`) the model knows {rows}; \
                 they are of different models"
            ))),
        }
    }

    fn check_shapes(&self) -> Result<(), ModelError> {
        let family = self.config.family;
        let mut found = weights::Shapes::new();
        for file in self.folder.weights()? {
            let shapes = weights::shapes(&file)?.into_iter();
            found.extend(
                shapes.filter_map(|(name, shape)| Some((family.name_of_file(&name)?, shape))),
            );
        }
        let disagree = |problem: String| {
            Err(self
                .folder
                .unusable(format!("{CONFIG} and the weights do not agree: {problem}")))
        };
        for (name, shape) in names::body(&self.config) {
            let theirs = family.to_file(&name);
            match found.get(&name) {
                None => return disagree(format!("the weights have no {theirs}")),
                Some(other) if *other != shape => {
                    return disagree(format!(
                        "{theirs} is {other:?}, by {CONFIG} it is {shape:?}"
                    ));
                }
                Some(_) => {}
            }
        }
        let blocks = found.keys().filter_map(|name| names::block(name));
        match blocks.max() {
            Some(last) if last >= self.config.layers => disagree(format!(
                "the weights have {} layers, by {CONFIG} there are {}",
                last + 1,
                self.config.layers
            )),
            _ => Ok(()),
        }
    }

    /// `net` (a [`TextNet`](super::TextNet), [`SentenceNet`](super::SentenceNet) or
    /// [`SpanNet`](super::SpanNet) of this encoder) with the weights, and the names of those parameters
    /// that are not among them and stay fresh.
    ///
    /// The head of a classifier comes along if its labels are `classes`, in whatever order.
    pub fn load_into<M: Module>(
        &self,
        net: M,
        classes: &[String],
    ) -> Result<(M, Vec<String>), ModelError> {
        let mut state = known(self.config.family, self.folder.read()?);
        if let Some((adapter, scale)) = self.adapter()? {
            state.extend(adapter);
            state = adapter::merged(state, scale).map_err(|e| self.folder.unusable(e))?;
        }
        order_head(&mut state, &self.labels, classes);
        let (net, mut kept) = weights::apply_except(net, state, |name| {
            !names::is_body(name) || adapter::is_adapter(name)
        })
        .map_err(|problem| ModelError::Mismatch {
            path: self.folder.path().into(),
            problem,
        })?;
        kept.retain(|name| !adapter::is_adapter(name));
        Ok((net, kept))
    }
}

impl Pretrained {
    /// The adapter that lies beside the weights, as PEFT keeps it, with its scale.
    fn adapter(&self) -> Result<Option<(StateDict, f64)>, ModelError> {
        let path = self.folder.path().join(ADAPTER);
        if !path.exists() {
            return Ok(None);
        }
        let unusable = |problem: String| self.folder.unusable(format!("{ADAPTER}: {problem}"));
        let bytes = std::fs::read(&path).map_err(|e| unusable(e.to_string()))?;
        let state = adapter::from_peft(self.config.family, &bytes).map_err(unusable)?;
        let settings = self.folder.json(ADAPTER_CONFIG)?;
        match (settings["r"].as_f64(), settings["lora_alpha"].as_f64()) {
            (Some(rank), Some(alpha)) if rank > 0.0 => Ok(Some((state, alpha / rank))),
            _ => Err(unusable(format!(
                "{ADAPTER_CONFIG} does not say its rank `r` and `lora_alpha`"
            ))),
        }
    }
}

/// The names of classes in a `config.json`, by index.
fn labels(config: &[u8]) -> Vec<String> {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let Some(names) = config["id2label"].as_object() else {
        return Vec::new();
    };
    let by_index = (0..names.len()).map(|i| names.get(&i.to_string())?.as_str());
    let by_index: Option<Vec<&str>> = by_index.collect();
    by_index
        .unwrap_or_default()
        .into_iter()
        .map(String::from)
        .collect()
}

/// Puts the rows of a classifier in the order of `classes`; a classifier of other labels is left out.
fn order_head(state: &mut StateDict, labels: &[String], classes: &[String]) {
    let rows: Option<Vec<usize>> = classes
        .iter()
        .map(|class| labels.iter().position(|label| label == class))
        .collect();
    let rows = rows.filter(|rows| !rows.is_empty() && rows.len() == labels.len());
    for name in ["classifier.weight", "classifier.bias"] {
        let ordered = state.remove(name).zip(rows.as_ref());
        let ordered = ordered.and_then(|(data, rows)| take_rows(&data, rows));
        if let Some(data) = ordered {
            state.insert(name.into(), data);
        }
    }
}

/// The rows of a tensor in another order; `None` if it has another number of rows.
fn take_rows(data: &TensorData, rows: &[usize]) -> Option<TensorData> {
    let shape = data.shape().to_vec();
    if shape.first() != Some(&rows.len()) {
        return None;
    }
    let values: Vec<f32> = data.iter::<f32>().collect();
    let width = values.len() / rows.len();
    let row = |i: &usize| values[i * width..(i + 1) * width].iter().copied();
    Some(TensorData::new(
        rows.iter().flat_map(row).collect::<Vec<f32>>(),
        shape,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_put_in_the_order_of_the_classes_or_left_out() {
        let words = |words: &[&str]| words.iter().map(|w| w.to_string()).collect::<Vec<_>>();
        let given = || {
            let weight = TensorData::new(vec![1f32, 2.0, 3.0, 4.0], [2, 2]);
            let bias = TensorData::new(vec![5f32, 6.0], [2]);
            StateDict::from([
                ("classifier.weight".into(), weight),
                ("classifier.bias".into(), bias),
            ])
        };
        let labels = words(&["good", "bad"]);
        let mut state = given();
        order_head(&mut state, &labels, &words(&["bad", "good"]));
        let weight: Vec<f32> = state["classifier.weight"].iter::<f32>().collect();
        assert_eq!(weight, [3.0, 4.0, 1.0, 2.0]);
        let bias: Vec<f32> = state["classifier.bias"].iter::<f32>().collect();
        assert_eq!(bias, [6.0, 5.0]);
        for classes in [
            words(&["bad", "fine"]),
            words(&["bad"]),
            words(&["good", "bad", "so"]),
            Vec::new(),
        ] {
            let mut state = given();
            order_head(&mut state, &labels, &classes);
            assert!(state.is_empty(), "{classes:?}");
        }
    }

    #[test]
    fn labels_are_read_by_index() {
        let config = br#"{"id2label": {"10": "k", "0": "a", "1": "b"}}"#;
        assert!(labels(config).is_empty(), "an index is missing");
        assert_eq!(labels(br#"{"id2label": {"1": "b", "0": "a"}}"#), ["a", "b"]);
        assert!(labels(b"{}").is_empty());
    }
}
