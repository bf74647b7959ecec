//! Answers to questions that were asked before: a question is compared with those of a FAQ, by its
//! letters or, with a pretrained sentence encoder, by its meaning. Where none is close enough, the
//! answer is "I do not know".
//!
//! This is the part of the task `question-answering` for tables of questions and answers. Nothing goes
//! through the training loop: what is learned is how sure one may be of a match.

mod bundle;
mod calibration;
mod entries;
mod learn;
mod lexical;
mod matcher;
mod perturb;
mod predictor;

pub use calibration::{Calibration, Evidence};
pub use perturb::{perturbed, words};

use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::index::Vectors;
use crate::table;
use crate::task::{Job, JobOutcome, Made, Predictor};
use crate::text::{self, TOKENIZER, TokenSet};
use crate::text_embedding::SentenceEncoder;
use bundle::{Kind, Preprocessor};
use burn::tensor::Device;
use entries::{Columns, Entries};
use learn::Asked;
use matcher::Matcher;
use modelwright_data::{DataConfig, Dataset, Part};
use modelwright_evaluate::RetrievalReport;
use modelwright_models::{
    Exported, LinearConfig, ModelConfig, Pretrained, Purpose, export, weights,
};
use modelwright_runs::Bundle;
use modelwright_train::recipe::Layers;
use modelwright_train::{Event, Recipe, TrainError};

/// The probability from which an answer is given, unless the recipe says otherwise.
const THRESHOLD: f64 = 0.5;
/// Characters of a question that are compared by letters, told to people; there is no real limit.
const CHARACTERS: usize = 10_000;

/// A recipe for a FAQ: without weights, questions are compared by their letters.
pub(crate) fn defaults(
    task: &str,
    dataset: &Dataset,
    config: &DataConfig,
    asked: &Layers,
) -> Result<Recipe, TaskError> {
    Columns::find(table::table(dataset, task)?, &dataset.source, config)?;
    let model = text::asked_model(asked, ModelConfig::Linear(LinearConfig::default()));
    let data = DataConfig {
        validation: 0.0,
        test: 0.0,
        ..config.clone()
    };
    let mut recipe = Recipe::new(task, data, model);
    recipe.training.epochs = 1;
    Ok(recipe)
}

/// Checks what the recipe says, and fills in what its data and weights tell.
pub(crate) fn resolve(recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
    table::no_pictures(recipe)?;
    match &recipe.model {
        ModelConfig::Linear(_) => {}
        ModelConfig::Bert(c) if c.lora_rank > 0 || c.frozen_layers > 0 => {
            return Err(TaskError::asked(
                "lora_rank and frozen_layers are for training an encoder, which a FAQ takes as it is",
                "leave them away",
            ));
        }
        ModelConfig::Bert(_) => text::resolve(recipe)?,
        _ => {
            return Err(TaskError::asked(
                format!(
                    "architecture `{}` does not search a FAQ",
                    recipe.model.name()
                ),
                "choose `linear` to compare letters, or `bert` with --weights to compare meanings",
            ));
        }
    }
    if recipe.training.epochs > 1 {
        return Err(TaskError::asked(
            "a FAQ is learned in one pass, but training.epochs asks for more",
            "leave it away; to adapt an encoder, train text-embedding on pairs and give its bundle \
             with --weights",
        ));
    }
    if recipe.data.validation > 0.0 || recipe.data.test > 0.0 {
        return Err(TaskError::asked(
            "a FAQ answers only what it holds, but data.validation or data.test holds questions back",
            "leave them away; measure it with `modelwright evaluate` on a table of other questions \
             with a column `expected`",
        ));
    }
    let table = table::table(dataset, &recipe.task)?;
    let columns = Columns::find(table, &dataset.source, &recipe.data)?;
    recipe.data.text = Some(columns.question);
    recipe.data.target = Some(columns.answer);
    Ok(())
}

/// Every row is of the training part.
pub(crate) fn parts(dataset: &Dataset, _: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
    Ok(vec![Some(Part::Train); dataset.content.len()])
}

/// The FAQ in a bundle.
pub(crate) fn load(bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
    Ok(Box::new(bundle::load(bundle, device)?))
}

/// The encoder that a FAQ is read with.
struct Reader {
    encoder: SentenceEncoder,
}

impl Reader {
    /// The pretrained one that the recipe names.
    fn open(model: &ModelConfig, device: &Device) -> Result<Option<Self>, TaskError> {
        let (ModelConfig::Bert(_), Some(source)) = (model, model.weights()) else {
            return Ok(None);
        };
        let source = Pretrained::open(source)?;
        let encoder = SentenceEncoder::configured(model, &source, device.clone())?;
        Ok(Some(Self { encoder }))
    }

    /// What a bundle holds of it.
    fn exported(&self, model: &ModelConfig) -> Result<Exported, TaskError> {
        let vocabulary = self.encoder.tokenizer().vocabulary();
        let exported = export(model, vocabulary, Purpose::Sentences, self.encoder.net());
        exported.map_err(|problem| TaskError::asked(problem, ""))
    }

    /// What each question means: the middle between its own vector and that of the question followed by
    /// its answer, which says in other words what the question is about. A product with it is the mean of
    /// the two cosines.
    fn meanings(&self, entries: &Entries) -> Vectors {
        let answers = entries.answers_of();
        let pairs = entries.questions.iter().zip(answers);
        let told: Vec<String> = pairs
            .map(|(question, answers)| match answers.first() {
                Some(answer) => format!("{question} {}", entries.answers[*answer as usize]),
                None => question.clone(),
            })
            .collect();
        let (own, told) = (self.vectors(&entries.questions), self.vectors(&told));
        let pairs = own.values().iter().zip(told.values());
        let middle = pairs.map(|(a, b)| (a + b) / 2.0).collect();
        Vectors::new(middle, own.dimension())
    }

    fn vectors(&self, texts: &[String]) -> Vectors {
        let values = self.encoder.embed(texts, predictor::BATCH, &|_, _| {});
        Vectors::new(values, self.encoder.dimension())
    }

    /// About how many characters of a question are read.
    fn characters(&self, texts: &[String]) -> usize {
        let longest = self.encoder.max_length();
        let tokens = TokenSet::new(self.encoder.tokenizer(), texts, longest);
        text::characters_read(texts, &tokens, longest)
    }
}

/// Reads the FAQ, learns how sure to be of a match, and measures that on other changes of its questions.
pub(crate) fn train(job: Job) -> Result<JobOutcome, TaskError> {
    let (recipe, dataset) = (job.recipe, &job.dataset);
    let table = table::table(dataset, &recipe.task)?;
    let columns = Columns::find(table, &dataset.source, &recipe.data)?;
    let (entries, left_out) = Entries::read(table, &dataset.source, &columns)?;
    let mut notes = dataset.notes.clone();
    if left_out > 0 {
        notes.push(format!(
            "{left_out} rows without a question or an answer were left out"
        ));
    }
    let observer = job.course.observer;
    let mut tell = |event: Event| observer.observe(&event).map_err(TrainError::Observer);
    tell(Event::Started {
        epochs: 0,
        steps_per_epoch: 0,
        examples: entries.questions.len(),
        resumed_at: 0,
    })?;
    let started = std::time::Instant::now();
    let mut reader = Reader::open(&recipe.model, &job.device)?;
    if let Some(unknown) = reader
        .as_ref()
        .map(|r| r.encoder.unknown(&entries.questions))
        && unknown > SentenceEncoder::MOST_UNKNOWN
    {
        reader = None;
        notes.push(format!(
            "the encoder does not know {:.0} % of the tokens of these questions (another language?); \
             they are compared by their letters alone",
            100.0 * unknown
        ));
    }
    let meanings = reader.as_ref().map(|r| r.meanings(&entries));
    let matcher = Matcher::new(entries, meanings);
    let tried = |round: u64| {
        let asked = Asked::draw(&matcher.entries.questions, recipe.training.seed, round);
        let vectors = reader.as_ref().map(|reader| reader.vectors(&asked.texts));
        learn::ask(&matcher, &asked, |i| vectors.as_ref().map(|v| v.row(i)))
    };
    let calibration = learn::calibrate(&tried(0));
    if job.course.control.is_stopped() {
        return Ok(JobOutcome::Interrupted);
    }
    let threshold = recipe.training.answer_threshold.unwrap_or(THRESHOLD) as f32;
    let outcomes = learn::outcomes(&tried(1), &calibration);
    let questions = &matcher.entries.questions;
    let report = RetrievalReport::new(&outcomes, questions.len(), Some(threshold));
    notes.push(
        "the scores are on the FAQ's own questions, changed at random; measure it on what people \
         really ask with `modelwright evaluate` and a table with the columns of the question and \
         `expected`"
            .into(),
    );
    let preprocessor = Preprocessor {
        kind: Kind::Faq,
        columns,
        threshold,
        calibration,
        encoder: reader.is_some(),
        characters: reader
            .as_ref()
            .map_or(CHARACTERS, |r| r.characters(questions)),
    };
    let facts = vec![
        ("source".into(), dataset.source.clone()),
        ("questions".into(), questions.len().to_string()),
        ("answers".into(), matcher.entries.answers.len().to_string()),
    ];
    let mut files = bundle::files(&preprocessor, &matcher)?;
    let (mut hugging_face, mut parameters) = (Default::default(), 0);
    if let Some(reader) = &reader {
        let exported = reader.exported(&recipe.model)?;
        files.push((TOKENIZER, reader.encoder.tokenizer().to_json()));
        files.extend(exported.files);
        hugging_face = exported.hugging_face;
        parameters = weights::count(reader.encoder.net());
    }
    tell(Event::Finished {
        steps: 0,
        seconds: started.elapsed().as_secs_f64(),
    })?;
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face,
        labels: Vec::new(),
        parameters,
        evaluation: Evaluation::Retrieval(report),
        baselines: Vec::new(),
        scored_on: Part::Train,
        epoch: recipe.training.epochs,
        facts,
        notes,
    })))
}
