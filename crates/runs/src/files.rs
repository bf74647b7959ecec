//! Writing files so that they are there complete or not at all.

use crate::error::RunError;
use modelwright_evaluate::chart::to_png;
use modelwright_train::sync_folder;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// A file that appears under its name, complete and on disk, with [`NewFile::finish`]. If it is
/// dropped before, nothing is left of it and an older file of the name stays.
///
/// A link stays a link: the file that it points to is written. What is no file, such as a pipe or a
/// device, is written to as it is.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// Renamed when complete.
    Beside(NamedTempFile),
    /// A pipe or a device.
    Direct(File),
}

impl NewFile {
    /// Starts a file, and makes its folder if there is none.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        Self::with_mode(path, 0o666)
    }

    /// `mode` is what the umask is taken from; where files have no modes it means nothing.
    fn with_mode(
        path: &Path,
        #[cfg_attr(not(unix), allow(unused))] mode: u32,
    ) -> Result<Self, RunError> {
        // Fails for a file that is not there yet, which is no link either.
        let path = &path.canonicalize().unwrap_or_else(|_| path.into());
        let special = path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
        if special {
            let open = File::options().write(true).open(path);
            return Ok(Self {
                path: path.clone(),
                target: Target::Direct(open.map_err(|e| RunError::io(path, e))?),
            });
        }
        let folder = folder_of(path);
        let create = || -> io::Result<NamedTempFile> {
            std::fs::create_dir_all(folder)?;
            let mut builder = tempfile::Builder::new();
            // Temporary files are private by default; most are to be read as the umask says.
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(std::fs::Permissions::from_mode(mode));
            }
            // The error would tell the temporary name, which is of no use to anybody.
            let file = builder.tempfile_in(folder);
            file.map_err(|e| io::Error::from(e.kind()))
        };
        Ok(Self {
            path: path.clone(),
            target: Target::Beside(create().map_err(|e| RunError::io(path, e))?),
        })
    }

    /// Syncs the content and gives the file its name.
    pub fn finish(self) -> Result<(), RunError> {
        let Self { path, target } = self;
        let Target::Beside(file) = target else {
            return Ok(());
        };
        let finish = || -> io::Result<()> {
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|e| e.error)?;
            sync_folder(folder_of(&path))
        };
        finish().map_err(|e| RunError::io(&path, e))
    }
}

impl Write for NewFile {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Beside(file) => file.write(content),
            Target::Direct(file) => file.write(content),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Beside(file) => file.flush(),
            Target::Direct(file) => file.flush(),
        }
    }
}

/// A folder that appears under its name, complete and on disk, with [`NewFolder::finish`]. If it is
/// dropped before, nothing is left of it.
#[derive(Debug)]
pub struct NewFolder {
    path: PathBuf,
    temporary: TempDir,
}

impl NewFolder {
    /// Starts a folder, beside the place where it is to be.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let parent = folder_of(path);
        let create = || -> io::Result<TempDir> {
            std::fs::create_dir_all(parent)?;
            let mut builder = tempfile::Builder::new();
            builder.prefix(".new-");
            // Temporary folders are private by default; this one is to be read as the umask says.
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(std::fs::Permissions::from_mode(0o777));
            }
            // As for files: the temporary name is of no use to anybody.
            let folder = builder.tempdir_in(parent);
            folder.map_err(|e| io::Error::from(e.kind()))
        };
        Ok(Self {
            path: path.into(),
            temporary: create().map_err(|e| RunError::io(path, e))?,
        })
    }

    /// Where its files go until it is finished; they must be on disk by then, as [`write_file`] and
    /// [`NewFile::finish`] leave them.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the folder its name, which must be free.
    pub fn finish(self) -> Result<(), RunError> {
        let Self { path, temporary } = self;
        std::fs::rename(temporary.path(), &path).map_err(|e| RunError::io(&path, e))?;
        // It has its name now and must not be removed as a temporary folder.
        let _ = temporary.keep();
        let parent = folder_of(&path);
        sync_folder(parent).map_err(|e| RunError::io(parent, e))
    }
}

/// Writes beside `path` under another name, syncs and renames.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), RunError> {
    write_to(NewFile::create(path)?, path, content)
}

/// As [`write_file`], for its owner alone at every moment.
pub fn write_private_file(path: &Path, content: &[u8]) -> Result<(), RunError> {
    write_to(NewFile::with_mode(path, 0o600)?, path, content)
}

fn write_to(mut file: NewFile, path: &Path, content: &[u8]) -> Result<(), RunError> {
    file.write_all(content).map_err(|e| RunError::io(path, e))?;
    file.finish()
}

/// Writes a chart into `folder`, as SVG and as PNG.
pub fn write_chart(folder: &Path, name: &str, svg: &str) -> Result<(), RunError> {
    let path = folder.join(format!("{name}.svg"));
    write_file(&path, svg.as_bytes())?;
    let png = to_png(svg).map_err(|e| RunError::content(&path, e))?;
    write_file(&path.with_extension("png"), &png)
}

/// The folder that holds `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/out.csv");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(
            std::fs::read_dir(folder.path().join("new"))
                .unwrap()
                .count(),
            0
        );
        write_file(&path, b"whole").unwrap();
        write_file(&path, b"again").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"again");
    }

    #[test]
    fn a_folder_is_there_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/index");
        let new = NewFolder::create(&path).unwrap();
        write_file(&new.path().join("a"), b"1").unwrap();
        assert!(!path.exists());
        drop(new);
        let parent = folder.path().join("sub");
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0);
        let new = NewFolder::create(&path).unwrap();
        write_file(&new.path().join("a"), b"2").unwrap();
        new.finish().unwrap();
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 1);
        // What is there already is not touched.
        let new = NewFolder::create(&path).unwrap();
        assert!(new.finish().is_err());
        assert_eq!(std::fs::read(path.join("a")).unwrap(), b"2");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_pipe_a_pipe() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");

        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        write_file(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(pipe.metadata().unwrap().file_type().is_fifo());
    }

    /// The mode must be that of a file made in the plain way, whatever the umask is.
    #[cfg(unix)]
    #[test]
    fn the_mode_is_as_the_umask_says() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("a"), folder.path().join("b"));
        write_file(&ours, b"").unwrap();
        std::fs::write(&plain, b"").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
