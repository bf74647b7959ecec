//! What the pages of a run read from disk, kept for the runs that were looked at last.

use super::try_it::{Ink, Near};
use crate::jobs::lock;
use modelwright_data::{Dataset, quiet};
use modelwright_runs::{Run, RunFolder};
use modelwright_serve::{Limits, Models, ServeError};
use modelwright_tasks::{Answers, InputSchema, TaskError, data_of_run, input_of_bundle};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Data sets may be most of the memory, so few are kept.
const DATA_SETS: usize = 2;
/// Models and their answers that are kept.
const MODELS: usize = 4;

/// Data, models and answers of runs.
pub(crate) struct Shelf {
    data: Kept<Dataset>,
    answers: Kept<Answers>,
    inputs: Kept<InputSchema>,
    inks: Kept<Ink>,
    near: Kept<Near>,
    /// Names of the models on trial, the last first.
    on_trial: Mutex<VecDeque<String>>,
    trial: Models,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            data: Kept::new(DATA_SETS),
            answers: Kept::new(MODELS),
            inputs: Kept::new(MODELS),
            inks: Kept::new(MODELS),
            near: Kept::new(MODELS),
            on_trial: Mutex::default(),
            trial: Models::new(Limits::default()),
        }
    }
}

impl Shelf {
    /// The data that a run was started on.
    pub fn data(&self, run: &Run, folder: &RunFolder) -> Result<Arc<Dataset>, TaskError> {
        self.data
            .get(&key(run), || data_of_run(run, folder, &quiet))
    }

    /// What the model of a finished run says of each example it was scored on.
    pub fn answers(&self, run: &Run, folder: &RunFolder) -> Result<Arc<Answers>, TaskError> {
        let data = self.data(run, folder)?;
        self.answers
            .get(&key(run), || Answers::of_run(run, folder, &data))
    }

    /// What the model of a finished run takes.
    pub fn input(&self, run: &Run, folder: &RunFolder) -> Result<Arc<InputSchema>, TaskError> {
        self.inputs
            .get(&key(run), || input_of_bundle(&folder.bundle()))
    }

    /// How drawings look in the run's data, brought to the size `shape` of its model.
    pub fn ink(&self, run: &Run, data: &Dataset, shape: [usize; 3]) -> Result<Arc<Ink>, TaskError> {
        self.inks.get(&key(run), || Ok(Ink::of(data, shape)))
    }

    /// Texts of a run's data with the vectors that its model makes of them.
    pub fn near(
        &self,
        run: &Run,
        folder: &RunFolder,
        data: &Dataset,
        input: &InputSchema,
    ) -> Result<Arc<Near>, TaskError> {
        self.near
            .get(&key(run), || Near::of(run, folder, data, input))
    }

    /// Makes ready the model of a finished run to be tried; it has no address of its own. Returns
    /// its name among [`Shelf::trial`].
    pub fn try_out(&self, run: &Run, folder: &RunFolder) -> Result<String, ServeError> {
        let name = super::ship::model_name(&key(run));
        let mut names = lock(&self.on_trial);
        match names.iter().position(|n| *n == name) {
            Some(place) => drop(names.remove(place)),
            None => self.trial.add(&name, &folder.bundle())?,
        }
        names.push_front(name.clone());
        let kept = names.len().min(MODELS);
        for old in names.drain(kept..) {
            self.trial.remove(&old);
        }
        Ok(name)
    }

    /// The models that are tried.
    pub fn trial(&self) -> &Models {
        &self.trial
    }
}

/// A run that is removed may leave its name to another, but not its time.
fn key(run: &Run) -> String {
    format!("{}-{}", run.id, run.created)
}

/// The things that were asked for last, by key.
struct Kept<T> {
    most: usize,
    items: Mutex<VecDeque<(String, Arc<T>)>>,
}

impl<T> Kept<T> {
    fn new(most: usize) -> Self {
        Self {
            most,
            items: Mutex::default(),
        }
    }

    /// The thing of this key, made if it is not there. Whoever asks for it meanwhile waits, so that
    /// nothing is made twice.
    fn get(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T, TaskError>,
    ) -> Result<Arc<T>, TaskError> {
        let mut items = lock(&self.items);
        let found = items.iter().position(|(k, _)| k == key);
        let item = match found.and_then(|i| items.remove(i)) {
            Some(item) => item,
            None => (key.to_string(), Arc::new(make()?)),
        };
        let thing = item.1.clone();
        items.push_front(item);
        items.truncate(self.most);
        Ok(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_stays() {
        let kept = Kept::new(2);
        let get = |key: &str, value| *kept.get(key, || Ok(value)).unwrap();
        assert_eq!((get("a", 1), get("b", 2), get("a", 3)), (1, 2, 1));
        assert_eq!((get("c", 4), get("a", 5), get("b", 6)), (4, 1, 6));
    }
}
