//! The reliability diagram: what came true, over what was said.

use super::frame::{Frame, Words, legend};
use super::svg::{Anchor, COLOURS, INK, Svg};
use crate::calibration::ReliabilityBin;

/// Words of the diagram beside title and axes.
#[derive(Debug, Clone, Copy)]
pub struct ReliabilityWords<'a> {
    /// Title, probability, and share that came true.
    pub words: Words<'a>,
    /// Share of the examples.
    pub examples: &'a str,
    /// Probabilities as they come.
    pub before: &'a str,
    /// Probabilities after temperature scaling.
    pub after: &'a str,
}

/// Bars of what came true in each bin and, below, of how many examples are in it. Bars that end on the
/// dashed line are right. Bins after temperature scaling are a line with dots, if there are any.
pub fn reliability(
    words: &ReliabilityWords,
    before: &[ReliabilityBin],
    after: Option<&[ReliabilityBin]>,
) -> String {
    let unit = || [0.0, 1.0].into_iter();
    let shares = shares(before);
    let most = shares.iter().copied().fold(0.0, f64::max);
    let upper = Frame::new((64.0, 464.0, 64.0, 384.0), unit(), unit());
    let lower = Frame::new((64.0, 464.0, 404.0, 484.0), unit(), [0.0, most].into_iter());
    let mut svg = Svg::new(496.0, 544.0);
    lower.ground(&mut svg, &words.words_below(), &lower.x_ticks());
    upper.rows(&mut svg, words.words.y);
    for (bin, share) in before.iter().zip(&shares) {
        bar(&mut svg, &upper, bin, bin.rate);
        bar(&mut svg, &lower, bin, *share);
    }
    upper.curve(&mut svg, &[(0.0, 0.0), (1.0, 1.0)], INK, true);
    if let Some(after) = after {
        let points: Vec<_> = after.iter().map(|b| (b.confidence, b.rate)).collect();
        upper.curve(&mut svg, &points, COLOURS[1], false);
        for point in points {
            svg.dot(upper.at(point), COLOURS[1]);
        }
        let names = [(words.before, COLOURS[0]), (words.after, COLOURS[1])];
        legend(&mut svg, (upper.left + 12.0, 84.0), Anchor::Start, &names);
    }
    svg.finish(words.words.title)
}

impl<'a> ReliabilityWords<'a> {
    fn words_below(&self) -> Words<'a> {
        Words {
            y: self.examples,
            ..self.words
        }
    }
}

/// The share of all examples in each bin.
fn shares(bins: &[ReliabilityBin]) -> Vec<f64> {
    let all: usize = bins.iter().map(|b| b.examples).sum();
    bins.iter()
        .map(|b| b.examples as f64 / all.max(1) as f64)
        .collect()
}

fn bar(svg: &mut Svg, frame: &Frame, bin: &ReliabilityBin, value: f64) {
    let (left, top) = frame.at((bin.low, value));
    let right = frame.x.at(bin.high);
    let size = ((right - left - 1.0).max(1.0), frame.bottom - top);
    svg.rect((left + 0.5, top), size, COLOURS[0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Binning, bins};
    use crate::chart::to_png;

    #[test]
    fn each_bin_has_two_bars() {
        let words = ReliabilityWords {
            words: Words {
                title: "校准",
                x: "概率",
                y: "实际比例",
            },
            examples: "样本",
            before: "之前",
            after: "之后",
        };
        let outcomes: Vec<_> = (0..50).map(|i| (i as f32 / 50.0, i > 20)).collect();
        let bins = bins(&outcomes, 10, Binning::EqualWidth);
        let plain = reliability(&words, &bins, None);
        // Page, and two bars a bin; the line of what is right.
        assert_eq!(plain.matches("<rect").count(), 1 + 2 * bins.len());
        assert_eq!(plain.matches("<polyline").count(), 1);
        assert!(plain.contains("样本") && !plain.contains("之后"));
        let both = reliability(&words, &bins, Some(&bins));
        assert_eq!(both.matches("<circle").count(), bins.len());
        assert!(both.contains("之前") && both.contains("之后"));
        assert!(to_png(&both).is_ok());
        assert!(reliability(&words, &[], None).contains("</svg>"));
    }
}
