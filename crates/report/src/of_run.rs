//! The report on a finished run, on the part of its data that it was scored on.

use crate::again::Again;
use crate::build::{Options, build};
use crate::linear::{Linear, NoLinear, linear_model};
use crate::report::{About, Report};
use crate::shown::Columns;
use crate::subject::Subject;
use modelwright_data::Dataset;
use modelwright_evaluate::DecisionCosts;
use modelwright_runs::{Rates, Run, RunFolder};
use modelwright_tasks::{Answers, Predictor, Scored, TaskError, recipe_of, with_model};
use modelwright_train::Recipe;

/// Seed of the draws of a report, so that the same wishes give the same figures.
pub const SEED: u64 = 42;

/// What a person may say about a report.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The class that a decision is about.
    pub positive: Option<String>,
    /// What errors of the decision cost.
    pub costs: Option<DecisionCosts>,
    /// Columns by which people must not be treated differently.
    pub sensitive: Vec<String>,
    /// Whether to train a linear model beside it.
    pub linear: bool,
}

impl Wishes {
    /// The command that makes the same report.
    fn command(&self, run: &Run) -> String {
        let mut words = vec![
            "modelwright evaluate".to_string(),
            run.id.clone(),
            run.source.clone(),
        ];
        words.push("--report report".into());
        words.extend(
            self.positive
                .iter()
                .map(|class| format!("--positive \"{class}\"")),
        );
        if let Some(costs) = &self.costs {
            words.push(format!(
                "--cost-alarm {} --cost-miss {}",
                costs.false_alarm, costs.miss
            ));
        }
        words.extend(
            self.sensitive
                .iter()
                .map(|column| format!("--sensitive \"{column}\"")),
        );
        words.join(" ")
    }
}

/// Makes the report, of the answers that the run keeps if it does. `dataset` is what
/// [`modelwright_tasks::data_of_run`] gives; `again` is how a linear model is trained, if it is wished.
///
/// # Errors
/// The model cannot be read, there is no class or column of a name, or the training is stopped.
pub fn of_run(
    run: &Run,
    folder: &RunFolder,
    dataset: &Dataset,
    wishes: &Wishes,
    again: Again,
) -> Result<Report, TaskError> {
    let recipe = recipe_of(run)?;
    let answers = Answers::of_run(run, folder, dataset)?;
    let comparison = folder.comparison();
    let rates = match folder.path().parent() {
        Some(runs) => Rates::load(runs)?,
        None => Rates::default(),
    };
    with_model(&folder.bundle(), |predictor: &dyn Predictor| {
        let scored = Scored::of_run(run, predictor, dataset, &recipe)?;
        let subject = Subject::answered(predictor, dataset, answers);
        let (linear, no_linear) = beside(&recipe, predictor, wishes, again)?;
        let input = predictor.input();
        let options = Options {
            command: wishes.command(run),
            about: Some(About {
                run: run.id.clone(),
                task: run.task.clone(),
                architecture: run.architecture.clone(),
                source: run.source.clone(),
                part: scored.part.name().into(),
            }),
            columns: Columns {
                text: input.only_text().map(|column| column.name.as_str()),
                target: recipe.data.target.as_deref(),
            },
            positive: wishes.positive.as_deref(),
            costs: wishes.costs,
            sensitive: &wishes.sensitive,
            simple: comparison.as_ref(),
            parts: Some(&scored.parts),
            linear: linear.as_ref(),
            no_linear,
            rates: rates.clone(),
            training_cost: run.cost.as_ref(),
            seed: SEED,
            ..Options::default()
        };
        build(&subject, &options)
    })
}

/// The linear model, or why there is none.
fn beside(
    recipe: &Recipe,
    predictor: &dyn Predictor,
    wishes: &Wishes,
    again: Again,
) -> Result<(Option<Linear>, Option<NoLinear>), TaskError> {
    match (NoLinear::of(recipe), wishes.linear) {
        (Some(why), _) => Ok((None, Some(why))),
        (None, false) => Ok((None, Some(NoLinear::NotAsked))),
        (None, true) => Ok((Some(linear_model(recipe, predictor, again)?), None)),
    }
}
