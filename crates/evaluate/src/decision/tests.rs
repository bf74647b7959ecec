//! The cheapest threshold of small sets of examples.

use super::*;
use crate::random::Random;

/// Calibrated probabilities.
fn examples(n: usize, seed: u64) -> (Vec<f32>, Vec<bool>) {
    let mut random = Random::new(seed, 1 << 32);
    let p: Vec<f32> = (0..n).map(|_| random.unit() as f32).collect();
    let truth = p.iter().map(|p| random.unit() < f64::from(*p)).collect();
    (p, truth)
}

#[test]
fn no_threshold_costs_less() {
    let (p, truth) = examples(300, 5);
    for costs in [
        DecisionCosts::of_errors(1.0, 1.0),
        DecisionCosts::of_errors(1.0, 5.0),
        DecisionCosts {
            false_alarm: 10.0,
            miss: 30.0,
            hit: -20.0,
            correct_rejection: 0.5,
        },
        // Nothing is worth a "yes"; everything is.
        DecisionCosts::of_errors(1.0, 0.0),
        DecisionCosts::of_errors(0.0, 1.0),
    ] {
        let found = Decision::new(&p, &truth, costs, 50, 1).unwrap();
        let cost = |t: f64| ThresholdOutcome::new(t, &p, &truth, &costs).cost;
        let tried = (0..=2000).map(|i| cost(f64::from(i) / 2000.0));
        let least = tried.fold(f64::MAX, f64::min);
        assert!(found.best.cost <= least + 1e-12, "{costs:?} {found:?}");
        for (threshold, expected) in &found.curve {
            assert!((cost(*threshold) - expected).abs() < 1e-9, "{threshold}");
        }
        assert!(found.curve.is_sorted_by(|a, b| a.0 < b.0));
    }
}

#[test]
fn with_right_probabilities_the_ideal_threshold_is_best() {
    let (p, truth) = examples(4000, 5);
    let costs = DecisionCosts::of_errors(1.0, 4.0);
    assert_eq!(costs.ideal_threshold(), Some(0.2));
    let found = Decision::new(&p, &truth, costs, 300, 1).unwrap();
    let interval = found.interval.unwrap();
    assert!((found.best.threshold - 0.2).abs() < 0.08, "{found:?}");
    assert!(
        interval.contains(0.2),
        "{interval:?} {}",
        found.best.threshold
    );
    // A threshold t costs (1 - t)² / 2 in false alarms and 4 t² / 2 in misses.
    let (best, half) = (0.4, 0.625);
    assert!((found.best.cost - best).abs() < 0.05, "{found:?}");
    assert!((found.half.cost - half).abs() < 0.05, "{found:?}");
    let elsewhere = found.saved_elsewhere.unwrap();
    assert!(elsewhere > 0.0 && elsewhere <= found.saved, "{found:?}");
    assert!(found.saved_interval.unwrap().low > 0.0);
    assert!(found.words().contains("costs least"), "{}", found.words());
}

/// Of 95 in 100 sets the interval holds the threshold that is best for all cases there are.
#[test]
fn the_interval_of_the_threshold_keeps_its_promise() {
    let holds = |seed| {
        let (p, truth) = examples(300, seed);
        let costs = DecisionCosts::of_errors(1.0, 4.0);
        let found = Decision::new(&p, &truth, costs, 100, seed).unwrap();
        found.interval.unwrap().contains(0.2)
    };
    let held = (0..60).filter(|seed| holds(*seed)).count();
    assert!(held >= 53, "{held} of 60");
}

#[test]
fn a_plateau_gives_its_middle() {
    let found =
        |p: &[f32], truth: &[bool], costs| Decision::new(p, truth, costs, 0, 1).unwrap().best;
    let errors = DecisionCosts::of_errors(1.0, 1.0);
    let best = found(&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true], errors);
    assert!((best.threshold - 0.5).abs() < 1e-6);
    assert_eq!(
        [best.found, best.missed, best.alarms, best.rejected],
        [2, 0, 0, 2]
    );
    assert_eq!((best.total, best.cost), (0.0, 0.0));
    // "No" to all although one is held for certain; "yes" to all although one is held impossible.
    let never = found(
        &[0.5, 1.0],
        &[true, false],
        DecisionCosts::of_errors(9.0, 1.0),
    );
    assert_eq!((never.found, never.alarms, never.total), (0, 0, 1.0));
    let always = found(
        &[0.0, 0.5],
        &[true, false],
        DecisionCosts::of_errors(1.0, 9.0),
    );
    assert_eq!((always.missed, always.rejected, always.total), (0, 0, 1.0));
}

#[test]
fn without_both_kinds_there_is_nothing_to_decide() {
    let costs = DecisionCosts::of_errors(1.0, 1.0);
    assert!(Decision::new(&[0.2, 0.3], &[true, true], costs, 9, 1).is_none());
    assert!(Decision::new(&[], &[], costs, 9, 1).is_none());
    assert_eq!(DecisionCosts::of_errors(0.0, 1.0).ideal_threshold(), None);
}
