//! What was asked and answered, a JSON line each, and what people thought of it. Personal data is taken
//! out before a line is written.

use crate::error::AssistantError;
use crate::privacy::redacted;
use crate::reply::{Citation, Reply};
use modelwright_data::DataError;
use modelwright_generate::{Message, Role};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Bytes from which on a new file is begun.
const LARGEST: u64 = 8 << 20;
/// Files that are kept.
const FILES: usize = 64;
/// Messages of a conversation that are kept with an answer.
const MESSAGES: usize = 20;
/// Most characters of a note.
const NOTE: usize = 2000;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// A question and its answer.
    Exchange(Box<Exchange>),
    /// What somebody thought of an answer.
    Feedback {
        /// When, in UTC.
        time: jiff::Timestamp,
        /// What.
        #[serde(flatten)]
        feedback: Feedback,
    },
}

/// A conversation up to an answer, without personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// When, in UTC.
    pub time: jiff::Timestamp,
    /// What was said, the last question included.
    pub conversation: Vec<Said>,
    /// The answer.
    pub reply: Reply,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// By whom.
    pub role: Role,
    /// What.
    pub content: String,
}

/// What somebody thought of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// [`Reply::id`].
    pub id: String,
    /// Thumbs up, or down.
    pub up: bool,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The log of an assistant: a folder of files that follow each other.
pub struct Log {
    folder: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    number: usize,
    size: u64,
    /// Answers that feedback can be about.
    known: HashSet<String>,
}

impl Log {
    /// Opens the log in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn open(folder: &Path) -> Result<Self, AssistantError> {
        std::fs::create_dir_all(folder).map_err(|e| DataError::io(folder, &e))?;
        let number = files(folder)?.last().map_or(1, |(number, _)| *number);
        let (file, size) = append(folder, number)?;
        let mut known = HashSet::new();
        each(folder, &mut |line| {
            if let Line::Exchange(exchange) = line {
                known.insert(exchange.reply.id);
            }
        })?;
        Ok(Self {
            folder: folder.into(),
            state: Mutex::new(State {
                file,
                number,
                size,
                known,
            }),
        })
    }

    /// Keeps a conversation and the answer to it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn exchange(&self, conversation: &[Message], reply: &Reply) -> Result<(), AssistantError> {
        let said = conversation
            .iter()
            .filter(|m| matches!(m.role, Role::User | Role::Assistant))
            .map(|m| Said {
                role: m.role,
                content: redacted(&m.content),
            });
        let said: Vec<Said> = said.collect();
        let clean = |citation: &Citation| Citation {
            quote: redacted(&citation.quote),
            ..citation.clone()
        };
        let line = Line::Exchange(Box::new(Exchange {
            time: jiff::Timestamp::now(),
            conversation: said[said.len().saturating_sub(MESSAGES)..].to_vec(),
            reply: Reply {
                text: redacted(&reply.text),
                // It is made of the conversation.
                summary: None,
                citations: reply.citations.iter().map(clean).collect(),
                ..reply.clone()
            },
        }));
        self.write(&line, Some(&reply.id))
    }

    /// Keeps what somebody thought of an answer.
    ///
    /// # Errors
    /// There is no such answer, or it cannot be written.
    pub fn feedback(&self, feedback: &Feedback) -> Result<(), AssistantError> {
        let known = self.lock().known.contains(&feedback.id);
        if !known {
            return Err(AssistantError::Missing(format!(
                "no answer `{}` in the log",
                feedback.id
            )));
        }
        let note = feedback
            .note
            .as_deref()
            .map(str::trim)
            .filter(|note| !note.is_empty());
        let line = Line::Feedback {
            time: jiff::Timestamp::now(),
            feedback: Feedback {
                note: note.map(|note| redacted(&crate::text::shortened(note, NOTE))),
                ..feedback.clone()
            },
        };
        self.write(&line, None)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A thread that panicked while it wrote left a line by half; the next one is as good as ever.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn write(&self, line: &Line, id: Option<&str>) -> Result<(), AssistantError> {
        let mut text = serde_json::to_vec(line).unwrap_or_default();
        text.push(b'\n');
        let mut state = self.lock();
        if state.size > 0 && state.size + text.len() as u64 > LARGEST {
            let number = state.number + 1;
            (state.file, state.size) = append(&self.folder, number)?;
            state.number = number;
            forget(&self.folder)?;
        }
        let written = state
            .file
            .write_all(&text)
            .and_then(|()| state.file.flush());
        written.map_err(|e| DataError::io(&path(&self.folder, state.number), &e))?;
        state.size += text.len() as u64;
        state.known.extend(id.map(String::from));
        Ok(())
    }
}

fn path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("log-{number:06}.jsonl"))
}

/// The file of a number, to write at its end, and its size. Only its owner reads what customers said.
fn append(folder: &Path, number: usize) -> Result<(File, u64), AssistantError> {
    let path = path(folder, number);
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|e| DataError::io(&path, &e))?;
    let size = file.metadata().map_err(|e| DataError::io(&path, &e))?.len();
    Ok((file, size))
}

/// The files of a log by their number.
fn files(folder: &Path) -> Result<Vec<(usize, PathBuf)>, AssistantError> {
    let fail = |e: std::io::Error| DataError::io(folder, &e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let number = name
            .strip_prefix("log-")
            .and_then(|n| n.strip_suffix(".jsonl"));
        if let Some(number) = number.and_then(|n| n.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes the oldest files.
fn forget(folder: &Path) -> Result<(), AssistantError> {
    let files = files(folder)?;
    for (_, path) in &files[..files.len().saturating_sub(FILES)] {
        std::fs::remove_file(path).map_err(|e| DataError::io(path, &e))?;
    }
    Ok(())
}

/// All lines of a log, oldest first.
///
/// # Errors
/// A file cannot be read.
pub fn lines(folder: &Path) -> Result<Vec<Line>, AssistantError> {
    let mut all = Vec::new();
    each(folder, &mut |line| all.push(line))?;
    Ok(all)
}

/// Each line of a log, oldest first. One that is not complete, as after a loss of power, is left out.
fn each(folder: &Path, found: &mut dyn FnMut(Line)) -> Result<(), AssistantError> {
    for (_, path) in files(folder)? {
        let file = File::open(&path).map_err(|e| DataError::io(&path, &e))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|e| DataError::io(&path, &e))?;
            if let Ok(line) = serde_json::from_slice(&line) {
                found(line);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::reply::{Decision, Mode, Timings, Why};

    /// An answer.
    pub fn reply(id: &str, text: &str) -> Reply {
        Reply {
            id: id.into(),
            text: text.into(),
            decision: Decision::Answered,
            why: Why::Found,
            citations: Vec::new(),
            confidence: 0.9,
            groundedness: Some(1.0),
            mode: Mode::Extract,
            language: "en".into(),
            summary: Some("mine@example.com".into()),
            held_back: 0,
            spent: crate::reply::Spent::default(),
            timings: Timings::default(),
        }
    }

    #[test]
    fn what_is_kept_has_no_personal_data() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        let conversation = [
            Message::system("secret"),
            Message::user("I am at mine@example.com, card 4111 1111 1111 1111"),
        ];
        log.exchange(&conversation, &reply("a", "Call 13812345678."))
            .unwrap();
        log.feedback(&Feedback {
            id: "a".into(),
            up: false,
            note: Some(" write to me@example.com ".into()),
        })
        .unwrap();
        let text = std::fs::read_to_string(path(folder.path(), 1)).unwrap();
        for private in ["example.com", "4111", "138", "secret"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
        assert!(text.contains("\"kind\":\"exchange\"") && text.contains("write to [email]"));
        let error = log
            .feedback(&Feedback {
                id: "b".into(),
                up: true,
                note: None,
            })
            .unwrap_err();
        assert!(error.is_missing());
        // Another process knows the answers, too.
        drop(log);
        let log = Log::open(folder.path()).unwrap();
        log.feedback(&Feedback {
            id: "a".into(),
            up: true,
            note: None,
        })
        .unwrap();
        assert_eq!(lines(folder.path()).unwrap().len(), 3);
    }

    #[test]
    fn files_follow_each_other_and_broken_lines_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        log.exchange(&[Message::user("a")], &reply("a", "b"))
            .unwrap();
        log.lock().size = LARGEST;
        log.exchange(&[Message::user("a")], &reply("c", "d"))
            .unwrap();
        assert_eq!(files(folder.path()).unwrap().len(), 2);
        let mut file = File::options()
            .append(true)
            .open(path(folder.path(), 2))
            .unwrap();
        file.write_all(b"{\"kind\":\"exch").unwrap();
        assert_eq!(lines(folder.path()).unwrap().len(), 2);
    }
}
