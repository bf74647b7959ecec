//! Whether a file was replaced, cheap to ask.

use std::path::Path;
use std::time::SystemTime;

/// Tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    /// A file that replaced another has another one.
    inode: u64,
}

impl Stamp {
    /// That of the file at `path`; `None` while there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self {
            modified: metadata.modified().ok(),
            size: metadata.len(),
            inode,
        })
    }

    /// When it was written, in seconds since 1970.
    pub fn seconds(&self) -> Option<u64> {
        let since = self.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    }
}
