//! The list of tasks.

use crate::chat::Chat;
use crate::error::TaskError;
use crate::image_classification::ImageClassification;
use crate::question_answering::QuestionAnswering;
use crate::tabular_classification::TabularClassification;
use crate::tabular_regression::TabularRegression;
use crate::task::Task;
use crate::text_classification::TextClassification;
use crate::text_embedding::TextEmbedding;
use modelwright_data::{DataConfig, Dataset};

/// Every task.
pub const TASKS: &[&dyn Task] = &[
    &ImageClassification,
    &TabularClassification,
    &TabularRegression,
    &TextClassification,
    &TextEmbedding,
    &QuestionAnswering,
    &Chat,
];

/// The task of this name.
pub fn find(name: &str) -> Result<&'static dyn Task, TaskError> {
    let found = TASKS.iter().find(|t| t.info().name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = TASKS.iter().map(|t| t.info().name).collect();
        TaskError::asked(
            format!("unknown task `{name}`"),
            format!("the tasks are {}", names.join(", ")),
        )
    })
}

/// The task that suits the data best.
pub fn guess(dataset: &Dataset, config: &DataConfig) -> Result<&'static dyn Task, TaskError> {
    let fit = |task: &&&'static dyn Task| task.fits(dataset, config);
    let best = TASKS.iter().filter(|t| fit(t).is_some()).max_by_key(fit);
    best.copied().ok_or_else(|| {
        TaskError::asked(
            format!("no task suits {}", dataset.source),
            "give --task; `modelwright tasks` lists them",
        )
    })
}
