//! Which column of a table holds the texts, and the texts in it.

use crate::error::TaskError;
use modelwright_data::{Column, ColumnData, DataConfig, DataError, Kind, Table};
use std::borrow::Cow;
use std::ops::Range;

/// Column names that are taken for the text if none is given, the surest first.
const USUAL: [&str; 13] = [
    "text", "review", "sentence", "content", "message", "comment", "tweet", "内容", "文本", "评论",
    "正文", "句子", "留言",
];
/// Most values of a column that are looked at to tell whether they are texts.
const SAMPLE: usize = 300;

/// The column that holds the texts: `data.text`; else one with a usual name; else the only one of free
/// text. The columns in `others` are something else, such as the target.
pub(crate) fn text_column<'a>(
    table: &'a Table,
    place: &str,
    config: &DataConfig,
    others: &[&str],
) -> Result<&'a Column, TaskError> {
    if let Some(name) = &config.text {
        return Ok(table.require(name, place)?);
    }
    let split = table.split_column(config).map(|c| &c.name);
    let words = |column: &&Column| {
        let taken = others.contains(&column.name.as_str())
            || config.exclude.contains(&column.name)
            || split == Some(&column.name);
        !taken && matches!(column.data, ColumnData::Labels { .. })
    };
    let candidates: Vec<&Column> = table.columns.iter().filter(words).collect();
    let named = |name: &&str| {
        let same = |column: &&&Column| column.name.trim().to_lowercase() == **name;
        candidates.iter().find(same).copied()
    };
    if let Some(column) = USUAL.iter().find_map(named) {
        return Ok(column);
    }
    let free: Vec<&&Column> = candidates.iter().filter(|c| c.kind == Kind::Text).collect();
    match free.as_slice() {
        [only] => Ok(**only),
        _ => {
            let names: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
            Err(TaskError::asked(
                format!("{place}: which column holds the text?"),
                format!("add --text COLUMN; the columns are {}", names.join(", ")),
            ))
        }
    }
}

/// Whether the values of a column are sentences, and not names, numbers of articles or one of a few
/// words, so that reading them promises more than telling them apart. `others` is the number of other
/// columns that could tell as much: short texts beside many of them are rarely what counts.
pub(crate) fn is_running_text(column: &Column, others: usize) -> bool {
    /// Words on average, from which a text says more than its length.
    const LONG: f64 = 15.0;
    const SHORT: f64 = 3.0;
    let ColumnData::Labels { levels, .. } = &column.data else {
        return false;
    };
    let present = column.len() - column.missing();
    if levels.len() * 2 <= present || levels.is_empty() {
        return false;
    }
    let sample = levels.iter().step_by(levels.len().div_ceil(SAMPLE));
    let (count, words) = sample.fold((0usize, 0.0), |(n, sum), text| (n + 1, sum + words(text)));
    let mean = words / count as f64;
    let usual = USUAL.contains(&column.name.trim().to_lowercase().as_str());
    mean >= LONG || others <= 3 && (mean >= SHORT || usual && column.kind == Kind::Text)
}

/// About how many words a text has; in scripts without spaces two characters count as one.
fn words(text: &str) -> f64 {
    let unspaced = text
        .chars()
        .filter(|c| crate::ngrams::is_unspaced(*c))
        .count();
    let spaced = text.split_whitespace().filter(|word| {
        word.chars()
            .any(|c| c.is_alphabetic() && !crate::ngrams::is_unspaced(c))
    });
    spaced.count() as f64 + unspaced as f64 / 2.0
}

/// The value of a row as a text; empty where it is missing or blank.
fn text(column: &Column, row: usize) -> Cow<'_, str> {
    match &column.data {
        ColumnData::Labels { .. } => Cow::Borrowed(column.word(row).unwrap_or_default().trim()),
        ColumnData::Numbers(_) => Cow::Owned(column.text(row)),
    }
}

/// The values of a column as texts, one a row; empty where one is missing or blank.
pub(crate) fn texts(column: &Column) -> Vec<Cow<'_, str>> {
    (0..column.len()).map(|row| text(column, row)).collect()
}

/// The texts to answer for in some rows of a table: those of the column `name`, or of its only column
/// whatever that is called.
///
/// # Errors
/// There is no such column, or a text in it is empty.
pub(crate) fn texts_to_answer<'a>(
    name: &str,
    table: &'a Table,
    place: &str,
    rows: Range<usize>,
) -> Result<Vec<Cow<'a, str>>, TaskError> {
    let column = match table.columns.as_slice() {
        [only] => only,
        _ => table.require(name, place)?,
    };
    let given = |row: usize| match text(column, row) {
        text if text.is_empty() => Err(DataError::new(
            format!("{place}, row {}", row + 1),
            format!("the text in column `{}` is empty", column.name),
            "give a text, or leave the row out",
        )
        .into()),
        text => Ok(text),
    };
    rows.map(given).collect()
}

/// A table of the column `name` alone, as words, made of what [`texts_to_answer`] gives.
pub(crate) fn text_table(name: &str, table: &Table, place: &str) -> Result<Table, TaskError> {
    let texts = texts_to_answer(name, table, place, 0..table.rows())?;
    let words: Vec<Option<String>> = texts.into_iter().map(|t| Some(t.into_owned())).collect();
    Ok(Table {
        columns: vec![Column::of_texts(name, &words)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, value: impl Fn(usize) -> String) -> Column {
        let values: Vec<_> = (0..120).map(|i| Some(value(i))).collect();
        Column::of_words(name, &values)
    }

    fn table(columns: &[&str]) -> Table {
        let review = |i| format!("review number {i} says that it is fine");
        Table {
            columns: columns.iter().map(|n| column(n, review)).collect(),
        }
    }

    fn found(columns: &[&str], config: &DataConfig) -> Result<String, TaskError> {
        let table = table(columns);
        text_column(&table, "t", config, &["label"]).map(|c| c.name.clone())
    }

    #[test]
    fn the_text_is_found_by_name_or_because_it_is_the_only_one() {
        let config = DataConfig::default();
        assert_eq!(
            found(&["title", "Review", "label"], &config).unwrap(),
            "Review"
        );
        assert_eq!(found(&["标题", "内容", "label"], &config).unwrap(), "内容");
        assert_eq!(found(&["remark", "label"], &config).unwrap(), "remark");
        let error = found(&["title", "remark", "label"], &config).unwrap_err();
        assert!(error.help().unwrap().contains("title, remark, label"));
        let config = DataConfig {
            exclude: vec!["title".into()],
            ..config
        };
        assert_eq!(
            found(&["title", "remark", "label"], &config).unwrap(),
            "remark"
        );
        let config = DataConfig {
            text: Some("title".into()),
            ..DataConfig::default()
        };
        assert_eq!(
            found(&["title", "remark", "label"], &config).unwrap(),
            "title"
        );
        let config = DataConfig {
            text: Some("body".into()),
            ..DataConfig::default()
        };
        assert!(found(&["title", "label"], &config).is_err());
    }

    #[test]
    fn names_and_numbers_of_articles_are_no_running_text() {
        let names = |i| format!("Lovelace, Mrs. Ada {i}");
        assert!(!is_running_text(&column("name", names), 9));
        assert!(!is_running_text(&column("id", |i| format!("7590-{i}")), 1));
        assert!(!is_running_text(
            &column("text", |i| format!("a long level of words {}", i % 4)),
            0
        ));
        assert!(is_running_text(&column("text", |i| format!("fine {i}")), 1));
        assert!(is_running_text(
            &column("remark", |i| format!("the room was {i} times too small")),
            2
        ));
        assert!(is_running_text(
            &column("评价", |i| format!("房间太小了第{i}次")),
            1
        ));
        let long = |i| format!("{i} ") + &"and so on ".repeat(8);
        assert!(is_running_text(&column("remark", long), 12));
    }

    #[test]
    fn an_empty_text_is_named() {
        let words = [Some("fine".to_string()), None];
        let table = Table {
            columns: vec![Column::of_words("review", &words)],
        };
        let error = text_table("text", &table, "t.csv").unwrap_err().to_string();
        assert!(
            error.contains("row 2") && error.contains("empty"),
            "{error}"
        );
        let one = text_table("text", &table.select(&[0]), "t.csv").unwrap();
        assert_eq!((one.columns[0].name.as_str(), one.rows()), ("text", 1));
    }
}
