//! Pairs of texts that mean the same, or that belong together as question and answer do.

use super::NAME;
use crate::error::TaskError;
use crate::table;
use crate::text;
use modelwright_data::{Column, ColumnData, DataConfig, Dataset, Kind, Table};
use std::borrow::Cow;
use std::collections::HashMap;

/// The two columns of a table of pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PairColumns<'a> {
    pub first: &'a Column,
    pub second: &'a Column,
}

impl<'a> PairColumns<'a> {
    /// `data.text` and `data.target`; what is not given is one of the only two columns of words.
    pub fn find(dataset: &'a Dataset, config: &DataConfig) -> Result<Self, TaskError> {
        let table = table::table(dataset, NAME)?;
        Self::of_table(table, &dataset.source, config)
    }

    fn of_table(table: &'a Table, place: &str, config: &DataConfig) -> Result<Self, TaskError> {
        let given = |name: &Option<String>| match name {
            Some(name) => Ok::<_, TaskError>(Some(table.require(name, place)?)),
            None => Ok(None),
        };
        let (first, second) = (given(&config.text)?, given(&config.target)?);
        let split = table.split_column(config).map(|c| &c.name);
        let mut left = table.columns.iter().filter(|column| {
            let taken = [first, second]
                .iter()
                .flatten()
                .any(|c| c.name == column.name);
            !taken
                && !config.exclude.contains(&column.name)
                && split != Some(&column.name)
                && matches!(column.data, ColumnData::Labels { .. })
        });
        let missing = usize::from(first.is_none()) + usize::from(second.is_none());
        let left: Vec<&Column> = match missing {
            0 => Vec::new(),
            _ => left.by_ref().collect(),
        };
        if missing != left.len() {
            let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
            return Err(TaskError::asked(
                format!("{place}: which two columns hold the texts of a pair?"),
                format!(
                    "add --text COLUMN --target COLUMN; the columns are {}",
                    names.join(", ")
                ),
            ));
        }
        let mut left = left.into_iter();
        let mut take = |given: Option<&'a Column>| given.or_else(|| left.next());
        match (take(first), take(second)) {
            (Some(first), Some(second)) if first.name != second.name => Ok(Self { first, second }),
            _ => Err(TaskError::asked(
                format!("{place}: a pair needs two different columns"),
                "choose them with --text COLUMN --target COLUMN",
            )),
        }
    }

    /// Whether both columns hold free text.
    pub fn are_free_text(&self) -> bool {
        self.first.kind == Kind::Text && self.second.kind == Kind::Text
    }

    /// The texts themselves.
    pub fn texts(&self) -> Pairs<'a> {
        Pairs {
            first: text::texts(self.first),
            second: text::texts(self.second),
        }
    }
}

/// The texts of pairs, row by row.
pub(super) struct Pairs<'a> {
    pub first: Vec<Cow<'a, str>>,
    pub second: Vec<Cow<'a, str>>,
}

impl Pairs<'_> {
    /// The rows in which both texts are there.
    pub fn complete(&self) -> Vec<usize> {
        let both = |row: &usize| !self.first[*row].is_empty() && !self.second[*row].is_empty();
        (0..self.first.len()).filter(both).collect()
    }
}

/// A number for each text; equal texts have the same. Numbers follow the order in which they come.
pub(super) fn numbered<T: AsRef<str>>(texts: &[T]) -> Vec<u32> {
    let mut numbers = HashMap::new();
    let number = texts.iter().map(|text| {
        let next = numbers.len() as u32;
        *numbers.entry(text.as_ref()).or_insert(next)
    });
    number.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table {
        let words = [Some("a".to_string()), Some("b".to_string()), None];
        let column = |name: &&str| Column::of_words(*name, &words);
        Table {
            columns: names.iter().map(column).collect(),
        }
    }

    fn found(
        names: &[&str],
        text: Option<&str>,
        target: Option<&str>,
    ) -> Result<String, TaskError> {
        let config = DataConfig {
            text: text.map(String::from),
            target: target.map(String::from),
            ..DataConfig::default()
        };
        let table = table(names);
        let pair = PairColumns::of_table(&table, "t", &config)?;
        Ok(format!("{} {}", pair.first.name, pair.second.name))
    }

    #[test]
    fn the_columns_are_given_or_the_only_two() {
        assert_eq!(found(&["a", "b"], None, None).unwrap(), "a b");
        assert_eq!(found(&["a", "b"], Some("b"), None).unwrap(), "b a");
        assert_eq!(found(&["a", "b"], None, Some("a")).unwrap(), "b a");
        assert_eq!(
            found(&["a", "b", "c"], Some("c"), Some("a")).unwrap(),
            "c a"
        );
        let error = found(&["a", "b", "c"], None, None).unwrap_err();
        assert!(error.help().unwrap().contains("a, b, c"));
        assert!(found(&["a", "b", "c"], Some("a"), None).is_err());
        assert!(found(&["a", "b"], Some("a"), Some("a")).is_err());
        assert!(found(&["a"], None, None).is_err());
        assert!(found(&["a", "b"], Some("z"), None).is_err());
    }

    #[test]
    fn equal_texts_have_one_number() {
        assert_eq!(numbered(&["x", "y", "x", "z"]), [0, 1, 0, 2]);
    }
}
