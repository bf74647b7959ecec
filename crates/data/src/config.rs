//! The `[data]` and `[augment]` sections of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which data, and how it is divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// A name (`digits`, `mnist` …), a folder of pictures or texts with one folder a class, a table,
    /// conversations, a book, questions in SQuAD's format, or Markdown.
    pub source: String,
    /// Folder that already holds the files of a named data set; nothing is fetched then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Column of a table that the model is to predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Column of a table that holds the text; the first of the two if the target is a text as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What stands between the labels of a text that has several, such as `;`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// Column of a table that says which part each row is for: train, validation or test. One that is
    /// called `split` and holds nothing else is taken by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Columns of a table that the model must not see.
    pub exclude: Vec<String>,
    /// Encoding of tables and text files, such as `gb18030` or `windows-1252`; `auto` goes by their bytes.
    pub encoding: String,
    /// Share of the examples held out to watch the training, from 0 to 0.9.
    pub validation: f64,
    /// Share of the examples held out for the final evaluation; a source's own test part wins.
    pub test: f64,
    /// Use only this many training examples, chosen evenly over the classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Side in pixels to which pictures are resized; as they are if all have one small size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Leave out pictures that cannot be read instead of stopping at the first.
    pub skip_bad: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: String::new(),
            data_dir: None,
            target: None,
            text: None,
            label_separator: None,
            split: None,
            exclude: Vec::new(),
            encoding: crate::encoding::AUTO.into(),
            validation: 0.1,
            test: 0.2,
            limit: None,
            image_size: None,
            skip_bad: false,
        }
    }
}

/// Random changes to training pictures. All off by default; each is drawn anew in every epoch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Pixels of black border added before a random crop back to size.
    pub crop_padding: usize,
    /// Mirror half of the pictures left to right.
    pub flip: bool,
    /// Largest rotation to either side, in degrees.
    pub rotate: f64,
    /// Largest relative change of brightness, contrast and saturation, from 0 to 1.
    pub jitter: f64,
    /// Side in pixels of a square that is blanked out (cutout).
    pub cutout: usize,
    /// Strength α of mixup: pictures are blended in pairs with a share drawn from Beta(α, α).
    pub mixup: f64,
}
