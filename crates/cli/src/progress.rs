//! The live display of a training.

use crate::output::{label, score};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use modelwright_data::Notice;
use modelwright_train::{Event, Scores};
use std::io::IsTerminal;
use std::sync::Mutex;

/// Shows events on standard error: a bar on a terminal, a line an epoch elsewhere.
pub struct Display {
    bar: ProgressBar,
    terminal: bool,
    epochs: usize,
    steps: usize,
    unit: &'static str,
}

impl Display {
    /// `unit` is what an example is called; nothing is shown if `quiet`.
    pub fn new(quiet: bool, unit: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !quiet {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        Self {
            bar,
            terminal: terminal && !quiet,
            epochs: 0,
            steps: 0,
            unit,
        }
    }

    /// Receives an event.
    pub fn show(&mut self, event: &Event, quiet: bool) {
        if quiet {
            return;
        }
        match event {
            Event::Started {
                epochs,
                steps_per_epoch,
                resumed_at,
                ..
            } => {
                self.start(*epochs, *steps_per_epoch, *resumed_at);
            }
            Event::Step {
                epoch,
                step,
                mean_loss,
                scores,
                speed,
                ..
            } => {
                self.bar.set_position(*step as u64);
                self.bar
                    .set_prefix(format!("epoch {epoch}/{}", self.epochs));
                self.bar.set_message(format!(
                    "loss {mean_loss:.4}{}  {} {}/s",
                    words(scores),
                    crate::output::grouped(*speed as i64),
                    self.unit
                ));
            }
            Event::EpochEnded {
                epoch,
                train,
                validation,
                best,
                seconds,
                ..
            } => {
                self.line(&epoch_line(
                    *epoch,
                    self.epochs,
                    train,
                    validation,
                    *best,
                    *seconds,
                ));
            }
            Event::StoppedEarly {
                epoch,
                better_until,
            } => {
                self.line(&format!(
                    "no better since epoch {better_until}; stopped after epoch {epoch}"
                ));
            }
            Event::TimeOver { epoch, step } => {
                self.line(&format!(
                    "the time is over; stopped in epoch {epoch}, after step {step}"
                ));
            }
            Event::Sample { prompt, text, .. } => {
                self.line(&format!("it writes: {prompt}{text}"));
            }
            Event::Interrupted { .. } | Event::Finished { .. } => self.bar.finish_and_clear(),
            Event::CheckpointSaved { .. } | Event::Mistakes { .. } => {}
        }
    }

    fn start(&mut self, epochs: usize, steps_per_epoch: usize, resumed_at: usize) {
        self.epochs = epochs;
        self.steps = epochs * steps_per_epoch;
        self.bar.set_length(self.steps as u64);
        self.bar.set_position(resumed_at as u64);
        self.bar.reset_eta();
        let template = "{prefix} {bar:24.cyan/blue} batch {pos}/{len}  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸─"));
        }
        if resumed_at > 0 {
            self.line(&format!("resumed at step {resumed_at} of {}", self.steps));
        }
    }

    fn line(&self, text: &str) {
        match self.terminal {
            true => self.bar.println(text),
            false => eprintln!("{text}"),
        }
    }
}

fn epoch_line(
    epoch: usize,
    epochs: usize,
    train: &Scores,
    validation: &Scores,
    best: bool,
    seconds: f64,
) -> String {
    let loss = |scores: &Scores| {
        scores
            .iter()
            .find(|(n, _)| n == "loss")
            .map_or(f64::NAN, |(_, v)| *v)
    };
    let rest = |scores: &Scores| {
        words(
            &scores
                .iter()
                .filter(|(n, _)| n != "loss")
                .cloned()
                .collect(),
        )
    };
    let mut line = format!(
        "epoch {epoch:>3}/{epochs}  train loss {:.4}{}",
        loss(train),
        rest(train)
    );
    if !validation.is_empty() {
        line += &format!(
            "  |  validation loss {:.4}{}",
            loss(validation),
            rest(validation)
        );
    }
    line += &format!("  {seconds:.1} s{}", if best { "  *" } else { "" });
    line
}

fn words(scores: &Scores) -> String {
    let word = |(name, value): &(String, f64)| {
        let shown = if name == "mae" {
            "error".into()
        } else {
            label(name)
        };
        format!("  {shown} {}", score(name, *value))
    };
    scores.iter().map(word).collect()
}

/// Shows downloads and decoding.
pub struct Reading {
    bar: Mutex<ProgressBar>,
}

impl Reading {
    pub fn new(quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        Self {
            bar: Mutex::new(bar),
        }
    }

    /// Receives a notice, from any thread.
    pub fn show(&self, notice: Notice) {
        let Ok(bar) = self.bar.lock() else { return };
        let (what, done, total, template) = match notice {
            Notice::Fetching(name, done, total) => (
                format!("fetching {name}"),
                done,
                total.unwrap_or(0),
                "{msg} {bar:24} {bytes}/{total_bytes} {eta}",
            ),
            Notice::Decoding(done, total) => (
                "reading pictures".into(),
                done as u64,
                total as u64,
                "{msg} {bar:24} {pos}/{len} {eta}",
            ),
        };
        if bar.message() != what {
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(what);
        }
        bar.set_length(total);
        bar.set_position(done);
        if done >= total && total > 0 {
            bar.finish_and_clear();
            bar.reset();
        }
    }
}

/// A bar for each thing that takes a while; none where nobody looks at a terminal.
pub struct Stages<S> {
    hidden: bool,
    template: fn(S) -> &'static str,
    bar: Mutex<Option<(S, ProgressBar)>>,
}

impl<S: Copy + PartialEq> Stages<S> {
    /// `template` says what the bar of a stage looks like.
    pub fn new(quiet: bool, template: fn(S) -> &'static str) -> Self {
        Self {
            hidden: quiet || !std::io::stderr().is_terminal(),
            template,
            bar: Mutex::new(None),
        }
    }

    /// Receives how far a stage is, from any thread.
    pub fn show(&self, stage: S, done: usize, total: usize) {
        if self.hidden {
            return;
        }
        let Ok(mut current) = self.bar.lock() else {
            return;
        };
        if current.as_ref().is_none_or(|(shown, _)| *shown != stage) {
            *current = Some((stage, self.drawn(stage, total)));
        }
        if let Some((_, bar)) = current.as_ref() {
            bar.set_position(done as u64);
            if done >= total {
                bar.finish_and_clear();
            }
        }
    }

    fn drawn(&self, stage: S, total: usize) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template((self.template)(stage)) {
            bar.set_style(style);
        }
        bar
    }
}
