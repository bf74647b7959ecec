//! True against predicted values.

use super::svg::{Anchor, Axis, COLOURS, GRID, INK, Svg};

/// Points of (true, predicted) with the line on which they would lie if all were right.
pub fn scatter(title: &str, unit: &str, pairs: &[(f64, f64)]) -> String {
    let (left, right, top, bottom) = (88.0, 536.0, 48.0, 496.0);
    let both = || pairs.iter().flat_map(|p| [p.0, p.1]);
    let x = Axis::over(both(), left, right);
    let y = Axis::over(both(), bottom, top);
    let mut svg = Svg::new(560.0, 560.0);
    svg.text((left, 24.0), 16.0, Anchor::Start, INK, title);
    for tick in x.ticks() {
        svg.line((x.at(tick), bottom), (x.at(tick), top), GRID);
        svg.line((left, y.at(tick)), (right, y.at(tick)), GRID);
        svg.x_tick(x.at(tick), bottom, tick);
        svg.y_tick(left, y.at(tick), tick);
    }
    svg.line((left, bottom), (right, top), COLOURS[1]);
    for (truth, predicted) in pairs {
        svg.dot((x.at(*truth), y.at(*predicted)), COLOURS[0]);
    }
    svg.text(
        ((left + right) / 2.0, 544.0),
        12.0,
        Anchor::Middle,
        INK,
        &format!("true {unit}"),
    );
    svg.vertical_text(
        (18.0, (top + bottom) / 2.0),
        12.0,
        Anchor::Middle,
        &format!("predicted {unit}"),
    );
    svg.finish(title)
}
