//! Looking at data takes time, so each data set is looked at once and remembered.

use crate::jobs::lock;
use crate::pages::texts::shortened;
use crate::problem::Problem;
use crate::uploads::{Entry, Settings};
use modelwright_data::profile::Profile;
use modelwright_data::{Column, Content, DataConfig, Dataset, Notice, open};
use modelwright_tasks::{Plan, registry};
use modelwright_train::Recipe;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Rows of a table that are shown.
const ROWS: usize = 5;
/// Characters of a cell that are shown.
const CELL: usize = 300;
/// Most data sets that are remembered.
const MOST: usize = 50;

/// What there is to know of a data set with its settings.
pub struct Look {
    /// What is in it and what is odd.
    pub profile: Profile,
    /// Names of pictures that cannot be read; those that are left out are not among them.
    pub unreadable: Vec<String>,
    /// The first rows of a table, as text.
    pub rows: Vec<Vec<String>>,
    /// What was converted or left out when it was read.
    pub notes: Vec<String>,
    /// The tasks that suit it, the best first.
    pub tasks: Vec<&'static str>,
    /// The recipe for it, or why there is none yet.
    pub recipe: Result<Recipe, Problem>,
}

impl Look {
    /// Whether the target is a class or a quantity; what belongs to a text, or answers it, is neither.
    pub fn has_classes(&self) -> bool {
        let other = ["question-answering", "text-embedding"];
        !self.tasks.first().is_some_and(|task| other.contains(task))
    }
}

/// A look at data, done or under way.
#[derive(Clone)]
pub struct Looking {
    result: watch::Receiver<Option<Result<Arc<Look>, Problem>>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Looking {
    /// The look, if it is done within `patience`.
    pub async fn wait(&self, patience: Duration) -> Option<Result<Arc<Look>, Problem>> {
        let mut result = self.result.clone();
        let done = result.wait_for(Option::is_some);
        match tokio::time::timeout(patience, done).await {
            Ok(Ok(done)) => done.clone(),
            // The thread has ended without a word: it has broken off.
            Ok(Err(_)) => Some(Err(Problem::internal("looking at the data broke off"))),
            Err(_) => None,
        }
    }

    /// Pictures decoded so far, and in all; 0 in all before that begins.
    pub fn progress(&self) -> (usize, usize) {
        let p = &self.progress;
        (
            p.done.load(Ordering::Relaxed),
            p.total.load(Ordering::Relaxed),
        )
    }
}

/// All looks of this process.
#[derive(Default)]
pub struct Looks(Mutex<HashMap<String, (Settings, Looking)>>);

impl Looks {
    /// The look at a data set as it is set now; begins one if there is none.
    pub fn at(&self, entry: &Entry) -> Looking {
        let mut all = lock(&self.0);
        if let Some((settings, looking)) = all.get(&entry.id)
            && *settings == entry.settings
        {
            return looking.clone();
        }
        if all.len() >= MOST {
            all.clear();
        }
        let looking = begin(entry.clone());
        all.insert(entry.id.clone(), (entry.settings.clone(), looking.clone()));
        looking
    }

    /// Forgets a data set that is removed: another may get its name.
    pub fn forget(&self, id: &str) {
        let mut all = lock(&self.0);
        all.remove(id);
    }
}

fn begin(entry: Entry) -> Looking {
    let (tell, result) = watch::channel(None);
    let progress = Arc::new(Progress::default());
    let looking = Looking {
        result,
        progress: progress.clone(),
    };
    std::thread::spawn(move || {
        let look = look(&entry, &progress).map(Arc::new);
        // Nobody may be waiting any more.
        let _ = tell.send(Some(look));
    });
    looking
}

fn look(entry: &Entry, progress: &Progress) -> Result<Look, Problem> {
    let notify = |notice| {
        if let Notice::Decoding(done, total) = notice {
            progress.done.store(done, Ordering::Relaxed);
            progress.total.store(total, Ordering::Relaxed);
        }
    };
    let config = entry.config();
    // A plan reads the data; only if there is none (no target chosen yet), it is read for itself.
    let (dataset, recipe) = match Plan::new(&entry.layers()?, &notify) {
        Ok(plan) => (plan.dataset, Ok(plan.recipe)),
        Err(error) => {
            let dataset = open(&config.source, config.open_options(&notify))?;
            (dataset, Err(Problem::from(error)))
        }
    };
    let target = recipe.as_ref().ok().and_then(|r| r.data.target.clone());
    let profile = Profile::new(&dataset, target.as_deref())?;
    let unreadable = match &dataset.content {
        Content::Images(set) => set.unreadable().iter().map(|(i, _)| set.name(*i)).collect(),
        Content::Table(_) => Vec::new(),
    };
    Ok(Look {
        profile,
        unreadable,
        rows: first_rows(&dataset),
        notes: dataset
            .notes
            .iter()
            .map(|note| entry.shortened(note))
            .collect(),
        tasks: tasks(&dataset, &config),
        recipe,
    })
}

fn first_rows(dataset: &Dataset) -> Vec<Vec<String>> {
    let Content::Table(table) = &dataset.content else {
        return Vec::new();
    };
    let cell = |c: &Column, row| shortened(&c.text(row), CELL);
    let row = |i| table.columns.iter().map(|c| cell(c, i)).collect();
    (0..table.rows().min(ROWS)).map(row).collect()
}

fn tasks(dataset: &Dataset, config: &DataConfig) -> Vec<&'static str> {
    let mut fitting: Vec<(u32, &'static str)> = registry::TASKS
        .iter()
        .filter_map(|task| Some((task.fits(dataset, config)?, task.info().name)))
        .collect();
    fitting.sort_by_key(|(fit, _)| Reverse(*fit));
    fitting.into_iter().map(|(_, name)| name).collect()
}
