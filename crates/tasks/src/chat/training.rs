//! One training, from the table to the files of a bundle.

use super::bundle::{self, Preprocessor};
use super::form::{Form, Item};
use super::learner::{Preferences, TalkLearner};
use super::measured::{Measured, frequencies};
use super::predictor::ChatPredictor;
use super::preference;
use super::setup::Setup;
use super::written::{Writer, Written};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::parts::Parts;
use crate::task::{Job, JobOutcome, Made};
use burn::module::Module;
use burn::tensor::Device;
use modelwright_data::Part;
use modelwright_evaluate::{Baseline, grouped};
use modelwright_generate::Message;
use modelwright_models::{DecoderNet, ModelConfig, weights};
use modelwright_runs::{CONFIG, Facts, write_file};
use std::path::{Path, PathBuf};

/// Folder below a run's assets in which a finished model is looked at before it is a bundle.
const FINISHED: &str = "finished";
/// Texts that tell how many characters a token has.
const SAMPLE: usize = 200;

/// Trains, evaluates and collects what the bundle needs.
pub(super) fn train(mut job: Job) -> Result<JobOutcome, TaskError> {
    let recipe = job.recipe;
    let form = Form::find(&job.dataset, &recipe.data)?;
    let items = form.items(&job.dataset)?;
    let parts = form.divided(&job.dataset, recipe, &items, |division| {
        Parts::new(recipe, division)
    })?;
    let of = |part: Part| parts.of(part).iter().filter_map(|row| items[*row].as_ref());
    let texts: Vec<String> = of(Part::Train).flat_map(said).collect();
    let (setup, net) = Setup::new(&job, &form, &texts)?;
    let train = Examples::new(&setup.writer, of(Part::Train))?;
    if train.written.is_empty() {
        let length = setup.writer.max_length;
        return Err(TaskError::asked(
            format!(
                "{}: nothing is left to learn: in their first {length} tokens, the examples have no answer",
                job.dataset.source
            ),
            "raise --max-length",
        ));
    }
    let validation = Examples::new(&setup.writer, of(Part::Validation))?;
    let mut notes = job.dataset.notes.clone();
    notes.extend(notes_on(&form, &items, &train, setup.writer.max_length));
    let facts = facts(&job, &form, &parts, &setup, &train);
    let preferences = match form {
        Form::Preferences { .. } => Some(reference(&job, &net, &train, &validation)?),
        _ => None,
    };
    let pairs = preferences.is_some();
    let shown = of(Part::Validation)
        .next()
        .or_else(|| of(Part::Train).next());
    let learner = TalkLearner {
        writer: &setup.writer,
        examples: [train.written, validation.written],
        preferences,
        checkpointing: recipe.training.checkpointing,
        shown,
        seed: recipe.training.seed,
    };
    let Some(trained) = job.course.fit(recipe, &job.device, &learner, net)? else {
        return Ok(JobOutcome::Interrupted);
    };
    let parameters = weights::count(&trained.model);
    let preprocessor = Preprocessor {
        max_length: setup.writer.max_length,
        characters: characters(&setup.writer, &texts),
        form,
    };
    let device = &job.device;
    let bundle::Files {
        files,
        hugging_face,
    } = bundle::files(&setup, &trained.model, &recipe.model, &preprocessor, device)?;
    drop(trained.model);
    // What is measured is what the bundle holds.
    let finished = Finished::write(job.assets, &files, &hugging_face)?;
    let predictor = ChatPredictor::open(&finished.0, preprocessor, device.clone())?;
    let scored_on = parts.scored_on();
    let (report, examples, measured) = predictor.measure(&job.dataset, parts.of(scored_on))?;
    let simple = simple(&setup, &learner.examples[0], &examples, &measured, device)?;
    notes.push(simple.note(&measured, pairs));
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face,
        labels: Vec::new(),
        parameters,
        evaluation: Evaluation::Language(report),
        baselines: simple.baselines,
        scored_on,
        epoch: trained.epoch,
        facts,
        notes,
    })))
}

/// Rows as a network reads them.
struct Examples {
    written: Vec<Written>,
    /// Rows of which the end was cut off.
    cut: usize,
    /// Rows of which nothing was left to learn.
    lost: usize,
}

impl Examples {
    fn new<'a>(writer: &Writer, items: impl Iterator<Item = &'a Item>) -> Result<Self, TaskError> {
        let mut all = Self {
            written: Vec::new(),
            cut: 0,
            lost: 0,
        };
        for item in items {
            let (examples, cut) = writer.examples(item)?;
            all.lost += usize::from(examples.is_empty());
            all.cut += usize::from(cut && !examples.is_empty());
            all.written.extend(examples);
        }
        Ok(all)
    }

    fn tokens(&self) -> usize {
        self.written.iter().map(Written::learned).sum()
    }
}

/// What an example says, for a tokenizer that is learned from it.
fn said(item: &Item) -> Vec<String> {
    let of = |messages: &[Message]| -> Vec<String> {
        messages.iter().map(|m| m.content.clone()).collect()
    };
    match item {
        Item::Talk(messages) => of(messages),
        Item::Preference([better, _]) => of(better),
        Item::Text(text) => vec![text.clone()],
    }
}

/// What the network says of all pairs before it is trained.
fn reference(
    job: &Job,
    net: &DecoderNet,
    train: &Examples,
    validation: &Examples,
) -> Result<Preferences, TaskError> {
    let all: Vec<&Written> = train.written.iter().chain(&validation.written).collect();
    let resumed = job.course.resume.is_some();
    let mut surprise = preference::reference(&net.valid(), &all, job.assets, resumed, &job.device)?;
    let of_validation = surprise.split_off(train.written.len());
    Ok(Preferences {
        beta: job
            .recipe
            .training
            .preference_beta
            .unwrap_or(preference::BETA),
        reference: [surprise, of_validation],
    })
}

/// A folder with the files of a bundle, which is removed in the end.
struct Finished(PathBuf);

impl Finished {
    fn write(
        assets: &Path,
        files: &[(&'static str, Vec<u8>)],
        config: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, TaskError> {
        let folder = Self(assets.join(FINISHED));
        for (name, bytes) in files {
            write_file(&folder.0.join(name), bytes)?;
        }
        let config = serde_json::to_vec_pretty(config).unwrap_or_default();
        write_file(&folder.0.join(CONFIG), &config)?;
        Ok(folder)
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        // What stays is overwritten by the next attempt.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Simple models on the same tokens.
struct Simple {
    baselines: Vec<Baseline>,
    frequencies: f64,
    /// The perplexity of the network before it was tuned.
    before: Option<f64>,
}

fn simple(
    setup: &Setup,
    train: &[Written],
    examples: &[Written],
    model: &Measured,
    device: &Device,
) -> Result<Simple, TaskError> {
    let (counted, seconds) = frequencies(train, examples, setup.config.vocabulary);
    let mut baselines = vec![counted.baseline("the most frequent token", seconds, model)];
    let mut before = None;
    if let Some(source) = &setup.source {
        let untuned = Measured::new(&DecoderNet::load(source, device)?, examples, device);
        baselines.push(untuned.baseline("the model before tuning", 0.0, model));
        before = Some(untuned.perplexity());
    }
    Ok(Simple {
        baselines,
        frequencies: counted.perplexity(),
        before,
    })
}

impl Simple {
    /// The perplexities, which no chart shows side by side.
    fn note(&self, model: &Measured, pairs: bool) -> String {
        let of = if pairs {
            "both answers of each pair"
        } else {
            "the held-out part"
        };
        let before = self.before.map_or(String::new(), |before| {
            format!(", {before:.2} of the model before tuning")
        });
        format!(
            "perplexity on {of}: {:.2}{before}, {:.2} by the frequency of tokens alone",
            model.perplexity(),
            self.frequencies
        )
    }
}

/// What was left out or cut off.
fn notes_on(
    form: &Form,
    items: &[Option<Item>],
    train: &Examples,
    max_length: usize,
) -> Vec<String> {
    let empty = items.iter().filter(|item| item.is_none()).count();
    let mut notes = Vec::new();
    if empty > 0 {
        let wanted = form.wanted();
        notes.push(format!("{empty} rows without {wanted} were left out"));
    }
    if train.cut > 0 {
        notes.push(format!(
            "{} training examples are longer than {max_length} tokens; their ends were cut off \
             (--max-length sets how much is read)",
            train.cut
        ));
    }
    if train.lost > 0 {
        notes.push(format!(
            "{} training examples were left out: their first {max_length} tokens have nothing to learn",
            train.lost
        ));
    }
    notes
}

/// About how many characters an example has room for.
fn characters(writer: &Writer, texts: &[String]) -> usize {
    let sample = texts.iter().take(SAMPLE);
    let (characters, tokens) = sample.fold((1, 1), |(characters, tokens), text| {
        let ids = writer.tokenizer.encode_plain(text).ids.len();
        (characters + text.chars().count(), tokens + ids)
    });
    writer.max_length * characters / tokens
}

/// For the model card.
fn facts(job: &Job, form: &Form, parts: &Parts, setup: &Setup, train: &Examples) -> Facts {
    let number = |n: usize| grouped(n as i64);
    let mut facts = vec![
        ("source".into(), job.dataset.source.clone()),
        ("read from".into(), form.asked().into()),
        (
            "vocabulary".into(),
            format!("{} tokens", number(setup.config.vocabulary)),
        ),
        ("tokens to learn in an epoch".into(), number(train.tokens())),
        (
            "tokens of an example".into(),
            setup.writer.max_length.to_string(),
        ),
        (
            "weights in all".into(),
            number(setup.config.parameters() as usize),
        ),
    ];
    if let ModelConfig::Decoder(settings) = &job.recipe.model {
        let weights = settings.weights.clone().unwrap_or_default();
        facts.push(("pretrained".into(), weights));
    }
    facts.extend(parts.facts());
    facts
}
