//! Answers as server-sent events: one chunk a piece, then `[DONE]`.

use super::answer::{Head, TokenUsage};
use super::error::ApiErrorBody;
use super::turn::{Delta, Turn};
use crate::chat::Pieces;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll, select_all, unfold};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

/// Between signs of life while a long prompt is read, so that no proxy hangs up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// How the pieces of answers become choices of chunks.
pub(super) trait Form: Send + 'static {
    /// `object` of chunks.
    const OBJECT: &'static str;

    /// The choice that comes before anything is said, if there is one.
    fn opening(&self, index: usize) -> Option<Value>;

    /// The choices that tell a part of answer `index`; [`Delta::Failed`] is told otherwise.
    fn choice(&mut self, index: usize, delta: Delta) -> Vec<Value>;
}

/// Several answers of one request, with the state of each.
pub(super) struct Answers {
    /// Which answer, and its next part.
    pieces: SelectAll<BoxStream<'static, (usize, crate::chat::Piece)>>,
    turns: Vec<Turn>,
    /// Answers to one prompt: their prompt is counted once.
    per_prompt: usize,
    /// Tokens of all answers that have ended.
    pub usage: TokenUsage,
}

impl Answers {
    /// Each with its state; `per_prompt` after each other have one prompt.
    pub fn new(answers: Vec<(Pieces, Turn)>, per_prompt: usize) -> Self {
        let (pieces, turns): (Vec<Pieces>, Vec<Turn>) = answers.into_iter().unzip();
        let numbered = |(i, pieces): (usize, Pieces)| pieces.map(move |piece| (i, piece)).boxed();
        Self {
            pieces: select_all(pieces.into_iter().enumerate().map(numbered)),
            turns,
            per_prompt,
            usage: TokenUsage::default(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.turns.len()
    }

    /// The next parts of one of the answers; `None` when all have ended.
    pub async fn next(&mut self) -> Option<(usize, Vec<Delta>)> {
        let (index, piece) = self.pieces.next().await?;
        let deltas = self.turns[index].take(piece);
        for delta in &deltas {
            if let Delta::End(_, usage) = delta {
                self.usage
                    .add(*usage, index.is_multiple_of(self.per_prompt));
            }
        }
        Some((index, deltas))
    }
}

/// A stream under way.
struct Stream<F> {
    head: Head,
    form: F,
    answers: Answers,
    /// Whether a last chunk tells the tokens.
    tells_usage: bool,
    /// What is to be sent next.
    lines: VecDeque<String>,
    ended: bool,
}

/// The answers as an HTTP answer. When the client leaves it is dropped, and with it the work.
pub(super) fn stream<F: Form>(
    head: Head,
    form: F,
    answers: Answers,
    tells_usage: bool,
) -> Response {
    let mut stream = Stream {
        head,
        form,
        answers,
        tells_usage,
        lines: VecDeque::new(),
        ended: false,
    };
    for index in 0..stream.answers.count() {
        if let Some(choice) = stream.form.opening(index) {
            stream.chunk(vec![choice]);
        }
    }
    let events = unfold(stream, |mut stream| async move {
        let line = stream.line().await?;
        Some((Ok::<_, Infallible>(Event::default().data(line)), stream))
    });
    let alive = KeepAlive::new().interval(SIGN_OF_LIFE);
    Sse::new(events).keep_alive(alive).into_response()
}

impl<F: Form> Stream<F> {
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            self.go_on().await;
        }
    }

    /// Takes the next piece of any answer.
    async fn go_on(&mut self) {
        let Some((index, deltas)) = self.answers.next().await else {
            self.ended = true;
            if self.tells_usage {
                let usage = json!(self.answers.usage);
                let mut chunk = self.blank(Vec::new());
                chunk.insert("usage".into(), usage);
                self.lines.push_back(Value::Object(chunk).to_string());
            }
            self.lines.push_back("[DONE]".into());
            return;
        };
        for delta in deltas {
            if let Delta::Failed(error) = delta {
                self.ended = true;
                self.lines
                    .push_back(json!(ApiErrorBody::of(&error)).to_string());
                return;
            }
            for choice in self.form.choice(index, delta) {
                self.chunk(vec![choice]);
            }
        }
    }

    fn chunk(&mut self, choices: Vec<Value>) {
        let mut chunk = self.blank(choices);
        if self.tells_usage {
            chunk.insert("usage".into(), Value::Null);
        }
        self.lines.push_back(Value::Object(chunk).to_string());
    }

    fn blank(&self, choices: Vec<Value>) -> Map<String, Value> {
        let fields = [
            ("id", json!(self.head.id)),
            ("object", json!(F::OBJECT)),
            ("created", json!(self.head.created)),
            ("model", json!(self.head.model)),
            ("choices", Value::Array(choices)),
        ];
        fields
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect()
    }
}
