//! What survives a crash of the machine.

use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes renames in a folder survive a crash: a new name is on disk once its folder is.
///
/// A system that cannot sync folders (Windows, some network file systems) is no error: the rename is
/// done, readers see the file complete or not at all, and a training that ran for hours should not
/// end because of a promise that no program could keep there. Every other failure is one.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Folders cannot be opened on Windows.
    #[cfg(unix)]
    match std::fs::File::open(folder)?.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        result => result?,
    }
    let _ = folder;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_synced_and_a_missing_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(sync_folder(folder.path()).is_ok());
        assert!(sync_folder(&folder.path().join("gone")).is_err());
    }

    /// A file system that knows no sync, as some network file systems.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_system_that_cannot_sync_is_no_error() {
        let unable = std::fs::File::open("/proc/self").and_then(|f| f.sync_all());
        assert!(
            unable.is_err(),
            "this test needs a folder that cannot be synced"
        );
        assert!(sync_folder(Path::new("/proc/self")).is_ok());
    }
}
