//! Charts as SVG, and as PNG drawn from the same SVG.

mod bars;
mod lines;
mod matrix;
mod png;
mod scatter;
mod svg;

pub use bars::bars;
pub use lines::{Series, lines};
pub use matrix::confusion;
pub use png::to_png;
pub use scatter::scatter;
