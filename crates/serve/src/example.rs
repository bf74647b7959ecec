//! Requests that work when they are pasted, made from what a model takes.

use crate::model::Version;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modelwright_data::Raster;
use modelwright_tasks::{InputColumn, InputSchema, InputValues};
use serde_json::{Map, Value, json};

/// A question for examples.
const QUESTION: &str = "Did the delivery come in time?";

/// A text for examples, which has to suit any model.
const TEXT: &str = "The delivery came in time, and the phone works well.";

/// Where clients reach this server, and what they have to bring.
pub(crate) struct Place {
    base: String,
    token: bool,
}

impl Place {
    /// As the client itself called the server, if it said so in plain characters.
    pub fn of(headers: &HeaderMap, tls: bool, token: bool) -> Self {
        let plain = |h: &&str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || ".:-[]".contains(c);
            h.len() < 256 && h.chars().all(allowed)
        };
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
        let host = host.filter(plain).unwrap_or("127.0.0.1:8000");
        Self::at(host, tls, token)
    }

    /// As the server knows its own address.
    pub fn at(address: &str, tls: bool, token: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        Self {
            base: format!("{scheme}://{address}"),
            token,
        }
    }

    /// A command that posts something; `body` are the arguments of curl that say what.
    fn curl(&self, path: &str, body: &str) -> String {
        let token = match self.token {
            true => " -H \"Authorization: Bearer $MODELWRIGHT_TOKEN\"",
            false => "",
        };
        format!("curl -s {}{path}{token} {body}", self.base)
    }
}

/// A command and what it shows.
pub(crate) struct Example {
    pub title: &'static str,
    pub command: String,
}

/// The commands for a model.
pub(crate) fn examples(place: &Place, model: &str, version: &Version) -> Vec<Example> {
    let predict = format!("/v1/models/{model}/predict");
    let mut all = Vec::new();
    match version.input() {
        InputSchema::Images { .. } => {
            all.push(Example {
                title: "A picture from a file",
                command: place.curl(
                    &predict,
                    "--data-binary @picture.jpg -H 'Content-Type: image/jpeg'",
                ),
            });
            all.push(Example {
                title: "Several pictures",
                command: place.curl(&predict, "-F file=@first.png -F file=@second.png"),
            });
        }
        InputSchema::Table { .. } => {
            if version.input().only_text().is_some() {
                all.push(Example {
                    title: "A text as it is",
                    command: place.curl(
                        &predict,
                        &format!("-H 'Content-Type: text/plain' -d '{TEXT}'"),
                    ),
                });
            }
            all.push(Example {
                title: "A table",
                command: place.curl(
                    &predict,
                    "--data-binary @rows.csv -H 'Content-Type: text/csv'",
                ),
            });
        }
    }
    all.insert(0, first(place, model, version));
    all.push(Example {
        title: "The Open Inference Protocol",
        command: place.curl(
            &format!("/v2/models/{model}/infer"),
            &json_body(&inference(version.input())),
        ),
    });
    all
}

/// The command to try first: it needs no file.
pub(crate) fn first(place: &Place, model: &str, version: &Version) -> Example {
    let path = format!("/v1/models/{model}/predict");
    Example {
        title: "An example",
        command: place.curl(&path, &json_body(&body(version.input()))),
    }
}

/// The command that asks a model which talks.
pub(crate) fn talk(place: &Place, model: &str) -> Example {
    Example {
        title: "A question",
        command: place.curl("/v1/chat/completions", &json_body(&question(model))),
    }
}

/// A conversation's first message.
pub(crate) fn question(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": QUESTION }] })
}

fn json_body(body: &Value) -> String {
    let quoted = body.to_string().replace('\'', "'\\''");
    format!("-H 'Content-Type: application/json' -d '{quoted}'")
}

/// What a person would send: a row, or a picture in Base64.
pub(crate) fn body(schema: &InputSchema) -> Value {
    match schema {
        InputSchema::Images {
            height,
            width,
            channels,
        } => json!({ "image": STANDARD.encode(picture([*height, *width, *channels])) }),
        InputSchema::Table { columns } => {
            let value = |c: &InputColumn| (c.name.clone(), value(c));
            Value::Object(columns.iter().map(value).collect::<Map<_, _>>())
        }
    }
}

/// The same for the Open Inference Protocol.
fn inference(schema: &InputSchema) -> Value {
    let inputs: Vec<Value> = match schema {
        InputSchema::Images { .. } => {
            let data = [&body(schema)["image"]];
            vec![json!({ "name": "image", "shape": [1], "datatype": "BYTES", "data": data })]
        }
        InputSchema::Table { columns } => {
            let input = |c: &InputColumn| {
                let datatype = match c.values {
                    InputValues::Number { .. } => "FP64",
                    InputValues::Category { .. } | InputValues::Text { .. } => "BYTES",
                };
                json!({ "name": c.name, "shape": [1], "datatype": datatype, "data": [value(c)] })
            };
            columns.iter().map(input).collect()
        }
    };
    json!({ "inputs": inputs })
}

fn value(column: &InputColumn) -> Value {
    match &column.values {
        InputValues::Number { typical } => number(*typical),
        InputValues::Category { levels } => levels.first().map_or(Value::Null, |l| json!(l)),
        InputValues::Text { .. } if column.name.to_lowercase().contains("question") => {
            json!(QUESTION)
        }
        InputValues::Text { .. } => json!(TEXT),
    }
}

/// A number with four digits that count.
fn number(value: f64) -> Value {
    let digits = 3 - value.abs().max(1e-9).log10().floor() as i32;
    let scale = 10f64.powi(digits.clamp(0, 12));
    let rounded = (value * scale).round() / scale;
    match rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        true => json!(rounded as i64),
        false => json!(rounded),
    }
}

/// A PNG file with a shade from dark to light.
fn picture(shape: [usize; 3]) -> Vec<u8> {
    let [height, width, channels] = shape;
    let shade = |i: usize| {
        let pixel = i / channels;
        (255 * (pixel / width + pixel % width) / (height + width)) as u8
    };
    let pixels = (0..height * width * channels).map(shade).collect();
    // A model's picture has pixels, so it can be written.
    Raster::new(shape, pixels).to_png().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, short) in [
            (5.843_333, json!(5.843)),
            (180_921.2, json!(180_921)),
            (0.0, json!(0)),
            (-0.001_234_56, json!(-0.001235)),
        ] {
            assert_eq!(number(value), short);
        }
    }

    #[test]
    fn a_host_cannot_bring_its_own_commands() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "a'; rm -r /".parse().unwrap());
        let place = Place::of(&headers, false, false);
        assert_eq!(place.base, "http://127.0.0.1:8000");
        headers.insert(header::HOST, "[::1]:80".parse().unwrap());
        assert_eq!(Place::of(&headers, true, false).base, "https://[::1]:80");
    }
}
