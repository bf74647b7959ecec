//! What tests of this crate share: reading `tests/golden/evaluation.json`.

use crate::bootstrap::Interval;
use serde_json::Value;

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/evaluation.json")).unwrap()
}

pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    serde_json::from_value(list.clone()).unwrap()
}

/// The labels of a part of the golden values.
pub(crate) fn labels(part: &Value) -> Vec<u32> {
    serde_json::from_value(part["y_true"].clone()).unwrap()
}

/// Its probabilities: `proba` row by row, or two columns from `p1`, the second class's.
pub(crate) fn probabilities(part: &Value) -> Vec<f32> {
    match part.get("proba") {
        Some(rows) => {
            let rows: Vec<Vec<f32>> = serde_json::from_value(rows.clone()).unwrap();
            rows.concat()
        }
        None => positive(part).iter().flat_map(|p| [1.0 - p, *p]).collect(),
    }
}

/// Probabilities of the second of two classes.
pub(crate) fn positive(part: &Value) -> Vec<f32> {
    serde_json::from_value(part["p1"].clone()).unwrap()
}

#[track_caller]
pub(crate) fn close(actual: f64, expected: &Value, within: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((actual - expected).abs() <= within, "{actual} {expected}");
}

#[track_caller]
pub(crate) fn all_close(actual: &[f64], expected: &Value, within: f64) {
    let expected = numbers(expected);
    assert_eq!(actual.len(), expected.len(), "{actual:?} {expected:?}");
    for (a, e) in actual.iter().zip(&expected) {
        assert!((a - e).abs() <= within, "{a} {e}");
    }
}

/// Bounds that scipy found; both are of thousands of random draws, so that they differ by some per cent
/// of the width.
#[track_caller]
pub(crate) fn bounds_close(actual: Option<Interval>, expected: &Value) {
    let (actual, expected) = (actual.unwrap(), numbers(expected));
    let wide = expected[1] - expected[0];
    for (actual, expected) in [actual.low, actual.high].iter().zip(expected) {
        let off = (actual - expected).abs() / wide;
        assert!(off < 0.07, "{actual} {expected}");
    }
}
