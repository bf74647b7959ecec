//! How an engine works, and what it has done.

use serde::Serialize;

/// How an engine works.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Most tokens of a conversation; `None`: what the model was trained for, at most 4096.
    pub context: Option<usize>,
    /// Most bytes for weights, cache and buffers; `None`: what this machine (and its control group) has
    /// free.
    pub memory: Option<u64>,
    /// Conversations that are computed together.
    pub slots: usize,
    /// Threads that compute; 0: one a core.
    pub threads: usize,
    /// Requests that may wait for a slot.
    pub queue: usize,
    /// Tokens that the cache holds; `None`: `context` for each slot. With less, the youngest
    /// conversation waits when the cache is full.
    pub cache: Option<usize>,
    /// Keep what was computed of finished conversations for others that begin alike.
    pub prefix_sharing: bool,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            context: None,
            memory: None,
            slots: 8,
            threads: 0,
            queue: 64,
            cache: None,
            prefix_sharing: true,
        }
    }
}

/// What an engine is doing and has done, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Conversations that are computed now.
    pub running: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Tokens of prompts computed so far.
    pub prompt_tokens: u64,
    /// Tokens of prompts that did not have to be computed again.
    pub cached_tokens: u64,
    /// Tokens written so far.
    pub completion_tokens: u64,
    /// Conversations that had to give their place in the cache up and were computed again.
    pub preemptions: u64,
}
