//! `POST /v1/embeddings`: vectors of texts.

use super::error::ApiError;
use super::fields::{OneOrMany, read};
use crate::error::ServeError;
use crate::input::Input;
use crate::limits::Limits;
use crate::model::Version;
use crate::router::App;
use crate::telemetry::OfModel;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::{Column, Table};
use modelwright_tasks::{OutputSchema, Prediction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Texts that are to become vectors.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmbeddingRequest {
    /// Name of a model for text-embedding.
    model: String,
    /// A text, or several.
    input: OneOrMany,
    /// `float`: numbers; `base64`: their bytes, 32 bits each, the lowest first.
    encoding_format: Option<Encoding>,
    /// How many numbers of each vector are returned, from its start; the length becomes 1 again.
    dimensions: Option<usize>,
    /// Without effect.
    #[serde(rename = "user")]
    _user: Option<String>,
}

/// How vectors are written.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

/// Vectors of texts.
#[derive(Serialize, ToSchema)]
struct EmbeddingList {
    /// `list`.
    object: &'static str,
    /// One a text, in their order.
    data: Vec<Embedding>,
    /// The model that made them.
    model: String,
    usage: EmbeddingUsage,
}

/// A text as a vector.
#[derive(Serialize, ToSchema)]
struct Embedding {
    /// `embedding`.
    object: &'static str,
    /// Number of the text, from 0.
    index: usize,
    /// The vector, of length 1.
    embedding: Numbers,
}

/// A vector.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Numbers {
    Plain(Vec<f32>),
    Base64(String),
}

/// Tokens that were read.
#[derive(Serialize, ToSchema)]
struct EmbeddingUsage {
    /// Tokens of all texts.
    prompt_tokens: usize,
    /// The same.
    total_tokens: usize,
}

/// Turns texts into vectors, as OpenAI's API does. Those of texts that mean the same lie close together.
#[utoipa::path(post, path = "/v1/embeddings", tag = "OpenAI's API",
    request_body = EmbeddingRequest,
    responses((status = 200, body = EmbeddingList, description = "A vector for each text"), ApiError))]
pub(super) async fn embed(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let body: EmbeddingRequest = read(request, &app.limits).await?;
    let chosen = app.models.choose(&body.model, None);
    let chosen = chosen.map_err(|error| match app.chat.find(&body.model) {
        Some(_) => no_vectors(&body.model),
        None => error.at("model"),
    })?;
    let width = check(&body, chosen.version.output)?;
    let (texts, wanted) = (body.input.into_vec(), body.dimensions.unwrap_or(width));
    let heavy = chosen.is_heavy(texts.iter().map(String::len).sum());
    let (answer, tokens) = chosen
        .answer(heavy, move |version, limits| {
            read_texts(&texts, version, limits)
        })
        .await?;
    let encoding = body.encoding_format.unwrap_or_default();
    let vectors = answer
        .predictions
        .into_iter()
        .map(|prediction| match prediction {
            Prediction::Vector { values } => Ok(values),
            other => Err(ServeError::own(format!("no vector but {other:?}"))),
        });
    let vectors = vectors.collect::<Result<Vec<_>, _>>()?.into_iter();
    let data = vectors.enumerate().map(|(index, values)| Embedding {
        object: "embedding",
        index,
        embedding: encoding.write(shortened(values, wanted)),
    });
    let list = EmbeddingList {
        object: "list",
        data: data.collect(),
        model: body.model.clone(),
        usage: EmbeddingUsage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    };
    let mut response = Json(list).into_response();
    response.extensions_mut().insert(OfModel(body.model));
    Ok(response)
}

fn no_vectors(model: &str) -> ServeError {
    ServeError::input(
        format!("`{model}` gives no vectors"),
        "name a model for text-embedding; GET /v1/models lists the models",
    )
    .at("model")
}

/// Numbers of the model's vectors, if it gives them and as many as are asked for.
fn check(body: &EmbeddingRequest, output: OutputSchema) -> Result<usize, ServeError> {
    let OutputSchema::Vector { width } = output else {
        return Err(no_vectors(&body.model));
    };
    match body.dimensions {
        Some(n) if n == 0 || n > width => Err(ServeError::input(
            format!(
                "dimensions is {n}, and vectors of `{}` have {width} numbers",
                body.model
            ),
            format!("give 1 to {width}"),
        )
        .at("dimensions")),
        _ => Ok(width),
    }
}

/// The texts as the model reads them, and how many tokens they have.
fn read_texts(
    texts: &[String],
    version: &Version,
    limits: &Limits,
) -> Result<(modelwright_data::Content, usize), ServeError> {
    let column = version.input().only_text();
    let column = column.ok_or_else(|| ServeError::own("the model reads no single text"))?;
    let words: Vec<Option<String>> = texts.iter().cloned().map(Some).collect();
    let table = Table {
        columns: vec![Column::of_words(&column.name, &words)],
    };
    let content = Input::Table(table)
        .prepare(version, limits)
        .map_err(|e| e.at("input"))?;
    let tokens = texts.iter().map(|text| version.tokens(text)).sum();
    Ok((content, tokens))
}

/// The first numbers of a vector, made to have length 1 again.
fn shortened(mut values: Vec<f32>, wanted: usize) -> Vec<f32> {
    if wanted < values.len() {
        values.truncate(wanted);
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length > 0.0 {
            values.iter_mut().for_each(|v| *v /= length);
        }
    }
    values
}

impl Encoding {
    fn write(self, values: Vec<f32>) -> Numbers {
        match self {
            Self::Float => Numbers::Plain(values),
            Self::Base64 => {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                Numbers::Base64(STANDARD.encode(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_vector_has_length_one() {
        assert_eq!(shortened(vec![3.0, 4.0, 12.0], 2), [0.6, 0.8]);
        assert_eq!(shortened(vec![0.0, 1.0], 2), [0.0, 1.0]);
        let Numbers::Base64(text) = Encoding::Base64.write(vec![1.0]) else {
            panic!()
        };
        assert_eq!(text, "AACAPw==");
    }
}
