//! One training, from the table to the files of a bundle.

use super::baseline;
use super::examples::Examples;
use super::head::{Head, THRESHOLD, decide};
use super::learner::TextLearner;
use super::predictor::{Preprocessor, TextPredictor};
use crate::error::TaskError;
use crate::parts::Parts;
use crate::task::{Job, JobOutcome, Made};
use crate::text::{self, Setup, TOKENIZER, TokenSet};
use modelwright_data::Part;
use modelwright_evaluate::grouped;
use modelwright_models::{Exported, Purpose, TextNet, export, weights};
use modelwright_runs::{Facts, PREPROCESSOR};
use modelwright_train::Recipe;

/// Most class names that are listed.
const LISTED: usize = 30;

/// Trains a network with the head that `head` makes of the divided examples.
pub(super) fn run<H: Head>(
    mut job: Job,
    head: impl FnOnce(&Recipe, &str, &Examples, &[usize]) -> Result<H, TaskError>,
) -> Result<JobOutcome, TaskError> {
    let recipe = job.recipe;
    let examples = Examples::read(&job.dataset, &recipe.data)?;
    let parts = examples.divide(recipe)?;
    let train = parts.of(Part::Train);
    let head = head(recipe, &job.dataset.source, &examples, train)?;
    let classes = head.classes().to_vec();
    let setup = text::set_up(&job, &examples.texts_of(train))?;
    let tokens = TokenSet::new(&setup.tokenizer, &examples.texts, setup.max_length);
    let mut notes = job.dataset.notes.clone();
    notes.extend(notes_on(&examples, &parts, &tokens, setup.max_length));
    let (net, fresh) = network(&job, &setup, &classes)?;
    notes.extend(fresh);
    let learner = TextLearner::new(&recipe.model, &tokens, &examples.of, &parts, head);
    let Some(trained) = job.course.fit(recipe, &job.device, &learner, net)? else {
        return Ok(JobOutcome::Interrupted);
    };
    let parameters = weights::count(&trained.model);
    let preprocessor = Preprocessor {
        text: examples.column.name.clone(),
        target: examples.target.clone(),
        label_separator: recipe.data.label_separator.clone(),
        classes,
        max_length: setup.max_length,
        characters: text::characters_read(&examples.texts, &tokens, setup.max_length),
    };
    let facts = facts(&job, &examples, &parts, &setup);
    let exported = exported(recipe, &setup, &trained.model)?;
    drop(trained.model);
    let predictor = predictor(recipe, &exported, &setup, &preprocessor, &job)?;

    let scored_on = parts.scored_on();
    let rows = parts.of(scored_on);
    let probabilities = predictor.probabilities(&tokens, rows);
    let threshold = recipe.data.label_separator.as_ref().map(|_| THRESHOLD);
    let answers: Vec<Vec<u32>> = probabilities
        .chunks_exact(preprocessor.classes.len())
        .map(|row| decide(row, threshold))
        .collect();
    let mut files = exported.files;
    files.push((TOKENIZER, setup.tokenizer.to_json()));
    files.push((
        PREPROCESSOR,
        serde_json::to_vec_pretty(&preprocessor).unwrap_or_default(),
    ));
    Ok(JobOutcome::Made(Box::new(Made {
        files,
        hugging_face: exported.hugging_face,
        evaluation: predictor.report(&probabilities, &examples.of_rows(rows)),
        baselines: baseline::measure(recipe, &examples, &parts, &answers),
        labels: preprocessor.classes,
        parameters,
        scored_on,
        epoch: trained.epoch,
        facts,
        notes,
    })))
}

/// The network to train, and a remark if its head is new although weights were loaded.
fn network(
    job: &Job,
    setup: &Setup,
    classes: &[String],
) -> Result<(TextNet, Option<String>), TaskError> {
    let recipe = job.recipe;
    let vocabulary = setup.tokenizer.vocabulary();
    let device = job.device.clone().autodiff();
    let net = TextNet::new(&recipe.model, vocabulary, classes.len(), &device)?;
    let Some(pretrained) = &setup.pretrained else {
        return Ok((net, None));
    };
    let (net, fresh) = pretrained.load_into(net, classes)?;
    if fresh.is_empty() {
        return Ok((net, None));
    }
    if recipe.training.epochs == 0 {
        return Err(TaskError::asked(
            format!(
                "the weights in {} have no head for the classes {}, and without training it would guess",
                recipe.model.weights().unwrap_or_default(),
                classes.join(", ")
            ),
            "give --epochs 1 or more, or weights that were fine-tuned for these classes",
        ));
    }
    Ok((
        net,
        Some("the pretrained network got a new head for these classes".into()),
    ))
}

/// What a bundle holds of the network.
fn exported(recipe: &Recipe, setup: &Setup, net: &TextNet) -> Result<Exported, TaskError> {
    let purpose = Purpose::Classes {
        multi_label: recipe.data.label_separator.is_some(),
    };
    export(&recipe.model, setup.tokenizer.vocabulary(), purpose, net)
        .map_err(|e| TaskError::asked(format!("the weights cannot be written: {e}"), ""))
}

/// What is measured is what the bundle holds, adapters merged or not.
fn predictor(
    recipe: &Recipe,
    exported: &Exported,
    setup: &Setup,
    preprocessor: &Preprocessor,
    job: &Job,
) -> Result<TextPredictor, TaskError> {
    TextPredictor::new(
        &recipe.model,
        exported,
        setup.tokenizer.clone(),
        preprocessor.clone(),
        job.device.clone(),
    )
    .map_err(|e| TaskError::asked(format!("the weights cannot be read again: {e}"), ""))
}

/// What was left out, cut off, or cannot be learned.
fn notes_on(
    examples: &Examples,
    parts: &Parts,
    tokens: &TokenSet,
    max_length: usize,
) -> Vec<String> {
    let mut notes = examples.notes.clone();
    let rows = &examples.rows;
    let truncated = rows.iter().filter(|row| tokens.is_truncated(**row)).count();
    notes.extend(text::truncation_note(truncated, rows.len(), max_length));
    notes.extend(examples.unlearnable(parts));
    notes
}

/// For the model card.
fn facts(job: &Job, examples: &Examples, parts: &Parts, setup: &Setup) -> Facts {
    let classes = match examples.classes.len() {
        0..=LISTED => examples.classes.join(", "),
        many => many.to_string(),
    };
    let vocabulary = grouped(setup.tokenizer.vocabulary() as i64);
    let mut facts = vec![
        ("source".into(), job.dataset.source.clone()),
        ("text".into(), examples.column.name.clone()),
        ("target".into(), examples.target.clone()),
        ("classes".into(), classes),
        ("vocabulary".into(), format!("{vocabulary} tokens")),
        ("tokens read of a text".into(), setup.max_length.to_string()),
    ];
    facts.extend(parts.facts());
    facts
}
