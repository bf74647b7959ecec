//! From what a person typed to a complete recipe.

use crate::error::TaskError;
use crate::registry;
use crate::task::Task;
use modelwright_data::images::Pixels;
use modelwright_data::{Content, Dataset, ImageSet, Notify, OpenOptions, images, open, table};
use modelwright_train::Recipe;
use modelwright_train::recipe::Layers;
use std::io::Read;
use std::path::{Path, PathBuf};

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
        let any = registry::TASKS[0].info().name;
        let bare: Recipe =
            toml::from_str(&format!("task = '{any}'\n[model]\narchitecture = 'linear'"))
                .map_err(|e| TaskError::asked(e.to_string(), "report this"))?;
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
        let defaults = task.defaults(&dataset, &data)?;
        let mut recipe = layers.over(&defaults)?;
        recipe.check()?;
        if recipe.training.threads == 0 {
            recipe.training.threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        }
        task.resolve(&mut recipe)?;
        Ok(Self {
            recipe,
            dataset,
            task,
        })
    }
}

/// What is to be predicted: picture files and folders, or one table, or `-` for CSV on standard input.
pub fn read_content(
    inputs: &[String],
    options: OpenOptions,
) -> Result<(String, Content), TaskError> {
    if inputs == ["-"] {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|e| TaskError::asked(format!("standard input: {e}"), ""))?;
        let place = "standard input".to_string();
        let table = match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{') => table::parse_jsonl(&place, &bytes)?,
            _ => table::parse_csv(&place, &bytes, options.encoding)?,
        };
        return Ok((place, Content::Table(table)));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if path.is_dir() {
            paths.extend(images::list_pictures(path)?);
        } else if images::is_picture(path) && path.exists() {
            paths.push(path.into());
        } else if let [only] = inputs {
            return Ok((only.clone(), open(only, options)?.content));
        } else {
            return Err(TaskError::asked(
                format!("{input}: not a picture"),
                "give pictures, or one table on its own",
            ));
        }
    }
    if paths.is_empty() {
        return Err(TaskError::asked(
            format!("{}: no pictures there", inputs.join(", ")),
            "give png, jpg, bmp, webp or gif files, or a table",
        ));
    }
    let count = paths.len();
    Ok((
        inputs.join(", "),
        Content::Images(ImageSet {
            classes: Vec::new(),
            labels: vec![None; count],
            given: vec![None; count],
            pixels: Pixels::Files(paths),
        }),
    ))
}
