//! Curves over epochs.

use super::svg::{Anchor, Axis, COLOURS, GRID, INK, Svg};

/// One curve.
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// (x, y), in order of x.
    pub points: Vec<(f64, f64)>,
    /// Drawn with a dashed line.
    pub dashed: bool,
}

/// A chart of curves with a legend.
pub fn lines(title: &str, x_label: &str, series: &[Series]) -> String {
    let (width, height) = (720.0, 400.0);
    let (left, right, top, bottom) = (64.0, 696.0, 56.0, 352.0);
    let points = || series.iter().flat_map(|s| s.points.iter());
    let x = Axis::over(points().map(|p| p.0), left, right);
    let y = Axis::over(points().map(|p| p.1), bottom, top);
    let mut svg = Svg::new(width, height);
    svg.text((left, 24.0), 16.0, Anchor::Start, INK, title);
    for tick in y.ticks() {
        svg.line((left, y.at(tick)), (right, y.at(tick)), GRID);
        svg.y_tick(left, y.at(tick), tick);
    }
    for tick in x.ticks().into_iter().filter(|t| t.fract() == 0.0) {
        svg.x_tick(x.at(tick), bottom, tick);
    }
    svg.text(
        ((left + right) / 2.0, height - 8.0),
        12.0,
        Anchor::Middle,
        INK,
        x_label,
    );
    let mut legend = right;
    for (i, one) in series.iter().enumerate().rev() {
        let colour = COLOURS[i % COLOURS.len()];
        let placed: Vec<_> = one
            .points
            .iter()
            .filter(|p| p.1.is_finite())
            .map(|p| (x.at(p.0), y.at(p.1)))
            .collect();
        match placed.as_slice() {
            [only] => svg.dot(*only, colour),
            _ => svg.polyline(&placed, colour, one.dashed),
        }
        svg.text((legend, 44.0), 12.0, Anchor::End, colour, &one.name);
        legend -= 8.0 * one.name.chars().count() as f64 + 16.0;
    }
    svg.finish(title)
}
