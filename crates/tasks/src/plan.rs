//! From what a person typed to a complete recipe.

use crate::error::TaskError;
use crate::registry;
use crate::task::Task;
use modelwright_data::{Content, Dataset, Notify, Part, open};
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;

/// A training that is ready to start.
pub struct Plan {
    /// Complete.
    pub recipe: Recipe,
    /// The data it names.
    pub dataset: Dataset,
    /// The task it names.
    pub task: &'static dyn Task,
}

impl Plan {
    /// Reads the data, guesses the task if none is given, and completes the recipe.
    pub fn new(layers: &Layers, notify: Notify) -> Result<Self, TaskError> {
        let bare = bare()?;
        let data = {
            // Only the data section is of interest yet; the rest has no defaults before the data is seen.
            let mut only_data = Layers::default();
            for field in modelwright_train::recipe::fields() {
                if field.section() == "data"
                    && let Some(value) = layers.get(&field.key)
                {
                    only_data.set_value(&field.key, value.clone());
                }
            }
            only_data.over(&bare)?.data
        };
        if data.source.is_empty() {
            return Err(TaskError::asked(
                "no data given",
                "name a data set (`modelwright data list`), a folder of pictures or a table",
            ));
        }
        let dataset = open(&data.source, data.open_options(notify))?;
        let task = match layers.get("task").and_then(|t| t.as_str()) {
            Some(name) => registry::find(name)?,
            None => match registry::guess(&dataset, &data) {
                Ok(task) => task,
                // The table tasks say what they miss.
                Err(error) => match &dataset.content {
                    Content::Table(_) => {
                        return Err(crate::table::target_name(&dataset, &data)
                            .err()
                            .unwrap_or(error));
                    }
                    Content::Images(_) => return Err(error),
                },
            },
        };
        let defaults = task.defaults(&dataset, &data, layers)?;
        let mut recipe = layers.over(&defaults)?;
        recipe.check()?;
        if recipe.training.threads == 0 {
            recipe.training.threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        }
        task.resolve(&mut recipe, &dataset)?;
        only_for(&recipe)?;
        Ok(Self {
            recipe,
            dataset,
            task,
        })
    }
}

/// Refuses settings of the training that the task does not read.
fn only_for(recipe: &Recipe) -> Result<(), TaskError> {
    let (training, task) = (&recipe.training, recipe.task.as_str());
    let misplaced = if training.answer_threshold.is_some() && task != "question-answering" {
        "training.answer_threshold is for a FAQ"
    } else if task != "chat" && training.preference_beta.is_some() {
        "training.preference_beta is for pairs of answers of a chat"
    } else if task != "chat" && training.checkpointing {
        "training.checkpointing is for language models"
    } else if training.reweigh.is_some() && task != "tabular-classification" {
        "training.reweigh is for classes of the rows of a table"
    } else {
        return Ok(());
    };
    Err(TaskError::asked(
        format!("{misplaced}, but the task is {task}"),
        "leave it away",
    ))
}

/// A recipe of nothing but defaults.
fn bare() -> Result<Recipe, TaskError> {
    let any = registry::TASKS[0].info().name;
    toml::from_str(&format!("task = '{any}'\n[model]\narchitecture = 'linear'"))
        .map_err(|e| TaskError::asked(e.to_string(), "report this"))
}

/// How many examples a training with the usual settings takes for each part; `None` if it is not clear
/// what there is to learn, such as from a table without a known target.
pub fn usual_parts(dataset: &Dataset) -> Result<Option<[(Part, usize); 3]>, TaskError> {
    let recipe = bare()?;
    let Ok(task) = registry::guess(dataset, &recipe.data) else {
        return Ok(None);
    };
    let parts = match task.parts(dataset, &recipe) {
        // The guess was no good, such as a target of thousands of different words.
        Err(TaskError::Asked { .. }) => return Ok(None),
        parts => parts?,
    };
    let count = |part: Part| parts.iter().filter(|p| **p == Some(part)).count();
    Ok(Some(
        [Part::Train, Part::Validation, Part::Test].map(|part| (part, count(part))),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::quiet;

    fn plan(settings: &[(&str, &str)]) -> Plan {
        let mut layers = Layers::default();
        for (key, value) in settings {
            layers.set(key, value).unwrap();
        }
        Plan::new(&layers, &quiet).unwrap()
    }

    #[test]
    fn a_complete_recipe_names_the_stem() {
        let digits = [
            ("data.source", "digits"),
            ("model.architecture", "resnet18"),
        ];
        let recipe = |more: &[(&str, &str)]| plan(&[&digits, more].concat()).recipe.to_toml();
        assert!(recipe(&[]).contains("stem = \"small\""));
        assert!(recipe(&[("data.image_size", "64")]).contains("stem = \"imagenet\""));
        let asked = [("data.image_size", "64"), ("model.stem", "small")];
        assert!(recipe(&asked).contains("stem = \"small\""));
    }

    #[test]
    fn the_usual_parts_are_those_of_a_training() {
        for source in ["digits", "iris", "ames"] {
            let plan = plan(&[("data.source", source)]);
            let usual = usual_parts(&plan.dataset).unwrap().unwrap();
            let parts = plan.task.parts(&plan.dataset, &plan.recipe).unwrap();
            assert_eq!(parts.len(), plan.dataset.content.len());
            for (part, count) in usual {
                let trained = parts.iter().filter(|p| **p == Some(part)).count();
                assert_eq!(count, trained, "{source}: {}", part.name());
                assert!(count > 0, "{source}: {}", part.name());
            }
        }
    }
}
