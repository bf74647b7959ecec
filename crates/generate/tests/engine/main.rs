//! The engine on real weights (SmolLM2-135M-Instruct): it equals itself whatever runs beside, and
//! llama.cpp.

mod batching;
mod constraints;
mod conversation;
mod limits;
mod llama_cpp;

use modelwright_generate::{
    ChatSettings, Engine, EngineOptions, Event, Finish, GenerateError, Message, Reply, Request,
    Sampling, Usage,
};
use modelwright_models::LanguageModel;
use std::path::PathBuf;
use std::sync::OnceLock;

const FILE: &str = "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

/// SmolLM2, or a note that the test is skipped.
fn model() -> Option<LanguageModel> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let root = std::env::var_os("MODELWRIGHT_TEST_DATA").map(PathBuf::from);
    let root = root.or_else(|| Some(cache.or_else(home)?.join("modelwright/test-data")))?;
    let file = root.join(FILE);
    if !file.exists() {
        println!(
            "skipped: no {}; run scripts/fetch-test-data",
            file.display()
        );
        return None;
    }
    Some(LanguageModel::open(&file.display().to_string(), &|_| {}).unwrap())
}

fn options() -> EngineOptions {
    EngineOptions {
        context: Some(1024),
        slots: 4,
        threads: 2,
        ..EngineOptions::default()
    }
}

fn engine_with(options: EngineOptions) -> Option<Engine> {
    Some(Engine::load(model()?, options).unwrap())
}

/// One engine for tests that need no other options.
fn engine() -> Option<Engine> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    ENGINE.get_or_init(|| engine_with(options())).clone()
}

/// A question as tokens.
fn prompt(engine: &Engine, question: &str) -> Vec<u32> {
    let messages = [Message::user(question)];
    engine
        .prompt(&messages, &ChatSettings::default())
        .unwrap()
        .0
}

fn request(engine: &Engine, question: &str, tokens: usize) -> Request {
    Request {
        prompt: prompt(engine, question),
        sampling: Sampling::greedy(),
        max_tokens: Some(tokens),
        ..Request::default()
    }
}

fn text(reply: Reply) -> String {
    reply.text().unwrap().0
}

const QUESTIONS: [&str; 6] = [
    "What is the capital of France?",
    "Write a short poem about the sea.",
    "Explain what a bicycle is.",
    "Name three colours.",
    "How do I boil an egg?",
    "Who wrote Hamlet?",
];
