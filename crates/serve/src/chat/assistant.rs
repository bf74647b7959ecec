//! An assistant: it answers from documents, and says which.

use super::talker::{About, Ask, Citation, Feedback, Grounds, Piece, Pieces, Prompt, Talker};
use crate::error::ServeError;
use futures_util::StreamExt;
use futures_util::stream::{self, unfold};
use modelwright_assistant::{AssistantError, Desk, Event, Reply};
use modelwright_generate::{ChatSettings, EngineOptions, Finish, Load, Usage};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Answers at once: each has a thread of its own.
const ANSWERS: usize = 64;
/// Seconds after which a client that was sent away may come again.
const RETRY: u64 = 1;
/// What an assistant without a language model reads of a conversation.
const NO_CONTEXT: usize = 0;

/// An assistant that was loaded, with its log.
pub(super) struct AssistantTalker {
    desk: Desk,
    places: Arc<Semaphore>,
}

impl AssistantTalker {
    /// Loads an assistant's folder, and the language model that it names.
    pub fn load(folder: &Path, options: &EngineOptions) -> Result<Self, ServeError> {
        let tell = |message: &str| tracing::info!(message, "loading");
        let desk = Desk::open(folder, options.clone(), &tell)
            .map_err(|e| ServeError::setup(e.to_string(), e.help().unwrap_or_default()))?;
        Ok(Self {
            desk,
            places: Arc::new(Semaphore::new(ANSWERS)),
        })
    }
}

impl Talker for AssistantTalker {
    fn about(&self) -> About {
        let engine = self.desk.engine();
        About {
            task: "assistant",
            architecture: engine.map_or("extraction".into(), |engine| {
                engine.config().family.model_type().into()
            }),
            context: engine.map_or(NO_CONTEXT, |engine| engine.context()),
        }
    }

    fn chat(&self, ask: Ask) -> Result<Pieces, ServeError> {
        let settings = &ask.settings;
        for (param, asked) in [
            ("tools", settings.tools.is_some()),
            ("response_format", settings.constraint.is_some()),
            ("logprobs", settings.logprobs.is_some()),
            ("stop", !settings.stop.is_empty()),
        ] {
            if asked {
                return Err(not_of_assistants(param));
            }
        }
        let place = self.places.clone().try_acquire_owned();
        let place = place
            .map_err(|_| ServeError::busy("too many questions wait for this assistant", RETRY))?;
        let answering = self.desk.answer(&ask.messages, &ask.id);
        let desk = self.desk.clone();
        let pieces = unfold((answering, place), |(mut answering, place)| async move {
            let event = answering.next().await?;
            Some((event, (answering, place)))
        });
        Ok(pieces
            .flat_map(move |event| {
                stream::iter(match event {
                    Event::Text(text) => vec![Piece::Text {
                        text,
                        tokens: Vec::new(),
                    }],
                    Event::Done(reply) => ending(&desk, &reply),
                    Event::Failed(error) => vec![Piece::Failed(failed(&error))],
                })
            })
            .boxed())
    }

    fn complete(&self, _: Prompt, _: ChatSettings) -> Result<Pieces, ServeError> {
        Err(ServeError::input(
            "an assistant answers questions and goes on with no texts",
            "ask it at /v1/chat/completions",
        )
        .at("model"))
    }

    fn feedback(&self, feedback: Feedback) -> Result<(), ServeError> {
        let noted = self.desk.feedback(&modelwright_assistant::Feedback {
            id: feedback.id,
            up: feedback.good,
            note: feedback.note,
        });
        noted.map_err(|error| match error.is_missing() {
            true => {
                ServeError::missing(error.to_string(), error.help().unwrap_or_default()).at("id")
            }
            false => failed(&error),
        })
    }

    fn load(&self) -> Load {
        let engine = self.desk.engine();
        engine.map_or_else(Load::default, |engine| engine.load_now())
    }
}

fn not_of_assistants(param: &str) -> ServeError {
    ServeError::input(
        format!("{param} cannot be given to an assistant, which has its own settings"),
        "leave it out, or ask a language model by itself",
    )
    .at(param)
    .with_code("unsupported_parameter")
}

fn failed(error: &AssistantError) -> ServeError {
    match error.is_asked() {
        true => ServeError::input(error.to_string(), error.help().unwrap_or_default()),
        false => ServeError::own(error.to_string()),
    }
}

/// What an answer rests on, and its end.
fn ending(desk: &Desk, reply: &Reply) -> Vec<Piece> {
    let citation = |citation: &modelwright_assistant::Citation| Citation {
        number: citation.number,
        title: citation.title.clone(),
        file: citation.file.clone(),
        heading: citation.heading.clone(),
        quote: citation.quote.clone(),
        text: desk
            .assistant()
            .passage(&citation.passage)
            .map_or_else(|| citation.quote.clone(), |passage| passage.text.clone()),
    };
    let grounds = Grounds {
        decision: reply.decision.name().into(),
        citations: reply.citations.iter().map(citation).collect(),
    };
    vec![
        Piece::Grounds(grounds),
        Piece::Done {
            reason: Finish::Stop,
            usage: Usage {
                prompt: reply.spent.prompt,
                completion: reply.spent.completion,
                cached: 0,
            },
        },
    ]
}
