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
use modelwright_tasks::Prediction;

/// Names of the outputs.
pub(crate) const LABEL: &str = "label";
/// Probabilities of all classes.
pub(crate) const PROBABILITIES: &str = "probabilities";
/// A quantity.
pub(crate) const VALUE: &str = "value";

/// The outputs of a model with these classes.
pub(crate) fn names(labels: &[String]) -> &'static [&'static str] {
    match labels.is_empty() {
        true => &[VALUE],
        false => &[LABEL, PROBABILITIES],
    }
}

/// The answer to a request.
pub(crate) fn respond(
    model: &str,
    request: InferRequest,
    answer: &Answer,
) -> Result<Response, ServeError> {
    let known = names(&answer.labels);
    let usual = OutputParameters::default();
    let wanted: Vec<(&'static str, &OutputParameters)> = match request.outputs.is_empty() {
        true => known.iter().map(|name| (*name, &usual)).collect(),
        false => {
            let find = |wanted: &'_ str| known.iter().find(|k| **k == wanted);
            let of = request.outputs.iter().map(|w| match find(&w.name) {
                Some(name) => Ok((*name, &w.parameters)),
                None => Err(ServeError::input(
                    format!("there is no output `{}`", w.name),
                    format!("the outputs are {}", known.join(", ")),
                )),
            });
            of.collect::<Result<_, _>>()?
        }
    };
    let mut bytes = Vec::new();
    let mut outputs = Vec::with_capacity(wanted.len());
    for (name, parameters) in wanted {
        let (mut output, data) = tensor(name, parameters, answer);
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
    name: &'static str,
    parameters: &OutputParameters,
    answer: &Answer,
) -> (OutputTensor, OutputData) {
    let count = answer.predictions.len();
    let (datatype, shape, data) = match (name, parameters.classification) {
        (LABEL, _) => {
            let labels = answer.predictions.iter().map(label).collect();
            (Datatype::Bytes, vec![count], OutputData::Bytes(labels))
        }
        (PROBABILITIES, Some(most)) if most > 0 => {
            let most = most.min(answer.labels.len());
            let best = |p| largest(probabilities(p), most, &answer.labels);
            let texts = answer.predictions.iter().flat_map(best).collect();
            (Datatype::Bytes, vec![count, most], OutputData::Bytes(texts))
        }
        (PROBABILITIES, _) => {
            let all = answer.predictions.iter().flat_map(probabilities);
            let data = OutputData::Fp32(all.copied().collect());
            (Datatype::Fp32, vec![count, answer.labels.len()], data)
        }
        _ => {
            let values = answer.predictions.iter().map(value).collect();
            (Datatype::Fp64, vec![count], OutputData::Fp64(values))
        }
    };
    let output = OutputTensor {
        name,
        datatype,
        shape,
        parameters: None,
        data: None,
    };
    (output, data)
}

fn label(prediction: &Prediction) -> String {
    match prediction {
        Prediction::Class { label, .. } => label.clone(),
        Prediction::Value { .. } => String::new(),
    }
}

fn probabilities(prediction: &Prediction) -> &[f32] {
    match prediction {
        Prediction::Class { probabilities, .. } => probabilities,
        Prediction::Value { .. } => &[],
    }
}

fn value(prediction: &Prediction) -> f64 {
    match prediction {
        Prediction::Class { probability, .. } => f64::from(*probability),
        Prediction::Value { value } => *value,
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
        OutputData::Fp32(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        OutputData::Fp64(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        OutputData::Bytes(texts) => {
            for text in texts {
                // A label of 4 GiB does not exist.
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
}
