//! The page of `evaluate --report`, and the temperature of `--calibrate`.

use super::same_source;
use crate::commands::train::stop_on_signal;
use crate::commands::{open_bundle, open_options, text};
use anyhow::Result;
use burn::tensor::Device;
use clap::ArgMatches;
use modelwright_data::{Dataset, Notify, Part, open};
use modelwright_evaluate::{Comparison, DecisionCosts, LearningCurve, fit_temperature};
use modelwright_report::{
    About, Again, Columns, Lang, Options, Report, SEED, Subject, build, has_linear, learning_curve,
    linear_model, page,
};
use modelwright_runs::{Bundle, Rates, RunFolder, Store, write_file};
use modelwright_tasks::{
    AnswerValues, Answers, Evaluation, Predictor, TaskError, load, store_temperature,
};
use modelwright_train::{Control, Recipe};
use std::path::Path;

/// What a report is made of.
pub struct Given<'a> {
    /// The command line.
    pub m: &'a ArgMatches,
    /// Folder of the runs.
    pub runs: &'a Path,
    /// The bundle.
    pub bundle: &'a Bundle,
    /// The model in it.
    pub predictor: &'a dyn Predictor,
    /// How it was trained, if the bundle says.
    pub recipe: Option<&'a Recipe>,
    /// The data.
    pub dataset: &'a Dataset,
    /// The part of each example, if the data is that of the training.
    pub parts: Option<&'a [Part]>,
    /// The examples of the report.
    pub rows: &'a [usize],
    /// The name of their part, or `all`.
    pub part: &'a str,
    /// Told about reading.
    pub notify: Notify<'a>,
}

impl Given<'_> {
    /// Writes the report into the folder: `report.html` and `report.json`.
    pub fn write(&self, folder: &Path, evaluation: Evaluation) -> Result<()> {
        let report = self.build(evaluation)?;
        let lang = text(self.m, "lang")
            .and_then(Lang::from_code)
            .unwrap_or(Lang::En);
        let json = serde_json::to_vec_pretty(&report)?;
        write_file(&folder.join("report.json"), &json).map_err(TaskError::from)?;
        let html = page(&report, lang);
        write_file(&folder.join("report.html"), html.as_bytes()).map_err(TaskError::from)?;
        eprintln!("report: {}", folder.join("report.html").display());
        Ok(())
    }

    fn build(&self, evaluation: Evaluation) -> Result<Report> {
        let subject = Subject::new(self.predictor, self.dataset, self.rows)?;
        let input = self.predictor.input();
        let other = self.other()?;
        let against = other
            .as_ref()
            .map(|(name, other)| (name.as_str(), &**other));
        let sensitive: Vec<String> = self
            .m
            .get_many::<String>("sensitive")
            .map_or(Vec::new(), |all| all.cloned().collect());
        let reference = self.reference()?;
        let simple = self.simple();
        let control = stop_on_signal()?;
        let linear = self.linear(&control)?;
        let store = Store::open_existing(self.runs).map_err(TaskError::from)?;
        // A bundle from elsewhere has no run here.
        let run = store.and_then(|store| store.get(&self.bundle.config.run).ok());
        let training_cost = run.and_then(|run| run.cost);
        let options = Options {
            command: command(),
            about: Some(About {
                run: self.bundle.config.run.clone(),
                task: self.bundle.config.task.clone(),
                architecture: self.bundle.config.model_type.clone(),
                source: self.dataset.source.clone(),
                part: self.part.into(),
            }),
            columns: Columns {
                text: input.only_text().map(|column| column.name.as_str()),
                target: self.recipe.and_then(|r| r.data.target.as_deref()),
            },
            positive: text(self.m, "positive"),
            costs: self.costs(),
            sensitive: &sensitive,
            against,
            linear: linear.as_deref(),
            simple: simple.as_ref(),
            parts: self.parts,
            reference: reference.as_ref(),
            rates: Rates::load(self.runs).map_err(TaskError::from)?,
            training_cost: training_cost.as_ref(),
            learning: self.learning_curve(&control)?,
            seed: SEED,
        };
        Ok(build(&subject, evaluation, &options)?)
    }

    /// A linear model of the same training, where the data of the training is at hand.
    fn linear(&self, control: &Control) -> Result<Option<Box<dyn Predictor>>> {
        let own = self.recipe.filter(|_| self.parts.is_some());
        let Some(recipe) = own.filter(|recipe| has_linear(recipe, self.predictor)) else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        Ok(Some(linear_model(
            recipe,
            self.again(folder.path(), control),
        )?))
    }

    fn learning_curve(&self, control: &Control) -> Result<Option<LearningCurve>> {
        if !self.m.get_flag("learning-curve") {
            return Ok(None);
        }
        let (Some(recipe), Some(parts)) = (self.recipe, self.parts) else {
            return Err(TaskError::Asked {
                message: "a learning curve needs the data of the training".into(),
                help: "evaluate the model on the data it was trained on".into(),
            }
            .into());
        };
        let all = parts.iter().filter(|p| **p == Part::Train).count();
        let examples = recipe.data.limit.map_or(all, |limit| limit.min(all));
        let folder = tempfile::tempdir()?;
        let told = |size: usize, (number, of): (usize, usize)| {
            eprintln!("learning curve {number}/{of}: training on {size} examples");
        };
        let curve = learning_curve(
            recipe,
            examples,
            self.again(folder.path(), control),
            &told,
            SEED,
        )?;
        Ok(Some(curve))
    }

    fn again<'a>(&'a self, folder: &'a Path, control: &'a Control) -> Again<'a> {
        Again {
            folder,
            control,
            notify: self.notify,
        }
    }

    fn costs(&self) -> Option<DecisionCosts> {
        let cost = |name: &str| self.m.get_one::<f64>(name).copied();
        DecisionCosts::of_given_errors(cost("cost-alarm"), cost("cost-miss"))
    }

    /// The second model.
    fn other(&self) -> Result<Option<(String, Box<dyn Predictor>)>> {
        let Some(name) = text(self.m, "against") else {
            return Ok(None);
        };
        let bundle = open_bundle(name, self.runs)?;
        let predictor = load(&bundle, Device::flex())?;
        Ok(Some((bundle.config.run, predictor)))
    }

    /// The simple models that were measured after the training, on these same examples.
    fn simple(&self) -> Option<Comparison> {
        let folder = self.bundle.path().parent()?;
        let own = self.parts.is_some() && self.part == "test";
        own.then(|| RunFolder::new(folder.into()).comparison())
            .flatten()
    }

    /// The data that new data is compared with: what was named, else that of the training if it is
    /// there.
    fn reference(&self) -> Result<Option<Dataset>> {
        if let Some(source) = text(self.m, "reference") {
            let options = open_options(self.m, self.notify);
            return Ok(Some(open(source, options).map_err(TaskError::from)?));
        }
        let recipe = self.recipe.filter(|_| self.parts.is_none());
        let Some(recipe) = recipe.filter(|r| !same_source(&r.data.source, &self.dataset.source))
        else {
            return Ok(None);
        };
        // Where it is not at hand, the report goes without.
        Ok(open(&recipe.data.source, recipe.data.open_options(self.notify)).ok())
    }

    /// Fits a temperature and stores it in the bundle. It is fitted to the validation part of the data
    /// of the training, where there is one, so that the test part stays untouched.
    pub fn calibrate(&self) -> Result<()> {
        let validation: Vec<usize> = self.parts.map_or(Vec::new(), |parts| {
            (0..parts.len())
                .filter(|i| parts[*i] == Part::Validation)
                .collect()
        });
        let (rows, part) = match validation.is_empty() {
            true => (self.rows, self.part),
            false => (&validation[..], Part::Validation.name()),
        };
        let answers = Answers::new(self.predictor, self.dataset, rows)?;
        let AnswerValues::Classes {
            classes,
            truth,
            probabilities,
        } = &answers.values
        else {
            return Err(TaskError::Asked {
                message: "only a model that gives one of its classes has a temperature".into(),
                help: "leave --calibrate out".into(),
            }
            .into());
        };
        let temperature = fit_temperature(probabilities, classes.len(), truth);
        let stored = store_temperature(self.bundle, temperature)?;
        eprintln!(
            "temperature {stored:.3}, fitted to {} examples ({part}), is in the bundle now",
            truth.len()
        );
        Ok(())
    }
}

/// The command as it was typed, with the program's plain name.
fn command() -> String {
    let words = std::env::args()
        .skip(1)
        .map(|word| match word.contains(' ') {
            true => format!("\"{word}\""),
            false => word,
        });
    let words: Vec<String> = std::iter::once("modelwright".into()).chain(words).collect();
    words.join(" ")
}
