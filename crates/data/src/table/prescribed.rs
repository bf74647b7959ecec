//! A column that says which part each row is for.

use super::{Column, ColumnData, Table};
use crate::config::DataConfig;
use crate::dataset::Part;
use crate::error::DataError;

/// The name by which such a column is taken without being asked for.
pub(crate) const SPLIT: &str = "split";

impl Table {
    /// The column that prescribes the parts: the one in the settings, or one called `split` that holds
    /// words for parts, training among them, and nothing else. `exclude` keeps that one from being taken.
    pub fn split_column(&self, config: &DataConfig) -> Option<&Column> {
        if let Some(name) = &config.split {
            return self.column(name);
        }
        let used = |c: &Column| {
            config.exclude.contains(&c.name) || config.target.as_ref() == Some(&c.name)
        };
        let is_it = |c: &&Column| c.name.eq_ignore_ascii_case(SPLIT) && !used(c) && prescribes(c);
        self.columns.iter().find(is_it)
    }

    /// The part that is prescribed for each row; empty if none is for any. A row without a word for its
    /// part goes where the shares put it.
    ///
    /// # Errors
    /// The column in the settings is not there, or holds other words.
    pub fn given(&self, config: &DataConfig, place: &str) -> Result<Vec<Option<Part>>, DataError> {
        if let Some(name) = &config.split {
            self.require(name, place)?;
        }
        let Some(column) = self.split_column(config) else {
            return Ok(Vec::new());
        };
        let part = |row: usize| match column.is_missing(row) {
            true => Ok(None),
            false => meant(column, row, place).map(Some),
        };
        (0..column.len()).map(part).collect()
    }
}

fn meant(column: &Column, row: usize, place: &str) -> Result<Part, DataError> {
    let word = column.text(row);
    Part::meant_by(&word).ok_or_else(|| {
        DataError::new(
            format!("{place}, column `{}`, row {}", column.name, row + 1),
            format!("`{word}` is not a part"),
            "write train, validation or test, or choose another column with --split",
        )
    })
}

/// Whether all words mean parts, and the parts are several.
fn prescribes(column: &Column) -> bool {
    let ColumnData::Labels { levels, .. } = &column.data else {
        return false;
    };
    let parts: Option<Vec<Part>> = levels.iter().map(|level| Part::meant_by(level)).collect();
    parts.is_some_and(|parts| {
        parts.contains(&Part::Train) && parts.iter().any(|part| *part != Part::Train)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        super::super::parse_csv("t", text.as_bytes(), "utf-8").unwrap()
    }

    fn asked(name: &str) -> DataConfig {
        DataConfig {
            split: Some(name.into()),
            ..Default::default()
        }
    }

    #[test]
    fn a_column_called_split_prescribes() {
        let t = table("x,Split\n1,train\n2,TEST\n3,\n4,dev\n");
        let given = t.given(&DataConfig::default(), "t").unwrap();
        let expected = [
            Some(Part::Train),
            Some(Part::Test),
            None,
            Some(Part::Validation),
        ];
        assert_eq!(given, expected);
        assert_eq!(
            t.split_column(&DataConfig::default()).unwrap().name,
            "Split"
        );
        let excluded = DataConfig {
            exclude: vec!["Split".into()],
            ..Default::default()
        };
        assert!(t.given(&excluded, "t").unwrap().is_empty());
    }

    #[test]
    fn a_column_of_that_name_with_other_contents_is_an_input() {
        for text in [
            "x,split\n1,train\n2,left\n",
            "x,split\n1,train\n2,train\n",
            "x,split\n1,2\n2,3\n",
            "x,y\n1,train\n2,test\n",
        ] {
            let t = table(text);
            assert!(t.given(&DataConfig::default(), "t").unwrap().is_empty());
            assert!(t.split_column(&DataConfig::default()).is_none());
        }
    }

    #[test]
    fn a_column_that_is_asked_for_must_be_there_and_right() {
        let t = table("x,part\n1,train\n2,test\n3,prod\n");
        let error = t.given(&asked("part"), "t").unwrap_err();
        assert!(
            error.place.contains("row 3") && error.problem.contains("`prod`"),
            "{error}"
        );
        assert!(
            t.given(&asked("nothing"), "t")
                .unwrap_err()
                .problem
                .contains("`nothing`")
        );
        let t = table("x,part\n1,train\n2,test\n");
        assert_eq!(t.given(&asked("part"), "t").unwrap()[1], Some(Part::Test));
    }
}
