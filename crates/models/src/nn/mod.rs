//! The one door through which architectures take their layers.
//!
//! Architectures use only what is exported here. What stands behind a layer (Burn's own operation
//! today, a faster kernel tomorrow) can change without touching a model. Parameter names and layouts
//! are PyTorch's: `weight` of a linear layer is `[out, in]`, of a convolution `[out, in / groups, kh,
//! kw]`, a batch norm has `weight`, `bias`, `running_mean`, `running_var`.

mod batch_norm;
mod conv;
mod init;
mod linear;
mod loss;
mod pool;

pub use batch_norm::BatchNorm;
pub use burn::nn::{Dropout, DropoutConfig};
pub use burn::tensor::activation::relu;
pub use conv::{Conv2d, ConvSpec};
pub use init::Init;
pub use linear::Linear;
pub use loss::{Labels, cross_entropy, mse};
pub use pool::{MaxPool2d, global_avg_pool};
