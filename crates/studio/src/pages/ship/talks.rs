//! A model that talks as part of a product: OpenAI's clients, and a line for a web site.

use super::snippets::Snippet;
use super::{base, model_name, shown, state};
use crate::pages::of_run::OfRun;
use crate::{Ctx, assets};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use modelwright_serve::Access;

/// The question of the examples.
const QUESTION: &str = "What are your opening hours?";

/// The page of a run of the task chat.
pub(super) fn page(ctx: &Ctx, of_run: &OfRun, headers: &HeaderMap) -> Response {
    let name = model_name(&of_run.run.id);
    let serving = ctx.studio.serve().chat.find(&name).is_some();
    let base = base(headers);
    let token = matches!(ctx.studio.serve().access, Access::Tokens(_));
    let address = format!("{base}/v1/chat/completions");
    let body = html! {
        (state(ctx, of_run, serving, &address, token))
        section.card {
            h2 { (ctx.t("ship-code")) }
            p { (ctx.t("ship-talk-help")) }
            @if !serving { p.notice { (ctx.t("ship-code-later")) } }
            @for snippet in snippets(&base, &name, token) { (shown(ctx, &snippet)) }
            p { a.button.secondary href=(format!("/chat?run={}", crate::page::encoded_part(&of_run.run.id))) { (ctx.t("ship-talk-try")) } }
        }
        (widget(ctx, &base, &name))
        (take_along(ctx, of_run))
        (assets::script("ship.js"))
    };
    of_run.page(ctx, "ship-title", body)
}

fn snippets(base: &str, name: &str, token: bool) -> [Snippet; 3] {
    let snippet = |id, language, code| Snippet { id, language, code };
    let header = match token {
        true => " \\\n  -H \"Authorization: Bearer $TOKEN\"",
        false => "",
    };
    let curl = format!(
        "curl -s {base}/v1/chat/completions \\\n  -H 'Content-Type: application/json'{header} \\\n  \
         -d '{{\"model\": \"{name}\", \"messages\": [{{\"role\": \"user\", \"content\": \"{QUESTION}\"}}]}}'"
    );
    let (imports, key) = match token {
        true => ("import os\n\n", "os.environ[\"TOKEN\"]"),
        false => ("", "\"none\""),
    };
    let python = format!(
        "{imports}from openai import OpenAI\n\nclient = OpenAI(base_url=\"{base}/v1\", api_key={key})\n\
         answer = client.chat.completions.create(\n    model=\"{name}\",\n    \
         messages=[{{\"role\": \"user\", \"content\": \"{QUESTION}\"}}],\n    stream=True,\n)\n\
         for chunk in answer:\n    for choice in chunk.choices:\n        \
         print(choice.delta.content or \"\", end=\"\")"
    );
    let key = if token {
        "process.env.TOKEN"
    } else {
        "\"none\""
    };
    let javascript = format!(
        "import OpenAI from \"openai\";\n\n\
         const client = new OpenAI({{ baseURL: \"{base}/v1\", apiKey: {key} }});\n\
         const answer = await client.chat.completions.create({{\n  model: \"{name}\",\n  \
         messages: [{{ role: \"user\", content: \"{QUESTION}\" }}],\n}});\n\
         console.log(answer.choices[0].message.content);"
    );
    [
        snippet("curl", "curl", curl),
        snippet("python", "Python", python),
        snippet("javascript", "JavaScript", javascript),
    ]
}

/// The line that puts a bubble to chat in on a web site.
fn widget(ctx: &Ctx, base: &str, name: &str) -> Markup {
    let line = Snippet {
        id: "widget",
        language: "HTML",
        code: format!(
            "<script src=\"{base}/widget.js\" data-model=\"{name}\" data-token=\"TOKEN\"></script>"
        ),
    };
    html! {
        section.card {
            h2 { (ctx.t("ship-widget")) }
            p { (ctx.t("ship-widget-help")) }
            (shown(ctx, &line))
            p.notice { (ctx.t("ship-widget-token")) " "
                code { "modelwright token create website --scope chat --per-minute 60" } }
            p { (ctx.t("ship-widget-origin")) " " code { "--allow-origin https://shop.example" } }
        }
    }
}

fn take_along(ctx: &Ctx, of_run: &OfRun) -> Markup {
    let (id, runs) = (&of_run.run.id, ctx.studio.runs().display());
    html! {
        section.card {
            h2 { (ctx.t("ship-take")) }
            p { (ctx.t("ship-take-help")) }
            div.actions { a.button href=(of_run.address("/bundle.zip")) download { (ctx.t("ship-bundle")) } }
            h3 { (ctx.t("ship-command")) }
            pre.code tabindex="0" { code { "modelwright serve " (id) " --runs-dir " (runs) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_names_the_token_where_one_is_needed() {
        let code = |token| snippets("http://localhost:1", "shop", token).map(|s| s.code);
        for code in code(true) {
            assert!(code.contains("TOKEN") && code.contains("shop"), "{code}");
        }
        for code in code(false) {
            assert!(
                !code.contains("TOKEN") && code.contains("http://localhost:1/v1"),
                "{code}"
            );
        }
    }
}
