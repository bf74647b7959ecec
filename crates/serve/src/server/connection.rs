//! Clients that are too slow: a connection must make progress, or it is cut off.
//!
//! Hyper has one limit for the wait for a request and its head together. An idle connection may
//! wait for long, though, while a head that has begun must not be dribbled byte by byte; and an
//! answer must be read by the client some time.

use crate::Limits;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection waits for, and since when.
#[derive(Debug)]
pub(super) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests being worked on.
    working: usize,
    /// When a head began that is not complete. A new connection owes one.
    head_since: Option<Instant>,
    /// Since when the client takes no more of an answer.
    stalled_since: Option<Instant>,
}

/// A request that is being worked on, until this is dropped.
pub(super) struct Working {
    progress: Arc<Progress>,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.progress.state().working -= 1;
    }
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                working: 0,
                head_since: Some(Instant::now()),
                stalled_since: None,
            }),
        }
    }

    /// Notes that a head is complete and its request is being worked on.
    pub(super) fn work(self: &Arc<Self>) -> Working {
        let mut state = self.state();
        state.working += 1;
        state.head_since = None;
        Working {
            progress: Arc::clone(self),
        }
    }

    /// Ends when the client has been too slow.
    pub(super) async fn too_slow(&self, limits: &Limits) {
        loop {
            let Some(left) = self.time_left(limits) else {
                return;
            };
            tokio::time::sleep(left).await;
        }
    }

    /// The time until it is worth while to look again; none if the client is too slow already.
    fn time_left(&self, limits: &Limits) -> Option<Duration> {
        let state = self.state();
        let left = |since: Option<Instant>, limit: Duration| match since {
            Some(since) => limit.checked_sub(since.elapsed()).filter(|l| !l.is_zero()),
            // What begins now cannot be too long before then.
            None => Some(limit),
        };
        let head = left(state.head_since, limits.header_time)?;
        let stalled = left(state.stalled_since, limits.request_time)?;
        Some(head.min(stalled))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked cannot have left it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came. Those that come while nothing is worked on are a head's.
    fn read(&self) {
        let mut state = self.state();
        if state.working == 0 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// Bytes went out, or the client took none.
    fn wrote<T>(&self, result: &Poll<T>) {
        let mut state = self.state();
        match result {
            Poll::Pending => {
                state.stalled_since.get_or_insert_with(Instant::now);
            }
            Poll::Ready(_) => state.stalled_since = None,
        }
    }
}

/// A stream that tells what goes through it.
pub(super) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>) -> Self {
        Self { stream, progress }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.read();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        content: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, content);
        self.progress.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        content: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, content);
        self.progress.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.progress.wrote(&result);
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
