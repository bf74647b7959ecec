//! What is to be predicted, decoded and checked.

use crate::error::ServeError;
use crate::limits::Limits;
use crate::model::Version;
use modelwright_data::images::{Pixels, decode_bytes};
use modelwright_data::{ColumnData, Content, ImageSet, PictureLimits, Raster, Table};
use modelwright_tasks::{InputColumn, InputSchema, InputValues};
use std::collections::HashSet;

/// What to call a request's content in messages.
pub(crate) const PLACE: &str = "the request";

/// Examples for a model.
#[derive(Debug, Clone)]
pub enum Input {
    /// Pictures of any size.
    Images(Vec<Raster>),
    /// Rows; columns that the model does not read may be among them.
    Table(Table),
}

impl Input {
    fn len(&self) -> usize {
        match self {
            Self::Images(rasters) => rasters.len(),
            Self::Table(table) => table.rows(),
        }
    }

    /// The examples in the form that the model reads.
    ///
    /// # Errors
    /// There are none or too many, or they do not suit the model.
    pub(crate) fn prepare(self, version: &Version, limits: &Limits) -> Result<Content, ServeError> {
        // First: rows of which nothing is known are no rows to a table.
        if let (Self::Table(table), InputSchema::Table { columns }) = (&self, version.input()) {
            check_columns(table, columns)?;
            check_lengths(table, columns, limits)?;
        }
        check_count(self.len(), limits)?;
        let content = match self {
            Self::Images(rasters) => {
                Content::Images(ImageSet::unlabelled(Pixels::Rasters(rasters)))
            }
            Self::Table(table) => Content::Table(table),
        };
        version.prepare(content)
    }
}

/// An error unless there are examples, and not too many.
pub(crate) fn check_count(count: usize, limits: &Limits) -> Result<(), ServeError> {
    match count {
        0 => Err(ServeError::input(
            format!("{PLACE} holds no example"),
            "send at least one",
        )),
        n if n > limits.examples => Err(ServeError::input(
            format!(
                "{n} examples are more than the {} of one request",
                limits.examples
            ),
            "send them in several requests",
        )),
        _ => Ok(()),
    }
}

/// An error that names the first column which the model reads and the table does not have.
fn check_columns(table: &Table, columns: &[InputColumn]) -> Result<(), ServeError> {
    let given: HashSet<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    match columns.iter().find(|c| !given.contains(c.name.as_str())) {
        None => Ok(()),
        Some(missing) => {
            let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
            Err(ServeError::input(
                format!("`{}` is missing in {PLACE}", missing.name),
                format!(
                    "the model reads {}; give null where a value is unknown",
                    names.join(", ")
                ),
            ))
        }
    }
}

/// An error that names the first text which is longer than allowed.
fn check_lengths(
    table: &Table,
    columns: &[InputColumn],
    limits: &Limits,
) -> Result<(), ServeError> {
    for column in columns {
        let (InputValues::Text { longest }, Some(given)) =
            (&column.values, table.column(&column.name))
        else {
            continue;
        };
        let ColumnData::Labels { codes, levels } = &given.data else {
            continue;
        };
        let most = limits.text_chars;
        // A character has at least one byte, so that most texts need not be counted.
        let too_long = |text: &String| text.len() > most && text.chars().count() > most;
        if let Some(level) = levels.iter().position(too_long) {
            let row = codes.iter().position(|code| *code as usize == level);
            return Err(ServeError::input(
                format!(
                    "row {}: `{}` has {} characters, and {most} are the most",
                    row.unwrap_or(0) + 1,
                    column.name,
                    levels[level].chars().count()
                ),
                format!("send its beginning; the model reads about {longest} characters"),
            ));
        }
    }
    Ok(())
}

/// A picture file, decoded within the limits. `place` names it in messages.
pub(crate) fn picture(place: &str, bytes: &[u8], limits: &Limits) -> Result<Raster, ServeError> {
    let at_most = PictureLimits {
        pixels: limits.picture_pixels,
        // Up to 16 bits for each of four channels.
        bytes: limits.picture_pixels.saturating_mul(8),
        ..PictureLimits::default()
    };
    decode_bytes(bytes, at_most).map_err(|problem| {
        ServeError::input(
            format!("{place} cannot be read as a picture ({problem})"),
            format!(
                "send a complete png, jpg, bmp, webp or gif file of at most {} pixels",
                limits.picture_pixels
            ),
        )
    })
}
