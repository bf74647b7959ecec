//! One-click fixes: each changes what is set for a data set, never the files that were brought.

use crate::page::{Ctx, encoded_part, see_other};
use crate::problem::Problem;
use crate::uploads::{Entry, without_duplicates};
use axum::extract::{Form, Path};
use axum::response::Response;
use modelwright_tasks::registry;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Wish {
    /// What is to be done.
    fix: String,
    /// To which column, with which encoding, on or off.
    #[serde(default)]
    value: String,
}

pub async fn apply(
    ctx: Ctx,
    Path(id): Path<String>,
    Form(wish): Form<Wish>,
) -> Result<Response, Problem> {
    let change = move |studio: &crate::Studio| -> Result<Entry, Problem> {
        let mut entry = studio.uploads().get(&id)?;
        if wish.fix == "copy" {
            return without_duplicates(studio, &entry);
        }
        set(&mut entry, &wish)?;
        studio.uploads().save(&entry)?;
        Ok(entry)
    };
    let entry = ctx.studio.blocking(change).await?;
    Ok(see_other(&format!("/data/{}", encoded_part(&entry.id))))
}

fn set(entry: &mut Entry, wish: &Wish) -> Result<(), Problem> {
    let settings = &mut entry.settings;
    let value = wish.value.clone();
    let some = Some(value.clone()).filter(|v| !v.is_empty());
    match wish.fix.as_str() {
        "skip-bad" => settings.skip_bad = value == "on",
        "balance" => settings.balanced = value == "on",
        "encoding" => settings.encoding = some,
        "target" => {
            settings.exclude.retain(|c| *c != value);
            // A column cannot be both.
            settings.text.take_if(|text| *text == value);
            settings.target = some;
            // Another target may ask for another task.
            settings.task = None;
        }
        "text" => settings.text = some,
        "task" => {
            if let Some(name) = &some {
                registry::find(name)?;
            }
            settings.task = some;
        }
        "exclude" if !settings.exclude.contains(&value) => settings.exclude.push(value),
        "exclude" => {}
        "include" => settings.exclude.retain(|c| *c != value),
        other => return Err(Problem::bad("fix-unknown", other)),
    }
    Ok(())
}
