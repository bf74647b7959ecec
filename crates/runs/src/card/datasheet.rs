//! The data sheet (Gebru et al. 2021), filled with what is known of the data.

use super::questions::ask;
use super::{Card, fact_table};
use std::fmt::Write;

impl Card<'_> {
    /// The sheet of the data that the model was made from, in Markdown.
    pub fn datasheet(&self) -> String {
        let mut out = format!(
            "# Data sheet: {}\n\nThe data that the model [{}](README.md) was made from. The program filled in what \
             it measured; the rest only a person can say (`modelwright card edit` asks).\n",
            self.data_name(),
            self.title
        );
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "\n## Motivation\n\n{}\n{}\n## Composition\n",
            ask("data-purpose"),
            ask("data-creators")
        );
        out += &fact_table(&self.data);
        let _ = write!(
            out,
            "\nWhere the data does not prescribe parts, examples were divided by a hash of their content: equal \
             ones are in the same part, so that none is in two.\n\n{}\n{}\n{}",
            ask("data-instances"),
            ask("data-people"),
            ask("data-flaws")
        );
        let _ = write!(
            out,
            "\n## Collection\n\n{}\n{}\n## Preparation and labels\n\n",
            ask("data-collection"),
            ask("data-consent")
        );
        match self.notes.is_empty() {
            true => out += "Nothing was left out or repaired when the data was read.\n",
            false => {
                for note in self.notes {
                    let _ = writeln!(out, "- {note}");
                }
            }
        }
        let _ = write!(
            out,
            "\n{}\n## Uses\n\nHere it was used to train a model for {}.\n\n{}\n## Distribution\n\n{}\n## Maintenance\n\n{}",
            ask("data-labels"),
            self.task,
            ask("data-uses"),
            ask("data-license"),
            ask("data-contact")
        );
        out
    }
}
