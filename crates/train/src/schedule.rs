//! Learning-rate schedules as functions of the step, so that nothing has to be saved.

use crate::error::TrainError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// How the learning rate changes. Formulas are those of `torch.optim.lr_scheduler`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum ScheduleConfig {
    /// The same rate throughout.
    Constant(Constant),
    /// The rate is multiplied by `gamma` after every `every` epochs.
    Step(Step),
    /// The rate is multiplied by `gamma` after every epoch.
    Exponential(Exponential),
    /// The rate follows half a cosine down to `floor` (Loshchilov & Hutter 2017).
    Cosine(Cosine),
    /// Up along a cosine to the learning rate, then down to almost nothing (Smith 2018).
    OneCycle(OneCycle),
}

/// Settings of `constant`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {
    /// Epochs of linear warm-up from a tenth of the rate.
    pub warmup: f64,
}

/// Settings of `step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Epochs of linear warm-up from a tenth of the rate.
    pub warmup: f64,
    /// Epochs between two drops.
    pub every: f64,
    /// Factor of each drop.
    pub gamma: f64,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            warmup: 0.0,
            every: 10.0,
            gamma: 0.1,
        }
    }
}

/// Settings of `exponential`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Exponential {
    /// Epochs of linear warm-up from a tenth of the rate.
    pub warmup: f64,
    /// Factor of each epoch.
    pub gamma: f64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self {
            warmup: 0.0,
            gamma: 0.95,
        }
    }
}

/// Settings of `cosine`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// Epochs of linear warm-up from a tenth of the rate.
    pub warmup: f64,
    /// Share of the learning rate that is left at the end.
    pub floor: f64,
}

/// Settings of `one-cycle`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the run in which the rate rises.
    pub rise: f64,
    /// The learning rate divided by the rate at the start.
    pub start_divisor: f64,
    /// The rate at the start divided by the rate at the end.
    pub end_divisor: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            rise: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
        }
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self::Constant(Constant::default())
    }
}

impl ScheduleConfig {
    /// An error that names the first setting out of range.
    pub fn check(&self) -> Result<(), TrainError> {
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let (fine, problem) = match self {
            Self::Step(s) => (
                positive(s.every) && positive(s.gamma),
                "every and gamma must be numbers above 0",
            ),
            Self::Exponential(s) => (positive(s.gamma), "gamma must be a number above 0"),
            Self::OneCycle(s) => (
                s.rise > 0.0
                    && s.rise < 1.0
                    && positive(s.start_divisor)
                    && positive(s.end_divisor),
                "rise must be between 0 and 1, the divisors above 0",
            ),
            Self::Cosine(s) => (
                (0.0..=1.0).contains(&s.floor),
                "floor must be a share from 0 to 1",
            ),
            Self::Constant(_) => (true, ""),
        };
        match fine && self.warmup() >= 0.0 && self.warmup().is_finite() {
            true => Ok(()),
            false => Err(TrainError::Setting {
                key: "schedule".into(),
                problem: if fine {
                    "warmup must be a number of at least 0"
                } else {
                    problem
                }
                .into(),
            }),
        }
    }

    fn warmup(&self) -> f64 {
        match self {
            Self::Constant(s) => s.warmup,
            Self::Step(s) => s.warmup,
            Self::Exponential(s) => s.warmup,
            Self::Cosine(s) => s.warmup,
            Self::OneCycle(_) => 0.0,
        }
    }

    /// The rate of `step` (from 0) of `total`, for a base rate and a number of steps an epoch.
    pub fn rate(&self, base: f64, step: usize, total: usize, steps_per_epoch: usize) -> f64 {
        let per_epoch = steps_per_epoch.max(1) as f64;
        let warmup = (self.warmup() * per_epoch).round();
        let step = step as f64;
        if step < warmup {
            return base * (0.1 + 0.9 * step / warmup);
        }
        let since = step - warmup;
        let epoch = since / per_epoch;
        match self {
            Self::Constant(_) => base,
            Self::Step(s) => base * s.gamma.powf((epoch / s.every + 1e-9).floor()),
            Self::Exponential(s) => base * s.gamma.powf((epoch + 1e-9).floor()),
            Self::Cosine(s) => {
                let length = (total as f64 - warmup).max(1.0);
                anneal(base, base * s.floor, since / length)
            }
            Self::OneCycle(s) => {
                let (start, last) = (base / s.start_divisor, (total as f64 - 1.0).max(1.0));
                let peak = (s.rise * total as f64 - 1.0).max(1.0);
                match step <= peak {
                    true => anneal(start, base, step / peak),
                    false => anneal(base, start / s.end_divisor, (step - peak) / (last - peak)),
                }
            }
        }
    }
}

/// Half a cosine from `from` (share 0) to `to` (share 1).
fn anneal(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * share.min(1.0)).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values made by `tests/golden/schedules.py`.
    #[test]
    fn rates_equal_torch() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/schedules.json")).unwrap();
        let step = Step {
            warmup: 0.0,
            every: 10.0,
            gamma: 0.5,
        };
        for (name, schedule) in [
            ("constant", ScheduleConfig::default()),
            ("step", ScheduleConfig::Step(step)),
            (
                "exponential",
                ScheduleConfig::Exponential(Exponential::default()),
            ),
            (
                "cosine",
                ScheduleConfig::Cosine(Cosine {
                    warmup: 0.0,
                    floor: 0.01,
                }),
            ),
            (
                "linear_warmup",
                ScheduleConfig::Constant(Constant { warmup: 5.0 }),
            ),
            (
                "warmup_cosine",
                ScheduleConfig::Cosine(Cosine {
                    warmup: 5.0,
                    floor: 0.01,
                }),
            ),
            ("one_cycle", ScheduleConfig::OneCycle(OneCycle::default())),
        ] {
            let rates = golden["schedules"][name]["lr"].as_array().unwrap();
            assert_eq!(rates.len(), 40);
            for (i, expected) in rates.iter().enumerate() {
                let (actual, expected) = (schedule.rate(0.1, i, 40, 1), expected.as_f64().unwrap());
                assert!(
                    (actual - expected).abs() <= 1e-9 * expected,
                    "{name} {i}: {actual} {expected}"
                );
            }
        }
    }
}
