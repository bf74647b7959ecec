//! The report on a finished run, on the part of its data that it was scored on.

use crate::build::{Options, build};
use crate::report::{About, Report};
use crate::shown::Columns;
use crate::subject::Subject;
use modelwright_data::{Dataset, Part};
use modelwright_evaluate::DecisionCosts;
use modelwright_runs::{Rates, Run, RunFolder};
use modelwright_tasks::{Predictor, TaskError, recipe_of, with_model};

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

/// Makes the report. `dataset` is what [`modelwright_tasks::data_of_run`] gives.
///
/// # Errors
/// The model cannot be read, or there is no class or column of a name.
pub fn of_run(
    run: &Run,
    folder: &RunFolder,
    dataset: &Dataset,
    wishes: &Wishes,
) -> Result<Report, TaskError> {
    let recipe = recipe_of(run)?;
    let comparison = folder.comparison();
    let rates = match folder.path().parent() {
        Some(runs) => Rates::load(runs)?,
        None => Rates::default(),
    };
    with_model(&folder.bundle(), |predictor: &dyn Predictor| {
        let parts = predictor.parts(dataset, &recipe)?;
        let part = Part::named(&run.scored_on).unwrap_or(Part::Test);
        let rows: Vec<usize> = (0..parts.len()).filter(|i| parts[*i] == part).collect();
        let evaluation = predictor.evaluate(dataset, &rows)?;
        let subject = Subject::new(predictor, dataset, &rows)?;
        let input = predictor.input();
        let options = Options {
            command: wishes.command(run),
            about: Some(About {
                run: run.id.clone(),
                task: run.task.clone(),
                architecture: run.architecture.clone(),
                source: run.source.clone(),
                part: part.name().into(),
            }),
            columns: Columns {
                text: input.only_text().map(|column| column.name.as_str()),
                target: recipe.data.target.as_deref(),
            },
            positive: wishes.positive.as_deref(),
            costs: wishes.costs,
            sensitive: &wishes.sensitive,
            simple: comparison.as_ref(),
            parts: Some(&parts),
            rates: rates.clone(),
            training_cost: run.cost.as_ref(),
            seed: SEED,
            ..Options::default()
        };
        build(&subject, evaluation, &options)
    })
}
