//! Marked places in a Markdown document: questions that a person answers, and figures that are
//! measured later. Comments of HTML mark them, which no reader shows.
//!
//! ```text
//! <!-- question: intended-use -->
//! **Question:** What is the model meant to be used for?
//! <!-- /question -->
//! ```

use std::ops::Range;

/// Begins the text of a question that is open.
const OPEN: &str = "**Question:**";

/// What a marked place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// An open question, or the answer to it.
    Question,
    /// What a program measured.
    Measured,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Measured => "measured",
        }
    }
}

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name.
    pub key: String,
    /// Where its text is, without the comments around it.
    body: Range<usize>,
}

impl Place {
    /// Its text.
    pub fn text<'a>(&self, document: &'a str) -> &'a str {
        document[self.body.clone()].trim()
    }

    /// The answer that stands there; `None` if the question is open.
    pub fn answer<'a>(&self, document: &'a str) -> Option<&'a str> {
        let text = self.text(document);
        (!text.is_empty() && !text.starts_with(OPEN)).then_some(text)
    }
}

/// A place with `text` in it, in Markdown.
pub(super) fn place(mark: Mark, key: &str, text: &str) -> String {
    let word = mark.word();
    format!("<!-- {word}: {key} -->\n{text}\n<!-- /{word} -->\n")
}

/// The place of an open question.
pub(super) fn open_question(key: &str, question: &str) -> String {
    place(Mark::Question, key, &format!("{OPEN} {question}"))
}

/// All places of a kind, in their order. A mark without an end is no place.
pub(super) fn places(mark: Mark, document: &str) -> Vec<Place> {
    let begin = format!("<!-- {}:", mark.word());
    let end = format!("<!-- /{} -->", mark.word());
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = document[from..].find(&begin) {
        let key_at = from + at + begin.len();
        let Some(key_length) = document[key_at..].find("-->") else {
            break;
        };
        let body_at = key_at + key_length + "-->".len();
        let Some(body_length) = document[body_at..].find(&end) else {
            break;
        };
        let body = body_at..body_at + body_length;
        from = body.end;
        // A mark whose end is missing would reach into the next place.
        if !document[body.clone()].contains(&begin) {
            let key = document[key_at..key_at + key_length].trim().to_string();
            found.push(Place { key, body });
        } else {
            from = body_at;
        }
    }
    found
}

/// Puts `text` into the place called `key`; false if there is none.
pub(super) fn fill(mark: Mark, document: &mut String, key: &str, text: &str) -> bool {
    let Some(place) = places(mark, document).into_iter().find(|p| p.key == key) else {
        return false;
    };
    // What looks like a mark in the text must not be one.
    let text = text.trim().replace("<!--", "&lt;!--");
    document.replace_range(place.body, &format!("\n{text}\n"));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_in_place_of_questions_and_nothing_else_changes() {
        let before = "# T\n\nwords\n\n";
        let after = "\nmore words <!-- a comment -->\n";
        let mut text = format!(
            "{before}{}{after}{}",
            open_question("use", "What for?"),
            open_question("who", "Who?")
        );
        let open = |text: &str| -> Vec<String> {
            let places = places(Mark::Question, text);
            let open = places.into_iter().filter(|p| p.answer(text).is_none());
            open.map(|p| p.key).collect()
        };
        assert_eq!(open(&text), ["use", "who"]);
        assert!(fill(
            Mark::Question,
            &mut text,
            "use",
            "Sorting <!-- /question --> mail\n"
        ));
        assert!(!fill(Mark::Question, &mut text, "why", "x"));
        assert!(!fill(Mark::Measured, &mut text, "use", "x"));
        assert_eq!(open(&text), ["who"]);
        assert!(text.starts_with(before) && text.contains(after));
        let all = places(Mark::Question, &text);
        assert_eq!(
            all[0].answer(&text),
            Some("Sorting &lt;!-- /question --> mail")
        );
        // A second answer replaces the first.
        assert!(fill(Mark::Question, &mut text, "use", "Sorting"));
        assert_eq!(
            places(Mark::Question, &text)[0].answer(&text),
            Some("Sorting")
        );
    }

    #[test]
    fn what_a_person_writes_into_the_file_is_an_answer() {
        let text =
            open_question("use", "What for?").replace("**Question:** What for?", "For mail.");
        let found = places(Mark::Question, &text);
        assert_eq!(found[0].answer(&text), Some("For mail."));
        // Windows' line ends do not matter.
        let text = text.replace('\n', "\r\n");
        assert_eq!(
            places(Mark::Question, &text)[0].answer(&text),
            Some("For mail.")
        );
    }

    #[test]
    fn damaged_marks_are_passed_over() {
        for text in ["", "<!-- question: a", "<!-- question: a -->\nx"] {
            assert!(places(Mark::Question, text).is_empty(), "{text}");
        }
        let torn = format!("<!-- question: a -->\nx\n{}", open_question("b", "B?"));
        let keys: Vec<_> = places(Mark::Question, &torn);
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].key, "b");
    }
}
