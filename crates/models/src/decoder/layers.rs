//! Parts of a block: tables, norms, the perceptron.

use super::config::DecoderConfig;
use super::origin::Origin;
use crate::error::ModelError;
use crate::projection::Projection;
use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, TensorData};
use modelwright_kernels::nn::{
    Activation, Embedding, FrozenLinear, LayerNorm, Linear, RmsNorm, swiglu,
};
use modelwright_kernels::quant::Matrix;

/// One vector for each id; as a head, one score for each id. The vectors are parameters, or stay as a
/// file stores them and are none.
#[derive(Module, Debug)]
pub(super) struct Table {
    weight: Option<Param<Tensor<2>>>,
    #[module(skip)]
    kept: Option<FrozenLinear>,
}

impl Table {
    pub fn trained(weight: Param<Tensor<2>>) -> Self {
        Self {
            weight: Some(weight),
            kept: None,
        }
    }

    pub fn frozen(weight: Matrix) -> Self {
        Self {
            weight: None,
            kept: Some(FrozenLinear::new(weight)),
        }
    }

    /// The vectors, where they are no parameters.
    pub fn kept(&self) -> Option<&Matrix> {
        self.kept.as_ref().map(FrozenLinear::matrix)
    }

    /// `[rows, seq]` ids to their vectors, `[rows, seq, features]`.
    pub fn rows(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        match (&self.weight, self.kept()) {
            (Some(weight), _) => Embedding {
                weight: weight.clone(),
            }
            .forward(ids),
            (None, Some(matrix)) => copied(matrix, ids),
            (None, None) => unreachable!("a table has vectors"),
        }
    }

    /// The product of `x` `[n, features]` with every vector, `[n, ids]`.
    pub fn scores(&self, x: Tensor<2>) -> Tensor<2> {
        match (&self.weight, &self.kept) {
            (Some(weight), _) => Linear {
                weight: weight.clone(),
                bias: None,
            }
            .forward(x),
            (None, Some(kept)) => kept.forward(x),
            (None, None) => unreachable!("a table has vectors"),
        }
    }
}

/// Rows of a matrix, unpacked.
fn copied(matrix: &Matrix, ids: Tensor<2, Int>) -> Tensor<3> {
    let ([rows, seq], device, features) = (ids.dims(), ids.device(), matrix.cols());
    let mut values = vec![0.0; rows * seq * features];
    let ids = ids.into_data();
    for (id, row) in ids.iter::<i64>().zip(values.chunks_exact_mut(features)) {
        let id = usize::try_from(id).ok().filter(|id| *id < matrix.rows());
        let Some(id) = id else {
            panic!(
                "a token is not among the {} of the embedding",
                matrix.rows()
            )
        };
        matrix.row(id, row);
    }
    Tensor::from_data(TensorData::new(values, [rows, seq, features]), &device)
}

/// The norm of each token's features.
#[derive(Module, Debug)]
pub(super) enum Norm {
    /// Llama's.
    Rms(RmsNorm),
    /// GPT-2's.
    Layer(LayerNorm),
}

impl Norm {
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Rms(norm) => norm.forward(x),
            Self::Layer(norm) => norm.forward(x),
        }
    }
}

/// The perceptron of a block: `down(silu(gate x) * up x)` (Shazeer 2020), or `down(gelu(up x))`.
#[derive(Module, Debug)]
pub(super) struct Perceptron {
    gate_proj: Option<Projection>,
    up_proj: Projection,
    down_proj: Projection,
}

impl Perceptron {
    pub fn new(name: &str, c: &DecoderConfig, origin: &Origin) -> Result<Self, ModelError> {
        let linear = |part: &str, size: [usize; 2]| {
            origin.linear(&format!("{name}.{part}"), size, c.mlp_bias)
        };
        let (wide, narrow) = ([c.intermediate, c.hidden], [c.hidden, c.intermediate]);
        Ok(Self {
            gate_proj: match c.family.gated() {
                true => Some(linear("gate_proj", wide)?),
                false => None,
            },
            up_proj: linear("up_proj", wide)?,
            down_proj: linear("down_proj", narrow)?,
        })
    }

    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let wide = match &self.gate_proj {
            Some(gate) => swiglu(gate.forward(x.clone()), self.up_proj.forward(x)),
            None => self.up_proj.forward_activated(x, Activation::GeluTanh),
        };
        self.down_proj.forward(wide)
    }

    /// The layers by name.
    pub fn projections(&self) -> impl Iterator<Item = (&'static str, &Projection)> {
        let gate = self.gate_proj.as_ref().map(|gate| ("gate_proj", gate));
        let others = [("up_proj", &self.up_proj), ("down_proj", &self.down_proj)];
        gate.into_iter().chain(others)
    }
}
