//! The form of all settings, made from the recipe's declaration.

use super::values::{Asked, Fault, shown, tag, texts};
use crate::i18n::Lang;
use crate::page::Ctx;
use maud::{Markup, html};
use modelwright_train::Recipe;
use modelwright_train::recipe::{Field, FieldKind};
use std::collections::BTreeMap;

/// A setting's name in the visitor's language.
pub fn name(ctx: &Ctx, key: &str) -> String {
    match key {
        "minutes" => ctx.t("limit-label"),
        _ => ctx.t(&text_key(key)),
    }
}

fn text_key(key: &str) -> String {
    format!("field-{}", key.replace(['.', '_'], "-"))
}

/// What a setting does. In English it is what the declaration says.
fn help(ctx: &Ctx, field: &Field) -> String {
    match ctx.lang {
        Lang::En => field.doc.clone(),
        _ => ctx.t(&format!("{}-help", text_key(&field.key))),
    }
}

/// The form, folded unless something in it is wrong or was changed.
pub fn expert(ctx: &Ctx, recipe: &Recipe, asked: &Asked, faults: &[Fault]) -> Markup {
    let fields = shown(recipe);
    let base = texts(recipe);
    let mut sections: Vec<&str> = fields.iter().map(Field::section).collect();
    sections.dedup();
    let of = Form {
        ctx,
        fields: &fields,
        base: &base,
        asked,
        faults,
    };
    html! {
        details.expert open[!faults.is_empty()] {
            summary { (ctx.t("expert-title")) }
            p { (ctx.t("expert-about")) }
            @for section in sections {
                fieldset {
                    legend { (ctx.t(&format!("section-{section}"))) " " code.technical { "[" (section) "]" } }
                    div.fields {
                        @for field in fields.iter().filter(|f| f.section() == section) { (of.field(field)) }
                    }
                }
            }
            p { button type="submit" { (ctx.t("train-start")) } }
        }
    }
}

struct Form<'a> {
    ctx: &'a Ctx,
    fields: &'a [Field],
    base: &'a BTreeMap<String, String>,
    asked: &'a Asked,
    faults: &'a [Fault],
}

impl Form<'_> {
    fn field(&self, field: &Field) -> Markup {
        let ctx = self.ctx;
        let key = &field.key;
        let fault = self.faults.iter().find(|f| f.key.as_ref() == Some(key));
        let only = (!field.only_for.is_empty()).then(|| field.only_for.join(" "));
        let chooser = only.as_ref().map(|_| tag(field.section()));
        html! {
            div.field data-only=[only] data-chooser=[chooser] {
                label for=(key) { (name(ctx, key)) " " code.technical { (key) } }
                (self.input(field, fault.is_some()))
                @if let Some(fault) = fault { p.fault id=(format!("{key}-fault")) { (fault.text(ctx)) } }
                p.technical id=(format!("{key}-help")) {
                    (help(ctx, field))
                    @if self.is_special(field) {
                        " " (ctx.tr("expert-only", &[("names", &field.only_for.join(", "))]))
                    }
                }
            }
        }
    }

    /// Whether some variants of the field's section do not have it.
    fn is_special(&self, field: &Field) -> bool {
        let tag = tag(field.section());
        let chooser = self.fields.iter().find(|f| f.key == tag);
        match chooser.map(|f| &f.kind) {
            Some(FieldKind::Choice(words)) if !field.only_for.is_empty() => {
                field.only_for.len() < words.len()
            }
            _ => false,
        }
    }

    fn input(&self, field: &Field, wrong: bool) -> Markup {
        let key = &field.key;
        let base = self.base.get(key).map_or("", String::as_str);
        let value = self.asked.values.get(key).map_or(base, String::as_str);
        let about = match wrong {
            true => format!("{key}-fault {key}-help"),
            false => format!("{key}-help"),
        };
        let invalid = wrong.then_some("true");
        let options: Vec<(String, String)> = match &field.kind {
            FieldKind::Boolean => [("true", "yes"), ("false", "no")]
                .map(|(word, text)| (word.to_string(), self.ctx.t(text)))
                .into(),
            FieldKind::Choice(words) => words
                .iter()
                .map(|(word, _)| (word.clone(), self.choice(field, word)))
                .collect(),
            _ => {
                let mode = match field.kind {
                    FieldKind::Integer => Some("numeric"),
                    FieldKind::Number => Some("decimal"),
                    _ => None,
                };
                return html! {
                    input type="text" inputmode=[mode] id=(key) name=(key) value=(value) data-base=(base)
                        placeholder=(field.default.as_deref().unwrap_or("")) spellcheck="false"
                        autocomplete="off" aria-describedby=(about) aria-invalid=[invalid];
                };
            }
        };
        let known = options.iter().any(|(word, _)| word == value);
        html! {
            select id=(key) name=(key) data-base=(base) aria-describedby=(about) aria-invalid=[invalid] {
                // A setting of another variant has no value in this recipe.
                @if !known || base.is_empty() { option value="" selected[!known] { (self.ctx.t("expert-default")) } }
                @for (word, text) in &options { option value=(word) selected[word == value] { (text) } }
            }
        }
    }

    /// A word with its meaning, where it has one in the visitor's language.
    fn choice(&self, field: &Field, word: &str) -> String {
        let key = format!("choice-{}-{word}", field.section());
        match self.ctx.has(&key) {
            true => format!("{word} – {}", self.ctx.t(&key)),
            false => word.into(),
        }
    }
}
