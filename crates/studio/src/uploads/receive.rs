//! Takes files from a browser and puts them on the disk as they come.

use super::unpack::unpack;
use super::{CONTENT, Entry, UploadLimits, names};
use crate::app::Studio;
use crate::problem::Problem;
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// Longest value of a form's field that is no file.
const TEXT: usize = 200;

/// Receives an upload: any number of fields `file`, whose names hold their folders, and a field
/// `name` for files without a folder in common. A single zip archive is unpacked.
///
/// # Errors
/// Names, sizes or contents that no data set has; nothing is left of the upload then.
pub async fn receive(studio: &Studio, mut form: Multipart) -> Result<Entry, Problem> {
    let uploads = studio.uploads().clone();
    let incoming = uploads.incoming()?;
    let content = incoming.path().join(CONTENT);
    let mut received = Received {
        limits: uploads.limits(),
        bytes: 0,
        files: Vec::new(),
    };
    let mut name = String::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match (field.name(), field.file_name().map(String::from)) {
            (Some("name"), None) => name = text(field).await?,
            // A form whose field was left empty sends a file without name.
            (_, Some(file)) if !file.is_empty() => received.file(field, &file, &content).await?,
            _ => {}
        }
    }
    if name.trim().is_empty() {
        name = "pictures".into();
    }
    studio
        .blocking(move |studio| {
            let incoming = incoming;
            if let [only] = received.files.as_slice()
                && is_zip(only)
            {
                let stem = only.file_stem().unwrap_or_default();
                name = stem.to_string_lossy().into_owned();
                open_archive(only, &content, received.limits)?;
            }
            studio.uploads().settle(incoming, &name)
        })
        .await
}

/// What has come so far.
struct Received {
    limits: UploadLimits,
    bytes: u64,
    files: Vec<PathBuf>,
}

impl Received {
    async fn file(
        &mut self,
        mut field: Field<'_>,
        name: &str,
        content: &Path,
    ) -> Result<(), Problem> {
        let Some(place) = names::place(name)? else {
            return Ok(());
        };
        if self.files.len() >= self.limits.files {
            return Err(Problem::bad("upload-too-many", self.limits.files));
        }
        let path = content.join(place);
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        let mut new = File::options();
        new.write(true).create_new(true);
        let file = new.open(&path).await;
        let file = file.map_err(|_| Problem::bad("upload-twice", name))?;
        let mut file = BufWriter::new(file);
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            self.bytes += chunk.len() as u64;
            if self.bytes > self.limits.bytes {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let most = self.limits.bytes >> 20;
                return Err(Problem::new(status, "upload-too-large", most));
            }
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        self.files.push(path);
        Ok(())
    }
}

async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT {
            return Err(Problem::bad("upload-broken", ""));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_zip(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

/// Replaces an archive by what is in it.
fn open_archive(archive: &Path, content: &Path, limits: UploadLimits) -> Result<(), Problem> {
    let packed = content.with_extension("zip");
    std::fs::rename(archive, &packed)?;
    // The archive may have come in a folder of its own.
    std::fs::remove_dir_all(content)?;
    std::fs::create_dir(content)?;
    unpack(&packed, content, limits)?;
    Ok(std::fs::remove_file(&packed)?)
}

fn broken(error: MultipartError) -> Problem {
    Problem {
        status: error.status(),
        ..Problem::bad("upload-broken", error.body_text())
    }
}
