//! The model card and the data sheet: filled with what was measured, with marked questions where only a
//! person can answer.

mod datasheet;
mod documents;
mod front;
mod marks;
mod questions;

pub use documents::{DATA_SHEET, Documents, MODEL_CARD, Question};

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
mod tests {
    use super::*;
    use crate::bundle::{Bundle, BundleConfig, write_bundle};
    use crate::cost::{Rates, Usage};

    /// The documents of a small model.
    fn documents(task: &str) -> Documents {
        let usage = Usage {
            seconds: 2.0,
            processor_kwh: 0.001,
            ..Usage::default()
        };
        let machine = Machine {
            processor: "A \"quoted\" processor: 3".into(),
            threads: 2,
            system: "linux".into(),
            memory: None,
        };
        let cost = Cost::new(usage, Rates::default());
        let card = Card {
            title: "mail-1",
            task,
            architecture: "text-cnn",
            parameters: 1234,
            source: "/home/me/mail: all.csv",
            data: vec![("train examples".into(), "80".into())],
            scores: &[("accuracy".into(), 0.5), ("log_loss".into(), f64::NAN)],
            scored_on: "test",
            comparison: None,
            seconds: 2.0,
            cost: Some(&cost),
            machine: &machine,
            recipe: "task = \"t\"\n",
            notes: &["a note".into()],
            files: vec![MODEL],
        };
        Documents::new(card.to_markdown(), card.datasheet())
    }

    fn bundle(path: &std::path::Path, documents: Documents) -> Bundle {
        let config = BundleConfig::new("t", "mail-1", "mlp", serde_json::json!({}), &[]);
        let mut files = documents.into_files();
        files.push((MODEL, vec![1, 2, 3]));
        write_bundle(path, config, &files).unwrap();
        Bundle::open(path).unwrap()
    }

    #[test]
    fn the_front_matter_is_what_the_hub_reads() {
        let documents = documents("text-embedding");
        let card = documents.text(MODEL_CARD).unwrap();
        let front = card.strip_prefix("---\n").unwrap();
        let front = front.split_once("\n---\n").unwrap().0;
        for line in [
            "pipeline_tag: sentence-similarity",
            "library_name: modelwright",
            "- accuracy",
            "- name: \"mail-1\"",
            "      name: \"mail: all.csv\"",
            "    - type: accuracy\n      value: 0.5",
            "  emissions: 0.47305",
            "  hardware_used: \"A \\\"quoted\\\" processor: 3\"",
        ] {
            assert!(front.contains(line), "{line}:\n{front}");
        }
        assert!(
            !front.contains("log_loss") && !front.contains("license"),
            "{front}"
        );
    }

    #[test]
    fn every_section_is_there_and_what_a_person_must_say_is_open() {
        let documents = documents("text-classification");
        let card = documents.text(MODEL_CARD).unwrap();
        for section in [
            "Model details",
            "Intended use",
            "Factors",
            "Data",
            "Measured on the test part",
            "Ethical considerations",
            "Caveats and recommendations",
            "Training",
            "Cost",
            "Files",
        ] {
            assert!(
                card.contains(&format!("\n## {section}\n")),
                "{section}:\n{card}"
            );
        }
        let sheet = documents.text(DATA_SHEET).unwrap();
        assert!(sheet.contains("| train examples | 80 |") && sheet.contains("- a note"));
        let questions = documents.questions();
        assert_eq!(questions.len(), 23);
        assert!(
            questions
                .iter()
                .all(|q| q.answer.is_none() && q.question.ends_with(['?', '.']))
        );
        let of_rows = super::tests::documents("tabular-regression").questions();
        assert_eq!(of_rows.len(), 22);
    }

    #[test]
    fn answers_stay_in_the_bundle_and_its_checksums_stay_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        let mut bundle = bundle(&path, documents("text-classification"));
        let mut edited = Documents::of(&bundle).unwrap();
        edited.answer("intended-use", "Sorting mail.").unwrap();
        edited.answer("license", "MIT").unwrap();
        edited.answer("data-consent", "All agreed.").unwrap();
        edited.set_measured(PREDICTION_COST, "", "Cost of 1,000 predictions: nothing.");
        edited.set_measured("audit", "Audit", "All well.");
        edited.save(&mut bundle).unwrap();
        let again = Bundle::open(&path).unwrap();
        assert_eq!(again.config, bundle.config);
        assert_eq!(again.config.files.len(), 3);
        let read = Documents::of(&again).unwrap();
        assert_eq!(read, edited);
        let card = read.text(MODEL_CARD).unwrap();
        assert!(card.starts_with("---\nlicense: mit\n"), "{card}");
        assert!(
            card.contains("1,000 predictions: nothing") && !card.contains("--predictions` does it")
        );
        assert!(
            card.ends_with("## Audit\n\n<!-- measured: audit -->\nAll well.\n<!-- /measured -->\n")
        );
        // A card that is written anew takes the answers over.
        let mut anew = documents("text-classification");
        let taken = anew.take_answers(&read);
        assert_eq!(taken, ["license", "intended-use", "data-consent"]);
        assert!(anew.text(MODEL_CARD).unwrap().contains("license: mit"));
        assert!(anew.take_answers(&read).is_empty());
    }

    #[test]
    fn questions_that_are_not_asked_and_empty_answers_are_refused() {
        let mut documents = documents("tabular-regression");
        let before = documents.clone();
        let error = documents.answer("intended-usage", "x").unwrap_err();
        assert!(error.to_string().contains("intended-use"), "{error}");
        assert!(documents.answer("ethics", " \n").is_err());
        assert_eq!(documents, before);
        let mut old = Documents::new("# An old card\n".into(), String::new());
        assert!(old.questions().is_empty());
        let error = old.answer("ethics", "x").unwrap_err().to_string();
        assert!(error.contains("older version"), "{error}");
    }
}
