//! A text with its words in colour, as a page.

use crate::explanation::{Explanation, Shares};
use modelwright_evaluate::number;
use modelwright_words::Lang;

/// For and against, as red, green and blue.
const FOR: &str = "214,39,40";
const AGAINST: &str = "31,119,180";

/// A page with the text of an explanation: red behind what speaks for the answer, blue behind what
/// speaks against it. `None` if it is not of a text.
pub fn to_html(explanation: &Explanation, lang: Lang) -> Option<String> {
    let Shares::Text { text, pieces } = &explanation.shares else {
        return None;
    };
    let largest = pieces
        .iter()
        .fold(f64::MIN_POSITIVE, |most, p| p.value.abs().max(most));
    let characters: Vec<char> = text.chars().collect();
    let plain = |from: usize, to: usize| escape(&String::from_iter(&characters[from..to]));
    let (mut body, mut at) = (String::new(), 0);
    for piece in pieces {
        // Pieces of a text may share characters; each character is shown once.
        let (start, end) = (piece.start.max(at), piece.end.max(at));
        body += &plain(at, start);
        let colour = if piece.value >= 0.0 { FOR } else { AGAINST };
        let strength = piece.value.abs() / largest;
        body += &format!(
            "<span style=\"background:rgba({colour},{strength:.2})\" title=\"{}\">{}</span>",
            number(piece.value),
            plain(start, end)
        );
        at = end;
    }
    body += &plain(at, characters.len());
    let title = format!("{} ({})", explanation.of(lang), explanation.method);
    let (title, code) = (escape(&title), lang.code());
    let notes = escape(&explanation.method.assumes(lang));
    Some(format!(
        "<!doctype html>\n<html lang=\"{code}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font:1.1em/1.8 sans-serif;max-width:45em;margin:2em auto\">\n<h1 \
         style=\"font-size:1.1em\">{title}</h1>\n<p style=\"white-space:pre-wrap\">{body}</p>\n<p \
         style=\"color:#555;font-size:.9em\">{notes}</p>\n</body></html>\n"
    ))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::TextShare;
    use crate::method::Method;
    use crate::said::{Setting, Unit};

    #[test]
    fn pieces_are_coloured_and_nothing_is_code() {
        let piece = |text: &str, start, value| TextShare {
            text: text.into(),
            start,
            end: start + text.chars().count(),
            value,
        };
        let explanation = Explanation {
            method: Method::LeaveOneOut,
            assumes: Method::LeaveOneOut.assumes(Lang::En),
            class: Some("a<b".into()),
            unit: Unit::Probability,
            score: 0.5,
            base: None,
            delta: None,
            settings: Setting::Words { looked: 2, all: 2 },
            shares: Shares::Text {
                text: "é <b> bad".into(),
                pieces: vec![piece("b", 3, 0.2), piece("bad", 6, -0.4)],
            },
        };
        let page = to_html(&explanation, Lang::En).unwrap();
        assert!(page.contains("é &lt;<span style=\"background:rgba(214,39,40,0.50)\""));
        assert!(page.contains(">b</span>&gt; <span"));
        assert!(page.contains("rgba(31,119,180,1.00)\" title=\"-0.4\">bad</span>"));
        assert!(page.contains("`a&lt;b`: probability 0.5 (leave-one-out)"));
        let page = to_html(&explanation, Lang::Zh).unwrap();
        assert!(page.contains("“a&lt;b”：概率 0.5") && page.contains("lang=\"zh-Hans\""));
    }
}
