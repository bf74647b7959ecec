//! `chat`.

use super::{bundle_folder, text};
use crate::args::{self, quiet};
use crate::{Exit, output};
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use modelwright_generate::{
    ChatSettings, Constraint, Engine, EngineOptions, Event, Finish, Message, Reply, Sampling, Usage,
};
use modelwright_models::LanguageModel;
use serde_json::json;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The arguments of `modelwright chat`.
pub fn command() -> Command {
    Command::new("chat")
        .about("Talk with a language model, or let it continue a text")
        .after_help(
            "Without PROMPT a conversation begins: /new forgets it, /exit ends it, Ctrl-C stops an \
             answer. A model that was not trained for chat continues the text. Examples:\n  \
             modelwright chat SmolLM2-135M-Instruct.Q4_1.gguf\n  \
             modelwright chat Qwen/Qwen3-0.6B \"What is a bundle?\" --temperature 0\n  \
             cat letter.txt | modelwright chat shop-chat-1 --system \"Answer this letter.\"\n  \
             modelwright chat model.gguf \"A person\" --schema person.json --json",
        )
        .arg(model())
        .arg(Arg::new("prompt").help("What to say; without it a conversation begins"))
        .arg(
            Arg::new("system")
                .long("system")
                .value_name("TEXT")
                .help("How the model is to behave"),
        )
        .args(sampling_args())
        .arg(
            Arg::new("max-tokens")
                .long("max-tokens")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help("Most tokens of an answer [default: what the context has room for]"),
        )
        .arg(
            Arg::new("stop")
                .long("stop")
                .value_name("TEXT")
                .action(ArgAction::Append)
                .help("End an answer before this text"),
        )
        .arg(
            Arg::new("schema")
                .long("schema")
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help("Answer in JSON of this JSON schema"),
        )
        .args(engine_args())
        .arg(
            args::json()
                .help("Print each answer as a line of JSON, with tokens and times, for scripts"),
        )
        .arg(quiet())
}

/// The model of `chat` and `bench-chat`.
pub fn model() -> Arg {
    Arg::new("model")
        .required(true)
        .value_hint(ValueHint::AnyPath)
        .help("A GGUF file, a Hugging Face folder, a hub id, a bundle or the name of a run")
}

/// How a model is loaded.
pub fn engine_args() -> [Arg; 2] {
    [
        Arg::new("context")
            .long("context")
            .value_name("N")
            .value_parser(value_parser!(u32).range(1..))
            .help("Most tokens of a conversation [default: what the model reads, at most 4096]"),
        Arg::new("threads")
            .long("threads")
            .value_name("N")
            .value_parser(value_parser!(u32).range(1..=1024))
            .help("Threads that compute [default: one a core]"),
    ]
}

fn sampling_args() -> Vec<Arg> {
    let number = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("X")
            .value_parser(value_parser!(f32))
            .help(help)
    };
    vec![
        number(
            "temperature",
            "0: the most probable token; higher: more surprising [default: 0.7]",
        ),
        number(
            "top-p",
            "Draw from the fewest tokens of this probability [default: 0.95]",
        ),
        number(
            "min-p",
            "Draw from tokens of this share of the best one's probability [default: 0]",
        ),
        number("repetition-penalty", "Above 1: repeat less [default: 1]"),
        Arg::new("top-k")
            .long("top-k")
            .value_name("N")
            .value_parser(value_parser!(u32))
            .help("Draw from the N most probable tokens [default: all]"),
        Arg::new("seed")
            .long("seed")
            .value_name("N")
            .value_parser(value_parser!(u64))
            .help("The same seed gives the same answer [default: another one each time]"),
    ]
}

/// `modelwright chat`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<Exit> {
    let settings = settings(m)?;
    let name = text(m, "model").unwrap_or_default();
    let loud = !m.get_flag("quiet") && std::io::stderr().is_terminal();
    let one = EngineOptions {
        slots: 1,
        ..EngineOptions::default()
    };
    let engine = open(name, runs, m, loud, one)?;
    let mut talk = Talk {
        messages: text(m, "system").map(Message::system).into_iter().collect(),
        engine,
        settings,
        json: m.get_flag("json"),
        loud,
        interrupts: Interrupts::listen()?,
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start")?,
    };
    if let Some(prompt) = text(m, "prompt") {
        return talk.once(prompt);
    }
    if !std::io::stdin().is_terminal() {
        let mut prompt = String::new();
        std::io::stdin()
            .read_to_string(&mut prompt)
            .context("standard input is no text")?;
        return talk.once(prompt.trim_end());
    }
    talk.on()
}

/// Loads a model.
pub fn open(
    name: &str,
    runs: &Path,
    m: &ArgMatches,
    loud: bool,
    own: EngineOptions,
) -> Result<Engine> {
    let folder = bundle_folder(name, runs)?;
    let bundle = folder.join("bundle");
    let place = if bundle.is_dir() { bundle } else { folder };
    let say = |what: &str| {
        if loud {
            eprintln!("{what}");
        }
    };
    let model = LanguageModel::open(&place.display().to_string(), &say)?;
    let number = |name| m.get_one::<u32>(name).map(|n| *n as usize);
    let options = EngineOptions {
        context: number("context"),
        threads: number("threads").unwrap_or(0),
        ..own
    };
    Ok(Engine::load(model, options)?)
}

fn settings(m: &ArgMatches) -> Result<ChatSettings> {
    let usual = Sampling::default();
    let number = |name| m.get_one::<f32>(name).copied();
    let sampling = Sampling {
        temperature: number("temperature").unwrap_or(usual.temperature),
        top_p: number("top-p").unwrap_or(usual.top_p),
        min_p: number("min-p").unwrap_or(usual.min_p),
        repetition_penalty: number("repetition-penalty").unwrap_or(usual.repetition_penalty),
        top_k: m
            .get_one::<u32>("top-k")
            .map_or(usual.top_k, |k| *k as usize),
        seed: m.get_one::<u64>("seed").copied(),
    };
    sampling.check()?;
    let schema = text(m, "schema").map(|file| -> Result<Constraint> {
        let schema =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        let schema =
            serde_json::from_str(&schema).with_context(|| format!("{file} is not JSON"))?;
        Ok(Constraint::JsonSchema(schema))
    });
    Ok(ChatSettings {
        sampling,
        stop: m
            .get_many::<String>("stop")
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        max_tokens: m.get_one::<u32>("max-tokens").map(|n| *n as usize),
        constraint: schema.transpose()?,
        ..ChatSettings::default()
    })
}

/// Ctrl-C ends an answer, or the program where there is none.
#[derive(Clone)]
struct Interrupts {
    answering: Arc<AtomicBool>,
    pressed: Arc<Notify>,
}

impl Interrupts {
    fn listen() -> Result<Self> {
        let own = Self {
            answering: Arc::default(),
            pressed: Arc::default(),
        };
        let heard = own.clone();
        ctrlc::set_handler(move || {
            if heard.answering.load(Ordering::SeqCst) {
                heard.pressed.notify_one();
            } else {
                std::process::exit(i32::from(crate::INTERRUPTED));
            }
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(own)
    }
}

/// An answer that was shown.
struct Told {
    text: String,
    /// None: it was stopped.
    finish: Option<(Finish, Usage)>,
    /// Until the first text, and all of it.
    first: Duration,
    all: Duration,
}

struct Talk {
    engine: Engine,
    settings: ChatSettings,
    messages: Vec<Message>,
    json: bool,
    loud: bool,
    interrupts: Interrupts,
    runtime: tokio::runtime::Runtime,
}

impl Talk {
    /// One answer.
    fn once(&mut self, prompt: &str) -> Result<Exit> {
        let told = self.answer(prompt)?;
        Ok(match told.finish {
            Some(_) => Exit::Done,
            None => Exit::Interrupted,
        })
    }

    /// A conversation, until the person ends it.
    fn on(&mut self) -> Result<Exit> {
        if self.loud {
            let context = self.engine.context();
            eprintln!(
                "{}, context {context} tokens. /new forgets, /exit ends.",
                self.engine.name()
            );
        }
        let start = self.messages.len();
        loop {
            let Some(said) = asked()? else {
                return Ok(Exit::Done);
            };
            match said.trim() {
                "" => {}
                "/exit" | "/quit" => return Ok(Exit::Done),
                "/new" => self.messages.truncate(start),
                said => {
                    // A message that is too long, say, does not end the conversation.
                    if let Err(error) = self.answer(said) {
                        output::error(&error);
                    }
                }
            }
        }
    }

    /// Asks, shows the answer as it comes, and keeps both.
    fn answer(&mut self, said: &str) -> Result<Told> {
        self.messages.push(Message::user(said));
        let started = Instant::now();
        let reply = self.ask(said).inspect_err(|_| {
            self.messages.pop();
        })?;
        let (dropped, prompt, seed) = (
            reply.dropped_messages(),
            reply.prompt_tokens(),
            reply.seed(),
        );
        if dropped > 0 && self.loud {
            eprintln!("(the {dropped} oldest messages no longer fit and were left out)");
        }
        self.interrupts.answering.store(true, Ordering::SeqCst);
        let told = self.runtime.block_on(self.show(reply, started));
        self.interrupts.answering.store(false, Ordering::SeqCst);
        let told = told.inspect_err(|_| {
            self.messages.pop();
        })?;
        self.messages.push(Message::assistant(&told.text));
        self.sum_up(&told, prompt, dropped, seed)?;
        Ok(told)
    }

    fn ask(&self, said: &str) -> Result<Reply> {
        if self.engine.template().is_some() {
            return Ok(self.engine.chat(&self.messages, &self.settings)?);
        }
        let request = self.settings.request(self.engine.tokens(said));
        Ok(self.engine.submit(request)?)
    }

    async fn show(&self, mut reply: Reply, started: Instant) -> Result<Told> {
        let mut told = Told {
            text: String::new(),
            finish: None,
            first: Duration::ZERO,
            all: Duration::ZERO,
        };
        loop {
            let event = tokio::select! {
                event = reply.next() => event,
                () = self.interrupts.pressed.notified() => None,
            };
            told.all = started.elapsed();
            match event {
                Some(Event::Text { text, .. }) => {
                    if told.text.is_empty() {
                        told.first = started.elapsed();
                    }
                    if !self.json {
                        print!("{text}");
                        std::io::stdout().flush()?;
                    }
                    told.text.push_str(&text);
                }
                Some(Event::Done { reason, usage }) => {
                    told.finish = Some((reason, usage));
                    return Ok(told);
                }
                Some(Event::Failed(error)) => return Err(error.into()),
                None => return Ok(told),
            }
        }
    }

    /// What is told after an answer.
    fn sum_up(&self, told: &Told, prompt: usize, dropped: usize, seed: u64) -> Result<()> {
        let usage = told.finish.map(|(_, usage)| usage);
        let written = usage.map_or(0, |u| u.completion);
        // The first token comes with the prompt; the others take the rest of the time.
        let seconds = (told.all - told.first).as_secs_f64();
        let speed = (written > 1 && seconds > 0.0).then(|| (written - 1) as f64 / seconds);
        if self.json {
            let line = json!({
                "answer": told.text,
                "finish": told.finish.map(|(finish, _)| finish),
                "usage": usage,
                "dropped_messages": dropped,
                "seed": seed,
                "seconds": told.all.as_secs_f64(),
                "seconds_to_first_text": told.first.as_secs_f64(),
                "tokens_per_second": speed,
            });
            println!("{line}");
            return Ok(());
        }
        if !told.text.ends_with('\n') {
            println!();
        }
        if self.loud {
            let speed = speed.map_or(String::new(), |s| format!(", {s:.1} tokens/s"));
            let ended = match told.finish {
                None => "; stopped",
                Some((Finish::Length, _)) => "; no more room",
                Some(_) => "",
            };
            eprintln!(
                "[{prompt} tokens read in {:.1} s, {written} written{speed}{ended}]",
                told.first.as_secs_f64()
            );
        }
        Ok(())
    }
}

/// What a person types; a line that ends with `\` goes on. `None`: there is no more.
fn asked() -> Result<Option<String>> {
    let mut all = String::new();
    loop {
        eprint!("{}", if all.is_empty() { "> " } else { "… " });
        let mut line = String::new();
        if std::io::stdin()
            .read_line(&mut line)
            .context("standard input is no text")?
            == 0
        {
            eprintln!();
            return Ok((!all.is_empty()).then_some(all));
        }
        let line = line.trim_end_matches(['\n', '\r']);
        match line.strip_suffix('\\') {
            Some(begun) => {
                all.push_str(begun);
                all.push('\n');
            }
            None => {
                all.push_str(line);
                return Ok(Some(all));
            }
        }
    }
}
