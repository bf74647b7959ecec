//! The page on which data is brought or chosen.

use super::super::words::bytes;
use crate::assets;
use crate::page::{Ctx, encoded_part};
use crate::uploads::{Entry, Sort};
use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use modelwright_tasks::registry;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Wish {
    /// The task of the card that led here.
    task: Option<String>,
}

pub async fn page(ctx: Ctx, Query(wish): Query<Wish>) -> Response {
    let known = |name: &String| registry::TASKS.iter().any(|t| t.info().name == *name);
    let task = wish.task.filter(known);
    let lead = match &task {
        Some(task) => ctx.t(&format!("task-{task}-data")),
        None => ctx.t("data-lead"),
    };
    let brought = ctx.studio.uploads().list();
    let body = html! {
        div.hero { h1 { (ctx.t("data-question")) } p.lead { (lead) } }
        (upload_form(&ctx))
        @if !brought.is_empty() {
            section {
                h2 { (ctx.t("data-yours")) }
                ul.cards { @for entry in &brought { li { (card(&ctx, entry)) } } }
            }
        }
        section {
            h2 { (ctx.t("data-embedded")) }
            p { (ctx.t("data-embedded-lead")) }
            ul.cards { @for named in ctx.studio.uploads().embedded() { li {
                a.card href=(format!("/data/{}", named.name)) {
                    h3 { (ctx.t(&format!("set-{}-title", named.name))) }
                    p { (ctx.t(&format!("set-{}-about", named.name))) }
                    p.technical { code { (named.name) } " · " (named.licence) }
                }
            } } }
        }
        (assets::script("upload.js"))
    };
    ctx.page("data-title", body)
}

/// Works without script, too: then a file is chosen, and the browser shows how far it is.
fn upload_form(ctx: &Ctx) -> Markup {
    html! {
        form.card.drop #upload method="post" action="/data/upload" enctype="multipart/form-data"
            data-sending=(ctx.t("upload-sending")) data-storing=(ctx.t("upload-storing"))
            data-lost=(ctx.t("upload-lost")) data-empty=(ctx.t("upload-nothing")) {
            svg.sketch viewBox="0 0 64 48" aria-hidden="true" {
                path.soft d="M4 12 H24 L30 18 H60 V44 H4 Z" {}
                path.thick d="M32 40 V24 M24 31 L32 23 L40 31" {}
            }
            p.big { (ctx.t("upload-drop")) }
            p { (ctx.t("upload-kinds")) }
            div.row {
                label.button for="folder" { (ctx.t("upload-folder")) }
                input.hidden #folder type="file" name="file" multiple webkitdirectory;
                label.button.secondary for="file" { (ctx.t("upload-file")) }
                input.hidden #file type="file" name="file"
                    accept=".zip,.csv,.tsv,.txt,.md,.json,.jsonl,.ndjson,.parquet,.gz";
                noscript { button type="submit" { (ctx.t("upload-send")) } }
            }
            div #sending hidden {
                p #sending-text role="status" {}
                progress #sending-bar max="1" value="0" aria-label=(ctx.t("upload-sending")) {}
                button.secondary #sending-stop type="button" { (ctx.t("upload-cancel")) }
            }
            p.notice.bad #upload-problem role="alert" hidden {}
            details.technical {
                summary { (ctx.t("upload-how")) }
                pre { (ctx.t("upload-layout")) }
            }
        }
    }
}

fn card(ctx: &Ctx, entry: &Entry) -> Markup {
    let sort = match entry.sort {
        Sort::Table => ctx.t("data-a-table"),
        Sort::Texts => ctx.tr("data-a-text-folder", &[("files", &entry.files)]),
        _ => ctx.tr("data-a-folder", &[("files", &entry.files)]),
    };
    html! {
        a.card href=(format!("/data/{}", encoded_part(&entry.id))) {
            h3 { (entry.name) }
            p { (sort) " · " (bytes(entry.bytes)) }
            p.technical { code { (entry.id) } }
        }
    }
}
