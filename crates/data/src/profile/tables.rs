//! Profile of a table.

use super::{ClassCount, warn_of_classes};
use crate::table::{Column, ColumnData, Table};
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
    /// The most frequent words, with their counts.
    pub top: Vec<(String, usize)>,
}

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
    let duplicates = table
        .hashes()
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
    }
    if duplicates > 0 {
        warnings.push(format!(
            "{duplicates} rows occur more than once; equal ones always go into the same part"
        ));
    }
    let target_column = target.and_then(|t| table.column(t));
    let conflicting = target_column.map_or(0, |t| conflicting(table, t));
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

/// Rows whose inputs occur with more than one target. Rows without a target are not trained on, so
/// they contradict nobody.
fn conflicting(table: &Table, target: &Column) -> usize {
    // Without inputs all rows would be alike, which says nothing about the data.
    if table.columns.len() < 2 {
        return 0;
    }
    let value = |row: usize| match &target.data {
        ColumnData::Numbers(values) => values[row].to_bits(),
        ColumnData::Labels { codes, .. } => u64::from(codes[row]),
    };
    // By inputs: the first target, whether another one was met, the number of rows.
    let mut groups: HashMap<u64, (u64, bool, usize)> = HashMap::new();
    for (row, inputs) in table.hashes_without(&target.name).into_iter().enumerate() {
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
            (None, top)
        }
    };
    ColumnProfile {
        name: column.name.clone(),
        kind: column.kind.name(),
        missing: column.missing(),
        distinct: column.distinct(),
        numbers,
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
    fn a_table_of_targets_alone_contradicts_nothing() {
        assert_eq!(profile_of("y\na\nb\na\n", Some("y")).0.conflicting, 0);
    }
}
