//! Answers of a certain form.
//!
//! A grammar says which bytes may come next; a trie of the vocabulary says which tokens those are, and
//! the others get no chance. The work is done by the crate `llguidance` (an Earley parser over a lexer
//! of regular-expression derivatives). Spaces between the tokens of JSON are not left to the model, which
//! could go on with them forever.

use crate::error::GenerateError;
use crate::scheduler::Vocabulary;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most bytes of a schema or grammar.
const LARGEST: usize = 256 * 1024;
/// The byte before the text of a special token, which no text holds.
const SPECIAL: u8 = 0xff;

/// What an answer must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// Any JSON object.
    JsonObject,
    /// JSON that a schema describes.
    JsonSchema(Value),
    /// A text of a grammar in `llguidance`'s form of Lark (`start: …`).
    Grammar(String),
}

impl Constraint {
    fn kind(&self) -> &'static str {
        match self {
            Constraint::JsonObject | Constraint::JsonSchema(_) => "JSON schema",
            Constraint::Grammar(_) => "grammar",
        }
    }

    fn grammar(&self) -> Result<TopLevelGrammar, String> {
        let schema = match self {
            Constraint::JsonObject => &json!({ "type": "object" }),
            Constraint::JsonSchema(schema) => schema,
            Constraint::Grammar(text) if text.len() > LARGEST => return Err(too_large(text.len())),
            Constraint::Grammar(text) => return Ok(TopLevelGrammar::from_lark(text.clone())),
        };
        let size = schema.to_string().len();
        if size > LARGEST {
            return Err(too_large(size));
        }
        if !schema.is_object() {
            return Err("it is not an object".into());
        }
        let mut schema = schema.clone();
        JsonCompileOptions {
            item_separator: ", ".into(),
            key_separator: ": ".into(),
            whitespace_flexible: false,
            ..JsonCompileOptions::default()
        }
        .apply_to(&mut schema);
        Ok(TopLevelGrammar::from_json_schema(schema))
    }
}

fn too_large(size: usize) -> String {
    format!("it has {size} bytes; give at most {LARGEST}")
}

/// Makes followers for one vocabulary.
pub(crate) struct Constraints {
    factory: ParserFactory,
    end: u32,
}

impl Constraints {
    /// `size`: how many numbers the model gives; those without a token are never allowed.
    pub fn new(vocabulary: &Vocabulary) -> Result<Self, GenerateError> {
        let size = vocabulary.tokenizer.vocabulary() as u32;
        let end = vocabulary.stops.first().copied();
        let end = end.ok_or_else(|| {
            GenerateError::asked(
                "this model has no token that ends an answer, so it cannot keep to a form",
                "use a model that was trained for chat",
            )
        })?;
        let words: Vec<Vec<u8>> = (0..size).map(|id| word(vocabulary, id)).collect();
        let trie = TokTrie::from(&TokRxInfo::new(size, end), &words);
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new_simple(&environment)
            .map_err(|e| GenerateError::Own(format!("the vocabulary cannot be searched: {e}")))?;
        factory.quiet();
        Ok(Self { factory, end })
    }

    /// One that starts at the beginning of an answer.
    pub fn follower(&self, constraint: &Constraint) -> Result<Follower, GenerateError> {
        let kind = constraint.kind();
        let fail = |problem: String| GenerateError::Constraint { kind, problem };
        let grammar = constraint.grammar().map_err(fail)?;
        let parser = self.factory.create_parser(grammar);
        let parser = parser.map_err(|e| fail(first_line(&e.to_string())))?;
        Ok(Follower {
            matcher: Matcher::new(Ok(parser)),
            end: self.end,
        })
    }
}

/// The bytes of a token as the trie wants them.
fn word(vocabulary: &Vocabulary, id: u32) -> Vec<u8> {
    let bytes = vocabulary.bytes(id);
    if vocabulary.tokenizer.is_special(id) || vocabulary.stops.contains(&id) {
        let mut marked = vec![SPECIAL];
        marked.extend(bytes);
        return marked;
    }
    bytes
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("it is not understood").into()
}

/// Where in its grammar an answer is.
pub(crate) struct Follower {
    matcher: Matcher,
    end: u32,
}

impl Follower {
    /// The tokens that may come next.
    pub fn mask(&mut self) -> Result<SimpleVob, GenerateError> {
        self.matcher
            .compute_mask()
            .map_err(|e| stuck(&e.to_string()))
    }

    /// The token in a mask that stands for the end.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Goes on by a token that the mask allowed.
    pub fn follow(&mut self, token: u32) -> Result<(), GenerateError> {
        self.matcher
            .consume_token(token)
            .map_err(|e| stuck(&e.to_string()))
    }

    /// Nothing can follow any more.
    pub fn is_complete(&self) -> bool {
        self.matcher.is_stopped()
    }
}

fn stuck(problem: &str) -> GenerateError {
    GenerateError::Own(format!(
        "the constraint cannot be followed: {}",
        first_line(problem)
    ))
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Follower")
    }
}
