//! Tables, numbers and errors on the terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use modelwright_tasks::TaskError;

/// A table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(
        header
            .iter()
            .map(|h| Cell::new(h).add_attribute(Attribute::Bold)),
    );
    table
}

/// A cell with a number, right-aligned.
pub fn right(text: impl std::fmt::Display) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A score as people read it: shares in percent.
pub fn score(name: &str, value: f64) -> String {
    match name {
        "accuracy" | "top5" | "balanced_accuracy" | "mape" => format!("{:.2} %", 100.0 * value),
        _ if !value.is_finite() => "-".into(),
        _ if value.abs() >= 1000.0 => grouped(value.round() as i64),
        _ => format!("{value:.4}"),
    }
}

/// `1,234,567`.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|c| std::str::from_utf8(c).ok())
        .collect();
    format!("{}{}", if value < 0 { "-" } else { "" }, parts.join(","))
}

/// A score's name as people read it.
pub fn label(name: &str) -> String {
    match name {
        "r2" => "R²".into(),
        "mae" => "mean absolute error".into(),
        "rmse" => "root mean squared error".into(),
        "mape" => "mean relative error".into(),
        "top5" => "among the top 5".into(),
        "macro_f1" => "macro F1".into(),
        other => other.replace('_', " "),
    }
}

/// `4.2 s`, `3 min 5 s`, `1 h 20 min`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {} min", s as u64 / 3600, s as u64 / 60 % 60),
    }
}

/// An error on standard error: what and where, then what to do.
pub fn error(error: &anyhow::Error) {
    let red = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let (on, off) = if red {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    eprintln!("{on}error:{off} {error}");
    for cause in error.chain().skip(1) {
        let (cause, error) = (cause.to_string(), error.to_string());
        if !error.contains(&cause) {
            eprintln!("  because: {cause}");
        }
    }
    if let Some(help) = error.downcast_ref::<TaskError>().and_then(TaskError::help) {
        eprintln!("  help: {help}");
    }
}

/// Prints JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}
