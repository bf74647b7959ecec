//! What a network tells beside its answers: how they change with what it sees. Explanations that need
//! more than answers are made of it.

use crate::error::TaskError;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use modelwright_data::{Content, TableEncoder};
use modelwright_kernels::noise;
use std::ops::Range;

/// What can be seen of a model's inside.
pub enum Inside<'a> {
    /// Nothing: only its answers are known.
    Closed,
    /// A network of pictures.
    Pictures(&'a dyn PictureInside),
    /// A network of texts.
    Texts(&'a dyn TextInside),
    /// A network of rows.
    Rows(&'a dyn RowInside),
}

/// An output of a network, before softmax or sigmoid, at some points of what it sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Slopes {
    /// The output at each point.
    pub scores: Vec<f64>,
    /// Its gradient with respect to each number of each point, point by point.
    pub gradients: Vec<f32>,
}

/// The last feature map of one picture, `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSlopes {
    /// Channels, height and width.
    pub shape: [usize; 3],
    /// Its values.
    pub values: Vec<f32>,
    /// The gradient of an output with respect to each of them.
    pub gradients: Vec<f32>,
}

/// A network of pictures.
pub trait PictureInside: Sync {
    /// `[channels, height, width]` of a picture as the network sees it.
    fn planes(&self) -> [usize; 3];

    /// A picture as the network sees it: planes, normalized. The mean picture of the training is all 0.
    fn see(&self, place: &str, content: &Content, row: usize) -> Result<Vec<f32>, TaskError>;

    /// The same of a black picture.
    fn see_black(&self) -> Vec<f32>;

    /// An output of the network for pictures as it sees them, one after the other.
    fn slopes(&self, pictures: &[f32], output: usize) -> Slopes;

    /// The last feature map of one picture; `None` for a network without convolutions.
    fn feature_map(&self, picture: &[f32], output: usize) -> Option<FeatureSlopes>;
}

/// A text as a network reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTokens {
    /// The tokens, special ones included.
    pub ids: Vec<u32>,
    /// The bytes of the text that each stands for; empty for special ones.
    pub pieces: Vec<Range<usize>>,
    /// Whether the end of the text is not read.
    pub truncated: bool,
    /// The token that stands for nothing.
    pub padding: u32,
}

/// A network of texts.
pub trait TextInside: Sync {
    /// The tokens of a text.
    fn read(&self, text: &str) -> TextTokens;

    /// The word vectors of tokens, one after the other.
    fn words(&self, ids: &[u32]) -> Vec<f32>;

    /// An output of the network for texts of the length of `ids`, given as their word vectors.
    fn slopes(&self, ids: &[u32], words: &[f32], output: usize) -> Slopes;
}

/// Outputs of a linear model.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearOutputs {
    /// A row of weights for each output, one weight an input; of a quantity in its unit.
    pub weights: Vec<Vec<f64>>,
    /// What is added to each.
    pub biases: Vec<f64>,
}

/// A network of rows.
pub trait RowInside: Sync {
    /// From columns to inputs.
    fn encoder(&self) -> &TableEncoder;

    /// The model itself, if it is linear.
    fn linear(&self) -> Option<LinearOutputs>;
}

/// `net` where gradients can be taken with respect to its input: its weights stay constants, and batch
/// norms keep their running statistics.
pub(crate) fn opened<M: Module>(net: &M) -> M {
    net.clone().train().no_grad()
}

/// The outputs number `output` of `forward` at `points`, which have the shape of `one` each, and their
/// gradients. The points go through together; each output must depend on its own point alone.
pub(crate) fn slopes<const D: usize>(
    points: &[f32],
    one: [usize; D],
    output: usize,
    device: &Device,
    forward: impl Fn(Tensor<D>) -> Tensor<2>,
) -> Slopes {
    let mut shape = one;
    let size: usize = one[1..].iter().product();
    shape[0] = points.len() / size.max(1);
    let data = TensorData::new(points.to_vec(), shape);
    let x = Tensor::<D>::from_data(data, &device.clone().autodiff()).require_grad();
    let y = noise::without(|| forward(x.clone())).narrow(1, output, 1);
    let gradients = x.grad(&y.clone().sum().backward());
    let gradients = match gradients {
        Some(gradients) => gradients.into_data().iter::<f32>().collect(),
        None => vec![0.0; points.len()],
    };
    Slopes {
        scores: y.inner().into_data().iter::<f64>().collect(),
        gradients,
    }
}
