//! Batches of texts and their loss.

use super::head::Head;
use crate::parts::Parts;
use crate::text::TokenSet;
use burn::tensor::Device;
use modelwright_data::{DataError, Part};
use modelwright_models::{ModelConfig, TextNet, TokenBatch};
use modelwright_train::{Goal, Learner, Mistake, StepLoss};

/// Texts as the training loop sees them.
pub(super) struct TextLearner<'a, H> {
    model: &'a ModelConfig,
    /// One sequence a row of the table.
    tokens: &'a TokenSet,
    /// The classes of each row.
    classes: &'a [Vec<u32>],
    head: H,
    train: Vec<usize>,
    /// The shortest text first, so that little of a batch is padding.
    validation: Vec<usize>,
    /// Of the training part.
    lengths: Vec<u32>,
}

impl<'a, H: Head> TextLearner<'a, H> {
    pub fn new(
        model: &'a ModelConfig,
        tokens: &'a TokenSet,
        classes: &'a [Vec<u32>],
        parts: &Parts,
        head: H,
    ) -> Self {
        let train = parts.of(Part::Train).to_vec();
        Self {
            model,
            tokens,
            classes,
            head,
            validation: tokens.by_length(parts.of(Part::Validation)),
            lengths: train.iter().map(|row| tokens.length(*row)).collect(),
            train,
        }
    }

    /// The rows of a part; the test part is not the loop's.
    fn rows(&self, part: Part) -> &[usize] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &[],
        }
    }
}

impl<H: Head> Learner for TextLearner<'_, H> {
    type Model = TextNet;
    type Batch = (TokenBatch, H::Targets);
    type Meter = H::Meter;

    fn examples(&self, part: Part) -> usize {
        self.rows(part).len()
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        _: Option<usize>,
        device: &Device,
    ) -> Result<Self::Batch, DataError> {
        let all = self.rows(part);
        let rows: Vec<usize> = indices.iter().map(|i| all[*i]).collect();
        let classes: Vec<&[u32]> = rows.iter().map(|r| self.classes[*r].as_slice()).collect();
        let targets = self.head.targets(&classes, device);
        Ok((self.tokens.batch(&rows, device), targets))
    }

    fn meter(&self) -> H::Meter {
        self.head.meter()
    }

    fn loss(
        &self,
        model: &TextNet,
        (tokens, targets): Self::Batch,
        meter: &mut H::Meter,
    ) -> StepLoss {
        self.head.loss(model.forward(&tokens), &targets, meter)
    }

    fn lengths(&self, part: Part) -> Option<&[u32]> {
        (part == Part::Train).then_some(self.lengths.as_slice())
    }

    fn rate_factor(&self, parameter: &str) -> f64 {
        self.model.rate_factor(parameter)
    }

    fn goal(&self) -> Goal {
        H::GOAL
    }

    fn mistakes(&self, meter: &H::Meter) -> Vec<Mistake> {
        self.head.mistakes(meter, &self.validation)
    }
}
