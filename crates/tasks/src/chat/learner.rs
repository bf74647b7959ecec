//! Batches of conversations or texts and their loss.

use super::batch::Batch;
use super::form::Item;
use super::preference;
use super::sample;
use super::stages::{self, Objective};
use super::written::{Writer, Written};
use burn::tensor::Device;
use modelwright_data::{DataError, Part};
use modelwright_models::DecoderNet;
use modelwright_train::{Goal, Learner, Meter, Scores, StepLoss};
use serde::{Deserialize, Serialize};

/// What a preference training needs beside the examples.
pub(super) struct Preferences {
    /// How much a difference to the reference counts.
    pub beta: f64,
    /// `-ln p` by the reference of each example of the training part, and of the validation part.
    pub reference: [Vec<f64>; 2],
}

/// Conversations or texts as the training loop sees them.
pub(super) struct TalkLearner<'a> {
    pub writer: &'a Writer,
    /// Of the training part, and of the validation part; of preferences the better and the worse by
    /// turns.
    pub examples: [Vec<Written>; 2],
    pub preferences: Option<Preferences>,
    pub checkpointing: bool,
    /// What the model is shown after an epoch, to go on with.
    pub shown: Option<&'a Item>,
    pub seed: u64,
}

/// A batch, and what the reference says of its examples.
pub(super) struct TalkBatch {
    batch: Batch,
    reference: Vec<f64>,
}

impl TalkLearner<'_> {
    fn part(part: Part) -> Option<usize> {
        match part {
            Part::Train => Some(0),
            Part::Validation => Some(1),
            Part::Test => None,
        }
    }

    /// Examples of the network in one of the loop.
    fn each(&self) -> usize {
        1 + usize::from(self.preferences.is_some())
    }
}

impl Learner for TalkLearner<'_> {
    type Model = DecoderNet;
    type Batch = TalkBatch;
    type Meter = TalkMeter;

    fn examples(&self, part: Part) -> usize {
        Self::part(part).map_or(0, |i| self.examples[i].len() / self.each())
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        _: Option<usize>,
        device: &Device,
    ) -> Result<TalkBatch, DataError> {
        let part = Self::part(part).unwrap_or_default();
        let each = self.each();
        let places = indices.iter().flat_map(|i| i * each..(i + 1) * each);
        let places: Vec<usize> = places.collect();
        let examples: Vec<&Written> = places.iter().map(|i| &self.examples[part][*i]).collect();
        let reference = self.preferences.as_ref().map(|p| &p.reference[part]);
        Ok(TalkBatch {
            batch: Batch::new(&examples, reference.is_some(), device),
            reference: reference.map_or(Vec::new(), |r| places.iter().map(|i| r[*i]).collect()),
        })
    }

    fn meter(&self) -> TalkMeter {
        match self.preferences {
            Some(_) => TalkMeter::Preferences {
                pairs: 0,
                right: 0,
                margins: 0.0,
            },
            None => TalkMeter::Tokens {
                tokens: 0,
                right: 0,
                surprise: 0.0,
            },
        }
    }

    fn loss(&self, net: &DecoderNet, batch: TalkBatch, meter: &mut TalkMeter) -> StepLoss {
        let TalkBatch { batch, reference } = batch;
        let objective = match &self.preferences {
            Some(preferences) => Objective::Preference {
                beta: preferences.beta,
                reference: &reference,
            },
            None => Objective::Likelihood,
        };
        let outcome = stages::outcome(net, &batch, objective, self.checkpointing);
        let weight = match &self.preferences {
            Some(preferences) => {
                let margins = preference::margins(&outcome.surprise, &reference, preferences.beta);
                margins.for_each(|margin| meter.prefer(margin));
                reference.len() / 2
            }
            None => {
                meter.count(&outcome.surprise, &outcome.right);
                batch.labels.len()
            }
        };
        StepLoss {
            value: outcome.loss,
            weight: weight as f64,
        }
    }

    fn goal(&self) -> Goal {
        Goal {
            score: "loss",
            larger_is_better: false,
        }
    }

    fn sample(&self, net: &DecoderNet, epoch: usize) -> Option<(String, String)> {
        sample::shown(net, self.writer, self.shown?, (self.seed, epoch))
    }
}

/// How well the next token is told, or how often the better answer is preferred.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TalkMeter {
    /// Of conversations and texts.
    Tokens {
        tokens: usize,
        right: usize,
        /// The sum of `-ln p`.
        surprise: f64,
    },
    /// Of pairs of answers.
    Preferences {
        pairs: usize,
        right: usize,
        margins: f64,
    },
}

impl TalkMeter {
    fn count(&mut self, surprises: &[f64], rights: &[bool]) {
        if let Self::Tokens {
            tokens,
            right,
            surprise,
        } = self
        {
            *tokens += rights.len();
            *right += rights.iter().filter(|r| **r).count();
            *surprise += surprises.iter().sum::<f64>();
        }
    }

    fn prefer(&mut self, margin: f64) {
        if let Self::Preferences {
            pairs,
            right,
            margins,
        } = self
        {
            *pairs += 1;
            *right += usize::from(margin > 0.0);
            *margins += margin;
        }
    }
}

impl Meter for TalkMeter {
    fn scores(&self) -> Scores {
        match self {
            Self::Tokens {
                tokens,
                right,
                surprise,
            } => {
                let count = (*tokens).max(1) as f64;
                vec![
                    ("perplexity".into(), (surprise / count).exp()),
                    ("token_accuracy".into(), *right as f64 / count),
                ]
            }
            Self::Preferences {
                pairs,
                right,
                margins,
            } => {
                let count = (*pairs).max(1) as f64;
                vec![
                    ("preference_accuracy".into(), *right as f64 / count),
                    ("margin".into(), margins / count),
                ]
            }
        }
    }
}
