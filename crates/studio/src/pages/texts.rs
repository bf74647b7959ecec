//! The texts in the data of a run.

use super::words::seen;
use modelwright_data::{Column, Content, Dataset, Kind};
use modelwright_runs::Run;
use modelwright_train::Recipe;

/// The column that tells examples apart: the questions where there are some, else the text that the
/// model reads. `None` if it reads no texts.
pub(crate) fn column<'a>(run: &Run, data: &'a Dataset) -> Option<&'a Column> {
    let Content::Table(table) = &data.content else {
        return None;
    };
    if seen(&run.task) != "texts" {
        return None;
    }
    let recipe: Option<Recipe> = toml::from_str(&run.recipe).ok();
    let chosen = recipe.and_then(|r| r.data.text);
    let named = |name: &str| table.column(name);
    chosen
        .as_deref()
        .and_then(named)
        .or_else(|| named("question"))
        .or_else(|| table.columns.iter().find(|c| c.kind == Kind::Text))
}

/// The start of a text, cut after `most` characters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((cut, _)) => format!("{}…", text[..cut].trim_end()),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("早上好，朋友", 3), "早上好…");
        assert_eq!(shortened("one two", 4), "one…");
        assert_eq!(shortened("one", 4), "one");
    }
}
