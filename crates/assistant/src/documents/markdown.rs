//! Markdown as blocks: its words without its signs, so that a customer can read them anywhere.

use super::{Document, Kind, Outline, html};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Reads a document.
pub fn read(file: &str, text: &str) -> Document {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(text, options) {
        reader.event(event);
    }
    reader.outline.finish(file)
}

/// Where the reader is.
#[derive(Default)]
struct Reader {
    outline: Outline,
    /// The text of the block that is open.
    text: String,
    /// Depth of nested blocks.
    depth: usize,
    /// Numbers of the lists that are open; `None` has dots.
    lists: Vec<Option<u64>>,
    link: Option<(String, usize)>,
    /// HTML among the Markdown.
    html: String,
    metadata: bool,
    cells: usize,
}

impl Reader {
    fn event(&mut self, event: Event) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(_) | Event::Code(_) if self.metadata => {}
            Event::Text(text) | Event::Code(text) => self.text.push_str(&text),
            Event::SoftBreak => self.soft_break(),
            Event::HardBreak => self.text.push('\n'),
            Event::Html(html) => self.html.push_str(&html),
            _ => {}
        }
    }

    /// A line break inside of a paragraph is a space, but not in Chinese.
    fn soft_break(&mut self) {
        let unspaced = |c: char| modelwright_tasks::is_unspaced(c) || "，。！？；：、".contains(c);
        if !self.text.ends_with(unspaced) {
            self.text.push(' ');
        }
    }

    fn start(&mut self, tag: Tag) {
        match tag {
            Tag::Heading { .. } => self.text.clear(),
            Tag::MetadataBlock(_) => self.metadata = true,
            Tag::List(first) => {
                self.depth += 1;
                self.lists.push(first);
            }
            Tag::Item => {
                let indent = "  ".repeat(self.lists.len().saturating_sub(1));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".into(),
                };
                self.new_line();
                self.text += &format!("{indent}{mark}");
            }
            Tag::Table(_) | Tag::BlockQuote(_) | Tag::CodeBlock(_) => self.depth += 1,
            Tag::TableHead | Tag::TableRow => {
                self.new_line();
                self.cells = 0;
            }
            Tag::TableCell => {
                if self.cells > 0 {
                    self.text.push_str(" | ");
                }
                self.cells += 1;
            }
            Tag::Link { dest_url, .. } => {
                self.link = Some((dest_url.to_string(), self.text.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let text = std::mem::take(&mut self.text);
                self.outline.heading(level as usize, &text);
            }
            TagEnd::MetadataBlock(_) => self.metadata = false,
            TagEnd::Paragraph if self.depth == 0 => self.close(Kind::Paragraph),
            TagEnd::Paragraph => self.new_line(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.shallower(Kind::List);
            }
            TagEnd::Table => self.shallower(Kind::Table),
            TagEnd::BlockQuote(_) | TagEnd::CodeBlock => self.shallower(Kind::Paragraph),
            TagEnd::Link => self.link_address(),
            TagEnd::HtmlBlock => {
                let html = std::mem::take(&mut self.html);
                html::into(&html, &mut self.outline);
            }
            _ => {}
        }
    }

    /// The address of a link, unless the words are the address.
    fn link_address(&mut self) {
        if let Some((address, start)) = self.link.take()
            && ["http:", "https:", "mailto:", "tel:"]
                .iter()
                .any(|s| address.starts_with(s))
        {
            let plain = address
                .trim_start_matches("mailto:")
                .trim_start_matches("tel:");
            if !self.text[start.min(self.text.len())..].contains(plain) {
                self.text += &format!(" ({plain})");
            }
        }
    }

    fn new_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn shallower(&mut self, kind: Kind) {
        self.depth = self.depth.saturating_sub(1);
        match self.depth {
            0 => self.close(kind),
            _ => self.new_line(),
        }
    }

    fn close(&mut self, kind: Kind) {
        let text = std::mem::take(&mut self.text);
        self.outline.block(kind, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_signs_below_their_headings() {
        let text = "---\ntitle: x\n---\n# Shop\n\nWe are *here*,\nsee [our page](https://example.org/a).\n\n\
                    ## Delivery\n\n1. Order\n2. Wait\n   - at home\n\n| To | Days |\n|---|---|\n| Ghent | 2 |\n\n\
                    <!-- a note --><p>Plain <b>HTML</b></p>\n\n> quoted\n\n```\ncode\n```\n";
        let document = read("shop.md", text);
        assert_eq!(document.title, "Shop");
        let blocks: Vec<(Kind, &str)> = document
            .blocks
            .iter()
            .map(|b| (b.kind, b.text.as_str()))
            .collect();
        assert_eq!(
            blocks,
            [
                (
                    Kind::Paragraph,
                    "We are here, see our page (https://example.org/a)."
                ),
                (Kind::List, "1. Order\n2. Wait\n  - at home"),
                (Kind::Table, "To | Days\nGhent | 2"),
                (Kind::Paragraph, "Plain HTML"),
                (Kind::Paragraph, "quoted"),
                (Kind::Paragraph, "code"),
            ]
        );
        assert_eq!(document.blocks[1].heading, ["Delivery"]);
    }

    #[test]
    fn lines_of_chinese_have_no_space_between_them() {
        let document = read("a.md", "七天内，\n可以退货。\n");
        assert_eq!(document.blocks[0].text, "七天内，可以退货。");
        assert_eq!(document.title, "a");
    }
}
