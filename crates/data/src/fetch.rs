//! Fetching files from their official address into a cache folder, with a checksum.

use crate::error::DataError;
use crate::open::{Notice, Notify};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No file of a named set is larger; checked while it arrives.
const MAX_BYTES: u64 = 1 << 30;
/// A server that sends nothing for this long is given up. There is no limit on the whole download:
/// a slow line may well need an hour for a large set.
const STALL: Duration = Duration::from_secs(60);

/// A file at an official address.
#[derive(Debug)]
pub struct Remote {
    /// File name, appended to the address.
    pub name: &'static str,
    /// SHA-256 of the official file; MD5, which some owners publish, can be forged.
    pub sha256: &'static str,
}

impl Remote {
    pub(crate) const fn new(name: &'static str, sha256: &'static str) -> Self {
        Self { name, sha256 }
    }
}

/// The cache folder: `MODELWRIGHT_CACHE`, else the user's cache folder.
pub fn cache_folder() -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    variable("MODELWRIGHT_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|p| p.join("modelwright")))
        .or_else(|| variable("HOME").map(|p| p.join(".cache/modelwright")))
        .or_else(|| variable("LOCALAPPDATA").map(|p| p.join("modelwright")))
        .unwrap_or_else(|| std::env::temp_dir().join("modelwright"))
}

/// Local paths of `files`, fetched if they are not in the cache yet.
///
/// `MODELWRIGHT_MIRROR` replaces the official address; the checksums stay.
pub(crate) fn cached(
    set: &str,
    base: &str,
    files: &[Remote],
    notify: Notify,
) -> Result<Vec<PathBuf>, DataError> {
    let folder = cache_folder().join("data").join(set);
    let mirror = std::env::var("MODELWRIGHT_MIRROR")
        .ok()
        .filter(|m| !m.is_empty());
    // A mirror may be the very thing that fails, so the help names the official address.
    let help = by_hand(base, files);
    let base = mirror.map_or(base.to_string(), |m| {
        format!("{}/{set}/", m.trim_end_matches('/'))
    });
    files
        .iter()
        .map(|file| {
            let path = folder.join(file.name);
            if !path.exists() {
                fetch(set, &base, file, &path, &help, notify)?;
            }
            Ok(path)
        })
        .collect()
}

/// How to supply the files of a set without a network.
fn by_hand(base: &str, files: &[Remote]) -> String {
    let (these, them) = match files {
        [_] => ("this file", "it"),
        _ => ("these files", "them"),
    };
    let addresses: String = files
        .iter()
        .map(|file| format!("\n    {base}{}", file.name))
        .collect();
    format!(
        "without a network, fetch {these} elsewhere, put {them} into a folder and add \
         --data-dir FOLDER:{addresses}"
    )
}

fn fetch(
    set: &str,
    base: &str,
    file: &Remote,
    path: &Path,
    help: &str,
    notify: Notify,
) -> Result<(), DataError> {
    let url = format!("{base}{}", file.name);
    let offline =
        |problem: String| DataError::new(&url, format!("cannot be fetched ({problem})"), help);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| DataError::io(folder, &e))?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL))
        .build()
        .into();
    let response = agent.get(&url).call().map_err(|e| offline(e.to_string()))?;
    let total = response.body().content_length();
    let mut reader = response
        .into_body()
        .into_with_config()
        .limit(MAX_BYTES)
        .reader();
    let mut temporary =
        tempfile::NamedTempFile::new_in(folder).map_err(|e| DataError::io(folder, &e))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut done = 0;
    loop {
        let n = reader
            .read(&mut buffer)
            .map_err(|e| offline(e.to_string()))?;
        if n == 0 {
            break;
        }
        digest.update(&buffer[..n]);
        temporary
            .write_all(&buffer[..n])
            .map_err(|e| DataError::io(temporary.path(), &e))?;
        done += n as u64;
        notify(Notice::Fetching(
            format!("{set}/{}", file.name),
            done,
            total,
        ));
    }
    let found: String = digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if found != file.sha256 {
        return Err(DataError::new(
            &url,
            format!("the checksum is {found}, but {} was expected", file.sha256),
            "try again; if it stays so, the file there is not the official one",
        ));
    }
    sync(temporary.as_file(), path)?;
    temporary
        .persist(path)
        .map_err(|e| DataError::io(path, &e.error))?;
    Ok(())
}

fn sync(file: &File, path: &Path) -> Result<(), DataError> {
    file.sync_all().map_err(|e| DataError::io(path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_file_with_its_address() {
        let two = [Remote::new("a.gz", ""), Remote::new("b.gz", "")];
        let help = by_hand("https://x.org/", &two);
        for part in [
            "these files",
            "--data-dir FOLDER",
            "https://x.org/a.gz",
            "https://x.org/b.gz",
        ] {
            assert!(help.contains(part), "{help}");
        }
        assert!(by_hand("https://x.org/", &two[..1]).contains("this file"));
    }
}
