//! Integrated gradients of the word vectors of a text.

use super::{share, text_of};
use crate::explanation::{Explanation, Shares, TextShare};
use crate::method::Method;
use crate::path::integrated_gradients;
use crate::said::{Setting, Unit};
use crate::subject::Subject;
use crate::{Result, asked};
use modelwright_data::Content;
use modelwright_tasks::Inside;

/// Points of the path, as many as in Captum.
const STEPS: usize = 50;
/// Numbers that go through a network at once with their gradients.
const AT_ONCE: usize = 1 << 18;

/// The share of each token in the score that the text has and a text of padding alone, of the same
/// length and with the same special tokens, has not.
///
/// # Errors
/// The model is no network of texts.
pub fn integrated(subject: &Subject, examples: &Content, row: usize) -> Result<Explanation> {
    let Inside::Texts(net) = subject.predictor().inside() else {
        return Err(asked(
            "this method looks into a network of texts, which this model is not",
            "leave --method away",
        ));
    };
    let (_, text) = text_of(subject, examples, row)?;
    let read = net.read(&text);
    let (ids, pieces) = (&read.ids, &read.pieces);
    let special = |i: usize| pieces[i].is_empty();
    let blank: Vec<u32> = (0..ids.len())
        .map(|i| if special(i) { ids[i] } else { read.padding })
        .collect();
    let (input, baseline) = (net.words(ids), net.words(&blank));
    let at_once = (AT_ONCE / input.len().max(1)).max(1);
    let found = integrated_gradients(&input, &baseline, STEPS, at_once, |points| {
        net.slopes(ids, points, subject.output())
    });
    let width = input.len() / ids.len();
    let sums: Vec<f64> = found
        .values
        .chunks_exact(width)
        .map(|row| row.iter().sum())
        .collect();
    let of_token = |i: usize| -> TextShare { share(&text, pieces[i].clone(), sums[i]) };
    let pieces = (0..ids.len())
        .filter(|i| !special(*i))
        .map(of_token)
        .collect();
    let settings = Setting::Padding {
        points: STEPS,
        cut: read.truncated,
    };
    let shares = Shares::Text {
        text: text.clone(),
        pieces,
    };
    let (method, unit) = (Method::IntegratedGradients, Unit::Logit);
    let mut explanation = Explanation::new(method, subject, unit, found.score, settings, shares);
    explanation.base = Some(found.base);
    explanation.delta = Some(found.delta());
    Ok(explanation)
}
