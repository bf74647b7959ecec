//! What the bodies of several addresses have in common.

use crate::error::ServeError;
use crate::limits::Limits;
use crate::router::read_body;
use axum::extract::Request;
use modelwright_generate::{ChatSettings, Sampling};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Most answers to one request.
const ANSWERS: usize = 8;

/// The body of a request. Fields that are not known are errors: none is silently ignored.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request,
    limits: &Limits,
) -> Result<T, ServeError> {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, limits).await?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let content = serde_path_to_error::deserialize(&mut json)
        .map_err(|e| fault(&e.path().to_string(), e.inner()))?;
    json.end().map_err(|e| fault(".", &e))?;
    Ok(content)
}

/// What is wrong with the field at `path`; `.` is the whole body.
fn fault(path: &str, problem: &serde_json::Error) -> ServeError {
    let help = "the fields are those of OpenAI's API; GET /docs lists them";
    match path {
        "." | "?" => ServeError::input(format!("the body: {problem}"), help),
        _ => ServeError::input(format!("{path}: {problem}"), help).at(path),
    }
}

/// One text, or several.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// What is told beside a stream.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamOptions {
    /// A last chunk tells how many tokens were read and written.
    #[serde(default)]
    pub include_usage: bool,
    /// Without effect: nothing is added to chunks.
    #[serde(default, rename = "include_obfuscation")]
    pub _include_obfuscation: Option<bool>,
}

/// How an answer is drawn, as requests name it.
pub(super) struct Drawn {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<usize>,
    pub min_p: Option<f32>,
    pub repetition_penalty: Option<f32>,
    pub seed: Option<i64>,
}

/// What OpenAI's API has and this server does not.
pub(super) struct Missing<'a> {
    pub frequency_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub logit_bias: &'a Option<Map<String, Value>>,
    pub store: Option<bool>,
    pub service_tier: &'a Option<String>,
}

impl Drawn {
    /// With a name for each field that is out of range.
    pub fn sampling(&self) -> Result<Sampling, ServeError> {
        let usual = Sampling::default();
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(usual.temperature),
            top_p: self.top_p.unwrap_or(usual.top_p),
            top_k: self.top_k.unwrap_or(usual.top_k),
            min_p: self.min_p.unwrap_or(usual.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(usual.repetition_penalty),
            // Any whole number will do, also one below 0.
            seed: self.seed.map(i64::cast_unsigned),
        };
        sampling.check().map_err(|e| {
            let error = ServeError::from(e);
            let words = error.to_string();
            let name = words.split(' ').next().unwrap_or_default().to_string();
            error.at(name)
        })?;
        Ok(sampling)
    }
}

impl Missing<'_> {
    /// An error that names the first of these fields which asks for something.
    pub fn refuse(&self) -> Result<(), ServeError> {
        let asks = |value: Option<f32>| value.is_some_and(|v| v != 0.0);
        let refused = |name: &str, help: &str| {
            let problem = format!("{name} is not supported here");
            Err(ServeError::input(problem, help)
                .at(name)
                .with_code("unsupported_parameter"))
        };
        let penalty = "leave it out, or use repetition_penalty";
        if asks(self.frequency_penalty) {
            return refused("frequency_penalty", penalty);
        }
        if asks(self.presence_penalty) {
            return refused("presence_penalty", penalty);
        }
        if self
            .logit_bias
            .as_ref()
            .is_some_and(|bias| !bias.is_empty())
        {
            return refused("logit_bias", "leave it out");
        }
        if self.store == Some(true) {
            return refused("store", "leave it out: no answer is stored");
        }
        let usual = |tier: &String| ["auto", "default"].contains(&tier.as_str());
        if !self.service_tier.as_ref().is_none_or(usual) {
            return refused("service_tier", "leave it out: there is one tier");
        }
        Ok(())
    }
}

/// How many answers are wanted.
pub(super) fn answers(n: Option<usize>) -> Result<usize, ServeError> {
    match n.unwrap_or(1) {
        n @ 1..=ANSWERS => Ok(n),
        n => Err(ServeError::input(
            format!("n is {n}"),
            format!("ask for 1 to {ANSWERS} answers at once"),
        )
        .at("n")),
    }
}

/// How many tokens an answer may have; `name` is the field that says so.
pub(super) fn most_tokens(
    name: &str,
    asked: Option<usize>,
    usual: usize,
    limits: &Limits,
) -> Result<usize, ServeError> {
    match asked.unwrap_or(usual.min(limits.answer_tokens)) {
        0 => Err(ServeError::input(format!("{name} is 0"), "ask for 1 at least").at(name)),
        n if n > limits.answer_tokens => Err(ServeError::input(
            format!("{name} is {n}, and {} are the most", limits.answer_tokens),
            "ask for fewer, or start the server with a larger --answer-tokens",
        )
        .at(name)),
        n => Ok(n),
    }
}

/// The settings of answer `i` of several: each is drawn anew.
pub(super) fn of_answer(settings: &ChatSettings, i: usize) -> ChatSettings {
    let mut settings = settings.clone();
    let seed = settings.sampling.seed;
    settings.sampling.seed = seed.map(|seed| seed.wrapping_add(i as u64));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn() -> Drawn {
        Drawn {
            temperature: None,
            top_p: None,
            top_k: None,
            min_p: None,
            repetition_penalty: None,
            seed: None,
        }
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let odd = Drawn {
            top_p: Some(1.5),
            ..drawn()
        };
        assert_eq!(odd.sampling().unwrap_err().param(), Some("top_p"));
        let cold = Drawn {
            temperature: Some(0.0),
            seed: Some(-1),
            ..drawn()
        };
        assert_eq!(cold.sampling().unwrap().seed, Some(u64::MAX));
        assert_eq!(answers(Some(9)).unwrap_err().param(), Some("n"));
        let limits = Limits::default();
        assert!(most_tokens("max_tokens", Some(1 << 20), 16, &limits).is_err());
        assert_eq!(most_tokens("max_tokens", None, 16, &limits).unwrap(), 16);
    }

    #[test]
    fn what_is_not_there_is_refused_and_nothing_is_ignored() {
        let none = Missing {
            frequency_penalty: Some(0.0),
            presence_penalty: None,
            logit_bias: &Some(Map::new()),
            store: Some(false),
            service_tier: &Some("auto".into()),
        };
        assert!(none.refuse().is_ok());
        let penalty = Missing {
            presence_penalty: Some(0.5),
            ..none
        };
        let error = penalty.refuse().unwrap_err();
        assert_eq!(error.param(), Some("presence_penalty"));
        assert_eq!(error.code(), Some("unsupported_parameter"));
    }
}
