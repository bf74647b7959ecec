//! Which rows are computed next.
//!
//! One thread owns net and cache and computes step after step. Between two steps sequences join and
//! leave (continuous batching, Yu et al. 2022): each that is writing has one row in a step, and prompts
//! are read in pieces, so that nobody who is writing waits for somebody's long prompt. When the cache is
//! full, the youngest sequence gives its pages back and is computed again later; what it wrote stays.

mod plan;
mod sequence;

pub(crate) use sequence::{Job, Vocabulary};

use crate::cache::{PAGE, Pages};
use crate::error::GenerateError;
use crate::net::{Net, Step};
use crate::options::Load;
use modelwright_kernels::decode::{KvPages, Seen};
use plan::{Part, plan};
use rayon::prelude::*;
use sequence::Sequence;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};

/// What engine and scheduler both see.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests that have no slot yet.
    pub waiting: AtomicUsize,
    running: AtomicUsize,
    prompt: AtomicU64,
    cached: AtomicU64,
    completion: AtomicU64,
    preemptions: AtomicU64,
}

impl Counters {
    pub fn load(&self) -> Load {
        Load {
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            prompt_tokens: self.prompt.load(Ordering::Relaxed),
            cached_tokens: self.cached.load(Ordering::Relaxed),
            completion_tokens: self.completion.load(Ordering::Relaxed),
            preemptions: self.preemptions.load(Ordering::Relaxed),
        }
    }
}

/// The thread that computes.
pub(crate) struct Scheduler {
    net: Net,
    cache: KvPages,
    pages: Pages,
    page_count: usize,
    sharing: bool,
    slots: usize,
    counters: Arc<Counters>,
    running: Vec<Sequence>,
    waiting: VecDeque<Sequence>,
    closed: bool,
}

impl Scheduler {
    /// `slots`: how many run at once. There must be a page more than one sequence can need.
    pub fn new(
        net: Net,
        cache: KvPages,
        (page_count, sharing): (usize, bool),
        slots: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            net,
            cache,
            pages: Pages::new(page_count, sharing),
            slots,
            sharing,
            page_count,
            counters,
            running: Vec::new(),
            waiting: VecDeque::new(),
            closed: false,
        }
    }

    /// Works until nobody can send jobs any more and all are done.
    pub fn run(mut self, jobs: Receiver<Job>) {
        while self.receive(&jobs) {
            let step = catch_unwind(AssertUnwindSafe(|| self.turn()));
            if let Err(panic) = step {
                self.fail(&said(&*panic));
            }
            self.counters
                .running
                .store(self.running.len(), Ordering::Relaxed);
        }
    }

    /// Takes in what was sent; waits if there is nothing to do. False: there will never be anything.
    fn receive(&mut self, jobs: &Receiver<Job>) -> bool {
        if self.running.is_empty() && self.waiting.is_empty() && !self.closed {
            match jobs.recv() {
                Ok(job) => self.waiting.push_back(Sequence::new(job)),
                Err(_) => self.closed = true,
            }
        }
        while !self.closed {
            match jobs.try_recv() {
                Ok(job) => self.waiting.push_back(Sequence::new(job)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.closed = true,
            }
        }
        !(self.closed && self.running.is_empty() && self.waiting.is_empty())
    }

    /// One step for all.
    fn turn(&mut self) {
        self.drop_cancelled();
        self.admit();
        let parts = self.parts();
        if !parts.is_empty() {
            self.compute(&parts);
            self.finish();
        }
    }

    /// Whoever has gone needs no answer.
    fn drop_cancelled(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|s| !s.is_cancelled());
        self.left_queue(before - self.waiting.len());
        for sequence in &mut self.running {
            if sequence.is_cancelled() {
                sequence.done = true;
            }
        }
        self.finish();
    }

    /// Gives slots to those who wait, in the order of their arrival, while there is room in the cache
    /// for their tokens and a page for each that runs.
    fn admit(&mut self) {
        while self.running.len() < self.slots
            && let Some(mut next) = self.waiting.pop_front()
        {
            let table = self.pages.begin(&next.tokens);
            let needed = Pages::needed(next.tokens.len() + 1) - table.pages.len();
            if !self.running.is_empty() && needed + self.running.len() > self.pages.available() {
                self.pages.end(table, &[]);
                self.waiting.push_front(next);
                return;
            }
            next.start(table);
            self.left_queue(1);
            let cached = next.table.length.min(next.prompt);
            self.counters
                .cached
                .fetch_add(cached as u64, Ordering::Relaxed);
            self.running.push(next);
        }
        self.running.sort_by_key(|s| s.order);
    }

    fn left_queue(&self, count: usize) {
        self.counters.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// The rows of the next step, with pages to write to for all of them.
    fn parts(&mut self) -> Vec<Part> {
        let pending: Vec<usize> = self.running.iter().map(Sequence::pending).collect();
        let mut parts = plan(&pending, self.net.rows());
        let mut index = 0;
        while index < parts.len() {
            let Part { sequence, rows } = parts[index];
            if sequence >= self.running.len() {
                // It had to give its pages to an older one.
                parts.truncate(index);
                break;
            }
            let length = self.running[sequence].table.length + rows;
            match self.pages.grow(&mut self.running[sequence].table, length) {
                Some(copies) => {
                    for copy in copies {
                        self.cache.copy_page(copy.from, copy.to);
                    }
                    index += 1;
                }
                None => self.preempt(),
            }
        }
        parts
    }

    /// Sends the youngest back to the queue.
    fn preempt(&mut self) {
        let Some(mut youngest) = self.running.pop() else {
            return;
        };
        let table = std::mem::take(&mut youngest.table);
        let done = table.length;
        self.pages.end(table, &youngest.tokens[..done]);
        self.waiting.push_front(youngest);
        self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        self.counters.preemptions.fetch_add(1, Ordering::Relaxed);
    }

    /// Computes the rows of a step, and chooses the next token of each sequence that has read all of its
    /// tokens.
    fn compute(&mut self, parts: &[Part]) {
        let rows = parts.iter().map(|p| p.rows).sum();
        let mut tokens = Vec::with_capacity(rows);
        let mut positions = Vec::with_capacity(rows);
        let mut slots = Vec::with_capacity(rows);
        let mut seen = Vec::with_capacity(rows);
        let mut wanted = Vec::with_capacity(parts.len());
        for part in parts {
            let Sequence {
                table, tokens: all, ..
            } = &self.running[part.sequence];
            let next = all.iter().enumerate().skip(table.length);
            for (position, token) in next.take(part.rows) {
                let page = table.pages[position / PAGE];
                tokens.push(*token);
                positions.push(position as u32);
                slots.push((page, (position % PAGE) as u32));
                seen.push(Seen {
                    pages: &table.pages,
                    length: position + 1,
                });
            }
            if table.length + part.rows == all.len() {
                wanted.push(tokens.len() - 1);
            }
        }
        let step = Step {
            tokens: &tokens,
            positions: &positions,
            slots: &slots,
            seen: &seen,
            wanted: &wanted,
        };
        let logits = self.net.forward(&step, &mut self.cache);
        let mut ready = Vec::with_capacity(wanted.len());
        let mut part = parts.iter().peekable();
        for (index, sequence) in self.running.iter_mut().enumerate() {
            let Some(part) = part.next_if(|p| p.sequence == index) else {
                continue;
            };
            let length = sequence.table.length + part.rows;
            let read = length
                .min(sequence.prompt)
                .saturating_sub(sequence.table.length);
            self.counters
                .prompt
                .fetch_add(read as u64, Ordering::Relaxed);
            self.pages
                .written(&mut sequence.table, &sequence.tokens[..length]);
            if length == sequence.tokens.len() {
                ready.push(sequence);
            }
        }
        let vocabulary = logits.len() / wanted.len().max(1);
        self.counters
            .completion
            .fetch_add(ready.len() as u64, Ordering::Relaxed);
        if !ready.is_empty() {
            let logits = logits.par_chunks_mut(vocabulary);
            ready
                .into_par_iter()
                .zip(logits)
                .for_each(|(s, l)| s.go_on(l));
        }
    }

    /// Takes out those that are done.
    fn finish(&mut self) {
        let mut index = 0;
        while index < self.running.len() {
            if self.running[index].done {
                let sequence = self.running.remove(index);
                let done = sequence.table.length;
                self.pages.end(sequence.table, &sequence.tokens[..done]);
            } else {
                index += 1;
            }
        }
    }

    /// Ends everything that runs after a bug; the cache starts anew.
    fn fail(&mut self, problem: &str) {
        tracing::error!("the model failed: {problem}");
        for sequence in self.running.drain(..) {
            sequence.fail(GenerateError::Own(problem.into()));
        }
        self.pages = Pages::new(self.page_count, self.sharing);
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a bug".into())
}
