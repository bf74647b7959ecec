//! Conversations as tokens, of which some are to be learned.

use super::form::{Item, is_answer};
use modelwright_generate::{ChatTemplate, GenerateError, Message};
use modelwright_models::Tokenizer;
use std::ops::Range;

/// Tokens, and which of them the model is to learn to say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Written {
    pub ids: Vec<u32>,
    /// Whether the loss counts how probable each of them is after those before it; never the first.
    pub learned: Vec<bool>,
}

impl Written {
    /// Tokens that are learned.
    pub fn learned(&self) -> usize {
        self.learned.iter().filter(|l| **l).count()
    }

    /// At most `length` tokens from the start; whether any were cut off.
    fn cut(&mut self, length: usize) -> bool {
        let cut = self.ids.len() > length;
        self.ids.truncate(length);
        self.learned.truncate(length);
        cut
    }
}

/// Writes conversations and texts as a model reads them.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub tokenizer: Tokenizer,
    /// How a conversation is written; `None`: the model reads texts only.
    pub template: Option<ChatTemplate>,
    /// Put before a text.
    pub bos: Option<u32>,
    /// Tokens of an example.
    pub max_length: usize,
}

impl Writer {
    /// The examples of a row, and whether something of it was cut off: one of a conversation, two of a
    /// preference, of a text as many as it takes. None if nothing of it would be learned.
    pub fn examples(&self, item: &Item) -> Result<(Vec<Written>, bool), GenerateError> {
        let (mut examples, mut cut) = match item {
            Item::Talk(messages) => {
                let mut whole = self.talk(messages, false)?;
                let cut = whole.cut(self.max_length);
                (vec![whole], cut)
            }
            Item::Preference(pair) => {
                let mut both = Vec::new();
                let mut cut = false;
                for messages in pair {
                    let mut whole = self.talk(messages, true)?;
                    cut |= whole.cut(self.max_length);
                    both.push(whole);
                }
                (both, cut)
            }
            Item::Text(text) => (self.windows(text), false),
        };
        let lost = |example: &Written| example.learned() == 0;
        match item {
            Item::Preference(_) if examples.iter().any(lost) => {
                examples.clear();
                cut = true;
            }
            Item::Preference(_) => {}
            Item::Talk(_) | Item::Text(_) => examples.retain(|example| !lost(example)),
        }
        Ok((examples, cut))
    }

    /// The tokens of a conversation up to where the answer to its last message begins, or of a text that
    /// is to be gone on with.
    pub fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>, GenerateError> {
        let text = self.rendered(messages, true)?;
        Ok(self.tokenizer.encode_plain(&text).ids)
    }

    /// The tokens of a text, with what the model wants before it.
    pub fn text(&self, text: &str) -> Vec<u32> {
        let ids = self.tokenizer.encode_plain(text).ids;
        self.bos.into_iter().chain(ids).collect()
    }

    fn rendered(&self, messages: &[Message], open: bool) -> Result<String, GenerateError> {
        match &self.template {
            Some(template) => template.render(messages, None, open),
            None => Err(GenerateError::Template("this model has none".into())),
        }
    }

    /// A conversation in which the assistant's turns are learned, or only the last one: what it says and
    /// the token that ends the turn.
    fn talk(&self, messages: &[Message], last: bool) -> Result<Written, GenerateError> {
        let text = self.rendered(messages, false)?;
        let answers = (0..messages.len()).filter(|i| is_answer(&messages[*i]));
        let answers: Vec<usize> = answers.collect();
        let skipped = if last {
            answers.len().saturating_sub(1)
        } else {
            0
        };
        let mut spans = Vec::new();
        for i in &answers[skipped..] {
            spans.extend(self.span(messages, *i, &text)?);
        }
        let encoded = self.tokenizer.encode_plain(&text);
        let inside = |piece: &Range<usize>| {
            let meets = |span: &Range<usize>| piece.start < span.end && piece.end > span.start;
            spans.iter().any(meets)
        };
        let mut learned: Vec<bool> = encoded.pieces.iter().map(inside).collect();
        if let Some(first) = learned.first_mut() {
            *first = false;
        }
        Ok(Written {
            ids: encoded.ids,
            learned,
        })
    }

    /// The bytes of `text`, a conversation as it is written, in which the answer `i` stands: from where
    /// the model is asked to speak to the end of its turn. `None` if it cannot be told, because the
    /// template writes answers of the past in another way.
    fn span(
        &self,
        messages: &[Message],
        i: usize,
        text: &str,
    ) -> Result<Option<Range<usize>>, GenerateError> {
        let before = self.rendered(&messages[..i], true)?;
        if !text.starts_with(&before) {
            return Ok(None);
        }
        let start = before.len();
        let turn = self.rendered(&messages[..=i], false)?;
        let end = match text.starts_with(&turn) {
            true => turn.trim_end().len(),
            // The turn ends where the next special token does.
            false => {
                let content = messages[i].content.trim();
                let Some(found) = text[start..].find(content) else {
                    return Ok(None);
                };
                self.end_of_turn(text, start + found + content.len())
            }
        };
        Ok((end > start).then_some(start..end))
    }

    /// Behind the first special token from `from` on.
    fn end_of_turn(&self, text: &str, from: usize) -> usize {
        let encoded = self.tokenizer.encode_plain(&text[from..]);
        let special = |id: &u32| self.tokenizer.is_special(*id);
        let place = encoded.ids.iter().position(special);
        place.map_or(from, |place| from + encoded.pieces[place].end)
    }

    /// A text in pieces of [`Self::max_length`] tokens, all of which are learned.
    fn windows(&self, text: &str) -> Vec<Written> {
        let ids = self.text(text);
        let window = |ids: &[u32]| {
            let mut learned = vec![true; ids.len()];
            learned[0] = false;
            Written {
                ids: ids.to_vec(),
                learned,
            }
        };
        ids.chunks(self.max_length.max(2)).map(window).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::talk::{CHATML, SPECIAL};
    use super::*;

    const BOOK: &str = "Hi! Hello, you. How are you? I am fine and you are fine, too.";

    /// A writer of ChatML with a tokenizer of few words.
    pub fn writer(max_length: usize) -> Writer {
        Writer {
            tokenizer: Tokenizer::train_bytes(400, &SPECIAL, [BOOK; 3]).unwrap(),
            template: Some(ChatTemplate::new(CHATML, "", "").unwrap()),
            bos: None,
            max_length,
        }
    }

    fn messages() -> Vec<Message> {
        vec![
            Message::system("Be kind."),
            Message::user("Hi!"),
            Message::assistant("Hello, you."),
            Message::user("How are you?"),
            Message::assistant("I am fine."),
        ]
    }

    fn learned(writer: &Writer, written: &Written) -> String {
        let ids = written.ids.iter().zip(&written.learned);
        let ids: Vec<u32> = ids.filter(|(_, l)| **l).map(|(id, _)| *id).collect();
        writer.tokenizer.decode(&ids, false)
    }

    #[test]
    fn only_what_the_assistant_says_is_learned() {
        let writer = writer(500);
        let (examples, cut) = writer.examples(&Item::Talk(messages())).unwrap();
        assert!(!cut);
        assert_eq!(
            learned(&writer, &examples[0]),
            "Hello, you.<|im_end|>I am fine.<|im_end|>"
        );
        let whole = writer.tokenizer.decode(&examples[0].ids, false);
        assert!(
            whole.ends_with("<|im_start|>assistant\nI am fine.<|im_end|>\n"),
            "{whole}"
        );
    }

    #[test]
    fn of_a_preference_only_the_last_answer_is_learned() {
        let writer = writer(500);
        let mut worse = messages();
        worse[4] = Message::assistant("You!");
        let (both, _) = writer
            .examples(&Item::Preference([messages(), worse]))
            .unwrap();
        assert_eq!(learned(&writer, &both[0]), "I am fine.<|im_end|>");
        assert_eq!(learned(&writer, &both[1]), "You!<|im_end|>");
    }

    #[test]
    fn long_conversations_are_cut_and_those_without_an_answer_left_out() {
        let writer = writer(500);
        let (examples, _) = writer.examples(&Item::Talk(messages())).unwrap();
        let whole = &examples[0];
        let first = whole.learned.iter().position(|l| *l).unwrap();
        let short = Writer {
            max_length: first + 2,
            ..writer.clone()
        };
        let (examples, cut) = short.examples(&Item::Talk(messages())).unwrap();
        assert!(cut);
        assert_eq!(
            (examples[0].ids.len(), examples[0].learned()),
            (first + 2, 2)
        );
        let short = Writer {
            max_length: first,
            ..writer
        };
        let (examples, cut) = short.examples(&Item::Talk(messages())).unwrap();
        assert!(cut && examples.is_empty());
    }

    #[test]
    fn a_text_is_learned_whole_in_windows() {
        let writer = writer(7);
        let (examples, cut) = writer.examples(&Item::Text(BOOK.into())).unwrap();
        assert!(!cut);
        let ids: Vec<u32> = examples.iter().flat_map(|e| e.ids.clone()).collect();
        assert_eq!(writer.tokenizer.decode(&ids, false), BOOK);
        assert!(
            examples
                .iter()
                .all(|e| e.ids.len() <= 7 && e.learned() == e.ids.len() - 1)
        );
    }
}
