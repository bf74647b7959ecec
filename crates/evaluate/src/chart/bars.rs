//! Shares as horizontal bars.

use super::matrix::shorten;
use super::svg::{Anchor, COLOURS, GRID, INK, Svg};
use crate::grouped;

/// Most rows that are drawn.
const MAX_ROWS: usize = 40;
/// Height of a bar.
const BAR: f64 = 12.0;
/// Room between two rows.
const GAP: f64 = 10.0;

/// Values from 0 to 1, a row for each name with one bar for each of `series`. Only the first forty
/// rows are drawn; put those that matter most first.
pub fn bars(title: &str, series: &[&str], rows: &[(String, Vec<f64>)]) -> String {
    let shown = &rows[..rows.len().min(MAX_ROWS)];
    let names: Vec<String> = shown.iter().map(|(name, _)| shorten(name, 28)).collect();
    let longest = names.iter().map(|n| width(n)).fold(0.0, f64::max);
    let (left, top) = (longest + 28.0, 68.0);
    let (right, row_height) = (left + 420.0, series.len() as f64 * BAR + GAP);
    let bottom = top + row_height * shown.len() as f64;
    let at = |value: f64| left + value.clamp(0.0, 1.0) * (right - left);
    let mut svg = Svg::new(right + 60.0, bottom + 40.0);
    svg.text((16.0, 24.0), 16.0, Anchor::Start, INK, title);
    if rows.len() > MAX_ROWS {
        let note = format!("the first {MAX_ROWS} of {}", grouped(rows.len() as i64));
        svg.text((right, bottom + 32.0), 12.0, Anchor::End, INK, &note);
    }
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.line((at(tick), top - 4.0), (at(tick), bottom), GRID);
        let label = format!("{:.0} %", 100.0 * tick);
        svg.text((at(tick), bottom + 16.0), 12.0, Anchor::Middle, INK, &label);
    }
    let mut legend = left;
    for (i, name) in series.iter().enumerate() {
        svg.rect((legend, 42.0), (BAR, BAR), colour(i));
        svg.text((legend + 18.0, 52.0), 12.0, Anchor::Start, INK, name);
        legend += width(name) + 40.0;
    }
    for (i, (name, (_, values))) in names.iter().zip(shown).enumerate() {
        let y = top + i as f64 * row_height + GAP / 2.0;
        let middle = y + (row_height - GAP) / 2.0 + 4.0;
        svg.text((left - 8.0, middle), 12.0, Anchor::End, INK, name);
        for (j, value) in values.iter().enumerate() {
            let y = y + j as f64 * BAR;
            svg.rect((left, y), (at(*value) - left, BAR - 1.0), colour(j));
            let label = format!("{:.1}", 100.0 * value);
            let place = (at(*value) + 4.0, y + BAR - 2.5);
            svg.text(place, 10.0, Anchor::Start, INK, &label);
        }
    }
    svg.finish(title)
}

fn colour(i: usize) -> &'static str {
    COLOURS[i % COLOURS.len()]
}

/// About how wide a text of size 12 is; Chinese characters are twice as wide as Latin ones.
pub(super) fn width(text: &str) -> f64 {
    let of = |c: char| if c >= '\u{2e80}' { 12.0 } else { 7.5 };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn each_row_has_its_bars_and_a_long_list_is_cut() {
        let row = |i: usize| (format!("标签 {i}"), vec![i as f64 / 100.0, 1.0]);
        let rows: Vec<_> = (0..50).map(row).collect();
        let few = bars("Labels", &["precision", "recall"], &rows[..3]);
        // Page, two in the legend, three rows of two.
        assert_eq!(few.matches("<rect").count(), 9);
        assert!(!few.contains("the first"));
        let many = bars("Labels", &["precision", "recall"], &rows);
        assert_eq!(many.matches("<rect").count(), 83);
        assert!(many.contains("the first 40 of 50"));
    }
}
