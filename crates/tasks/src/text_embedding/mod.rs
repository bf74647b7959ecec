//! Which texts mean the same? Vectors that lie close together for texts that belong together.

mod encoder;
mod folder;
mod learner;
mod pairs;
mod predictor;
mod ranks;

pub use encoder::SentenceEncoder;

use crate::error::TaskError;
use crate::parts::{Division, Parts};
use crate::table;
use crate::task::{Job, JobOutcome, Made, Predictor, Task, TaskInfo};
use crate::text::{self, Setup, TOKENIZER, TokenSet};
use burn::tensor::Device;
use learner::PairLearner;
use modelwright_data::{DataConfig, Dataset, Part};
use modelwright_models::{
    BertMiniConfig, Exported, ModelConfig, Purpose, SentenceNet, export, weights,
};
use modelwright_runs::{Bundle, PREPROCESSOR};
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Recipe};
use pairs::PairColumns;
use predictor::{PairPredictor, Preprocessor};

/// The task.
pub(crate) struct TextEmbedding;

const NAME: &str = "text-embedding";
/// Pairs in a batch: every other pair of it is an example of what does not belong together.
const BATCH: usize = 64;

impl Task for TextEmbedding {
    fn info(&self) -> TaskInfo {
        TaskInfo {
            name: NAME,
            takes: "pairs of texts that belong together",
            gives: "a vector for a text, close to those of texts that mean the same",
            example: "search the help pages by meaning",
        }
    }

    fn fits(&self, dataset: &Dataset, config: &DataConfig) -> Option<u32> {
        let columns = PairColumns::find(dataset, config).ok()?;
        columns.are_free_text().then_some(12)
    }

    fn defaults(
        &self,
        dataset: &Dataset,
        config: &DataConfig,
        asked: &Layers,
    ) -> Result<Recipe, TaskError> {
        let pairs = PairColumns::find(dataset, config)?.first.len();
        let model = ModelConfig::BertMini(BertMiniConfig::default());
        let model = text::asked_model(asked, model);
        let own = [("training.batch_size", BATCH.to_string())];
        text::recipe(NAME, config.clone(), model, pairs, &own)
    }

    fn resolve(&self, recipe: &mut Recipe, dataset: &Dataset) -> Result<(), TaskError> {
        let t = &recipe.training;
        if t.label_smoothing > 0.0 || t.class_weights != ClassWeights::Equal {
            return Err(TaskError::asked(
                "label_smoothing and class_weights are for classes, but this task has pairs",
                "leave them away",
            ));
        }
        if recipe.data.label_separator.is_some() {
            return Err(TaskError::asked(
                "label_separator is for labels, but this task has pairs",
                "leave it away",
            ));
        }
        if let ModelConfig::TextCnn(_) = recipe.model {
            return Err(TaskError::asked(
                "text-cnn gives classes, not vectors of sentences",
                "choose bert-mini, or bert with --weights",
            ));
        }
        text::resolve(recipe)?;
        let columns = PairColumns::find(dataset, &recipe.data)?;
        recipe.data.text = Some(columns.first.name.clone());
        recipe.data.target = Some(columns.second.name.clone());
        Ok(())
    }

    fn parts(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
        parts(dataset, recipe)
    }

    fn train(&self, job: Job) -> Result<JobOutcome, TaskError> {
        train(job)
    }

    fn load(&self, bundle: &Bundle, device: Device) -> Result<Box<dyn Predictor>, TaskError> {
        Ok(Box::new(PairPredictor::load(bundle, device)?))
    }
}

/// The part of each pair; `None` for incomplete ones.
fn parts(dataset: &Dataset, recipe: &Recipe) -> Result<Vec<Option<Part>>, TaskError> {
    divided(dataset, recipe, |division| Ok(division.of_all(recipe)))
}

/// Divides the pairs. Those of one first text stay together: it must not be known from the training
/// when it is asked with in the test.
fn divided<T>(
    dataset: &Dataset,
    recipe: &Recipe,
    work: impl FnOnce(&Division) -> Result<T, TaskError>,
) -> Result<T, TaskError> {
    let place = &dataset.source;
    let columns = PairColumns::find(dataset, &recipe.data)?;
    let rows = columns.texts().complete();
    if rows.len() < 2 {
        let (first, second) = (&columns.first.name, &columns.second.name);
        return Err(TaskError::asked(
            format!("{place}: fewer than two rows have a text in both `{first}` and `{second}`"),
            "give pairs of texts, or choose other columns with --text and --target",
        ));
    }
    let table = table::table(dataset, NAME)?;
    work(&Division {
        strata: &vec![0; rows.len()],
        rows: &rows,
        hashes: &table.hashes_of(&[&columns.first.name]),
        given: &table.given(&recipe.data, place)?,
    })
}

fn train(mut job: Job) -> Result<JobOutcome, TaskError> {
    let (recipe, dataset) = (job.recipe, &job.dataset);
    let columns = PairColumns::find(dataset, &recipe.data)?;
    let pairs = columns.texts();
    let parts = divided(dataset, recipe, |division| Parts::new(recipe, division))?;
    let train = parts.of(Part::Train);
    let training: Vec<&str> = [&pairs.first, &pairs.second]
        .into_iter()
        .flat_map(|texts| train.iter().map(|row| texts[*row].as_ref()))
        .collect();
    let Setup {
        tokenizer,
        pretrained,
        max_length,
    } = text::set_up(&job, &training)?;
    let characters = {
        let tokens = TokenSet::new(&tokenizer, &training, max_length);
        text::characters_read(&training, &tokens, max_length)
    };
    let texts = training.len();
    let vocabulary = tokenizer.vocabulary();
    let net = SentenceNet::new(&recipe.model, vocabulary, &job.device.clone().autodiff())?;
    let net = match &pretrained {
        Some(pretrained) => pretrained.load_into(net, &[])?.0,
        None => net,
    };
    let left_out = pairs.first.len() - pairs.complete().len();
    let tokenize = |texts: &[std::borrow::Cow<str>]| TokenSet::new(&tokenizer, texts, max_length);
    let learner = PairLearner::new(pairs, parts, tokenize, &recipe.model);
    let Some(trained) = job.course.fit(recipe, &job.device, &learner, net)? else {
        return Ok(JobOutcome::Interrupted);
    };
    let truncated = learner.truncated(learner.parts.of(Part::Train));
    let mut notes = dataset.notes.clone();
    if left_out > 0 {
        notes.push(format!(
            "{left_out} rows without a text in both columns were left out"
        ));
    }
    notes.extend(text::truncation_note(truncated, texts, max_length));
    let preprocessor = Preprocessor {
        text: columns.first.name.clone(),
        target: columns.second.name.clone(),
        characters,
    };
    let parameters = weights::count(&trained.model);
    let pooling = trained.model.pooling();
    let exported = export(
        &recipe.model,
        vocabulary,
        Purpose::Sentences,
        &trained.model,
    )
    .map_err(|problem| TaskError::asked(problem, ""))?;
    // What is measured is what was written.
    let encoder = SentenceEncoder::exported(&recipe.model, &exported, tokenizer, job.device)?;
    let Exported {
        mut files,
        hugging_face,
    } = exported;
    files.push((TOKENIZER, encoder.tokenizer().to_json()));
    files.extend(folder::files(pooling, encoder.dimension(), max_length));
    files.push((
        PREPROCESSOR,
        serde_json::to_vec_pretty(&preprocessor).unwrap_or_default(),
    ));
    let scored_on = learner.parts.scored_on();
    let predictor = PairPredictor::new(encoder, preprocessor);
    let evaluation = predictor.evaluate(dataset, learner.parts.of(scored_on))?;
    let mut facts = vec![
        ("source".into(), dataset.source.clone()),
        ("first texts".into(), columns.first.name.clone()),
        ("second texts".into(), columns.second.name.clone()),
    ];
    facts.extend(learner.parts.facts());
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face,
        labels: Vec::new(),
        parameters,
        evaluation,
        baselines: Vec::new(),
        scored_on,
        epoch: trained.epoch,
        facts,
        notes,
    })))
}
