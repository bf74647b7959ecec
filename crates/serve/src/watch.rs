//! Replaced bundles are loaded while the old ones answer.

use crate::lineup::Lineup;
use crate::model::{Version, stamp};
use crate::registry::{Model, Shared};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Longest time between two tries to load a bundle that cannot be loaded.
const LONGEST: Duration = Duration::from_secs(60);

/// Starts a thread that looks after the bundles of all models until these are gone.
pub(crate) fn start(models: Weak<Shared>, every: Duration) {
    let look = move || {
        let mut trouble = HashMap::new();
        loop {
            std::thread::sleep(every);
            let Some(models) = models.upgrade() else {
                return;
            };
            for model in models.models() {
                look_at(&models, &model, &mut trouble, every);
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("reload".into())
        .spawn(look);
    if let Err(error) = thread {
        tracing::error!(%error, "replaced bundles will not be seen");
    }
}

/// A bundle that could not be loaded. It may be half copied, so it is tried again, less and less often.
struct Trouble {
    next: Instant,
    pause: Duration,
    told: String,
}

/// Which version could not be replaced: model and number.
type Key = (String, u64);

fn look_at(models: &Shared, model: &Model, trouble: &mut HashMap<Key, Trouble>, every: Duration) {
    let lineup = model.lineup();
    let answering = [Some(lineup.current), lineup.canary.map(|c| c.number)];
    for number in answering.into_iter().flatten() {
        let Some(old) = lineup.versions.iter().find(|v| v.number == number) else {
            continue;
        };
        let key = (model.name().to_string(), number);
        let stamp = stamp(&old.source);
        // Between two bundles there may be none for a moment.
        if stamp.is_none() || stamp == old.stamp {
            trouble.remove(&key);
            continue;
        }
        if trouble.get(&key).is_some_and(|t| t.next > Instant::now()) {
            continue;
        }
        match reload(models, model, old) {
            Ok(()) => {
                trouble.remove(&key);
                tracing::info!(
                    model = model.name(),
                    replaced = number,
                    "a new bundle answers"
                );
            }
            Err(error) => {
                models.reload_failed(model.name());
                let before = trouble.remove(&key);
                let pause = before
                    .as_ref()
                    .map_or(every, |t| (t.pause * 2).min(LONGEST));
                let told = error.to_string();
                if before.is_none_or(|t| t.told != told) {
                    tracing::warn!(
                        model = model.name(), kept = number, error = %told,
                        "the new bundle cannot be loaded; the old one answers"
                    );
                }
                let next = Instant::now() + pause;
                trouble.insert(key, Trouble { next, pause, told });
            }
        }
    }
}

/// Loads the bundle that is now where `old` came from; it takes over the role of `old`.
fn reload(models: &Shared, model: &Model, old: &Arc<Version>) -> crate::Result<()> {
    models.reload(model, &old.source, |lineup: &mut Lineup, number| {
        if let Some(canary) = &mut lineup.canary
            && canary.number == old.number
        {
            canary.number = number;
        }
        // Meanwhile another bundle may have become the current one.
        if lineup.current == old.number {
            lineup.current = number;
        }
    })
}
