//! Profile of a table.

use super::texts::{self, TextProfile};
use super::{ClassCount, warn_of_classes};
use crate::config::DataConfig;
use crate::table::{Column, ColumnData, Kind, Table};
use crate::texts::{FILE, TEXT};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Facts about a table.
#[derive(Debug, Clone, Serialize)]
pub struct TableProfile {
    /// Each column.
    pub columns: Vec<ColumnProfile>,
    /// Rows that occur before, target included.
    pub duplicates: usize,
    /// Rows that have the inputs of another row but another target; 0 without a target.
    pub conflicting: usize,
    /// Name of the target, if known.
    pub target: Option<String>,
    /// Examples of each class, if the target holds classes.
    pub classes: Vec<ClassCount>,
}

/// Facts about a column.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// Missing values.
    pub missing: usize,
    /// Distinct values.
    pub distinct: usize,
    /// Summary of numbers.
    pub numbers: Option<NumberSummary>,
    /// Facts about free text.
    pub text: Option<TextProfile>,
    /// The most frequent words, with their counts; long texts are cut.
    pub top: Vec<(String, usize)>,
}

/// Characters of a frequent text that are shown.
const SHOWN: usize = 60;

/// Summary of the numbers of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberSummary {
    /// Smallest.
    pub min: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// Largest.
    pub max: f64,
    /// Counts in ten equal ranges from smallest to largest.
    pub histogram: Vec<usize>,
}

pub(super) fn profile(
    table: &Table,
    target: Option<&str>,
    warnings: &mut Vec<String>,
) -> TableProfile {
    let columns: Vec<ColumnProfile> = table.columns.iter().map(column).collect();
    let mut seen = HashSet::new();
    let origin = origin(table);
    let duplicates = table
        .hashes_without(&origin)
        .into_iter()
        .filter(|h| !seen.insert(*h))
        .count();
    let rows = table.rows();
    for c in &columns {
        if c.missing == rows {
            warnings.push(format!(
                "column `{}` has no value at all; leave it out with --exclude {}",
                c.name, c.name
            ));
        } else if c.missing * 2 > rows {
            warnings.push(format!(
                "column `{}` is empty in {} of {rows} rows",
                c.name, c.missing
            ));
        } else if c.distinct == 1 && c.missing == 0 {
            warnings.push(format!(
                "column `{}` has the same value in every row",
                c.name
            ));
        } else if c.distinct == rows
            && rows > 50
            && c.kind == "integer"
            && Some(c.name.as_str()) != target
        {
            warnings.push(format!(
                "column `{}` is different in every row: an identifier? leave it out with --exclude",
                c.name
            ));
        }
        if let Some(text) = c.text.as_ref().filter(|t| t.empty > 0) {
            warnings.push(format!(
                "{} of {rows} texts in `{}` are empty",
                text.empty, c.name
            ));
        }
    }
    if duplicates > 0 {
        warnings.push(format!(
            "{duplicates} rows occur more than once; equal ones always go into the same part"
        ));
    }
    let target_column = target.and_then(|t| table.column(t));
    let conflicting = target_column.map_or(0, |t| conflicting(table, t, &origin));
    if let Some(name) = target.filter(|_| conflicting > 0) {
        warnings.push(format!(
            "{conflicting} rows have the same inputs as another row but another `{name}`: no model \
             can get all of them right, and they may land in different parts"
        ));
    }
    let classes = target_column.map(classes).unwrap_or_default();
    if !classes.is_empty() {
        warn_of_classes(&classes, warnings);
    }
    TableProfile {
        columns,
        duplicates,
        conflicting,
        target: target.map(String::from),
        classes,
    }
}

/// Columns that tell where a row is from and not what it is: its part, and the file of a text.
fn origin(table: &Table) -> Vec<&str> {
    let split = table.split_column(&DataConfig::default());
    let file = table.column(FILE).filter(|_| table.column(TEXT).is_some());
    split
        .into_iter()
        .chain(file)
        .map(|c| c.name.as_str())
        .collect()
}

/// Rows whose inputs occur with more than one target. Rows without a target are not trained on, so
/// they contradict nobody.
fn conflicting(table: &Table, target: &Column, origin: &[&str]) -> usize {
    let others = [origin, &[target.name.as_str()]].concat();
    // Without inputs all rows would be alike, which says nothing about the data.
    if table.columns.len() <= others.len() {
        return 0;
    }
    let value = |row: usize| match &target.data {
        ColumnData::Numbers(values) => values[row].to_bits(),
        ColumnData::Labels { codes, .. } => u64::from(codes[row]),
    };
    // By inputs: the first target, whether another one was met, the number of rows.
    let mut groups: HashMap<u64, (u64, bool, usize)> = HashMap::new();
    for (row, inputs) in table.hashes_without(&others).into_iter().enumerate() {
        if !target.is_missing(row) {
            let value = value(row);
            let (first, differs, rows) = groups.entry(inputs).or_insert((value, false, 0));
            *differs |= *first != value;
            *rows += 1;
        }
    }
    groups
        .values()
        .filter(|(_, differs, _)| *differs)
        .map(|(.., rows)| rows)
        .sum()
}

/// Examples of each class; empty for a quantity.
fn classes(column: &Column) -> Vec<ClassCount> {
    if column.kind.is_numeric() && column.distinct() > 20 {
        return Vec::new();
    }
    let (codes, levels) = column.to_labels();
    let count = |level: usize| codes.iter().filter(|c| **c as usize == level).count();
    levels
        .into_iter()
        .enumerate()
        .map(|(i, name)| ClassCount {
            name,
            examples: count(i),
        })
        .collect()
}

fn column(column: &Column) -> ColumnProfile {
    let (numbers, top) = match &column.data {
        ColumnData::Numbers(values) => (summary(values), Vec::new()),
        ColumnData::Labels { codes, levels } => {
            let mut counts = vec![0; levels.len()];
            codes
                .iter()
                .filter_map(|c| levels.get(*c as usize).map(|_| *c as usize))
                .for_each(|c| counts[c] += 1);
            let mut top: Vec<(String, usize)> = levels.iter().cloned().zip(counts).collect();
            top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            top.truncate(5);
            for (word, _) in &mut top {
                if let Some((end, _)) = word.char_indices().nth(SHOWN) {
                    word.truncate(end);
                    word.push('…');
                }
            }
            (None, top)
        }
    };
    ColumnProfile {
        name: column.name.clone(),
        kind: column.kind.name(),
        missing: column.missing(),
        distinct: column.distinct(),
        numbers,
        text: (column.kind == Kind::Text)
            .then(|| texts::profile(column))
            .flatten(),
        top,
    }
}

fn summary(values: &[f64]) -> Option<NumberSummary> {
    let present: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    if present.is_empty() {
        return None;
    }
    let n = present.len() as f64;
    let mean = present.iter().sum::<f64>() / n;
    let (min, max) = present
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(*v), h.max(*v))
        });
    let mut histogram = vec![0; 10];
    for v in &present {
        let bin = ((v - min) / (max - min).max(f64::MIN_POSITIVE) * 10.0) as usize;
        histogram[bin.min(9)] += 1;
    }
    let std = (present.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    Some(NumberSummary {
        min,
        mean,
        std,
        max,
        histogram,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile_of(text: &str, target: Option<&str>) -> (TableProfile, Vec<String>) {
        let table = crate::table::parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        let mut warnings = Vec::new();
        (profile(&table, target, &mut warnings), warnings)
    }

    #[test]
    fn equal_rows_and_contradictions_are_counted() {
        // The second row repeats the first; the third has its inputs and another target; the last
        // has no target, so it contradicts nobody.
        let text = "x,c,y\n1,a,no\n1,a,no\n1,a,yes\n2,a,no\n1,b,yes\n2,a,\n";
        let (p, warnings) = profile_of(text, Some("y"));
        assert_eq!((p.duplicates, p.conflicting), (1, 3));
        assert!(
            warnings
                .iter()
                .any(|w| w.starts_with("3 rows have the same inputs") && w.contains("`y`")),
            "{warnings:?}"
        );
        let (p, _) = profile_of(text, None);
        assert_eq!((p.duplicates, p.conflicting), (1, 0));
    }

    #[test]
    fn texts_have_lengths_and_where_they_are_from_does_not_count() {
        let texts: Vec<String> = (0..60)
            .map(|i| format!("text,a/{i}.txt,train,{i} {}", "long ".repeat(20)))
            .collect();
        let text = format!(
            "label,file,split,text\nx,b/1.txt,test,0 {}\ny,b/2.txt,test,\n{}\n",
            "long ".repeat(20),
            texts.join("\n")
        );
        let (p, warnings) = profile_of(&text, Some("label"));
        let column = &p.columns[3];
        let facts = column.text.as_ref().unwrap();
        assert_eq!((facts.empty, facts.duplicates), (1, 1));
        assert!(
            column
                .top
                .iter()
                .all(|(word, _)| word.chars().count() == SHOWN + 1)
        );
        // The same text with another label, in another file and another part.
        assert_eq!((p.duplicates, p.conflicting), (0, 2));
        assert!(
            warnings
                .iter()
                .any(|w| w == "1 of 62 texts in `text` are empty"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_table_of_targets_alone_contradicts_nothing() {
        assert_eq!(profile_of("y\na\nb\na\n", Some("y")).0.conflicting, 0);
    }
}
