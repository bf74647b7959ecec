//! How much memory a model takes, before it takes it.

use crate::cache::Pages;
use crate::error::GenerateError;
use crate::net::{Net, page_bytes};
use crate::options::EngineOptions;
use modelwright_models::{DecoderConfig, LanguageModel};
use std::fs;
use std::path::Path;

/// Most rows of a step: pieces of prompts are no longer than this.
pub(crate) const ROWS: usize = 256;
/// Most tokens of a conversation, unless asked otherwise.
const CONTEXT: usize = 4096;
/// What the program itself takes, and tokens on their way: tokenizer, chat template, threads.
const REST: u64 = 48 << 20;

/// What a model takes, in bytes, predicted before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Weights as they are stored.
    pub weights: u64,
    /// Keys and values of the cache.
    pub cache: u64,
    /// Activations and logits of a step, and the rest of the engine.
    pub buffers: u64,
    /// What may be used: of this machine, or as asked.
    pub available: u64,
}

impl Memory {
    /// What a model will take with some options.
    ///
    /// # Errors
    /// The options make no sense for this model.
    pub fn predict(model: &LanguageModel, options: &EngineOptions) -> Result<Self, GenerateError> {
        let sizes = Sizes::of(&model.config, options)?;
        Ok(Self {
            weights: model.memory(),
            cache: sizes.pages as u64 * page_bytes(&model.config),
            buffers: Net::buffer_bytes(&model.config, ROWS, options.slots) + REST,
            available: options.memory.unwrap_or_else(available),
        })
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.cache + self.buffers
    }

    /// Refuses what does not fit, with figures and a way out.
    pub(crate) fn check(
        &self,
        model: &LanguageModel,
        options: &EngineOptions,
    ) -> Result<(), GenerateError> {
        if self.total() <= self.available {
            return Ok(());
        }
        let fixed = self.weights + self.buffers;
        let left = self.available.saturating_sub(fixed);
        let pages = (left / page_bytes(&model.config)) as usize;
        let tokens = pages.saturating_sub(1) / options.slots * crate::cache::PAGE;
        let advice = if tokens >= 256 {
            format!("a context of {tokens} tokens fits; or use fewer slots or a smaller model")
        } else {
            "use a smaller model, or the same one quantized to fewer bits".into()
        };
        let Sizes { context, .. } = Sizes::of(&model.config, options)?;
        Err(GenerateError::Memory(format!(
            "`{}` needs {} of memory (weights {}, cache for {} conversations of {context} tokens {}, \
             buffers {}), but {} may be used; {advice}",
            model.name,
            megabytes(self.total()),
            megabytes(self.weights),
            options.slots,
            megabytes(self.cache),
            megabytes(self.buffers),
            megabytes(self.available),
        )))
    }
}

/// What follows from options and a model.
pub(crate) struct Sizes {
    /// Tokens of a conversation.
    pub context: usize,
    /// Pages of the cache.
    pub pages: usize,
}

impl Sizes {
    pub fn of(config: &DecoderConfig, options: &EngineOptions) -> Result<Self, GenerateError> {
        let most = config.positions;
        let context = options.context.unwrap_or(most.min(CONTEXT));
        if !(8..=most).contains(&context) {
            return Err(GenerateError::asked(
                format!("a context of {context} tokens is asked for"),
                format!("this model reads 8 to {most}"),
            ));
        }
        if !(1..=ROWS).contains(&options.slots) {
            return Err(GenerateError::asked(
                format!("{} slots are asked for", options.slots),
                format!("give 1 to {ROWS}"),
            ));
        }
        let one = Pages::needed(context);
        // One page more: a copy of a shared one is made before that is given back.
        let pages = match options.cache {
            None => one.saturating_mul(options.slots),
            Some(tokens) => Pages::needed(tokens).max(one),
        };
        Ok(Self {
            context,
            pages: pages.saturating_add(1),
        })
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Bytes that this process may still take: what the system has available, or less if its control group
/// allows less. Where neither says so, all that can be counted.
fn available() -> u64 {
    let system = fs::read_to_string("/proc/meminfo").ok();
    let system = system.and_then(|text| meminfo(&text)).unwrap_or(u64::MAX);
    system.min(group(Path::new("/sys/fs/cgroup")).unwrap_or(u64::MAX))
}

/// `MemAvailable`, in bytes.
fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// What is left of the limit of a control group, version 2 or 1.
fn group(root: &Path) -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        fs::read_to_string(root.join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    let left = |limit: &str, used: &str| -> Option<u64> {
        Some(number(limit)?.saturating_sub(number(used)?))
    };
    left("memory.max", "memory.current").or_else(|| {
        left(
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(meminfo(text), Some(2048 * 1024));
        assert_eq!(meminfo("nothing"), None);
    }

    #[test]
    fn limits_of_control_groups_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        fs::write(folder.path().join("memory.current"), "100\n").unwrap();
        assert_eq!(group(folder.path()), None);
        fs::write(folder.path().join("memory.max"), "1000\n").unwrap();
        assert_eq!(group(folder.path()), Some(900));
    }

    #[test]
    fn sizes_are_told_in_words() {
        assert_eq!(megabytes(1), "1 MB");
        assert_eq!(megabytes(12_345_678_901), "12.3 GB");
    }
}
