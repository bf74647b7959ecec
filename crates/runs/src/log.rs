//! Reading the log of a run while it is written.

use crate::error::RunError;
use crate::folder::RunFolder;
use modelwright_train::Event;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

/// Follows the log of a run from its start.
#[derive(Debug)]
pub struct LogReader {
    folder: RunFolder,
    /// Bytes read so far.
    offset: u64,
    /// A line whose end is not written yet.
    rest: Vec<u8>,
}

impl LogReader {
    /// A reader at the start of the log, which need not exist yet.
    pub fn new(folder: RunFolder) -> Self {
        Self {
            folder,
            offset: 0,
            rest: Vec::new(),
        }
    }

    /// The events that were written since the last call. Lines that cannot be read, such as one
    /// that a killed process left half written, are passed over.
    pub fn read(&mut self) -> Result<Vec<Event>, RunError> {
        let path = self.folder.events();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(RunError::io(&path, e)),
        };
        let mut fresh = Vec::new();
        file.seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.read_to_end(&mut fresh))
            .map_err(|e| RunError::io(&path, e))?;
        self.offset += fresh.len() as u64;
        self.rest.append(&mut fresh);
        let end = self
            .rest
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        let lines: Vec<u8> = self.rest.drain(..end).collect();
        let event = |line: &[u8]| serde_json::from_slice(line).ok();
        Ok(lines.split(|b| *b == b'\n').filter_map(event).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path().into());
        let mut log = LogReader::new(run.clone());
        assert!(log.read().unwrap().is_empty());
        let line = r#"{"event":"checkpoint-saved","step":7}"#;
        std::fs::write(run.events(), format!("{line}\n{}", &line[..9])).unwrap();
        assert_eq!(log.read().unwrap(), [Event::CheckpointSaved { step: 7 }]);
        std::fs::write(run.events(), format!("{line}\n{line}\nhalf\n{line}\n")).unwrap();
        assert_eq!(log.read().unwrap().len(), 2);
    }
}
