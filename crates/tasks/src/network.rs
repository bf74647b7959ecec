//! Networks in bundles.

use crate::error::TaskError;
use burn::module::Module;
use modelwright_models::{ModelConfig, ModelError, catalog, weights};
use modelwright_runs::{Bundle, CONFIG, MODEL};

/// The network of a bundle, which `build` makes with fresh weights; `inputs` is the shape of one
/// example. Nothing is allocated before the size of the file has been compared with the description.
pub(crate) fn load<M: Module>(
    bundle: &Bundle,
    inputs: &[usize],
    outputs: usize,
    build: impl FnOnce(&ModelConfig) -> Result<M, ModelError>,
) -> Result<M, TaskError> {
    let config = config(bundle)?;
    let bytes = bundle.read(MODEL)?;
    let broken = |problem: String| bundle.broken(format!("{MODEL}: {problem}"));
    catalog::check_file(&config, inputs, outputs, bytes.len())
        .map_err(|e| broken(e.to_string()))?;
    let net = build(&config)?;
    let state = weights::from_bytes(&bytes).map_err(broken)?;
    Ok(weights::apply(net, state).map_err(broken)?)
}

/// How the network of a bundle is built.
pub(crate) fn config(bundle: &Bundle) -> Result<ModelConfig, TaskError> {
    let config = serde_json::from_value(bundle.config.model.clone());
    Ok(config.map_err(|e| bundle.broken(format!("{CONFIG}: {e}")))?)
}

/// The weights of a network as [`MODEL`] holds them.
pub(crate) fn to_bytes<M: Module>(net: &M) -> Result<Vec<u8>, TaskError> {
    weights::to_bytes(&weights::collect(net))
        .map_err(|e| TaskError::asked(format!("the weights cannot be written: {e}"), ""))
}
