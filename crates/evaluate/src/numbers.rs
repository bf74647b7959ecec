//! Numbers as people read them.

/// `1,234,567`.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::new();
    if value < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A score as people read it: shares in percent.
pub fn score(name: &str, value: f64) -> String {
    match name {
        "accuracy"
        | "top5"
        | "balanced_accuracy"
        | "mape"
        | "subset_accuracy"
        | "f1"
        | "exact_match"
        | "answerable_f1"
        | "answerable_exact_match"
        | "unanswerable_accuracy"
        | "recall_at_1"
        | "recall_at_5"
        | "recall_at_10"
        | "token_accuracy"
        | "preference_accuracy"
        | "answered"
        | "answered_right"
        | "refusal_precision"
        | "refusal_recall" => format!("{:.2} %", 100.0 * value),
        _ if !value.is_finite() => "-".into(),
        _ if value.abs() >= 1000.0 => grouped(value.round() as i64),
        _ => format!("{value:.4}"),
    }
}

/// A score's name as people read it.
pub fn label(name: &str) -> String {
    match name {
        "r2" => "R²".into(),
        "mae" => "mean absolute error".into(),
        "rmse" => "root mean squared error".into(),
        "mape" => "mean relative error".into(),
        "top5" => "among the top 5".into(),
        "f1" => "F1".into(),
        "macro_f1" => "macro F1".into(),
        "micro_f1" => "micro F1".into(),
        "mcc" => "Matthews' correlation".into(),
        "brier" => "Brier score".into(),
        "auroc" => "area under ROC curve".into(),
        "subset_accuracy" => "all labels right".into(),
        "answerable_f1" => "F1 where there is an answer".into(),
        "answerable_exact_match" => "exact match where there is an answer".into(),
        "unanswerable_accuracy" => "left unanswered where there is none".into(),
        "recall_at_1" => "right one first (recall@1)".into(),
        "recall_at_5" => "among the first 5 (recall@5)".into(),
        "recall_at_10" => "among the first 10 (recall@10)".into(),
        "mrr" => "mean reciprocal rank".into(),
        "token_accuracy" => "next token right".into(),
        "preference_accuracy" => "better answer preferred".into(),
        "answered_right" => "right of those answered".into(),
        other => other.replace('_', " "),
    }
}

/// A quantity as people read it; large ones whole and in groups of three digits.
pub fn amount(value: f64) -> String {
    match value.abs() {
        size if (10_000.0..1e15).contains(&size) => grouped(value.round() as i64),
        _ => number(value),
    }
}

/// Whether more of a score is better.
pub fn larger_is_better(name: &str) -> bool {
    !matches!(
        name,
        "loss"
            | "log_loss"
            | "brier"
            | "hamming_loss"
            | "mae"
            | "rmse"
            | "median_error"
            | "mape"
            | "perplexity"
    )
}

/// A value of the data, with as many digits as a reader needs: `1872`, `5.843`, `1.2e-7`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".into();
    }
    if value.fract() == 0.0 && size < 1e15 {
        // Whole numbers stay whole, and zero has no sign.
        return format!("{:.0}", if size == 0.0 { size } else { value });
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    // Four digits that count, but never a whole part cut short.
    let places = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, number};

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-123_456, "-123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (value, text) in [
            (1872.0, "1872"),
            (-0.0, "0"),
            (5.843_333, "5.843"),
            (180_921.195_89, "180921"),
            (0.25, "0.25"),
            (0.001_234_56, "0.001235"),
            (1.5e-7, "1.500e-7"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
