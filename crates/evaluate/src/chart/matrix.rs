//! The confusion matrix.

use super::svg::{Anchor, INK, Svg};

/// Most characters of a class name that are shown.
const LONGEST: usize = 14;

/// Rows are true classes, columns predicted ones; shades are shares of the row.
pub fn confusion(title: &str, classes: &[String], counts: &[Vec<usize>]) -> String {
    let k = classes.len().max(1);
    let cell = (560.0 / k as f64).clamp(6.0, 56.0);
    let names: Vec<String> = classes.iter().map(|c| shorten(c)).collect();
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as f64;
    let label = (cell * 0.4).clamp(5.0, 13.0);
    let (left, top) = (longest * label * 0.7 + 48.0, longest * label * 0.7 + 72.0);
    let side = cell * k as f64;
    let mut svg = Svg::new((left + side + 24.0).max(360.0), top + side + 24.0);
    svg.text((16.0, 24.0), 16.0, Anchor::Start, INK, title);
    svg.text(
        (left + side / 2.0, 46.0),
        12.0,
        Anchor::Middle,
        INK,
        "predicted",
    );
    svg.vertical_text((18.0, top + side / 2.0), 12.0, Anchor::Middle, "true");
    for (i, name) in names.iter().enumerate() {
        let middle = (i as f64 + 0.5) * cell;
        svg.text(
            (left - 6.0, top + middle + label * 0.35),
            label,
            Anchor::End,
            INK,
            name,
        );
        svg.vertical_text(
            (left + middle + label * 0.35, top - 6.0),
            label,
            Anchor::Start,
            name,
        );
    }
    for (row, counts) in counts.iter().enumerate() {
        let total = counts.iter().sum::<usize>().max(1) as f64;
        for (column, count) in counts.iter().enumerate() {
            let share = *count as f64 / total;
            let at = (left + column as f64 * cell, top + row as f64 * cell);
            svg.rect(at, (cell - 1.0, cell - 1.0), &shade(share, row == column));
            if cell >= 20.0 && *count > 0 {
                let ink = if share > 0.55 { "#ffffff" } else { INK };
                let middle = (at.0 + cell / 2.0, at.1 + cell / 2.0 + 4.0);
                svg.text(
                    middle,
                    (cell * 0.3).min(12.0),
                    Anchor::Middle,
                    ink,
                    &count.to_string(),
                );
            }
        }
    }
    svg.finish(title)
}

/// White to blue for right answers, white to orange for wrong ones.
fn shade(share: f64, right: bool) -> String {
    let full = if right {
        [0.0, 90.0, 150.0]
    } else {
        [200.0, 80.0, 0.0]
    };
    // The root makes rare confusions visible.
    let share = share.sqrt();
    let mix = |c: f64| (245.0 + (c - 245.0) * share).round() as u8;
    format!(
        "#{:02x}{:02x}{:02x}",
        mix(full[0]),
        mix(full[1]),
        mix(full[2])
    )
}

fn shorten(name: &str) -> String {
    match name.chars().count() > LONGEST {
        true => name.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => name.to_string(),
    }
}
