//! How far predicted quantities are off.

use crate::Ctx;
use crate::Problem;
use crate::app::Studio;
use crate::pages::of_run::OfRun;
use crate::pages::words::amount;
use maud::{Markup, html};
use modelwright_evaluate::RegressionReport;
use modelwright_tasks::{AnswerValues, Answers};
use std::sync::Arc;

/// Most points of the chart.
const MOST_POINTS: usize = 1500;
/// Worst predictions that are listed.
const WORST: usize = 10;

/// One example: its position, true and predicted value.
type Point = (usize, f64, f64);

pub(super) async fn section(ctx: &Ctx, of_run: &OfRun, report: &RegressionReport) -> Markup {
    let wanted = of_run.clone();
    let read = move |studio: &Studio| -> Result<Arc<Answers>, Problem> {
        Ok(studio.shelf().answers(&wanted.run, &wanted.folder)?)
    };
    let (points, problem) = match ctx.studio.blocking(read).await {
        Ok(answers) => (points(&answers), None),
        // Without the data there are still the pairs that were kept for a chart.
        Err(problem) => {
            let pairs = report.pairs.iter().enumerate();
            let points = pairs.map(|(i, (t, p))| (i, *t, *p)).collect();
            (points, Some(problem))
        }
    };
    html! {
        section.card {
            h2 { (ctx.t("values-errors")) }
            (quantiles(ctx, &points))
        }
        section.card {
            h2 { (ctx.t("values-scatter")) }
            p.quiet { (ctx.t("values-scatter-help")) }
            (scatter(ctx, &report.target, &points))
        }
        @match problem {
            Some(problem) => p.notice lang="en" { (problem) },
            None => (worst(ctx, &points)),
        }
    }
}

fn points(answers: &Answers) -> Vec<Point> {
    match &answers.values {
        AnswerValues::Values {
            truth, predicted, ..
        } => {
            let values = truth.iter().zip(predicted);
            let examples = answers.examples.iter();
            examples
                .zip(values)
                .map(|(e, (t, p))| (*e, *t, *p))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Errors as shares of the predictions: half of them are off by less than this, and so on.
fn quantiles(ctx: &Ctx, points: &[Point]) -> Markup {
    let mut errors: Vec<f64> = points.iter().map(|(_, t, p)| (p - t).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let below = |share: f64| quantile(&errors, share);
    html! {
        ul.plain {
            @for (key, share) in [("values-half", 0.5), ("values-nine", 0.9), ("values-most", 0.99)] {
                @if let Some(error) = below(share) {
                    li { (ctx.tr(key, &[("error", &amount(rounded(error)))])) }
                }
            }
            @if let Some(worst) = errors.last() {
                li { (ctx.tr("values-worst", &[("error", &amount(rounded(*worst)))])) }
            }
        }
    }
}

/// The smallest value that at least `share` of the sorted values do not exceed.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Three digits that count; more would promise what nobody knows.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 2);
    (value / unit).round() * unit
}

/// Points of (true, predicted), drawn with the page's colours.
fn scatter(ctx: &Ctx, target: &str, points: &[Point]) -> Markup {
    let all = || points.iter().flat_map(|(_, t, p)| [*t, *p]);
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let spread = if high > low { high - low } else { 1.0 };
    let at = |v: f64| 10.0 + 380.0 * (v - low) / spread;
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    html! {
        figure.chart.square {
            svg viewBox="0 0 400 400" role="img" aria-label=(ctx.t("values-scatter-help")) {
                rect.frame x="10" y="10" width="380" height="380" {}
                line.ideal x1="10" y1="390" x2="390" y2="10" {}
                @for (example, t, p) in points.iter().step_by(step) {
                    circle cx=(format!("{:.1}", at(*t))) cy=(format!("{:.1}", 400.0 - at(*p))) r="2.5" {
                        title { (ctx.tr("values-point", &[("row", &(example + 1)), ("truth", &amount(*t)), ("predicted", &amount(*p))])) }
                    }
                }
            }
            figcaption {
                (ctx.tr("values-axes", &[("target", &target), ("low", &amount(rounded(low))), ("high", &amount(rounded(high)))]))
            }
        }
    }
}

fn worst(ctx: &Ctx, points: &[Point]) -> Markup {
    let mut sorted: Vec<&Point> = points.iter().collect();
    sorted.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    html! {
        section.card {
            h2 { (ctx.t("values-worst-title")) }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("values-worst-title")) { table {
                thead { tr {
                    th.n scope="col" { (ctx.t("cell-row")) }
                    th.n scope="col" { (ctx.t("values-true")) }
                    th.n scope="col" { (ctx.t("values-predicted")) }
                    th.n scope="col" { (ctx.t("values-error")) }
                } }
                tbody { @for (row, t, p) in sorted.into_iter().take(WORST) { tr {
                    th.n scope="row" { (row + 1) }
                    td.n { (amount(*t)) }
                    td.n { (amount(rounded(*p))) }
                    td.n { (amount(rounded(p - t))) }
                } } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur() {
        let errors = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&errors, 0.5), Some(2.0));
        assert_eq!(quantile(&errors, 0.99), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!((rounded(18_432.7), rounded(0.0)), (18_400.0, 0.0));
    }
}
