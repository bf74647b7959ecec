//! The worst few of many answers.

/// How many are kept.
const KEPT: usize = 12;

/// Up to twelve items with their badness, the worst first.
#[derive(Debug, Clone)]
pub(crate) struct Worst<T>(Vec<(f64, T)>);

impl<T> Default for Worst<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Worst<T> {
    /// Takes an item up if it is among the worst so far, and makes it only then; `badness` grows with
    /// how wrong it is.
    pub fn add(&mut self, badness: f64, item: impl FnOnce() -> T) {
        let place = self.0.partition_point(|(b, _)| *b >= badness);
        if place < KEPT && !badness.is_nan() {
            self.0.insert(place, (badness, item()));
            self.0.truncate(KEPT);
        }
    }

    /// The items, the worst first.
    pub fn items(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_the_rest_goes() {
        let mut worst = Worst::default();
        for i in 0..100 {
            worst.add(f64::from(i * 37 % 100), || i * 37 % 100);
        }
        worst.add(f64::NAN, || -1);
        let items: Vec<i32> = worst.items().copied().collect();
        assert_eq!(items, (88..100).rev().collect::<Vec<_>>());
    }
}
