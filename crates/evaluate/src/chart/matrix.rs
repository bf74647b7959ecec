//! The confusion matrix.

use super::frame::Words;
use super::svg::{Anchor, INK, Svg};
use crate::grouped;

/// Most characters of a class name that are shown.
const LONGEST: usize = 14;
/// Side of the matrix that few classes fill and many grow out of, up to [`MAX_SIDE`].
const SIDE: f64 = 560.0;
/// Largest side of the matrix; with more classes the cells get smaller instead.
const MAX_SIDE: f64 = 900.0;
/// Smallest cell beside which a class name can be read; also the smallest that is set apart by a gap.
const READABLE: f64 = 6.0;

/// Rows are true classes, columns predicted ones; shades are shares of the row.
///
/// With so many classes that their names could not be read, the names are left away.
pub fn confusion(words: &Words, classes: &[String], counts: &[Vec<usize>]) -> String {
    let k = classes.len().max(1);
    let cell = (SIDE / k as f64)
        .clamp(READABLE, 56.0)
        .min(MAX_SIDE / k as f64);
    let readable = cell >= READABLE;
    let names: Vec<String> = match readable {
        true => classes.iter().map(|c| shorten(c, LONGEST)).collect(),
        false => Vec::new(),
    };
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as f64;
    let label = (cell * 0.4).clamp(5.0, 13.0);
    let (left, top) = (longest * label * 0.7 + 48.0, longest * label * 0.7 + 72.0);
    let side = cell * k as f64;
    let mut svg = Svg::new((left + side + 24.0).max(360.0), top + side + 24.0);
    svg.text((16.0, 24.0), 16.0, Anchor::Start, INK, words.title);
    let order = match readable {
        true => String::new(),
        false => format!(" ({} classes in their order)", grouped(k as i64)),
    };
    svg.text(
        (left + side / 2.0, 46.0),
        12.0,
        Anchor::Middle,
        INK,
        &format!("{}{order}", words.x),
    );
    svg.vertical_text((18.0, top + side / 2.0), 12.0, Anchor::Middle, words.y);
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
    ground(&mut svg, (left, top), cell, k, readable);
    // Small cells touch, and none is smaller than a unit, so that a single confusion stays visible.
    let size = match readable {
        true => cell - 1.0,
        false => cell.max(1.0),
    };
    for (row, counts) in counts.iter().enumerate() {
        let total = counts.iter().sum::<usize>().max(1) as f64;
        // Most cells of a large matrix are empty; the ground shows there.
        for (column, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let share = *count as f64 / total;
            let at = (left + column as f64 * cell, top + row as f64 * cell);
            svg.rect(at, (size, size), &shade(share, row == column));
            if cell >= 20.0 {
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
    svg.finish(words.title)
}

/// What empty cells look like, with white lines between them where `lined`.
fn ground(svg: &mut Svg, (left, top): (f64, f64), cell: f64, k: usize, lined: bool) {
    let side = cell * k as f64;
    svg.rect((left, top), (side, side), &shade(0.0, true));
    if lined {
        for i in 1..=k {
            let at = i as f64 * cell - 0.5;
            svg.line((left + at, top), (left + at, top + side), "#ffffff");
            svg.line((left, top + at), (left + side, top + at), "#ffffff");
        }
    }
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

/// The start of a name that has more than `longest` characters.
pub(super) fn shorten(name: &str, longest: usize) -> String {
    match name.chars().count() > longest {
        true => name.chars().take(longest - 1).chain(['…']).collect(),
        false => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Words, confusion};

    const WORDS: Words = Words {
        title: "Confusion",
        x: "predicted",
        y: "true",
    };

    /// A diagonal matrix with one confusion.
    fn chart(k: usize) -> String {
        let classes: Vec<String> = (0..k).map(|i| format!("name{i}")).collect();
        let mut counts = vec![vec![0; k]; k];
        for (i, row) in counts.iter_mut().enumerate() {
            row[i] = 9;
        }
        counts[0][1] = 1;
        confusion(&WORDS, &classes, &counts)
    }

    #[test]
    fn a_thousand_classes_make_a_chart_of_bearable_size() {
        let svg = chart(1000);
        // Page, ground, diagonal, one confusion.
        assert_eq!(svg.matches("<rect").count(), 1003);
        assert!(!svg.contains("name7"), "names that cannot be read");
        assert!(svg.contains("1,000 classes"));
        let width: f64 = svg.split("width=\"").nth(1).unwrap()[..5]
            .trim_end_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap();
        assert!(width < 1100.0, "{width}");
    }

    #[test]
    fn few_classes_are_named_and_counted() {
        let svg = chart(3);
        assert_eq!(svg.matches("<rect").count(), 6);
        assert_eq!(svg.matches("name1").count(), 2);
        assert_eq!(svg.matches(">9<").count(), 3);
    }
}
