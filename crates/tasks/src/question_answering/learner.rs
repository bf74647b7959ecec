//! Windows and their targets in batches, and the loss.

use super::decode::{Scored, find};
use super::rows::{Place, Questions};
use super::windows::WindowSet;
use crate::worst::Worst;
use burn::tensor::{Bool, Device, Tensor};
use modelwright_data::{DataError, Part};
use modelwright_evaluate::span_score;
use modelwright_kernels::nn::{Labels, cross_entropy};
use modelwright_models::{ModelConfig, SpanNet, TokenBatch, Tokenizer};
use modelwright_train::{Goal, Learner, Meter, Mistake, Scores, StepLoss};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The logit of a token at which no answer can start or end.
const OUTSIDE: f32 = -1e4;

/// Windows as the training loop sees them. An example of the training part is a window, one of the
/// validation part a question with all of its windows.
pub(super) struct SpanLearner<'a> {
    pub questions: Questions<'a>,
    pub model: &'a ModelConfig,
    /// Windows that go through the network at once.
    pub batch: usize,
    /// Of the training part, with the row of each question.
    pub train: Split,
    /// Of the validation part.
    pub validation: Split,
    /// The margin from which an answer counts while training.
    pub threshold: Option<f32>,
}

/// The windows of one part.
pub(super) struct Split {
    /// The row of each question.
    pub rows: Vec<usize>,
    pub windows: WindowSet,
    lengths: Vec<u32>,
}

impl Split {
    /// Cuts the questions in `rows` into windows.
    pub fn new(
        tokenizer: &Tokenizer,
        questions: Questions,
        rows: &[usize],
        max_length: usize,
    ) -> Self {
        let windows = WindowSet::new(tokenizer, questions, rows, max_length);
        Self {
            rows: rows.to_vec(),
            lengths: windows.lengths(),
            windows,
        }
    }
}

/// Some windows with their targets.
pub(super) struct SpanBatch {
    part: Part,
    /// What goes through the network at once: all of a training batch, but of the windows of long
    /// contexts only as many as a batch has.
    pieces: Vec<Piece>,
}

struct Piece {
    windows: Vec<usize>,
    tokens: TokenBatch,
    /// `[windows, tokens]`, true where no answer can start or end.
    outside: Tensor<2, Bool>,
    starts: Labels,
    ends: Labels,
}

/// The logits of a window, on the host.
struct Logits {
    window: usize,
    start: Vec<f32>,
    end: Vec<f32>,
}

impl SpanLearner<'_> {
    fn split(&self, part: Part) -> &Split {
        match part {
            Part::Train => &self.train,
            Part::Validation | Part::Test => &self.validation,
        }
    }

    /// The bytes at which the answer to a question of a part stands.
    fn answer(&self, split: &Split, question: usize) -> Option<Range<usize>> {
        match self.questions.place(split.rows[question]) {
            Place::At(bytes) => Some(bytes),
            Place::Nowhere | Place::Lost => None,
        }
    }

    fn piece(&self, split: &Split, windows: &[usize], device: &Device) -> Piece {
        let target = |window: &usize| {
            let view = split.windows.view(*window);
            let answer = self.answer(split, view.question);
            view.target(answer.as_ref()).map(|token| token as u32)
        };
        let targets: Vec<[u32; 2]> = windows.iter().map(target).collect();
        let labels = |side: usize| {
            let tokens: Vec<u32> = targets.iter().map(|t| t[side]).collect();
            Labels::new(&tokens, &[], device)
        };
        Piece {
            windows: windows.to_vec(),
            tokens: split.windows.batch(windows, device),
            outside: split.windows.outside(windows, device),
            starts: labels(0),
            ends: labels(1),
        }
    }

    /// Scores what was found in the windows of a question, or in a single one while training: there
    /// the answers of other windows are not to be found.
    fn measure(&self, part: Part, logits: &[Logits], meter: &mut SpanMeter) {
        let split = self.split(part);
        let scored: Vec<Scored> = logits
            .iter()
            .map(|l| Scored {
                view: split.windows.view(l.window),
                start: &l.start,
                end: &l.end,
            })
            .collect();
        let Some(view) = scored.first().map(|s| s.view) else {
            return;
        };
        let row = split.rows[view.question];
        let (threshold, accepted) = match part {
            Part::Train => {
                let answer = self.answer(split, view.question);
                let here = view.target(answer.as_ref()) != [0, 0];
                let accepted = self.questions.accepted(row);
                (Some(0.0), if here { accepted } else { Vec::new() })
            }
            _ => (self.threshold, self.questions.accepted(row)),
        };
        let found = find(&scored);
        let place = found.answer(threshold);
        let sureness = found.sureness(place.is_some());
        let answer = place.map_or("", |bytes| &self.questions.context(row)[bytes]);
        meter.add(row, answer, &accepted, sureness);
    }
}

impl Learner for SpanLearner<'_> {
    type Model = SpanNet;
    type Batch = SpanBatch;
    type Meter = SpanMeter;

    fn examples(&self, part: Part) -> usize {
        match part {
            Part::Train => self.train.windows.len(),
            Part::Validation => self.validation.windows.questions(),
            // It is evaluated once, by the predictor.
            Part::Test => 0,
        }
    }

    fn lengths(&self, part: Part) -> Option<&[u32]> {
        (part == Part::Train).then_some(self.train.lengths.as_slice())
    }

    fn rate_factor(&self, parameter: &str) -> f64 {
        self.model.rate_factor(parameter)
    }

    fn collate(
        &self,
        part: Part,
        indices: &[usize],
        _: Option<usize>,
        device: &Device,
    ) -> Result<SpanBatch, DataError> {
        let split = self.split(part);
        let windows: Vec<usize> = match part {
            Part::Train => indices.to_vec(),
            _ => indices
                .iter()
                .flat_map(|q| split.windows.of_question(*q))
                .collect(),
        };
        let pieces = windows.chunks(self.batch);
        Ok(SpanBatch {
            part,
            pieces: pieces.map(|w| self.piece(split, w, device)).collect(),
        })
    }

    fn meter(&self) -> SpanMeter {
        SpanMeter::default()
    }

    fn loss(&self, model: &SpanNet, batch: SpanBatch, meter: &mut SpanMeter) -> StepLoss {
        let mut logits = Vec::new();
        let mut sum: Option<Tensor<1>> = None;
        let mut weight = 0.0;
        for piece in batch.pieces {
            let (start, end) = model.forward(&piece.tokens);
            let start = start.mask_fill(piece.outside.clone(), OUTSIDE);
            let end = end.mask_fill(piece.outside, OUTSIDE);
            logits.extend(to_host(&piece.windows, &start, &end));
            let count = piece.windows.len() as f64;
            let losses =
                cross_entropy(start, &piece.starts, 0.0) + cross_entropy(end, &piece.ends, 0.0);
            let loss = losses.mul_scalar(count / 2.0);
            sum = Some(match sum {
                Some(sum) => sum + loss,
                None => loss,
            });
            weight += count;
        }
        let question = |l: &Logits| self.split(batch.part).windows.view(l.window).question;
        let together =
            |a: &Logits, b: &Logits| batch.part != Part::Train && question(a) == question(b);
        for windows in logits.chunk_by(together) {
            self.measure(batch.part, windows, meter);
        }
        // The loop asks for no empty batch.
        let value = sum.map_or_else(
            || Tensor::zeros([1], &Device::flex()),
            |s| s.div_scalar(weight),
        );
        StepLoss { value, weight }
    }

    fn goal(&self) -> Goal {
        Goal {
            score: "f1",
            larger_is_better: true,
        }
    }

    fn mistakes(&self, meter: &SpanMeter) -> Vec<Mistake> {
        let named = |answer: &String| match answer.is_empty() {
            true => "(no answer)".to_string(),
            false => answer.clone(),
        };
        let mistake = |w: &Wrong| Mistake {
            example: w.row,
            truth: named(&w.truth),
            predicted: named(&w.predicted),
            probability: Some(w.probability),
        };
        meter.worst.items().map(mistake).collect()
    }
}

/// The rows of two tensors of logits with their windows.
fn to_host<'a>(
    windows: &'a [usize],
    start: &Tensor<2>,
    end: &Tensor<2>,
) -> impl Iterator<Item = Logits> + use<'a> {
    let values = |logits: &Tensor<2>| {
        logits
            .clone()
            .into_data()
            .iter::<f32>()
            .collect::<Vec<f32>>()
    };
    let width = start.dims()[1];
    let (start, end) = (values(start), values(end));
    windows.iter().enumerate().map(move |(i, window)| Logits {
        window: *window,
        start: start[i * width..][..width].to_vec(),
        end: end[i * width..][..width].to_vec(),
    })
}

/// Exact answers and F1 so far, and the worst of the wrong answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct SpanMeter {
    examples: usize,
    exact: usize,
    f1: f64,
    /// Of interest once the validation part was gone through, which happens in one go.
    #[serde(skip)]
    worst: Worst<Wrong>,
}

/// A wrong answer.
#[derive(Debug, Clone)]
struct Wrong {
    row: usize,
    truth: String,
    predicted: String,
    probability: f64,
}

impl SpanMeter {
    fn add(&mut self, row: usize, answer: &str, accepted: &[String], sureness: f32) {
        let score = span_score(answer, accepted);
        self.examples += 1;
        self.exact += usize::from(score.exact);
        self.f1 += score.f1;
        if !score.exact {
            let sureness = f64::from(sureness);
            self.worst.add((1.0 - score.f1) * sureness, || Wrong {
                row,
                truth: accepted.first().cloned().unwrap_or_default(),
                predicted: answer.into(),
                probability: sureness,
            });
        }
    }
}

impl Meter for SpanMeter {
    fn scores(&self) -> Scores {
        let mean = |sum: f64| sum / self.examples.max(1) as f64;
        vec![
            ("f1".into(), mean(self.f1)),
            ("exact_match".into(), mean(self.exact as f64)),
        ]
    }
}
