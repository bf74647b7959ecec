//! What a person gives a finished model to predict for.

use crate::error::TaskError;
use crate::input::InputSchema;
use modelwright_data::images::Pixels;
use modelwright_data::{
    Column, Content, ImageSet, OpenOptions, Table, catalog, images, open, table, texts,
};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Examples without answers.
pub struct Given {
    /// What to call their source in messages.
    pub place: String,
    /// The examples.
    pub content: Content,
    /// What was repaired while reading.
    pub notes: Vec<String>,
}

impl Given {
    /// Reads picture files and folders, or one table, or `-` for CSV or JSON lines on standard input;
    /// of a model that reads one text, also text files, folders of them, and texts as they are.
    ///
    /// # Errors
    /// They cannot be read, or are none of these.
    pub fn read(
        inputs: &[String],
        takes: &InputSchema,
        options: OpenOptions,
    ) -> Result<Self, TaskError> {
        if inputs == ["-"] {
            return from_standard_input(options.encoding);
        }
        if let Some(column) = takes.only_text() {
            if inputs.iter().all(|input| holds_texts(Path::new(input))) {
                return text_files(inputs, &column.name, options.encoding);
            }
            if inputs.iter().all(|input| is_typed(input)) {
                return Ok(typed(inputs, &column.name));
            }
        }
        match inputs {
            [only] if !holds_pictures(Path::new(only)) => {
                let dataset = open(only, options)?;
                Ok(Self {
                    place: only.clone(),
                    content: dataset.content,
                    notes: dataset.notes,
                })
            }
            _ => pictures(inputs),
        }
    }
}

fn from_standard_input(encoding: &str) -> Result<Given, TaskError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|e| TaskError::asked(format!("standard input: {e}"), ""))?;
    let place = "standard input".to_string();
    let table = table::parse_text(&place, &bytes, encoding)?;
    Ok(Given {
        place,
        content: Content::Table(table),
        notes: Vec::new(),
    })
}

fn holds_pictures(path: &Path) -> bool {
    path.is_dir() || (images::is_picture(path) && path.exists())
}

/// Whether a path is that of a text file, or of a folder that holds some.
fn holds_texts(path: &Path) -> bool {
    match path.is_dir() {
        true => texts::list(path).is_ok_and(|files| !files.is_empty()),
        false => path.is_file() && texts::is_text(path),
    }
}

/// Each file as one text.
fn text_files(inputs: &[String], column: &str, encoding: &str) -> Result<Given, TaskError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for input in inputs {
        match Path::new(input) {
            path if path.is_dir() => paths.extend(texts::list(path)?),
            path => paths.push(path.into()),
        }
    }
    let (mut table, notes) = texts::read_files(&paths, encoding)?;
    if let Some(text) = table.columns.iter_mut().find(|c| c.name == "text") {
        text.name = column.into();
    }
    Ok(Given {
        place: inputs.join(", "),
        content: Content::Table(table),
        notes,
    })
}

/// Whether an argument is a text itself: there is no such file or data set, and it is not written as
/// the name of one, which would be a slip of the fingers.
fn is_typed(input: &str) -> bool {
    let named_like_a_file = || {
        let ending = input.rsplit_once('.').map_or("", |(_, ending)| ending);
        let plain = (1..=7).contains(&ending.len())
            && ending.bytes().all(|b| b.is_ascii_alphanumeric())
            && ending.bytes().any(|b| b.is_ascii_alphabetic());
        let path = input.contains(['/', '\\']);
        (plain || path) && !input.contains(char::is_whitespace)
    };
    !Path::new(input).exists() && catalog::find(input).is_none() && !named_like_a_file()
}

fn typed(inputs: &[String], column: &str) -> Given {
    let texts: Vec<_> = inputs.iter().cloned().map(Some).collect();
    Given {
        place: "the text".into(),
        content: Content::Table(Table {
            columns: vec![Column::of_words(column, &texts)],
        }),
        notes: Vec::new(),
    }
}

fn pictures(inputs: &[String]) -> Result<Given, TaskError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if path.is_dir() {
            paths.extend(images::list_pictures(path)?);
        } else if holds_pictures(path) {
            paths.push(path.into());
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
    Ok(Given {
        place: inputs.join(", "),
        content: Content::Images(ImageSet::unlabelled(Pixels::Files(paths))),
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::is_typed;

    #[test]
    fn a_slip_in_a_file_name_is_no_text() {
        for text in [
            "Great phone",
            "棒极了",
            "It broke. Never again.",
            "good",
            "I like it/him",
            "3.5",
        ] {
            assert!(is_typed(text), "{text}");
        }
        for file in [
            "reviews.csv",
            "no/such/folder",
            "digits",
            "photo.jpeg",
            "a.parquet",
        ] {
            assert!(!is_typed(file), "{file}");
        }
    }
}
