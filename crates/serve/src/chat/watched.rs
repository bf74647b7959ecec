//! An answer with a clock beside it.

use super::talker::{Piece, Pieces};
use crate::error::ServeError;
use crate::metrics::Metrics;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// What is kept from piece to piece.
struct Watched {
    pieces: Pieces,
    model: String,
    metrics: Metrics,
    started: Instant,
    /// Whether a piece came already.
    begun: bool,
    most: Duration,
}

/// The pieces of an answer, which ends with an error if it takes longer than `most` in all. The time
/// to the first piece is counted. The last piece always is [`Piece::Done`] or [`Piece::Failed`].
pub(super) fn watched(pieces: Pieces, model: &str, metrics: &Metrics, most: Duration) -> Pieces {
    let watched = Watched {
        pieces,
        model: model.into(),
        metrics: metrics.clone(),
        started: Instant::now(),
        begun: false,
        most,
    };
    unfold(Some(watched), |watched| async move {
        let mut watched = watched?;
        let piece = watched.next().await;
        let last = matches!(piece, Piece::Done { .. } | Piece::Failed(_));
        Some((piece, (!last).then_some(watched)))
    })
    .boxed()
}

impl Watched {
    async fn next(&mut self) -> Piece {
        let end = self.started + self.most;
        let piece = match timeout_at(end.into(), self.pieces.next()).await {
            Ok(Some(piece)) => piece,
            Ok(None) => Piece::Failed(ServeError::stopping()),
            Err(_) => Piece::Failed(ServeError::late()),
        };
        if !std::mem::replace(&mut self.begun, true) && !matches!(piece, Piece::Failed(_)) {
            let seconds = self.started.elapsed().as_secs_f64();
            self.metrics.first_token(&self.model, seconds);
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use modelwright_generate::{Finish, Usage};

    fn text(text: &str) -> Piece {
        Piece::Text {
            text: text.into(),
            tokens: Vec::new(),
        }
    }

    async fn all(pieces: Pieces, most: Duration) -> Vec<Piece> {
        watched(pieces, "m", &Metrics::new(), most).collect().await
    }

    #[tokio::test]
    async fn an_answer_ends_with_its_last_piece() {
        let done = Piece::Done {
            reason: Finish::Stop,
            usage: Usage::default(),
        };
        let pieces = stream::iter([text("a"), done, text("b")]).boxed();
        let seen = all(pieces, Duration::from_secs(60)).await;
        assert_eq!(seen.len(), 2, "{seen:?}");
        let cut = all(stream::iter([text("a")]).boxed(), Duration::from_secs(60)).await;
        assert!(matches!(cut[..], [Piece::Text { .. }, Piece::Failed(_)]));
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_fails() {
        let slow = stream::iter([text("a")]).chain(stream::pending()).boxed();
        let seen = all(slow, Duration::from_millis(20)).await;
        let [Piece::Text { .. }, Piece::Failed(error)] = &seen[..] else {
            panic!("{seen:?}")
        };
        assert!(error.to_string().contains("too long"), "{error}");
    }
}
