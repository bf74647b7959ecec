//! Data: sources, schema, splits, transforms, augmentation and the data profile.
//!
//! A source (a folder, a file, an archive, a named set) becomes a [`Dataset`]: typed examples that
//! later stages index. This crate knows no model.

pub mod augment;
pub mod catalog;
mod config;
mod dataset;
mod encoding;
mod error;
pub mod fetch;
mod folder;
pub mod images;
mod open;

pub mod profile;
pub mod rng;
mod split;
pub mod table;
pub mod texts;

pub use config::{AugmentConfig, DataConfig};
pub use dataset::{Content, Dataset, Part};
pub use encoding::AUTO as AUTO_ENCODING;
pub use error::DataError;
pub use images::{ImageSet, PictureLimits, Raster};
pub use open::{Notice, Notify, OpenOptions, open, quiet};
pub use split::{SplitRule, split};
pub use table::{Column, ColumnData, Kind, Table, TableEncoder};

/// A result whose error says what was wrong, where, and what to do.
pub type Result<T> = std::result::Result<T, DataError>;
