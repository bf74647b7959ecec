//! What happens in a run, sent to a browser as it happens.
//!
//! The log and the store say nearly all, so that a training of another process can be watched, and
//! every browser sees the same. Single steps are in neither; they come from the training itself if it
//! is one of this process.

use super::{log, wrong};
use crate::jobs::{RunNews, Subscription};
use crate::pages::of_run::OfRun;
use crate::pages::words::{bytes, duration};
use crate::{Ctx, Problem, Studio};
use axum::extract::Path;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::Stream;
use modelwright_runs::{LogReader, Status};
use modelwright_train::Event;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

/// Time between two looks at log and store.
const LOOK: Duration = Duration::from_millis(700);

/// The stream of `/runs/{id}/events`. It begins with all that has happened.
pub(super) async fn events(
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Problem> {
    let of_run = OfRun::find(&ctx, id).await?;
    let (sender, receiver) = channel(64);
    let follower = Follower {
        log: Some(LogReader::new(of_run.folder.clone())),
        plan: Plan::default(),
        status: None,
        news: None,
        ctx,
        of_run,
        sender,
    };
    tokio::spawn(follower.run());
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

/// The browser is gone.
struct Gone;

/// Follows a run for one browser.
struct Follower {
    ctx: Ctx,
    of_run: OfRun,
    /// Away only while it reads.
    log: Option<LogReader>,
    plan: Plan,
    status: Option<Status>,
    news: Option<broadcast::Receiver<RunNews>>,
    sender: Sender<Result<sse::Event, Infallible>>,
}

impl Follower {
    async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        let studio = self.ctx.studio.clone();
        if self.send("begin", json!({})).await.is_err() {
            return;
        }
        loop {
            let sent = tokio::select! {
                news = next(&mut self.news) => match news {
                    Some(news) => self.tell(news).await,
                    None => {
                        self.news = None;
                        Ok(())
                    }
                },
                _ = look.tick() => self.look().await,
                () = self.sender.closed() => Err(Gone),
                () = studio.closed() => Err(Gone),
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn send(&self, name: &str, data: Value) -> Result<(), Gone> {
        let event = sse::Event::default().event(name).data(data.to_string());
        self.sender.send(Ok(event)).await.map_err(|_| Gone)
    }

    /// Reads what is new in the log and the store.
    async fn look(&mut self) -> Result<(), Gone> {
        let Some(mut log) = self.log.take() else {
            return Err(Gone);
        };
        let id = self.of_run.run.id.clone();
        let read = move |studio: &Studio| -> Result<_, Problem> {
            let events = log.read()?;
            let status = studio.store()?.get(&id)?.status;
            Ok((log, events, status))
        };
        // A run that was removed ends the stream, and so does a disk that cannot be read: the
        // browser asks again and is told.
        let (log, events, status) = match self.ctx.studio.blocking(read).await {
            Ok(read) => read,
            Err(_) => return Err(Gone),
        };
        self.log = Some(log);
        for event in &events {
            self.logged(event).await?;
        }
        if self.news.is_none()
            && let Some(Subscription { past, news }) =
                self.ctx.studio.jobs().subscribe(&self.of_run.run.id)
        {
            self.news = Some(news);
            self.catch_up(past).await?;
        }
        if self.status != Some(status) {
            self.status = Some(status);
            self.send("status", json!({ "status": status.name() }))
                .await?;
        }
        Ok(())
    }

    /// Tells an event of the log.
    async fn logged(&mut self, event: &Event) -> Result<(), Gone> {
        if let Some(text) = log::line(&self.ctx, event) {
            self.send("log", json!({ "text": text })).await?;
        }
        match event {
            Event::Started {
                epochs,
                steps_per_epoch,
                ..
            } => {
                self.plan = Plan {
                    epochs: *epochs,
                    steps_per_epoch: *steps_per_epoch,
                    ..Plan::default()
                };
                let plan = json!({ "epochs": epochs, "steps_per_epoch": steps_per_epoch });
                self.send("plan", plan).await
            }
            Event::EpochEnded {
                epoch,
                train,
                validation,
                seconds,
                ..
            } => {
                self.plan.ended.push(*seconds);
                let epoch = json!({ "epoch": epoch, "train": train, "validation": validation });
                self.send("epoch", epoch).await
            }
            Event::Mistakes { epoch, mistakes } => {
                let (of_run, wanted) = (self.of_run.clone(), mistakes.clone());
                let read = move |studio: &Studio| -> Result<Vec<String>, Problem> {
                    Ok(wrong::texts(studio, &of_run, &wanted))
                };
                // Without its text an example still has its number.
                let texts = self.ctx.studio.blocking(read).await.unwrap_or_default();
                let (ctx, of_run) = (&self.ctx, &self.of_run);
                let html = wrong::list(ctx, of_run, *epoch, mistakes, &texts).into_string();
                self.send("wrong", json!({ "html": html })).await
            }
            _ => Ok(()),
        }
    }

    /// Tells what the training has said before this browser came: all its steps at once.
    async fn catch_up(&mut self, past: Vec<RunNews>) -> Result<(), Gone> {
        let (steps, others): (Vec<_>, Vec<_>) = past
            .into_iter()
            .partition(|news| matches!(news, RunNews::Training(Event::Step { .. })));
        let points: Vec<Value> = steps.iter().filter_map(point).collect();
        self.send("steps", json!({ "points": points })).await?;
        let last = steps.into_iter().next_back();
        for news in others.into_iter().chain(last) {
            self.tell(news).await?;
        }
        Ok(())
    }

    /// Tells a piece of news; what the log says as well is left to it.
    async fn tell(&mut self, news: RunNews) -> Result<(), Gone> {
        match &news {
            RunNews::Training(Event::Step { epoch, step, .. }) => {
                let left = self.plan.left(&news).map(|s| duration(&self.ctx, s));
                let text = match &left {
                    Some(time) => self.ctx.tr(
                        "run-pass-left",
                        &[
                            ("epoch", epoch),
                            ("epochs", &self.plan.epochs),
                            ("time", time),
                        ],
                    ),
                    None => self.ctx.tr(
                        "run-pass",
                        &[("epoch", epoch), ("epochs", &self.plan.epochs)],
                    ),
                };
                let step = json!({
                    "point": point(&news),
                    "share": self.plan.share(*step),
                    "text": text,
                });
                self.send("step", step).await
            }
            RunNews::Machine(load) => {
                let machine = json!({
                    "processor": load.processor,
                    "processor_text": load.processor.map(|p| format!("{:.0} %", 100.0 * p)),
                    "memory_text": load.memory.map(bytes),
                });
                self.send("machine", machine).await
            }
            RunNews::Waiting { ahead } => {
                self.note(self.ctx.tr("run-waiting", &[("ahead", ahead)]))
                    .await
            }
            RunNews::Decoding { done, total } => {
                let args: [(&str, &(dyn std::fmt::Display + Sync)); 2] =
                    [("done", done), ("total", total)];
                self.note(self.ctx.tr("run-decoding", &args)).await
            }
            RunNews::Training(Event::TimeOver { .. }) => {
                self.note(self.ctx.t("run-time-over")).await
            }
            RunNews::Training(_) | RunNews::Ended { .. } => Ok(()),
        }
    }

    async fn note(&self, text: String) -> Result<(), Gone> {
        self.send("note", json!({ "text": text })).await
    }
}

/// A step's number, its loss, and the scores of its epoch so far.
fn point(news: &RunNews) -> Option<Value> {
    match news {
        RunNews::Training(Event::Step {
            step, loss, scores, ..
        }) => Some(json!([step, loss, scores])),
        _ => None,
    }
}

/// The next piece of news; `None` when there will be no more. Without a training it waits forever.
async fn next(news: &mut Option<broadcast::Receiver<RunNews>>) -> Option<RunNews> {
    let Some(receiver) = news else {
        return std::future::pending().await;
    };
    loop {
        match receiver.recv().await {
            Ok(news) => return Some(news),
            // A slow browser misses some steps; the log has what counts.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// How much is to be done, and how long it takes.
#[derive(Default)]
struct Plan {
    epochs: usize,
    steps_per_epoch: usize,
    /// Seconds of the epochs that ended since the training was started or resumed.
    ended: Vec<f64>,
}

impl Plan {
    /// The share that is done.
    fn share(&self, step: usize) -> f64 {
        (step as f64 / (self.epochs * self.steps_per_epoch).max(1) as f64).min(1.0)
    }

    /// Seconds that are left, as far as they can be told.
    fn left(&self, news: &RunNews) -> Option<f64> {
        let RunNews::Training(Event::Step {
            epoch,
            step,
            examples,
            speed,
            ..
        }) = news
        else {
            return None;
        };
        let left = (self.epochs * self.steps_per_epoch).checked_sub(*step)? as f64;
        let in_epoch = step.checked_sub((epoch - 1) * self.steps_per_epoch)?.max(1) as f64;
        let per_step = match self.ended.as_slice() {
            // The time of a whole epoch counts the validation, too.
            [.., last] => last / self.steps_per_epoch.max(1) as f64,
            [] if *speed > 0.0 => *examples as f64 / in_epoch / speed,
            [] => return None,
        };
        Some(left * per_step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(epoch: usize, step: usize, examples: usize) -> RunNews {
        RunNews::Training(Event::Step {
            epoch,
            step,
            loss: 1.0,
            mean_loss: 1.0,
            scores: Vec::new(),
            learning_rate: 0.1,
            examples,
            speed: 64.0,
        })
    }

    #[test]
    fn the_time_left_comes_from_the_speed_and_then_from_whole_epochs() {
        let mut plan = Plan {
            epochs: 2,
            steps_per_epoch: 10,
            ended: Vec::new(),
        };
        // 32 examples a step at 64 a second: half a second for each of 15 steps.
        assert_eq!(plan.left(&step(1, 5, 160)), Some(7.5));
        assert_eq!(plan.share(5), 0.25);
        plan.ended.push(20.0);
        assert_eq!(plan.left(&step(2, 15, 160)), Some(10.0));
    }
}
