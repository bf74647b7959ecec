//! The recipe: the complete, typed description of one training.
//!
//! Declared once, here and in the sections it is made of. Command-line flags, `--set`, TOML files,
//! the reference in `docs/recipe.md` and later web forms are all derived from this declaration (see
//! [`fields`]), so they cannot disagree.

mod fields;
mod layers;

pub use fields::{Field, FieldKind, fields, reference, unknown_key};
pub use layers::{Layers, RecipeError, parse_value, value_of};

use crate::error::TrainError;
use crate::optimizer::OptimizerConfig;
use crate::schedule::ScheduleConfig;
use modelwright_data::{AugmentConfig, DataConfig};
use modelwright_kernels::precision::Precision;
use modelwright_models::ModelConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that decides how a training goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What the model is to do; guessed from the data if it is not given.
    pub task: String,
    /// Which data, and how it is divided.
    #[serde(default)]
    pub data: DataConfig,
    /// Which network.
    pub model: ModelConfig,
    /// Which update rule.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Random changes to training pictures.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// The loop.
    #[serde(default)]
    pub training: TrainingConfig,
}

/// The `[training]` section: the loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Times that every training example is seen; 0 takes pretrained weights as they are.
    pub epochs: usize,
    /// Examples in one step.
    pub batch_size: usize,
    /// Another seed gives other initial weights, another split and another order.
    pub seed: u64,
    /// Batches whose gradients are added up before a step; the effective batch is this many times larger.
    pub accumulate: usize,
    /// Largest joint 2-norm of the gradients; larger ones are scaled down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Largest absolute value of each element of the gradients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Share of the probability spread evenly over all classes in the target, from 0 to 1.
    pub label_smoothing: f64,
    /// Weight of each class in the loss.
    pub class_weights: ClassWeights,
    /// Stop after this many epochs without a better validation score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
    /// Which weights the bundle gets.
    pub keep: Keep,
    /// Probability from which a FAQ gives its answer instead of "I do not know", from 0 to 1; 0.5 if it
    /// is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_threshold: Option<f64>,
    /// How strongly preferences pull the model away from what it was (β of DPO); 0.1 if it is not set. For
    /// chats with pairs of answers of which one is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference_beta: Option<f64>,
    /// Keep only what goes into each block of a language model and compute the rest again in the backward
    /// pass: less memory, a third more time.
    pub checkpointing: bool,
    /// Column, such as sex, whose groups get weights by which they say nothing of the class; for rows of
    /// a table with classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reweigh: Option<String>,
    /// Seconds between two checkpoints within an epoch; its end has one as well where that costs little.
    pub checkpoint_seconds: f64,
    /// Threads that compute; 0 for all. A resumed run uses the number it was started with.
    pub threads: usize,
    /// What the factors of products are rounded to while training; evaluation is in f32.
    pub precision: Precision,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            seed: 42,
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            label_smoothing: 0.0,
            class_weights: ClassWeights::Equal,
            early_stopping: None,
            keep: Keep::Best,
            answer_threshold: None,
            preference_beta: None,
            checkpointing: false,
            reweigh: None,
            checkpoint_seconds: 30.0,
            threads: 0,
            precision: Precision::F32,
        }
    }
}

/// Weight of each class in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every example counts the same.
    #[default]
    Equal,
    /// Rare classes count more: n / (classes * n of the class).
    Balanced,
}

/// Which weights the bundle gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the epoch with the best validation score; the last if there is no validation part.
    #[default]
    Best,
    /// Those of the last epoch.
    Last,
}

impl Recipe {
    /// A recipe whose other sections have their defaults.
    pub fn new(task: &str, data: DataConfig, model: ModelConfig) -> Self {
        Self {
            task: task.into(),
            data,
            model,
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            augment: AugmentConfig::default(),
            training: TrainingConfig::default(),
        }
    }

    /// An error that names the first setting out of range.
    pub fn check(&self) -> Result<(), TrainError> {
        let fail = |key: &str, problem: &str| {
            Err(TrainError::Setting {
                key: key.into(),
                problem: problem.into(),
            })
        };
        let t = &self.training;
        if t.epochs == 0 && self.model.weights().is_none() {
            let problem = "0 takes pretrained weights as they are, which needs model.weights; \
                           else it must be from 1 to 10,000,000";
            return fail("training.epochs", problem);
        }
        if t.epochs > 10_000_000 {
            return fail("training.epochs", "must be at most 10,000,000");
        }
        for (key, value) in [
            ("training.batch_size", t.batch_size),
            ("training.accumulate", t.accumulate),
        ] {
            if value == 0 || value > 10_000_000 {
                return fail(key, "must be from 1 to 10,000,000");
            }
        }
        for (key, value) in [
            ("training.clip_norm", t.clip_norm),
            ("training.clip_value", t.clip_value),
        ] {
            if value.is_some_and(|v| !(v > 0.0 && v.is_finite())) {
                return fail(key, "must be a number above 0");
            }
        }
        if t.clip_norm.is_some() && t.clip_value.is_some() {
            return fail("training.clip_value", "cannot be combined with clip_norm");
        }
        if !(0.0..1.0).contains(&t.label_smoothing) {
            return fail(
                "training.label_smoothing",
                "must be from 0 up to but not including 1",
            );
        }
        if t.answer_threshold
            .is_some_and(|p| !(0.0..=1.0).contains(&p))
        {
            return fail("training.answer_threshold", "must be from 0 to 1");
        }
        if t.preference_beta
            .is_some_and(|b| !(b > 0.0 && b.is_finite()))
        {
            return fail("training.preference_beta", "must be a number above 0");
        }
        if t.early_stopping == Some(0) {
            return fail("training.early_stopping", "must be at least 1 epoch");
        }
        if t.checkpoint_seconds.is_nan() || t.checkpoint_seconds < 0.0 {
            return fail("training.checkpoint_seconds", "must not be negative");
        }
        let d = &self.data;
        for (key, value) in [("data.validation", d.validation), ("data.test", d.test)] {
            if !(0.0..=0.9).contains(&value) {
                return fail(key, "must be a share from 0 to 0.9");
            }
        }
        if d.validation + d.test > 0.9 {
            return fail(
                "data.test",
                "with data.validation leaves less than a tenth to train on",
            );
        }
        self.schedule.check()?;
        self.augment.check()?;
        self.optimizer.build().map(drop)
    }

    /// The recipe as TOML.
    pub fn to_toml(&self) -> String {
        // Serialization fails only for maps with other than text keys, which a recipe has none of.
        toml::to_string(self).unwrap_or_default()
    }
}
