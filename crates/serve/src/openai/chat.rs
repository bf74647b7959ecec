//! `POST /v1/chat/completions`.

use super::answer::{AnswerMessage, ChatChoice, ChatCompletion, Head};
use super::error::ApiError;
use super::fields::{of_answer, read};
use super::logprobs::ChatLogprobs;
use super::request::{ChatRequest, Order};
use super::stream::{Answers, Form, stream};
use super::turn::{Delta, Turn};
use crate::chat::{Ask, ChatModel};
use crate::error::ServeError;
use crate::router::App;
use crate::telemetry::OfModel;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use modelwright_generate::TokenLogprob;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers the last message of a conversation, as OpenAI's API does. An assistant's message says beside
/// it what it did (`decision`), and has the passages that it rests on (`citations`).
#[utoipa::path(post, path = "/v1/chat/completions", tag = "OpenAI's API",
    request_body = ChatRequest,
    responses((status = 200, description = "The answers; with `stream`, chunks as server-sent events",
            content((ChatCompletion = "application/json"), (String = "text/event-stream"))),
        ApiError))]
pub(super) async fn chat(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let body: ChatRequest = read(request, &app.limits).await?;
    let model = talking(&app, &body.model)?;
    let streamed = body.stream.unwrap_or(false);
    let tells_usage = body
        .stream_options
        .as_ref()
        .is_some_and(|o| o.include_usage);
    let order = body.order(&app.limits)?;
    let head = Head::new("chatcmpl", model.name());
    let told = order.settings.logprobs.is_some();
    let answers = begin(&model, &head, order).await?;
    let mut response = match streamed {
        true => stream(
            head,
            Chunks {
                told,
                calls: Vec::new(),
            },
            answers,
            tells_usage,
        ),
        false => Json(whole(head, told, answers).await?).into_response(),
    };
    response
        .extensions_mut()
        .insert(OfModel(model.name().into()));
    Ok(response)
}

/// The model of this name, if it talks.
pub(super) fn talking(app: &App, name: &str) -> Result<Arc<ChatModel>, ServeError> {
    app.chat
        .choose(name)
        .map_err(|error| match app.models.summary_of(name) {
            Ok(model) => ServeError::input(
                format!("`{name}` does not talk: it is a model for {}", model.task),
                format!("ask it at /v1/models/{name}/predict; GET /v1/models lists the models"),
            )
            .at("model"),
            Err(_) => error.at("model"),
        })
}

/// Begins all answers.
async fn begin(model: &Arc<ChatModel>, head: &Head, order: Order) -> Result<Answers, ServeError> {
    let mut answers = Vec::with_capacity(order.answers);
    for i in 0..order.answers {
        let ask = Ask {
            // Each answer has an entry of its own in an assistant's log.
            id: match i {
                0 => head.id.clone(),
                i => format!("{}-{i}", head.id),
            },
            messages: order.messages.clone(),
            settings: of_answer(&order.settings, i),
        };
        let turn = Turn::new(order.calls.clone(), order.settings.tools.clone(), &head.id);
        answers.push((model.chat(ask).await?, turn));
    }
    Ok(Answers::new(answers, order.answers))
}

/// All answers, when they are complete.
async fn whole(head: Head, told: bool, mut answers: Answers) -> Result<ChatCompletion, ServeError> {
    let mut choices: Vec<ChatChoice> = (0..answers.count()).map(empty).collect();
    let mut tokens: Vec<Vec<TokenLogprob>> = vec![Vec::new(); choices.len()];
    while let Some((index, deltas)) = answers.next().await {
        let choice = &mut choices[index];
        for delta in deltas {
            match delta {
                Delta::Text(text, more) => {
                    choice
                        .message
                        .content
                        .get_or_insert_default()
                        .push_str(&text);
                    tokens[index].extend(more);
                }
                Delta::Call(call) => choice.message.tool_calls.push(call),
                Delta::Grounds(grounds) => {
                    choice.message.decision = Some(grounds.decision);
                    choice.message.citations = Some(grounds.citations);
                }
                Delta::End(reason, _) => choice.finish_reason = reason,
                Delta::Failed(error) => return Err(error),
            }
        }
    }
    for (choice, tokens) in choices.iter_mut().zip(&tokens) {
        choice.logprobs = told.then(|| ChatLogprobs::of(tokens));
        if choice.message.tool_calls.is_empty() {
            choice.message.content.get_or_insert_default();
        }
    }
    Ok(ChatCompletion {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices,
        usage: answers.usage,
    })
}

fn empty(index: usize) -> ChatChoice {
    ChatChoice {
        index,
        message: AnswerMessage {
            role: "assistant",
            content: None,
            refusal: None,
            tool_calls: Vec::new(),
            decision: None,
            citations: None,
        },
        logprobs: None,
        finish_reason: "stop",
    }
}

/// Chunks of a conversation's answers.
struct Chunks {
    /// Whether log-probabilities are told.
    told: bool,
    /// How many calls each answer has so far.
    calls: Vec<usize>,
}

impl Chunks {
    fn choice(index: usize, delta: Value, logprobs: Value, reason: Option<&str>) -> Value {
        json!({ "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason })
    }

    /// The number of the next call of an answer.
    fn number(&mut self, index: usize) -> usize {
        if self.calls.len() <= index {
            self.calls.resize(index + 1, 0);
        }
        self.calls[index] += 1;
        self.calls[index] - 1
    }
}

impl Form for Chunks {
    const OBJECT: &'static str = "chat.completion.chunk";

    fn opening(&self, index: usize) -> Option<Value> {
        let delta = json!({ "role": "assistant", "content": "" });
        Some(Self::choice(index, delta, Value::Null, None))
    }

    fn choice(&mut self, index: usize, delta: Delta) -> Vec<Value> {
        let plain = |delta, reason| vec![Self::choice(index, delta, Value::Null, reason)];
        match delta {
            Delta::Text(text, tokens) => {
                let logprobs = match self.told {
                    true => json!(ChatLogprobs::of(&tokens)),
                    false => Value::Null,
                };
                vec![Self::choice(
                    index,
                    json!({ "content": text }),
                    logprobs,
                    None,
                )]
            }
            Delta::Call(mut call) => {
                // As OpenAI's: first who is called, then with what.
                let number = self.number(index);
                let arguments = std::mem::take(&mut call.function.arguments);
                let mut first = json!(call);
                first["index"] = number.into();
                let rest = json!({ "index": number, "function": { "arguments": arguments } });
                [first, rest]
                    .map(|part| {
                        Self::choice(index, json!({ "tool_calls": [part] }), Value::Null, None)
                    })
                    .into()
            }
            Delta::Grounds(grounds) => plain(json!(grounds), None),
            Delta::End(reason, _) => plain(json!({}), Some(reason)),
            // Told as an event of its own.
            Delta::Failed(_) => Vec::new(),
        }
    }
}
