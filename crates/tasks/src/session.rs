//! A run from its recipe to its bundle, or on from where it stopped.

use crate::error::TaskError;
use crate::evaluation::Evaluation;
use crate::origin::{Examples, Origin};
use crate::plan::Plan;
use crate::registry;
use crate::task::{Course, Job, JobOutcome, Made};
use burn::tensor::Device;
use modelwright_data::{Notice, Notify, Part};
use modelwright_evaluate::Comparison;
use modelwright_runs::card::Documents;
use modelwright_runs::{
    Bundle, BundleConfig, Card, LABELS, Machine, Meter, NewRun, Rates, Recorder, Run, RunFolder,
    RunLock, Status, Store, TensorBoard, write_bundle, write_file,
};
use modelwright_train::{Checkpoint, Control, Observer, Observers, Recipe, TrainError};
use std::path::{Path, PathBuf};

/// Where a session works and who watches.
pub struct SessionOptions<'a> {
    /// Folder of the run store.
    pub runs: &'a Path,
    /// Whether TensorBoard files are written.
    pub tensorboard: bool,
    /// To stop from outside.
    pub control: &'a Control,
    /// Told about reading.
    pub notify: Notify<'a>,
}

/// A run that belongs to this process.
pub struct Session<'a> {
    options: SessionOptions<'a>,
    store: Store,
    id: String,
    folder: RunFolder,
    _lock: RunLock,
    recipe: Recipe,
    /// `None` once the training has taken it.
    examples: Option<Examples>,
    resume: Option<Checkpoint>,
    /// What its cost is counted at.
    rates: Rates,
}

/// Stack of a computing thread: networks are dropped and walked recursively.
pub const STACK: usize = 16 << 20;

/// How a session ended.
pub enum Ended {
    /// With a model.
    Finished(Box<Report>),
    /// It was asked to stop and can be resumed.
    Interrupted,
}

/// What came out of a finished run.
pub struct Report {
    /// Metrics.
    pub evaluation: Evaluation,
    /// The model beside simple ones, where the task has those.
    pub comparison: Option<Comparison>,
    /// The part they are on.
    pub scored_on: Part,
    /// The epoch the weights are from.
    pub epoch: usize,
    /// Trainable parameters.
    pub parameters: usize,
    /// Wall seconds of this process.
    pub seconds: f64,
    /// The bundle.
    pub bundle: PathBuf,
    /// What was left out or repaired.
    pub notes: Vec<String>,
}

impl<'a> Session<'a> {
    /// Starts a new run.
    pub fn start(plan: Plan, options: SessionOptions<'a>) -> Result<Self, TaskError> {
        let rates = Rates::load(options.runs)?;
        let store = Store::open(options.runs)?;
        let machine = serde_json::to_string(&Machine::this()).unwrap_or_default();
        let architecture = plan.recipe.model.name();
        let recipe = plan.recipe.to_toml();
        let id = store.create(&NewRun {
            prefix: &format!("{}-{architecture}", plan.dataset.name),
            task: &plan.recipe.task,
            architecture,
            source: &plan.dataset.source,
            recipe: &recipe,
            machine: &machine,
        })?;
        let folder = store.folder(&id);
        let prepare = || -> Result<(RunLock, Examples), TaskError> {
            folder.create()?;
            let lock = folder.lock(&id)?;
            write_file(&folder.recipe(), recipe.as_bytes())?;
            let examples = Examples::new(plan.dataset)?;
            Origin::of(&examples).write(&folder)?;
            Ok((lock, examples))
        };
        let (lock, examples) = prepare().inspect_err(|_| {
            // Nothing was trained yet, so nothing stays; the first error is the one to report.
            let _ = store.remove(&id);
        })?;
        Ok(Self {
            options,
            store,
            id,
            folder,
            _lock: lock,
            recipe: plan.recipe,
            examples: Some(examples),
            resume: None,
            rates,
        })
    }

    /// Takes up a run that was stopped. `None` for `id` or `latest` is the newest.
    pub fn resume(id: &str, options: SessionOptions<'a>) -> Result<Self, TaskError> {
        let rates = Rates::load(options.runs)?;
        let store = Store::open(options.runs)?;
        let run = store.get(id)?;
        let folder = store.folder(&run.id);
        // A run that was killed right after it got its name may not have its folder yet.
        folder.create()?;
        let lock = folder.lock(&run.id)?;
        if run.status == Status::Finished {
            return Err(TaskError::asked(
                format!("run `{}` is finished; there is nothing to resume", run.id),
                format!("its bundle is {}", folder.bundle().display()),
            ));
        }
        let recipe = recipe_of(&run)?;
        let origin = Origin::read(&folder)?;
        let examples = origin.open(&recipe.data, options.notify)?;
        write_file(&folder.recipe(), run.recipe.as_bytes())?;
        let resume = Checkpoint::latest(&folder.checkpoints())?;
        store.set_status(&run.id, Status::Running, "", 0.0)?;
        Ok(Self {
            options,
            store,
            id: run.id,
            folder,
            _lock: lock,
            recipe,
            examples: Some(examples),
            resume,
            rates,
        })
    }

    /// Name of the run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Its recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Trains, evaluates and writes the bundle; `observer` watches beside the run store.
    ///
    /// All of it runs on the number of threads that the recipe says, whatever the caller's pool is:
    /// sums are made in another order by another number of threads.
    pub fn run(mut self, observer: Box<dyn Observer + Send + '_>) -> Result<Ended, TaskError> {
        let meter = Meter::start(self.rates.clone());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.recipe.training.threads)
            .stack_size(STACK)
            .build()
            .map_err(|e| TaskError::asked(format!("cannot start threads: {e}"), ""))?;
        let (session, result, meter) = pool.install(move || {
            let result = self.work(observer, &meter);
            (self, result, meter)
        });
        session.conclude(result, &meter)
    }

    /// Writes into the store how it ended, and what this process cost.
    fn conclude(self, result: Result<Ended, TaskError>, meter: &Meter) -> Result<Ended, TaskError> {
        let cost = meter.cost();
        let (status, message) = match &result {
            Ok(Ended::Finished(_)) => (Status::Finished, String::new()),
            Ok(Ended::Interrupted) => (Status::Interrupted, String::new()),
            Err(e) => (Status::Failed, e.to_string()),
        };
        let seconds = cost.usage.seconds;
        let stored = self.store.set_cost(&self.id, meter.started(), &cost);
        let stored =
            stored.and_then(|()| self.store.set_status(&self.id, status, &message, seconds));
        // If both failed, the first error is the cause.
        if result.is_ok() {
            stored?;
        }
        result
    }

    fn work(
        &mut self,
        observer: Box<dyn Observer + Send + '_>,
        meter: &Meter,
    ) -> Result<Ended, TaskError> {
        let Some(Examples { dataset, hashes }) = self.examples.take() else {
            return Err(TaskError::asked("this session has run already", ""));
        };
        let recorder = Recorder::new(&self.store, &self.id, meter)?;
        let mut observers = Observers(vec![Box::new(recorder)]);
        if self.options.tensorboard {
            let path = self.folder.tensorboard();
            let board = TensorBoard::create(&path).map_err(|e| TrainError::File {
                path,
                problem: e.to_string(),
            })?;
            observers.0.push(Box::new(board));
        }
        observers.0.push(observer);
        let notify = self.options.notify;
        let outcome = registry::find(&self.recipe.task)?.train(Job {
            recipe: &self.recipe,
            dataset,
            hashes,
            device: Device::flex(),
            assets: &self.folder.assets(),
            course: Course {
                checkpoints: &self.folder.checkpoints(),
                resume: self.resume.take(),
                control: self.options.control,
                observer: &mut observers,
            },
            decoding: &|done, total| notify(Notice::Decoding(done, total)),
        })?;
        match outcome {
            JobOutcome::Interrupted => Ok(Ended::Interrupted),
            JobOutcome::Made(made) => self
                .finish(*made, meter)
                .map(|r| Ended::Finished(Box::new(r))),
        }
    }

    fn finish(&self, mut made: Made, meter: &Meter) -> Result<Report, TaskError> {
        let scores = made.evaluation.scores();
        let report = serde_json::to_vec_pretty(&made.evaluation).unwrap_or_default();
        write_file(&self.folder.evaluation(), &report)?;
        for (name, svg) in made.evaluation.charts() {
            self.folder.write_chart(name, &svg)?;
        }
        self.store
            .set_scores(&self.id, made.scored_on.name(), &scores)?;
        let cost = meter.cost();
        self.store.set_cost(&self.id, meter.started(), &cost)?;
        let seconds = cost.usage.seconds;
        let run = self.store.get(&self.id)?;
        let spent = run.seconds + seconds;
        let baselines = std::mem::take(&mut made.baselines);
        let examples = made.evaluation.examples();
        let comparison = Comparison::new(&scores, examples, spent, baselines);
        if let Some(comparison) = &comparison {
            let text = serde_json::to_vec_pretty(comparison).unwrap_or_default();
            write_file(&self.folder.baselines(), &text)?;
        }
        self.write_bundle(&made, &scores, comparison.as_ref(), spent, &run)?;
        Ok(Report {
            evaluation: made.evaluation,
            comparison,
            scored_on: made.scored_on,
            epoch: made.epoch,
            parameters: made.parameters,
            seconds,
            bundle: self.folder.bundle(),
            notes: made.notes,
        })
    }

    fn write_bundle(
        &self,
        made: &Made,
        scores: &[(String, f64)],
        comparison: Option<&Comparison>,
        seconds: f64,
        run: &Run,
    ) -> Result<(), TaskError> {
        let architecture = self.recipe.model.name();
        let recipe = self.recipe.to_toml();
        let mut files = made.files.clone();
        if !made.labels.is_empty() {
            files.push((
                LABELS,
                serde_json::to_vec_pretty(&made.labels).unwrap_or_default(),
            ));
        }
        let card = Card {
            title: &self.id,
            task: &self.recipe.task,
            architecture,
            parameters: made.parameters,
            source: &self.recipe.data.source,
            data: made.facts.clone(),
            scores,
            scored_on: made.scored_on.name(),
            comparison,
            seconds,
            cost: run.cost.as_ref(),
            machine: &Machine::this(),
            recipe: &recipe,
            notes: &made.notes,
            files: files.iter().map(|(name, _)| *name).collect(),
        };
        let path = self.folder.bundle();
        let mut documents = Documents::new(card.to_markdown(), card.datasheet());
        if let Ok(earlier) = Bundle::open(&path).and_then(|bundle| Documents::of(&bundle)) {
            documents.take_answers(&earlier);
        }
        files.extend(documents.into_files());
        files.push(("recipe.toml", recipe.into_bytes()));
        let model = serde_json::to_value(&self.recipe.model).unwrap_or_default();
        let config = BundleConfig::new(
            &self.recipe.task,
            &self.id,
            architecture,
            model,
            &made.labels,
        )
        .with_hugging_face(made.hugging_face.clone());
        // A run that was killed between writing the bundle and its last status has one already.
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|e| TrainError::File {
                path: path.clone(),
                problem: e.to_string(),
            })?;
        }
        Ok(write_bundle(&path, config, &files)?)
    }
}

/// The recipe of a run.
///
/// # Errors
/// The store holds none that can be read.
pub fn recipe_of(run: &Run) -> Result<Recipe, TaskError> {
    toml::from_str(&run.recipe).map_err(|e| {
        TaskError::asked(
            format!("run `{}`: its recipe cannot be read ({e})", run.id),
            "start a new run",
        )
    })
}
