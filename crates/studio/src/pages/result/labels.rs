//! Which labels are found, where a text may have several.

use super::cell::{examples, turn};
use crate::page::encoded_part;
use crate::pages::of_run::OfRun;
use crate::pages::words::score_name;
use crate::{Ctx, Problem};
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use modelwright_evaluate::MultiLabelReport;
use modelwright_tasks::AnswerValues;
use serde::Deserialize;

/// The scores of each label, with the way to the examples behind its mistakes.
pub(super) fn section(ctx: &Ctx, of_run: &OfRun, report: &MultiLabelReport) -> Markup {
    let share = |v: f64| format!("{:.1} %", 100.0 * v);
    let mut sorted: Vec<_> = report.per_label.iter().collect();
    sorted.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    let link = |name: &str, missed: bool| {
        of_run.address(&format!(
            "/result/label?name={}&missed={missed}",
            encoded_part(name)
        ))
    };
    html! {
        section.card {
            h2 { (ctx.t("labels-title")) }
            p.quiet {
                (ctx.tr("labels-help", &[("threshold", &(100.0 * report.threshold).round())])) " "
                (ctx.t("result-classes-help"))
            }
            div.scroll tabindex="0" role="region" aria-label=(ctx.t("labels-title")) { table {
                thead { tr {
                    th scope="col" { (ctx.t("labels-label")) }
                    th.n scope="col" { (ctx.t("result-found")) br; small { (score_name(ctx, "recall")) } }
                    th.n scope="col" { (ctx.t("labels-trust")) br; small { (score_name(ctx, "precision")) } }
                    th.n scope="col" { (ctx.t("result-both")) br; small { "F1" } }
                    th.n scope="col" { (ctx.t("result-support")) }
                    th scope="col" { (ctx.t("labels-mistakes")) }
                } }
                tbody { @for l in sorted { tr {
                    th scope="row" { (l.name) }
                    td.n { (share(l.recall)) }
                    td.n { (share(l.precision)) }
                    td.n { (share(l.f1)) }
                    td.n { (l.support) }
                    td {
                        a href=(link(&l.name, true)) { (ctx.t("labels-missed")) } " · "
                        a href=(link(&l.name, false)) { (ctx.t("labels-false")) }
                    }
                } } }
            } }
        }
    }
}

/// Which mistakes of which label.
#[derive(Deserialize)]
pub(super) struct Wanted {
    name: String,
    #[serde(default)]
    missed: bool,
    /// Counted from 1.
    #[serde(default)]
    page: usize,
}

/// The examples behind the mistakes of one label.
pub(super) async fn page(
    ctx: Ctx,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let (answers, data) = of_run.answers(&ctx).await?;
    let AnswerValues::Sets { labels, .. } = &answers.values else {
        return Err(Problem::not_found(&wanted.name));
    };
    let label = labels.iter().position(|l| *l == wanted.name);
    let label = label.ok_or_else(|| Problem::not_found(&wanted.name))?;
    let found = answers.of_label(label, wanted.missed);
    let rows: Vec<_> = found.iter().map(|example| (*example, None)).collect();
    let key = match wanted.missed {
        true => "labels-missed-of",
        false => "labels-false-of",
    };
    let address = format!(
        "/result/label?name={}&missed={}",
        encoded_part(&wanted.name),
        wanted.missed
    );
    let body = html! {
        p { a href=(of_run.address("/result")) { "← " (ctx.t("cell-back")) } }
        p.lead { (ctx.tr(key, &[("count", &found.len()), ("label", &wanted.name)])) }
        (turn(&ctx, &of_run.address(&address), wanted.page, &rows, |shown| {
            examples(&ctx, &of_run, &data, shown)
        }))
    };
    Ok(of_run.page(&ctx, "cell-title", body))
}
