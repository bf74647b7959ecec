//! The text of PDF files. They are strangers' data in an involved format: sizes and time are bounded, and
//! a reader that breaks off takes nothing else with it.

use super::{Document, plain};
use std::sync::mpsc;
use std::time::Duration;

/// Most bytes of a file.
pub const LARGEST: u64 = 64 << 20;
/// Most characters of its text.
const CHARACTERS: usize = 8 << 20;
/// How long reading one may take.
const TIME: Duration = Duration::from_secs(60);
/// Objects in a file may be nested.
const STACK: usize = 64 << 20;

/// Reads a document. A problem is a sentence about the file.
pub fn read(file: &str, bytes: Vec<u8>) -> Result<Document, String> {
    if !bytes.starts_with(b"%PDF-") {
        return Err("it is no PDF file".into());
    }
    let text = extracted(bytes)?;
    if text.chars().filter(|c| c.is_alphanumeric()).count() < 10 {
        return Err(
            "no text in it; if its pages are pictures, save it with its text recognized".into(),
        );
    }
    if text.len() > CHARACTERS {
        return Err(format!(
            "more than {} MiB of text in it; split it",
            CHARACTERS >> 20
        ));
    }
    Ok(plain::read(file, &unhyphenated(&text)))
}

/// The text, from a thread of its own: what never ends is left alone.
fn extracted(bytes: Vec<u8>) -> Result<String, String> {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let read = || pdf_extract::extract_text_from_mem(&bytes).map_err(|e| e.to_string());
        let text = std::panic::catch_unwind(read);
        let text = text.unwrap_or_else(|_| Err("its reader broke off".into()));
        // Nobody waits any more if it took too long.
        let _ = sender.send(text);
    };
    let thread = std::thread::Builder::new()
        .name("pdf".into())
        .stack_size(STACK);
    thread.spawn(work).map_err(|e| e.to_string())?;
    match receiver.recv_timeout(TIME) {
        Ok(text) => text.map_err(|problem| format!("its text cannot be read: {problem}")),
        Err(_) => Err(format!("reading it took more than {} s", TIME.as_secs())),
    }
}

/// Words that were divided at the end of a line, whole again.
fn unhyphenated(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_end();
        let divided = line
            .strip_suffix('-')
            .filter(|l| l.ends_with(char::is_alphabetic));
        match divided {
            Some(start) => whole += start,
            None => {
                whole += line;
                whole.push('\n');
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pdf_is_told() {
        assert!(
            read("a.pdf", b"hello".to_vec())
                .unwrap_err()
                .contains("no PDF")
        );
        let broken = read(
            "a.pdf",
            b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\n".to_vec(),
        );
        assert!(broken.unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn divided_words_are_put_together() {
        assert_eq!(
            unhyphenated("guar-\nantee\nA - b -\nc"),
            "guarantee\nA - b -\nc\n"
        );
    }
}
