//! From tokens to text that may be shown.
//!
//! A token is bytes, not always whole characters, and a stop string may begin in one token and end in
//! another. So bytes are held back until they are whole characters and cannot be the start of a stop
//! string any more.

use crate::reply::TokenLogprob;
use std::collections::VecDeque;

/// Holds back what may not be shown yet.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    stops: Vec<Vec<u8>>,
    held: Vec<u8>,
    /// Bytes before those that are held.
    shown: usize,
    /// Tokens that were not told yet, each with the place of its first byte.
    tokens: VecDeque<(usize, TokenLogprob)>,
}

/// What may be shown now.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Written {
    pub text: String,
    pub tokens: Vec<TokenLogprob>,
    /// A stop string came; this is the end of the text before it.
    pub stopped: bool,
}

impl Writer {
    pub fn new(stops: &[String]) -> Self {
        Self {
            stops: stops.iter().map(|s| s.as_bytes().to_vec()).collect(),
            ..Self::default()
        }
    }

    /// Adds the bytes of a token.
    pub fn push(&mut self, bytes: &[u8], token: Option<TokenLogprob>) -> Written {
        if let Some(token) = token {
            self.tokens.push_back((self.shown + self.held.len(), token));
        }
        self.held.extend_from_slice(bytes);
        if let Some(end) = self.stop() {
            self.held.truncate(end);
            let end = self.shown + end;
            self.tokens.retain(|(start, _)| *start < end);
            return Written {
                stopped: true,
                ..self.finish()
            };
        }
        let ready = self.held.len() - self.may_stop();
        let whole = whole(&self.held[..ready]);
        self.show(whole)
    }

    /// All that is left; a broken character at the end becomes U+FFFD.
    pub fn finish(&mut self) -> Written {
        let mut written = self.show(self.held.len());
        written
            .tokens
            .extend(self.tokens.drain(..).map(|(_, token)| token));
        written
    }

    fn show(&mut self, bytes: usize) -> Written {
        let text = String::from_utf8_lossy(&self.held[..bytes]).into_owned();
        self.held.drain(..bytes);
        self.shown += bytes;
        let mut tokens = Vec::new();
        while let Some((_, token)) = self
            .tokens
            .pop_front_if(|(start, token)| *start + token.bytes.len() <= self.shown)
        {
            tokens.push(token);
        }
        Written {
            text,
            tokens,
            stopped: false,
        }
    }

    /// Where the first stop string begins.
    fn stop(&self) -> Option<usize> {
        let find = |stop: &Vec<u8>| self.held.windows(stop.len()).position(|w| w == stop);
        self.stops.iter().filter_map(find).min()
    }

    /// Bytes at the end that may be the start of a stop string.
    fn may_stop(&self) -> usize {
        let start = |stop: &Vec<u8>| {
            let most = self.held.len().min(stop.len().saturating_sub(1));
            (1..=most).rev().find(|n| self.held.ends_with(&stop[..*n]))
        };
        self.stops.iter().filter_map(start).max().unwrap_or(0)
    }
}

/// How many bytes are whole characters, or will never be any.
fn whole(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        match std::str::from_utf8(&bytes[end..]) {
            Ok(_) => return bytes.len(),
            Err(e) => match e.error_len() {
                None => return end + e.valid_up_to(),
                Some(broken) => end += e.valid_up_to() + broken,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|s| s.to_string()).collect();
        let mut writer = Writer::new(&stops);
        let mut texts = Vec::new();
        for piece in pieces {
            let written = writer.push(piece, None);
            texts.push(written.text);
            if written.stopped {
                return (texts, true);
            }
        }
        texts.push(writer.finish().text);
        (texts, false)
    }

    #[test]
    fn a_stop_string_across_tokens_is_found_and_not_shown() {
        let (texts, stopped) = write(&["END"], &[b"one E", b"N", b"D two"]);
        assert_eq!(texts, ["one ", "", ""]);
        assert!(stopped);
    }

    #[test]
    fn what_was_held_back_for_nothing_is_shown() {
        let (texts, stopped) = write(&["END"], &[b"one E", b"N", b"d"]);
        assert_eq!(texts, ["one ", "", "ENd", ""]);
        assert!(!stopped);
        assert_eq!(write(&["END"], &[b"an EN"]).0, ["an ", "EN"]);
    }

    #[test]
    fn the_earliest_of_several_stop_strings_counts() {
        let (texts, stopped) = write(&["c", "b"], &[b"abc"]);
        assert_eq!(texts, ["a"]);
        assert!(stopped);
    }

    #[test]
    fn characters_are_shown_whole() {
        let bytes = "é模".as_bytes();
        let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
        let (texts, _) = write(&[], &pieces);
        assert_eq!(texts, ["", "é", "", "", "模", ""]);
    }

    #[test]
    fn bytes_that_are_no_characters_are_replaced() {
        assert_eq!(
            write(&[], &[b"a\xffb", b"\xe6"]).0,
            ["a\u{fffd}b", "", "\u{fffd}"]
        );
    }

    #[test]
    fn tokens_come_with_their_last_byte_and_stop_with_the_text() {
        let token = |id: u32, text: &str| TokenLogprob {
            id,
            bytes: text.as_bytes().to_vec(),
            logprob: 0.0,
            top: Vec::new(),
        };
        let mut writer = Writer::new(&["##".into()]);
        let told = writer.push(b"a", Some(token(1, "a")));
        assert_eq!(told.tokens.len(), 1);
        let told = writer.push(b"b#", Some(token(2, "b#")));
        assert_eq!((told.text.as_str(), told.tokens.len()), ("b", 0));
        let told = writer.push(b"#c", Some(token(3, "#c")));
        assert!(told.stopped);
        assert_eq!(told.tokens.iter().map(|t| t.id).collect::<Vec<_>>(), [2]);
    }
}
