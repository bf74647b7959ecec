//! What a server accepts at most.

use std::time::Duration;

/// Limits of a server; the defaults suit one machine on a local network.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most examples that go through a model at once.
    pub batch_size: usize,
    /// Longest wait for further requests that are on their way, so that they share a batch.
    pub batch_delay: Duration,
    /// Most examples that wait for one version of a model; more are sent away with status 429.
    pub queue: usize,
    /// Most examples in one request.
    pub examples: usize,
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Longest time from the head of a request to its answer.
    pub request_time: Duration,
    /// Longest time from a question to the end of what a model writes; ends streams, too.
    pub answer_time: Duration,
    /// Most tokens of an answer, and what a request gets that names no number.
    pub answer_tokens: usize,
    /// Largest picture, in pixels.
    pub picture_pixels: u64,
    /// Longest text, in characters.
    pub text_chars: usize,
    /// Versions of a model that stay loaded, the current one counted.
    pub versions: usize,
    /// Time between two looks whether a bundle was replaced.
    pub reload_check: Duration,
    /// Longest time a client may take to send the head of a request.
    pub header_time: Duration,
    /// Longest time a connection may be idle between two requests.
    pub idle_time: Duration,
    /// Largest head of a request, in bytes.
    pub header_bytes: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Longest time that accepted requests get to finish when the server stops.
    pub shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_size: 64,
            batch_delay: Duration::from_millis(2),
            queue: 1024,
            examples: 10_000,
            body_bytes: 16 << 20,
            request_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(600),
            answer_tokens: 2048,
            picture_pixels: 40_000_000,
            text_chars: 100_000,
            versions: 2,
            reload_check: Duration::from_secs(1),
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            header_bytes: 16 << 10,
            connections: 1024,
            shutdown_time: Duration::from_secs(30),
        }
    }
}
