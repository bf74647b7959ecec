//! The model card, filled with what was measured.

use crate::machine::Machine;
use modelwright_evaluate::{Comparison, grouped, label};
use std::fmt::Write;

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
    /// The machine.
    pub machine: &'a Machine,
    /// The complete recipe, TOML.
    pub recipe: &'a str,
    /// What was left out or repaired in the data.
    pub notes: &'a [String],
}

impl Card<'_> {
    /// The card in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = format!(
            "---\nlibrary_name: modelwright\npipeline_tag: {}\ntags:\n- modelwright\n- {}\n---\n\n# {}\n\n",
            self.task, self.architecture, self.title
        );
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "A `{}` for {} with {} trainable parameters, trained with Modelwright {}.\n",
            self.architecture,
            self.task,
            grouped(self.parameters as i64),
            env!("CARGO_PKG_VERSION")
        );
        let _ = writeln!(out, "## Data\n\n| | |\n|---|---|");
        for (name, value) in &self.data {
            let _ = writeln!(out, "| {name} | {} |", value.replace('|', "\\|"));
        }
        let _ = writeln!(
            out,
            "\n## Measured on the {} part\n\n| metric | value |\n|---|---|",
            self.scored_on
        );
        for (name, value) in self.scores {
            let _ = writeln!(out, "| {} | {value:.4} |", label(name));
        }
        if let Some(comparison) = self.comparison {
            out += &compared(comparison);
        }
        if !self.notes.is_empty() {
            let _ = writeln!(out, "\n## Notes on the data\n");
            for note in self.notes {
                let _ = writeln!(out, "- {note}");
            }
        }
        let m = self.machine;
        let _ = writeln!(
            out,
            "\n## Training\n\n{:.1} seconds on {} ({} threads, {}).\n\n```toml\n{}```\n",
            self.seconds, m.processor, m.threads, m.system, self.recipe
        );
        out += "## Files\n\n`model.safetensors` holds the weights under PyTorch's names and in its layout; \
                `preprocessor_config.json` says what happens to an input before; `config.json` says how the \
                network is built.\n";
        out
    }
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
