//! What is wrong, or other than it was, with the data itself.

use crate::build::Options;
use crate::features::features;
use crate::near::{NearPair, near_pairs};
use crate::shown::{Shown, of_class};
use crate::subject::Subject;
use modelwright_data::{Content, DataError, Dataset, Part};
use modelwright_evaluate::{
    ColumnFinding, Copies, DriftReport, Feature, LeakTarget as Target, SuspectOrder, Suspects,
    VectorDrift, column_findings, copies,
};
use modelwright_tasks::{InputSchema, TaskError, feature_of};
use serde::Serialize;

/// The parts in the order of the indices of [`SharedExamples`].
pub const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::Test];
/// Suspect labels that are listed.
const LISTED: usize = 24;
/// Most examples whose vectors are compared.
const COMPARED: usize = 1000;
/// Near copies that are listed.
const NEAR: usize = 20;

/// What was found in the data.
#[derive(Debug, Clone, Serialize)]
pub struct DataReport {
    /// Labels that are probably wrong.
    pub suspects: Option<SuspectLabels>,
    /// Examples in several parts; only of the data of the training.
    pub shared: Option<SharedExamples>,
    /// Columns that give the answer away, are constant or merely number the rows.
    pub columns: Vec<ColumnFinding>,
    /// How the data differs from that of the training, column by column.
    pub drift: Option<DriftReport>,
    /// The same of what the model sees in it: the vectors that its answers are made of.
    pub vectors: Option<VectorDrift>,
}

/// Labels that are probably wrong, by confident learning (Northcutt et al. 2021).
#[derive(Debug, Clone, Serialize)]
pub struct SuspectLabels {
    /// Labels that were looked at.
    pub examples: usize,
    /// How many of them are probably wrong.
    pub expected: f64,
    /// The most suspect ones; `predicted` is the class that is more probable.
    pub list: Vec<Shown>,
    /// All suspects as positions in the data, the most suspect first.
    pub positions: Vec<usize>,
}

/// Examples in more than one part.
#[derive(Debug, Clone, Serialize)]
pub struct SharedExamples {
    /// Equal ones; indices are into [`PARTS`].
    pub equal: Copies,
    /// Nearly equal ones, the most alike first: texts with most pairs of words in common, pictures of the
    /// same pattern of light.
    pub near: Vec<NearPair>,
    /// How many there are of these.
    pub near_count: usize,
    /// The part of each example.
    #[serde(skip)]
    pub parts: Vec<Part>,
}

impl DataReport {
    /// `features` are those of the examples of the report.
    pub(crate) fn new(
        subject: &Subject,
        features: &[Feature],
        options: &Options,
    ) -> Result<Self, TaskError> {
        Ok(Self {
            suspects: suspects(subject, options),
            shared: options
                .parts
                .map(|parts| shared(subject, options, parts))
                .transpose()?,
            columns: columns(subject, options),
            drift: drift(subject, features, options)?,
            vectors: vectors(subject, options)?,
        })
    }
}

fn suspects(subject: &Subject, options: &Options) -> Option<SuspectLabels> {
    let classes = subject.classes()?;
    let k = classes.names.len();
    let found = Suspects::new(
        k,
        classes.probabilities,
        classes.truth,
        SuspectOrder::default(),
    );
    let shown = found.list.iter().take(LISTED).map(|suspect| Shown {
        predicted: classes.names[suspect.likely as usize].clone(),
        ..of_class(subject, classes, options.columns, suspect.example)
    });
    Some(SuspectLabels {
        examples: found.examples,
        expected: found.expected,
        list: shown.collect(),
        positions: found
            .list
            .iter()
            .map(|s| subject.answers.examples[s.example])
            .collect(),
    })
}

fn shared(
    subject: &Subject,
    options: &Options,
    parts: &[Part],
) -> Result<SharedExamples, DataError> {
    let part = |i: usize| PARTS.iter().position(|p| *p == parts[i]).unwrap_or(0);
    let content = &subject.dataset.content;
    let target: Vec<&str> = options.columns.target.into_iter().collect();
    let hashes = match content {
        Content::Images(set) => set.hashes()?,
        Content::Table(table) => table.hashes_without(&target),
    };
    let keyed: Vec<(u64, usize)> = (0..parts.len()).map(|i| (hashes[i], part(i))).collect();
    let equal = copies(&keyed);
    let parts_of: Vec<usize> = (0..parts.len()).map(part).collect();
    let mut near = near_pairs(content, options.columns.text, &parts_of)?;
    near.retain(|pair| hashes[pair.example] != hashes[pair.like]);
    let near_count = near.len();
    near.truncate(NEAR);
    Ok(SharedExamples {
        equal,
        near,
        near_count,
        parts: parts.to_vec(),
    })
}

fn columns(subject: &Subject, options: &Options) -> Vec<ColumnFinding> {
    let (Content::Table(table), None) = (&subject.dataset.content, options.columns.text) else {
        return Vec::new();
    };
    let read: Vec<String> = match subject.predictor.input() {
        InputSchema::Table { columns } => columns.into_iter().map(|c| c.name).collect(),
        InputSchema::Images { .. } => Vec::new(),
    };
    let own = table.columns.iter().filter(|c| read.contains(&c.name));
    let features: Vec<Feature> = own
        .map(|c| feature_of(c).of(&subject.answers.examples))
        .collect();
    let target = match (subject.classes(), subject.values()) {
        (Some(classes), _) => Target::Classes(classes.truth),
        (None, Some((truth, _))) => Target::Numbers(truth),
        (None, None) => return Vec::new(),
    };
    column_findings(&features, target, options.seed)
}

fn drift(
    subject: &Subject,
    now: &[Feature],
    options: &Options,
) -> Result<Option<DriftReport>, TaskError> {
    let Some(reference) = options.reference else {
        return Ok(None);
    };
    let is_same_kind = std::mem::discriminant(&reference.content)
        == std::mem::discriminant(&subject.dataset.content);
    if !is_same_kind {
        return Err(TaskError::Asked {
            message: format!(
                "{} and {} are not of one kind",
                reference.source, subject.dataset.source
            ),
            help: "compare pictures with pictures and tables with tables".into(),
        });
    }
    let before = features(&reference.content, options.columns.text)?;
    Ok(Some(DriftReport::new(&before, now)))
}

/// Compares the model's vectors of both, of as many examples of each as are compared.
fn vectors(subject: &Subject, options: &Options) -> Result<Option<VectorDrift>, TaskError> {
    let Some(reference) = options.reference else {
        return Ok(None);
    };
    let all: Vec<usize> = (0..reference.content.len()).collect();
    let of = |dataset: &Dataset, rows: &[usize]| -> Result<(Vec<f32>, usize), TaskError> {
        let step = rows.len().div_ceil(COMPARED).max(1);
        let rows: Vec<usize> = rows.iter().copied().step_by(step).collect();
        let content = dataset.content.select(&rows);
        let features = subject
            .predictor
            .features(&dataset.source, &content, 0..rows.len())?;
        Ok((features.unwrap_or_default(), rows.len()))
    };
    let (before, count) = of(reference, &all)?;
    let (now, _) = of(subject.dataset, &subject.answers.examples)?;
    let dimensions = before.len() / count.max(1);
    Ok(VectorDrift::new(&before, &now, dimensions, options.seed))
}
