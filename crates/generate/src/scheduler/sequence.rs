//! One answer in the making.

use crate::cache::Table;
use crate::constraint::Follower;
use crate::error::GenerateError;
use crate::reply::{Event, Finish, Usage};
use crate::sampler::{Sampler, logprobs};
use crate::stops::{Writer, Written};
use modelwright_models::Tokenizer;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// What tokens mean.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub tokenizer: Tokenizer,
    /// Tokens that end an answer.
    pub stops: Vec<u32>,
}

impl Vocabulary {
    /// What a token adds to the text: nothing if it is a special one.
    fn shown(&self, id: u32) -> Vec<u8> {
        match self.tokenizer.is_special(id) {
            true => Vec::new(),
            false => self.bytes(id),
        }
    }

    pub fn bytes(&self, id: u32) -> Vec<u8> {
        self.tokenizer.token_bytes(id).unwrap_or_default()
    }
}

/// A request that was checked.
#[derive(Debug)]
pub(crate) struct Job {
    /// In the order of arrival.
    pub order: u64,
    pub prompt: Vec<u32>,
    pub sampler: Sampler,
    pub writer: Writer,
    pub follower: Option<Follower>,
    pub logprobs: Option<usize>,
    /// Most tokens of the answer, and how many it has at least.
    pub most: usize,
    pub least: usize,
    pub vocabulary: Arc<Vocabulary>,
    pub events: UnboundedSender<Event>,
}

pub(super) struct Sequence {
    pub order: u64,
    /// Of the prompt and of the answer so far.
    pub tokens: Vec<u32>,
    /// How many are of the prompt.
    pub prompt: usize,
    pub table: Table,
    pub done: bool,
    cached: Option<usize>,
    job: Job,
}

impl Sequence {
    pub fn new(mut job: Job) -> Self {
        let tokens = std::mem::take(&mut job.prompt);
        Self {
            order: job.order,
            prompt: tokens.len(),
            tokens,
            table: Table::default(),
            done: false,
            cached: None,
            job,
        }
    }

    /// Begins, or begins again, with what the cache has.
    pub fn start(&mut self, table: Table) {
        self.cached.get_or_insert(table.length);
        self.table = table;
    }

    /// Tokens that were not read yet.
    pub fn pending(&self) -> usize {
        self.tokens.len() - self.table.length
    }

    pub fn is_cancelled(&self) -> bool {
        self.job.events.is_closed()
    }

    pub fn fail(&self, error: GenerateError) {
        // If nobody listens, nobody needs to know.
        let _ = self.job.events.send(Event::Failed(error));
    }

    /// Chooses the next token from the logits after the last one, and tells what can be told.
    pub fn go_on(&mut self, logits: &mut [f32]) {
        if let Err(error) = self.next(logits) {
            self.done = true;
            self.fail(error);
        }
    }

    fn next(&mut self, logits: &mut [f32]) -> Result<(), GenerateError> {
        let written = self.tokens.len() - self.prompt;
        // The penalty changes the logits, so what the model thought is noted before.
        let thought = self.job.logprobs.map(|_| logits.to_vec());
        let Some(token) = self.choose(logits, written)? else {
            return Err(GenerateError::Own(
                "no token can follow: the model computed numbers that are no numbers, or the \
                 vocabulary has no token that the constraint allows"
                    .into(),
            ));
        };
        self.tokens.push(token);
        let ended = self.job.vocabulary.stops.contains(&token);
        let bytes = match ended {
            true => Vec::new(),
            false => self.job.vocabulary.shown(token),
        };
        let told = thought.map(|logits| {
            let count = self.job.logprobs.unwrap_or(0);
            logprobs(&logits, token, count, |id| self.job.vocabulary.bytes(id))
        });
        if ended {
            return self.end(Finish::Stop, Written::default());
        }
        if let Some(follower) = &mut self.job.follower {
            follower.follow(token)?;
        }
        let out = self.job.writer.push(&bytes, told);
        if out.stopped
            || self
                .job
                .follower
                .as_ref()
                .is_some_and(Follower::is_complete)
        {
            return self.end(Finish::Stop, out);
        }
        if written + 1 == self.job.most {
            return self.end(Finish::Length, out);
        }
        self.tell(out);
        Ok(())
    }

    fn choose(&mut self, logits: &mut [f32], written: usize) -> Result<Option<u32>, GenerateError> {
        let Job {
            sampler,
            follower,
            vocabulary,
            least,
            ..
        } = &mut self.job;
        let known = vocabulary.tokenizer.vocabulary() as u32;
        let stops = &vocabulary.stops;
        let too_early = written < *least;
        let allowed = |id: u32| id < known && !(too_early && stops.contains(&id));
        Ok(match follower {
            None => sampler.choose(logits, &self.tokens, allowed),
            Some(follower) => {
                let mask = follower.mask()?;
                // Where the grammar may end, any of the model's ends will do.
                let may_end = mask.is_allowed(follower.end());
                let follows = |id: u32| match stops.contains(&id) {
                    true => may_end,
                    false => mask.is_allowed(id),
                };
                sampler.choose(logits, &self.tokens, |id| allowed(id) && follows(id))
            }
        })
    }

    fn end(&mut self, reason: Finish, written: Written) -> Result<(), GenerateError> {
        self.done = true;
        self.tell(written);
        let rest = self.job.writer.finish();
        self.tell(rest);
        let usage = Usage {
            prompt: self.prompt,
            completion: self.tokens.len() - self.prompt,
            cached: self.cached.unwrap_or(0).min(self.prompt),
        };
        let _ = self.job.events.send(Event::Done { reason, usage });
        Ok(())
    }

    fn tell(&self, written: Written) {
        let Written { text, tokens, .. } = written;
        if !text.is_empty() || !tokens.is_empty() {
            let _ = self.job.events.send(Event::Text { text, tokens });
        }
    }
}
