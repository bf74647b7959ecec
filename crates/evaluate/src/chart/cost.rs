//! What a decision costs, over its threshold.

use super::frame::{Frame, Words};
use super::svg::{Anchor, COLOURS, INK, Svg};
use crate::decision::{Decision, ThresholdOutcome};

/// Words of the chart beside title and axes.
#[derive(Debug, Clone, Copy)]
pub struct CostWords<'a> {
    /// Title, threshold, and cost of a case.
    pub words: Words<'a>,
    /// The best threshold.
    pub best: &'a str,
    /// The threshold of one half.
    pub half: &'a str,
}

/// The cost of each case over the threshold, with the best one, where that may lie as well, and one
/// half.
pub fn cost(words: &CostWords, decision: &Decision) -> String {
    let costs = decision.curve.iter().map(|p| p.1);
    let costs = costs.chain([decision.best.cost, decision.half.cost]);
    let frame = Frame::new((80.0, 696.0, 64.0, 344.0), [0.0, 1.0].into_iter(), costs);
    let mut svg = Svg::new(720.0, 404.0);
    frame.ground(&mut svg, &words.words, &frame.x_ticks());
    if let Some(interval) = decision.interval {
        let [left, right] = [interval.low, interval.high].map(|t| frame.x.at(t.clamp(0.0, 1.0)));
        let (top, bottom) = (frame.top, frame.bottom);
        let corners = [(left, bottom), (left, top), (right, top), (right, bottom)];
        svg.area(&corners, COLOURS[2]);
    }
    mark(&mut svg, &frame, &decision.half, words.half, INK, 58.0);
    mark(
        &mut svg,
        &frame,
        &decision.best,
        words.best,
        COLOURS[2],
        44.0,
    );
    frame.curve(&mut svg, &decision.curve, COLOURS[0], false);
    svg.finish(words.words.title)
}

/// A dashed line at a threshold, with its name above it.
fn mark(
    svg: &mut Svg,
    frame: &Frame,
    outcome: &ThresholdOutcome,
    name: &str,
    colour: &str,
    y: f64,
) {
    let x = frame.x.at(outcome.threshold.clamp(0.0, 1.0));
    svg.polyline(&[(x, frame.bottom), (x, frame.top)], colour, true);
    // Near an end the name goes inwards.
    let anchor = match outcome.threshold {
        t if t < 0.1 => Anchor::Start,
        t if t > 0.9 => Anchor::End,
        _ => Anchor::Middle,
    };
    let text = format!("{name} {:.2}", outcome.threshold);
    svg.text((x, y), 12.0, anchor, colour, &text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::to_png;
    use crate::decision::DecisionCosts;

    #[test]
    fn the_best_threshold_and_one_half_are_marked() {
        let words = CostWords {
            words: Words {
                title: "成本",
                x: "阈值",
                y: "每例成本",
            },
            best: "最优",
            half: "目前",
        };
        let p = [0.1, 0.2, 0.3, 0.7, 0.8];
        let truth = [false, false, true, false, true];
        let costs = DecisionCosts::of_errors(1.0, 5.0);
        let svg = cost(&words, &Decision::new(&p, &truth, costs, 100, 1).unwrap());
        assert!(svg.contains("最优 0.25") && svg.contains("目前 0.50"));
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert_eq!(svg.matches("<polygon").count(), 1);
        assert!(to_png(&svg).is_ok());
    }
}
