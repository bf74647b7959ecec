//! A FAQ in a bundle.

use super::calibration::Calibration;
use super::entries::{Columns, Entries};
use super::matcher::{Faq, Matcher};
use super::predictor::FaqPredictor;
use crate::error::TaskError;
use crate::index::Vectors;
use crate::text_embedding::SentenceEncoder;
use burn::tensor::{Device, TensorData};
use modelwright_models::weights::{self, StateDict};
use modelwright_runs::{Bundle, PREPROCESSOR};
use serde::{Deserialize, Serialize};

/// Questions and answers.
const ENTRIES: &str = "entries.json";
/// What the questions mean.
const VECTORS: &str = "vectors.safetensors";
/// The name in the file.
const MEANINGS: &str = "meanings";

/// `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Preprocessor {
    /// Tells a FAQ from other models for `question-answering`.
    pub kind: Kind,
    #[serde(flatten)]
    pub columns: Columns,
    /// Below this probability it does not know.
    pub threshold: f32,
    pub calibration: Calibration,
    /// Whether a sentence encoder is in the bundle.
    pub encoder: bool,
    /// About how many characters of a question are read.
    pub characters: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Faq,
}

/// The files of a FAQ beside those of its encoder.
pub(super) fn files(
    preprocessor: &Preprocessor,
    matcher: &Matcher,
) -> Result<Vec<(&'static str, Vec<u8>)>, TaskError> {
    let json = |name, bytes: serde_json::Result<Vec<u8>>| (name, bytes.unwrap_or_default());
    let mut files = vec![
        json(PREPROCESSOR, serde_json::to_vec_pretty(preprocessor)),
        json(ENTRIES, serde_json::to_vec_pretty(&matcher.entries)),
    ];
    if let Some(meanings) = &matcher.meanings {
        let shape = [meanings.rows(), meanings.dimension()];
        let data = TensorData::new(meanings.values().to_vec(), shape);
        let bytes = weights::to_bytes(&StateDict::from([(MEANINGS.into(), data)]));
        files.push((VECTORS, bytes.map_err(|e| TaskError::asked(e, ""))?));
    }
    Ok(files)
}

/// The FAQ in a bundle.
pub(super) fn load(bundle: &Bundle, device: Device) -> Result<FaqPredictor, TaskError> {
    let preprocessor: Preprocessor = bundle.read_json(PREPROCESSOR)?;
    let entries: Entries = bundle.read_json(ENTRIES)?;
    let broken = |name: &str, problem: String| bundle.broken(format!("{name}: {problem}"));
    if let Some(problem) = entries.complaint() {
        return Err(broken(ENTRIES, problem).into());
    }
    if !preprocessor.calibration.is_finite() {
        return Err(broken(
            PREPROCESSOR,
            "its calibration holds what is no number".into(),
        )
        .into());
    }
    let (encoder, meanings) = match preprocessor.encoder {
        false => (None, None),
        true => {
            let encoder = SentenceEncoder::in_bundle(bundle, device)?;
            let shape = [entries.questions.len(), encoder.dimension()];
            let meanings = meanings(&bundle.read(VECTORS)?, shape);
            let meanings = meanings.map_err(|problem| broken(VECTORS, problem))?;
            (Some(encoder), Some(meanings))
        }
    };
    let faq = Faq {
        matcher: Matcher::new(entries, meanings),
        calibration: preprocessor.calibration,
        threshold: preprocessor.threshold,
    };
    Ok(FaqPredictor::new(
        faq,
        encoder,
        preprocessor.columns,
        preprocessor.characters,
    ))
}

fn meanings(content: &[u8], shape: [usize; 2]) -> Result<Vectors, String> {
    let mut state = weights::from_bytes(content)?;
    let data = state.remove(MEANINGS);
    let data = data.ok_or_else(|| {
        format!("no `{MEANINGS}` in it; a FAQ of an older version has to be trained again")
    })?;
    if data.shape().to_vec() != shape {
        let found = data.shape().to_vec();
        return Err(format!("`{MEANINGS}` is {found:?}, expected {shape:?}"));
    }
    let values = data.try_into_vec::<f32>().map_err(|e| format!("{e:?}"))?;
    Ok(Vectors::new(values, shape[1]))
}
