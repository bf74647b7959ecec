//! The search for changes: in breadth, with the most promising rows kept after each change.

use super::distance::Distance;
use super::{Pool, Search};
use crate::Result;
use crate::table::dependence::typical;
use modelwright_data::{ColumnData, Content};
use std::collections::HashSet;

/// Values of a column that are tried.
const VALUES: usize = 12;
/// Rows that are changed further.
const KEPT: usize = 20;
/// Values between the old and the new one that are tried at once.
const BETWEEN: usize = 40;
/// Rows that are asked about at once.
const AT_ONCE: usize = 4096;

/// A changed row that has the wanted answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// The row of the pool from which each column has its value.
    pub picks: Vec<usize>,
    /// From the row as it was.
    pub distance: f64,
}

/// Looks for changes of the last row of `pool` to values of the others, after which `margins` is 0 or
/// more.
pub(super) fn find(
    pool: &Pool,
    distance: &Distance,
    search: &Search,
    mut margins: impl FnMut(&Content) -> Result<Vec<f64>>,
) -> Result<Vec<Found>> {
    let me = pool.table().rows() - 1;
    let own = vec![me; pool.columns()];
    let values = candidates(pool, search.fixed);
    let mut asked = |rows: &[Vec<usize>]| -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(rows.len());
        for rows in rows.chunks(AT_ONCE) {
            all.extend(margins(&pool.mixed(rows))?);
        }
        Ok(all)
    };
    let mut found: Vec<Found> = Vec::new();
    let mut kept = vec![own.clone()];
    for _ in 0..search.most_changes {
        let rows = changed_once_more(&kept, &values, me, &found);
        let margins = asked(&rows)?;
        let mut open = Vec::new();
        for (picks, margin) in rows.into_iter().zip(margins) {
            match margin >= 0.0 {
                true => {
                    let distance = distance.between(pool.table(), &own, &picks);
                    found.push(Found { picks, distance });
                }
                false if margin.is_nan() => {}
                false => open.push((margin, picks)),
            }
        }
        let ways: HashSet<Vec<usize>> = found.iter().map(|f| changed(&f.picks, me)).collect();
        if ways.len() >= search.count || open.is_empty() {
            break;
        }
        open.sort_by(|a, b| b.0.total_cmp(&a.0));
        open.truncate(KEPT);
        kept = open.into_iter().map(|(_, picks)| picks).collect();
    }
    let mut chosen = diverse(found, me, search.count);
    for found in &mut chosen {
        nearer(pool, distance, found, &mut asked)?;
    }
    sort(&mut chosen, me);
    // Two ways may have come back to the same value.
    let text = |found: &Found, c: usize| pool.table().columns[c].text(found.picks[c]);
    chosen.dedup_by(|a, b| (0..pool.columns()).all(|c| text(a, c) == text(b, c)));
    Ok(chosen)
}

/// For each column the rows whose values are tried; none for those that are fixed.
fn candidates(pool: &Pool, fixed: &[String]) -> Vec<Vec<usize>> {
    let table = pool.table();
    let me = table.rows() - 1;
    let columns = table.columns.iter();
    columns
        .map(|column| {
            if fixed.contains(&column.name) {
                return Vec::new();
            }
            let own = column.text(me);
            let mut rows = typical(column, VALUES);
            rows.retain(|row| *row != me && column.text(*row) != own);
            rows
        })
        .collect()
}

/// Every row that has one change more than one of `kept`, once each. What holds all changes of an answer
/// found already is left out.
fn changed_once_more(
    kept: &[Vec<usize>],
    values: &[Vec<usize>],
    me: usize,
    found: &[Found],
) -> Vec<Vec<usize>> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for picks in kept {
        for (column, values) in values.iter().enumerate().filter(|(c, _)| picks[*c] == me) {
            for value in values {
                let mut picks = picks.clone();
                picks[column] = *value;
                let holds = |known: &Found| {
                    let mut pairs = known.picks.iter().zip(&picks);
                    pairs.all(|(known, now)| *known == me || known == now)
                };
                if !found.iter().any(holds) && seen.insert(picks.clone()) {
                    rows.push(picks);
                }
            }
        }
    }
    rows
}

/// The columns that are another.
fn changed(picks: &[usize], me: usize) -> Vec<usize> {
    (0..picks.len()).filter(|c| picks[*c] != me).collect()
}

/// Fewer changes come first, and of as many the smaller ones.
fn sort(found: &mut [Found], me: usize) {
    let changes = |found: &Found| found.picks.iter().filter(|row| **row != me).count();
    found.sort_by(|a, b| {
        let fewer = changes(a).cmp(&changes(b));
        fewer.then(a.distance.total_cmp(&b.distance))
    });
}

/// At most `count`: the best for each set of columns, and if there are too few such sets, more of them.
fn diverse(mut found: Vec<Found>, me: usize, count: usize) -> Vec<Found> {
    sort(&mut found, me);
    let mut sets = HashSet::new();
    let (mut chosen, others): (Vec<Found>, Vec<Found>) = found
        .into_iter()
        .partition(|f| sets.insert(changed(&f.picks, me)));
    chosen.extend(others);
    chosen.truncate(count);
    chosen
}

/// Moves each changed number back towards what it was, as far as the answer stays: to values that rows
/// have.
fn nearer(
    pool: &Pool,
    distance: &Distance,
    found: &mut Found,
    asked: &mut impl FnMut(&[Vec<usize>]) -> Result<Vec<f64>>,
) -> Result<()> {
    let me = pool.table().rows() - 1;
    let own = vec![me; pool.columns()];
    for column in changed(&found.picks, me) {
        let ColumnData::Numbers(values) = &pool.table().columns[column].data else {
            continue;
        };
        let (from, to) = (values[me], values[found.picks[column]]);
        let inside = |row: &usize| {
            let value = values[*row];
            value != from
                && value != to
                && (value > from) == (to > from)
                && (value < to) == (from < to)
        };
        let mut rows: Vec<usize> = (0..me).filter(inside).collect();
        rows.sort_by(|a, b| {
            (values[*a] - from)
                .abs()
                .total_cmp(&(values[*b] - from).abs())
        });
        rows.dedup_by(|a, b| values[*a] == values[*b]);
        // The nearest value with this answer is at `low` or behind, and not behind `high`.
        let (mut low, mut high) = (0, rows.len());
        while low < high {
            let step = (high - low).div_ceil(BETWEEN);
            let places: Vec<usize> = (low..high).step_by(step).collect();
            let tried = places.iter().map(|place| {
                let mut picks = found.picks.clone();
                picks[column] = rows[*place];
                picks
            });
            let tried: Vec<Vec<usize>> = tried.collect();
            let reached = asked(&tried)?.iter().position(|margin| *margin >= 0.0);
            if let Some(i) = reached {
                found.picks.clone_from(&tried[i]);
                high = places[i];
            }
            let failed = reached.unwrap_or(places.len());
            low = failed.checked_sub(1).map_or(high, |last| places[last] + 1);
        }
    }
    found.distance = distance.between(pool.table(), &own, &found.picks);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::counterfactual::Wanted;
    use modelwright_data::Table;
    use modelwright_data::table::parse_csv;

    /// Yes from an income of 50 on, or with a guarantor and an income of 20; age matters as well.
    fn margins(examples: &Content) -> Result<Vec<f64>> {
        let Content::Table(Table { columns }) = examples else {
            return Ok(Vec::new());
        };
        let (ColumnData::Numbers(income), ColumnData::Numbers(age)) =
            (&columns[0].data, &columns[2].data)
        else {
            return Ok(Vec::new());
        };
        let margin = |row: usize| {
            let by_guarantor = match columns[1].text(row).as_str() {
                "yes" => income[row] - 20.0,
                _ => f64::NEG_INFINITY,
            };
            let best = (income[row] - 50.0).max(by_guarantor).max(age[row] - 60.0);
            best.max(-1e3)
        };
        Ok((0..income.len()).map(margin).collect())
    }

    fn pool() -> Pool {
        let rows = (0..100).map(|i| format!("{i},{},{}\n", ["no", "yes"][i % 2], 20 + i % 45));
        let text: String = std::iter::once("income,guarantor,age\n".to_string())
            .chain(rows)
            .collect();
        let others = parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        let own = parse_csv("t", b"income,guarantor,age\n10,no,30\n", "utf-8").unwrap();
        Pool::new(others, own).unwrap()
    }

    fn told(pool: &Pool, found: &Found) -> Vec<String> {
        let me = pool.table().rows() - 1;
        let value = |c: usize| {
            let column = &pool.table().columns[c];
            format!("{}={}", column.name, column.text(found.picks[c]))
        };
        changed(&found.picks, me).into_iter().map(value).collect()
    }

    fn search(fixed: &[String], count: usize) -> Search<'_> {
        Search {
            wanted: Wanted::Class(0),
            fixed,
            most_changes: 3,
            count,
        }
    }

    #[test]
    fn the_fewest_and_smallest_changes_come_first_and_fixed_columns_stay() {
        let pool = pool();
        let distance = Distance::new(pool.table());
        let found = find(&pool, &distance, &search(&[], 2), margins).unwrap();
        let all: Vec<Vec<String>> = found.iter().map(|f| told(&pool, f)).collect();
        // Numbers are moved back to the nearest value with this answer.
        assert_eq!(all, [["income=50"], ["age=60"]]);
        assert!(found[0].distance < found[1].distance);
        let fixed = ["age".to_string()];
        let found = find(&pool, &distance, &search(&fixed, 3), margins).unwrap();
        let all: Vec<Vec<String>> = found.iter().map(|f| told(&pool, f)).collect();
        assert_eq!(all[0], ["income=50"]);
        assert_eq!(all[1], ["income=20", "guarantor=yes"]);
        assert!(
            all.iter()
                .flatten()
                .all(|change| !change.starts_with("age")),
            "{all:?}"
        );
        let fixed = ["age".to_string(), "income".to_string()];
        assert_eq!(
            find(&pool, &distance, &search(&fixed, 3), margins).unwrap(),
            []
        );
    }

    #[test]
    fn two_changes_are_found_where_one_is_not_enough() {
        let pool = pool();
        let distance = Distance::new(pool.table());
        // Without the way by income alone.
        let both = |examples: &Content| -> Result<Vec<f64>> {
            let Content::Table(Table { columns }) = examples else {
                return Ok(Vec::new());
            };
            let ColumnData::Numbers(income) = &columns[0].data else {
                return Ok(Vec::new());
            };
            let missing = |row: usize| match columns[1].text(row) == "yes" {
                true => income[row] - 20.0,
                false => (income[row] - 20.0).min(0.0) - 50.0,
            };
            Ok((0..income.len()).map(missing).collect())
        };
        let found = find(&pool, &distance, &search(&[], 1), both).unwrap();
        assert_eq!(told(&pool, &found[0]), ["income=20", "guarantor=yes"]);
    }
}
