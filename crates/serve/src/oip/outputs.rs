//! From predictions to tensors, in JSON or as bytes behind it.

use super::values::JSON_LENGTH;
use super::wire::{
    BinarySize, Datatype, InferRequest, InferResponse, OutputData, OutputParameters, OutputTensor,
};
use crate::answer::Answer;
use crate::error::ServeError;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use modelwright_tasks::{OutputSchema, Prediction};
use serde_json::json;

/// An output of a model.
pub(crate) struct Output {
    pub name: &'static str,
    pub datatype: Datatype,
    /// Whether there are several values for each example: one a class, or the numbers of a vector.
    many: bool,
}

impl Output {
    /// Values for each example; `None` for a single one.
    pub fn width(&self, of: OutputSchema, classes: usize) -> Option<usize> {
        let width = match of {
            OutputSchema::Vector { width } => width,
            _ => classes,
        };
        self.many.then_some(width)
    }
}

fn one(name: &'static str, datatype: Datatype) -> Output {
    Output {
        name,
        datatype,
        many: false,
    }
}

fn many(name: &'static str, datatype: Datatype) -> Output {
    Output {
        name,
        datatype,
        many: true,
    }
}

const PROBABILITIES: &str = "probabilities";

/// What a model gives. Lists of different lengths do not fit into a tensor; they are texts in JSON.
pub(crate) fn outputs(of: OutputSchema) -> Vec<Output> {
    match of {
        OutputSchema::Class => vec![
            one("label", Datatype::Bytes),
            many(PROBABILITIES, Datatype::Fp32),
        ],
        OutputSchema::Labels => vec![
            one("labels", Datatype::Bytes),
            many(PROBABILITIES, Datatype::Fp32),
        ],
        OutputSchema::Value => vec![one("value", Datatype::Fp64)],
        OutputSchema::Vector { .. } => vec![many("vector", Datatype::Fp32)],
        OutputSchema::Span => vec![
            one("answer", Datatype::Bytes),
            one("start", Datatype::Int32),
            one("end", Datatype::Int32),
            one("probability", Datatype::Fp32),
        ],
        OutputSchema::Match => vec![
            one("answer", Datatype::Bytes),
            one("question", Datatype::Bytes),
            one("probability", Datatype::Fp32),
            one("neighbours", Datatype::Bytes),
        ],
        OutputSchema::Text => vec![one("text", Datatype::Bytes)],
    }
}

/// The answer to a request.
pub(crate) fn respond(
    model: &str,
    request: InferRequest,
    answer: &Answer,
) -> Result<Response, ServeError> {
    let known = outputs(answer.output);
    let usual = OutputParameters::default();
    let wanted: Vec<(&Output, &OutputParameters)> = match request.outputs.is_empty() {
        true => known.iter().map(|output| (output, &usual)).collect(),
        false => {
            let find = |wanted: &'_ str| known.iter().find(|k| k.name == wanted);
            let of = request.outputs.iter().map(|w| match find(&w.name) {
                Some(output) => Ok((output, &w.parameters)),
                None => {
                    let names: Vec<_> = known.iter().map(|k| k.name).collect();
                    Err(ServeError::input(
                        format!("there is no output `{}`", w.name),
                        format!("the outputs are {}", names.join(", ")),
                    ))
                }
            });
            of.collect::<Result<_, _>>()?
        }
    };
    let mut bytes = Vec::new();
    let mut outputs = Vec::with_capacity(wanted.len());
    for (output, parameters) in wanted {
        let (mut output, data) = tensor(output, parameters, answer);
        let binary = parameters.binary_data;
        match binary.unwrap_or(request.parameters.binary_data_output) {
            true => {
                let start = bytes.len();
                write(&data, &mut bytes);
                let binary_data_size = bytes.len() - start;
                output.parameters = Some(BinarySize { binary_data_size });
            }
            false => output.data = Some(data),
        }
        outputs.push(output);
    }
    let body = InferResponse {
        model_name: model.into(),
        model_version: answer.version.clone(),
        id: request.id,
        outputs,
    };
    match body.outputs.iter().any(|o| o.parameters.is_some()) {
        true => with_bytes(&body, &bytes),
        false => Ok(Json(body).into_response()),
    }
}

/// JSON, then the bytes that belong to it.
fn with_bytes(body: &InferResponse, bytes: &[u8]) -> Result<Response, ServeError> {
    let json = serde_json::to_vec(body).map_err(|e| ServeError::own(e.to_string()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            HeaderName::from_static(JSON_LENGTH),
            HeaderValue::from(json.len()),
        ),
    ];
    Ok((headers, [&json, bytes].concat()).into_response())
}

fn tensor(
    output: &Output,
    parameters: &OutputParameters,
    answer: &Answer,
) -> (OutputTensor, OutputData) {
    let count = answer.predictions.len();
    let predictions = || answer.predictions.iter();
    let width = output.width(answer.output, answer.labels.len());
    let (datatype, width, data) = match (output.datatype, parameters.classification) {
        (Datatype::Fp32, Some(most)) if output.name == PROBABILITIES && most > 0 => {
            let most = most.min(answer.labels.len());
            let best = |p| largest(several(p), most, &answer.labels);
            let texts = predictions().flat_map(best).collect();
            (Datatype::Bytes, Some(most), OutputData::Bytes(texts))
        }
        (Datatype::Bytes, _) => {
            let texts = predictions().map(|p| text(p, output.name)).collect();
            (Datatype::Bytes, width, OutputData::Bytes(texts))
        }
        (Datatype::Int32, _) => {
            let places = predictions().map(|p| place(p, output.name)).collect();
            (Datatype::Int32, width, OutputData::Int32(places))
        }
        (Datatype::Fp32, _) => {
            let values = predictions().flat_map(several).copied().collect();
            (Datatype::Fp32, width, OutputData::Fp32(values))
        }
        _ => {
            let values = predictions().map(value).collect();
            (Datatype::Fp64, width, OutputData::Fp64(values))
        }
    };
    let tensor = OutputTensor {
        name: output.name,
        datatype,
        shape: std::iter::once(count).chain(width).collect(),
        parameters: None,
        data: None,
    };
    (tensor, data)
}

/// A text of a prediction.
fn text(prediction: &Prediction, output: &str) -> String {
    match prediction {
        Prediction::Class { label, .. } => label.clone(),
        Prediction::Labels { labels, .. } => json!(labels).to_string(),
        Prediction::Span { answer, .. } => answer.clone(),
        Prediction::Match {
            answer,
            question,
            neighbours,
            ..
        } => match output {
            "answer" => answer.clone().unwrap_or_default(),
            "question" => question.clone(),
            _ => json!(neighbours).to_string(),
        },
        Prediction::Text { text, .. } => text.clone(),
        Prediction::Value { .. } | Prediction::Vector { .. } => String::new(),
    }
}

/// A position in the context, in characters.
fn place(prediction: &Prediction, output: &str) -> i32 {
    let Prediction::Span { start, end, .. } = prediction else {
        return 0;
    };
    let place = if output == "start" { *start } else { *end };
    i32::try_from(place).unwrap_or(i32::MAX)
}

/// The numbers of 32 bits in a prediction: one a class, a vector, or a single probability.
fn several(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Class { probabilities, .. } | Prediction::Labels { probabilities, .. } => {
            probabilities
        }
        Prediction::Vector { values } => values,
        Prediction::Span { probability, .. } | Prediction::Match { probability, .. } => {
            std::slice::from_ref(probability)
        }
        Prediction::Value { .. } | Prediction::Text { .. } => &[],
    }
}

fn value(prediction: &Prediction) -> f64 {
    match prediction {
        Prediction::Value { value } => *value,
        _ => f64::NAN,
    }
}

/// The `most` largest probabilities with their classes, the largest first.
fn largest(probabilities: &[f32], most: usize, labels: &[String]) -> Vec<String> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let text = |i: usize| format!("{:.6}:{i}:{}", probabilities[i], labels[i]);
    order.into_iter().take(most).map(text).collect()
}

/// Little-endian values; texts behind their lengths.
fn write(data: &OutputData, out: &mut Vec<u8>) {
    match data {
        OutputData::Int32(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        OutputData::Fp32(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        OutputData::Fp64(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        OutputData::Bytes(texts) => {
            for text in texts {
                // No text of an answer has 4 GiB.
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
}
