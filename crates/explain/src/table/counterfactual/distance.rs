//! How far a changed row is from what it was.

use modelwright_data::{Column, ColumnData, Table};

/// The scale of each column.
pub(super) struct Distance {
    /// Of a column of numbers what counts as 1; `None` for one of words.
    scales: Vec<Option<f64>>,
}

impl Distance {
    /// Numbers are measured in median absolute deviations of their column, or in mean ones where half of
    /// the values are the same.
    pub fn new(table: &Table) -> Self {
        Self {
            scales: table.columns.iter().map(scale).collect(),
        }
    }

    /// The sum over columns, each of which has its value from a row of `table`: `from` before, `to` now.
    /// Another word, and a value where there was none, count 1.
    pub fn between(&self, table: &Table, from: &[usize], to: &[usize]) -> f64 {
        let step = |(c, scale): (usize, &Option<f64>)| {
            if from[c] == to[c] {
                return 0.0;
            }
            match (&table.columns[c].data, scale) {
                (ColumnData::Numbers(values), Some(scale)) => {
                    let apart = (values[from[c]] - values[to[c]]).abs() / scale;
                    if apart.is_nan() { 1.0 } else { apart }
                }
                _ => 1.0,
            }
        };
        self.scales.iter().enumerate().map(step).sum()
    }
}

fn scale(column: &Column) -> Option<f64> {
    let ColumnData::Numbers(values) = &column.data else {
        return None;
    };
    let mut present: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let middle = median(&mut present);
    let mut apart: Vec<f64> = present.iter().map(|v| (v - middle).abs()).collect();
    let mean = apart.iter().sum::<f64>() / apart.len().max(1) as f64;
    let found = [median(&mut apart), mean].into_iter().find(|s| *s > 0.0);
    Some(found.unwrap_or(1.0))
}

/// The middle value, or the mean of the two in the middle; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::table::parse_csv;

    #[test]
    fn numbers_count_in_their_deviations_and_words_as_one() {
        let text = "x,c,z\n1,a,5\n2,a,5\n4,b,5\n9,b,7\n,b,5\n";
        let table = parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        let distance = Distance::new(&table);
        // x: median 3, deviations 2, 1, 1, 6, of which the median is 1.5. z: mean deviation 0.4.
        let of = |from: [usize; 3], to: [usize; 3]| distance.between(&table, &from, &to);
        assert_eq!(of([0; 3], [0; 3]), 0.0);
        assert_eq!(of([0; 3], [2, 0, 0]), 2.0);
        assert_eq!(of([0; 3], [0, 2, 0]), 1.0);
        assert_eq!(of([0; 3], [0, 0, 3]), 5.0);
        assert_eq!(of([4; 3], [0, 4, 4]), 1.0);
    }
}
