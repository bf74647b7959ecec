//! Would more data help? A power law through the errors of models trained on parts of the data
//! (Hestness et al. 2017): error(n) = a n^-b + c, where c is what no amount of data takes away.

mod power_law;

pub use power_law::{LearningPoint, PowerLaw};

use crate::bootstrap::Interval;
use crate::numbers::grouped;
use crate::random::Random;
use power_law::most;
use serde::{Deserialize, Serialize};

/// Different numbers of training examples that a fit needs: the law has three parameters.
const FEWEST: usize = 3;
/// Points of the band that is drawn around the law.
const BAND: usize = 40;
/// The law is drawn up to so many times the data.
const AHEAD: f64 = 10.0;
/// More data is worth having if twice as much takes away this share of the error.
const WORTH: f64 = 0.05;

/// The error to expect with some number of training examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorForecast {
    /// Training examples.
    pub examples: f64,
    /// What the law says.
    pub error: f64,
    /// Where it may lie as well.
    pub interval: Interval,
}

/// Whether more data would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoreData {
    /// Twice as much surely takes away a twentieth of the error or more.
    Helps,
    /// It surely takes away less.
    Hardly,
    /// The points do not tell.
    Unclear,
}

/// How the error falls with the number of training examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningCurve {
    /// What was measured, in order of the training examples.
    pub points: Vec<LearningPoint>,
    /// The law through the points.
    pub law: PowerLaw,
    /// The error with all the data there is, by the law.
    pub now: ErrorForecast,
    /// With twice the data.
    pub twice: ErrorForecast,
    /// With ten times the data.
    pub tenfold: ErrorForecast,
    /// The share of the error that twice the data takes away.
    pub gain: f64,
    /// Its interval.
    pub gain_interval: Interval,
    /// What follows.
    pub more_data: MoreData,
    /// The law from the fewest examples to ten times the most, for drawing.
    pub band: Vec<ErrorForecast>,
}

impl LearningCurve {
    /// Fits the law. Its uncertainty is that of laws fitted to errors drawn around it (a parametric
    /// bootstrap). Where the points lie farther from it than their standard errors explain, as trainings
    /// vary too, the standard errors are taken as larger.
    ///
    /// `None` with fewer than three different numbers of examples, or without rounds.
    pub fn fit(points: &[LearningPoint], rounds: usize, seed: u64) -> Option<Self> {
        let mut points = points.to_vec();
        points.retain(|p| p.examples > 0 && p.error.is_finite() && p.spread.is_finite());
        points.sort_by_key(|p| p.examples);
        if points.chunk_by(|a, b| a.examples == b.examples).count() < FEWEST {
            return None;
        }
        let (law, squares) = PowerLaw::fit(&points);
        let free = points.len() - FEWEST;
        let wider = match free {
            0 => 1.0,
            _ => (squares / free as f64).sqrt().max(1.0),
        };
        let laws = drawn_laws(&law, &points, wider, rounds, seed);
        let interval =
            |of: &dyn Fn(&PowerLaw) -> f64| Interval::of(laws.iter().map(of).collect(), rounds);
        let forecast = |examples: f64| {
            Some(ErrorForecast {
                examples,
                error: law.at(examples),
                interval: interval(&|law| law.at(examples))?,
            })
        };
        let (fewest, most) = (points[0].examples as f64, most(&points));
        let gain = |law: &PowerLaw| match law.at(most) {
            now if now > 0.0 => 1.0 - law.at(2.0 * most) / now,
            _ => 0.0,
        };
        let gain_interval = interval(&gain)?;
        let ratio = AHEAD * most / fewest;
        let steps = (0..BAND).map(|i| fewest * ratio.powf(i as f64 / (BAND - 1) as f64));
        Some(Self {
            law,
            now: forecast(most)?,
            twice: forecast(2.0 * most)?,
            tenfold: forecast(AHEAD * most)?,
            gain: gain(&law),
            gain_interval,
            more_data: match gain_interval {
                i if i.low >= WORTH => MoreData::Helps,
                i if i.high < WORTH => MoreData::Hardly,
                _ => MoreData::Unclear,
            },
            band: steps.map(forecast).collect::<Option<_>>()?,
            points,
        })
    }

    /// The finding in plain words; `error` writes an error as people read it.
    pub fn words(&self, error: impl Fn(f64) -> String) -> String {
        let finding = match self.more_data {
            MoreData::Helps => "More data would help",
            MoreData::Hardly => "More data would hardly help",
            MoreData::Unclear => "It cannot be told whether more data would help",
        };
        let of = |forecast: &ErrorForecast| {
            format!(
                "{} (95 % interval from {} to {})",
                error(forecast.error),
                error(forecast.interval.low),
                error(forecast.interval.high)
            )
        };
        format!(
            "{finding}: the error is {} with {} training examples, and is expected to be {} with twice as \
             many and {} with ten times as many.",
            error(self.now.error),
            grouped(self.now.examples as i64),
            of(&self.twice),
            of(&self.tenfold)
        )
    }
}

/// Laws fitted to errors drawn around a law, with standard errors `wider` than those of the points.
fn drawn_laws(
    law: &PowerLaw,
    points: &[LearningPoint],
    wider: f64,
    rounds: usize,
    seed: u64,
) -> Vec<PowerLaw> {
    let of_round = |round| {
        let mut random = Random::new(seed, round as u64);
        let mut drawn = points.to_vec();
        for point in &mut drawn {
            let off = wider * point.spread * random.normal();
            point.error = (law.at(point.examples as f64) + off).max(0.0);
        }
        PowerLaw::fit(&drawn).0
    };
    (0..rounds).map(of_round).collect()
}

#[cfg(test)]
mod tests {
    use super::power_law::tests::{SIZES, points};
    use super::*;

    #[test]
    fn more_data_helps_where_the_error_still_falls() {
        let falling = PowerLaw {
            a: 3.0,
            b: 0.5,
            c: 0.0,
        };
        let curve = LearningCurve::fit(&points(falling, 20_000, &SIZES), 200, 1).unwrap();
        assert_eq!(curve.more_data, MoreData::Helps);
        assert!(
            (curve.gain - (1.0 - 0.5f64.sqrt())).abs() < 0.01,
            "{curve:?}"
        );
        assert!(curve.twice.interval.contains(falling.at(6400.0)));
        assert!(curve.tenfold.interval.contains(falling.at(32_000.0)));
        // The farther, the less sure.
        let wide = |f: &ErrorForecast| (f.interval.high - f.interval.low) / f.error;
        assert!(wide(&curve.tenfold) > wide(&curve.now));
        assert_eq!(curve.band.len(), BAND);
        assert!((curve.band[BAND - 1].examples - 32_000.0).abs() < 1e-6);
        let words = curve.words(|e| format!("{:.1} %", 100.0 * e));
        assert!(
            words.starts_with("More data would help: the error is 5.3 % with 3,200"),
            "{words}"
        );
    }

    #[test]
    fn more_data_hardly_helps_where_nothing_falls_any_more() {
        let flat = PowerLaw {
            a: 100.0,
            b: 1.5,
            c: 0.2,
        };
        let curve = LearningCurve::fit(&points(flat, 50_000, &SIZES), 200, 1).unwrap();
        assert_eq!(curve.more_data, MoreData::Hardly, "{curve:?}");
    }

    #[test]
    fn few_measurements_leave_it_open() {
        let law = PowerLaw {
            a: 1.0,
            b: 0.3,
            c: 0.05,
        };
        let curve = LearningCurve::fit(&points(law, 60, &SIZES[..4]), 300, 1).unwrap();
        assert_eq!(curve.more_data, MoreData::Unclear, "{curve:?}");
        // Points that scatter make the law less sure than their standard errors say.
        let mut scattered = points(law, 10_000, &SIZES);
        let calm = LearningCurve::fit(&scattered, 300, 1).unwrap();
        for (i, point) in scattered.iter_mut().enumerate() {
            point.error += if i % 2 == 0 { 0.03 } else { -0.03 };
        }
        let wild = LearningCurve::fit(&scattered, 300, 1).unwrap();
        let wide = |c: &LearningCurve| c.now.interval.high - c.now.interval.low;
        assert!(wide(&wild) > 2.0 * wide(&calm));
    }

    #[test]
    fn three_sizes_are_needed_and_no_error_is_borne() {
        let law = PowerLaw {
            a: 1.0,
            b: 0.3,
            c: 0.0,
        };
        assert!(LearningCurve::fit(&points(law, 60, &[10, 10, 20]), 9, 1).is_none());
        assert!(LearningCurve::fit(&points(law, 60, &SIZES), 0, 1).is_none());
        let none = [1, 2, 3].map(|n| LearningPoint::share(n, 0.0, 50));
        let curve = LearningCurve::fit(&none, 50, 1).unwrap();
        assert!(curve.now.error.abs() < 1e-9 && curve.gain.is_finite());
        let rmse = LearningPoint::rmse(10, 4.0, 50);
        assert_eq!(rmse.spread, 0.4);
    }
}
