//! From what a person names (a path, a named set) to a [`Dataset`].

use crate::catalog::{self, Named};
use crate::config::DataConfig;
use crate::dataset::{Content, Dataset};
use crate::encoding::{AUTO, decode};
use crate::error::DataError;
use crate::table::Table;
use crate::{images, table, texts};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read into memory, unpacked.
const MAX_BYTES: u64 = 8 << 30;
/// So many times as many pictures as texts, or the other way round, and the folder is one of those.
const FEW: usize = 10;

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
    /// Text encoding of tables and text files; `auto` goes by their bytes.
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
            encoding: AUTO,
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

/// What a reader tells beside the examples.
#[derive(Default)]
pub(crate) struct Found {
    /// What was left out, converted or repaired.
    pub notes: Vec<String>,
    /// The column that is usually predicted.
    pub target: Option<&'static str>,
    /// Columns whose values were lists.
    pub lists: Vec<String>,
}

/// Opens a named set, a folder of pictures or texts, a table, conversations, a book, questions in SQuAD's
/// format, Markdown, an IDX file or a CIFAR archive.
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
        lists: Vec::new(),
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
    let mut found = Found::default();
    let content = match path.is_dir() {
        true => open_folder(path, options, &mut found)?,
        false => open_file(path, options, &mut found)?,
    };
    Ok(Dataset {
        name: short_name(path),
        source: source.into(),
        content,
        suggested_target: found.target.map(String::from),
        lists: found.lists,
        notes: found.notes,
    })
}

fn open_folder(path: &Path, options: OpenOptions, found: &mut Found) -> Result<Content, DataError> {
    if let Some((images, labels)) = catalog::idx_files(path) {
        return catalog::load_idx(&images, &labels, Vec::new());
    }
    if path.join("data_batch_1.bin").exists() {
        return images::read_cifar(images::Cifar::Ten, path).map(Content::Images);
    }
    if path.join("train.bin").exists() {
        return images::read_cifar(images::Cifar::Hundred, path).map(Content::Images);
    }
    let pictures = images::list_pictures(path)?.len();
    let listed = texts::list(path)?;
    let written = listed.iter().filter(|text| !is_about(text)).count();
    // A few files of the other kind are no reason to stop.
    if pictures.min(written) * FEW > pictures.max(written) {
        return Err(DataError::new(
            path.display(),
            format!("{pictures} pictures and {written} texts in one folder"),
            "put the pictures and the texts into folders of their own",
        ));
    }
    let left_out = |count: usize, what: &str| {
        (count > 0).then(|| format!("{count} {what} in the folder were left out"))
    };
    if !listed.is_empty() && written >= pictures {
        found.notes.extend(left_out(pictures, "pictures"));
        return open_texts(path, listed, options, found).map(Content::Table);
    }
    found.notes.extend(left_out(written, "texts"));
    images::read_folder(path).map(Content::Images)
}

/// Markdown that lies at the top is a document, and other texts there are something to read; texts of
/// classes lie in folders.
fn open_texts(
    folder: &Path,
    listed: Vec<PathBuf>,
    options: OpenOptions,
    found: &mut Found,
) -> Result<Table, DataError> {
    let at_top = |text: &PathBuf| text.parent() == Some(folder) && texts::is_markdown(text);
    let other = |text: &PathBuf| !texts::is_markdown(text) && !is_about(text);
    if listed.iter().any(at_top) && !listed.iter().any(other) {
        let is_document = |text: &PathBuf| texts::is_markdown(text);
        let documents: Vec<PathBuf> = listed.into_iter().filter(is_document).collect();
        return texts::read_markdown(folder, &documents, options.encoding, found);
    }
    let classed = listed.iter().any(|text| text.parent() != Some(folder));
    match classed {
        true => texts::read_folder(folder, options.encoding, found),
        // Without folders for classes they are something to read.
        false => {
            let read: Vec<PathBuf> = listed.into_iter().filter(|text| !is_about(text)).collect();
            texts::read_prose_files(folder, &read, options.encoding, found)
        }
    }
}

/// Whether a file tells about the others, by the names that such files have.
fn is_about(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy().to_lowercase();
    ["readme", "license", "licence", "changelog"].contains(&stem.as_str())
}

fn open_file(path: &Path, options: OpenOptions, found: &mut Found) -> Result<Content, DataError> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let ending = plain.rsplit_once('.').map_or("", |(_, ending)| ending);
    let table = match ending {
        "csv" | "tsv" => table::read_csv(path, options.encoding, found)?,
        "txt" => open_text(path, options, found)?,
        "jsonl" | "ndjson" => table::read_jsonl(path, options.encoding, found)?,
        "json" => table::read_json(path, options.encoding, found)?,
        "parquet" => table::read_parquet(path)?,
        _ if texts::is_markdown(path) => {
            let folder = path.parent().unwrap_or(path);
            texts::read_markdown(folder, &[path.into()], options.encoding, found)?
        }
        "tar" | "tgz" => {
            let hundred = plain.contains("cifar-100");
            let which = if hundred {
                images::Cifar::Hundred
            } else {
                images::Cifar::Ten
            };
            return images::read_cifar(which, path).map(Content::Images);
        }
        _ if plain.contains("idx3") => return open_idx(path),
        _ => {
            return Err(DataError::new(
                path.display(),
                "unknown kind of file",
                "give a folder of pictures or texts, a table (.csv, .tsv, .jsonl, .parquet), \
                 conversations (.jsonl), a book (.txt), questions in SQuAD's format (.json), \
                 Markdown (.md), an IDX file (…-images-idx3-ubyte) or a CIFAR archive (.tar.gz)",
            ));
        }
    };
    Ok(Content::Table(table))
}

/// A text file: a table if its lines look like rows of one, else running text.
fn open_text(path: &Path, options: OpenOptions, found: &mut Found) -> Result<Table, DataError> {
    let place = path.display().to_string();
    let bytes = read_maybe_gzip(path)?;
    let text = decode(&place, &bytes, options.encoding, &mut found.notes)?;
    if !texts::is_prose(&text) {
        return table::parse_csv_text(&place, &text);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    texts::prose_table(&name, &text, found)
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
