//! Talking with a model, or with two at once.

use crate::app::Studio;
use crate::jobs::lock;
use crate::{Ctx, Problem, assets};
use axum::extract::{Form, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use maud::{Markup, html};
use modelwright_runs::Status;
use modelwright_serve::chat::ChatSource;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Mutex;

use super::ship::model_name;

/// The task of runs whose models talk.
pub(crate) const TASK: &str = "chat";
/// Below the folder of runs: a folder for each assistant.
const ASSISTANTS: &str = "assistants";
/// What the script says, by key.
const WORDS: [&str; 14] = [
    "chat-you",
    "chat-model",
    "chat-writing",
    "chat-loading",
    "chat-stopped",
    "chat-failed",
    "chat-good",
    "chat-bad",
    "chat-thanks",
    "chat-sources",
    "chat-source",
    "chat-tokens",
    "chat-send",
    "chat-stop",
];

/// Held while a model is loaded, so that none is loaded twice.
static LOADING: Mutex<()> = Mutex::new(());

/// The page's routes.
pub fn routes() -> Router<Studio> {
    Router::new()
        .route("/chat", get(page))
        .route("/chat/load", post(load))
}

/// A model that can be talked with.
struct Choice {
    /// What the page calls it.
    key: String,
    /// What a person calls it.
    name: String,
    /// Whether it is an assistant.
    cites: bool,
}

#[derive(Deserialize)]
struct Asked {
    /// The run whose model is to be chosen at first.
    run: Option<String>,
}

async fn page(ctx: Ctx, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let choices = ctx.studio.blocking(choices).await?;
    let chosen = asked.run.map(|run| format!("run:{run}"));
    let body = html! {
        link rel="stylesheet" href=(assets::url("run.css"));
        link rel="stylesheet" href=(assets::url("chat.css"));
        h1 { (ctx.t("chat-title")) }
        p.lead { (ctx.t("chat-lead")) }
        @if choices.is_empty() { (nothing(&ctx)) } @else { (talk(&ctx, &choices, chosen.as_deref())) }
    };
    Ok(ctx.page("chat-title", body))
}

/// What can be talked with: models that are served, those of finished runs, assistants.
fn choices(studio: &Studio) -> Result<Vec<Choice>, Problem> {
    let served = studio.serve().chat.list().into_iter().map(|model| Choice {
        key: format!("served:{}", model.name()),
        name: model.name().into(),
        cites: model.about().task == "assistant",
    });
    let runs = studio.store()?.list()?.into_iter();
    let runs = runs.filter(|run| run.task == TASK && run.status == Status::Finished);
    let runs = runs.map(|run| Choice {
        key: format!("run:{}", run.id),
        name: run.id,
        cites: false,
    });
    let folder = studio.runs().join(ASSISTANTS);
    let assistants = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut assistants: Vec<Choice> = assistants
        .filter(|entry| {
            let place = entry.path();
            matches!(
                ChatSource::at(&place.to_string_lossy()),
                Some(ChatSource::Assistant(_))
            )
        })
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Choice {
                key: format!("assistant:{name}"),
                name,
                cites: true,
            }
        })
        .collect();
    assistants.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(served.chain(assistants).chain(runs).collect())
}

fn nothing(ctx: &Ctx) -> Markup {
    html! {
        section.card {
            h2 { (ctx.t("chat-none")) }
            p { (ctx.t("chat-none-help")) }
            pre.code tabindex="0" { code {
                "modelwright studio --chat MODEL.gguf\n"
                "modelwright train CONVERSATIONS.jsonl --task chat --weights MODEL.gguf\n"
                "modelwright assistant build DOCUMENTS/ --model MODEL.gguf"
            } }
        }
    }
}

fn talk(ctx: &Ctx, choices: &[Choice], chosen: Option<&str>) -> Markup {
    let words: serde_json::Map<String, Value> = WORDS
        .iter()
        .map(|key| (key.trim_start_matches("chat-").into(), ctx.t(key).into()))
        .collect();
    html! {
        div #chat data-words=(json!(words)) {
            section.card.chat-models { div.fields {
                div.field {
                    label for="model" { (ctx.t("chat-choose")) }
                    select #model { (options(ctx, choices, chosen)) }
                }
                div.field {
                    label for="other" { (ctx.t("chat-compare")) }
                    select #other { option value="" { (ctx.t("chat-alone")) } (options(ctx, choices, None)) }
                }
            } (settings(ctx)) }
            noscript { p.notice { (ctx.t("chat-script")) } }
            div.talks #talks {
                @for (id, key) in [("talk-0", "chat-first"), ("talk-1", "chat-second")] {
                    section.card.talk id=(id) aria-label=(ctx.t(key)) hidden[id == "talk-1"] {
                        h2 {}
                        div.log role="log" aria-live="polite" tabindex="0" {}
                        p.quiet.state role="status" {}
                    }
                }
            }
            aside.card.cited #passage aria-label=(ctx.t("chat-passage")) tabindex="-1" hidden {
                div.actions {
                    h2 {}
                    button.secondary type="button" #passage-close { (ctx.t("chat-close")) }
                }
                p.quiet {}
                blockquote {}
            }
            form #ask.card {
                label for="question" { (ctx.t("chat-question")) }
                textarea #question rows="2" maxlength="20000" required {}
                p.quiet { (ctx.t("chat-keys")) }
                div.actions {
                    button #send type="submit" { (ctx.t("chat-send")) }
                    button #fresh .secondary type="button" { (ctx.t("chat-new")) }
                }
            }
        }
        (assets::script("chat.js"))
    }
}

fn options(ctx: &Ctx, choices: &[Choice], chosen: Option<&str>) -> Markup {
    html! {
        @for choice in choices {
            option value=(choice.key) selected[chosen == Some(choice.key.as_str())] {
                (choice.name) @if choice.cites { " (" (ctx.t("chat-assistant")) ")" }
            }
        }
    }
}

/// How the model answers, folded away.
fn settings(ctx: &Ctx) -> Markup {
    let number = |id: &str, key: &str, value: &str, step: &str, most: &str| {
        html! {
            div.field {
                label for=(id) { (ctx.t(key)) }
                input id=(id) type="number" min="0" max=(most) step=(step) value=(value);
            }
        }
    };
    html! {
        details {
            summary { (ctx.t("chat-settings")) }
            div.field {
                label for="system" { (ctx.t("chat-system")) }
                textarea #system rows="3" {}
                p.quiet { (ctx.t("chat-system-help")) }
            }
            div.fields {
                (number("temperature", "chat-temperature", "0.7", "0.1", "2"))
                (number("top-p", "chat-top-p", "0.95", "0.01", "1"))
                (number("max-tokens", "chat-max-tokens", "512", "1", "100000"))
                (number("seed", "chat-seed", "", "1", "9007199254740991"))
            }
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    /// A key of a choice.
    model: String,
}

/// Loads a model, unless it is there, and tells the name that `/chat/api` knows it under.
async fn load(ctx: Ctx, Form(wanted): Form<Wanted>) -> Result<Response, Problem> {
    let name = ctx
        .studio
        .blocking(move |studio| ready(studio, &wanted.model))
        .await?;
    Ok(Json(json!({ "model": name })).into_response())
}

fn ready(studio: &Studio, key: &str) -> Result<String, Problem> {
    let _loading = lock(&LOADING);
    let (kind, name) = key.split_once(':').unwrap_or_default();
    // Only what the page offers: a name is no path.
    let known = choices(studio)?.iter().any(|choice| choice.key == key);
    if !known {
        return Err(Problem::not_found(name));
    }
    let own = format!("{kind}-{}", model_name(name));
    let talks = studio.talks();
    if talks.find(&own).is_some() {
        return Ok(own);
    }
    if kind == "served" {
        if let Some(model) = studio.serve().chat.find(name) {
            talks.add(&own, model.talker().clone())?;
        }
        return Ok(own);
    }
    let place = match kind {
        "run" => studio.store()?.folder(name).bundle(),
        _ => studio.runs().join(ASSISTANTS).join(name),
    };
    let source = ChatSource::at(&place.to_string_lossy());
    let source = source.ok_or_else(|| Problem::not_found(name))?;
    talks.load(&own, &source, studio.engine())?;
    Ok(own)
}
