//! Which classes are taken for which.

use crate::Ctx;
use crate::page::encoded_part;
use crate::pages::of_run::OfRun;
use crate::pages::words::score_name;
use maud::{Markup, html};
use modelwright_evaluate::{ClassScores, ClassificationReport};

/// Most classes that a table of all pairs is readable for.
const MOST_CLASSES: usize = 20;
/// Most mix-ups that are listed.
const MOST_PAIRS: usize = 15;

/// Mix-ups and the scores of each class.
pub(super) fn section(ctx: &Ctx, of_run: &OfRun, report: &ClassificationReport) -> Markup {
    html! {
        section.card {
            h2 { (ctx.t("result-confusion")) }
            p.quiet { (ctx.t(&format!("result-confusion-{}", of_run.seen()))) }
            div.confusion {
                @if report.classes.len() <= MOST_CLASSES {
                    (matrix(ctx, of_run, report))
                }
                div { (pairs(ctx, of_run, report)) }
            }
        }
        section.card {
            h2 { (ctx.t("result-classes")) }
            (per_class(ctx, &report.per_class))
        }
    }
}

/// What always naming the most frequent class would achieve; a warning if the model does no better.
pub(super) fn guessing(ctx: &Ctx, report: &ClassificationReport) -> Markup {
    let most = report.per_class.iter().max_by_key(|c| c.support);
    let Some(most) = most.filter(|_| report.examples > 0) else {
        return html! {};
    };
    let share = most.support as f64 / report.examples as f64;
    let args: [(&str, &(dyn std::fmt::Display + Sync)); 2] =
        [("class", &most.name), ("right", &(100.0 * share).round())];
    html! {
        @if report.accuracy < share + 0.01 {
            p.notice.bad { (ctx.tr("result-useless", &args)) }
        } @else {
            p.quiet { (ctx.tr("result-guessing", &args)) }
        }
    }
}

/// The page of the examples behind a cell.
pub(super) fn cell(of_run: &OfRun, truth: &str, predicted: &str) -> String {
    let query = format!(
        "/result/cell?true={}&predicted={}",
        encoded_part(truth),
        encoded_part(predicted)
    );
    of_run.address(&query)
}

fn matrix(ctx: &Ctx, of_run: &OfRun, report: &ClassificationReport) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(ctx.t("result-confusion")) {
            table.matrix {
                caption.hidden { (ctx.t("result-matrix-caption")) }
                thead {
                    tr {
                        td {}
                        th scope="colgroup" colspan=(report.classes.len()) { (ctx.t("result-predicted")) }
                    }
                    tr {
                        th scope="col" { (ctx.t("result-true")) }
                        @for class in &report.classes { th scope="col" { (class) } }
                    }
                }
                tbody {
                    @for (t, counts) in report.confusion.iter().enumerate() { tr {
                        th scope="row" { (report.classes[t]) }
                        @for (p, count) in counts.iter().enumerate() {
                            td class=(shade(t == p, *count, counts.iter().sum())) {
                                @if *count > 0 {
                                    a href=(cell(of_run, &report.classes[t], &report.classes[p]))
                                        aria-label=(cell_label(ctx, report, t, p)) { (count) }
                                } @else { "·" }
                            }
                        }
                    } }
                }
            }
        }
    }
}

/// The style of a cell: right or wrong, and one of five shades by its share of the row.
fn shade(right: bool, count: usize, row: usize) -> String {
    let share = count as f64 / row.max(1) as f64;
    let step = match share {
        _ if count == 0 => 0,
        s if s < 0.02 => 1,
        s if s < 0.1 => 2,
        s if s < 0.3 => 3,
        s if s < 0.7 => 4,
        _ => 5,
    };
    format!("{}-{step}", if right { "hit" } else { "miss" })
}

fn cell_label(ctx: &Ctx, report: &ClassificationReport, t: usize, p: usize) -> String {
    let args: [(&str, &(dyn std::fmt::Display + Sync)); 3] = [
        ("count", &report.confusion[t][p]),
        ("truth", &report.classes[t]),
        ("predicted", &report.classes[p]),
    ];
    ctx.tr("result-cell", &args)
}

/// The most frequent mix-ups, as sentences.
fn pairs(ctx: &Ctx, of_run: &OfRun, report: &ClassificationReport) -> Markup {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (t, counts) in report.confusion.iter().enumerate() {
        let wrong = counts
            .iter()
            .enumerate()
            .filter(|(p, n)| *p != t && **n > 0);
        pairs.extend(wrong.map(|(p, n)| (*n, t, p)));
    }
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.0));
    html! {
        @if pairs.is_empty() {
            p { (ctx.t("result-no-mistake")) }
        } @else {
            h3 { (ctx.t("result-pairs")) }
            ol.pairs {
                @for (_, t, p) in pairs.iter().take(MOST_PAIRS) {
                    li { a href=(cell(of_run, &report.classes[*t], &report.classes[*p])) { (cell_label(ctx, report, *t, *p)) } }
                }
            }
        }
    }
}

fn per_class(ctx: &Ctx, classes: &[ClassScores]) -> Markup {
    let share = |v: f64| format!("{:.1} %", 100.0 * v);
    let mut sorted: Vec<&ClassScores> = classes.iter().collect();
    sorted.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    html! {
        p.quiet { (ctx.t("result-classes-help")) }
        div.scroll tabindex="0" role="region" aria-label=(ctx.t("result-classes")) { table {
            thead { tr {
                th scope="col" { (ctx.t("result-class")) }
                th.n scope="col" { (ctx.t("result-found")) br; small { (score_name(ctx, "recall")) } }
                th.n scope="col" { (ctx.t("result-trust")) br; small { (score_name(ctx, "precision")) } }
                th.n scope="col" { (ctx.t("result-both")) br; small { "F1" } }
                th.n scope="col" { (ctx.t("result-support")) }
            } }
            tbody { @for c in sorted { tr {
                th scope="row" { (c.name) }
                td.n { (share(c.recall)) }
                td.n { (share(c.precision)) }
                td.n { (share(c.f1)) }
                td.n { (c.support) }
            } } }
        } }
    }
}
