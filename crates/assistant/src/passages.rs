//! Documents cut into passages: the units that are found, quoted and cited.
//!
//! A passage never crosses a heading. Blocks below one heading go together up to about [`TARGET`]
//! tokens; a list or table stays whole where it fits, and a table that does not repeats its first row.
//! Only a paragraph that is cut has its last sentence again at the start of the next passage.

use crate::documents::{Block, Document, Kind};
use crate::text;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// About how many tokens a passage has.
pub const TARGET: usize = 200;
/// A list or table up to this size stays whole.
const LARGEST: usize = 2 * TARGET;
/// Most characters of a part that has no place to be cut at.
const UNCUT: usize = 1200;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// A hash of what it says and where: the same as long as it is not changed.
    pub id: String,
    /// File of its document.
    pub file: String,
    /// Title of its document.
    pub title: String,
    /// The headings above it, outermost first; of a FAQ's entry, its question.
    pub heading: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its words; what looks like instructions to a model is taken out ([`guard`](crate::guard)).
    pub text: String,
    /// Its language.
    pub language: String,
}

impl Passage {
    /// The headings on one line.
    pub fn path(&self) -> String {
        self.heading.join(" › ")
    }

    /// The title and the headings: what it is about.
    pub fn about(&self) -> String {
        match (self.kind, self.heading.is_empty()) {
            (Kind::Faq, _) => self.path(),
            (_, true) => self.title.clone(),
            (_, false) => format!("{} › {}", self.title, self.path()),
        }
    }

    /// What is compared with a question by meaning: a FAQ's question, or all of it.
    pub fn embedded(&self) -> String {
        match self.kind {
            Kind::Faq => self.path(),
            _ => format!("{}\n{}", self.about(), self.text),
        }
    }

    fn new(document: &Document, heading: &[String], kind: Kind, text: String) -> Self {
        let key = [&document.file, &heading.join("\n"), &text]
            .map(|s| s.as_str())
            .join("\0");
        let language = text::language(&text).or_else(|| text::language(&heading.join(" ")));
        Self {
            id: format!("{:016x}", xxh3_64(key.as_bytes())),
            file: document.file.clone(),
            title: document.title.clone(),
            heading: heading.to_vec(),
            kind,
            language: language.unwrap_or(text::ENGLISH).into(),
            text,
        }
    }
}

/// The passages of a document, in its order.
pub fn cut(document: &Document) -> Vec<Passage> {
    let mut passages = Vec::new();
    for section in document.blocks.chunk_by(|a, b| a.heading == b.heading) {
        let mut open: Vec<(Kind, String)> = Vec::new();
        for block in section {
            for (kind, part) in parts(block) {
                let size: usize = open.iter().map(|(_, text)| text::size(text)).sum();
                let full = size + text::size(&part) > TARGET + TARGET / 2;
                if !open.is_empty() && (full || kind == Kind::Faq) {
                    close(document, section, &mut open, &mut passages);
                }
                open.push((kind, part));
            }
        }
        close(document, section, &mut open, &mut passages);
    }
    passages
}

/// Makes a passage of the parts that are open.
fn close(
    document: &Document,
    section: &[Block],
    open: &mut Vec<(Kind, String)>,
    passages: &mut Vec<Passage>,
) {
    let Some((first, _)) = open.first() else {
        return;
    };
    let kind = match open.as_slice() {
        [_] => *first,
        _ => Kind::Paragraph,
    };
    let texts: Vec<&str> = open.iter().map(|(_, text)| text.as_str()).collect();
    let text = texts.join("\n\n");
    passages.push(Passage::new(document, &section[0].heading, kind, text));
    open.clear();
}

/// A block, in parts if it is too large.
fn parts(block: &Block) -> Vec<(Kind, String)> {
    let size = text::size(&block.text);
    let parts = match block.kind {
        Kind::Faq => vec![block.text.clone()],
        Kind::List | Kind::Table if size <= LARGEST => vec![block.text.clone()],
        Kind::List => of_lines(&block.text, None),
        Kind::Table => {
            let header = block.text.lines().next();
            of_lines(&block.text, header)
        }
        Kind::Paragraph if size <= TARGET + TARGET / 2 => vec![block.text.clone()],
        Kind::Paragraph => of_sentences(&block.text),
    };
    parts.into_iter().map(|part| (block.kind, part)).collect()
}

/// Lines, up to the target; each part begins with the header.
fn of_lines(text: &str, header: Option<&str>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut open: Vec<&str> = header.into_iter().collect();
    let lines = text.lines().skip(open.len());
    let mut size: usize = open.iter().map(|line| text::size(line)).sum();
    for line in lines {
        if size + text::size(line) > TARGET && open.len() > usize::from(header.is_some()) {
            parts.push(open.join("\n"));
            open = header.into_iter().collect();
            size = open.iter().map(|line| text::size(line)).sum();
        }
        open.push(line);
        size += text::size(line);
    }
    parts.push(open.join("\n"));
    parts.iter().flat_map(|part| uncut(part)).collect()
}

/// Sentences, up to the target; the last one of a part begins the next.
fn of_sentences(text: &str) -> Vec<String> {
    let sentences = text::sentences(text);
    let gap = match text::language(text) == Some(text::CHINESE) {
        true => "",
        false => " ",
    };
    let mut parts: Vec<String> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for sentence in sentences {
        let size: usize = open.iter().map(|s| text::size(s)).sum();
        if size + text::size(sentence) > TARGET && !open.is_empty() {
            parts.push(open.join(gap));
            let last = open[open.len() - 1];
            open = match open.len() > 1 && text::size(last) < TARGET / 3 {
                true => vec![last],
                false => Vec::new(),
            };
        }
        open.push(sentence);
    }
    parts.push(open.join(gap));
    parts.iter().flat_map(|part| uncut(part)).collect()
}

/// A part, in pieces of [`UNCUT`] characters if it is far larger: a line without any end.
fn uncut(part: &str) -> Vec<String> {
    let characters: Vec<char> = part.chars().collect();
    match characters.len() > 4 * UNCUT {
        true => characters
            .chunks(UNCUT)
            .map(|c| c.iter().collect())
            .collect(),
        false => vec![part.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(blocks: &[(&str, Kind, &str)]) -> Document {
        let block = |(heading, kind, text): &(&str, Kind, &str)| Block {
            heading: vec![heading.to_string()],
            kind: *kind,
            text: text.to_string(),
        };
        Document {
            file: "a.md".into(),
            title: "A".into(),
            blocks: blocks.iter().map(block).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn small_blocks_of_one_heading_go_together() {
        let passages = cut(&document(&[
            ("x", Kind::Paragraph, "One."),
            ("x", Kind::List, "- two"),
            ("y", Kind::Paragraph, "Three."),
            ("q?", Kind::Faq, "Four."),
            ("r?", Kind::Faq, "Five."),
        ]));
        let texts: Vec<&str> = passages.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(texts, ["One.\n\n- two", "Three.", "Four.", "Five."]);
        assert_eq!(passages[1].about(), "A › y");
        assert_eq!(
            (passages[2].about(), passages[2].embedded()),
            ("q?".into(), "q?".into())
        );
        let again = cut(&document(&[("y", Kind::Paragraph, "Three.")]));
        assert_eq!(again[0].id, passages[1].id);
    }

    #[test]
    fn several_answers_to_one_question_are_several_passages() {
        let passages = cut(&document(&[
            ("q?", Kind::Faq, "One."),
            ("q?", Kind::Faq, "Two."),
        ]));
        assert_eq!(passages.len(), 2);
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences_and_overlaps() {
        let sentence =
            |i: usize| format!("Sentence number {i} says something about the shop and its goods.");
        let long: Vec<String> = (0..60).map(sentence).collect();
        let passages = cut(&document(&[("x", Kind::Paragraph, &long.join(" "))]));
        assert!(passages.len() > 3);
        for pair in passages.windows(2) {
            let last = text::sentences(&pair[0].text).last().unwrap().to_string();
            assert!(pair[1].text.starts_with(&last));
            assert!(text::size(&pair[0].text) <= TARGET + TARGET / 2);
        }
        let chinese = "这是一句关于退货和换货规定的话。".repeat(60);
        let passages = cut(&document(&[("x", Kind::Paragraph, &chinese)]));
        assert!(passages.len() > 3 && passages.iter().all(|p| p.text.ends_with('。')));
        assert_eq!(passages[0].language, "zh");
    }

    #[test]
    fn a_long_table_repeats_its_first_row() {
        let rows: Vec<String> = (0..100)
            .map(|i| format!("place {i} | {i} days | {i} euros"))
            .collect();
        let table = format!("To | Time | Price\n{}", rows.join("\n"));
        let passages = cut(&document(&[("x", Kind::Table, &table)]));
        assert!(passages.len() > 3);
        assert!(
            passages
                .iter()
                .all(|p| p.text.starts_with("To | Time | Price\nplace"))
        );
        let short = cut(&document(&[("x", Kind::Table, "a | b\n1 | 2")]));
        assert_eq!((short.len(), short[0].kind), (1, Kind::Table));
    }

    #[test]
    fn what_has_no_end_is_cut_all_the_same() {
        let passages = cut(&document(&[("x", Kind::Paragraph, &"字".repeat(20_000))]));
        assert!(passages.len() > 10);
    }
}
