//! Texts with their classes, read from a table and divided.

use super::NAME;
use crate::error::TaskError;
use crate::parts::{Division, Parts};
use crate::table;
use crate::text;
use modelwright_data::{Column, DataConfig, Dataset, Part, Table};
use modelwright_train::Recipe;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// Most classes that are believed to be classes.
const MOST_CLASSES: usize = 1000;

/// The texts of a table and what is known of each.
pub(super) struct Examples<'a> {
    /// The column that the texts are in.
    pub column: &'a Column,
    /// One a row; empty where there is none.
    pub texts: Vec<Cow<'a, str>>,
    /// The column of the classes.
    pub target: String,
    /// Class names; [`of`](Self::of) holds indices into them.
    pub classes: Vec<String>,
    /// The classes of each row: one, or any number if a text may have several; nothing for rows that are
    /// not in [`rows`](Self::rows).
    pub of: Vec<Vec<u32>>,
    /// The rows that can be used: those with a text and, unless it may have none, a class.
    pub rows: Vec<usize>,
    /// What was left out.
    pub notes: Vec<String>,
    strata: Vec<u32>,
    hashes: Vec<u64>,
    given: Vec<Option<Part>>,
}

impl<'a> Examples<'a> {
    /// Reads what `config` names.
    pub fn read(dataset: &'a Dataset, config: &DataConfig) -> Result<Self, TaskError> {
        let place = &dataset.source;
        let table = table::table(dataset, NAME)?;
        let target = table::target_name(dataset, config)?;
        let column = text::text_column(table, place, config, &[&target])?;
        if column.name == target {
            return Err(TaskError::asked(
                format!("{place}: `{target}` is both the text and what is to be predicted"),
                "choose another column with --text or --target",
            ));
        }
        let texts = text::texts(column);
        let (labelled, mut of, classes) = match &config.label_separator {
            None => one_class(table, &target, place)?,
            Some(separator) => several_classes(table, &target, place, separator)?,
        };
        let rows: Vec<usize> = labelled
            .iter()
            .copied()
            .filter(|r| !texts[*r].is_empty())
            .collect();
        if rows.is_empty() {
            return Err(TaskError::asked(
                format!(
                    "{place}: no row has both a text in `{}` and a value in `{target}`",
                    column.name
                ),
                "choose other columns with --text and --target",
            ));
        }
        let mut notes = Vec::new();
        let mut note = |count: usize, what: &str| {
            if count > 0 {
                notes.push(format!("{count} {what} left out"));
            }
        };
        let (all, empty) = (table.rows(), labelled.len() - rows.len());
        note(empty, "rows with an empty text were");
        note(
            all - labelled.len(),
            &format!("rows without a value for `{target}` were"),
        );
        let used: BTreeSet<usize> = rows.iter().copied().collect();
        of.iter_mut()
            .enumerate()
            .filter(|(row, _)| !used.contains(row))
            .for_each(|(_, classes)| classes.clear());
        let strata = strata(&of, &rows, classes.len());
        Ok(Self {
            hashes: table.hashes_of(&[&column.name]),
            given: table.given(config, place)?,
            column,
            texts,
            target,
            classes,
            of,
            rows,
            notes,
            strata,
        })
    }

    fn division(&self) -> Division<'_> {
        Division {
            rows: &self.rows,
            strata: &self.strata,
            hashes: &self.hashes,
            given: &self.given,
        }
    }

    /// Divides the rows.
    pub fn divide(&self, recipe: &Recipe) -> Result<Parts, TaskError> {
        Parts::new(recipe, &self.division())
    }

    /// The part of every row of the table; `None` for those that cannot be used.
    pub fn parts(&self, recipe: &Recipe) -> Vec<Option<Part>> {
        self.division().of_all(recipe)
    }

    /// The texts of some rows.
    pub fn texts_of(&self, rows: &[usize]) -> Vec<&str> {
        rows.iter().map(|row| self.texts[*row].as_ref()).collect()
    }

    /// The classes of some rows.
    pub fn of_rows(&self, rows: &[usize]) -> Vec<&[u32]> {
        rows.iter().map(|row| self.of[*row].as_slice()).collect()
    }

    /// Says which classes no training example has although others have them.
    pub fn unlearnable(&self, parts: &Parts) -> Option<String> {
        let count = |part: Part| {
            let mut counts = vec![0usize; self.classes.len()];
            let classes = parts.of(part).iter().flat_map(|row| &self.of[*row]);
            classes.for_each(|class| counts[*class as usize] += 1);
            counts
        };
        let (train, validation, test) = (
            count(Part::Train),
            count(Part::Validation),
            count(Part::Test),
        );
        let unseen: Vec<String> = (0..self.classes.len())
            .filter(|c| train[*c] == 0 && validation[*c] + test[*c] > 0)
            .map(|c| format!("`{}` ({})", self.classes[c], validation[c] + test[c]))
            .collect();
        (!unseen.is_empty()).then(|| {
            format!(
                "classes that no training text has, but texts of other parts (so many): {}; the model \
                 cannot know them, and these texts count as wrong",
                unseen.join(", ")
            )
        })
    }
}

/// The rows with a value, the classes of every row, and the class names.
type Classes = (Vec<usize>, Vec<Vec<u32>>, Vec<String>);

fn one_class(table: &Table, target: &str, place: &str) -> Result<Classes, TaskError> {
    let (rows, codes, classes) = table::classes(table, target, place)?;
    let mut of = vec![Vec::new(); table.rows()];
    for (row, code) in rows.iter().zip(codes) {
        of[*row].push(code);
    }
    Ok((rows, of, classes))
}

/// Every row counts: an empty list of classes is an answer too.
fn several_classes(
    table: &Table,
    target: &str,
    place: &str,
    separator: &str,
) -> Result<Classes, TaskError> {
    let column = table.require(target, place)?;
    let lists: Vec<String> = (0..table.rows()).map(|row| column.text(row)).collect();
    let classes: BTreeSet<&str> = lists
        .iter()
        .flat_map(|list| split(list, separator))
        .collect();
    let problem = match classes.len() {
        0 => "has no value in any row".to_string(),
        n if n > MOST_CLASSES => format!("has {n} different classes"),
        _ => String::new(),
    };
    if !problem.is_empty() {
        return Err(TaskError::asked(
            format!("{place}: the target `{target}` {problem}, divided at `{separator}`"),
            "choose another column with --target, or what stands between classes with --label-separator",
        ));
    }
    let classes: Vec<String> = classes.into_iter().map(String::from).collect();
    let index: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let of_list = |list: &String| {
        let classes: BTreeSet<u32> = split(list, separator).map(|name| index[name]).collect();
        classes.into_iter().collect()
    };
    let of = lists.iter().map(of_list).collect();
    Ok(((0..table.rows()).collect(), of, classes))
}

/// The names in a list, without the blanks around them.
fn split<'a>(list: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    list.split(separator)
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// The class by which each of `rows` is divided: of several the rarest, so that each part gets its share
/// of it; texts without a class are a stratum of their own.
fn strata(of: &[Vec<u32>], rows: &[usize], classes: usize) -> Vec<u32> {
    let mut counts = vec![0usize; classes];
    let all = rows.iter().flat_map(|row| &of[*row]);
    all.for_each(|class| counts[*class as usize] += 1);
    let rarest = |row: &usize| {
        let classes = of[*row].iter().copied();
        classes.min_by_key(|class| counts[*class as usize])
    };
    rows.iter()
        .map(|row| rarest(row).unwrap_or(classes as u32))
        .collect()
}

/// The indices by which a model knows the classes of `examples`, for some rows.
///
/// # Errors
/// It does not know one of them.
pub(super) fn as_known(
    examples: &Examples,
    rows: &[usize],
    known: &[String],
    place: &str,
) -> Result<Vec<Vec<u32>>, TaskError> {
    let index: HashMap<&String, u32> = known.iter().zip(0..).collect();
    let class = |class: &u32| {
        let name = &examples.classes[*class as usize];
        index.get(name).copied().ok_or_else(|| {
            TaskError::asked(
                format!("{place}: the model does not know the class `{name}`"),
                format!("it knows {}", known.join(", ")),
            )
        })
    };
    let of_row = |row: &usize| examples.of[*row].iter().map(class).collect();
    rows.iter().map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::Content;

    fn dataset(rows: &[(&str, &str)]) -> Dataset {
        let word = |w: &str| (!w.is_empty()).then(|| w.to_string());
        let column = |name: &str, pick: fn(&(&str, &str)) -> String| {
            let words: Vec<_> = rows.iter().map(|r| word(&pick(r))).collect();
            Column::of_words(name, &words)
        };
        Dataset {
            name: "t".into(),
            source: "t.csv".into(),
            content: Content::Table(Table {
                columns: vec![
                    column("text", |r| r.0.to_string()),
                    column("label", |r| r.1.to_string()),
                ],
            }),
            suggested_target: None,
            notes: Vec::new(),
            lists: Vec::new(),
        }
    }

    fn several() -> DataConfig {
        DataConfig {
            label_separator: Some("|".into()),
            ..DataConfig::default()
        }
    }

    #[test]
    fn empty_texts_and_texts_without_a_class_are_left_out() {
        let data = dataset(&[
            ("fine", "good"),
            (" ", "good"),
            ("so so", ""),
            ("bad", "poor"),
        ]);
        let examples = Examples::read(&data, &DataConfig::default()).unwrap();
        assert_eq!(examples.rows, [0, 3]);
        assert_eq!(examples.classes, ["good", "poor"]);
        assert_eq!(examples.of, [vec![0], vec![], vec![], vec![1]]);
        assert_eq!(examples.notes.len(), 2, "{:?}", examples.notes);
        assert!(examples.notes[0].contains("1 rows with an empty text"));
    }

    #[test]
    fn lists_of_classes_are_divided_and_may_be_empty() {
        let data = dataset(&[
            ("a", "red| blue"),
            ("b", ""),
            ("c", "blue|blue|"),
            ("d", "red"),
        ]);
        let examples = Examples::read(&data, &several()).unwrap();
        assert_eq!(examples.classes, ["blue", "red"]);
        assert_eq!(examples.of, [vec![0, 1], vec![], vec![0], vec![1]]);
        assert_eq!(examples.rows, [0, 1, 2, 3]);
        let known = ["red", "green", "blue"].map(String::from);
        let again = as_known(&examples, &[0, 2], &known, "t").unwrap();
        assert_eq!(again, [vec![2, 0], vec![2]]);
        let error = as_known(&examples, &[0], &known[..2], "t").unwrap_err();
        assert!(error.to_string().contains("`blue`"), "{error}");
    }

    #[test]
    fn classes_of_the_test_part_alone_are_named() {
        let mut data = dataset(&[("a", "x"), ("b", "y"), ("c", "z"), ("d", "x"), ("e", "y")]);
        let Content::Table(table) = &mut data.content else {
            unreachable!()
        };
        let parts = ["train", "train", "test", "train", "test"].map(|p| Some(p.to_string()));
        table.columns.push(Column::of_words("split", &parts));
        let config = DataConfig {
            split: Some("split".into()),
            validation: 0.0,
            ..DataConfig::default()
        };
        let examples = Examples::read(&data, &config).unwrap();
        let mut recipe: Recipe = toml::from_str(&format!(
            "task = '{NAME}'\n[model]\narchitecture = 'text-cnn'"
        ))
        .unwrap();
        recipe.data = config;
        let note = examples
            .unlearnable(&examples.divide(&recipe).unwrap())
            .unwrap();
        assert!(note.contains("`z` (1)") && !note.contains("`y`"), "{note}");
    }
}
