//! ROC and precision-recall curves.

use super::frame::{Frame, Words, legend};
use super::svg::{Anchor, COLOURS, INK, Svg};
use crate::curves::ClassCurves;

/// ROC curves with their areas. Only the first six classes are drawn; put those that matter most first.
pub fn roc(words: &Words, curves: &[ClassCurves]) -> String {
    let curves = curves.iter().map(|c| Curve {
        name: format!("{} ({:.3})", c.class, c.auroc),
        points: c.roc.iter().map(|p| (p.fpr, p.tpr)).collect(),
    });
    let chance = vec![(0.0, 0.0), (1.0, 1.0)];
    square(words, curves.collect(), Some(chance))
}

/// Precision-recall curves with their average precision. Only the first six classes are drawn. For a
/// single class a line shows the precision of guessing, which is its share of the examples.
pub fn precision_recall(words: &Words, curves: &[ClassCurves]) -> String {
    let chance = match curves {
        [only] => {
            let share = only.positives as f64 / (only.positives + only.negatives) as f64;
            Some(vec![(0.0, share), (1.0, share)])
        }
        _ => None,
    };
    let curves = curves.iter().map(|c| Curve {
        name: format!("{} ({:.3})", c.class, c.average_precision),
        points: c
            .precision_recall
            .iter()
            .map(|p| (p.recall, p.precision))
            .collect(),
    });
    square(words, curves.collect(), chance)
}

struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Curves of shares over shares, with what guessing would give as a dashed line.
fn square(words: &Words, curves: Vec<Curve>, chance: Option<Vec<(f64, f64)>>) -> String {
    let shown = &curves[..curves.len().min(COLOURS.len())];
    let unit = || [0.0, 1.0].into_iter();
    let frame = Frame::new((64.0, 464.0, 44.0, 444.0), unit(), unit());
    // The legend stands below, where it hides no curve.
    let mut svg = Svg::new(496.0, 508.0 + 16.0 * shown.len() as f64);
    frame.ground(&mut svg, words, &frame.x_ticks());
    if let Some(chance) = chance {
        frame.curve(&mut svg, &chance, INK, true);
    }
    for (curve, colour) in shown.iter().zip(COLOURS) {
        frame.curve(&mut svg, &curve.points, colour, false);
    }
    let names = shown.iter().map(|c| c.name.as_str()).zip(COLOURS);
    let names: Vec<_> = names.collect();
    legend(&mut svg, (frame.left, 512.0), Anchor::Start, &names);
    svg.finish(words.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::to_png;

    const WORDS: Words = Words {
        title: "标题",
        x: "横轴",
        y: "纵轴",
    };

    #[test]
    fn each_class_has_its_curve_and_its_area() {
        let curves = |class: &str| {
            let p = [0.9, 0.6, 0.4, 0.3];
            ClassCurves::new(class, &p, &[true, false, true, false]).unwrap()
        };
        let one = [curves("yes")];
        for svg in [roc(&WORDS, &one), precision_recall(&WORDS, &one)] {
            // The curve and what guessing gives.
            assert_eq!(svg.matches("<polyline").count(), 2);
            for word in ["标题", "横轴", "纵轴", "yes (0."] {
                assert!(svg.contains(word), "{word}");
            }
        }
        assert!(roc(&WORDS, &one).contains("yes (0.750)"));
        let many: Vec<_> = (0..9).map(|i| curves(&i.to_string())).collect();
        let svg = precision_recall(&WORDS, &many);
        assert_eq!(svg.matches("<polyline").count(), 6);
        assert!(to_png(&svg).is_ok());
    }
}
