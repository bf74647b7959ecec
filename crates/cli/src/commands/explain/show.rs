//! Explanations on a terminal.

use super::ask::Answer;
use crate::output::{number, right, table};
use comfy_table::Cell;
use modelwright_explain::picture::PictureMap;
use modelwright_explain::table::{Counterfactuals, Dependence, Importance};
use modelwright_explain::{ColumnShare, Explanation, Neighbours, Shares, TextShare};
use std::io::IsTerminal;

/// Most rows of a list.
const ROWS: usize = 15;
/// Characters of the longest bar.
const BAR: usize = 24;
/// Rows and columns of a heat map in characters.
const MAP: [usize; 2] = [12, 24];
/// For, against, and the end of a colour.
const FOR: &str = "\x1b[31m";
const AGAINST: &str = "\x1b[34m";
const PLAIN: &str = "\x1b[0m";

/// Prints what a method says of an example.
pub fn show(input: &str, answer: &Answer) {
    println!("{input}");
    match answer {
        Answer::Shares { explanation, .. } => shares(explanation),
        Answer::Changes(found) => changes(found),
        Answer::Columns(found) => columns(found),
        Answer::Course(found) => course(found),
        Answer::Alike(found) => alike(found),
    }
}

fn shares(explanation: &Explanation) {
    println!(
        "{} ({}; {})",
        explanation.of(),
        explanation.method,
        explanation.settings
    );
    if let (Some(base), Some(delta)) = (explanation.base, explanation.delta) {
        println!(
            "counted from {}; all shares together miss the score by {delta:.1e}",
            number(base)
        );
    }
    match &explanation.shares {
        Shares::Picture(map) => heat(map),
        Shares::Text { text, pieces } => words(text, pieces),
        Shares::Row { columns } => row(columns),
    }
}

/// Bars for the columns that matter most.
fn row(columns: &[ColumnShare]) {
    let mut sorted: Vec<&ColumnShare> = columns.iter().collect();
    sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let largest = sorted.first().map_or(0.0, |c| c.value.abs());
    let mut out = table(&["column", "value", "share", ""]);
    for column in sorted.iter().take(ROWS) {
        let share = match column.error {
            Some(error) => format!("{:+.4} ± {error:.4}", column.value),
            None => format!("{:+.4}", column.value),
        };
        let given = column.given.clone().unwrap_or("(missing)".into());
        out.add_row([
            Cell::new(&column.column),
            Cell::new(given),
            right(share),
            Cell::new(bar(column.value, largest)),
        ]);
    }
    println!("{out}");
    rest(columns.len(), "columns with smaller shares");
}

/// A bar that is as long as a value beside the largest; what is against has another character.
fn bar(value: f64, largest: f64) -> String {
    let share = if largest > 0.0 {
        value.abs() / largest
    } else {
        0.0
    };
    let length = (share * BAR as f64).round() as usize;
    let character = if value >= 0.0 { "█" } else { "▒" };
    character.repeat(length)
}

/// The text in colour where there are colours, and the words that matter most.
fn words(text: &str, pieces: &[TextShare]) {
    let largest = pieces
        .iter()
        .fold(0.0, |most: f64, p| p.value.abs().max(most));
    if std::io::stdout().is_terminal() {
        println!("{}", coloured(text, pieces, largest));
    }
    let mut sorted: Vec<&TextShare> = pieces.iter().collect();
    sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let mut out = table(&["word", "from", "share", ""]);
    for piece in sorted.iter().take(ROWS) {
        out.add_row([
            Cell::new(&piece.text),
            right(piece.start),
            right(format!("{:+.4}", piece.value)),
            Cell::new(bar(piece.value, largest)),
        ]);
    }
    println!("{out}");
    rest(pieces.len(), "words with smaller shares");
}

/// Red is for, blue is against; what has less than a fifth of the largest share stays as it is.
fn coloured(text: &str, pieces: &[TextShare], largest: f64) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    for piece in pieces.iter().filter(|p| p.value.abs() > largest / 5.0) {
        let (start, end) = (piece.start.max(at), piece.end.max(at));
        out.extend(&characters[at..start]);
        out += if piece.value >= 0.0 { FOR } else { AGAINST };
        out.extend(&characters[start..end]);
        out += PLAIN;
        at = end;
    }
    out.extend(&characters[at..]);
    out
}

/// A heat map in characters: what is for the class is darker, what is against it has a dot.
fn heat(map: &PictureMap) {
    let [rows, columns] = MAP;
    let small = map.resized(rows, columns);
    let largest = small.largest().max(f64::MIN_POSITIVE);
    for row in small.values.chunks_exact(columns) {
        let line: String = row
            .iter()
            .map(|value| match value / largest {
                v if v < -0.2 => '·',
                v if v < 0.2 => ' ',
                v if v < 0.4 => '░',
                v if v < 0.6 => '▒',
                v if v < 0.8 => '▓',
                _ => '█',
            })
            .collect();
        println!("  |{line}|");
    }
    println!(
        "  darker: speaks for it; a dot: against it; --output FOLDER draws it over the picture"
    );
}

fn changes(found: &Counterfactuals) {
    println!(
        "wanted: {}; now its {} is {}",
        found.wanted,
        found.unit,
        number(found.score)
    );
    if found.found.is_empty() {
        println!("no change was found among {} that were tried", found.tried);
        return;
    }
    let mut out = table(&["", "column", "from", "to", found.unit]);
    for (i, way) in found.found.iter().enumerate() {
        for (j, change) in way.changes.iter().enumerate() {
            let value = |value: &Option<String>| value.clone().unwrap_or("(missing)".into());
            let first = j == 0;
            let only = |text: String| if first { text } else { String::new() };
            out.add_row([
                right(only((i + 1).to_string())),
                Cell::new(&change.column),
                Cell::new(value(&change.from)),
                Cell::new(value(&change.to)),
                right(only(number(way.score))),
            ]);
        }
    }
    println!("{out}");
    if found.fixed.is_empty() {
        println!("any column may change; --fixed COLUMN leaves one as it is");
    }
}

fn columns(found: &Importance) {
    println!(
        "{} with all columns: {} ({} rows)",
        found.loss,
        number(found.with_all),
        found.rows
    );
    let largest = found.columns.first().map_or(0.0, |c| c.value.abs());
    let mut out = table(&["column shuffled", "grows by", "95 % interval", ""]);
    for column in found.columns.iter().take(ROWS) {
        out.add_row([
            Cell::new(&column.column),
            right(format!("{:+.4}", column.value)),
            right(format!("{:+.4} to {:+.4}", column.low, column.high)),
            Cell::new(bar(column.value, largest)),
        ]);
    }
    println!("{out}");
    rest(found.columns.len(), "columns that matter less");
}

fn course(found: &Dependence) {
    let of = match &found.class {
        Some(class) => format!("{} of `{class}`", found.unit),
        None => found.unit.to_string(),
    };
    println!("mean {of} over {} rows", found.rows);
    let mut out = table(&[&found.column, "mean", "middle half of the rows"]);
    for point in &found.points {
        out.add_row([
            Cell::new(point.value.clone().unwrap_or("(missing)".into())),
            right(number(point.mean)),
            right(format!("{} to {}", number(point.low), number(point.high))),
        ]);
    }
    println!("{out}");
}

fn alike(found: &Neighbours) {
    println!(
        "the closest of {} examples by {}",
        found.among, found.compared
    );
    let mut out = table(&["example", "distance", "true answer"]);
    for near in &found.found {
        out.add_row([
            right(near.example + 1),
            right(format!("{:.3}", near.distance)),
            Cell::new(near.truth.clone().unwrap_or("-".into())),
        ]);
    }
    println!("{out}");
}

fn rest(count: usize, what: &str) {
    if count > ROWS {
        println!("and {} {what}", count - ROWS);
    }
}
