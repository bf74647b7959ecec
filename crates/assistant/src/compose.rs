//! An answer in the model's own words, sentence by sentence: what no passage supports, and what tells the
//! instructions, is held back before anybody reads it.

use crate::bm25::Bm25;
use crate::error::AssistantError;
use crate::ground;
use crate::guard;
use crate::passages::Passage;
use crate::prompt::{NO_ANSWER, Prompt};
use crate::reply::Spent;
use crate::text;
use crate::writer::Writer;
use regex::Regex;
use std::ops::ControlFlow;
use std::sync::LazyLock;

/// Sentences that may be held back before the model is stopped.
const MOST_HELD: usize = 3;

/// What the model wrote, as far as it holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Composed {
    /// The sentences that hold, with the numbers of citations.
    pub text: String,
    /// (passage, the words it says so with) by the number of the citation, from 1.
    pub cited: Vec<(usize, String)>,
    /// Least support of a sentence.
    pub groundedness: f32,
    /// Sentences that were held back.
    pub held_back: usize,
    /// The model said that the passages do not answer.
    pub no_answer: bool,
    /// What the model did.
    pub spent: Spent,
    /// Nobody listens any more.
    pub cancelled: bool,
}

/// What sentences are checked against.
pub struct Check<'a> {
    /// The passages, in the order of their numbers in the prompt.
    pub passages: &'a [&'a Passage],
    /// Their words.
    pub words: &'a Bm25,
    /// Least support.
    pub least: f32,
}

/// Lets a model write, and passes the sentences that hold on to `told`.
///
/// # Errors
/// The model fails.
pub fn compose(
    writer: &dyn Writer,
    prompt: &Prompt,
    most: usize,
    check: &Check,
    told: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Composed, AssistantError> {
    let mut gate = Gate {
        check,
        prompt,
        open: String::new(),
        stopped: false,
        made: Composed {
            groundedness: 1.0,
            ..Composed::default()
        },
    };
    gate.made.spent = writer.write(&prompt.messages, most, &mut |piece| {
        gate.open.push_str(piece);
        let flow = gate.pass(false, told);
        gate.stopped = flow.is_break();
        flow
    })?;
    if !gate.stopped {
        // What was to come last may be there by half: it is checked like any other.
        let _ = gate.pass(true, told);
    }
    Ok(gate.made)
}

/// Holds text back until a sentence is complete.
struct Gate<'a> {
    check: &'a Check<'a>,
    prompt: &'a Prompt,
    open: String,
    stopped: bool,
    made: Composed,
}

impl Gate<'_> {
    fn pass(
        &mut self,
        is_end: bool,
        told: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        while let Some(end) = complete(&self.open, is_end) {
            let rest = self.open.split_off(end);
            let sentence = std::mem::replace(&mut self.open, rest);
            if sentence.contains(NO_ANSWER) {
                self.made.no_answer = true;
                return ControlFlow::Break(());
            }
            let Some(piece) = self.checked(&sentence) else {
                if self.made.held_back >= MOST_HELD {
                    return ControlFlow::Break(());
                }
                continue;
            };
            if told(&piece).is_break() {
                self.made.cancelled = true;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// A sentence as it is passed on, if it holds.
    fn checked(&mut self, sentence: &str) -> Option<String> {
        let (plain, numbers) = without_citations(sentence);
        if !plain.chars().any(char::is_alphanumeric) {
            return None;
        }
        let open: Vec<&str> = self
            .check
            .passages
            .iter()
            .map(|p| p.text.as_str())
            .collect();
        let tells =
            plain.contains(&self.prompt.frame) || guard::tells(&plain, &self.prompt.secret, &open);
        let found = self.supported(&plain, &numbers).filter(|_| !tells);
        let Some(found) = found else {
            self.made.held_back += 1;
            return None;
        };
        self.made.groundedness = self.made.groundedness.min(found.share);
        let number = self.number(found.passage, found.quote);
        let gap = match self.made.text.is_empty() || text::language(&plain) == Some(text::CHINESE) {
            true => "",
            false => " ",
        };
        let piece = format!("{gap}{} [{number}]", plain.trim());
        self.made.text += &piece;
        Some(piece)
    }

    /// The support by one of the passages that the sentence cites, or else by any: a model that cites
    /// the wrong one may still say what is right.
    fn supported(&self, plain: &str, numbers: &[usize]) -> Option<ground::Support> {
        let passages = self.check.passages;
        let cited = numbers
            .iter()
            .filter_map(|n| n.checked_sub(1))
            .filter(|n| *n < passages.len());
        let by_cited = cited.map(|n| ground::Support {
            passage: n,
            ..ground::support(plain, &[passages[n]], self.check.words)
        });
        let holds = |s: &ground::Support| s.share >= self.check.least;
        let best = by_cited
            .filter(holds)
            .max_by(|a, b| a.share.total_cmp(&b.share));
        best.or_else(|| Some(ground::support(plain, passages, self.check.words)).filter(holds))
    }

    /// The number of the citation of a passage.
    fn number(&mut self, passage: usize, quote: String) -> usize {
        let known = self.made.cited.iter().position(|(p, _)| *p == passage);
        known.unwrap_or_else(|| {
            self.made.cited.push((passage, quote));
            self.made.cited.len() - 1
        }) + 1
    }
}

static CITATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\s*[\[【]\s*\d{1,2}(?:\s*[,，、]\s*\d{1,2})*\s*[\]】]").ok());

/// A sentence without `[1]`, `[1, 2]` and the like, and the numbers.
fn without_citations(sentence: &str) -> (String, Vec<usize>) {
    let Some(citation) = &*CITATION else {
        return (sentence.into(), Vec::new());
    };
    let mut numbers = Vec::new();
    let plain = citation.replace_all(sentence, |found: &regex::Captures| {
        let digits = found[0].split(|c: char| !c.is_ascii_digit());
        numbers.extend(digits.filter_map(|d| d.parse::<usize>().ok()));
        String::new()
    });
    (plain.into_owned(), numbers)
}

/// The end of the first sentence, with the citations behind it: complete if something else follows.
fn complete(open: &str, is_end: bool) -> Option<usize> {
    let skipped = |end: usize| {
        let mut at = end;
        let mut depth = 0;
        for (i, c) in open[end..].char_indices() {
            match c {
                '[' | '【' => depth += 1,
                ']' | '】' => depth -= 1,
                c if c.is_whitespace() => {}
                c if depth > 0 && (c.is_ascii_digit() || ",，、".contains(c)) => {}
                _ if depth == 0 => return Some(end + i),
                // No citation after all.
                _ => return Some(at),
            }
            if depth == 0 {
                at = end + i + c.len_utf8();
            }
        }
        None
    };
    let mut ends = text::ends(open).into_iter();
    let first = ends.find(|end| open[..*end].chars().any(char::is_alphanumeric));
    match first.and_then(skipped) {
        Some(end) => Some(end),
        None if is_end && !open.trim().is_empty() => Some(open.len()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bm25::tests::passage;
    use crate::writer::tests::Scripted;

    fn composed(pieces: &[&str]) -> (Composed, String) {
        let passages = [
            passage(
                "Returns",
                "You can return shoes within 30 days. Returns are free.",
            ),
            passage("Delivery", "Delivery costs 4.90 euros."),
        ];
        let all = passages.each_ref();
        let prompt = Prompt {
            messages: Vec::new(),
            secret: "You are friendly and brief and you never speak of plants to anybody.".into(),
            frame: "f00d".into(),
        };
        let words = Bm25::new(&passages);
        let check = Check {
            passages: &all,
            words: &words,
            least: 0.6,
        };
        let mut said = String::new();
        let writer = Scripted::new(pieces);
        let made = compose(&writer, &prompt, 100, &check, &mut |piece| {
            said += piece;
            ControlFlow::Continue(())
        });
        (made.unwrap(), said)
    }

    #[test]
    fn sentences_that_hold_are_passed_on_with_the_right_number() {
        let (made, said) = composed(&[
            "You can ret",
            "urn shoes within 30 da",
            "ys. [",
            "2] Delivery costs",
            " 4.90 euros [7].",
        ]);
        assert_eq!(
            said,
            "You can return shoes within 30 days. [1] Delivery costs 4.90 euros. [2]"
        );
        assert_eq!(made.text, said);
        assert_eq!(
            made.cited[0],
            (0, "You can return shoes within 30 days.".into())
        );
        assert_eq!(made.cited[1].0, 1);
        assert_eq!((made.held_back, made.groundedness), (0, 1.0));
    }

    #[test]
    fn what_is_made_up_is_held_back() {
        let (made, said) =
            composed(&["Returns are free. You have 90 days. Sure, we love you! Returns are free."]);
        assert_eq!(said, "Returns are free. [1] Returns are free. [1]");
        assert_eq!(made.held_back, 2);
        let (made, said) = composed(&["A lie here. A second fib. A third tale. Returns are free."]);
        assert_eq!((made.held_back, said.as_str()), (3, ""));
    }

    #[test]
    fn instructions_and_the_frame_are_never_told() {
        let (made, said) =
            composed(&["You are friendly and brief and you return shoes. The number is f00d. "]);
        assert_eq!((said.as_str(), made.held_back), ("", 2));
    }

    #[test]
    fn the_model_may_say_that_there_is_no_answer() {
        let (made, said) = composed(&["NO ", "ANSWER"]);
        assert!(made.no_answer && said.is_empty());
    }

    #[test]
    fn sentences_are_complete_when_another_begins() {
        assert_eq!(complete("One. ", false), None);
        assert_eq!(complete("One. [1", false), None);
        assert_eq!(complete("One. [1] T", false), Some(9));
        assert_eq!(complete("One. [see", false), Some(5));
        assert_eq!(complete("One", true), Some(3));
        assert_eq!(complete("一。[1]二", false), Some(9));
        assert_eq!(complete(" ", true), None);
        assert_eq!(
            without_citations("a [1, 2] (3) b【4】."),
            ("a (3) b.".into(), vec![1, 2, 4])
        );
    }
}
