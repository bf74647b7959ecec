//! A data set: what is in it, what is wrong with it, and what the model is to predict.

use super::findings::{self, Finding, Fix};
use super::{tables, texts};
use crate::looks::Look;
use crate::page::{Ctx, encoded_part};
use crate::problem::Problem;
use crate::uploads::{Entry, Sort};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use modelwright_data::Raster;
use modelwright_data::profile::{ClassCount, ContentProfile, ImageProfile};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Classes whose pictures are shown at once; the others can be opened.
const CLASSES: usize = 12;
/// So much of a table tells its encoding.
const SAMPLE: u64 = 1 << 20;
/// Encodings that are offered if the guess is not right.
const ENCODINGS: [&str; 6] = [
    "gb18030",
    "big5",
    "shift_jis",
    "euc-kr",
    "windows-1252",
    "utf-16le",
];

/// The page of data that can be read.
pub fn page(ctx: &Ctx, entry: &Entry, look: &Look) -> Response {
    let found = findings::of(ctx, entry, look);
    let body = html! {
        (head(ctx, entry, &summary(ctx, look)))
        (chosen(ctx, entry))
        @if let ContentProfile::Table(profile) = &look.profile.content {
            (tables::target(ctx, entry, profile, look))
        }
        (problems(ctx, entry, &found))
        (notes(ctx, entry, look))
        (next(ctx, entry, look))
        @match &look.profile.content {
            ContentProfile::Images(profile) => {
                (balance(ctx, &profile.classes))
                (pictures(ctx, profile))
                (odd(ctx, entry, profile))
            }
            ContentProfile::Table(profile) => {
                (texts::section(ctx, entry, profile, look))
                @if look.has_classes() { (balance(ctx, &profile.classes)) }
                (tables::rows(ctx, profile, &look.rows))
                (tables::columns(ctx, entry, profile, look.profile.examples))
            }
        }
        (removal(ctx, entry))
    };
    ctx.titled(&entry.name, body)
}

/// The page of data that cannot be read as it is.
pub fn unreadable(ctx: &Ctx, entry: &Entry, problem: &Problem) -> Response {
    let encodings = encodings(ctx, entry);
    // The buttons say it better.
    let help = problem.help.as_ref().filter(|_| encodings.is_none());
    let body = html! {
        (head(ctx, entry, &ctx.t("data-unreadable")))
        (chosen(ctx, entry))
        section.card.problem {
            h2 { (ctx.t("data-problem")) }
            p.message lang="en" { (entry.shortened(&problem.message)) }
            @if let Some(help) = help { p.technical lang="en" { (help) } }
            @if let Some(encodings) = encodings { (encodings) }
        }
        (removal(ctx, entry))
    };
    ctx.titled(&entry.name, body)
}

fn head(ctx: &Ctx, entry: &Entry, summary: &str) -> Markup {
    html! {
        header.page-head {
            p.crumb { a href="/data" { (ctx.t("data-all")) } }
            @match entry.sort {
                Sort::Embedded => {
                    h1 { (ctx.t(&format!("set-{}-title", entry.name))) " " small.technical { code { (entry.name) } } }
                    p.lead { (summary) }
                    p { (ctx.t(&format!("set-{}-about", entry.name))) }
                }
                _ => { h1 { (entry.name) } p.lead { (summary) } }
            }
        }
    }
}

fn summary(ctx: &Ctx, look: &Look) -> String {
    let examples = look.profile.examples;
    match &look.profile.content {
        ContentProfile::Images(profile) => {
            let classes = profile.classes.len();
            ctx.tr(
                "data-pictures-in",
                &[("count", &examples), ("classes", &classes)],
            )
        }
        ContentProfile::Table(profile) => {
            let columns = profile.columns.len();
            ctx.tr(
                "data-rows-in",
                &[("count", &examples), ("columns", &columns)],
            )
        }
    }
}

/// A button that applies one fix.
pub fn fix_button(entry: &Entry, fix: &Fix, class: &str) -> Markup {
    html! {
        form.inline method="post" action=(format!("/data/{}/fix", encoded_part(&entry.id))) {
            input type="hidden" name="fix" value=(fix.what);
            input type="hidden" name="value" value=(fix.value);
            button class=(class) type="submit" { (fix.text) }
        }
    }
}

/// The fixes that are in force, each with its way back.
fn chosen(ctx: &Ctx, entry: &Entry) -> Markup {
    let settings = &entry.settings;
    let mut all: Vec<(String, &'static str, String)> = Vec::new();
    if settings.skip_bad {
        all.push((ctx.t("chosen-skip-bad"), "skip-bad", String::new()));
    }
    if settings.balanced {
        all.push((ctx.t("chosen-balanced"), "balance", String::new()));
    }
    if let Some(encoding) = &settings.encoding {
        let text = ctx.tr("chosen-encoding", &[("encoding", encoding)]);
        all.push((text, "encoding", String::new()));
    }
    for column in &settings.exclude {
        let text = ctx.tr("chosen-exclude", &[("column", column)]);
        all.push((text, "include", column.clone()));
    }
    html! {
        @if !all.is_empty() {
            section.chosen aria-label=(ctx.t("chosen-title")) {
                h2 { (ctx.t("chosen-title")) }
                ul { @for (text, what, value) in all { li {
                    span { "✓ " (text) }
                    @let back = Fix { what, value, text: ctx.t("chosen-undo") };
                    (fix_button(entry, &back, "link"))
                } } }
            }
        }
    }
}

fn problems(ctx: &Ctx, entry: &Entry, found: &[Finding]) -> Markup {
    html! {
        section {
            h2 { (ctx.t("finding-title")) }
            @if found.is_empty() {
                p.notice.good { (ctx.t("finding-none")) }
            }
            @for finding in found {
                div.notice.finding.bad[finding.serious] {
                    p { (finding.text) }
                    @for fix in &finding.fixes { (fix_button(entry, fix, "secondary")) }
                }
            }
        }
    }
}

/// What was done to the data while it was read, in the words of the reader.
fn notes(ctx: &Ctx, entry: &Entry, look: &Look) -> Markup {
    let encodings = encodings(ctx, entry);
    html! {
        @if !look.notes.is_empty() {
            details open[encodings.is_some()] {
                summary { (ctx.tr("data-notes", &[("count", &look.notes.len())])) }
                ul lang="en" { @for note in &look.notes { li { (note) } } }
                @if let Some(encodings) = encodings { (encodings) }
            }
        }
    }
}

fn next(ctx: &Ctx, entry: &Entry, look: &Look) -> Markup {
    html! {
        section.next {
            @match &look.recipe {
                Ok(_) => a.button.large href=(format!("/train?data={}", encoded_part(&entry.id))) {
                    (ctx.t("data-next"))
                },
                Err(problem) => {
                    @match &look.profile.content {
                        ContentProfile::Table(_) => p.notice { (ctx.t("data-no-target")) },
                        ContentProfile::Images(_) => p.notice { (ctx.t("data-not-yet")) },
                    }
                    details.technical {
                        summary { (ctx.t("data-why")) }
                        p lang="en" { (entry.shortened(&problem.message)) }
                    }
                }
            }
        }
    }
}

fn balance(ctx: &Ctx, classes: &[ClassCount]) -> Markup {
    let most = classes.iter().map(|c| c.examples).max().unwrap_or(0).max(1);
    html! {
        @if !classes.is_empty() {
            section {
                h2 { (ctx.t("data-balance")) }
                p.technical { (ctx.t("data-balance-about")) }
                div.scroll { table.bars {
                    thead { tr {
                        th scope="col" { (ctx.t("data-class")) }
                        th.n scope="col" { (ctx.t("data-examples")) }
                        th scope="col" { span.hidden { (ctx.t("data-share")) } }
                    } }
                    tbody { @for class in classes { tr {
                        th scope="row" { (class.name) }
                        td.n { (class.examples) }
                        td.bar { (bar(class.examples as f64 / most as f64)) }
                    } } }
                } }
            }
        }
    }
}

/// A bar of a share of the cell; styles are no place for values here.
fn bar(share: f64) -> Markup {
    html! {
        svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.mark x="0" y="0" height="10" width=(format!("{:.1}", 100.0 * share)) {}
        }
    }
}

fn pictures(ctx: &Ctx, profile: &ImageProfile) -> Markup {
    let shown = profile.samples.len().min(CLASSES);
    html! {
        section {
            h2 { (ctx.t("data-pictures")) }
            p.technical { (sizes(ctx, profile)) }
            (samples(ctx, &profile.samples[..shown]))
            @if profile.samples.len() > shown {
                details { summary { (ctx.tr("data-more-classes", &[("count", &(profile.samples.len() - shown))])) }
                    (samples(ctx, &profile.samples[shown..]))
                }
            }
        }
    }
}

fn samples(ctx: &Ctx, classes: &[(String, Vec<Raster>)]) -> Markup {
    html! {
        ul.samples { @for (name, rasters) in classes { li {
            h3 { (name) }
            div.pictures { @for raster in rasters {
                img loading="lazy" alt=(ctx.tr("data-picture-of", &[("class", name)])) src=(data_uri(raster));
            } }
        } } }
    }
}

fn sizes(ctx: &Ctx, profile: &ImageProfile) -> String {
    let usual = profile.sizes.first();
    let size = usual.map_or(String::new(), |(size, _)| size.replace('x', " × "));
    let colour = match profile.colour {
        0 => ctx.t("data-grey"),
        _ => ctx.t("data-colour"),
    };
    match profile.sizes.len() {
        0 | 1 => ctx.tr("data-one-size", &[("size", &size), ("colour", &colour)]),
        many => ctx.tr(
            "data-many-sizes",
            &[("size", &size), ("count", &many), ("colour", &colour)],
        ),
    }
}

fn odd(ctx: &Ctx, entry: &Entry, profile: &ImageProfile) -> Markup {
    // Where the studio keeps the files is of no interest.
    let name = |path: &str| {
        let inside = Path::new(path).strip_prefix(&entry.source);
        inside.map_or(path.to_string(), |p| p.display().to_string())
    };
    html! {
        @if !profile.odd.is_empty() {
            section {
                h2 { (ctx.t("data-odd")) }
                div.scroll { table {
                    thead { tr { th scope="col" { (ctx.t("data-picture")) } th scope="col" { (ctx.t("data-why-odd")) } } }
                    tbody { @for odd in &profile.odd {
                        tr { td { (name(&odd.name)) } td lang="en" { (odd.why) } }
                    } }
                } }
            }
        }
    }
}

fn data_uri(raster: &Raster) -> String {
    // A sample that cannot be drawn stays empty; its text tells what it is of.
    let png = raster.to_png().unwrap_or_default();
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// The encodings to try, the most likely first; none if it is not the encoding that is wrong.
fn encodings(ctx: &Ctx, entry: &Entry) -> Option<Markup> {
    if entry.sort != Sort::Table {
        return None;
    }
    let guess = guess_encoding(Path::new(&entry.source));
    if guess.is_none() && entry.settings.encoding.is_none() {
        return None;
    }
    let others = ENCODINGS
        .iter()
        .filter(|name| Some(**name) != guess.as_deref());
    let fix = |name: &str| Fix {
        what: "encoding",
        value: name.into(),
        text: ctx.tr("fix-encoding", &[("encoding", &name)]),
    };
    Some(html! {
        h3 { (ctx.t("data-encoding")) }
        p { (ctx.t("data-encoding-about")) }
        div.row {
            @if let Some(guess) = &guess { (fix_button(entry, &fix(guess), "button")) }
            @for name in others { (fix_button(entry, &fix(name), "secondary")) }
        }
    })
}

/// The encoding that the start of a text file looks like; none if it looks like UTF-8 or is no text.
fn guess_encoding(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(path)
        .ok()?
        .take(SAMPLE)
        .read_to_end(&mut start)
        .ok()?;
    if start.starts_with(&[0x1f, 0x8b]) || start.contains(&0) {
        return None;
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
    detector.feed(&start, true);
    let guess = detector
        .guess(None, chardetng::Utf8Detection::Allow)
        .name()
        .to_lowercase();
    (guess != "utf-8").then_some(guess)
}

fn removal(ctx: &Ctx, entry: &Entry) -> Markup {
    html! {
        @if entry.sort != Sort::Embedded {
            details.removal {
                summary { (ctx.t("data-remove")) }
                p { (ctx.t("data-remove-about")) }
                form method="post" action=(format!("/data/{}/remove", encoded_part(&entry.id))) {
                    button.danger type="submit" { (ctx.t("data-remove-now")) }
                }
            }
        }
    }
}
