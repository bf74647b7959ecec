//! One question about one example, and the answer to it.

use crate::commands::evaluate::recipe_of;
use anyhow::Result;
use modelwright_data::{Content, Dataset, OpenOptions, Part, open};
use modelwright_explain::table::{
    Counterfactuals, Dependence, Importance, Search, Wish, counterfactuals, dependence, importance,
    shapley,
};
use modelwright_explain::{Explanation, Method, Neighbours, Subject, nearest, picture, text};
use modelwright_runs::{Bundle, Run, RunFolder, Store};
use modelwright_tasks::{Given, Predictor, TaskError, data_of_run};
use serde::Serialize;
use std::path::Path;

/// Most columns that a counterfactual changes.
const MOST_CHANGES: usize = 4;

/// What was asked on the command line.
pub struct Question<'a> {
    pub predictor: &'a dyn Predictor,
    pub bundle: &'a Bundle,
    pub runs: &'a Path,
    pub given: &'a Given,
    pub method: Method,
    pub class: Option<&'a str>,
    pub data: Option<&'a str>,
    pub column: Option<&'a str>,
    pub wish: Wish<'a>,
    pub fixed: Vec<String>,
    pub baseline: picture::Baseline,
    pub count: usize,
    pub options: OpenOptions<'a>,
}

/// What a method says.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Shares of the pieces of an example.
    Shares {
        /// The example, counted from 0.
        #[serde(skip)]
        row: usize,
        #[serde(flatten)]
        explanation: Explanation,
    },
    /// What would have to be another.
    Changes(Counterfactuals),
    /// What each column is worth.
    Columns(Importance),
    /// How the answer changes with a column.
    Course(Dependence),
    /// What is alike.
    Alike(Neighbours),
}

impl Question<'_> {
    /// Whether the method looks at all examples at once.
    pub fn is_of_all(&self) -> bool {
        matches!(self.method, Method::Importance | Method::PartialDependence)
    }

    /// Explains the example in `row`.
    pub fn ask(&self, row: usize) -> Result<Answer> {
        let (place, content) = (&self.given.place, &self.given.content);
        if self.method == Method::Nearest {
            let (dataset, rows) = self.training_data()?;
            let example = (place.as_str(), content, row);
            let found = nearest(self.predictor, example, &dataset, &rows, self.count)?;
            return Ok(Answer::Alike(found));
        }
        if self.method == Method::Counterfactual {
            let (subject, wanted) = self.wish.of(self.predictor, place, content, row)?;
            let search = Search {
                wanted,
                fixed: &self.fixed,
                most_changes: MOST_CHANGES,
                count: self.count,
            };
            let others = self.background()?;
            let found = counterfactuals(&subject, content, row, &others, &search)?;
            return Ok(Answer::Changes(found));
        }
        let subject = Subject::new(self.predictor, place, self.class, content, row)?;
        let shares = |explanation| Answer::Shares { row, explanation };
        let is_text = self.predictor.input().only_text().is_some();
        Ok(match self.method {
            Method::GradCam => shares(picture::grad_cam(&subject, content, row)?),
            Method::IntegratedGradients if is_text => {
                shares(text::integrated(&subject, content, row)?)
            }
            Method::IntegratedGradients => {
                let found = picture::integrated(&subject, content, row, self.baseline)?;
                shares(found)
            }
            Method::Occlusion => shares(picture::occlusion(&subject, content, row, None)?),
            Method::LeaveOneOut => shares(text::leave_one_out(&subject, content, row)?),
            Method::Shapley => shares(shapley(&subject, content, row, &self.background()?)?),
            Method::Importance => Answer::Columns(importance(&subject, &self.dataset())?),
            Method::PartialDependence => {
                let column = self.column.ok_or_else(|| {
                    asked(
                        "partial dependence is of one column",
                        "name it with --column; `--method importance` tells which ones matter",
                    )
                })?;
                Answer::Course(dependence(&subject, content, column)?)
            }
            Method::Counterfactual | Method::Nearest => unreachable!("answered above"),
        })
    }

    /// The examples given, as a data set with answers.
    fn dataset(&self) -> Dataset {
        Dataset {
            name: self.given.place.clone(),
            source: self.given.place.clone(),
            content: self.given.content.clone(),
            suggested_target: None,
            lists: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The rows to compare with.
    fn background(&self) -> Result<Content> {
        let (dataset, rows) = self.training_data()?;
        Ok(dataset.content.select(&rows))
    }

    /// The data named with `--data`, or else the training data, and those examples of it that the
    /// training used.
    fn training_data(&self) -> Result<(Dataset, Vec<usize>)> {
        if let Some(source) = self.data {
            let dataset = open(source, self.options).map_err(TaskError::from)?;
            let all = (0..dataset.content.len()).collect();
            return Ok((dataset, all));
        }
        let missing = |cause: anyhow::Error| {
            cause.context(asked_error(
                "this method compares with the training data, which cannot be found",
                "name it, or data like it, with --data SOURCE",
            ))
        };
        let recipe = recipe_of(self.bundle).map_err(missing)?;
        let dataset = match self.run() {
            Some((run, folder)) => data_of_run(&run, &folder, self.options.notify),
            None => open(
                &recipe.data.source,
                recipe.data.open_options(self.options.notify),
            )
            .map_err(TaskError::from),
        };
        let dataset = dataset.map_err(|e| missing(e.into()))?;
        let parts = self.predictor.parts(&dataset, &recipe)?;
        let rows = (0..parts.len())
            .filter(|i| parts[*i] == Part::Train)
            .collect();
        Ok((dataset, rows))
    }

    /// The run that made the bundle, if the bundle still lies in its folder.
    fn run(&self) -> Option<(Run, RunFolder)> {
        let store = Store::open_existing(self.runs).ok()??;
        let run = store.get(&self.bundle.config.run).ok()?;
        let folder = store.folder(&run.id);
        let own = folder.bundle().canonicalize().ok()?;
        (own == self.bundle.path().canonicalize().ok()?).then_some((run, folder))
    }
}

fn asked_error(message: &str, help: impl Into<String>) -> TaskError {
    TaskError::Asked {
        message: message.into(),
        help: help.into(),
    }
}

fn asked(message: &str, help: impl Into<String>) -> anyhow::Error {
    asked_error(message, help).into()
}
