//! `POST /v1/completions`: texts that go on from a text.

use super::answer::{Head, TextChoice, TextCompletion};
use super::chat::talking;
use super::error::ApiError;
use super::fields::{
    Drawn, Missing, OneOrMany, StreamOptions, answers, most_tokens, of_answer, read,
};
use super::logprobs::TextLogprobs;
use super::stream::{Answers, Form, stream};
use super::tools::Calls;
use super::turn::{Delta, Turn};
use crate::chat::Prompt;
use crate::error::ServeError;
use crate::limits::Limits;
use crate::router::App;
use crate::telemetry::OfModel;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use modelwright_generate::{ChatSettings, TokenLogprob};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Tokens of a text where the request names no number, as in OpenAI's API.
const TOKENS: usize = 16;
/// Most prompts of a request.
const PROMPTS: usize = 32;

/// A text to go on with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextRequest {
    /// Name of a model that writes.
    model: String,
    /// The text, or several; or the model's own tokens.
    prompt: Prompts,
    /// Send the text piece by piece, as server-sent events up to `[DONE]`.
    stream: Option<bool>,
    /// What is told beside a stream.
    stream_options: Option<StreamOptions>,
    /// How many texts for each prompt, 1 to 8.
    n: Option<usize>,
    /// Refused unless it is `n`: all texts are returned.
    best_of: Option<usize>,
    /// Most tokens of a text [16].
    max_tokens: Option<usize>,
    /// Texts at which it ends.
    stop: Option<OneOrMany>,
    /// 0: always the most probable token; above: the higher, the more freely.
    temperature: Option<f32>,
    /// Draw from the fewest tokens that have this probability together.
    top_p: Option<f32>,
    /// Draw from so many tokens; 0: from all. Not in OpenAI's API.
    top_k: Option<usize>,
    /// Draw from tokens with this share of the best one's probability. Not in OpenAI's API.
    min_p: Option<f32>,
    /// Above 1: repeat less. Not in OpenAI's API.
    repetition_penalty: Option<f32>,
    /// The same seed gives the same text.
    seed: Option<i64>,
    /// Tell the log-probabilities of so many tokens in each place, 0 to 20.
    logprobs: Option<usize>,
    /// Refused if true: the text comes without its prompt.
    echo: Option<bool>,
    /// Refused unless empty: models here write at the end.
    suffix: Option<String>,
    /// Refused unless 0.
    frequency_penalty: Option<f32>,
    /// Refused unless 0.
    presence_penalty: Option<f32>,
    /// Refused unless empty.
    #[schema(value_type = Option<Object>)]
    logit_bias: Option<Map<String, Value>>,
    /// Without effect.
    #[serde(rename = "user")]
    _user: Option<String>,
}

/// Texts to go on with.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Prompts {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    Several(Vec<Vec<u32>>),
}

impl Prompts {
    fn into_vec(self) -> Vec<Prompt> {
        match self {
            Self::Text(text) => vec![Prompt::Text(text)],
            Self::Texts(texts) => texts.into_iter().map(Prompt::Text).collect(),
            Self::Tokens(tokens) => vec![Prompt::Tokens(tokens)],
            Self::Several(several) => several.into_iter().map(Prompt::Tokens).collect(),
        }
    }
}

/// Goes on with a text, as OpenAI's older API does. Unlike a conversation the text is not put into the
/// model's form for messages.
#[utoipa::path(post, path = "/v1/completions", tag = "OpenAI's API",
    request_body = TextRequest,
    responses((status = 200, description = "The texts; with `stream`, chunks as server-sent events",
            content((TextCompletion = "application/json"), (String = "text/event-stream"))),
        ApiError))]
pub(super) async fn complete(
    State(app): State<App>,
    request: Request,
) -> Result<Response, ApiError> {
    let body: TextRequest = read(request, &app.limits).await?;
    let model = talking(&app, &body.model)?;
    let settings = body.settings(&app.limits)?;
    let (n, streamed) = (answers(body.n)?, body.stream.unwrap_or(false));
    let tells_usage = body.stream_options.is_some_and(|o| o.include_usage);
    let told = settings.logprobs.is_some();
    let head = Head::new("cmpl", model.name());
    let mut texts = Vec::new();
    for prompt in prompts(body.prompt)? {
        for i in 0..n {
            let pieces = model
                .complete(prompt.clone(), of_answer(&settings, i))
                .await?;
            texts.push((pieces, Turn::new(Calls::Never, None, &head.id)));
        }
    }
    let texts = Answers::new(texts, n);
    let offsets = vec![0; texts.count()];
    let mut response = match streamed {
        true => stream(head, Chunks { told, offsets }, texts, tells_usage),
        false => Json(whole(head, told, texts).await?).into_response(),
    };
    response
        .extensions_mut()
        .insert(OfModel(model.name().into()));
    Ok(response)
}

fn prompts(prompts: Prompts) -> Result<Vec<Prompt>, ServeError> {
    let prompts = prompts.into_vec();
    match prompts.len() {
        1..=PROMPTS => Ok(prompts),
        n => Err(ServeError::input(
            format!("there are {n} prompts"),
            format!("send 1 to {PROMPTS}"),
        )
        .at("prompt")),
    }
}

impl TextRequest {
    fn settings(&self, limits: &Limits) -> Result<ChatSettings, ServeError> {
        Missing {
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            logit_bias: &self.logit_bias,
            store: None,
            service_tier: &None,
        }
        .refuse()?;
        let refused = [
            ("echo", self.echo == Some(true)),
            (
                "suffix",
                self.suffix.as_ref().is_some_and(|s| !s.is_empty()),
            ),
            (
                "best_of",
                self.best_of
                    .is_some_and(|best| Some(best) != self.n.or(Some(1))),
            ),
        ];
        if let Some((name, _)) = refused.into_iter().find(|(_, given)| *given) {
            let error = ServeError::input(format!("{name} is not supported here"), "leave it out");
            return Err(error.at(name).with_code("unsupported_parameter"));
        }
        let drawn = Drawn {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            seed: self.seed,
        };
        Ok(ChatSettings {
            sampling: drawn.sampling()?,
            stop: self
                .stop
                .clone()
                .map(OneOrMany::into_vec)
                .unwrap_or_default(),
            max_tokens: Some(most_tokens("max_tokens", self.max_tokens, TOKENS, limits)?),
            logprobs: self.logprobs,
            ..ChatSettings::default()
        })
    }
}

/// All texts, when they are complete.
async fn whole(head: Head, told: bool, mut texts: Answers) -> Result<TextCompletion, ServeError> {
    let empty = |index| TextChoice {
        index,
        text: String::new(),
        logprobs: None,
        finish_reason: "stop",
    };
    let mut choices: Vec<TextChoice> = (0..texts.count()).map(empty).collect();
    let mut tokens: Vec<Vec<TokenLogprob>> = vec![Vec::new(); choices.len()];
    while let Some((index, deltas)) = texts.next().await {
        for delta in deltas {
            match delta {
                Delta::Text(text, more) => {
                    choices[index].text += &text;
                    tokens[index].extend(more);
                }
                Delta::End(reason, _) => choices[index].finish_reason = reason,
                Delta::Failed(error) => return Err(error),
                // There are no tools and no documents.
                Delta::Call(_) | Delta::Grounds(_) => {}
            }
        }
    }
    for (choice, tokens) in choices.iter_mut().zip(&tokens) {
        choice.logprobs = told.then(|| TextLogprobs::of(tokens, &mut 0));
    }
    Ok(TextCompletion {
        id: head.id,
        object: "text_completion",
        created: head.created,
        model: head.model,
        choices,
        usage: texts.usage,
    })
}

/// Chunks of texts.
struct Chunks {
    /// Whether log-probabilities are told.
    told: bool,
    /// How long each text is so far, in characters.
    offsets: Vec<usize>,
}

impl Form for Chunks {
    const OBJECT: &'static str = "text_completion";

    fn opening(&self, _: usize) -> Option<Value> {
        None
    }

    fn choice(&mut self, index: usize, delta: Delta) -> Vec<Value> {
        let (text, logprobs, reason) = match delta {
            Delta::Text(text, tokens) => {
                let offset = &mut self.offsets[index];
                let logprobs = self.told.then(|| TextLogprobs::of(&tokens, offset));
                (text, logprobs, None)
            }
            Delta::End(reason, _) => (String::new(), None, Some(reason)),
            // There are no tools and no documents; a failure is told as an event of its own.
            Delta::Call(_) | Delta::Grounds(_) | Delta::Failed(_) => return Vec::new(),
        };
        vec![json!({ "index": index, "text": text, "logprobs": logprobs, "finish_reason": reason })]
    }
}
