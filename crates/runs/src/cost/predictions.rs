//! What predictions cost.

use super::{Cost, Meter, Rates};

/// Predictions that costs are told for.
const THOUSAND: f64 = 1000.0;
/// The processor time of a process is told in hundredths of a second, so one call may be too short.
const LEAST_SECONDS: f64 = 2.0;

/// What 1,000 predictions cost, by timing: `predict` answers `examples` examples, once to get warm and
/// then again and again for two seconds, or once if that takes longer.
///
/// # Errors
/// That of `predict`.
pub fn cost_of_predictions<E>(
    examples: usize,
    rates: Rates,
    mut predict: impl FnMut() -> Result<(), E>,
) -> Result<Cost, E> {
    predict()?;
    let meter = Meter::start(rates);
    let mut predictions = 0;
    loop {
        predict()?;
        predictions += examples;
        let cost = meter.cost();
        if cost.usage.seconds >= LEAST_SECONDS {
            return Ok(cost.times(THOUSAND / predictions.max(1) as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_thousand_predictions_take_a_thousand_times_one() {
        let mut calls = 0;
        let cost = cost_of_predictions(5, Rates::default(), || {
            calls += 1;
            std::thread::sleep(Duration::from_millis(100));
            Ok::<(), ()>(())
        })
        .unwrap();
        // 20 ms for each, 20 s for a thousand, if the machine is not very busy.
        assert!((20.0..40.0).contains(&cost.usage.seconds), "{cost:?}");
        assert!((10..=21).contains(&calls), "{calls}");
        let failed = cost_of_predictions(5, Rates::default(), || Err("broken"));
        assert_eq!(failed.unwrap_err(), "broken");
    }
}
