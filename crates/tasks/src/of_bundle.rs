//! Using the model in a bundle for a moment, without keeping it.

use crate::error::TaskError;
use crate::input::InputSchema;
use crate::session::STACK;
use crate::task::{Prediction, Predictor, load};
use burn::tensor::Device;
use modelwright_data::Content;
use modelwright_runs::Bundle;
use std::path::Path;

/// What the model in a bundle takes.
pub fn input_of_bundle(bundle: &Path) -> Result<InputSchema, TaskError> {
    with_model(bundle, |predictor| Ok(predictor.input()))
}

/// What the model in a bundle says of some examples. `place` names them in messages.
pub fn predictions_of_bundle(
    bundle: &Path,
    place: &str,
    content: Content,
) -> Result<Vec<Prediction>, TaskError> {
    with_model(bundle, |predictor| {
        let content = predictor.prepare(place, content)?;
        predictor.predict(place, &content, 0..content.len())
    })
}

/// Does something with the model in a bundle, on a thread whose stack is large enough for it.
///
/// # Errors
/// The bundle cannot be read, or what is done fails.
pub fn with_model<T: Send>(
    bundle: &Path,
    work: impl FnOnce(&dyn Predictor) -> Result<T, TaskError> + Send,
) -> Result<T, TaskError> {
    let work = || work(&*load(&Bundle::open(bundle)?, Device::flex())?);
    let failed = |problem: &str| TaskError::asked(format!("{}: {problem}", bundle.display()), "");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(failed("its model broke off"))),
            Err(e) => Err(failed(&e.to_string())),
        }
    })
}
