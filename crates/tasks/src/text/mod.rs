//! What the tasks that read texts share: which column holds them, tokens in batches, what a network
//! starts from.

mod columns;
mod setup;
mod tokens;

pub(crate) use columns::{is_running_text, text_column, text_table, texts, texts_to_answer};
pub(crate) use setup::{
    Setup, TOKENIZER, asked_model, characters_read, exported_in, kept_tokenizer, recipe, resolve,
    set_up, tokenizer_of, truncation_note,
};
pub(crate) use tokens::TokenSet;
