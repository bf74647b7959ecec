//! A recipe that works without thinking, and what one may not say.

use super::NAME;
use super::form::Form;
use super::setup::{not_for_talks, open};
use crate::error::TaskError;
use crate::table;
use crate::text;
use modelwright_data::{DataConfig, Dataset};
use modelwright_models::{GptMiniConfig, ModelConfig, ModelError};
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Recipe};

/// What suits the model and the number of rows.
pub(super) fn recipe(
    dataset: &Dataset,
    config: &DataConfig,
    asked: &Layers,
) -> Result<Recipe, TaskError> {
    let form = Form::find(dataset, config)?;
    let rows = dataset.content.len();
    let mut asked = asked.clone();
    let unnamed = asked.get("model.architecture").is_none();
    if unnamed && asked.get("model.weights").is_some() {
        asked.set("model.architecture", "decoder")?;
    }
    let model = text::asked_model(&asked, ModelConfig::GptMini(GptMiniConfig::default()));
    let mut layers = Layers::default();
    for (key, value) in training(&model, &form, rows) {
        layers.set(key, &value)?;
    }
    Ok(layers.over(&Recipe::new(NAME, config.clone(), model))?)
}

fn training(model: &ModelConfig, form: &Form, rows: usize) -> Vec<(&'static str, String)> {
    let by_size = |few: usize, some: usize, many: usize| match rows {
        0..2_000 => few,
        2_000..20_000 => some,
        _ => many,
    };
    let lora = matches!(model, ModelConfig::Decoder(c) if c.lora_rank > 0);
    let (epochs, batch, rate) = match (model, form) {
        // A model that is pulled towards preferences for long forgets how to speak.
        (ModelConfig::Decoder(_), Form::Preferences { .. }) => (
            by_size(2, 1, 1),
            4,
            if lora { "0.00005" } else { "0.000001" },
        ),
        (ModelConfig::Decoder(_), _) => {
            (by_size(3, 2, 1), 8, if lora { "0.0002" } else { "0.00002" })
        }
        _ => (by_size(20, 8, 3), 32, "0.001"),
    };
    let mut settings = vec![
        ("training.epochs", epochs.to_string()),
        ("training.batch_size", batch.to_string()),
        ("training.clip_norm", "1".into()),
        ("optimizer.name", "adamw".into()),
        ("optimizer.learning_rate", rate.into()),
        ("schedule.name", "cosine".into()),
        ("schedule.warmup", format!("{:.2}", 0.1 * epochs as f64)),
    ];
    if let ModelConfig::GptMini(_) = model {
        settings.push(("training.early_stopping", "3".into()));
    }
    settings
}

/// Checks what a recipe says, and fills in what its weights and its data tell.
pub(super) fn resolve(recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
    table::no_pictures(recipe)?;
    let form = Form::find(dataset, &recipe.data)?;
    let preferences = matches!(form, Form::Preferences { .. });
    let t = &recipe.training;
    if t.label_smoothing > 0.0 || t.class_weights != ClassWeights::Equal {
        return Err(TaskError::asked(
            "label_smoothing and class_weights are for classes, but this task writes",
            "leave them away",
        ));
    }
    if recipe.data.label_separator.is_some() {
        return Err(TaskError::asked(
            "label_separator is for labels, but this task writes",
            "leave it away",
        ));
    }
    if t.preference_beta.is_some() && !preferences {
        return Err(TaskError::asked(
            "training.preference_beta is for pairs of answers, but the data has none",
            "leave it away, or give data with the columns prompt, chosen and rejected",
        ));
    }
    let bad = |(key, problem)| TaskError::from(ModelError::Config { key, problem });
    match &mut recipe.model {
        ModelConfig::GptMini(_) if preferences => {
            return Err(TaskError::asked(
                "gpt-mini starts from nothing, but preferences change a model that can speak already",
                "give --weights with a model to change",
            ));
        }
        ModelConfig::GptMini(settings) => {
            if let Some(problem) = settings.complaint() {
                return Err(bad(problem));
            }
        }
        ModelConfig::Decoder(settings) => {
            if let Some(problem) = settings.complaint() {
                return Err(bad(problem));
            }
            let model = open(settings)?;
            let places = model.config.positions;
            if settings.max_length > places {
                let problem = format!(
                    "{} is more than the {places} tokens that {} has places for",
                    settings.max_length, model.name
                );
                return Err(bad(("max_length", problem)));
            }
            settings.decoder = Some(Box::new(model.config));
        }
        other => return Err(not_for_talks(other)),
    }
    recipe.data.text = Some(form.asked().into());
    recipe.data.target = form.answered().map(String::from);
    Ok(())
}
