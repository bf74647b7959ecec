//! Explanations on a terminal.

use super::ask::Answer;
use super::words::tr;
use crate::output::{number, right, table};
use comfy_table::Cell;
use modelwright_explain::picture::PictureMap;
use modelwright_explain::table::{Counterfactuals, Dependence, Importance};
use modelwright_explain::{ColumnShare, Explanation, Neighbours, Shares, TextShare};
use modelwright_words::Lang;
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
pub fn show(lang: Lang, input: &str, answer: &Answer) {
    println!("{input}");
    let voice = Voice(lang);
    match answer {
        Answer::Shares { explanation, .. } => voice.shares(explanation),
        Answer::Changes(found) => voice.changes(found),
        Answer::Columns(found) => voice.columns(found),
        Answer::Course(found) => voice.course(found),
        Answer::Alike(found) => voice.alike(found),
    }
}

/// Says things in a language.
#[derive(Clone, Copy)]
struct Voice(Lang);

impl Voice {
    fn t(self, key: &str) -> String {
        tr(self.0, key, &[])
    }

    fn shares(self, explanation: &Explanation) {
        let (of, settings) = (explanation.of(self.0), explanation.settings.words(self.0));
        let args: [(&str, modelwright_words::Value); 3] = [
            ("of", &of),
            ("method", &explanation.method),
            ("settings", &settings),
        ];
        println!("{}", tr(self.0, "of-method", &args));
        if let (Some(base), Some(delta)) = (explanation.base, explanation.delta) {
            let (base, delta) = (number(base), format!("{delta:.1e}"));
            println!(
                "{}",
                tr(self.0, "base", &[("base", &base), ("delta", &delta)])
            );
        }
        match &explanation.shares {
            Shares::Picture(map) => {
                heat(map);
                println!("  {}", self.t("heat"));
            }
            Shares::Text { text, pieces } => self.words(text, pieces),
            Shares::Row { columns } => self.row(columns),
        }
    }

    /// Bars for the columns that matter most.
    fn row(self, columns: &[ColumnShare]) {
        let mut sorted: Vec<&ColumnShare> = columns.iter().collect();
        sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        let largest = sorted.first().map_or(0.0, |c| c.value.abs());
        let mut out = table(&[&self.t("column"), &self.t("value"), &self.t("share"), ""]);
        for column in sorted.iter().take(ROWS) {
            let share = match column.error {
                Some(error) => format!("{:+.4} ± {error:.4}", column.value),
                None => format!("{:+.4}", column.value),
            };
            out.add_row([
                Cell::new(&column.column),
                Cell::new(self.value(&column.given)),
                right(share),
                Cell::new(bar(column.value, largest)),
            ]);
        }
        println!("{out}");
        self.rest(columns.len(), "rest-columns");
    }

    /// A value of a column, or that it is missing.
    fn value(self, value: &Option<String>) -> String {
        value.clone().unwrap_or_else(|| self.t("missing"))
    }

    /// The text in colour where there are colours, and the words that matter most.
    fn words(self, text: &str, pieces: &[TextShare]) {
        let largest = pieces
            .iter()
            .fold(0.0, |most: f64, p| p.value.abs().max(most));
        if std::io::stdout().is_terminal() {
            println!("{}", coloured(text, pieces, largest));
        }
        let mut sorted: Vec<&TextShare> = pieces.iter().collect();
        sorted.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        let mut out = table(&[&self.t("word"), &self.t("from-place"), &self.t("share"), ""]);
        for piece in sorted.iter().take(ROWS) {
            out.add_row([
                Cell::new(&piece.text),
                right(piece.start),
                right(format!("{:+.4}", piece.value)),
                Cell::new(bar(piece.value, largest)),
            ]);
        }
        println!("{out}");
        self.rest(pieces.len(), "rest-words");
    }

    fn changes(self, found: &Counterfactuals) {
        let unit = found.unit.words(self.0);
        let (wanted, score) = (found.wanted_in(self.0), number(found.score));
        let args: [(&str, modelwright_words::Value); 3] =
            [("wanted", &wanted), ("unit", &unit), ("score", &score)];
        println!("{}", tr(self.0, "wanted", &args));
        if found.found.is_empty() {
            println!("{}", tr(self.0, "no-change", &[("tried", &found.tried)]));
            return;
        }
        let mut out = table(&["", &self.t("column"), &self.t("from"), &self.t("to"), &unit]);
        for (i, way) in found.found.iter().enumerate() {
            for (j, change) in way.changes.iter().enumerate() {
                let first = j == 0;
                let only = |text: String| if first { text } else { String::new() };
                out.add_row([
                    right(only((i + 1).to_string())),
                    Cell::new(&change.column),
                    Cell::new(self.value(&change.from)),
                    Cell::new(self.value(&change.to)),
                    right(only(number(way.score))),
                ]);
            }
        }
        println!("{out}");
        if found.fixed.is_empty() {
            println!("{}", self.t("any-column"));
        }
    }

    fn columns(self, found: &Importance) {
        let (loss, value) = (found.loss.words(self.0), number(found.with_all));
        let args: [(&str, modelwright_words::Value); 3] =
            [("loss", &loss), ("value", &value), ("rows", &found.rows)];
        println!("{}", tr(self.0, "with-all", &args));
        let largest = found.columns.first().map_or(0.0, |c| c.value.abs());
        let mut out = table(&[
            &self.t("shuffled"),
            &self.t("grows"),
            &self.t("interval"),
            "",
        ]);
        for column in found.columns.iter().take(ROWS) {
            let (low, high) = (
                format!("{:+.4}", column.low),
                format!("{:+.4}", column.high),
            );
            out.add_row([
                Cell::new(&column.column),
                right(format!("{:+.4}", column.value)),
                right(self.range(&low, &high)),
                Cell::new(bar(column.value, largest)),
            ]);
        }
        println!("{out}");
        self.rest(found.columns.len(), "rest-importance");
    }

    fn range(self, low: &str, high: &str) -> String {
        tr(self.0, "range", &[("low", &low), ("high", &high)])
    }

    fn course(self, found: &Dependence) {
        let unit = found.unit.words(self.0);
        let said = match &found.class {
            Some(class) => {
                let args: [(&str, modelwright_words::Value); 3] =
                    [("unit", &unit), ("class", class), ("rows", &found.rows)];
                tr(self.0, "mean-of-class", &args)
            }
            None => tr(
                self.0,
                "mean-of-number",
                &[("unit", &unit), ("rows", &found.rows)],
            ),
        };
        println!("{said}");
        let mut out = table(&[&found.column, &self.t("mean"), &self.t("middle")]);
        for point in &found.points {
            out.add_row([
                Cell::new(self.value(&point.value)),
                right(number(point.mean)),
                right(self.range(&number(point.low), &number(point.high))),
            ]);
        }
        println!("{out}");
    }

    fn alike(self, found: &Neighbours) {
        let compared = found.compared.words(self.0);
        let args: [(&str, modelwright_words::Value); 2] =
            [("among", &found.among), ("compared", &compared)];
        println!("{}", tr(self.0, "closest", &args));
        let mut out = table(&[&self.t("example"), &self.t("distance"), &self.t("truth")]);
        for near in &found.found {
            out.add_row([
                right(near.example + 1),
                right(format!("{:.3}", near.distance)),
                Cell::new(near.truth.clone().unwrap_or("-".into())),
            ]);
        }
        println!("{out}");
    }

    fn rest(self, count: usize, key: &str) {
        if count > ROWS {
            println!("{}", tr(self.0, key, &[("count", &(count - ROWS))]));
        }
    }
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
}
