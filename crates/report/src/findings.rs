//! What the first page says: what was found, the worst first.

use crate::page::{decides, equal, mends};
use crate::report::{Finding, Report, Weight};
use crate::simple::Way;
use modelwright_evaluate::fairness::FourFifthsVerdict;
use modelwright_evaluate::{Better, amount, larger_is_better};
use modelwright_tasks::Evaluation;

/// Fewer examples say little.
const FEW: usize = 100;
/// A gap between probabilities and what comes true that is worth mending.
const UNSURE: f64 = 0.05;
/// A share of suspect labels that is worth a look.
const NOISY: f64 = 0.01;

impl Report {
    /// What to know before the model is used, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.useless());
        if self
            .linear
            .as_ref()
            .is_some_and(|l| l.against.paired.better != Better::First)
        {
            found.push(Finding::new(Weight::Warn, "finding-linear", Vec::new()));
        }
        found.extend(self.of_data());
        found.extend(self.of_groups());
        found.extend(self.of_slices());
        found.extend(self.of_probabilities());
        if self.evaluation.examples() < FEW {
            let examples = self.evaluation.examples().to_string();
            found.push(Finding::new(
                Weight::Warn,
                "finding-few",
                vec![("examples", examples)],
            ));
        }
        found.sort_by_key(Finding::urgency);
        if found.is_empty() {
            found.push(Finding::new(Weight::Good, "finding-fine", Vec::new()));
        }
        found
    }

    fn useless(&self) -> Option<Finding> {
        let (name, own) = self.evaluation.scores().into_iter().next()?;
        let trivial = self.simple.first()?;
        let simple = trivial.score(&name)?;
        let better = match larger_is_better(&name) {
            true => own > simple,
            false => own < simple,
        };
        (!better).then(|| match &trivial.way {
            Way::MostFrequent { class } => Finding::new(
                Weight::Bad,
                "finding-useless",
                vec![("class", class.clone())],
            ),
            _ => Finding::new(Weight::Bad, "finding-useless-mean", Vec::new()),
        })
    }

    fn of_data(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for column in self.data.columns.iter().filter(|c| decides(c).is_some()) {
            let args = vec![("column", column.column.clone())];
            found.push(Finding::new(Weight::Bad, "finding-leak", args));
        }
        let shared: usize = self
            .data
            .shared
            .iter()
            .flat_map(equal)
            .map(|(count, ..)| count)
            .sum();
        if shared > 0 {
            let args = vec![("count", shared.to_string())];
            found.push(Finding::new(Weight::Bad, "finding-duplicates", args));
        }
        if let Some(s) = &self.data.suspects
            && s.expected > NOISY * s.examples as f64
            && s.expected >= 1.0
        {
            let args = vec![("expected", format!("{:.0}", s.expected))];
            found.push(Finding::new(Weight::Warn, "finding-suspects", args));
        }
        let drifted: Vec<_> = self.data.drift.iter().flat_map(|d| d.drifted()).collect();
        if let Some(most) = drifted.first() {
            let args = vec![
                ("count", drifted.len().to_string()),
                ("column", most.name.clone()),
            ];
            found.push(Finding::new(Weight::Warn, "finding-drift", args));
        }
        found
    }

    fn of_groups(&self) -> Vec<Finding> {
        let broken = self
            .fairness
            .iter()
            .map(|f| &f.report)
            .filter(|r| r.four_fifths.verdict == FourFifthsVerdict::Broken);
        broken
            .map(|r| {
                let ratio = format!("{:.1} %", 100.0 * r.four_fifths.ratio.unwrap_or(1.0));
                let args = vec![
                    ("attribute", r.attribute.clone()),
                    ("lowest", r.four_fifths.lowest.clone()),
                    ("highest", r.four_fifths.highest.clone()),
                    ("ratio", ratio),
                ];
                Finding::new(Weight::Bad, "finding-fairness", args)
            })
            .collect()
    }

    fn of_slices(&self) -> Option<Finding> {
        let worst = self.slices.as_ref()?.slices.first()?;
        let is_class = matches!(self.evaluation, Evaluation::Classification(_));
        let loss = |v: f64| {
            if is_class {
                format!("{:.1} %", 100.0 * v)
            } else {
                amount(v)
            }
        };
        let args = vec![
            ("slice", worst.words()),
            ("wrong", loss(worst.loss)),
            ("elsewhere", loss(worst.other_loss)),
        ];
        Some(Finding::new(Weight::Warn, "finding-slice", args))
    }

    fn of_probabilities(&self) -> Option<Finding> {
        let calibration = self.calibration.as_ref()?;
        let mends = calibration.scaling.as_ref().is_some_and(mends);
        let gap = calibration.now.ece;
        (gap > UNSURE && mends).then(|| {
            let args = vec![("gap", format!("{:.1} %", 100.0 * gap))];
            Finding::new(Weight::Warn, "finding-sure", args)
        })
    }
}
