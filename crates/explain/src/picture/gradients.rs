//! Integrated gradients of a picture.

use super::{PictureMap, inside};
use crate::Result;
use crate::explanation::{Explanation, Shares};
use crate::method::Method;
use crate::path::integrated_gradients;
use crate::said::{Setting, Unit};
use crate::subject::Subject;
use modelwright_data::Content;

/// Points of the path, as many as in Captum.
const STEPS: usize = 50;
/// Numbers that go through a network at once with their gradients.
const AT_ONCE: usize = 1 << 19;

/// What a picture is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Baseline {
    /// A picture of one colour, the mean of the training pictures.
    #[default]
    Mean,
    /// A black one.
    Black,
}

/// The share of each pixel, over all its channels, in the score that the picture has and the baseline
/// has not.
///
/// # Errors
/// The model is no network of pictures.
pub fn integrated(
    subject: &Subject,
    examples: &Content,
    row: usize,
    baseline: Baseline,
) -> Result<Explanation> {
    let net = inside(subject)?;
    let picture = net.see(subject.place(), examples, row)?;
    let from = match baseline {
        Baseline::Mean => vec![0.0; picture.len()],
        Baseline::Black => net.see_black(),
    };
    let at_once = (AT_ONCE / picture.len().max(1)).max(1);
    let found = integrated_gradients(&picture, &from, STEPS, at_once, |points| {
        net.slopes(points, subject.output())
    });
    let [_, height, width] = net.planes();
    let mut values = vec![0.0; height * width];
    for plane in found.values.chunks_exact(height * width) {
        for (sum, value) in values.iter_mut().zip(plane) {
            *sum += value;
        }
    }
    let shares = Shares::Picture(PictureMap {
        height,
        width,
        values,
    });
    let settings = Setting::Colour {
        black: baseline == Baseline::Black,
        points: STEPS,
    };
    let (method, unit) = (Method::IntegratedGradients, Unit::Logit);
    let mut explanation = Explanation::new(method, subject, unit, found.score, settings, shares);
    explanation.base = Some(found.base);
    explanation.delta = Some(found.delta());
    Ok(explanation)
}
