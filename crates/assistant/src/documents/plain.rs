//! Plain text, and the text of PDF files: paragraphs between empty lines. A short line of its own is a
//! heading, lines that begin alike are a list, and `Q:`/`A:` are questions and answers.

use super::{Block, Document, Kind, Outline, joined};

/// Most characters of a heading.
const HEADING: usize = 60;
const QUESTIONS: [&str; 6] = ["Q:", "Q：", "问:", "问：", "Question:", "问题："];
const ANSWERS: [&str; 6] = ["A:", "A：", "答:", "答：", "Answer:", "回答："];

/// Reads a document.
pub fn read(file: &str, text: &str) -> Document {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{c}'], "\n");
    let mut outline = Outline::default();
    let mut paragraphs = paragraphs(&text).into_iter().peekable();
    while let Some(lines) = paragraphs.next() {
        if let Some(pairs) = questions(&lines) {
            for (question, answer) in pairs {
                outline.blocks.push(Block {
                    heading: vec![question],
                    kind: Kind::Faq,
                    text: answer,
                });
            }
            continue;
        }
        let (heading, rest) = heading(&lines, paragraphs.peek().is_some());
        if let Some(heading) = heading {
            let first = outline.title.is_none() && outline.blocks.is_empty();
            outline.heading(if first { 1 } else { 2 }, heading);
        }
        match rest {
            [] => {}
            rest if is_list(rest) => outline.block(Kind::List, &rest.join("\n")),
            rest => outline.block(Kind::Paragraph, &joined(rest)),
        }
    }
    outline.finish(file)
}

/// Runs of lines that are not empty.
fn paragraphs(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let runs = lines.split(|line| line.is_empty());
    runs.filter(|run| !run.is_empty())
        .map(<[&str]>::to_vec)
        .collect()
}

/// The heading at the start of a paragraph, and the rest. A line is one if it is underlined, or numbered
/// or alone, short, and does not end as a sentence.
fn heading<'a, 'b>(lines: &'b [&'a str], more: bool) -> (Option<&'a str>, &'b [&'a str]) {
    let underline =
        |line: &str| line.len() >= 3 && line.chars().all(|c| c == '=' || c == '-' || c == '*');
    if lines.len() > 1 && underline(lines[1]) {
        return (Some(lines[0]), &lines[2..]);
    }
    let line = lines[0];
    let ends = line.ends_with(['.', '!', '。', '！', ',', '，', ';', '；', ':', '：']);
    let short = line.chars().count() <= HEADING && !ends && !is_item(line);
    let framed = line.starts_with('【') && line.ends_with('】');
    if framed || (short && lines.len() == 1 && more) {
        return (Some(line.trim_matches(['【', '】'])), &lines[1..]);
    }
    (None, lines)
}

fn is_item(line: &str) -> bool {
    let numbered = |line: &str| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && rest.starts_with(['.', ')', '、'])
    };
    line.starts_with(['-', '*', '•', '·', '–']) || numbered(line)
}

/// Whether more than one line is an item; a line that is none goes on with the one before.
fn is_list(lines: &[&str]) -> bool {
    lines.iter().filter(|line| is_item(line)).count() > 1
}

/// Questions and their answers, if the paragraph is made of them.
fn questions(lines: &[&str]) -> Option<Vec<(String, String)>> {
    let after = |line: &'_ str, marks: &[&str]| {
        let mark = marks.iter().find(|mark| line.starts_with(**mark))?;
        Some(line[mark.len()..].trim().to_string())
    };
    after(lines[0], &QUESTIONS)?;
    let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines {
        if let Some(question) = after(line, &QUESTIONS) {
            pairs.push((question, Vec::new()));
        } else if let Some((_, answer)) = pairs.last_mut() {
            answer.push(after(line, &ANSWERS).unwrap_or_else(|| line.to_string()));
        }
    }
    let whole = |(question, answer): (String, Vec<String>)| {
        let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
        (question, joined(&answer))
    };
    let pairs: Vec<_> = pairs.into_iter().map(whole).collect();
    pairs
        .iter()
        .all(|(q, a)| !q.is_empty() && !a.is_empty())
        .then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_headings_lists_and_questions() {
        let text = "Opening hours\n\nWe are open\nfrom nine.\n\nHolidays\n--------\nClosed on the 1st.\n\n\
                    - Monday\n- Tuesday\n\nQ: Is there parking?\nA: Yes, behind\nthe house.\n\n【售后】\n请联系我们，\n谢谢。\n";
        let document = read("hours.txt", text);
        assert_eq!(document.title, "Opening hours");
        let blocks: Vec<_> = document
            .blocks
            .iter()
            .map(|b| (b.heading.join("/"), b.kind, b.text.clone()))
            .collect();
        let block = |h: &str, k, t: &str| (h.to_string(), k, t.to_string());
        assert_eq!(
            blocks,
            [
                block("", Kind::Paragraph, "We are open from nine."),
                block("Holidays", Kind::Paragraph, "Closed on the 1st."),
                block("Holidays", Kind::List, "- Monday\n- Tuesday"),
                block("Is there parking?", Kind::Faq, "Yes, behind the house."),
                block("售后", Kind::Paragraph, "请联系我们，谢谢。"),
            ]
        );
    }

    #[test]
    fn a_last_line_is_no_heading() {
        let document = read("a.txt", "Call us");
        assert_eq!(document.blocks[0].text, "Call us");
        assert!(read("a.txt", "\n\n").blocks.is_empty());
    }
}
