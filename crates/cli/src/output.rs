//! Tables, numbers and errors on the terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use modelwright_assistant::AssistantError;
pub use modelwright_evaluate::{grouped, label, number, score};
use modelwright_runs::RunError;
use modelwright_serve::ServeError;
use modelwright_tasks::TaskError;
use std::path::Path;

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
    let of_task = error.downcast_ref().and_then(TaskError::help);
    let of_run = || error.downcast_ref().and_then(RunError::help);
    let of_server = || {
        error
            .downcast_ref()
            .and_then(ServeError::help)
            .map(String::from)
    };
    let of_assistant = || error.downcast_ref().and_then(AssistantError::help);
    let help = of_task
        .or_else(of_run)
        .or_else(of_server)
        .or_else(of_assistant);
    if let Some(help) = help {
        eprintln!("  help: {help}");
    }
}

/// The line to type for a next command, with the folder of runs if it is not the usual one.
pub fn next_command(words: &[&str], runs: &Path) -> String {
    let mut words: Vec<String> = words.iter().map(|w| quoted(w)).collect();
    if runs != Path::new(crate::args::RUNS) {
        words.extend(["--runs-dir".into(), quoted(&runs.display().to_string())]);
    }
    format!("modelwright {}", words.join(" "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Prints JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn next_commands_can_be_pasted() {
        let usual = Path::new("runs");
        assert_eq!(
            next_command(&["resume", "a-1"], usual),
            "modelwright resume a-1"
        );
        assert_eq!(
            next_command(&["evaluate", "a-1", "my photos"], Path::new("it's")),
            "modelwright evaluate a-1 'my photos' --runs-dir 'it'\\''s'"
        );
    }
}
