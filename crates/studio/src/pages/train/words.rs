//! A recipe in plain words.

use crate::page::Ctx;
use crate::pages::words::seen;
use modelwright_data::AugmentConfig;
use modelwright_train::{Keep, Recipe};
use toml::Value;

/// A sentence for everybody, with the settings that say the same.
pub struct Sentence {
    /// For everybody.
    pub plain: String,
    /// For experts.
    pub technical: String,
}

/// What a recipe does, in the order in which it happens.
pub fn of(ctx: &Ctx, recipe: &Recipe) -> Vec<Sentence> {
    if is_faq(recipe) {
        return of_faq(ctx, recipe);
    }
    let mut all = vec![
        network(ctx, recipe),
        division(ctx, recipe),
        passes(ctx, recipe),
    ];
    if recipe.augment != AugmentConfig::default() {
        all.push(Sentence {
            plain: ctx.t("plan-augment"),
            technical: settings(recipe, "augment", true),
        });
    }
    all.push(Sentence {
        plain: match recipe.training.keep {
            Keep::Best => ctx.t("plan-keep-best"),
            Keep::Last => ctx.t("plan-keep-last"),
        },
        technical: settings_of(recipe, "training", &["keep", "early_stopping"]),
    });
    all
}

/// Whether questions are compared with known ones: nothing is held back then, and nothing goes through
/// a network again and again.
fn is_faq(recipe: &Recipe) -> bool {
    let (data, training) = (&recipe.data, &recipe.training);
    let whole = data.validation == 0.0 && data.test == 0.0 && training.epochs <= 1;
    recipe.task == "question-answering" && whole
}

fn of_faq(ctx: &Ctx, recipe: &Recipe) -> Vec<Sentence> {
    let compared = match recipe.model.weights() {
        Some(_) => "plan-faq-meaning",
        None => "plan-faq-letters",
    };
    let threshold = recipe.training.answer_threshold.unwrap_or(0.5);
    vec![
        Sentence {
            plain: ctx.t(compared),
            technical: settings(recipe, "model", false),
        },
        Sentence {
            plain: ctx.tr("plan-faq-threshold", &[("p", &(100.0 * threshold).round())]),
            technical: format!("answer_threshold = {threshold}"),
        },
    ]
}

fn network(ctx: &Ctx, recipe: &Recipe) -> Sentence {
    let model = Value::try_from(&recipe.model).ok();
    let hidden = model
        .as_ref()
        .and_then(|m| m.get("hidden")?.as_array().map(Vec::len));
    let name = recipe.model.name();
    let key = format!("plan-network-{name}");
    let plain = match (hidden, ctx.has(&key)) {
        (Some(count), _) => ctx.tr("plan-network-layers", &[("count", &count)]),
        (None, true) => ctx.t(&key),
        (None, false) => ctx.tr("plan-network-other", &[("name", &name)]),
    };
    let plain = match recipe.model.weights() {
        Some(_) => {
            let other = ctx.t(&format!("plan-pretrained-{}", seen(&recipe.task)));
            format!("{plain} {other}")
        }
        None => plain,
    };
    Sentence {
        plain,
        technical: settings(recipe, "model", false),
    }
}

fn division(ctx: &Ctx, recipe: &Recipe) -> Sentence {
    let data = &recipe.data;
    let percent = |share: f64| (100.0 * share).round();
    let train = percent(1.0 - data.validation - data.test);
    Sentence {
        plain: ctx.tr(
            "plan-division",
            &[
                ("train", &train),
                ("validation", &percent(data.validation)),
                ("test", &percent(data.test)),
            ],
        ),
        technical: settings_of(recipe, "data", &["validation", "test"]),
    }
}

fn passes(ctx: &Ctx, recipe: &Recipe) -> Sentence {
    let training = &recipe.training;
    let plain = match training.early_stopping {
        Some(patience) => ctx.tr(
            "plan-passes-early",
            &[("epochs", &training.epochs), ("patience", &patience)],
        ),
        None => ctx.tr("plan-passes", &[("epochs", &training.epochs)]),
    };
    let optimizer = super::values::texts(recipe).remove("optimizer.name");
    let optimizer = optimizer.unwrap_or_default();
    let rest = [
        settings_of(recipe, "training", &["epochs", "batch_size"]),
        settings_of(recipe, "optimizer", &["learning_rate"]),
    ];
    Sentence {
        plain,
        technical: format!("optimizer = {optimizer} · {}", rest.join(" · ")),
    }
}

/// The settings of a section; `changed` leaves out those that are off.
fn settings(recipe: &Recipe, section: &str, changed: bool) -> String {
    let all = pairs(recipe, section).into_iter();
    let off = |value: &str| ["0", "false"].contains(&value);
    join(all.filter(|(_, value)| !changed || !off(value)))
}

fn settings_of(recipe: &Recipe, section: &str, names: &[&str]) -> String {
    join(
        pairs(recipe, section)
            .into_iter()
            .filter(|(name, _)| names.contains(&name.as_str())),
    )
}

fn join(pairs: impl Iterator<Item = (String, String)>) -> String {
    let texts: Vec<String> = pairs
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    texts.join(" · ")
}

fn pairs(recipe: &Recipe, section: &str) -> Vec<(String, String)> {
    let all = super::values::texts(recipe).into_iter();
    all.filter_map(|(key, value)| {
        let name = key.strip_prefix(section)?.strip_prefix('.')?;
        Some((name.to_string(), value))
    })
    .collect()
}
