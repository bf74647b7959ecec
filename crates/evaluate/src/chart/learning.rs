//! The error over the number of training examples.

use super::frame::{Frame, Words, legend};
use super::svg::{Anchor, COLOURS, INK, Svg};
use crate::chance::SURE;
use crate::grouped;
use crate::learning_curve::LearningCurve;

/// Room that the text of a tick needs.
const APART: f64 = 48.0;

/// Words of the chart beside title and axes.
#[derive(Debug, Clone, Copy)]
pub struct LearningWords<'a> {
    /// Title, training examples, and error.
    pub words: Words<'a>,
    /// The measured errors.
    pub measured: &'a str,
    /// The law through them.
    pub fitted: &'a str,
    /// The data there is.
    pub now: &'a str,
}

/// Measured errors, the law through them and the band in which it lies, up to ten times the data; the
/// horizontal axis is logarithmic.
pub fn learning(words: &LearningWords, curve: &LearningCurve) -> String {
    let band = || curve.band.iter();
    let sizes = band().map(|f| f.examples.log10());
    let ends = band().flat_map(|f| [f.error, f.interval.low, f.interval.high]);
    let ends = ends.chain(curve.points.iter().map(|p| p.error));
    let frame = Frame::new((80.0, 696.0, 48.0, 344.0), sizes, ends.chain([0.0]));
    let mut svg = Svg::new(720.0, 404.0);
    frame.ground(&mut svg, &words.words, &ticks(curve, &frame));
    let upper = band().map(|f| frame.at((f.examples.log10(), f.interval.high)));
    let lower = band().map(|f| frame.at((f.examples.log10(), f.interval.low)));
    let outline: Vec<_> = upper.chain(lower.rev()).collect();
    svg.area(&outline, COLOURS[0]);
    let law: Vec<_> = band().map(|f| (f.examples.log10(), f.error)).collect();
    frame.curve(&mut svg, &law, COLOURS[0], false);
    let now = frame.x.at(curve.now.examples.log10());
    svg.polyline(&[(now, frame.bottom), (now, frame.top)], INK, true);
    for point in &curve.points {
        let x = (point.examples as f64).log10();
        let off = SURE * point.spread;
        let from = frame.at((x, (point.error - off).max(0.0)));
        let to = frame.at((x, point.error + off));
        svg.line(from, (to.0, to.1.max(frame.top)), COLOURS[1]);
        svg.dot(frame.at((x, point.error)), COLOURS[1]);
    }
    let names = [
        (words.measured, COLOURS[1]),
        (words.fitted, COLOURS[0]),
        (words.now, INK),
    ];
    legend(&mut svg, (frame.right - 8.0, 64.0), Anchor::End, &names);
    svg.finish(words.words.title)
}

/// Numbers of examples at the axis: the data there is, twice and ten times that, and of the measured
/// ones those that have room.
fn ticks(curve: &LearningCurve, frame: &Frame) -> Vec<(f64, String)> {
    let ahead = [&curve.now, &curve.tenfold, &curve.twice].map(|f| f.examples);
    let measured = curve.points.iter().rev().map(|p| p.examples as f64);
    let mut kept: Vec<f64> = Vec::new();
    for size in ahead.into_iter().chain(measured) {
        let x = |size: f64| frame.x.at(size.log10());
        if kept.iter().all(|k| (x(*k) - x(size)).abs() >= APART) {
            kept.push(size);
        }
    }
    let text = |size: f64| (size.log10(), grouped(size as i64));
    kept.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::to_png;
    use crate::learning_curve::LearningPoint;

    #[test]
    fn points_law_and_band_are_drawn() {
        let words = LearningWords {
            words: Words {
                title: "学习曲线",
                x: "训练样本数",
                y: "错误率",
            },
            measured: "实测",
            fitted: "拟合",
            now: "目前",
        };
        let points = [(100, 0.4), (110, 0.39), (400, 0.2), (1600, 0.11)];
        let points = points.map(|(n, error)| LearningPoint::share(n, error, 300));
        let curve = LearningCurve::fit(&points, 100, 1).unwrap();
        let svg = learning(&words, &curve);
        assert_eq!(svg.matches("<circle").count(), 4);
        assert_eq!(svg.matches("<polygon").count(), 1);
        assert!(to_png(&svg).is_ok());
        for word in ["1,600", "3,200", "16,000", "400", "110", "拟合"] {
            assert!(svg.contains(word), "{word}");
        }
        // No room beside 110.
        assert!(!svg.contains(">100<"));
    }
}
