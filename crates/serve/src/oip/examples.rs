//! From tensors to examples.

use super::values::{Tensor, Values};
use super::wire::Datatype;
use crate::error::ServeError;
use crate::input::{Input, PLACE, check_count, picture};
use crate::limits::Limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::{Column, ColumnData, Kind, Raster, Table};
use modelwright_tasks::{InputColumn, InputSchema, InputValues};

/// Name of the input that takes pictures.
pub(crate) const IMAGE: &str = "image";

/// The examples in the tensors of a request.
pub(crate) fn input(
    schema: &InputSchema,
    tensors: Vec<Tensor>,
    limits: &Limits,
) -> Result<Input, ServeError> {
    match schema {
        InputSchema::Images {
            height,
            width,
            channels,
        } => images([*height, *width, *channels], tensors, limits).map(Input::Images),
        InputSchema::Table { columns } => table(columns, tensors, limits).map(Input::Table),
    }
}

fn wrong(name: &str, problem: impl std::fmt::Display) -> ServeError {
    ServeError::input(
        format!("tensor `{name}`: {problem}"),
        "GET the model's metadata for names, types and shapes",
    )
}

/// The only tensor, which holds pixels or picture files.
fn images(
    shape: [usize; 3],
    tensors: Vec<Tensor>,
    limits: &Limits,
) -> Result<Vec<Raster>, ServeError> {
    let Ok([tensor]) = <[Tensor; 1]>::try_from(tensors) else {
        return Err(wrong(IMAGE, "it has to be the only input"));
    };
    if tensor.name != IMAGE {
        return Err(wrong(
            &tensor.name,
            format!("the input is called `{IMAGE}`"),
        ));
    }
    let [height, width, channels] = shape;
    let pixels = match tensor.values {
        Values::Texts(texts) => {
            let count = examples_of(&tensor.shape, IMAGE)?;
            check_count(count, limits)?;
            return texts
                .iter()
                .enumerate()
                .map(|(i, t)| encoded(i, t, limits))
                .collect();
        }
        Values::Blobs(blobs) => {
            let count = examples_of(&tensor.shape, IMAGE)?;
            check_count(count, limits)?;
            let decode = |(i, blob): (usize, &bytes::Bytes)| picture(&place(i), blob, limits);
            return blobs.iter().enumerate().map(decode).collect();
        }
        Values::Octets(pixels) => pixels,
        Values::Numbers(numbers) if tensor.datatype == Datatype::Bool => {
            return Err(wrong(
                IMAGE,
                format!("{} truth values are no pixels", numbers.len()),
            ));
        }
        // As for numbers of 8 bits; what lies between two of them is rounded.
        Values::Numbers(numbers) => {
            let bad = numbers.iter().find(|v| !(0.0..=255.0).contains(*v));
            if let Some(bad) = bad {
                return Err(wrong(
                    IMAGE,
                    format!("{bad} is no brightness from 0 to 255"),
                ));
            }
            numbers.iter().map(|v| v.round() as u8).collect()
        }
    };
    if tensor.shape.len() != 4 || tensor.shape[1..] != shape {
        return Err(wrong(
            IMAGE,
            format!(
                "shape {:?} where [-1, {height}, {width}, {channels}] is needed",
                tensor.shape
            ),
        ));
    }
    check_count(tensor.shape[0], limits)?;
    let size = height * width * channels;
    let raster = |pixels: &[u8]| Raster::new(shape, pixels.to_vec());
    Ok(pixels.chunks_exact(size).map(raster).collect())
}

fn place(i: usize) -> String {
    format!("picture {} of {PLACE}", i + 1)
}

/// A picture file that was sent in JSON.
fn encoded(i: usize, text: &str, limits: &Limits) -> Result<Raster, ServeError> {
    let bytes = STANDARD.decode(text).map_err(|e| {
        let problem = format!("{} is not in Base64 ({e})", place(i));
        ServeError::input(
            problem,
            "encode the file in Base64, or send its bytes behind the JSON",
        )
    })?;
    picture(&place(i), &bytes, limits)
}

/// A tensor for each column.
fn table(
    columns: &[InputColumn],
    tensors: Vec<Tensor>,
    limits: &Limits,
) -> Result<Table, ServeError> {
    let mut rows = None;
    let mut made = Vec::new();
    for tensor in tensors {
        let Some(column) = columns.iter().find(|c| c.name == tensor.name) else {
            let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
            let problem = format!(
                "there is no such input; the inputs are {}",
                names.join(", ")
            );
            return Err(wrong(&tensor.name, problem));
        };
        if made.iter().any(|c: &Column| c.name == tensor.name) {
            return Err(wrong(&tensor.name, "it is there twice"));
        }
        let count = examples_of(&tensor.shape, &tensor.name)?;
        check_count(count, limits)?;
        if *rows.get_or_insert(count) != count {
            return Err(wrong(
                &tensor.name,
                "it has another number of rows than the one before",
            ));
        }
        made.push(column_of(column, tensor)?);
    }
    check_count(rows.unwrap_or(0), limits)?;
    Ok(Table { columns: made })
}

/// The number of examples in `[n]` or `[n, 1]`.
fn examples_of(shape: &[usize], name: &str) -> Result<usize, ServeError> {
    match shape {
        [n] | [n, 1] => Ok(*n),
        _ => Err(wrong(
            name,
            format!("shape {shape:?} where [-1] or [-1, 1] is needed"),
        )),
    }
}

fn column_of(column: &InputColumn, tensor: Tensor) -> Result<Column, ServeError> {
    let name = column.name.clone();
    let text = |blob: bytes::Bytes| match std::str::from_utf8(&blob) {
        Ok(text) => Ok(word(text.to_string())),
        Err(e) => Err(wrong(&column.name, format!("a text is not UTF-8 ({e})"))),
    };
    let is_word = !matches!(column.values, InputValues::Number { .. });
    let numbers = match tensor.values {
        Values::Texts(texts) => {
            let words: Vec<_> = texts.into_iter().map(word).collect();
            return Ok(Column::of_words(name, &words));
        }
        Values::Blobs(blobs) => {
            let words: Vec<_> = blobs.into_iter().map(text).collect::<Result<_, _>>()?;
            return Ok(Column::of_words(name, &words));
        }
        Values::Numbers(numbers) if is_word && tensor.datatype == Datatype::Bool => {
            let words: Vec<_> = numbers
                .iter()
                .map(|v| Some((*v != 0.0).to_string()))
                .collect();
            return Ok(Column::of_words(name, &words));
        }
        Values::Octets(octets) => octets.into_iter().map(f64::from).collect(),
        Values::Numbers(numbers) => numbers,
    };
    // What is infinite is as unknown as what is no number, as in a file.
    let known = |v: f64| if v.is_finite() { v } else { f64::NAN };
    Ok(Column {
        name,
        kind: Kind::Number,
        data: ColumnData::Numbers(numbers.into_iter().map(known).collect()),
    })
}

/// A text as a value; an empty one is missing.
fn word(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}
