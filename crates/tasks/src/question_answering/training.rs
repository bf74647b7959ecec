//! From a table of questions with contexts to a trained network.

use super::learner::{SpanLearner, Split};
use super::predictor::{Preprocessor, SpanPredictor};
use super::rows::{CONTEXT, Names, Place, Questions};
use super::{Kind, NAME};
use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::parts::{Division, Parts};
use crate::table;
use crate::task::{Job, JobOutcome, Made};
use crate::text::{self, Setup, TOKENIZER, TokenSet};
use burn::tensor::Device;
use modelwright_data::{DataConfig, Dataset, Part, Table};
use modelwright_models::{
    BertMiniConfig, ModelConfig, Pretrained, Purpose, SpanNet, Tokenizer, export, weights,
};
use modelwright_runs::{Facts, PREPROCESSOR};
use modelwright_train::recipe::Layers;
use modelwright_train::{ClassWeights, Recipe};

/// Tokens of a window, unless the recipe says otherwise: a paragraph and its question, as in the first
/// work on SQuAD with BERT (Devlin et al. 2019).
const WINDOW: usize = 384;

/// A recipe that works without thinking.
pub(super) fn defaults(
    dataset: &Dataset,
    config: &DataConfig,
    asked: &Layers,
) -> Result<Recipe, TaskError> {
    let table = table::table(dataset, NAME)?;
    Questions::with_answers(table, &dataset.source, &Names::of(config))?;
    let mut model = text::asked_model(asked, ModelConfig::BertMini(BertMiniConfig::default()));
    match &mut model {
        ModelConfig::Bert(c) => c.max_length = window_of(c.weights.as_deref())?,
        ModelConfig::BertMini(c) => c.max_length = WINDOW,
        _ => {}
    }
    text::recipe(NAME, config.clone(), model, table.rows(), &[])
}

/// Tokens of a window for pretrained weights, which may have places for fewer.
fn window_of(weights: Option<&str>) -> Result<usize, TaskError> {
    Ok(match weights {
        Some(source) => WINDOW.min(Pretrained::open(source)?.config.longest()),
        None => WINDOW,
    })
}

/// Checks the recipe and fills in what the weights say of the network.
pub(super) fn resolve(recipe: &mut Recipe, _: &Dataset) -> Result<(), TaskError> {
    let problem = if !matches!(
        recipe.model,
        ModelConfig::Bert(_) | ModelConfig::BertMini(_)
    ) {
        Some((
            "model.architecture",
            "bert or bert-mini, which look at each token of a text",
        ))
    } else if recipe.training.label_smoothing != 0.0 {
        Some((
            "training.label_smoothing",
            "0: most tokens cannot be the answer at all",
        ))
    } else if recipe.training.answer_threshold.is_some() {
        Some((
            "training.answer_threshold",
            "left away: the threshold is what the validation part says is best",
        ))
    } else if recipe.training.class_weights != ClassWeights::Equal {
        Some((
            "training.class_weights",
            "equal: places in a text are no classes",
        ))
    } else {
        None
    };
    match problem {
        Some((key, allowed)) => Err(TaskError::asked(
            format!("{key} does not go with answers that stand in a text"),
            format!("it has to be {allowed}"),
        )),
        None => {
            let Names { question, answer } = Names::of(&recipe.data);
            recipe.data.text = Some(question);
            recipe.data.target = Some(answer);
            text::resolve(recipe)
        }
    }
}

/// The part of each row; `None` for those without a question or a context.
pub(super) fn parts(
    dataset: &Dataset,
    names: &Names,
    recipe: &Recipe,
) -> Result<Vec<Option<Part>>, TaskError> {
    let place = &dataset.source;
    let table = table::table(dataset, NAME)?;
    let questions = Questions::of(table, place, names)?;
    let given = table.given(&recipe.data, place)?;
    let (rows, hashes) = (questions.usable(), table.hashes_of(&[CONTEXT]));
    Ok(division(&rows, &vec![0; rows.len()], &hashes, &given).of_all(recipe))
}

/// Questions about one context come into one part: what is learned of a text must not help in the test.
fn division<'a>(
    rows: &'a [usize],
    strata: &'a [u32],
    hashes: &'a [u64],
    given: &'a [Option<Part>],
) -> Division<'a> {
    Division {
        rows,
        strata,
        hashes,
        given,
    }
}

/// A table divided, with what there is to learn from it.
struct Prepared<'a> {
    questions: Questions<'a>,
    parts: Parts,
    /// The rows of the training part whose answer stands in its context, or that have none.
    train: Vec<usize>,
    /// Whether some of them have no answer.
    unanswerable: bool,
    facts: Facts,
    notes: Vec<String>,
}

impl<'a> Prepared<'a> {
    fn new(job: &Job, table: &'a Table, names: &Names) -> Result<Self, TaskError> {
        let place = &job.dataset.source;
        let questions = Questions::with_answers(table, place, names)?;
        let given = table.given(&job.recipe.data, place)?;
        let (rows, hashes) = (questions.usable(), table.hashes_of(&[CONTEXT]));
        let strata = vec![0; rows.len()];
        let parts = Parts::new(job.recipe, &division(&rows, &strata, &hashes, &given))?;
        let (mut train, mut lost, mut unanswerable) = (Vec::new(), Vec::new(), 0);
        for row in parts.of(Part::Train) {
            match questions.place(*row) {
                Place::At(_) => train.push(*row),
                Place::Nowhere => {
                    train.push(*row);
                    unanswerable += 1;
                }
                Place::Lost => lost.push(*row),
            }
        }
        if train.len() == unanswerable {
            return Err(no_answers(place, &questions, &lost));
        }
        let mut notes = job.dataset.notes.clone();
        let left_out = table.rows() - rows.len();
        if left_out > 0 {
            notes.push(format!(
                "{left_out} rows without a question or a context were left out"
            ));
        }
        if !lost.is_empty() {
            notes.push(format!(
                "{} training questions were left out whose answer does not stand in the context word for word",
                lost.len()
            ));
        }
        let contexts = |rows: &[usize]| {
            let mut all: Vec<&str> = rows.iter().map(|r| questions.context(*r)).collect();
            all.sort_unstable();
            all.dedup();
            all.len()
        };
        let mut facts = vec![
            ("source".into(), place.clone()),
            ("contexts".into(), contexts(&rows).to_string()),
            (
                "training questions without an answer".into(),
                unanswerable.to_string(),
            ),
        ];
        facts.extend(parts.facts());
        Ok(Self {
            questions,
            parts,
            train,
            unanswerable: unanswerable > 0,
            facts,
            notes,
        })
    }

    /// About how many characters of a question are read, which takes at most half of a window.
    fn longest_question(&self, tokenizer: &Tokenizer, max_length: usize) -> usize {
        let asked: Vec<&str> = self
            .train
            .iter()
            .map(|r| self.questions.question(*r))
            .collect();
        let tokens = TokenSet::new(tokenizer, &asked, max_length);
        text::characters_read(&asked, &tokens, max_length / 2)
    }

    /// The texts from which a tokenizer can be trained.
    fn texts(&self) -> Vec<&'a str> {
        let of = |row: &usize| [self.questions.question(*row), self.questions.context(*row)];
        let mut texts: Vec<&str> = self.train.iter().flat_map(of).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    }
}

/// The error that there is nothing to learn from.
fn no_answers(place: &str, questions: &Questions, lost: &[usize]) -> TaskError {
    match lost.first() {
        None => TaskError::asked(
            format!("{place}: no question of the training part has an answer"),
            "some answers are needed, word for word as they stand in the column `context`",
        ),
        Some(row) => {
            let answer = questions
                .accepted(*row)
                .into_iter()
                .next()
                .unwrap_or_default();
            let answer: String = answer.chars().take(80).collect();
            TaskError::asked(
                format!(
                    "{place}: no answer of the training part stands in its context; row {} has `{answer}`",
                    row + 1
                ),
                "answers have to be copied from the context word for word; for questions with answers \
                 of their own leave the contexts away with --exclude context",
            )
        }
    }
}

/// Trains, evaluates and collects what the bundle needs.
pub(super) fn train(mut job: Job) -> Result<JobOutcome, TaskError> {
    let recipe = job.recipe;
    let names = Names::of(&recipe.data);
    let table = table::table(&job.dataset, NAME)?;
    let mut prepared = Prepared::new(&job, table, &names)?;
    let Setup {
        tokenizer,
        pretrained,
        max_length,
    } = text::set_up(&job, &prepared.texts())?;
    let questions = prepared.questions;
    let split = |rows: &[usize]| Split::new(&tokenizer, questions, rows, max_length);
    let learner = SpanLearner {
        questions,
        model: &recipe.model,
        batch: recipe.training.batch_size,
        train: split(&prepared.train),
        validation: split(prepared.parts.of(Part::Validation)),
        threshold: prepared.unanswerable.then_some(0.0),
    };
    let windows = learner.train.windows.len().to_string();
    prepared.facts.push(("training windows".into(), windows));
    let vocabulary = tokenizer.vocabulary();
    let net = build(
        recipe,
        vocabulary,
        pretrained,
        &job.device,
        &mut prepared.notes,
    )?;
    let Some(trained) = job.course.fit(recipe, &job.device, &learner, net)? else {
        return Ok(JobOutcome::Interrupted);
    };
    let parameters = weights::count(&trained.model);
    let exported = export(&recipe.model, vocabulary, Purpose::Spans, &trained.model)
        .map_err(|e| TaskError::asked(format!("the weights cannot be written: {e}"), ""))?;
    let mut hugging_face = exported.hugging_face;
    // Of a network that finds spans these are the start and the end.
    hugging_face.insert("num_labels".into(), 2.into());
    let longest_question = prepared.longest_question(&tokenizer, max_length);
    let mut predictor = SpanPredictor {
        net: trained.model,
        tokenizer,
        preprocessor: Preprocessor {
            kind: Kind::Spans,
            names,
            threshold: learner.threshold,
            max_length,
            longest_question,
        },
        device: job.device,
    };
    if prepared.unanswerable {
        predictor.tune(questions, prepared.parts.of(Part::Validation));
    }
    let scored_on = prepared.parts.scored_on();
    let report = predictor.evaluate_rows(questions, prepared.parts.of(scored_on));
    let mut files = exported.files;
    files.push((TOKENIZER, predictor.tokenizer.to_json()));
    let preprocessor = serde_json::to_vec_pretty(&predictor.preprocessor);
    files.push((PREPROCESSOR, preprocessor.unwrap_or_default()));
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face,
        labels: Vec::new(),
        parameters,
        evaluation: Evaluation::Spans(report),
        baselines: Vec::new(),
        scored_on,
        epoch: trained.epoch,
        facts: prepared.facts,
        notes: prepared.notes,
    })))
}

/// The network with fresh weights, and with pretrained ones on top.
fn build(
    recipe: &Recipe,
    vocabulary: usize,
    pretrained: Option<Pretrained>,
    device: &Device,
    notes: &mut Vec<String>,
) -> Result<SpanNet, TaskError> {
    let net = SpanNet::new(&recipe.model, vocabulary, &device.clone().autodiff())?;
    let Some(pretrained) = pretrained else {
        return Ok(net);
    };
    let (net, fresh) = pretrained.load_into(net, &[])?;
    match (fresh.is_empty(), recipe.training.epochs) {
        (false, 0) => Err(TaskError::asked(
            "the weights were not trained to find answers: they have no `qa_outputs`",
            "let training.epochs be at least 1",
        )),
        (false, _) => {
            notes.push("the part of the network that finds answers started untrained".into());
            Ok(net)
        }
        (true, _) => Ok(net),
    }
}
