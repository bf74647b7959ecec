//! What a client may ask about server and models.

use super::examples::IMAGE;
use super::outputs;
use super::wire::Datatype;
use crate::model::Version;
use crate::summary::ModelSummary;
use modelwright_tasks::{InputSchema, InputValues};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it can do beyond the protocol.
    pub extensions: [&'static str; 4],
}

impl ServerMetadata {
    /// This program.
    pub fn this() -> Self {
        Self {
            name: "modelwright",
            version: env!("CARGO_PKG_VERSION"),
            extensions: [
                "binary_tensor_data",
                "classification",
                "model_repository",
                "statistics",
            ],
        }
    }
}

/// What a model takes and gives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelMetadata {
    /// Its name.
    pub name: String,
    /// Loaded versions.
    pub versions: Vec<String>,
    /// What runs it.
    pub platform: &'static str,
    /// What goes in.
    pub inputs: Vec<TensorMetadata>,
    /// What comes out.
    pub outputs: Vec<TensorMetadata>,
}

/// Name, type and shape of a tensor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub datatype: Datatype,
    /// Its shape; -1 stands for any number of examples.
    pub shape: Vec<i64>,
}

impl ModelMetadata {
    pub fn of(summary: &ModelSummary, version: &Version) -> Self {
        Self {
            name: summary.name.clone(),
            versions: summary.versions.iter().map(|v| v.version.clone()).collect(),
            platform: "modelwright",
            inputs: inputs(version.input()),
            outputs: outputs(version),
        }
    }

    /// The same as Triton's model configuration, as far as clients read it.
    pub fn config(&self, most: usize) -> Value {
        let tensor = |t: &TensorMetadata| {
            let kind = match t.datatype {
                Datatype::Bytes => "STRING".to_string(),
                other => json!(other).as_str().unwrap_or_default().to_string(),
            };
            json!({ "name": t.name, "data_type": format!("TYPE_{kind}"), "dims": t.shape[1..] })
        };
        json!({
            "name": self.name,
            "platform": self.platform,
            "backend": self.platform,
            "max_batch_size": most,
            "input": self.inputs.iter().map(tensor).collect::<Vec<_>>(),
            "output": self.outputs.iter().map(tensor).collect::<Vec<_>>(),
        })
    }
}

fn tensor(name: &str, datatype: Datatype, rest: &[usize]) -> TensorMetadata {
    let rest = rest.iter().map(|d| *d as i64);
    TensorMetadata {
        name: name.into(),
        datatype,
        shape: std::iter::once(-1).chain(rest).collect(),
    }
}

fn inputs(schema: &InputSchema) -> Vec<TensorMetadata> {
    match schema {
        InputSchema::Images {
            height,
            width,
            channels,
        } => vec![tensor(
            IMAGE,
            Datatype::Uint8,
            &[*height, *width, *channels],
        )],
        InputSchema::Table { columns } => {
            let column = |c: &modelwright_tasks::InputColumn| {
                let datatype = match c.values {
                    InputValues::Number { .. } => Datatype::Fp64,
                    InputValues::Category { .. } | InputValues::Text { .. } => Datatype::Bytes,
                };
                tensor(&c.name, datatype, &[])
            };
            columns.iter().map(column).collect()
        }
    }
}

fn outputs(version: &Version) -> Vec<TensorMetadata> {
    let outputs = outputs::outputs(version.output);
    let of = |output: &outputs::Output| {
        let width = output.width(version.output, version.labels.len());
        tensor(output.name, output.datatype, width.as_slice())
    };
    outputs.iter().map(of).collect()
}

/// Counts of a version, under Triton's names.
pub(crate) fn statistics(model: &str, version: &Version) -> Value {
    let (examples, passes) = version.computed();
    json!({
        "name": model,
        "version": version.number.to_string(),
        "inference_count": examples,
        "execution_count": passes,
    })
}
