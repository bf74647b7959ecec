//! From what a person names (a path, a named set) to a [`Dataset`].

use crate::catalog::{self, Named};
use crate::config::DataConfig;
use crate::dataset::{Content, Dataset};
use crate::error::DataError;
use crate::{images, table};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read into memory, unpacked.
const MAX_BYTES: u64 = 8 << 30;

/// Something to show while data is read.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A download: name, bytes done, bytes in all if known.
    Fetching(String, u64, Option<u64>),
    /// Pictures decoded so far, and in all.
    Decoding(usize, usize),
}

/// Receives notices, from any thread.
pub type Notify<'a> = &'a (dyn Fn(Notice) + Sync);

/// For callers that show nothing.
pub fn quiet(_: Notice) {}

/// How to read a source.
#[derive(Clone, Copy)]
pub struct OpenOptions<'a> {
    /// Folder that holds the files of a named set.
    pub data_dir: Option<&'a Path>,
    /// Text encoding of tables.
    pub encoding: &'a str,
    /// Leave out pictures that cannot be read.
    pub skip_bad: bool,
    /// Where progress goes.
    pub notify: Notify<'a>,
}

impl Default for OpenOptions<'_> {
    fn default() -> Self {
        Self {
            data_dir: None,
            encoding: "utf-8",
            skip_bad: false,
            notify: &quiet,
        }
    }
}

impl DataConfig {
    /// The reading options among these settings.
    pub fn open_options<'a>(&'a self, notify: Notify<'a>) -> OpenOptions<'a> {
        OpenOptions {
            data_dir: self.data_dir.as_deref(),
            encoding: &self.encoding,
            skip_bad: self.skip_bad,
            notify,
        }
    }
}

/// Opens a named set, a folder of pictures, a table, an IDX file or a CIFAR archive.
pub fn open(source: &str, options: OpenOptions) -> Result<Dataset, DataError> {
    let path = Path::new(source);
    let mut dataset = match catalog::find(source) {
        Some(named) if !path.exists() => open_named(named, options)?,
        _ => open_path(source, path, options)?,
    };
    if let Content::Images(set) = &mut dataset.content
        && options.skip_bad
    {
        let names = set.leave_out_unreadable();
        if !names.is_empty() {
            dataset.notes.push(format!(
                "{} unreadable pictures left out: {}",
                names.len(),
                names.join(", ")
            ));
        }
    }
    if dataset.content.is_empty() {
        return Err(DataError::new(
            source,
            "no readable example in it",
            "give data with examples",
        ));
    }
    Ok(dataset)
}

fn open_named(named: &Named, options: OpenOptions) -> Result<Dataset, DataError> {
    Ok(Dataset {
        name: named.name.into(),
        source: named.name.into(),
        content: named.load(options)?,
        suggested_target: named.target.map(String::from),
        notes: Vec::new(),
    })
}

fn open_path(source: &str, path: &Path, options: OpenOptions) -> Result<Dataset, DataError> {
    if !path.exists() {
        let names: Vec<_> = catalog::NAMED.iter().map(|n| n.name).collect();
        return Err(DataError::new(
            source,
            "no such file or folder, and no data set of this name",
            format!(
                "check the path; the named data sets are {}",
                names.join(", ")
            ),
        ));
    }
    let content = match path.is_dir() {
        true => open_folder(path)?,
        false => open_file(path, options)?,
    };
    Ok(Dataset {
        name: short_name(path),
        source: source.into(),
        content,
        suggested_target: None,
        notes: Vec::new(),
    })
}

fn open_folder(path: &Path) -> Result<Content, DataError> {
    if let Some((images, labels)) = catalog::idx_files(path) {
        return catalog::load_idx(&images, &labels, Vec::new());
    }
    if path.join("data_batch_1.bin").exists() {
        return images::read_cifar(images::Cifar::Ten, path).map(Content::Images);
    }
    if path.join("train.bin").exists() {
        return images::read_cifar(images::Cifar::Hundred, path).map(Content::Images);
    }
    images::read_folder(path).map(Content::Images)
}

fn open_file(path: &Path, options: OpenOptions) -> Result<Content, DataError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "csv" | "tsv" | "txt" => table::read_csv(path, options.encoding).map(Content::Table),
        "jsonl" | "ndjson" => table::read_jsonl(path).map(Content::Table),
        "parquet" => table::read_parquet(path).map(Content::Table),
        "tar" | "tgz" if plain.contains("cifar-100") => {
            images::read_cifar(images::Cifar::Hundred, path).map(Content::Images)
        }
        "tar" | "tgz" => images::read_cifar(images::Cifar::Ten, path).map(Content::Images),
        _ if plain.contains("idx3") => open_idx(path),
        _ => Err(DataError::new(
            path.display(),
            "unknown kind of file",
            "give a folder of pictures, a table (.csv, .tsv, .jsonl, .parquet), an IDX file \
             (…-images-idx3-ubyte) or a CIFAR archive (.tar.gz)",
        )),
    }
}

/// One IDX file of pictures with its labels beside it.
fn open_idx(path: &Path) -> Result<Content, DataError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let labels = path.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
    if !labels.exists() {
        return Err(DataError::new(
            path.display(),
            format!("its labels are not beside it ({})", labels.display()),
            "put both files into one folder",
        ));
    }
    images::read_idx_pair(&[(path, &labels, None)], Vec::new()).map(Content::Images)
}

fn short_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let name = full
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let stem = name.split('.').next().unwrap_or("").to_string();
    let clean: String = stem
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    match clean.trim_matches('-') {
        "" => "data".into(),
        clean => clean.into(),
    }
}

/// The content of a file, unpacked if it is gzip.
pub(crate) fn read_maybe_gzip(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = std::fs::read(path).map_err(|e| DataError::io(path, &e))?;
    unpack(bytes).map_err(|problem| {
        DataError::new(
            path.display(),
            problem,
            "fetch the file again; it may have been cut short",
        )
    })
}

/// Unpacks gzip in memory; other content is returned as it is.
pub(crate) fn unpack(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if bytes.get(..2) != Some(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(MAX_BYTES + 1);
    reader
        .read_to_end(&mut out)
        .map_err(|e| format!("not a complete gzip file ({e})"))?;
    match out.len() as u64 > MAX_BYTES {
        true => Err("larger than 8 GiB when unpacked".into()),
        false => Ok(out),
    }
}
