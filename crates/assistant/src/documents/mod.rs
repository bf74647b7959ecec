//! A company's documents as blocks below headings, whatever their format.

mod faq;
mod html;
mod markdown;
mod pdf;
mod plain;
mod walk;

pub use walk::{Skipped, read};

use serde::{Deserialize, Serialize};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Sentences.
    Paragraph,
    /// Lines that are items.
    List,
    /// Lines that are rows; the first one has the names of the columns.
    Table,
    /// The answer to the question that is its heading.
    Faq,
}

/// A piece of a document that belongs together.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The headings above it, outermost first.
    pub heading: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its words.
    pub text: String,
}

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its file, below the folder that was given.
    pub file: String,
    /// Its title: the one it gives itself, or its name.
    pub title: String,
    /// Its content.
    pub blocks: Vec<Block>,
    /// What was noticed while reading it.
    pub notes: Vec<String>,
}

/// Collects blocks below headings of levels 1 to 6.
#[derive(Default)]
struct Outline {
    open: Vec<(usize, String)>,
    title: Option<String>,
    blocks: Vec<Block>,
}

impl Outline {
    /// A heading; deeper ones above it are over. The first of level 1 is the title of the document and
    /// stands above nothing.
    fn heading(&mut self, level: usize, text: &str) {
        let text = spaced(text);
        if text.is_empty() {
            return;
        }
        self.open.retain(|(above, _)| *above < level);
        if level == 1 && self.title.is_none() && self.blocks.is_empty() {
            self.title = Some(text);
        } else {
            self.open.push((level, text));
        }
    }

    fn block(&mut self, kind: Kind, text: &str) {
        let text = text.trim_matches(|c: char| c == '\n' || c == ' ');
        if text.chars().any(char::is_alphanumeric) {
            self.blocks.push(Block {
                heading: self.open.iter().map(|(_, text)| text.clone()).collect(),
                kind,
                text: text.into(),
            });
        }
    }

    /// The document; `file` names it if it has no title.
    fn finish(self, file: &str) -> Document {
        Document {
            file: file.into(),
            title: self.title.unwrap_or_else(|| name(file)),
            blocks: self.blocks,
            notes: Vec::new(),
        }
    }
}

/// A title from the name of a file: `first-steps.md` is `first steps`.
fn name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    name.replace(['-', '_'], " ")
}

/// On one line, with single spaces.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Puts lines of a paragraph together: without a space between two characters of Chinese.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().map(|line| line.trim()) {
        let tight = |c: Option<char>| c.is_some_and(modelwright_tasks::is_unspaced) || c.is_none();
        let mark = |c: Option<char>| c.is_some_and(|c| "，。！？；：、".contains(c));
        let (before, after) = (text.chars().last(), line.chars().next());
        let close = (tight(before) || mark(before)) && (tight(after) || mark(after));
        if !text.is_empty() && !close {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_below_their_headings() {
        let mut outline = Outline::default();
        outline.heading(1, "The  Shop");
        outline.block(Kind::Paragraph, "Welcome.");
        outline.heading(2, "Delivery");
        outline.heading(3, "Abroad");
        outline.block(Kind::List, "- a\n- b\n");
        outline.heading(2, "Returns");
        outline.block(Kind::Paragraph, "Yes.");
        outline.block(Kind::Paragraph, " - ");
        let document = outline.finish("help/the-shop.md");
        assert_eq!(document.title, "The Shop");
        let headings: Vec<_> = document
            .blocks
            .iter()
            .map(|b| b.heading.join("/"))
            .collect();
        assert_eq!(headings, ["", "Delivery/Abroad", "Returns"]);
    }

    #[test]
    fn titles_and_lines() {
        assert_eq!(name("a/first-steps.md"), "first steps");
        assert_eq!(joined(&["one", " two "]), "one two");
        assert_eq!(joined(&["七天内，", "可以退货"]), "七天内，可以退货");
        assert_eq!(joined(&["买", "iPhone"]), "买 iPhone");
    }
}
