//! Rates of groups with their intervals, one panel for each rate.

use super::bars::width;
use super::matrix::shorten;
use super::svg::{Anchor, Axis, COLOURS, GRID, INK, Svg, number};
use crate::bootstrap::Interval;

/// Most rows that are drawn.
const MAX_ROWS: usize = 40;
/// Height of a row.
const ROW: f64 = 24.0;
/// Width of a panel, and of the room between two.
const PANEL: f64 = 150.0;
const GAP: f64 = 28.0;
/// Colour of what is too small to say anything.
const FAINT: &str = "#8a8a8a";

/// One rate of all groups.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPanel {
    /// Its name.
    pub name: String,
    /// Its value over all examples, drawn as a line.
    pub overall: Option<f64>,
    /// For each group its value; `None` leaves the place empty.
    pub marks: Vec<Option<GroupMark>>,
}

/// The value of one group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupMark {
    /// The value.
    pub value: f64,
    /// Where it lies with 95 % confidence.
    pub interval: Interval,
    /// Drawn faintly, because the group is too small.
    pub faint: bool,
}

/// A row for each group, and for each panel a dot with its interval. With `percent`, values from 0 to
/// 1 are written as shares of a hundred. Only the first forty groups are drawn.
pub fn groups(title: &str, names: &[String], panels: &[GroupPanel], percent: bool) -> String {
    let names: Vec<String> = names
        .iter()
        .take(MAX_ROWS)
        .map(|n| shorten(n, 36))
        .collect();
    let longest = names.iter().map(|n| width(n)).fold(60.0, f64::max);
    let (left, top) = (longest + 28.0, 72.0);
    let bottom = top + ROW * names.len() as f64;
    let right = left + panels.len() as f64 * (PANEL + GAP);
    let mut svg = Svg::new(right.max(360.0), bottom + 32.0);
    svg.text((16.0, 24.0), 16.0, Anchor::Start, INK, title);
    for (i, name) in names.iter().enumerate() {
        let y = top + (i as f64 + 0.5) * ROW;
        svg.text((left - 8.0, y + 4.0), 12.0, Anchor::End, INK, name);
        svg.line((left, y), (right - GAP, y), GRID);
    }
    for (i, panel) in panels.iter().enumerate() {
        let from = left + i as f64 * (PANEL + GAP);
        draw(&mut svg, panel, (from, top, bottom), percent);
    }
    svg.finish(title)
}

fn draw(svg: &mut Svg, panel: &GroupPanel, (left, top, bottom): (f64, f64, f64), percent: bool) {
    let marks = || panel.marks.iter().take(MAX_ROWS).enumerate();
    let ends = marks()
        .filter_map(|(_, m)| *m)
        .flat_map(|m| [m.interval.low, m.interval.high]);
    let axis = Axis::over(ends.chain([0.0]).chain(panel.overall), left, left + PANEL);
    let middle = (left + PANEL / 2.0, top - 12.0);
    svg.text(middle, 12.0, Anchor::Middle, INK, &shorten(&panel.name, 24));
    for tick in axis.ticks() {
        let text = if percent { 100.0 * tick } else { tick };
        svg.line((axis.at(tick), top), (axis.at(tick), bottom), GRID);
        let place = (axis.at(tick), bottom + 16.0);
        svg.text(place, 10.0, Anchor::Middle, INK, &number(text));
    }
    if let Some(overall) = panel.overall {
        let x = axis.at(overall);
        svg.polyline(&[(x, top), (x, bottom)], COLOURS[1], true);
    }
    for (row, mark) in marks().filter_map(|(i, m)| Some((i, (*m)?))) {
        let y = top + (row as f64 + 0.5) * ROW;
        let colour = if mark.faint { FAINT } else { COLOURS[0] };
        let ends = [mark.interval.low, mark.interval.high].map(|end| (axis.at(end), y));
        svg.polyline(&ends, colour, mark.faint);
        // Dots are light, and have to stand out from the line.
        let (x, side) = (axis.at(mark.value), 8.0);
        svg.rect((x - side / 2.0, y - side / 2.0), (side, side), colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::to_png;

    #[test]
    fn each_group_has_a_mark_in_each_panel() {
        let mark = |value: f64, faint| {
            Some(GroupMark {
                value,
                interval: Interval {
                    low: value - 0.1,
                    high: value + 0.1,
                },
                faint,
            })
        };
        let panel = |name: &str, last: Option<GroupMark>| GroupPanel {
            name: name.into(),
            overall: Some(0.5),
            marks: vec![mark(0.4, false), mark(0.6, true), last],
        };
        let panels = [
            panel("selection rate", None),
            panel("准确率", mark(0.5, false)),
        ];
        let names = ["female × < 25", "男", "other & <more>"].map(String::from);
        let svg = groups("Groups", &names, &panels, true);
        // The page and five marks.
        assert_eq!(svg.matches("<rect").count(), 6);
        assert!(svg.contains("other &amp; &lt;more&gt;") && svg.contains(FAINT));
        assert!(to_png(&svg).unwrap().len() > 2000);
        assert!(groups("None", &[], &[], true).contains("None"));
    }
}
