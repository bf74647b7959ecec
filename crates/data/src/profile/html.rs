//! The profile as a page: one file, no script, nothing fetched.

use super::{
    ClassCount, ContentProfile, ImageProfile, Lengths, NumberSummary, Profile, TableProfile,
    TextProfile,
};
use crate::images::Raster;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --bar: #0072b2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; }
td.k { white-space: nowrap; }
td svg { display: block; }
th.n, td.n { text-align: right; overflow-wrap: normal; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.warn { border-left: 4px solid #e69f00; padding: .4rem 1rem; margin: .4rem 0; background: #e69f0018; }
.bar { display: inline-block; height: .8rem; background: var(--bar); vertical-align: middle; }
.class { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: .3rem 0; }
.class b { min-width: 8rem; }
img { width: 64px; height: 64px; object-fit: contain; image-rendering: pixelated; border: 1px solid var(--line); }
";

/// The page.
pub fn page(profile: &Profile) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Data profile: " (profile.source) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Data profile: " (profile.source) }
                p { (profile.examples) " examples" }
                @for warning in &profile.warnings { p.warn { (warning) } }
                @if profile.warnings.is_empty() { p { "Nothing odd was found." } }
                @match &profile.content {
                    ContentProfile::Images(p) => (images(p)),
                    ContentProfile::Table(p) => (table(p, profile.examples)),
                }
            }
        }
    }
    .into_string()
}

fn images(p: &ImageProfile) -> Markup {
    html! {
        h2 { "Classes" }
        (classes(&p.classes))
        h2 { "Pictures" }
        @for (name, rasters) in &p.samples {
            div.class {
                b { (name) }
                @for raster in rasters { img alt=(format!("a picture of class {name}")) src=(data_uri(raster)); }
            }
        }
        h2 { "Sizes" }
        table {
            tr { th { "width x height" } th.n { "pictures" } }
            @for (size, count) in p.sizes.iter().take(20) { tr { td { (size) } td.n { (count) } } }
        }
        p { (p.colour) " in colour; mean brightness " (format!("{:.0}", p.brightness)) " of 255; " (p.duplicates) " duplicates" }
        @if !p.shared_between_parts.is_empty() {
            h2 { "Pictures in two parts" }
            table {
                tr { th { "part" } th { "also in" } th.n { "pictures" } }
                @for s in &p.shared_between_parts {
                    tr { td { (s.part.name()) } td { (s.also_in.name()) } td.n { (s.pictures) } }
                }
            }
        }
        @if !p.odd.is_empty() {
            h2 { "Worth a look" }
            table {
                tr { th { "picture" } th { "why" } }
                @for odd in &p.odd { tr { td { (odd.name) } td { (odd.why) } } }
            }
        }
    }
}

fn table(p: &TableProfile, rows: usize) -> Markup {
    html! {
        @if let Some(target) = &p.target { h2 { "Target: " (target) } (classes(&p.classes)) }
        h2 { "Columns" }
        div.scroll {
            table {
                tr { th { "column" } th { "type" } th.n { "missing" } th.n { "distinct" } th { "values" } th { "spread" } }
                @for c in &p.columns {
                    tr {
                        td { (c.name) }
                        td.k { (c.kind) }
                        td.n { (c.missing) @if c.missing > 0 { " (" (format!("{:.1}", 100.0 * c.missing as f64 / rows.max(1) as f64)) " %)" } }
                        td.n { (c.distinct) }
                        td {
                            @if let Some(n) = &c.numbers {
                                (format!("{} to {}, mean {}", short(n.min), short(n.max), short(n.mean)))
                            } @else if let Some(t) = &c.text {
                                (lengths(t))
                            } @else {
                                @for (word, count) in &c.top { div { (word) " (" (count) ")" } }
                            }
                        }
                        td { @if let Some(n) = &c.numbers { (histogram(n)) } }
                    }
                }
            }
        }
        p {
            (p.duplicates) " duplicate rows"
            @if let Some(target) = &p.target {
                "; " (p.conflicting) " rows with the same inputs as another but another " (target)
            }
        }
    }
}

fn lengths(t: &TextProfile) -> Markup {
    let of = |l: &Lengths| {
        format!(
            "{} to {}, half up to {}, mean {:.0}",
            l.shortest, l.longest, l.median, l.mean
        )
    };
    html! {
        div { (of(&t.characters)) " characters" }
        div { (of(&t.words)) " words" }
        div { (t.empty) " empty, " (t.duplicates) " repeated" }
        div { @for (script, share) in &t.scripts { (script) " " (format!("{:.1} % ", 100.0 * share)) } }
    }
}

fn classes(classes: &[ClassCount]) -> Markup {
    let most = classes.iter().map(|c| c.examples).max().unwrap_or(1).max(1);
    html! {
        @if !classes.is_empty() {
            table {
                tr { th { "class" } th.n { "examples" } th { } }
                @for c in classes {
                    tr {
                        td { (c.name) }
                        td.n { (c.examples) }
                        td style="width:60%" { span.bar style=(format!("width:{:.1}%", 100.0 * c.examples as f64 / most as f64)) {} }
                    }
                }
            }
        }
    }
}

/// Ten bars as a small picture.
fn histogram(n: &NumberSummary) -> Markup {
    let most = n.histogram.iter().max().copied().unwrap_or(1).max(1) as f64;
    html! {
        svg width="100" height="24" role="img" aria-label="histogram" {
            @for (i, count) in n.histogram.iter().enumerate() {
                @let height = 24.0 * *count as f64 / most;
                rect x=(i * 10) y=(24.0 - height) width="9" height=(height) fill="#0072b2" {}
            }
        }
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 || (v > 0.0 && v < 1e-3) => format!("{value:.2e}"),
        v if v >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.3}"),
    }
}

fn data_uri(raster: &Raster) -> String {
    match raster.to_png() {
        Ok(png) => format!("data:image/png;base64,{}", STANDARD.encode(png)),
        // A sample that cannot be encoded is left blank; the profile itself is not affected.
        Err(_) => String::new(),
    }
}
