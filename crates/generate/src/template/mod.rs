//! How a conversation becomes the text that a model was trained on.
//!
//! Models bring their own template, in Jinja as `transformers` reads it. It comes from a stranger, so it
//! sees nothing but the messages, and its steps, the sizes of its values and the depth of its calls are
//! limited (`guard.rs`).

mod guard;
mod json;
mod library;
mod operators;
mod tools;

use crate::error::GenerateError;
use crate::message::Message;
use guard::Budget;
use minijinja::machinery::{Vm, get_compiled_template, make_string_output};
use minijinja::{AutoEscape, Environment, Error, Value};
use modelwright_models::{LanguageModel, Tokenizer};
use serde_json::json;
use std::fmt;
use std::sync::Arc;

/// What the template is called in its environment.
const NAME: &str = "chat template";
/// Most bytes of a template.
const LARGEST: usize = 256 * 1024;
/// Templates recurse on a thread of their own.
const STACK: usize = 256 << 20;
/// For models whose files have no template, but the tokens of this one (OpenAI's ChatML).
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + \
                      message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if \
                      add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// A model's way to write a conversation down; a copy shares the text.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    text: Arc<str>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// The template of a model; `None`: it has none, and knows no turns of a conversation.
    ///
    /// # Errors
    /// The template is too large or not Jinja.
    pub fn of(model: &LanguageModel) -> Result<Option<Self>, GenerateError> {
        let tokenizer = &model.tokenizer;
        let knows = |token: &str| tokenizer.id(token).is_some();
        let chatml = knows("<|im_start|>") && knows("<|im_end|>");
        let text = model.template.as_deref().or(chatml.then_some(CHATML));
        let token = |id: Option<u32>| id.map(|id| token(tokenizer, id)).unwrap_or_default();
        text.map(|text| Self::new(text, &token(model.bos), &token(model.eos)))
            .transpose()
    }

    /// A template by its text and the texts of the tokens that start and end a text.
    ///
    /// # Errors
    /// The template is too large or not Jinja.
    pub fn new(text: &str, bos: &str, eos: &str) -> Result<Self, GenerateError> {
        if text.len() > LARGEST {
            return Err(GenerateError::Template(format!(
                "it has {} bytes; at most {LARGEST} are read",
                text.len()
            )));
        }
        parsed(text).map_err(|e| said(&e))?;
        Ok(Self {
            text: text.into(),
            bos: bos.into(),
            eos: eos.into(),
        })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says itself how tools are told to the model. If not, they are told as Hermes does.
    pub fn knows_tools(&self) -> bool {
        self.text.contains("tools")
    }

    /// The text of a conversation; with `add_generation_prompt` up to where the answer begins.
    ///
    /// # Errors
    /// The template refuses the messages, does something that it may not do, or takes too long.
    pub fn render(
        &self,
        messages: &[Message],
        tools: Option<&serde_json::Value>,
        add_generation_prompt: bool,
    ) -> Result<String, GenerateError> {
        let told;
        let (messages, tools) = match self.knows_tools() {
            true => (messages, tools),
            false => {
                told = tools::told(messages, tools);
                (&told[..], None)
            }
        };
        let values = json!({
            "messages": messages.iter().map(value).collect::<Vec<_>>(),
            "tools": tools,
            "add_generation_prompt": add_generation_prompt,
            "bos_token": self.bos,
            "eos_token": self.eos,
        });
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("chat template".into())
                .stack_size(STACK)
                .spawn_scoped(scope, || render(&self.text, &values).map_err(|e| said(&e)))
                .map_err(|e| GenerateError::Own(format!("cannot start a thread: {e}")))?
                .join()
                .unwrap_or_else(|_| Err(GenerateError::Template("it failed; this is a bug".into())))
        })
    }
}

impl fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChatTemplate({} bytes)", self.text.len())
    }
}

/// The text of a token.
fn token(tokenizer: &Tokenizer, id: u32) -> String {
    let bytes = tokenizer.token_bytes(id).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A message as templates expect it: arguments of calls are objects, not text.
fn value(message: &Message) -> serde_json::Value {
    let mut value = json!({ "role": message.role, "content": message.content });
    let calls = message.tool_calls.iter().map(|call| {
        let arguments = &call.function.arguments;
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        json!({
            "id": call.id,
            "type": call.kind,
            "function": { "name": call.function.name, "arguments": arguments },
        })
    });
    if !message.tool_calls.is_empty() {
        value["tool_calls"] = calls.collect();
    }
    if let Some(id) = &message.tool_call_id {
        value["tool_call_id"] = json!(id);
    }
    if let Some(name) = &message.name {
        value["name"] = json!(name);
    }
    value
}

/// An environment with the template and nothing else.
fn parsed(text: &str) -> Result<Environment<'_>, Error> {
    let mut environment = Environment::empty();
    // As `transformers` sets them.
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template(NAME, text)?;
    Ok(environment)
}

fn render(text: &str, values: &serde_json::Value) -> Result<String, Error> {
    let budget = Arc::new(Budget::default());
    let mut environment = parsed(text)?;
    let steps = guard::steps(get_compiled_template(&environment.get_template(NAME)?));
    environment.set_fuel(Some(steps));
    library::add(&mut environment, &budget);
    operators::add(&mut environment, &budget);
    let template = environment.get_template(NAME)?;
    let compiled = get_compiled_template(&template);
    let instructions = guard::guarded(&compiled.instructions);
    let blocks = compiled.blocks.iter();
    let blocks = blocks
        .map(|(name, block)| (*name, guard::guarded(block)))
        .collect();
    let mut out = String::new();
    Vm::new(&environment).eval(
        &instructions,
        Value::from_serialize(values),
        &blocks,
        &mut make_string_output(&mut out),
        AutoEscape::None,
    )?;
    Ok(out)
}

/// What went wrong, with the place in the template.
fn said(error: &Error) -> GenerateError {
    let text = error
        .detail()
        .map_or_else(|| error.kind().to_string(), Into::into);
    GenerateError::Template(match error.line() {
        Some(line) => format!("{text} (line {line})"),
        None => text,
    })
}

#[cfg(test)]
mod tests;
