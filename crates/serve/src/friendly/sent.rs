//! What a person may send, and the examples in it.

use crate::error::ServeError;
use crate::input::{Input, PLACE, check_count, picture};
use crate::limits::Limits;
use crate::router::{read_body, too_large};
use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::table;
use modelwright_data::{Column, Raster, Table};
use modelwright_tasks::{InputColumn, InputSchema, InputValues};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// A request's content.
pub(super) struct Sent {
    form: Form,
    /// One, or the files of a form.
    files: Vec<Bytes>,
}

/// What its type says that it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    JsonLines,
    /// A text, if the model takes one.
    Text,
    /// Of no or a general type, such as curl gives when it is told nothing.
    Untold,
    /// Pictures or tables, told by what the model takes.
    File,
}

impl Sent {
    /// Reads the whole body.
    pub async fn read(request: Request, limits: &Limits) -> Result<Self, ServeError> {
        let form = content_type(request.headers());
        if form.starts_with("multipart/form-data") {
            return Ok(Self {
                form: Form::File,
                files: form_files(request, limits).await?,
            });
        }
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, body, limits).await?;
        let form = match form.as_str() {
            "application/x-ndjson" | "application/jsonl" | "application/jsonlines" => {
                Form::JsonLines
            }
            "application/json" => Form::Json,
            "text/plain" => Form::Text,
            "" | "application/octet-stream" | "application/x-www-form-urlencoded" => Form::Untold,
            _ => Form::File,
        };
        Ok(Self {
            form,
            files: vec![body],
        })
    }

    /// Bytes in all.
    pub fn size(&self) -> usize {
        self.files.iter().map(Bytes::len).sum()
    }

    /// The examples.
    pub fn input(&self, schema: &InputSchema, limits: &Limits) -> Result<Input, ServeError> {
        let form = self.form_for(schema);
        match schema {
            InputSchema::Images { .. } => self.pictures(form, limits).map(Input::Images),
            InputSchema::Table { columns } => self.table(form, columns, limits).map(Input::Table),
        }
    }

    /// The form, with what its type leaves open told by the model and by how the body starts.
    fn form_for(&self, schema: &InputSchema) -> Form {
        let first = || self.files[0].iter().find(|b| !b.is_ascii_whitespace());
        let takes_text = schema.only_text().is_some();
        match self.form {
            Form::Text if takes_text => Form::Text,
            Form::Text | Form::Untold if matches!(first(), Some(b'{' | b'[')) => Form::Json,
            Form::Untold if takes_text => Form::Text,
            Form::Text | Form::Untold => Form::File,
            form => form,
        }
    }

    fn pictures(&self, form: Form, limits: &Limits) -> Result<Vec<Raster>, ServeError> {
        let place = |i: usize| match self.files.len() {
            1 if form == Form::File => PLACE.to_string(),
            _ => format!("picture {} of {PLACE}", i + 1),
        };
        if form == Form::File {
            check_count(self.files.len(), limits)?;
            let decode = |(i, file): (usize, &Bytes)| picture(&place(i), file, limits);
            return self.files.iter().enumerate().map(decode).collect();
        }
        let texts = picture_texts(json(&self.files[0])?).ok_or_else(|| {
            ServeError::input(
                "the JSON holds no pictures",
                "send the file itself, or {\"image\": \"…\"} or {\"images\": [\"…\"]} in Base64",
            )
        })?;
        check_count(texts.len(), limits)?;
        let decode = |(i, text): (usize, &String)| {
            // `data:image/png;base64,…`, as pages have it.
            let plain = match text.starts_with("data:") {
                true => text.split_once(',').map_or("", |(_, rest)| rest),
                false => text,
            };
            let bytes = STANDARD.decode(plain.trim()).map_err(|e| {
                let problem = format!("{} is not in Base64 ({e})", place(i));
                ServeError::input(problem, "encode the whole file in Base64")
            })?;
            picture(&place(i), &bytes, limits)
        };
        texts.iter().enumerate().map(decode).collect()
    }

    fn table(
        &self,
        form: Form,
        columns: &[InputColumn],
        limits: &Limits,
    ) -> Result<Table, ServeError> {
        let [file] = self.files.as_slice() else {
            return Err(ServeError::input(
                format!("{} files where one table is needed", self.files.len()),
                "send one table, in CSV or JSON lines",
            ));
        };
        match form {
            Form::File | Form::Untold => Ok(table::parse_text(PLACE, file, "utf-8")?),
            Form::JsonLines => Ok(table::parse_jsonl(PLACE, file)?),
            Form::Text => text_table(file, columns),
            Form::Json => {
                let rows = rows(json(file)?, columns)?;
                check_count(rows.len(), limits)?;
                let is_text = |c: &InputColumn| matches!(c.values, InputValues::Text { .. });
                match columns.iter().all(is_text) {
                    true => words_table(&rows, columns),
                    false => Ok(table::from_objects(PLACE, rows)?),
                }
            }
        }
    }
}

/// The type of the body without its parameters, but for forms, in small letters.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let plain = text.split(';').next().unwrap_or_default().trim();
    plain.to_ascii_lowercase()
}

/// The files of a form; fields that are empty, as browsers send them, are left out. Names are not
/// looked at.
async fn form_files(request: Request, limits: &Limits) -> Result<Vec<Bytes>, ServeError> {
    let damaged = |e: &(dyn std::error::Error + 'static)| {
        too_large(e, limits).unwrap_or_else(|| {
            ServeError::input(
                format!("the form is damaged: {e}"),
                "send the files as multipart/form-data, such as `curl -F file=@picture.png`",
            )
        })
    };
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|e| damaged(&e))?;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|e| damaged(&e))? {
        let file = field.bytes().await.map_err(|e| damaged(&e))?;
        if !file.is_empty() {
            files.push(file);
        }
        check_count(files.len().max(1), limits)?;
    }
    Ok(files)
}

fn json(body: &[u8]) -> Result<Value, ServeError> {
    serde_json::from_slice(body).map_err(|e| {
        ServeError::input(
            format!("the body is no JSON: {e}"),
            "GET the model without /predict for an example that works",
        )
    })
}

/// The body as the only text that the model reads.
fn text_table(body: &[u8], columns: &[InputColumn]) -> Result<Table, ServeError> {
    let text = std::str::from_utf8(body).map_err(|e| {
        ServeError::input(
            format!("the text is not UTF-8 (byte {})", e.valid_up_to() + 1),
            "send it in UTF-8",
        )
    })?;
    let column = |c: &InputColumn| Column::of_words(c.name.clone(), &[Some(text.to_string())]);
    Ok(Table {
        columns: columns.iter().map(column).collect(),
    })
}

/// Rows of texts, each as it stands: a text that looks like a number or a date is still a text. A
/// column that no row has is left out.
fn words_table(rows: &[Map<String, Value>], columns: &[InputColumn]) -> Result<Table, ServeError> {
    let word = |(i, row): (usize, &Map<String, Value>), name: &str| match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(_) | Value::Object(_)) => Err(ServeError::input(
            format!("row {} of {PLACE}: `{name}` is no text", i + 1),
            "send a text, such as {\"text\": \"…\"}",
        )),
        Some(other) => Ok(Some(other.to_string())),
    };
    let given = |c: &&InputColumn| rows.iter().any(|row| row.contains_key(&c.name));
    let column = |c: &InputColumn| {
        let words = rows.iter().enumerate().map(|row| word(row, &c.name));
        let words: Vec<_> = words.collect::<Result<_, ServeError>>()?;
        Ok(Column::of_words(c.name.clone(), &words))
    };
    Ok(Table {
        columns: columns
            .iter()
            .filter(given)
            .map(column)
            .collect::<Result<_, ServeError>>()?,
    })
}

/// `{"image": …}`, `{"images": […]}`, or a list of texts or of such objects.
fn picture_texts(body: Value) -> Option<Vec<String>> {
    match body {
        Value::Object(mut object) => match (object.remove("image"), object.remove("images")) {
            (Some(Value::String(text)), None) => Some(vec![text]),
            (None, Some(Value::Array(list))) => picture_texts(Value::Array(list)),
            _ => None,
        },
        Value::Array(list) => {
            let one = |item| match item {
                Value::String(text) => Some(text),
                Value::Object(mut object) => match object.remove("image") {
                    Some(Value::String(text)) => Some(text),
                    _ => None,
                },
                _ => None,
            };
            list.into_iter().map(one).collect()
        }
        _ => None,
    }
}

/// A row, a list of rows, or `{"rows": […]}`, with only what the model reads. Where that is one text,
/// also a text, `{"text": …}`, a list of those, or `{"texts": […]}`.
fn rows(body: Value, columns: &[InputColumn]) -> Result<Vec<Map<String, Value>>, ServeError> {
    let known: HashSet<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let only = match columns {
        [column] if matches!(column.values, InputValues::Text { .. }) => Some(&column.name),
        _ => None,
    };
    let row = |(i, row)| match (row, only) {
        (Value::Object(mut row), _) => {
            if let (Some(name), Some(text)) = (only, row.remove("text")) {
                row.entry(name.clone()).or_insert(text);
            }
            row.retain(|name, _| known.contains(name.as_str()));
            Ok(row)
        }
        (text @ Value::String(_), Some(name)) => Ok(Map::from_iter([(name.clone(), text)])),
        _ => Err(ServeError::input(
            format!("row {} of {PLACE} is no JSON object", i + 1),
            "send {\"column\": value, …}, a list of such rows, or {\"rows\": […]}",
        )),
    };
    let list = list_of(body, only.is_some(), &known);
    list.into_iter().enumerate().map(row).collect()
}

/// The examples in the JSON, of which there may be one.
fn list_of(body: Value, texts: bool, known: &HashSet<&str>) -> Vec<Value> {
    let mut object = match body {
        Value::Array(list) => return list,
        Value::Object(object) => object,
        other => return vec![other],
    };
    for name in ["rows", "texts"] {
        let is_list = matches!(object.get(name), Some(Value::Array(_)));
        let meant = !known.contains(name) && (name == "rows" || texts);
        if is_list
            && meant
            && let Some(Value::Array(list)) = object.remove(name)
        {
            return list;
        }
    }
    vec![Value::Object(object)]
}
