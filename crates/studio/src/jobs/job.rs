//! One training: what is told of it, and who follows it.

use super::{RunNews, lock};
use crate::load::Load;
use modelwright_train::{Control, Event, Observer};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Time between two steps that are told; a browser draws no more.
const PAUSE: Duration = Duration::from_millis(100);
/// Time between two looks at the machine.
const LOAD_PAUSE: Duration = Duration::from_secs(1);
/// News that a browser may be behind before it loses some.
const BACKLOG: usize = 1024;
/// Most steps that are kept for browsers that come later.
const MOST_STEPS: usize = 2000;

/// One training.
pub struct Job {
    pub control: Control,
    pub news: broadcast::Sender<RunNews>,
    pub past: Mutex<Vec<RunNews>>,
    decoding_told: Mutex<Option<Instant>>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            control: Control::default(),
            news: broadcast::Sender::new(BACKLOG),
            past: Mutex::default(),
            decoding_told: Mutex::default(),
        }
    }
}

impl Job {
    /// Tells and remembers.
    pub fn tell(&self, news: RunNews) {
        let mut past = lock(&self.past);
        remember(&mut past, &news);
        // Without a listener there is nobody to miss it.
        let _ = self.news.send(news);
    }

    /// Pictures are decoded by many threads and fast; not every one is told.
    pub fn tell_decoding(&self, done: usize, total: usize) {
        let mut told = lock(&self.decoding_told);
        if done == total || told.is_none_or(|t| t.elapsed() > PAUSE) {
            *told = Some(Instant::now());
            self.tell(RunNews::Decoding { done, total });
        }
    }
}

/// Keeps what a browser that comes later needs: of passing states the last, of many steps every other.
fn remember(past: &mut Vec<RunNews>, news: &RunNews) {
    if !matches!(news, RunNews::Training(_) | RunNews::Ended { .. }) {
        let kind = std::mem::discriminant(news);
        past.retain(|old| std::mem::discriminant(old) != kind);
    }
    past.push(news.clone());
    let is_step = |n: &RunNews| matches!(n, RunNews::Training(Event::Step { .. }));
    if past.len() > MOST_STEPS && past.iter().filter(|n| is_step(n)).count() > MOST_STEPS {
        let mut steps = 0usize;
        past.retain(|n| {
            steps += usize::from(is_step(n));
            !is_step(n) || steps % 2 == 1
        });
    }
}

/// Follows a training and tells its news.
pub struct Watcher<'a> {
    job: &'a Job,
    step_told: Option<Instant>,
    load: Load,
    load_told: Instant,
}

impl<'a> Watcher<'a> {
    pub fn new(job: &'a Job) -> Self {
        Self {
            job,
            step_told: None,
            load: Load::now(),
            load_told: Instant::now(),
        }
    }

    fn tell_load(&mut self) {
        if self.load_told.elapsed() > LOAD_PAUSE {
            self.load = Load::since(&self.load);
            self.load_told = Instant::now();
            self.job.tell(RunNews::Machine(self.load.clone()));
        }
    }
}

impl Observer for Watcher<'_> {
    fn observe(&mut self, event: &Event) -> Result<(), String> {
        self.tell_load();
        if let Event::Step { .. } = event {
            if self.step_told.is_some_and(|told| told.elapsed() < PAUSE) {
                return Ok(());
            }
            self.step_told = Some(Instant::now());
        }
        self.job.tell(RunNews::Training(event.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize) -> RunNews {
        RunNews::Training(Event::Step {
            epoch: 1,
            step,
            loss: 1.0,
            mean_loss: 1.0,
            scores: Vec::new(),
            learning_rate: 0.1,
            examples: 1,
            speed: 1.0,
        })
    }

    #[test]
    fn many_steps_are_thinned_and_passing_states_replaced() {
        let mut past = Vec::new();
        for n in 0..3 * MOST_STEPS {
            remember(&mut past, &RunNews::Waiting { ahead: 1 });
            remember(&mut past, &step(n));
        }
        let steps = past
            .iter()
            .filter(|n| matches!(n, RunNews::Training(_)))
            .count();
        assert!((MOST_STEPS / 2..=MOST_STEPS).contains(&steps), "{steps}");
        assert_eq!(past.len(), steps + 1);
    }
}
