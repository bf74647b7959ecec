//! Events of a training as sentences.

use crate::Ctx;
use crate::pages::words::{duration, score_name};
use modelwright_evaluate::score;
use modelwright_train::{Event, Scores};

/// What the log says of an event; steps and checkpoints are too many to be said.
pub(super) fn line(ctx: &Ctx, event: &Event) -> Option<String> {
    let line = match event {
        Event::Started {
            resumed_at: 0,
            epochs,
            examples,
            ..
        } => ctx.tr("log-started", &[("epochs", epochs), ("examples", examples)]),
        Event::Started { resumed_at, .. } => ctx.tr("log-resumed", &[("step", resumed_at)]),
        Event::EpochEnded {
            epoch,
            train,
            validation,
            best,
            seconds,
            ..
        } => {
            let shown = if validation.is_empty() {
                train
            } else {
                validation
            };
            let key = if *best { "log-epoch-best" } else { "log-epoch" };
            let args: [(&str, &(dyn std::fmt::Display + Sync)); 3] = [
                ("epoch", epoch),
                ("scores", &words(ctx, shown)),
                ("time", &duration(ctx, *seconds)),
            ];
            ctx.tr(key, &args)
        }
        Event::StoppedEarly {
            epoch,
            better_until,
        } => ctx.tr("log-early", &[("epoch", epoch), ("best", better_until)]),
        Event::Sample {
            epoch,
            prompt,
            text,
        } => {
            let written = format!("{prompt}{text}");
            ctx.tr("log-sample", &[("epoch", epoch), ("text", &written)])
        }
        Event::TimeOver { epoch, .. } => ctx.tr("log-time-over", &[("epoch", epoch)]),
        Event::Interrupted { step } => ctx.tr("log-interrupted", &[("step", step)]),
        Event::Finished { steps, seconds } => {
            let time = duration(ctx, *seconds);
            ctx.tr("log-finished", &[("steps", steps), ("time", &time)])
        }
        Event::Step { .. } | Event::Mistakes { .. } | Event::CheckpointSaved { .. } => return None,
    };
    Some(line)
}

/// `loss 0.2113, accuracy 93.20 %`.
pub(super) fn words(ctx: &Ctx, scores: &Scores) -> String {
    let word = |(name, value): &(String, f64)| {
        format!("{} {}", score_name(ctx, name), score(name, *value))
    };
    let words: Vec<String> = scores.iter().map(word).collect();
    words.join(&ctx.t("list-comma"))
}
