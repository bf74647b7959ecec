//! The page of `evaluate --report`, and the temperature of `--calibrate`.

use super::same_source;
use crate::commands::train::stop_on_signal;
use crate::commands::{open_bundle, open_options, text};
use anyhow::Result;
use burn::tensor::Device;
use clap::ArgMatches;
use modelwright_data::{Dataset, Notify, Part, open};
use modelwright_evaluate::{Comparison, DecisionCosts, LearningCurve, fit_temperature, tempered};
use modelwright_report::{
    About, Again, Columns, Lang, Linear, NoLinear, Options, Report, SEED, Stored, Subject, build,
    learning_curve, linear_model, page, reweighed_model, write_report, write_temperature,
};
use modelwright_runs::{Bundle, Rates, RunFolder, Store, write_file};
use modelwright_tasks::{AnswerValues, Answers, Predictor, TaskError, load, store_temperature};
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
    /// The name of the part that the report is on, or `all`.
    pub part: &'a str,
    /// Told about reading.
    pub notify: Notify<'a>,
}

impl Given<'_> {
    /// Writes the report and stores the temperature, as far as they are asked for.
    pub fn work(&self, answers: Option<Answers>) -> Result<()> {
        let folder = text(self.m, "report");
        let calibrate = self.m.get_flag("calibrate");
        let Some(answers) = answers else {
            return match folder.is_some() || calibrate {
                true => Err(together()),
                false => Ok(()),
            };
        };
        if let Some(folder) = folder {
            self.write(Path::new(folder), answers.clone())?;
        }
        if calibrate {
            self.calibrate(answers)?;
        }
        Ok(())
    }

    /// Writes the report into the folder, `report.html` and `report.json`, and what belongs there into the
    /// model card.
    fn write(&self, folder: &Path, answers: Answers) -> Result<()> {
        let report = self.build(answers)?;
        let lang = text(self.m, "lang")
            .and_then(Lang::from_code)
            .unwrap_or(Lang::En);
        let json = serde_json::to_vec_pretty(&report)?;
        write_file(&folder.join("report.json"), &json).map_err(TaskError::from)?;
        let html = page(&report, lang);
        write_file(&folder.join("report.html"), html.as_bytes()).map_err(TaskError::from)?;
        write_report(self.bundle.path(), &report)?;
        eprintln!("report: {}", folder.join("report.html").display());
        Ok(())
    }

    fn about(&self) -> About {
        About {
            run: self.bundle.config.run.clone(),
            task: self.bundle.config.task.clone(),
            architecture: self.bundle.config.model_type.clone(),
            source: self.dataset.source.clone(),
            part: self.part.into(),
        }
    }

    fn build(&self, answers: Answers) -> Result<Report> {
        let subject = Subject::answered(self.predictor, self.dataset, answers);
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
        let (linear, no_linear) = self.linear(&control)?;
        let reweighed = self.reweighed(&sensitive, &control)?;
        let store = Store::open_existing(self.runs).map_err(TaskError::from)?;
        // A bundle from elsewhere has no run here.
        let run = store.and_then(|store| store.get(&self.bundle.config.run).ok());
        let training_cost = run.and_then(|run| run.cost);
        let options = Options {
            command: command(),
            about: Some(self.about()),
            columns: Columns {
                text: input.only_text().map(|column| column.name.as_str()),
                target: self.recipe.and_then(|r| r.data.target.as_deref()),
            },
            positive: text(self.m, "positive"),
            costs: self.costs(),
            sensitive: &sensitive,
            against,
            reweighed: &reweighed,
            linear: linear.as_ref(),
            no_linear,
            simple: simple.as_ref(),
            parts: self.parts,
            reference: reference.as_ref(),
            rates: Rates::load(self.runs).map_err(TaskError::from)?,
            training_cost: training_cost.as_ref(),
            learning: self.learning_curve(&control)?,
            seed: SEED,
        };
        Ok(build(&subject, &options)?)
    }

    /// A linear model of the same data, or why there is none.
    fn linear(&self, control: &Control) -> Result<(Option<Linear>, Option<NoLinear>)> {
        let Some(recipe) = self.recipe.filter(|_| self.parts.is_some()) else {
            return Ok((None, Some(NoLinear::NoTrainingData)));
        };
        if let Some(why) = NoLinear::of(recipe) {
            return Ok((None, Some(why)));
        }
        let folder = tempfile::tempdir()?;
        let again = self.again(folder.path(), control);
        Ok((Some(linear_model(recipe, self.predictor, again)?), None))
    }

    /// Models of a training reweighed by each sensitive column, if that was asked for.
    fn reweighed(
        &self,
        sensitive: &[String],
        control: &Control,
    ) -> Result<Vec<(String, Box<dyn Predictor>)>> {
        if !self.m.get_flag("reweigh-check") {
            return Ok(Vec::new());
        }
        let (recipe, _) = self.training("--reweigh-check")?;
        let folder = tempfile::tempdir()?;
        let model = |column: &String| -> Result<(String, Box<dyn Predictor>)> {
            eprintln!("training reweighed by {column}");
            let again = self.again(folder.path(), control);
            Ok((column.clone(), reweighed_model(recipe, column, again)?))
        };
        sensitive.iter().map(model).collect()
    }

    /// Recipe and parts of the data, for what trains again.
    fn training(&self, asked: &str) -> Result<(&Recipe, &[Part])> {
        self.recipe.zip(self.parts).ok_or_else(|| {
            TaskError::Asked {
                message: format!("{asked} needs the data of the training"),
                help: "evaluate the model on the data it was trained on".into(),
            }
            .into()
        })
    }

    fn learning_curve(&self, control: &Control) -> Result<Option<LearningCurve>> {
        if !self.m.get_flag("learning-curve") {
            return Ok(None);
        }
        let (recipe, parts) = self.training("--learning-curve")?;
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
    /// of the training, where there is one, so that the test part stays untouched. `answers` are those to
    /// the examples that are measured, for the card.
    fn calibrate(&self, mut answers: Answers) -> Result<()> {
        let validation: Vec<usize> = self.parts.map_or(Vec::new(), |parts| {
            (0..parts.len())
                .filter(|i| parts[*i] == Part::Validation)
                .collect()
        });
        let fitted_to = match validation.is_empty() || self.part == Part::Validation.name() {
            true => answers.clone(),
            false => Answers::new(self.predictor, self.dataset, &validation)?,
        };
        let part = match validation.is_empty() {
            true => self.part,
            false => Part::Validation.name(),
        };
        let (
            AnswerValues::Classes {
                classes,
                truth,
                probabilities,
            },
            AnswerValues::Classes {
                probabilities: measured,
                ..
            },
        ) = (&fitted_to.values, &mut answers.values)
        else {
            return Err(TaskError::Asked {
                message: "only a model that gives one of its classes has a temperature".into(),
                help: "leave --calibrate out".into(),
            }
            .into());
        };
        let temperature = fit_temperature(probabilities, classes.len(), truth);
        *measured = tempered(measured, classes.len(), temperature);
        let stored = Stored {
            temperature: store_temperature(self.bundle, temperature)?,
            examples: truth.len(),
            part,
        };
        write_temperature(self.bundle.path(), stored, &self.about(), &answers)?;
        eprintln!(
            "temperature {:.3}, fitted to {} examples ({part}), is in the bundle now",
            stored.temperature, stored.examples
        );
        Ok(())
    }
}

/// The error for a model of whose answers none is right or wrong by itself.
fn together() -> anyhow::Error {
    TaskError::Asked {
        message: "this model's answers are measured together only, and a report is on each of them"
            .into(),
        help: "leave --report and --calibrate out; the scores are what is known of it".into(),
    }
    .into()
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
