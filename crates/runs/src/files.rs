//! Writing files so that they are there complete or not at all.

use crate::error::RunError;
use std::io::Write;
use std::path::Path;

/// Writes beside `path` under another name, syncs and renames.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), RunError> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        // Temporary files are private; results are to be read by others.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(|e| RunError::file(path, e))
}
