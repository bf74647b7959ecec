//! From how sure on the model's "yes" counts, and what that costs.

use crate::app::Studio;
use crate::pages::of_run::OfRun;
use crate::{Ctx, Problem, assets};
use axum::Json;
use axum::extract::{Path, Query};
use maud::{Markup, html};
use modelwright_evaluate::ClassificationReport;
use modelwright_tasks::AnswerValues;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a visitor chose; kept in the address, so that it can be sent to others.
#[derive(Deserialize, Default)]
pub(super) struct Costs {
    /// The class that is looked for.
    #[serde(default)]
    positive: Option<String>,
    /// Cost of taking another example for it.
    #[serde(default)]
    alarm: Option<f64>,
    /// Cost of not finding one.
    #[serde(default)]
    miss: Option<f64>,
    /// The probability from which on the answer is "yes".
    #[serde(default)]
    threshold: Option<f64>,
}

pub(super) fn section(
    ctx: &Ctx,
    of_run: &OfRun,
    report: &ClassificationReport,
    costs: &Costs,
) -> Markup {
    // What is looked for is usually the rarer of the two.
    let rarer = report.per_class.iter().min_by_key(|c| c.support);
    let rarer = rarer.map_or("", |c| c.name.as_str());
    let asked = costs.positive.as_deref();
    let positive = asked.filter(|p| report.classes.iter().any(|c| c == p));
    let positive = positive.unwrap_or(rarer);
    let texts = json!({
        "cost": ctx.t("threshold-cost"), "threshold": ctx.t("threshold-threshold"),
        "best": ctx.t("threshold-best-mark"), "now": ctx.t("threshold-now-mark"),
    });
    html! {
        section.card {
            h2 { (ctx.t("threshold-title")) }
            p { (ctx.t("threshold-help")) }
            form #threshold data-url=(of_run.address("/result/probabilities")) data-texts=(texts) {
                div.fields {
                    div.field {
                        label for="positive" { (ctx.t("threshold-positive")) }
                        select #positive name="positive" {
                            @for class in &report.classes {
                                option value=(class) selected[class == positive] { (class) }
                            }
                        }
                    }
                    (number(ctx, "alarm", "threshold-alarm", costs.alarm.unwrap_or(1.0)))
                    (number(ctx, "miss", "threshold-miss", costs.miss.unwrap_or(1.0)))
                }
                div.field {
                    label for="at" { (ctx.t("threshold-slider")) " " output #at-text for="at" {} }
                    input #at type="range" name="threshold" min="0.01" max="0.99" step="0.01"
                        value=(costs.threshold.unwrap_or(0.5));
                }
                p.notice #threshold-problem hidden {}
                noscript { p.notice { (ctx.t("needs-script")) } }
            }
            dl.facts.big #threshold-numbers hidden aria-live="polite" {
                dt { (ctx.t("threshold-found")) } dd #found {}
                dt { (ctx.t("threshold-missed")) } dd #missed {}
                dt { (ctx.t("threshold-alarms")) } dd #alarms {}
                dt { (ctx.t("threshold-total")) } dd #total {}
            }
            div.actions { button.secondary #use-best type="button" hidden { (ctx.t("threshold-use-best")) } }
            figure.chart #cost-chart {}
            (assets::script("result.js"))
        }
    }
}

fn number(ctx: &Ctx, name: &str, key: &str, value: f64) -> Markup {
    html! {
        div.field {
            label for=(name) { (ctx.t(key)) }
            input id=(name) name=(name) type="number" min="0" step="any" inputmode="decimal" value=(value);
        }
    }
}

/// For each example whether it is of the class that is looked for, and the probability that the
/// model gives it.
pub(super) async fn probabilities(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(costs): Query<Costs>,
) -> Result<Json<Value>, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let read = move |studio: &Studio| -> Result<Value, Problem> {
        let answers = studio.shelf().answers(&of_run.run, &of_run.folder)?;
        let AnswerValues::Classes {
            classes,
            truth,
            probabilities,
        } = &answers.values
        else {
            return Err(Problem::not_found("probabilities"));
        };
        let name = costs.positive.unwrap_or_default();
        let found = classes.iter().position(|c| *c == name);
        let class = found.ok_or_else(|| Problem::not_found(&name))?;
        let truth: Vec<bool> = truth.iter().map(|t| *t as usize == class).collect();
        let rows = probabilities.chunks_exact(classes.len().max(1));
        let probabilities: Vec<f32> = rows.map(|row| row[class]).collect();
        Ok(json!({ "truth": truth, "probabilities": probabilities }))
    };
    ctx.studio.blocking(read).await.map(Json)
}
