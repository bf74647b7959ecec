//! Examples in the order of their scores, for everything that depends on a threshold.

/// Labelled examples from the highest score down, those of equal score together.
pub(crate) struct Ranking {
    /// Each example's place in what was given, and whether it is a positive one.
    order: Vec<(usize, bool)>,
    /// Each score that occurs, and how many examples have it or a higher one.
    levels: Vec<(f32, usize)>,
}

/// What is taken for positive with one score as the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Scores from here up count as positive.
    pub threshold: f32,
    /// Positive examples among them.
    pub hits: u64,
    /// Negative examples among them.
    pub alarms: u64,
}

impl Ranking {
    /// Sorts examples: a score, and whether the example is a positive one.
    pub(crate) fn new(examples: impl Iterator<Item = (f32, bool)>) -> Self {
        let mut sorted: Vec<(usize, (f32, bool))> = examples.enumerate().collect();
        sorted.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        let mut levels = Vec::new();
        let mut end = 0;
        for tied in sorted.chunk_by(|a, b| a.1.0 == b.1.0) {
            end += tied.len();
            levels.push((tied[0].1.0, end));
        }
        let order = sorted.into_iter().map(|(i, (_, positive))| (i, positive));
        Self {
            order: order.collect(),
            levels,
        }
    }

    /// Every score that occurs as a threshold, from the highest down, where example `i` counts
    /// `count(i)` times.
    pub(crate) fn steps(&self, count: impl Fn(usize) -> u64) -> impl Iterator<Item = Step> {
        let (mut from, mut hits, mut alarms) = (0, 0, 0);
        self.levels.iter().map(move |(threshold, end)| {
            for (i, positive) in &self.order[from..*end] {
                match positive {
                    true => hits += count(*i),
                    false => alarms += count(*i),
                }
            }
            from = *end;
            Step {
                threshold: *threshold,
                hits,
                alarms,
            }
        })
    }

    /// How likely a positive example scores higher than a negative one; equal scores count one half.
    /// `None` unless there are examples of both kinds.
    pub(crate) fn area(&self, count: impl Fn(usize) -> u64) -> Option<f64> {
        let (mut hits, mut alarms, mut doubled) = (0, 0, 0);
        for step in self.steps(count) {
            // Each new negative lies below all earlier positives and beside those of its own score.
            doubled += (step.alarms - alarms) * (hits + step.hits);
            (hits, alarms) = (step.hits, step.alarms);
        }
        let pairs = hits * alarms;
        (pairs > 0).then(|| doubled as f64 / (2 * pairs) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ranking, Step};

    fn ranking() -> Ranking {
        let examples = [(0.5, true), (0.9, true), (0.5, false), (0.1, false)];
        Ranking::new(examples.into_iter())
    }

    #[test]
    fn equal_scores_are_one_step() {
        let step = |threshold, hits, alarms| Step {
            threshold,
            hits,
            alarms,
        };
        let steps: Vec<Step> = ranking().steps(|_| 1).collect();
        assert_eq!(steps, [step(0.9, 1, 0), step(0.5, 2, 1), step(0.1, 2, 2)]);
    }

    #[test]
    fn an_example_may_count_several_times() {
        // The first example twice, the second and the third once, the last not at all.
        let counts = [2, 1, 1, 0];
        let last = ranking().steps(|i| counts[i]).last();
        assert_eq!(last.map(|s| (s.hits, s.alarms)), Some((3, 1)));
        // Of three pairs two are tied.
        assert_eq!(ranking().area(|i| counts[i]), Some(2.0 / 3.0));
        assert_eq!(ranking().area(|i| counts[i] * u64::from(i < 2)), None);
    }
}
