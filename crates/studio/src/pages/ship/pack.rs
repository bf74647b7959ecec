//! The bundle as one file.

use crate::app::Studio;
use crate::pages::of_run::OfRun;
use crate::{Ctx, Problem};
use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use std::fs::File;
use std::io::{self, Seek};
use tokio::io::AsyncReadExt;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes that are sent at once.
const CHUNK: usize = 64 << 10;

pub(super) async fn bundle(ctx: Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    let of_run = OfRun::finished(&ctx, id).await?;
    let name = super::model_name(&of_run.run.id);
    let inside = name.clone();
    let folder = of_run.folder.bundle();
    let pack = move |_: &Studio| pack(&folder, &inside).map_err(Problem::internal);
    let (file, size) = ctx.studio.blocking(pack).await?;
    let headers = [
        (CONTENT_TYPE, "application/zip".to_string()),
        (CONTENT_LENGTH, size.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.zip\""),
        ),
    ];
    let chunks = try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, io::Error>((read > 0).then_some((chunk, file)))
    });
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The files of a folder inside a folder `name` of a zip file that goes when it is closed.
fn pack(folder: &std::path::Path, name: &str) -> io::Result<(File, u64)> {
    let mut zip = ZipWriter::new(tempfile::tempfile()?);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let file = entry.file_name().to_string_lossy().into_owned();
        // Weights are as good as random: packing them takes time and saves nothing.
        let method = match file.ends_with(".safetensors") {
            true => CompressionMethod::Stored,
            false => CompressionMethod::Deflated,
        };
        let large = entry.metadata()?.len() >= u64::from(u32::MAX);
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .large_file(large);
        zip.start_file(format!("{name}/{file}"), options)?;
        io::copy(&mut File::open(entry.path())?, &mut zip)?;
    }
    let mut file = zip.finish()?;
    let size = file.stream_position()?;
    file.rewind()?;
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_bundle_are_in_one_folder_of_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.safetensors"), [7; 100]).unwrap();
        std::fs::write(folder.path().join("config.json"), "{}").unwrap();
        let (file, size) = pack(folder.path(), "m-1").unwrap();
        assert_eq!(file.metadata().unwrap().len(), size);
        let mut zip = zip::ZipArchive::new(file).unwrap();
        assert_eq!(zip.len(), 2);
        assert_eq!(zip.by_name("m-1/model.safetensors").unwrap().size(), 100);
    }
}
