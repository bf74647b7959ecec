//! A column of a table as statistics see it.

use modelwright_data::{Column, ColumnData};
use modelwright_evaluate::{Feature, Values};

/// The values of a column under its name.
pub fn feature_of(column: &Column) -> Feature {
    Feature {
        name: column.name.clone(),
        values: match &column.data {
            ColumnData::Numbers(values) => Values::Numbers(values.clone()),
            ColumnData::Labels { codes, levels } => Values::Labels {
                codes: codes.clone(),
                levels: levels.clone(),
            },
        },
    }
}
