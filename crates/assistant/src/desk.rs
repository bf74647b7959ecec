//! An assistant at work: with its language model, its log, and answers on threads of their own.

use crate::assistant::Assistant;
use crate::error::AssistantError;
use crate::log::{Feedback, Log};
use crate::prompt::random;
use crate::reply::{Mode, Reply};
use crate::writer::Writer;
use modelwright_generate::{Engine, EngineOptions, Message};
use modelwright_models::LanguageModel;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// An assistant at work. A clone is another handle of the same.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    assistant: Assistant,
    engine: Option<Engine>,
    log: Log,
}

/// A piece of an answer. `Done` or `Failed` is the last.
#[derive(Debug)]
pub enum Event {
    /// More text, which is not taken back.
    Text(String),
    /// The answer, complete.
    Done(Box<Reply>),
    /// There is none.
    Failed(AssistantError),
}

/// An answer on its way. Dropping it ends the work on it.
pub struct Answering {
    events: UnboundedReceiver<Event>,
}

impl Answering {
    /// The next event, waiting for it; `None` after the last. Not to be called from async code.
    pub fn recv(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Desk {
    /// Whether a folder is that of an assistant.
    pub fn is(folder: &Path) -> bool {
        Assistant::is(folder)
    }

    /// Opens an assistant with its language model, unless it only extracts. `tell` is told what takes a
    /// while.
    ///
    /// # Errors
    /// The folder, the embedder or the language model cannot be opened.
    pub fn open(
        folder: &Path,
        options: EngineOptions,
        tell: &dyn Fn(&str),
    ) -> Result<Self, AssistantError> {
        Self::open_as(folder, None, options, tell)
    }

    /// As [`open`](Self::open), with another mode than that of the settings.
    ///
    /// # Errors
    /// As [`open`](Self::open), or a model is to write and the assistant has none.
    pub fn open_as(
        folder: &Path,
        mode: Option<Mode>,
        options: EngineOptions,
        tell: &dyn Fn(&str),
    ) -> Result<Self, AssistantError> {
        let mut assistant = Assistant::open(folder)?;
        let mode = mode.unwrap_or(assistant.settings().mode);
        if mode == Mode::Compose && assistant.manifest().model.is_none() {
            return Err(AssistantError::asked(
                format!(
                    "{} was built without a language model, which is to write its answers",
                    folder.display()
                ),
                "build it anew with --model, or choose the mode `extract`",
            ));
        }
        assistant.settings_mut().mode = mode;
        let model = assistant.manifest().model.clone();
        let engine = match model.filter(|_| mode != Mode::Extract) {
            Some(model) => {
                let model = LanguageModel::open(&model, tell)
                    .map_err(modelwright_generate::GenerateError::from)?;
                Some(Engine::load(model, options)?)
            }
            None => None,
        };
        let log = Log::open(&assistant.log_folder())?;
        Ok(Self {
            inner: Arc::new(Inner {
                assistant,
                engine,
                log,
            }),
        })
    }

    /// A name for an exchange that nobody guesses.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new_id() -> Result<String, AssistantError> {
        random()
    }

    /// The assistant.
    pub fn assistant(&self) -> &Assistant {
        &self.inner.assistant
    }

    /// Its language model; none if it only extracts.
    pub fn engine(&self) -> Option<&Engine> {
        self.inner.engine.as_ref()
    }

    /// Its language model as a writer.
    pub fn writer(&self) -> Option<&dyn Writer> {
        self.engine().map(|engine| engine as &dyn Writer)
    }

    /// Answers the last message of a conversation, on a thread of its own, and logs it. `id` names the
    /// exchange, for feedback.
    pub fn answer(&self, conversation: &[Message], id: &str) -> Answering {
        let (sender, events) = unbounded_channel();
        let (desk, conversation, id) = (self.clone(), conversation.to_vec(), id.to_string());
        let work = {
            let sender = sender.clone();
            move || desk.work(&conversation, &id, &sender)
        };
        let thread = std::thread::Builder::new().name("assistant".into());
        if let Err(error) = thread.spawn(work) {
            let failed = AssistantError::asked(
                format!("no thread for the answer: {error}"),
                "try again in a moment",
            );
            // The receiver is in this function.
            let _ = sender.send(Event::Failed(failed));
        }
        Answering { events }
    }

    fn work(&self, conversation: &[Message], id: &str, events: &UnboundedSender<Event>) {
        let mut told = |piece: &str| match events.send(Event::Text(piece.into())) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let inner = &self.inner;
        let reply = inner
            .assistant
            .answer_as(id, conversation, self.writer(), &mut told);
        let logged = reply.and_then(|reply| {
            inner.log.exchange(conversation, &reply)?;
            Ok(reply)
        });
        let last = match logged {
            Ok(reply) => Event::Done(Box::new(reply)),
            Err(error) => Event::Failed(error),
        };
        // Whoever asked may have gone.
        let _ = events.send(last);
    }

    /// Keeps what somebody thought of an answer.
    ///
    /// # Errors
    /// There is no such answer ([`AssistantError::is_missing`]), or it cannot be written.
    pub fn feedback(&self, feedback: &Feedback) -> Result<(), AssistantError> {
        self.inner.log.feedback(feedback)
    }
}
