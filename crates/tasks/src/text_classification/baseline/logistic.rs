//! Logistic regression with an L2 penalty, by stochastic average gradients (SAGA, Defazio et al. 2014).
//!
//! Texts have few of all n-grams, so a step touches few weights. What steps in between would have done
//! to the others, the penalty and the mean gradient, is made up for when they are touched again: it has
//! a closed form.

use super::linear::{Linear, Targets};
use crate::ngrams::Rows;
use modelwright_data::rng::{Purpose, stream};
use rand::seq::SliceRandom;

/// The loss of all texts counts this many times the penalty; rows are of length 1.
const STRENGTH: f64 = 5.0;
/// Most passes over the texts.
const EPOCHS: usize = 30;
/// Passes are fewer where they would take longer than seconds: most products of a weight and a value.
const PRODUCTS: usize = 1_500_000_000;
/// No more passes are made once the residuals move less than this (mean square).
const STILL: f64 = 1e-4;

/// The model that fits the targets best under the penalty.
pub(super) fn fit(rows: &Rows, targets: &Targets, bits: u32, seed: u64) -> Linear {
    let mut solver = Solver::new(rows, targets, bits);
    let pass = rows.entries().max(1) * solver.questions;
    let epochs = (PRODUCTS / pass).clamp(3, EPOCHS);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for epoch in 0..epochs {
        order.shuffle(&mut stream(seed, Purpose::Shuffle, (epoch as u64, 1)));
        let moved: f64 = order.iter().map(|text| solver.step(*text)).sum();
        if moved < STILL * rows.len() as f64 {
            break;
        }
    }
    solver.finish()
}

struct Solver<'a> {
    rows: &'a Rows,
    targets: &'a Targets<'a>,
    /// Scores of a text: one a class, but of two classes that exclude each other one is enough.
    questions: usize,
    /// Whether each score is a question by itself, and not a choice among all.
    apart: bool,
    model: Linear,
    /// The mean gradient over all texts, as last seen of each.
    mean: Linear,
    /// Predicted minus true, as last seen of each text.
    residuals: Vec<f32>,
    /// Number of steps that each bucket has had.
    done: Vec<u32>,
    step: u32,
    rate: f64,
    penalty: f64,
    /// What so many steps do to a weight that they do not touch.
    powers: Vec<(f32, f32)>,
}

impl<'a> Solver<'a> {
    fn new(rows: &'a Rows, targets: &'a Targets, bits: u32) -> Self {
        let two = targets.classes == 2 && !targets.several;
        let (questions, apart) = (
            if two { 1 } else { targets.classes },
            two || targets.several,
        );
        let penalty = 1.0 / (STRENGTH * rows.len().max(1) as f64);
        // The largest curvature of the loss is a quarter for one question, a half for a choice among
        // several; a row and the 1 of the bias have a squared length of 2.
        let curvature = 2.0 * if apart { 0.25 } else { 0.5 };
        let rate = 1.0 / (3.0 * (curvature + penalty));
        Self {
            rows,
            targets,
            questions,
            apart,
            model: Linear::new(questions, bits),
            mean: Linear::new(questions, bits),
            residuals: vec![0.0; rows.len() * questions],
            done: vec![0; 1 << bits],
            step: 0,
            rate,
            penalty,
            powers: (0..rows.len() as u32)
                .map(|steps| power(steps, rate, penalty))
                .collect(),
        }
    }

    /// The score that a class belongs to.
    fn question(&self, class: u32) -> Option<usize> {
        match self.questions < self.targets.classes {
            true => (class == 1).then_some(0),
            false => Some(class as usize),
        }
    }

    /// One step on one text; returns how far its residuals moved, squared.
    fn step(&mut self, text: usize) -> f64 {
        let questions = self.questions;
        let row = self.rows.row(text);
        for (bucket, _) in row {
            self.catch_up(*bucket);
        }
        let mut residual = self.model.scores(row);
        match self.apart {
            true => residual
                .iter_mut()
                .for_each(|z| *z = 1.0 / (1.0 + (-*z).exp())),
            false => softmax(&mut residual),
        }
        let true_ones = self.targets.of[text]
            .iter()
            .filter_map(|class| self.question(*class));
        true_ones.for_each(|question| residual[question] -= 1.0);
        let known = &mut self.residuals[text * questions..][..questions];
        let moved: Vec<f32> = residual
            .iter()
            .zip(known.iter())
            .map(|(new, old)| new - old)
            .collect();
        known.copy_from_slice(&residual);

        let (rate, share) = (self.rate as f32, 1.0 / self.rows.len() as f32);
        let keep = (1.0 - self.rate * self.penalty) as f32;
        self.step += 1;
        for (bucket, value) in row {
            self.done[*bucket as usize] = self.step;
            let at = *bucket as usize * questions..(*bucket as usize + 1) * questions;
            let weights = self.model.weights[at.clone()].iter_mut();
            for ((weight, mean), moved) in weights.zip(&mut self.mean.weights[at]).zip(&moved) {
                *weight = keep * *weight - rate * (moved * value + *mean);
                *mean += moved * value * share;
            }
        }
        let bias = self.model.bias.iter_mut().zip(&mut self.mean.bias);
        for ((bias, mean), moved) in bias.zip(&moved) {
            *bias -= rate * (moved + *mean);
            *mean += moved * share;
        }
        moved.iter().map(|m| f64::from(m * m)).sum()
    }

    /// What the steps since the last on a bucket did to its weights: `w = k w - r g` each time, with the
    /// same g.
    fn catch_up(&mut self, bucket: u32) {
        let missed = self.step - std::mem::replace(&mut self.done[bucket as usize], self.step);
        if missed == 0 {
            return;
        }
        let known = self.powers.get(missed as usize).copied();
        let (keep, along) = known.unwrap_or_else(|| power(missed, self.rate, self.penalty));
        let at = bucket as usize * self.questions..(bucket as usize + 1) * self.questions;
        let means = &self.mean.weights[at.clone()];
        for (weight, mean) in self.model.weights[at].iter_mut().zip(means) {
            *weight = keep * *weight - along * mean;
        }
    }

    fn finish(mut self) -> Linear {
        for bucket in 0..self.done.len() as u32 {
            self.catch_up(bucket);
        }
        if self.questions == self.targets.classes {
            return self.model;
        }
        // The score of the first class is 0: what speaks for the second speaks against it.
        let with_zero = |values: Vec<f32>| values.into_iter().flat_map(|v| [0.0, v]).collect();
        Linear {
            bias: with_zero(self.model.bias),
            weights: with_zero(self.model.weights),
        }
    }
}

/// `k^n` and `r (1 + k + … + k^(n-1))` for n steps, where k is what the penalty leaves of a weight.
fn power(steps: u32, rate: f64, penalty: f64) -> (f32, f32) {
    let log = f64::from(steps) * (-rate * penalty).ln_1p();
    (log.exp() as f32, (-log.exp_m1() / penalty) as f32)
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: u32 = 12;

    /// The gradient of mean loss plus penalty, computed the long way.
    fn gradient(model: &Linear, rows: &Rows, targets: &Targets) -> f64 {
        let classes = targets.classes;
        let penalty = 1.0 / (STRENGTH * rows.len() as f64);
        let weights = model.weights.iter();
        let mut gradient: Vec<f64> = weights.map(|w| penalty * f64::from(*w)).collect();
        let mut bias = vec![0.0; classes];
        for i in 0..rows.len() {
            let mut p = model.scores(rows.row(i));
            match targets.several {
                true => p.iter_mut().for_each(|z| *z = 1.0 / (1.0 + (-*z).exp())),
                false => softmax(&mut p),
            }
            for (class, p) in p.iter().enumerate() {
                let truth = targets.of[i].contains(&(class as u32));
                let error = (f64::from(*p) - f64::from(u8::from(truth))) / rows.len() as f64;
                bias[class] += error;
                for (bucket, value) in rows.row(i) {
                    gradient[*bucket as usize * classes + class] += error * f64::from(*value);
                }
            }
        }
        gradient
            .iter()
            .chain(&bias)
            .map(|g| g * g)
            .sum::<f64>()
            .sqrt()
    }

    fn texts() -> Vec<String> {
        let words = ["red", "blue", "fast", "slow", "old", "new", "dry"];
        let text = |i: usize| {
            let word = |j: usize| words[(i * (j + 3) + i / 7 + j) % words.len()];
            (0..3 + i % 4).map(word).collect::<Vec<_>>().join(" ")
        };
        (0..120).map(text).collect()
    }

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        let texts = texts();
        let counts = Rows::counts(&texts, false, BITS);
        let rows = counts.weighted(&vec![1.0; 1 << BITS]);
        let one: Vec<Vec<u32>> = (0..120).map(|i| vec![i * i % 3]).collect();
        let many: Vec<Vec<u32>> = (0..120)
            .map(|i| (0..3).filter(|c| (i + c) % (c + 2) == 0).collect())
            .collect();
        for (of, several) in [(one, false), (many, true)] {
            let targets = Targets {
                of: of.iter().map(Vec::as_slice).collect(),
                classes: 3,
                several,
            };
            let start = gradient(&Linear::new(3, BITS), &rows, &targets);
            let model = fit(&rows, &targets, BITS, 5);
            let end = gradient(&model, &rows, &targets);
            assert!(end < 0.05 * start, "several: {several}: {start} {end}");
            assert_eq!(model, fit(&rows, &targets, BITS, 5));
        }
    }

    #[test]
    fn of_two_classes_one_score_is_enough() {
        let rows = Rows::counts(&texts(), false, BITS).weighted(&vec![1.0; 1 << BITS]);
        let of: Vec<Vec<u32>> = (0..120).map(|i| vec![u32::from(i % 7 < 3)]).collect();
        let of: Vec<&[u32]> = of.iter().map(Vec::as_slice).collect();
        let second: Vec<&[u32]> = of
            .iter()
            .map(|c| if c[0] == 1 { &[0][..] } else { &[] })
            .collect();
        let fitted = |of, classes, several| {
            let targets = Targets {
                of,
                classes,
                several,
            };
            fit(&rows, &targets, BITS, 5)
        };
        // The same question, asked as a choice of two and by itself.
        let (two, one) = (fitted(of, 2, false), fitted(second, 1, true));
        for i in 0..rows.len() {
            let (two, one) = (two.scores(rows.row(i)), one.scores(rows.row(i)));
            assert_eq!(two, [0.0, one[0]]);
        }
    }

    #[test]
    fn what_was_missed_is_made_up_for() {
        let rows = Rows::counts(&["a"], false, BITS).weighted(&vec![1.0; 1 << BITS]);
        let of: Vec<&[u32]> = vec![&[0]];
        let targets = Targets {
            of,
            classes: 3,
            several: false,
        };
        let mut solver = Solver::new(&rows, &targets, BITS);
        solver.model.weights[9] = 0.7;
        solver.mean.weights[9] = 0.03;
        let (keep, rate) = (1.0 - solver.rate * solver.penalty, solver.rate);
        let expected = (0..25).fold(0.7, |w, _| keep * w - rate * 0.03);
        solver.step = 25;
        solver.catch_up(3);
        assert!((f64::from(solver.model.weights[9]) - expected).abs() < 1e-5);
    }
}
