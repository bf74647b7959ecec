//! A language model as it stands.

use super::talker::{About, Ask, Feedback, Piece, Pieces, Prompt, Talker};
use crate::error::ServeError;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use modelwright_generate::{
    ChatSettings, Engine, EngineOptions, Event, GenerateError, Load, Reply,
};
use modelwright_models::LanguageModel;

/// Seconds after which a client that was sent away may come again.
const RETRY: u64 = 1;

/// A language model that was loaded.
pub(super) struct LanguageTalker {
    engine: Engine,
}

impl LanguageTalker {
    /// Loads a file, folder, bundle or model of the hub.
    pub fn load(place: &str, options: &EngineOptions) -> Result<Self, ServeError> {
        let notify = |message: &str| tracing::info!(message, "loading");
        let model = LanguageModel::open(place, &notify).map_err(GenerateError::from)?;
        Ok(Self {
            engine: Engine::load(model, options.clone())?,
        })
    }
}

impl Talker for LanguageTalker {
    fn about(&self) -> About {
        About {
            task: "chat",
            architecture: self.engine.config().family.model_type().into(),
            context: self.engine.context(),
        }
    }

    fn chat(&self, ask: Ask) -> Result<Pieces, ServeError> {
        Ok(pieces(self.engine.chat(&ask.messages, &ask.settings)?))
    }

    fn complete(&self, prompt: Prompt, settings: ChatSettings) -> Result<Pieces, ServeError> {
        let prompt = match prompt {
            Prompt::Text(text) => self.engine.tokens(&text),
            Prompt::Tokens(tokens) => tokens,
        };
        let reply = self.engine.submit(settings.request(prompt))?;
        Ok(pieces(reply))
    }

    fn feedback(&self, _: Feedback) -> Result<(), ServeError> {
        Err(ServeError::input(
            "a language model by itself keeps no log of what it said",
            "feedback is for assistants: `modelwright assistant build` makes one",
        ))
    }

    fn load(&self) -> Load {
        self.engine.load_now()
    }
}

/// What an engine replies, piece by piece. Dropping it ends the work.
fn pieces(reply: Reply) -> Pieces {
    unfold(reply, |mut reply| async move {
        let piece = match reply.next().await? {
            Event::Text { text, tokens } => Piece::Text { text, tokens },
            Event::Done { reason, usage } => Piece::Done { reason, usage },
            Event::Failed(error) => Piece::Failed(error.into()),
        };
        Some((piece, reply))
    })
    .boxed()
}

impl From<GenerateError> for ServeError {
    fn from(error: GenerateError) -> Self {
        match &error {
            GenerateError::Asked { problem, help } => Self::input(problem, help),
            GenerateError::TooLong { .. } => {
                Self::input(error.to_string(), "").with_code("context_length_exceeded")
            }
            GenerateError::Busy { .. } => Self::busy(error.to_string(), RETRY),
            GenerateError::Stopping => Self::stopping(),
            GenerateError::Memory(_) | GenerateError::Model(_) => {
                Self::setup(error.to_string(), "")
            }
            other if other.is_asked() => Self::input(other.to_string(), ""),
            other => Self::own(other.to_string()),
        }
    }
}
