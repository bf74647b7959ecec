//! What a training on texts starts from: the model that was asked for, its tokenizer, its weights.

use super::TokenSet;
use crate::error::TaskError;
use crate::table;
use crate::task::Job;
use modelwright_data::DataConfig;
use modelwright_data::rng::{Purpose, derive};
use modelwright_models::catalog::{Input, check_input};
use modelwright_models::{ADAPTER, Exported, ModelConfig, Pretrained, Tokenizer};
use modelwright_runs::{Bundle, MODEL, write_file};
use modelwright_train::Recipe;
use modelwright_train::recipe::{Layers, fields};

/// The tokenizer's name in a bundle and in a run's assets.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// The model that the person asks for, with what was said of it; `bert` if only weights are named;
/// `otherwise` if nothing is.
pub(crate) fn asked_model(asked: &Layers, otherwise: ModelConfig) -> ModelConfig {
    let mut table = toml::Table::new();
    for field in fields().iter().filter(|f| f.section() == "model") {
        if let Some(value) = asked.get(&field.key) {
            let name = field.key.trim_start_matches("model.");
            table.insert(name.into(), value.clone());
        }
    }
    let name = match (asked.get("model.architecture"), asked.get("model.weights")) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => "bert".into(),
        (None, None) => return otherwise,
    };
    table.insert("architecture".into(), name.clone());
    let bare = toml::Table::from_iter([("architecture".to_string(), name)]);
    // A setting that the architecture does not have is an error once the recipe is put together.
    let model = table.try_into().or_else(|_| bare.try_into());
    model.unwrap_or(otherwise)
}

/// A recipe for a task on texts: what suits the model and the number of texts to learn from, and
/// `more` settings of the task's own.
pub(crate) fn recipe(
    task: &str,
    data: DataConfig,
    model: ModelConfig,
    texts: usize,
    more: &[(&str, String)],
) -> Result<Recipe, TaskError> {
    let mut layers = Layers::default();
    for (key, value) in training(&model, texts).iter().chain(more) {
        layers.set(key, value)?;
    }
    Ok(layers.over(&Recipe::new(task, data, model))?)
}

/// Settings of a training that suit a model and a number of texts to learn from.
fn training(model: &ModelConfig, texts: usize) -> Vec<(&'static str, String)> {
    let by_size = |few: usize, some: usize, many: usize| match texts {
        0..2_000 => few,
        2_000..20_000 => some,
        _ => many,
    };
    let (epochs, rate, warmup, optimizer) = match model {
        // Weights that know the language already are moved little and seldom.
        ModelConfig::Bert(c) => {
            let epochs = by_size(8, 4, 3);
            // Of adapters there is little, and they start at nothing.
            let rate = if c.lora_rank > 0 { "0.0005" } else { "0.00005" };
            (epochs, rate, 0.1 * epochs as f64, "adamw")
        }
        ModelConfig::BertMini(_) => (by_size(30, 10, 5), "0.0005", 1.0, "adamw"),
        _ => (by_size(30, 10, 5), "0.001", 0.0, "adam"),
    };
    let mut settings = vec![
        ("training.epochs", epochs.to_string()),
        ("training.batch_size", "32".into()),
        ("optimizer.name", optimizer.into()),
        ("optimizer.learning_rate", rate.into()),
        ("schedule.name", "cosine".into()),
        ("schedule.warmup", format!("{warmup:.2}")),
    ];
    match model {
        ModelConfig::Bert(_) | ModelConfig::BertMini(_) => {
            settings.push(("training.clip_norm", "1".into()));
        }
        _ => settings.push(("training.early_stopping", "5".into())),
    }
    settings
}

/// Checks what a recipe says of texts and their network, and fills in what its weights tell.
pub(crate) fn resolve(recipe: &mut Recipe) -> Result<(), TaskError> {
    table::no_pictures(recipe)?;
    check_input(&recipe.model, Input::Text)?;
    let ModelConfig::Bert(config) = &recipe.model else {
        return Ok(());
    };
    let Some(source) = config.weights.as_deref() else {
        return Err(TaskError::asked(
            "architecture `bert` starts from pretrained weights, but none are given",
            "add --weights FOLDER or a hub id such as sentence-transformers/all-MiniLM-L6-v2, or train \
             `bert-mini` or `text-cnn`, which start from nothing",
        ));
    };
    let pretrained = Pretrained::open(source)?;
    let longest = pretrained.config.longest();
    if config.max_length > longest {
        return Err(TaskError::asked(
            format!(
                "model.max_length is {}, but {source} has places for {longest} tokens",
                config.max_length
            ),
            format!("give at most --max-length {longest}"),
        ));
    }
    recipe.model.set_encoder(&pretrained.config);
    Ok(())
}

/// What a network is built on.
pub(crate) struct Setup {
    /// Turns texts into tokens.
    pub tokenizer: Tokenizer,
    /// Weights to start from. There are none for a fresh network, and none for a resumed one, whose
    /// checkpoint holds them all.
    pub pretrained: Option<Pretrained>,
    /// Tokens of a text that are read.
    pub max_length: usize,
}

/// The tokenizer of a run that is gone on with, which has kept its own; `None` at the start of one.
pub(crate) fn kept_tokenizer(job: &Job) -> Result<Option<Tokenizer>, TaskError> {
    if job.course.resume.is_none() {
        return Ok(None);
    }
    let kept = job.assets.join(TOKENIZER);
    let place = kept.display().to_string();
    let bytes = std::fs::read(&kept).map_err(|e| {
        TaskError::asked(
            format!("{place}: {e}; the run cannot be gone on with without its tokenizer"),
            "start a new run",
        )
    })?;
    Ok(Some(Tokenizer::from_json(&place, &bytes)?))
}

/// Opens the tokenizer that comes with the weights, or trains one on `texts`, those of the training
/// part; a run that is gone on with has kept its own. Seeds the initial weights as well.
pub(crate) fn set_up<T: AsRef<str> + Sync>(job: &Job, texts: &[T]) -> Result<Setup, TaskError> {
    let recipe = job.recipe;
    let Some(max_length) = recipe.model.max_length() else {
        check_input(&recipe.model, Input::Text)?;
        unreachable!("what takes texts reads some of them")
    };
    modelwright_kernels::noise::seed(derive(recipe.training.seed, Purpose::Init, (0, 0)));
    if let Some(tokenizer) = kept_tokenizer(job)? {
        return Ok(Setup {
            tokenizer,
            pretrained: None,
            max_length,
        });
    }
    let (tokenizer, pretrained) = match (recipe.model.weights(), recipe.model.own_tokenizer()) {
        (Some(source), _) => {
            let pretrained = Pretrained::open(source)?;
            (pretrained.tokenizer.clone(), Some(pretrained))
        }
        (None, Some((kind, vocabulary))) => {
            let texts = texts.iter().map(AsRef::as_ref);
            (Tokenizer::train(kind, vocabulary, texts)?, None)
        }
        (None, None) => {
            let name = recipe.model.name();
            return Err(TaskError::asked(
                format!("architecture `{name}` has no tokenizer"),
                "choose text-cnn or bert-mini, or bert with --weights",
            ));
        }
    };
    write_file(&job.assets.join(TOKENIZER), &tokenizer.to_json())?;
    Ok(Setup {
        tokenizer,
        pretrained,
        max_length,
    })
}

/// What a bundle holds of a text network that is built by `config`.
pub(crate) fn exported_in(bundle: &Bundle, config: &ModelConfig) -> Result<Exported, TaskError> {
    let mut files = vec![(MODEL, bundle.read(MODEL)?)];
    if config.keeps_adapter() {
        files.push((ADAPTER, bundle.read(ADAPTER)?));
    }
    Ok(Exported {
        files,
        hugging_face: Default::default(),
    })
}

/// The tokenizer of a bundle.
pub(crate) fn tokenizer_of(bundle: &Bundle) -> Result<Tokenizer, TaskError> {
    let place = bundle.path().join(TOKENIZER).display().to_string();
    Ok(Tokenizer::from_json(&place, &bundle.read(TOKENIZER)?)?)
}

/// About how many characters of a text a model reads that takes `max_length` tokens, told by texts and
/// their tokens.
pub(crate) fn characters_read<T: AsRef<str>>(
    texts: &[T],
    tokens: &TokenSet,
    max_length: usize,
) -> usize {
    /// Enough to tell the mean.
    const SAMPLE: usize = 1000;
    let whole = (0..texts.len())
        .filter(|i| !tokens.is_truncated(*i))
        .take(SAMPLE);
    let (characters, pieces) = whole.fold((1, 1), |(characters, pieces), i| {
        let more = texts[i].as_ref().chars().count();
        (characters + more, pieces + tokens.length(i) as usize)
    });
    max_length * characters / pieces
}

/// Says how many of the texts are longer than what the model reads of them.
pub(crate) fn truncation_note(truncated: usize, of: usize, max_length: usize) -> Option<String> {
    let share = 100.0 * truncated as f64 / of.max(1) as f64;
    (truncated > 0).then(|| {
        format!(
            "{truncated} of {of} texts ({share:.1} %) are longer than {max_length} tokens; the rest of \
             them was not read (--max-length sets how much is)"
        )
    })
}
