//! Reports against Fairlearn's, and what is done about unfairness.

use super::*;
use crate::decision::DecisionCosts;
use crate::feature::{Bands, Feature};
use crate::random::Random;
use crate::testing::close;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../tests/golden/fairness.json")).unwrap()
}

/// The examples of `tests/golden/fairness.py`: two attributes, truth and probabilities.
fn examples(golden: &Value) -> (Vec<Feature>, Vec<bool>, Vec<f32>) {
    let words = |key: &str| -> Vec<Option<String>> {
        serde_json::from_value(golden["examples"][key].clone()).unwrap()
    };
    let features = ["district", "sex"].map(|key| Feature::words(key, &words(key)));
    let truth: Vec<u8> = serde_json::from_value(golden["examples"]["truth"].clone()).unwrap();
    let p = serde_json::from_value(golden["examples"]["p"].clone()).unwrap();
    (
        features.to_vec(),
        truth.iter().map(|t| *t == 1).collect(),
        p,
    )
}

fn decide(probabilities: &[f32]) -> Vec<bool> {
    probabilities.iter().map(|p| *p >= 0.5).collect()
}

fn report(grouping: &Grouping, truth: &[bool], p: &[f32], limits: Limits) -> FairnessReport {
    let decisions = Decisions {
        truth,
        decided: &decide(p),
        probabilities: p,
    };
    FairnessReport::new(grouping, &decisions, limits, 1)
}

const KEYS: [(Metric, &str); 6] = [
    (Metric::SelectionRate, "selection_rate"),
    (Metric::TruePositiveRate, "true_positive_rate"),
    (Metric::FalsePositiveRate, "false_positive_rate"),
    (Metric::FalseNegativeRate, "false_negative_rate"),
    (Metric::Precision, "precision"),
    (Metric::Accuracy, "accuracy"),
];

fn same_group(actual: &GroupScores, expected: &Value) {
    for (metric, key) in KEYS {
        close(actual.rate(metric).value.unwrap(), &expected[key], 1e-9);
    }
    assert_eq!(actual.examples as f64, expected["count"].as_f64().unwrap());
    close(
        actual.base_rate.value.unwrap(),
        &expected["base_rate"],
        1e-9,
    );
    close(actual.mean_probability, &expected["mean_prediction"], 1e-6);
}

fn same_report(report: &FairnessReport, expected: &Value) {
    same_group(&report.overall, &expected["overall"]);
    for group in &report.groups {
        if let Some(expected) = expected["by_group"].get(&group.name) {
            same_group(group, expected);
        } else {
            assert!(group.too_small, "{}", group.name);
        }
    }
    for (metric, key) in KEYS {
        let gap = report.gaps.iter().find(|g| g.metric == metric).unwrap();
        close(gap.difference, &expected["difference"][key], 1e-9);
        close(gap.ratio.unwrap(), &expected["ratio"][key], 1e-9);
        close(gap.lowest_rate, &expected["group_min"][key], 1e-9);
        close(gap.highest_rate, &expected["group_max"][key], 1e-9);
        assert!(gap.interval.contains(gap.difference), "{gap:?}");
    }
    for (disparity, key) in [
        (&report.demographic_parity, "demographic_parity"),
        (&report.equalized_odds, "equalized_odds"),
        (&report.equal_opportunity, "equal_opportunity"),
    ] {
        let disparity = disparity.as_ref().unwrap();
        close(disparity.difference, &expected[key]["difference"], 1e-9);
        close(disparity.ratio.unwrap(), &expected[key]["ratio"], 1e-9);
    }
}

/// Values made by `tests/golden/fairness.py` with Fairlearn.
#[test]
fn all_measures_equal_fairlearns() {
    let golden = golden();
    let (features, truth, p) = examples(&golden);
    let groupings = groupings(&features, &Bands::Auto);
    let all = Limits {
        examples: 1,
        outcomes: 1,
    };
    same_report(&report(&groupings[0], &truth, &p, all), &golden["district"]);
    same_report(&report(&groupings[2], &truth, &p, all), &golden["both"]);
}

/// Fairlearn compares the groups that are large enough.
#[test]
fn small_groups_are_listed_but_not_compared() {
    let golden = golden();
    let (features, truth, p) = examples(&golden);
    let grouping = Grouping::new(&features[0], &Bands::Auto);
    let report = report(&grouping, &truth, &p, Limits::default());
    let small: Vec<&str> = report.too_small().map(|g| g.name.as_str()).collect();
    assert_eq!(small, ["west"]);
    assert!(report.gaps.iter().all(|g| g.left_out == ["west"]));
    let panel = report.panel(Metric::SelectionRate, "selected");
    let faint: Vec<bool> = panel.marks.iter().map(|m| m.unwrap().faint).collect();
    assert_eq!(faint, [false, false, false, true]);
    let mut expected = golden["large"].clone();
    // All examples together are still all.
    expected["overall"] = golden["district"]["overall"].clone();
    same_report(&report, &expected);
}

#[test]
fn without_two_large_groups_nothing_is_compared() {
    let grouping = Grouping::new(&Feature::words("sex", &[Some("f"); 40]), &Bands::Auto);
    let report = report(&grouping, &[true; 40], &[0.9; 40], Limits::default());
    assert!(report.gaps.is_empty() && report.equalized_odds.is_none());
    assert_eq!(report.four_fifths.verdict, FourFifthsVerdict::Unknown);
    assert!(report.four_fifths.words().contains("cannot be checked"));
    // Nobody is truly negative.
    assert_eq!(report.groups[0].false_positive_rate.value, None);
}

#[test]
fn the_four_fifths_rule_knows_chance() {
    let verdict = |n: usize, f: usize, m: usize| {
        let sex: Vec<Option<&str>> = (0..2 * n)
            .map(|i| Some(if i < n { "f" } else { "m" }))
            .collect();
        let grouping = Grouping::new(&Feature::words("sex", &sex), &Bands::Auto);
        let p: Vec<f32> = (0..2 * n)
            .map(|i| f32::from(u8::from(i < f || (n..n + m).contains(&i))))
            .collect();
        report(&grouping, &vec![true; 2 * n], &p, Limits::default()).four_fifths
    };
    assert_eq!(verdict(400, 120, 200).verdict, FourFifthsVerdict::Broken);
    assert_eq!(verdict(40, 12, 16).verdict, FourFifthsVerdict::MayBeChance);
    assert_eq!(verdict(400, 180, 200).verdict, FourFifthsVerdict::Kept);
    assert_eq!(verdict(400, 0, 0).verdict, FourFifthsVerdict::Unknown);
    assert_eq!(
        verdict(400, 120, 200).words(),
        "The four-fifths rule is broken: f is selected 60 % as often as m."
    );
}

/// Applicants of whom one group scores lower at the same merit.
fn applicants(seed: u64, n: usize) -> (Grouping, Vec<bool>, Vec<f32>) {
    let mut random = Random::new(seed, 0);
    let (mut sex, mut truth, mut p) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..n {
        let disadvantaged = i % 3 == 0;
        let merit = random.normal();
        sex.push(Some(if disadvantaged { "f" } else { "m" }));
        truth.push(merit + 0.5 * random.normal() > 0.0);
        let score = 1.5 * merit - if disadvantaged { 1.0 } else { 0.0 };
        p.push((1.0 / (1.0 + (-score).exp())) as f32);
    }
    (
        Grouping::new(&Feature::words("sex", &sex), &Bands::Auto),
        truth,
        p,
    )
}

/// For the most right decisions.
fn search(goal: Goal, usual: f32, tolerance: f64) -> ThresholdSearch {
    ThresholdSearch {
        goal,
        tolerance,
        costs: DecisionCosts::of_errors(1.0, 1.0),
        usual,
        limits: Limits::default(),
    }
}

#[test]
fn thresholds_seek_the_least_cost_where_errors_have_a_price() {
    let (grouping, truth, p) = applicants(1, 3000);
    let (other, other_truth, other_p) = applicants(2, 3000);
    let costs = DecisionCosts::of_errors(5.0, 1.0);
    let usual = search(Goal::DemographicParity, 0.5, 0.02);
    let cheap = ThresholdSearch { costs, ..usual };
    let decided = |search: &ThresholdSearch| {
        let found = GroupThresholds::search(search, &grouping, &truth, &p);
        assert!(found.difference <= 0.02, "{found:?}");
        found.decide(&other, &other_p)
    };
    let (most_right, cheapest) = (decided(&usual), decided(&cheap));
    let price = Price::new(
        &other,
        &other_truth,
        &most_right,
        &cheapest,
        Limits::default(),
    )
    .with_costs(&costs, &other_truth, &most_right, &cheapest);
    let money = price.money.unwrap();
    // Fewer false alarms, which are dear, for more misses: cheaper, but less often right.
    assert!(
        money.change < -0.05 && money.interval.high < 0.0,
        "{money:?}"
    );
    assert!((money.after - money.before - money.change).abs() < 1e-12);
    assert!(price.accuracy_change < 0.0, "{price:?}");
    assert!(price.words().contains("It saves"), "{}", price.words());
    // With equal costs the change in money is the change in accuracy, the other way round.
    let equal = DecisionCosts::of_errors(1.0, 1.0);
    let same = price.with_costs(&equal, &other_truth, &most_right, &cheapest);
    let (money, accuracy) = (same.money.unwrap(), same.accuracy_change_interval);
    assert!((money.change + same.accuracy_change).abs() < 1e-12);
    assert!((money.interval.low + accuracy.high).abs() < 1e-12);
}

#[test]
fn thresholds_of_groups_narrow_the_gap_at_a_stated_price() {
    let (grouping, truth, p) = applicants(1, 3000);
    let (other, other_truth, other_p) = applicants(2, 3000);
    let limits = Limits::default();
    type Measure = fn(&Effect) -> Option<f64>;
    let goals: [(Goal, f64, Measure); 3] = [
        (Goal::DemographicParity, 0.02, |e| e.demographic_parity),
        (Goal::EqualOpportunity, 0.02, |e| e.equal_opportunity),
        (Goal::EqualizedOdds, 0.05, |e| e.equalized_odds),
    ];
    for (goal, tolerance, of) in goals {
        let search = search(goal, 0.5, tolerance);
        let found = GroupThresholds::search(&search, &grouping, &truth, &p);
        assert!(found.difference <= tolerance, "{found:?}");
        assert!(found.groups[0].threshold < found.groups[1].threshold);
        // On others than those of the search.
        let after = found.decide(&other, &other_p);
        let price = Price::new(&other, &other_truth, &decide(&other_p), &after, limits);
        let (before, left) = (of(&price.before).unwrap(), of(&price.after).unwrap());
        assert!(
            before > 0.15 && left < 0.06 + tolerance,
            "{goal:?} {before} {left}"
        );
        assert!(
            price.accuracy_change > -0.05 && price.changed > 50,
            "{price:?}"
        );
        let accuracy = |e: &Effect| e.accuracy.value.unwrap();
        let change = accuracy(&price.after) - accuracy(&price.before);
        assert!((price.accuracy_change - change).abs() < 1e-12);
        assert!(price.words().contains("decisions change"));
    }
}

#[test]
fn a_group_too_small_for_a_threshold_keeps_the_usual_one() {
    let (mut grouping, truth, p) = applicants(1, 600);
    grouping.names.push("x".into());
    grouping.of[..9].fill(2);
    let search = search(Goal::EqualOpportunity, 0.4, 0.02);
    let found = GroupThresholds::search(&search, &grouping, &truth, &p);
    assert_eq!(
        found.groups.iter().map(|g| g.too_small).collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(found.groups[2].threshold, 0.4);
    // A group that was not there is decided as usual.
    let stranger = Grouping {
        attribute: "sex".into(),
        names: vec!["unknown".into()],
        of: vec![0, 0],
    };
    assert_eq!(found.decide(&stranger, &[0.39, 0.41]), [false, true]);
}
