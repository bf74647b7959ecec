//! The ground of a chart with two axes of numbers: grid, ticks, words, legend.

use super::svg::{Anchor, Axis, GRID, INK, Svg};

/// What stands on a chart, in the reader's language.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Above it.
    pub title: &'a str,
    /// At the horizontal axis.
    pub x: &'a str,
    /// At the vertical axis.
    pub y: &'a str,
}

/// Where on the drawing values lie.
pub(super) struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: Axis,
    pub y: Axis,
}

impl Frame {
    /// The part of a drawing between `left`, `right`, `top` and `bottom`, where the axes cover `x` and
    /// `y`.
    pub fn new(
        (left, right, top, bottom): (f64, f64, f64, f64),
        x: impl Iterator<Item = f64>,
        y: impl Iterator<Item = f64>,
    ) -> Self {
        Self {
            left,
            right,
            top,
            bottom,
            x: Axis::over(x, left, right),
            y: Axis::over(y, bottom, top),
        }
    }

    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    /// Title, grid, numbers and words of both axes; `x_ticks` gives (place, text) along the horizontal
    /// one.
    pub fn ground(&self, svg: &mut Svg, words: &Words, x_ticks: &[(f64, String)]) {
        self.rows(svg, words.y);
        for (place, text) in x_ticks {
            let x = self.x.at(*place);
            svg.line((x, self.bottom), (x, self.top), GRID);
            svg.text((x, self.bottom + 20.0), 12.0, Anchor::Middle, INK, text);
        }
        svg.text((self.left, 24.0), 16.0, Anchor::Start, INK, words.title);
        let below = ((self.left + self.right) / 2.0, self.bottom + 44.0);
        svg.text(below, 12.0, Anchor::Middle, INK, words.x);
    }

    /// Grid, numbers and words of the vertical axis.
    pub fn rows(&self, svg: &mut Svg, words: &str) {
        for tick in self.y.ticks() {
            let y = self.y.at(tick);
            svg.line((self.left, y), (self.right, y), GRID);
            svg.y_tick(self.left, y, tick);
        }
        let middle = (self.top + self.bottom) / 2.0;
        svg.vertical_text((18.0, middle), 12.0, Anchor::Middle, words);
    }

    /// The axis' own ticks, for [`ground`](Self::ground).
    pub fn x_ticks(&self) -> Vec<(f64, String)> {
        let ticks = self.x.ticks().into_iter();
        ticks.map(|t| (t, super::svg::number(t))).collect()
    }

    pub fn curve(&self, svg: &mut Svg, points: &[(f64, f64)], colour: &str, dashed: bool) {
        let placed: Vec<_> = points.iter().map(|p| self.at(*p)).collect();
        svg.polyline(&placed, colour, dashed);
    }
}

/// Names in the colours of what they name, one below the other from `(x, y)` down.
pub(super) fn legend(svg: &mut Svg, (x, y): (f64, f64), anchor: Anchor, names: &[(&str, &str)]) {
    for (i, (name, colour)) in names.iter().enumerate() {
        let place = (x, y + 16.0 * i as f64);
        svg.text(place, 12.0, anchor, colour, name);
    }
}
