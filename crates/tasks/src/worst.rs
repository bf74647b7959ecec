//! The worst few of many answers.

/// How many are kept.
const KEPT: usize = 12;

/// Up to twelve items, the worst first.
#[derive(Debug, Clone)]
pub(crate) struct Worst<T>(pub Vec<T>, Vec<f64>);

impl<T> Default for Worst<T> {
    fn default() -> Self {
        Self(Vec::new(), Vec::new())
    }
}

impl<T> Worst<T> {
    /// Takes an item up if it is among the worst so far; `badness` grows with how wrong it is.
    pub fn add(&mut self, badness: f64, item: T) {
        let place = self.1.partition_point(|b| *b >= badness);
        if place < KEPT && !badness.is_nan() {
            self.0.insert(place, item);
            self.1.insert(place, badness);
            self.0.truncate(KEPT);
            self.1.truncate(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_the_rest_goes() {
        let mut worst = Worst::default();
        for i in 0..100 {
            worst.add(f64::from(i * 37 % 100), i * 37 % 100);
        }
        worst.add(f64::NAN, -1);
        assert_eq!(worst.0, (88..100).rev().collect::<Vec<_>>());
    }
}
