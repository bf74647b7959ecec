//! Shapley values of any model, drawn.

use super::mixed::Pool;
use crate::Result;
use crate::subject::BlackBox;
use modelwright_data::Table;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Rows that are asked about at once.
const AT_ONCE: usize = 4096;

/// Shares of columns in the difference of a score to the mean score of other rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sampled {
    /// Mean score of the other rows.
    pub base: f64,
    /// Score of the row.
    pub score: f64,
    /// One a column.
    pub values: Vec<f64>,
    /// Their standard errors: from drawing orders of the columns and from the rows compared with.
    pub errors: Vec<f64>,
}

/// Shapley values by drawn orders of the columns (Castro et al. 2009; Štrumbelj & Kononenko 2014). Each
/// row of `background` is turned into `row`, one column after the other, in `rounds` drawn orders and in
/// each of them backwards (antithetic); the share of a column is the mean of what its change adds.
/// Base and shares add up to the score whatever was drawn.
pub(super) fn sampled(
    model: &dyn BlackBox,
    row: &Table,
    background: &Table,
    rounds: usize,
    seed: u64,
) -> Result<Sampled> {
    let others = background.rows();
    let pool = Pool::new(background.clone(), row.clone())?;
    let columns = pool.columns();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut walks = Vec::with_capacity(others * rounds);
    for _ in 0..rounds {
        for from in 0..others {
            let mut order: Vec<usize> = (0..columns).collect();
            order.shuffle(&mut rng);
            walks.push((from, order));
        }
    }
    let (mut base, mut score) = (0.0, f64::NAN);
    let mut sums = vec![(0.0f64, 0.0f64); columns];
    let length = 2 * (columns + 1);
    for walks in walks.chunks((AT_ONCE / length).max(1)) {
        let steps = walks.iter().flat_map(|walk| both_ways(walk, others));
        let steps: Vec<Vec<usize>> = steps.collect();
        let scores = model.scores(&pool.mixed(&steps))?;
        for ((_, order), scores) in walks.iter().zip(scores.chunks_exact(length)) {
            let (there, back) = scores.split_at(columns + 1);
            base += there[0];
            score = there[columns];
            for (i, column) in order.iter().enumerate() {
                let backwards = columns - 1 - i;
                let first = there[i + 1] - there[i];
                let second = back[backwards + 1] - back[backwards];
                let share = (first + second) / 2.0;
                sums[*column].0 += share;
                sums[*column].1 += share * share;
            }
        }
    }
    let count = walks.len().max(1) as f64;
    let error = |(sum, squares): &(f64, f64)| {
        let variance = (squares - sum * sum / count).max(0.0) / (count - 1.0).max(1.0);
        (variance / count).sqrt()
    };
    Ok(Sampled {
        base: base / count,
        score,
        values: sums.iter().map(|(sum, _)| sum / count).collect(),
        errors: sums.iter().map(error).collect(),
    })
}

/// The rows on the way from one to that of number `to`, its columns changed in an order, and then in the
/// opposite one.
fn both_ways((from, order): &(usize, Vec<usize>), to: usize) -> Vec<Vec<usize>> {
    let columns = order.len();
    let mut rows = Vec::with_capacity(2 * columns + 2);
    for backwards in [false, true] {
        let mut row = vec![*from; columns];
        rows.push(row.clone());
        for i in 0..columns {
            let place = if backwards { columns - 1 - i } else { i };
            row[order[place]] = to;
            rows.push(row.clone());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::table::parse_csv;
    use modelwright_data::{ColumnData, Content};

    /// `x y + z`.
    struct Formula;

    impl BlackBox for Formula {
        fn scores(&self, examples: &Content) -> Result<Vec<f64>> {
            let Content::Table(table) = examples else {
                return Ok(Vec::new());
            };
            let column = |c: usize| match &table.columns[c].data {
                ColumnData::Numbers(values) => values.clone(),
                ColumnData::Labels { .. } => Vec::new(),
            };
            let (x, y, z) = (column(0), column(1), column(2));
            Ok((0..x.len()).map(|i| x[i] * y[i] + z[i]).collect())
        }
    }

    #[test]
    fn shares_are_shapleys_and_add_up() {
        let table = |text: &str| parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        let row = table("x,y,z\n2,3,4\n");
        let background = table("x,y,z\n0,0,0\n1,1,1\n");
        let found = sampled(&Formula, &row, &background, 2, 7).unwrap();
        assert_eq!((found.base, found.score), (1.0, 10.0));
        // Of x: from (0, 0) the mean of 0 and 6, from (1, 1) the mean of 1 and 3. With two columns
        // that go together, an order and its opposite are all there are.
        for (value, expected) in found.values.iter().zip([2.5, 3.0, 3.5]) {
            assert!((value - expected).abs() < 1e-12, "{found:?}");
        }
        let sum = found.base + found.values.iter().sum::<f64>();
        assert!((sum - found.score).abs() < 1e-12);
        assert_eq!(found, sampled(&Formula, &row, &background, 2, 7).unwrap());
    }
}
