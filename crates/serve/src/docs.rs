//! A page for people: what is served, commands that work, and all addresses.

use crate::chat::ChatModel;
use crate::example::{Place, examples, talk};
use crate::model::Version;
use crate::openapi::document;
use crate::router::App;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use modelwright_tasks::{InputColumn, InputSchema, InputValues, OutputSchema};
use serde_json::Value;
use std::sync::LazyLock;

/// Levels of a category that are shown.
const LEVELS: usize = 12;
const STYLE: &str = include_str!("docs.css");
/// What [`addresses`] makes, which is the same for all servers.
static ADDRESSES: LazyLock<Markup> = LazyLock::new(addresses);

/// The page and its style.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(page))
        .route("/docs/style.css", get(style))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

async fn page(State(app): State<App>, headers: HeaderMap) -> Html<String> {
    let open = app.access.is_open();
    let place = Place::of(&headers, app.tls, !open);
    // Anybody may read this page, but names and columns of models are for those with a token.
    let models = if open { app.models.list() } else { Vec::new() };
    let talking = if open { app.chat.list() } else { Vec::new() };
    let described = models.iter().filter_map(|model| {
        let version = app.models.look(&model.name, None).ok()?;
        Some(about(&place, &model.name, &version))
    });
    let body = html! {
        h1 { "Modelwright" }
        p { "This server answers with the predictions of trained models, and talks. The same as a document for \
            programs: " a href="/openapi.json" { "openapi.json" } "." }
        h2 { "Models" }
        @if open {
            @for model in described { (model) }
            @for model in &talking { (talks(&place, model)) }
            @if models.is_empty() && talking.is_empty() { p { "No model is loaded." } }
        } @else {
            p { "This server wants a token. With yours in " code { "MODELWRIGHT_TOKEN" }
                ", GET " code { "/v1/models" } " lists the models, and " code { "/v1/models/NAME" }
                " has an example for each." }
        }
        h2 { "Addresses" }
        (*ADDRESSES)
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Modelwright: addresses" }
                link rel="stylesheet" href="/docs/style.css";
            }
            body { main { (body) } }
        }
    };
    Html(page.into_string())
}

/// A model with what it takes and gives, and commands.
fn about(place: &Place, name: &str, version: &Version) -> Markup {
    html! {
        section {
            h3 { (name) }
            p { (version.task.replace('-', " ")) ", " (version.architecture) ", version " (version.number)
                ", from the run " (version.run) "." }
            (takes(version.input()))
            p { (gives(version)) }
            @for example in examples(place, name, version) {
                h4 { (example.title) }
                pre tabindex="0" { code { (example.command) } }
            }
        }
    }
}

/// A model that talks, and a command.
fn talks(place: &Place, model: &ChatModel) -> Markup {
    let about = model.about();
    let example = talk(place, model.name());
    html! {
        section {
            h3 { (model.name()) }
            p { (about.task) ", " (about.architecture) ", a context of " (about.context) " tokens." }
            p { "It takes the messages of a conversation and answers with text, as OpenAI's API does: give \
                their clients this server's address with " code { "/v1" } " behind it." }
            h4 { (example.title) }
            pre tabindex="0" { code { (example.command) } }
        }
    }
}

fn gives(version: &Version) -> String {
    let labels = || shortened(&version.labels);
    match version.output {
        OutputSchema::Class => {
            format!(
                "It answers with one of {}, and the probability of each.",
                labels()
            )
        }
        OutputSchema::Labels => format!(
            "It answers with any number of {}, and the probability of each by itself.",
            labels()
        ),
        OutputSchema::Value => "It answers with a number.".into(),
        OutputSchema::Vector { width } => format!(
            "It answers with a vector of {width} numbers and length 1; those of texts that mean the same \
             lie close together."
        ),
        OutputSchema::Span => {
            "It answers with the place in the context that answers the question, or \
                               with null if there is none."
                .into()
        }
        OutputSchema::Match => {
            "It answers with the answer to the known question that asks the same, or \
                                with null if it is not sure, and the questions next to it."
                .into()
        }
        OutputSchema::Text => "It answers with a text.".into(),
    }
}

fn takes(schema: &InputSchema) -> Markup {
    match schema {
        InputSchema::Images {
            height,
            width,
            channels,
        } => html! {
            p { "It takes pictures of any size, which it sees as " (width) " × " (height) " pixels in "
                @if *channels == 1 { "grey" } @else { "colour" } "." }
        },
        InputSchema::Table { columns } => html! {
            table {
                caption { "It reads these columns; a value that is unknown is null or empty." }
                thead { tr { th scope="col" { "Column" } th scope="col" { "Values" } } }
                tbody { @for column in columns { tr { td { (column.name) } td { (values(column)) } } } }
            }
        },
    }
}

fn values(column: &InputColumn) -> String {
    match &column.values {
        InputValues::Number { typical } => format!("a number, about {typical:.4}"),
        InputValues::Category { levels } => shortened(levels),
        InputValues::Text { longest } => {
            format!("a text; about {longest} characters are read")
        }
    }
}

fn shortened(words: &[String]) -> String {
    match words.len() {
        0..=LEVELS => words.join(", "),
        n => format!("{} and {} more", words[..LEVELS].join(", "), n - LEVELS),
    }
}

/// Every address of the document, with what it takes and answers.
fn addresses() -> Markup {
    let document = serde_json::to_value(document()).unwrap_or_default();
    html! {
        @for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            @for (method, operation) in methods.as_object().into_iter().flatten() {
                article {
                    h3 { code { (method.to_uppercase()) " " (path) } }
                    p { (text(operation, "summary")) " " (text(operation, "description")) }
                    @if let Some(types) = operation["requestBody"]["content"].as_object() {
                        p { "Takes " (types.keys().cloned().collect::<Vec<_>>().join(", ")) "." }
                    }
                    table {
                        thead { tr { th scope="col" { "Status" } th scope="col" { "Answer" } } }
                        tbody {
                            @for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
                                tr { td { (status) } td { (kind_of(answer)) " " (text(answer, "description")) } }
                            }
                        }
                    }
                }
            }
        }
        h2 { "Contents" }
        @for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            @if let Some(fields) = schema["properties"].as_object() {
                article id=(name) {
                    h3 { (name) }
                    p { (text(schema, "description")) }
                    table {
                        thead { tr { th scope="col" { "Field" } th scope="col" { "Meaning" } } }
                        tbody { @for (field, about) in fields {
                            tr { td { code { (field) } } td { (text(about, "description")) } }
                        } }
                    }
                }
            }
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A link to the type of an answer's content.
fn kind_of(answer: &Value) -> Markup {
    let content = answer["content"].as_object();
    let schema = content
        .and_then(|c| c.values().next())
        .map(|c| &c["schema"]);
    let Some(schema) = schema else {
        return html! {};
    };
    let (list, target) = match schema["items"]["$ref"].as_str() {
        Some(target) => ("a list of ", Some(target)),
        None => ("", schema["$ref"].as_str()),
    };
    let name = target.and_then(|t| t.rsplit('/').next());
    html! { @if let Some(name) = name { (list) a href={ "#" (name) } { (name) } } }
}
