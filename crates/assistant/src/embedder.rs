//! The sentence encoder, on a thread of its own: networks need a large stack, and any thread may ask.

use crate::error::AssistantError;
use burn::tensor::Device;
use modelwright_tasks::index::Vectors;
use modelwright_tasks::{STACK, SentenceEncoder};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

/// Texts that go through the network at once.
const BATCH: usize = 32;
/// Texts that are handed over at once; progress is told in between.
const GROUP: usize = 256;

/// What the thread is asked for.
enum Asked {
    Vectors(Vec<String>, Sender<Vec<f32>>),
    Unknown(Vec<String>, Sender<f64>),
}

/// An encoder that is open.
pub struct Embedder {
    source: String,
    dimension: usize,
    digest: String,
    ask: Mutex<Sender<Asked>>,
}

impl Embedder {
    /// Opens a bundle of the task text-embedding, a folder of Hugging Face's, or a hub id.
    ///
    /// # Errors
    /// It cannot be read, or is no sentence encoder.
    pub fn open(source: &str) -> Result<Self, AssistantError> {
        let (opened, is_open) = channel();
        let (ask, asked) = channel();
        let name = source.to_string();
        let work = move || {
            let encoder = match SentenceEncoder::open(&name, Device::flex()) {
                Ok(encoder) => encoder,
                Err(error) => return drop(opened.send(Err(error))),
            };
            let told = (encoder.dimension(), encoder.digest().to_string());
            // Whoever opens it waits for this.
            let _ = opened.send(Ok(told));
            // Ends when the embedder is dropped.
            while let Ok(asked) = asked.recv() {
                answer(&encoder, asked);
            }
        };
        let thread = std::thread::Builder::new()
            .name("embedder".into())
            .stack_size(STACK);
        let failed = |problem: String| AssistantError::asked(format!("{source}: {problem}"), "");
        thread.spawn(work).map_err(|e| failed(e.to_string()))?;
        let (dimension, digest) = is_open
            .recv()
            .map_err(|_| failed("its network broke off".into()))??;
        Ok(Self {
            source: source.into(),
            dimension,
            digest,
            ask: Mutex::new(ask),
        })
    }

    /// Where it is from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// A hash of its weights: vectors of another encoder cannot be compared.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Vectors of length 1; `told(done, all)` is called now and then.
    ///
    /// # Errors
    /// The network broke off.
    pub fn vectors(
        &self,
        texts: &[String],
        told: &dyn Fn(usize, usize),
    ) -> Result<Vectors, AssistantError> {
        let mut values = Vec::with_capacity(texts.len() * self.dimension);
        for (i, group) in texts.chunks(GROUP).enumerate() {
            values.extend(self.asked(|answer| Asked::Vectors(group.to_vec(), answer))?);
            told((i * GROUP + group.len()).min(texts.len()), texts.len());
        }
        Ok(Vectors::new(values, self.dimension))
    }

    /// The vector of one text.
    ///
    /// # Errors
    /// The network broke off.
    pub fn vector(&self, text: &str) -> Result<Vec<f32>, AssistantError> {
        self.asked(|answer| Asked::Vectors(vec![text.into()], answer))
    }

    /// Whether it knows the language of some texts: most of their tokens.
    ///
    /// # Errors
    /// The network broke off.
    pub fn knows(&self, texts: Vec<String>) -> Result<bool, AssistantError> {
        let unknown = self.asked(|answer| Asked::Unknown(texts, answer))?;
        Ok(unknown <= SentenceEncoder::MOST_UNKNOWN)
    }

    fn asked<T>(&self, question: impl FnOnce(Sender<T>) -> Asked) -> Result<T, AssistantError> {
        let (sender, receiver) = channel();
        // A poisoned lock holds a sender that is as good as ever.
        let ask = self.ask.lock().unwrap_or_else(|e| e.into_inner());
        let sent = ask.send(question(sender));
        drop(ask);
        let answer = sent.ok().and_then(|()| receiver.recv().ok());
        answer.ok_or_else(|| {
            AssistantError::asked(
                format!("{}: the network of the embedder broke off", self.source),
                "open the assistant again",
            )
        })
    }
}

/// Answers; whoever asked may have gone, but others have not.
fn answer(encoder: &SentenceEncoder, asked: Asked) {
    match asked {
        Asked::Vectors(texts, answer) => {
            let _ = answer.send(encoder.embed(&texts, BATCH, &|_, _| {}));
        }
        Asked::Unknown(texts, answer) => {
            let _ = answer.send(encoder.unknown(&texts));
        }
    }
}
