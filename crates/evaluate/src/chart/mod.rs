//! Charts as SVG, and as PNG drawn from the same SVG.

mod bars;
mod cost;
mod curves;
mod frame;
mod groups;
mod learning;
mod lines;
mod matrix;
mod png;
mod reliability;
mod scatter;
mod svg;

pub use bars::bars;
pub use cost::{CostWords, cost};
pub use curves::{precision_recall, roc};
pub use frame::Words;
pub use groups::{GroupMark, GroupPanel, groups};
pub use learning::{LearningWords, learning};
pub use lines::{Series, lines};
pub use matrix::confusion;
pub use png::to_png;
pub use reliability::{ReliabilityWords, reliability};
pub use scatter::scatter;
