//! What a model wants around its texts, such as `[CLS] question [SEP] text [SEP]`.

use tokenizers::{Encoding, Token};

/// A place in what a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A special token.
    Special {
        /// Its number.
        id: u32,
        /// Of which of the texts the model counts it.
        kind: u32,
    },
    /// All tokens of a text.
    Text {
        /// 0 for the first text, 1 for the second.
        which: usize,
        /// As which of the texts the model counts it.
        kind: u32,
    },
}

impl Slot {
    /// The type of its tokens.
    pub fn kind(self) -> u32 {
        match self {
            Self::Special { kind, .. } | Self::Text { kind, .. } => kind,
        }
    }
}

/// How many special tokens there are.
pub(super) fn special(slots: &[Slot]) -> usize {
    let is_special = |slot: &&Slot| matches!(slot, Slot::Special { .. });
    slots.iter().filter(is_special).count()
}

/// What the tokenizer puts around one text or around two, found out with texts of a single token.
pub(super) fn read(
    inner: &tokenizers::Tokenizer,
    pair: bool,
    vocabulary: usize,
) -> Result<Vec<Slot>, String> {
    let probe = || Encoding::from_tokens(vec![Token::new(0, String::new(), (0, 0))], 0);
    let whole = inner
        .post_process(probe(), pair.then(probe), true)
        .map_err(|e| format!("its `post_processor` cannot be used ({e})"))?;
    let texts = whole.get_sequence_ids();
    let facts = whole.get_ids().iter().zip(whole.get_type_ids()).zip(texts);
    let slots: Vec<Slot> = facts
        .map(|((id, kind), text)| match text {
            Some(which) => Slot::Text { which, kind: *kind },
            None => Slot::Special {
                id: *id,
                kind: *kind,
            },
        })
        .collect();
    for slot in &slots {
        if let Slot::Special { id, .. } = slot
            && *id as usize >= vocabulary
        {
            return Err(format!(
                "it puts token {id} around texts, but has only {vocabulary} tokens"
            ));
        }
    }
    let times = |n: usize| {
        let is_it = |slot: &&Slot| matches!(slot, Slot::Text { which, .. } if *which == n);
        slots.iter().filter(is_it).count()
    };
    match (times(0), times(1), pair) {
        (1, 1, true) | (1, 0, false) => Ok(slots),
        _ => Err("its `post_processor` does not use each text once".into()),
    }
}
