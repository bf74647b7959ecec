//! What a training starts from: the network, its tokenizer, how conversations are written.

use super::form::Form;
use super::talk::{CHATML, END_OF_TEXT, END_OF_TURN, SPECIAL, WORDS};
use super::written::Writer;
use crate::error::TaskError;
use crate::task::Job;
use crate::text::{TOKENIZER, kept_tokenizer};
use modelwright_data::rng::{Purpose, derive};
use modelwright_generate::ChatTemplate;
use modelwright_kernels::noise;
use modelwright_models::catalog::{Input, check_input};
use modelwright_models::{
    DecoderConfig, DecoderNet, GptMiniConfig, LanguageModel, ModelConfig, Tokenizer, TunedConfig,
};
use modelwright_runs::write_file;

/// What goes with a network that is to be trained.
pub(super) struct Setup {
    pub writer: Writer,
    pub config: DecoderConfig,
    pub ends: Ends,
    /// What it was before; `None` of a network from scratch.
    pub source: Option<LanguageModel>,
}

/// Tokens at the edges of a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    pub bos: Option<u32>,
    /// Ends a turn, or a text where there are none.
    pub eos: Option<u32>,
    /// Tokens at which the model is to stop.
    pub stops: Vec<u32>,
    /// Whether a text begins with `bos`.
    pub add_bos: bool,
}

impl Setup {
    /// Opens the weights, or makes a network and a tokenizer for `texts`. A run that is gone on with has
    /// kept its own tokenizer, and opens the weights again that it does not train.
    pub fn new(job: &Job, form: &Form, texts: &[String]) -> Result<(Self, DecoderNet), TaskError> {
        noise::seed(derive(job.recipe.training.seed, Purpose::Init, (0, 0)));
        match &job.recipe.model {
            ModelConfig::GptMini(config) => Self::fresh(job, config, form, texts),
            ModelConfig::Decoder(config) => Self::tuned(job, config),
            other => Err(not_for_talks(other)),
        }
    }

    fn fresh(
        job: &Job,
        settings: &GptMiniConfig,
        form: &Form,
        texts: &[String],
    ) -> Result<(Self, DecoderNet), TaskError> {
        let talks = !matches!(form, Form::Texts { .. });
        let tokenizer = tokenizer(job, settings, talks, texts)?;
        let config = settings.decoder(tokenizer.vocabulary());
        let net = DecoderNet::new(&config, &job.device.clone().autodiff())?;
        let template = talks.then(|| ChatTemplate::new(CHATML, "", END_OF_TURN));
        let end = if talks { END_OF_TURN } else { END_OF_TEXT };
        let eos = tokenizer.id(end);
        let stops = [END_OF_TEXT, END_OF_TURN];
        let setup = Self {
            ends: Ends {
                bos: None,
                eos,
                stops: stops.iter().filter_map(|stop| tokenizer.id(stop)).collect(),
                add_bos: false,
            },
            writer: Writer {
                tokenizer,
                template: template.transpose()?,
                bos: None,
                max_length: settings.max_length,
            },
            config,
            source: None,
        };
        Ok((setup, net))
    }

    fn tuned(job: &Job, settings: &TunedConfig) -> Result<(Self, DecoderNet), TaskError> {
        let model = open(settings)?;
        let device = job.device.clone().autodiff();
        let net = match settings.lora() {
            Some(lora) => DecoderNet::load_adapted(&model, settings.base, &lora, &device)?,
            None => DecoderNet::load(&model, &device)?,
        };
        let setup = Self {
            ends: Ends {
                bos: model.bos,
                eos: model.eos,
                stops: model.stops.clone(),
                add_bos: model.add_bos,
            },
            writer: Writer {
                template: Some(template(&model)?),
                tokenizer: model.tokenizer.clone(),
                bos: model.bos.filter(|_| model.add_bos),
                max_length: settings.max_length,
            },
            config: model.config.clone(),
            source: Some(model),
        };
        Ok((setup, net))
    }
}

/// The pretrained model that the recipe names.
pub(super) fn open(settings: &TunedConfig) -> Result<LanguageModel, TaskError> {
    let Some(source) = settings.weights.as_deref() else {
        return Err(TaskError::asked(
            "architecture `decoder` starts from pretrained weights, but none are given",
            "add --weights with a .gguf file, a folder in Hugging Face's layout, a bundle or a hub id, or \
             train `gpt-mini`, which starts from nothing",
        ));
    };
    Ok(LanguageModel::open(source, &|_| {})?)
}

/// How a model writes conversations; in plain words if nobody has told it.
fn template(model: &LanguageModel) -> Result<ChatTemplate, TaskError> {
    if let Some(template) = ChatTemplate::of(model)? {
        return Ok(template);
    }
    let text = |id: Option<u32>| {
        let bytes = id.and_then(|id| model.tokenizer.token_bytes(id));
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    };
    Ok(ChatTemplate::new(
        WORDS,
        &text(model.bos),
        &text(model.eos),
    )?)
}

/// The tokenizer of a network from scratch.
fn tokenizer(
    job: &Job,
    settings: &GptMiniConfig,
    talks: bool,
    texts: &[String],
) -> Result<Tokenizer, TaskError> {
    if let Some(tokenizer) = kept_tokenizer(job)? {
        return Ok(tokenizer);
    }
    let special = if talks { &SPECIAL[..] } else { &SPECIAL[..1] };
    let texts = texts.iter().map(String::as_str);
    let tokenizer = Tokenizer::train_bytes(settings.vocabulary, special, texts)?;
    write_file(&job.assets.join(TOKENIZER), &tokenizer.to_json())?;
    Ok(tokenizer)
}

/// The error for an architecture that does not write.
pub(super) fn not_for_talks(model: &ModelConfig) -> TaskError {
    match check_input(model, Input::Talk) {
        Err(error) => error.into(),
        Ok(()) => TaskError::asked(
            format!("architecture `{}` is not known to this task", model.name()),
            "choose decoder or gpt-mini",
        ),
    }
}
