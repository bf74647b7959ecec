//! A model beside simple ones that were made in seconds: was it worth its cost?

use crate::numbers;
use crate::paired::{RARE, sign_test};
use serde::{Deserialize, Serialize};

/// A difference of means counts from so many standard errors on.
const SURE: f64 = 1.96;

/// A simple model, trained and measured on the same examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it is, such as `naive Bayes`.
    pub name: String,
    /// Its score, larger is better.
    pub score: f64,
    /// Name of the score, one of those of the model.
    pub score_name: String,
    /// Wall seconds of its training.
    pub seconds: f64,
    /// Where it and the model disagree, if the score counts right answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairs>,
}

/// Examples that only one of two models got right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Right of the model, wrong of the simple one.
    pub only_model: usize,
    /// The other way round.
    pub only_simple: usize,
}

/// A model beside its baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the score that is compared.
    pub score_name: String,
    /// The model's score: a mean over examples of something between 0 and 1, larger is better.
    pub score: f64,
    /// Wall seconds of its training.
    pub seconds: f64,
    /// Examples that the scores are on.
    pub examples: usize,
    /// The simple models, the best first.
    pub baselines: Vec<Baseline>,
    /// How probable a difference at least this large to the best of them would be if both were equally
    /// good; `None` if it is not known on which examples they disagree.
    pub chance: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// Whether a model was worth more than the best simple one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is better.
    Earned,
    /// Nobody can tell: with this number of examples, chance makes such differences.
    Same,
    /// The simple one is better.
    Worse,
}

impl Comparison {
    /// Compares; `None` without a baseline, or if the model has no score of that name.
    pub fn new(
        scores: &[(String, f64)],
        examples: usize,
        seconds: f64,
        mut baselines: Vec<Baseline>,
    ) -> Option<Self> {
        baselines.sort_by(|a, b| b.score.total_cmp(&a.score));
        let best = baselines.first()?;
        let (score_name, score) = scores.iter().find(|(name, _)| *name == best.score_name)?;
        let chance = best.pairs.map(Pairs::chance);
        let differs = match chance {
            Some(chance) => chance < RARE,
            None => differ(*score, best.score, examples),
        };
        let verdict = match differs {
            false => Verdict::Same,
            true if *score > best.score => Verdict::Earned,
            true => Verdict::Worse,
        };
        Some(Self {
            score_name: score_name.clone(),
            score: *score,
            seconds,
            examples,
            chance,
            verdict,
            baselines,
        })
    }

    /// The best simple model.
    pub fn best(&self) -> Option<&Baseline> {
        self.baselines.first()
    }

    /// The verdict in plain words.
    pub fn words(&self) -> String {
        let Some(best) = self.best() else {
            return String::new();
        };
        let value = |v: f64| numbers::score(&self.score_name, v);
        let against = format!(
            "{} {} after {:.1} s of training, against {} of {} after {:.1} s",
            numbers::label(&self.score_name),
            value(self.score),
            self.seconds,
            value(best.score),
            best.name,
            best.seconds
        );
        let chance = match self.chance.map(|chance| 1.0 / chance) {
            Some(cases) if cases >= 1000.0 => {
                " By chance, such a difference comes about in fewer than 1 of 1,000 cases.".into()
            }
            Some(cases) if cases >= 1.5 => {
                format!(" By chance, such a difference comes about in 1 of {cases:.0} cases.")
            }
            Some(_) => " Chance easily makes such a difference.".into(),
            None if self.verdict == Verdict::Same => format!(
                " With {} examples, chance may make such a difference.",
                numbers::grouped(self.examples as i64)
            ),
            None => String::new(),
        };
        let earned = match self.verdict {
            Verdict::Earned => "The model earned its cost",
            Verdict::Same => "The model did not earn its cost",
            Verdict::Worse => "The model did not earn its cost, the simple one is better",
        };
        format!("{earned}: {against}.{chance}")
    }
}

impl Pairs {
    /// How probable so uneven a number of disagreements is by chance.
    fn chance(self) -> f64 {
        sign_test(self.only_model, self.only_simple)
    }
}

/// Whether two means over the same examples differ by more than chance makes.
///
/// The variance of a mean m of `n` values between 0 and 1 is at most m (1 - m) / n. As both are of the
/// same examples, their difference varies less than is taken here: a model is not praised too early.
fn differ(model: f64, simple: f64, examples: usize) -> bool {
    let spread = |mean: f64| mean.clamp(0.0, 1.0) * (1.0 - mean.clamp(0.0, 1.0));
    let error = ((spread(model) + spread(simple)) / examples.max(1) as f64).sqrt();
    (model - simple).abs() > SURE * error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(model: f64, examples: usize, pairs: Option<Pairs>) -> Comparison {
        let baseline = |name: &str, score| Baseline {
            name: name.into(),
            score,
            score_name: "accuracy".into(),
            seconds: 1.25,
            pairs,
        };
        let baselines = vec![baseline("naive Bayes", 0.8), baseline("logistic", 0.85)];
        let scores = [("accuracy".to_string(), model)];
        Comparison::new(&scores, examples, 60.0, baselines).unwrap()
    }

    #[test]
    fn a_model_is_praised_for_what_chance_does_not_make() {
        // 1.96 standard errors are 4.7 points with 400 examples, 1.5 with 4,000.
        for (score, examples, verdict) in [
            (0.88, 400, Verdict::Same),
            (0.88, 4000, Verdict::Earned),
            (0.70, 400, Verdict::Worse),
        ] {
            assert_eq!(compared(score, examples, None).verdict, verdict, "{score}");
        }
    }

    /// Values from sums of whole binomial coefficients.
    #[test]
    fn disagreements_decide_where_they_are_known() {
        for (only_model, only_simple, chance, verdict) in [
            (20, 8, 0.035_698_138_18, Verdict::Earned),
            (15, 8, 0.210_039_615_63, Verdict::Same),
            (0, 0, 1.0, Verdict::Same),
            (1, 9, 0.021_484_375, Verdict::Earned),
        ] {
            let pairs = Pairs {
                only_model,
                only_simple,
            };
            let compared = compared(0.88, 400, Some(pairs));
            assert!(
                (compared.chance.unwrap() - chance).abs() < 1e-8,
                "{compared:?}"
            );
            assert_eq!(compared.verdict, verdict, "{only_model} {only_simple}");
        }
        // Half to the power of 4,000 is below all numbers.
        let many = Pairs {
            only_model: 2100,
            only_simple: 1900,
        };
        assert!(
            (many.chance() - 0.001_649_266_375).abs() < 1e-9,
            "{}",
            many.chance()
        );
    }

    #[test]
    fn the_verdict_is_said_in_words() {
        let pairs = Pairs {
            only_model: 20,
            only_simple: 8,
        };
        assert_eq!(
            compared(0.88, 400, Some(pairs)).words(),
            "The model earned its cost: accuracy 88.00 % after 60.0 s of training, against 85.00 % of \
             logistic after 1.2 s. By chance, such a difference comes about in 1 of 28 cases."
        );
        let same = compared(0.86, 400, None).words();
        assert!(
            same.contains("did not earn") && same.contains("400 examples"),
            "{same}"
        );
    }

    #[test]
    fn without_anything_to_compare_nothing_is_said() {
        let scores = [("r2".to_string(), 0.5)];
        assert!(Comparison::new(&scores, 10, 1.0, Vec::new()).is_none());
        let other = compared(0.9, 10, None).baselines;
        assert!(Comparison::new(&scores, 10, 1.0, other).is_none());
    }
}
