//! Which token comes next.

use crate::reply::{Alternative, TokenLogprob};
use crate::request::Sampling;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cmp::Ordering;

/// How many of the most probable tokens are looked at first when the fewest are searched that have a
/// certain probability together.
const FIRST: usize = 256;

/// Chooses the tokens of one answer.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    seed: u64,
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    pub fn new(sampling: Sampling, seed: u64) -> Self {
        Self {
            sampling,
            seed,
            candidates: Vec::new(),
        }
    }

    /// The token after `history`; `allowed` says which may be chosen. `None`: none may, or the model's
    /// numbers are no numbers. Logits are changed by the repetition penalty.
    ///
    /// A draw depends on the seed and on `history.len()` alone.
    pub fn choose(
        &mut self,
        logits: &mut [f32],
        history: &[u32],
        allowed: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        self.penalize(logits, history);
        let sampling = self.sampling;
        let possible = logits.iter().zip(0u32..);
        let possible = possible
            .map(|(logit, id)| (*logit, id))
            .filter(|(logit, id)| *logit > f32::NEG_INFINITY && allowed(*id));
        if sampling.temperature == 0.0 || sampling.top_k == 1 {
            return possible
                .reduce(|a, b| if b.0 > a.0 { b } else { a })
                .map(|b| b.1);
        }
        self.candidates.clear();
        self.candidates.extend(possible);
        let probabilities = self.weigh()?;
        let mut left = probabilities * uniform(self.seed, history.len() as u64);
        for (weight, id) in &self.candidates {
            left -= f64::from(*weight);
            if left < 0.0 {
                return Some(*id);
            }
        }
        self.candidates.last().map(|c| c.1)
    }

    /// Keskar et al. 2019.
    fn penalize(&self, logits: &mut [f32], history: &[u32]) {
        let penalty = self.sampling.repetition_penalty;
        if penalty == 1.0 {
            return;
        }
        let mut there = history.to_vec();
        there.sort_unstable();
        there.dedup();
        for id in there {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = if *logit > 0.0 {
                    *logit / penalty
                } else {
                    *logit * penalty
                };
            }
        }
    }

    /// Turns the logits of the candidates into weights (probabilities up to a factor) and leaves only
    /// those that may be drawn. Returns the sum of the weights.
    fn weigh(&mut self) -> Option<f64> {
        let sampling = self.sampling;
        let candidates = &mut self.candidates;
        if sampling.top_k > 0 {
            keep_best(candidates, sampling.top_k);
        }
        let most = candidates.iter().map(|c| c.0).reduce(f32::max)?;
        for (value, _) in candidates.iter_mut() {
            *value = ((*value - most) / sampling.temperature).exp();
        }
        let sum = |c: &[(f32, u32)]| c.iter().map(|c| f64::from(c.0)).sum::<f64>();
        if sampling.top_p < 1.0 {
            let wanted = sum(candidates) * f64::from(sampling.top_p);
            nucleus(candidates, wanted);
        }
        if sampling.min_p > 0.0 {
            candidates.retain(|c| c.0 >= sampling.min_p);
        }
        let sum = sum(candidates);
        (sum.is_finite() && sum > 0.0).then_some(sum)
    }
}

/// Best first; among equals the smaller number.
fn better(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// Leaves the `count` best, in the order of their numbers.
fn keep_best(candidates: &mut Vec<(f32, u32)>, count: usize) {
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count, better);
        candidates.truncate(count);
        candidates.sort_unstable_by_key(|c| c.1);
    }
}

/// Leaves the fewest that weigh `wanted` together (Holtzman et al. 2020), best first.
fn nucleus(candidates: &mut Vec<(f32, u32)>, wanted: f64) {
    let mut looked = FIRST;
    loop {
        let count = looked.min(candidates.len());
        let all = count == candidates.len();
        if !all {
            candidates.select_nth_unstable_by(count, better);
        }
        let best = &mut candidates[..count];
        best.sort_unstable_by(better);
        let mut sum = 0.0;
        let enough = best.iter().position(|c| {
            sum += f64::from(c.0);
            sum >= wanted
        });
        if let Some(last) = enough {
            candidates.truncate(last + 1);
            return;
        }
        if all {
            return;
        }
        looked *= 8;
    }
}

/// A number in [0, 1) that depends on the seed and the place alone.
fn uniform(seed: u64, place: u64) -> f64 {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(place);
    generator.random()
}

/// The log-probability of a token and of the `count` most probable ones, from the model's own logits.
pub(crate) fn logprobs(
    logits: &[f32],
    id: u32,
    count: usize,
    bytes: impl Fn(u32) -> Vec<u8>,
) -> TokenLogprob {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from((*l - most).exp())).sum();
    let logprob = |logit: f32| logit - most - sum.ln() as f32;
    let mut best: Vec<(f32, u32)> = logits.iter().copied().zip(0..).collect();
    let count = count.min(best.len());
    if count > 0 && count < best.len() {
        best.select_nth_unstable_by(count, better);
    }
    best.truncate(count);
    best.sort_unstable_by(better);
    TokenLogprob {
        id,
        bytes: bytes(id),
        logprob: logits
            .get(id as usize)
            .map_or(f32::NEG_INFINITY, |l| logprob(*l)),
        top: best
            .into_iter()
            .map(|(logit, id)| Alternative {
                id,
                bytes: bytes(id),
                logprob: logprob(logit),
            })
            .collect(),
    }
}

/// A seed for a request that names none.
pub(crate) fn any_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sampling: Sampling, logits: &[f32], draws: usize) -> Vec<usize> {
        let mut counts = vec![0; logits.len()];
        for draw in 0..draws {
            let mut sampler = Sampler::new(sampling, draw as u64);
            let chosen = sampler.choose(&mut logits.to_vec(), &[1], |_| true);
            counts[chosen.unwrap() as usize] += 1;
        }
        counts
    }

    fn plain() -> Sampling {
        Sampling {
            temperature: 1.0,
            top_p: 1.0,
            ..Sampling::default()
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        for (count, p) in drawn(plain(), &logits, 4000).iter().zip([0.5, 0.3, 0.2]) {
            assert!((*count as f64 / 4000.0 - p).abs() < 0.03, "{count} {p}");
        }
    }

    #[test]
    fn cuts_leave_the_most_probable() {
        let logits = [1.0, 3.0, 2.0, 0.0];
        let top_k = Sampling {
            top_k: 2,
            ..plain()
        };
        let top_p = Sampling {
            top_p: 0.7,
            ..plain()
        };
        let min_p = Sampling {
            min_p: 0.3,
            ..plain()
        };
        for sampling in [top_k, top_p, min_p] {
            let counts = drawn(sampling, &logits, 500);
            assert_eq!((counts[0], counts[3]), (0, 0), "{sampling:?}");
            assert!(counts[1] > counts[2] && counts[2] > 0, "{sampling:?}");
        }
    }

    #[test]
    fn a_nucleus_of_a_flat_distribution_is_large() {
        let logits = vec![0.0; 5000];
        let mut sampler = Sampler::new(
            Sampling {
                top_p: 0.9,
                ..plain()
            },
            1,
        );
        sampler.choose(&mut logits.clone(), &[], |_| true);
        assert!(sampler.candidates.len().abs_diff(4500) <= 1);
    }

    #[test]
    fn the_same_seed_and_place_draw_the_same() {
        let logits: Vec<f32> = (0..100).map(|i| (i as f32 * 0.7).sin()).collect();
        let draw = |seed, place: usize| {
            Sampler::new(plain(), seed).choose(&mut logits.clone(), &vec![0; place], |_| true)
        };
        assert_eq!(draw(5, 3), draw(5, 3));
        let other: std::collections::HashSet<_> = (0..20).map(|place| draw(5, place)).collect();
        assert!(other.len() > 5);
    }

    #[test]
    fn greedy_takes_the_first_best_that_is_allowed() {
        let mut sampler = Sampler::new(Sampling::greedy(), 0);
        let mut logits = [1.0, 2.0, 2.0, f32::NAN];
        assert_eq!(sampler.choose(&mut logits, &[], |_| true), Some(1));
        assert_eq!(sampler.choose(&mut logits, &[], |id| id != 1), Some(2));
        assert_eq!(sampler.choose(&mut logits, &[], |_| false), None);
        assert_eq!(sampler.choose(&mut [f32::NAN; 3], &[], |_| true), None);
    }

    #[test]
    fn what_was_said_gets_less_probable() {
        let mut sampler = Sampler::new(
            Sampling {
                repetition_penalty: 2.0,
                ..Sampling::greedy()
            },
            0,
        );
        let mut logits = [3.0, 2.0, -1.0];
        assert_eq!(sampler.choose(&mut logits, &[0, 0, 2], |_| true), Some(1));
        assert_eq!(logits, [1.5, 2.0, -2.0]);
    }

    #[test]
    fn logprobs_are_of_the_whole_distribution() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        let told = logprobs(&logits, 2, 2, |id| vec![id as u8]);
        assert!((told.logprob - 0.2f32.ln()).abs() < 1e-6);
        assert_eq!(told.top.iter().map(|t| t.id).collect::<Vec<_>>(), [0, 1]);
        assert!((told.top[0].logprob - 0.5f32.ln()).abs() < 1e-6);
    }
}
