//! What the model is asked to find reasons.

use super::Wish;
use modelwright_data::images::Pixels;
use modelwright_data::{Content, Dataset, ImageSet, Raster};
use modelwright_explain::picture::{Baseline, grad_cam, integrated, occlusion};
use modelwright_explain::table::{Counterfactuals, Search, counterfactuals, shapley};
use modelwright_explain::text::{integrated as integrated_words, leave_one_out};
use modelwright_explain::{Explanation, Method, Subject};
use modelwright_serve::Input;
use modelwright_tasks::{Predictor, TaskError};

/// Most rows of the data that a row is compared with.
const BACKGROUND: usize = 200;
/// Most columns that are changed together.
const MOST_CHANGES: usize = 4;
/// Ways to another answer.
const WAYS: usize = 4;
/// What the example is called in messages.
const PLACE: &str = "the example";

/// What a method says.
pub(super) enum Reasons {
    /// Shares of the pieces of an example.
    Shares {
        explanation: Box<Explanation>,
        /// The picture that is explained.
        picture: Option<Raster>,
    },
    /// What would have to be another.
    Changes(Counterfactuals),
}

/// Reasons for the answer to one example by the method of a wish.
///
/// # Errors
/// The method does not suit the model, or what it needs beside the example is not there.
pub(super) fn reasons(
    predictor: &dyn Predictor,
    method: Method,
    wish: &Wish,
    input: Input,
    data: Option<&Dataset>,
) -> Result<Reasons, TaskError> {
    let content = match input {
        Input::Images(rasters) => Content::Images(ImageSet::unlabelled(Pixels::Rasters(rasters))),
        Input::Table(table) => Content::Table(table),
    };
    let content = predictor.prepare(PLACE, content)?;
    if method == Method::Counterfactual {
        let (subject, wanted) = wish.answer().of(predictor, PLACE, &content, 0)?;
        let search = Search {
            wanted,
            fixed: &wish.fixed,
            most_changes: MOST_CHANGES,
            count: WAYS,
        };
        let others = background(predictor, data)?;
        let found = counterfactuals(&subject, &content, 0, &others, &search)?;
        return Ok(Reasons::Changes(found));
    }
    let subject = Subject::new(predictor, PLACE, wish.class.as_deref(), &content, 0)?;
    let picture = match &content {
        Content::Images(set) => Some(set.raster(0)?),
        Content::Table(_) => None,
    };
    let explanation = match method {
        Method::GradCam => grad_cam(&subject, &content, 0)?,
        Method::IntegratedGradients if picture.is_some() => {
            integrated(&subject, &content, 0, Baseline::Mean)?
        }
        Method::IntegratedGradients => integrated_words(&subject, &content, 0)?,
        Method::Occlusion => occlusion(&subject, &content, 0, None)?,
        Method::LeaveOneOut => leave_one_out(&subject, &content, 0)?,
        _ => shapley(&subject, &content, 0, &background(predictor, data)?)?,
    };
    Ok(Reasons::Shares {
        explanation: Box::new(explanation),
        picture,
    })
}

/// Rows of the data, spread over all of it.
fn background(predictor: &dyn Predictor, data: Option<&Dataset>) -> Result<Content, TaskError> {
    let Some((Content::Table(table), source)) = data.map(|d| (&d.content, &d.source)) else {
        return Err(TaskError::Asked {
            message: "the data of the run is gone, and a row is compared with its rows".into(),
            help: "bring the data back to where it was".into(),
        });
    };
    let step = table.rows().div_ceil(BACKGROUND).max(1);
    let rows: Vec<usize> = (0..table.rows()).step_by(step).collect();
    predictor.prepare(source, Content::Table(table.select(&rows)))
}
