//! The model card and the data sheet: filled with what was measured, with marked questions where only a
//! person can answer.

mod datasheet;
mod documents;
mod front;
mod marks;
mod questions;

pub use documents::{DATA_SHEET, Documents, MODEL_CARD, Question, today};

use crate::bundle::{LABELS, MODEL, PREPROCESSOR};
use crate::cost::Cost;
use crate::machine::Machine;
use marks::{Mark, place};
use modelwright_evaluate::{Comparison, grouped, label, number};
use questions::ask;
use std::fmt::Write;

/// The place in a card for the cost of predictions, which are timed after the training.
pub const PREDICTION_COST: &str = "prediction-cost";

/// A list of facts for a table.
pub type Facts = Vec<(String, String)>;

/// What a model card is made of (Mitchell et al. 2019; front matter as Hugging Face reads it).
pub struct Card<'a> {
    /// Title.
    pub title: &'a str,
    /// Task.
    pub task: &'a str,
    /// Architecture.
    pub architecture: &'a str,
    /// Trainable parameters.
    pub parameters: usize,
    /// The data's name or path.
    pub source: &'a str,
    /// Where the data came from, its size and split.
    pub data: Facts,
    /// Scores on the part `scored_on`.
    pub scores: &'a [(String, f64)],
    /// Which part the scores are on.
    pub scored_on: &'a str,
    /// The model beside simple ones.
    pub comparison: Option<&'a Comparison>,
    /// Seconds of training.
    pub seconds: f64,
    /// What the training cost, as far as it was measured.
    pub cost: Option<&'a Cost>,
    /// The machine.
    pub machine: &'a Machine,
    /// The complete recipe, TOML.
    pub recipe: &'a str,
    /// What was left out or repaired in the data.
    pub notes: &'a [String],
    /// Names of the bundle's files.
    pub files: Vec<&'static str>,
}

/// What the files of a bundle hold.
const FILES: [(&str, &str); 10] = [
    (MODEL, "the weights under PyTorch's names and in its layout"),
    (PREPROCESSOR, "what happens to an input before"),
    (
        LABELS,
        "the names of the classes, in the order of the outputs",
    ),
    (
        "tokenizer.json",
        "how a text becomes tokens, as Hugging Face's `tokenizers` reads it",
    ),
    (
        "adapter_config.json",
        "which layers the adapter changes, as PEFT reads it",
    ),
    (
        "adapter_model.safetensors",
        "the weights of the adapter alone, as PEFT reads them",
    ),
    (
        "modules.json",
        "how sentence-transformers puts the parts together",
    ),
    (
        "sentence_bert_config.json",
        "the longest text that sentence-transformers reads",
    ),
    ("entries.json", "the questions and answers"),
    ("vectors.safetensors", "a vector for each question"),
];

impl Card<'_> {
    /// The card in Markdown, by the sections of Mitchell et al. 2019, with the front matter that Hugging
    /// Face's hub reads.
    pub fn to_markdown(&self) -> String {
        [
            self.front_matter(),
            self.details(),
            self.use_and_factors(),
            self.data_and_scores(),
            self.considerations(),
            self.training(),
            self.file_list(),
        ]
        .concat()
    }

    fn details(&self) -> String {
        let mut out = format!(
            "\n# {}\n\nA `{}` for {} with {} trainable parameters, trained with Modelwright {}. The program filled in \
             what it measured; what only a person can say is asked by `modelwright card edit`.\n\n## Model \
             details\n\n{}\n{}\n{}",
            self.title,
            self.architecture,
            self.task,
            grouped(self.parameters as i64),
            env!("CARGO_PKG_VERSION"),
            ask("developers"),
            ask("contact"),
            ask("license")
        );
        if self.task.starts_with("text") || self.task == "question-answering" {
            out += "\n";
            out += &ask("language");
        }
        out
    }

    fn use_and_factors(&self) -> String {
        format!(
            "\n## Intended use\n\n{}\n{}\n{}\n## Factors\n\n{}",
            ask("intended-use"),
            ask("intended-users"),
            ask("out-of-scope"),
            ask("factors")
        )
    }

    /// Data of training and evaluation, measures and results.
    fn data_and_scores(&self) -> String {
        let mut out = String::from("\n## Data\n\n");
        out += &fact_table(&self.data);
        let _ = write!(
            out,
            "\nMore on the data: [{DATA_SHEET}]({DATA_SHEET}).\n\n## Measured on the {} part\n\n| metric | value \
             |\n|---|---|\n",
            self.scored_on
        );
        for (name, value) in self.scores {
            let _ = writeln!(out, "| {} | {value:.4} |", label(name));
        }
        let _ = write!(out, "\n{}", ask("measures"));
        if let Some(comparison) = self.comparison {
            out += &compared(comparison);
        }
        if !self.notes.is_empty() {
            out += "\n## Notes on the data\n\n";
            for note in self.notes {
                let _ = writeln!(out, "- {note}");
            }
        }
        out
    }

    fn considerations(&self) -> String {
        format!(
            "\n## Ethical considerations\n\n{}\n{}\n## Caveats and recommendations\n\n{}",
            ask("ethics"),
            ask("oversight"),
            ask("caveats")
        )
    }

    fn training(&self) -> String {
        let m = self.machine;
        let mut out = format!(
            "\n## Training\n\n{:.1} seconds on {} ({} threads, {}).\n\n```toml\n{}```\n\n## Cost\n\n",
            self.seconds, m.processor, m.threads, m.system, self.recipe
        );
        if let Some(cost) = self.cost {
            out += &cost_lines("the training", cost);
            out += "\n";
        }
        let text = "What predictions cost was not measured yet; `modelwright cost RUN --predictions` does it.";
        out + &place(Mark::Measured, PREDICTION_COST, text)
    }

    fn file_list(&self) -> String {
        let mut out = String::from("\n## Files\n\n| file | holds |\n|---|---|\n");
        for (name, holds) in FILES.iter().filter(|(name, _)| self.files.contains(name)) {
            let _ = writeln!(out, "| `{name}` | {holds} |");
        }
        let _ = writeln!(
            out,
            "| `{DATA_SHEET}` | what is known of the data, and what is not |"
        );
        out += "| `config.json` | how the network is built, and checksums of the other files |\n\
                | `recipe.toml` | all settings of the training; `modelwright train --recipe` repeats it |\n";
        out
    }

    /// What the data is called: its source without the folders it lies in.
    fn data_name(&self) -> &str {
        let name = std::path::Path::new(self.source).file_name();
        name.and_then(|name| name.to_str()).unwrap_or(self.source)
    }
}

/// What something cost, in Markdown.
pub fn cost_lines(what: &str, cost: &Cost) -> String {
    let memory = cost
        .usage
        .peak_memory
        .map(|bytes| format!(", {} MB of memory at most", bytes >> 20));
    format!(
        "Cost of {what}: {}; {} s on the clock, {} s of processor time{}.\n({}.)\n",
        cost.words(),
        number(cost.usage.seconds),
        number(cost.usage.processor_seconds),
        memory.unwrap_or_default(),
        cost.basis()
    )
}

/// A table without a heading.
fn fact_table(facts: &Facts) -> String {
    let mut out = String::from("| | |\n|---|---|\n");
    for (name, value) in facts {
        let _ = writeln!(out, "| {name} | {} |", value.replace('|', "\\|"));
    }
    out
}

/// A line for each simple model, and what follows.
fn compared(comparison: &Comparison) -> String {
    let mut out = format!(
        "\n## Beside simple models\n\n| model | {} | seconds |\n|---|---|---|\n",
        label(&comparison.score_name)
    );
    let this = ("this model", comparison.score, comparison.seconds);
    let others = comparison.baselines.iter();
    let others = others.map(|b| (b.name.as_str(), b.score, b.seconds));
    for (name, score, seconds) in std::iter::once(this).chain(others) {
        let _ = writeln!(out, "| {name} | {score:.4} | {seconds:.1} |");
    }
    let _ = writeln!(out, "\n{}", comparison.words());
    out
}

#[cfg(test)]
mod tests;
