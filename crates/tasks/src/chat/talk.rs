//! How conversations are written for models that were trained on none.

/// The tokens of a conversation that a tokenizer of our own has: the first ends a text.
pub(super) const SPECIAL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
/// Ends a turn.
pub(super) const END_OF_TURN: &str = SPECIAL[2];
/// Ends a text.
pub(super) const END_OF_TEXT: &str = SPECIAL[0];

/// ChatML: `<|im_start|>role`, a line break, what is said, `<|im_end|>`.
pub(super) const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' \
     + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}\
     {{ '<|im_start|>assistant\\n' }}{% endif %}";

/// The same in words, for a vocabulary without such tokens; a turn of the assistant ends as texts do.
pub(super) const WORDS: &str = "{% for message in messages %}{{ message['role'] | capitalize }}: \
     {{ message['content'] }}{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}\
     {{ '\\n' }}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}";
