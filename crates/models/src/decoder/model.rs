//! A language model of somebody else: a GGUF file, a Hugging Face folder, a bundle, a hub repository.

use super::adapter::Adapter;
use super::config::DecoderConfig;
use super::folder::Shards;
use super::source::Source;
use super::stored::Stored;
use super::template::{self, Words};
use crate::error::ModelError;
use crate::gguf::Gguf;
use crate::hub::{self, Repository};
use crate::text::folder::{CONFIG, Folder};
use crate::tokenizer::Tokenizer;
use std::path::{Path, PathBuf};

/// A model whose files agree with each other. Weights are read one at a time, when they are asked for.
#[derive(Debug)]
pub struct LanguageModel {
    /// What it is called: by its file, or by the folder.
    pub name: String,
    /// Sizes and constants.
    pub config: DecoderConfig,
    /// From text to token ids and back.
    pub tokenizer: Tokenizer,
    /// The Jinja text by which a conversation becomes a prompt.
    pub template: Option<String>,
    /// The token that begins a text.
    pub bos: Option<u32>,
    /// The token that ends a text.
    pub eos: Option<u32>,
    /// Whether [`Self::bos`] goes before a text that is continued.
    pub add_bos: bool,
    /// All tokens that end an answer.
    pub stops: Vec<u32>,
    source: Source,
    adapter: Option<Adapter>,
}

impl LanguageModel {
    /// Opens a `.gguf` file, a Hugging Face folder or a bundle (safetensors, in one file or several), a
    /// folder with one `.gguf` file in it, or the hub id of one of them (`owner/name`, or
    /// `owner/name/file.gguf`). `notify` is told what takes time.
    ///
    /// A folder with a PEFT adapter and no weights is the model that the adapter was made for, changed
    /// by it.
    ///
    /// # Errors
    /// A file is missing or damaged, the family is not supported, config and weights differ in shapes,
    /// or the tokenizer has ids that the embedding has not.
    pub fn open(source: &str, notify: &dyn Fn(&str)) -> Result<Self, ModelError> {
        if let Some(file) = gguf_of(source, notify)? {
            return Self::open_gguf(&file);
        }
        if hub::is_id(source) {
            notify(&format!("looking for {source} on the model hub"));
        }
        let folder = Folder::locate_with(source, &template::FILES)?;
        match Adapter::of_folder(&folder)? {
            Some((adapter, base)) => {
                let mut model = match base {
                    Some(base) => Self::open_base(&folder, &base, notify)?,
                    None => Self::open_folder(folder)?,
                };
                adapter
                    .check(&model.config)
                    .map_err(|e| model.source.unusable(e))?;
                model.adapter = Some(adapter);
                Ok(model)
            }
            None => Self::open_folder(folder),
        }
    }

    /// The model that an adapter in `folder` was made for, with the tokenizer and template beside the
    /// adapter if they are there.
    fn open_base(folder: &Folder, base: &str, notify: &dyn Fn(&str)) -> Result<Self, ModelError> {
        let beside = folder.path().join(base);
        let base = match beside.exists() {
            true => beside.display().to_string(),
            false => base.into(),
        };
        let mut model = match gguf_of(&base, notify)? {
            Some(file) => Self::open_gguf(&file)?,
            None => Self::open_folder(Folder::locate_with(&base, &template::FILES)?)?,
        };
        if folder.path().join("tokenizer.json").exists() {
            model.tokenizer = Tokenizer::open(folder.path())?;
            let words = Words::of_folder(folder, &model.tokenizer)?;
            model = model.with_words(words);
        }
        model.name = name_of(folder.path());
        model.checked()
    }

    fn open_gguf(path: &Path) -> Result<Self, ModelError> {
        let file = Gguf::open(path)?;
        let header = file.header();
        let factors = match header.tensors.get("rope_freqs.weight") {
            Some(tensor) => Some(Stored {
                format: tensor.format,
                shape: tensor.shape.clone(),
                bytes: file.read(tensor, 0, tensor.rows())?,
            }),
            None => None,
        };
        let config = DecoderConfig::from_gguf(header, factors.map(|f| f.values()))
            .map_err(|problem| file.unusable(problem))?;
        let place = path.display().to_string();
        let tokenizer = Tokenizer::from_gguf(&place, header)?;
        let words = Words::of_gguf(header, &tokenizer);
        let name = header.text("general.name").map(String::from);
        let name = name.unwrap_or_else(|| name_of(path));
        Self::of(name, config, tokenizer, Source::Gguf(file))
            .with_words(words)
            .checked()
    }

    fn open_folder(folder: Folder) -> Result<Self, ModelError> {
        let config = DecoderConfig::from_hugging_face(&folder.config()?)
            .map_err(|problem| folder.unusable(format!("{CONFIG}: {problem}")))?;
        let tokenizer = Tokenizer::open(folder.path())?;
        let words = Words::of_folder(&folder, &tokenizer)?;
        let name = name_of(folder.path());
        Self::of(
            name,
            config,
            tokenizer,
            Source::Folder(Shards::open(folder)?),
        )
        .with_words(words)
        .checked()
    }

    /// Without special tokens, a template or an adapter.
    fn of(name: String, config: DecoderConfig, tokenizer: Tokenizer, source: Source) -> Self {
        Self {
            name,
            config,
            tokenizer,
            template: None,
            bos: None,
            eos: None,
            add_bos: false,
            stops: Vec::new(),
            source,
            adapter: None,
        }
    }

    /// With the special tokens and the template that its files give it.
    fn with_words(mut self, words: Words) -> Self {
        let resolved = words.resolve(&self.tokenizer);
        (self.bos, self.eos) = (resolved.bos, resolved.eos);
        (self.add_bos, self.stops) = (resolved.add_bos, resolved.stops);
        self.template = words.template.or(self.template);
        self
    }

    /// Itself, if all that can be compared agrees.
    fn checked(self) -> Result<Self, ModelError> {
        self.source.check(&self.config)?;
        let (ids, rows) = (self.tokenizer.vocabulary(), self.config.vocabulary);
        match ids <= rows {
            true => Ok(self),
            false => Err(self.source.unusable(format!(
                "the tokenizer has {ids} entries, but the embedding has {rows} rows; they are of \
                 different models"
            ))),
        }
    }

    /// Bytes of the weights as they are stored.
    pub fn memory(&self) -> u64 {
        self.source.memory()
    }

    /// The parameter `name`, by Hugging Face's names of Llama whatever the file: such as
    /// `model.layers.0.self_attn.q_proj.weight`. Nothing else is read.
    ///
    /// # Errors
    /// The model has no such parameter, or its file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Stored, ModelError> {
        let missing = || self.source.unusable(format!("the model has no {name}"));
        self.optional(name)?.ok_or_else(missing)
    }

    /// The same; `None` if the model has no such parameter.
    pub fn optional(&self, name: &str) -> Result<Option<Stored>, ModelError> {
        let Some(stored) = self.source.read(&self.config, name)? else {
            return Ok(None);
        };
        let Some(adapter) = &self.adapter else {
            return Ok(Some(stored));
        };
        let changed = adapter.change(name, stored);
        changed.map(Some).map_err(|e| self.source.unusable(e))
    }

    /// The numbers of a parameter.
    ///
    /// # Errors
    /// As of [`Self::tensor`].
    pub fn values(&self, name: &str) -> Result<Vec<f32>, ModelError> {
        Ok(self.tensor(name)?.values())
    }
}

/// The last part of a path, without an ending.
fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or(path.into());
    let name = match path.is_dir() {
        true => path.file_name(),
        false => path.file_stem(),
    };
    name.map_or("model".into(), |name| name.to_string_lossy().into_owned())
}

/// The GGUF file that `source` means, if it means one.
fn gguf_of(source: &str, notify: &dyn Fn(&str)) -> Result<Option<PathBuf>, ModelError> {
    let path = Path::new(source);
    if path.is_dir() {
        return only_gguf(path);
    }
    if path
        .extension()
        .is_none_or(|e| !e.eq_ignore_ascii_case("gguf"))
    {
        return Ok(None);
    }
    if path.exists() {
        return Ok(Some(path.into()));
    }
    let parts: Vec<&str> = source.split('/').collect();
    let (owner, name, file) = match parts[..] {
        [owner, name, file] if !owner.is_empty() && !owner.starts_with('.') => (owner, name, file),
        _ => {
            return Err(ModelError::Weights {
                path: path.into(),
                problem: "no such file".into(),
            });
        }
    };
    let id = format!("{owner}/{name}");
    if let Some(found) = hub::cached(&id, file) {
        return Ok(Some(found));
    }
    notify(&format!("fetching {file} of {id} from the model hub"));
    match Repository::open(&id)?.find(file)? {
        Some(found) => Ok(Some(found)),
        None => Err(ModelError::Hub {
            id,
            problem: format!("it has no {file}"),
        }),
    }
}

/// The one GGUF file of a folder that has no other weights.
fn only_gguf(folder: &Path) -> Result<Option<PathBuf>, ModelError> {
    let unusable = |problem: String| ModelError::Pretrained {
        place: folder.into(),
        problem,
    };
    if [CONFIG, "adapter_config.json"]
        .iter()
        .any(|name| folder.join(name).exists())
    {
        return Ok(None);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| unusable(e.to_string()))? {
        let path = entry.map_err(|e| unusable(e.to_string()))?.path();
        if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("gguf"))
        {
            found.push(path);
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        n => Err(unusable(format!(
            "it has {n} GGUF files; pass the path of one"
        ))),
    }
}
