//! The loss of a batch, computed in stages so that little is in memory at a time.
//!
//! Scores of the whole vocabulary are made and forgotten part by part. With checkpointing (Chen et al.
//! 2016) the same is done to the blocks: only what goes into each of them is kept, and the rest is
//! computed again for its gradients. What comes out is a loss whose gradients are those that were found:
//! the products of parameters and intermediate values with their gradients, which are constants.

use super::batch::Batch;
use super::preference;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Gradients, Tensor};
use modelwright_kernels::nn::{Labels, cross_entropy};
use modelwright_kernels::noise;
use modelwright_models::DecoderNet;

/// What is made small.
#[derive(Debug, Clone, Copy)]
pub(super) enum Objective<'a> {
    /// `-ln p` of the learned tokens, their mean.
    Likelihood,
    /// DPO's; see [`preference::loss`].
    Preference {
        /// How much a difference to the reference counts.
        beta: f64,
        /// `-ln p` of each example by the reference.
        reference: &'a [f64],
    },
}

/// What a batch gave.
pub(super) struct Outcome {
    /// The loss, with the gradients of the network's parameters where those are recorded.
    pub loss: Tensor<1>,
    /// `-ln p` of the learned tokens of each part of the batch.
    pub surprise: Vec<f64>,
    /// Whether each learned token was the most probable one.
    pub right: Vec<bool>,
}

/// The loss of a batch.
pub(super) fn outcome(
    net: &DecoderNet,
    batch: &Batch,
    objective: Objective,
    checkpointing: bool,
) -> Outcome {
    let mut stages = Stages {
        net,
        found: GradientsAccumulator::new(),
    };
    if checkpointing && batch.ids.is_autodiff() {
        return stages.recomputed(batch, objective);
    }
    let rows = batch.rows(net.hidden(batch.ids.clone(), &batch.segments));
    let head = stages.head(&rows.clone().inner(), batch, objective, rows.is_tracked());
    let path = head.gradient.clone().map(|gradient| dot(rows, gradient));
    stages.finish(head, path)
}

/// `-ln p` of the learned tokens of each part of a batch, and whether each was the most probable one;
/// nothing is recorded.
pub(super) fn surprise(net: &DecoderNet, batch: &Batch) -> (Vec<f64>, Vec<bool>) {
    let rows = batch
        .rows(net.hidden(batch.ids.clone(), &batch.segments))
        .inner();
    let parts = (0..batch.parts.len()).map(|part| score(net, &rows, batch, part, None));
    let (mut surprise, mut right) = (Vec::new(), Vec::new());
    for part in parts {
        surprise.push(part.surprise);
        right.extend(part.right);
    }
    (surprise, right)
}

/// What the scores of a part of a batch amount to.
struct Scored {
    /// The sum of `-ln p` over its tokens.
    surprise: f64,
    right: Vec<bool>,
    /// Where they were asked for.
    gradients: Option<(Tensor<2>, Gradients)>,
}

/// Scores a part of the rows `[learned, hidden]`. With a weight, that of its surprise in the loss, the
/// gradients of its rows and of the head are found as well.
fn score(
    net: &DecoderNet,
    rows: &Tensor<2>,
    batch: &Batch,
    part: usize,
    weight: Option<f64>,
) -> Scored {
    let place = batch.parts[part].clone();
    let (labels, width) = (&batch.labels[place.clone()], rows.dims()[1]);
    let mut scored = Scored {
        surprise: 0.0,
        right: Vec::new(),
        gradients: None,
    };
    if labels.is_empty() {
        return scored;
    }
    let rows = rows.clone().slice([place, 0..width]);
    let rows = match weight {
        Some(_) => Tensor::from_inner(rows).require_grad(),
        None => rows,
    };
    let logits = net.logits(rows.clone());
    let best = logits.clone().inner().argmax(1).into_data();
    let best = best.iter::<i64>().zip(labels);
    scored.right = best
        .map(|(best, label)| best == i64::from(*label))
        .collect();
    let count = labels.len() as f64;
    let mean = cross_entropy(logits, &Labels::new(labels, &[], &rows.device()), 0.0);
    scored.surprise = count * f64::from(mean.clone().inner().into_scalar::<f32>());
    scored.gradients = weight.map(|weight| {
        let mut gradients = mean.mul_scalar(weight * count).backward();
        let of_rows = rows.grad_remove(&mut gradients);
        (
            of_rows.unwrap_or_else(|| rows.inner().zeros_like()),
            gradients,
        )
    });
    scored
}

/// What the scores of a batch amount to.
struct Head {
    value: f64,
    surprise: Vec<f64>,
    right: Vec<bool>,
    /// Of the rows that went in; `None` if it was not asked for.
    gradient: Option<Tensor<2>>,
}

struct Stages<'a> {
    net: &'a DecoderNet,
    /// Gradients of parameters so far.
    found: GradientsAccumulator<DecoderNet>,
}

impl Stages<'_> {
    fn add(&mut self, gradients: Gradients) {
        let gradients = GradientsParams::from_grads(gradients, self.net);
        self.found.accumulate(self.net, gradients);
    }

    /// Scores of the rows `[learned, hidden]`, and the gradients if `wanted`.
    fn head(
        &mut self,
        rows: &Tensor<2>,
        batch: &Batch,
        objective: Objective,
        wanted: bool,
    ) -> Head {
        let (mut value, weights) = match objective {
            Objective::Likelihood => {
                let weight = 1.0 / batch.labels.len().max(1) as f64;
                (0.0, vec![weight; batch.parts.len()])
            }
            Objective::Preference { beta, reference } => {
                let surprise = |part| score(self.net, rows, batch, part, None).surprise;
                let surprise: Vec<f64> = (0..batch.parts.len()).map(surprise).collect();
                preference::loss(&surprise, reference, beta)
            }
        };
        let (mut surprise, mut right, mut gradient) = (Vec::new(), Vec::new(), Vec::new());
        for (part, weight) in weights.iter().enumerate() {
            let scored = score(self.net, rows, batch, part, wanted.then_some(*weight));
            if let Objective::Likelihood = objective {
                value += weight * scored.surprise;
            }
            surprise.push(scored.surprise);
            right.extend(scored.right);
            if let Some((of_rows, gradients)) = scored.gradients {
                gradient.push(of_rows);
                self.add(gradients);
            }
        }
        Head {
            value,
            surprise,
            right,
            gradient: (!gradient.is_empty()).then(|| Tensor::cat(gradient, 0)),
        }
    }

    /// The outcome of a batch of which only what goes into each block is kept.
    fn recomputed(mut self, batch: &Batch, objective: Objective) -> Outcome {
        let (net, segments) = (self.net, &batch.segments);
        let words = net.embed(batch.ids.clone(), segments);
        let mut x = words.clone().inner();
        let mut kept = Vec::new();
        for block in net.blocks() {
            // The same noise when the block is computed again.
            let seed = noise::next();
            noise::seed(seed);
            let y = block
                .forward(Tensor::from_inner(x.clone()), segments)
                .inner();
            kept.push((std::mem::replace(&mut x, y), seed));
        }
        let last = Tensor::from_inner(x).require_grad();
        let rows = batch.rows(net.finish(last.clone()));
        let head = self.head(&rows.clone().inner(), batch, objective, true);
        let Some(gradient) = head.gradient.clone() else {
            return self.finish(head, None);
        };
        let mut gradient = self.back(rows, gradient, &last);
        for (block, (x, seed)) in net.blocks().iter().zip(kept).rev() {
            noise::seed(seed);
            let x = Tensor::from_inner(x).require_grad();
            gradient = self.back(block.forward(x.clone(), segments), gradient, &x);
        }
        let path = words.is_tracked().then(|| dot(words, gradient));
        self.finish(head, path)
    }

    /// The gradient of `input`, from which `output` was computed, given that of `output`; those of
    /// parameters on the way are kept.
    fn back<const D: usize>(
        &mut self,
        output: Tensor<D>,
        gradient: Tensor<D>,
        input: &Tensor<3>,
    ) -> Tensor<3> {
        let mut gradients = dot(output, gradient).backward();
        let found = input.grad_remove(&mut gradients);
        self.add(gradients);
        found.unwrap_or_else(|| input.clone().inner().zeros_like())
    }

    /// The loss, whose gradients are those of `path` and those that were found.
    fn finish(mut self, head: Head, path: Option<Tensor<1>>) -> Outcome {
        let mut sum = Products {
            gradients: self.found.grads(),
            total: path,
        };
        self.net.visit(&mut sum);
        let loss = match sum.total {
            Some(total) => {
                let now = f64::from(total.clone().inner().into_scalar::<f32>());
                total.add_scalar(head.value - now)
            }
            None => Tensor::from_floats([head.value as f32], &self.net.devices()[0]),
        };
        Outcome {
            loss,
            surprise: head.surprise,
            right: head.right,
        }
    }
}

/// `Σ x g` with a constant `g`, whose gradient for `x` is `g`.
fn dot<const D: usize>(x: Tensor<D>, constant: Tensor<D>) -> Tensor<1> {
    (x * Tensor::from_inner(constant)).sum()
}

/// Adds up the products of all parameters with their gradients.
struct Products {
    gradients: GradientsParams,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for Products {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else {
            return;
        };
        let product = dot(param.val(), gradient);
        self.total = Some(match self.total.take() {
            Some(total) => total + product,
            None => product,
        });
    }
}
