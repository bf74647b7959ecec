//! `serve`.

use super::served::{Given, given};
use super::{bundle_folder, text};
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use modelwright_generate::EngineOptions;
use modelwright_serve::access::protect;
use modelwright_serve::chat::ChatModels;
use modelwright_serve::security::{Origin, Origins, allow_origins, harden};
use modelwright_serve::server::{Bind, run as listen};
use modelwright_serve::telemetry::{self, LogForm};
use modelwright_serve::{
    Access, App, Limits, Models, ServeError, no_such_address, router, use_threads,
};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The arguments of `modelwright serve`.
pub fn command() -> Command {
    Command::new("serve")
        .about("Answer with predictions, and talk, over HTTP")
        .after_help(
            "A bundle that is replaced is loaded while the old one answers. Language models (a GGUF file, a \
             folder or hub id of Hugging Face's, a run of the task chat) and assistants talk as OpenAI's API \
             does. Examples:\n  \
             modelwright serve digits-mlp-1\n  \
             modelwright serve shop=runs/goods-resnet18-2 prices=ames/ --port 9000\n  \
             modelwright serve smollm2.gguf help=shop-assistant/ --allow-origin https://shop.example\n  \
             modelwright serve shop=goods-1 --canary shop=goods-2:10\n  \
             modelwright serve goods-1 --host 0.0.0.0 --token-file tokens.json --cert c.pem --key k.pem",
        )
        .arg(
            Arg::new("bundles")
                .value_name("[NAME=]MODEL")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::DirPath)
                .help("Bundles, runs, language models or assistants, and the names to serve them under"),
        )
        .arg(
            Arg::new("name")
                .long("name")
                .help("Name to serve the only bundle under [default: its run's]"),
        )
        .arg(
            Arg::new("canary")
                .long("canary")
                .value_name("NAME=BUNDLE:PERCENT")
                .action(ArgAction::Append)
                .help("Another version of a model, for a share of its requests"),
        )
        .args(address_args("8000"))
        .arg(allow_origin())
        .args(chat_args())
        .args(limit_args())
        .arg(
            Arg::new("log")
                .long("log")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("Form of the log on standard error; MODELWRIGHT_LOG sets how much is told"),
        )
}

/// Where and how safely to listen.
pub fn address_args(port: &'static str) -> Vec<Arg> {
    vec![
        Arg::new("host")
            .long("host")
            .default_value("127.0.0.1")
            .value_parser(value_parser!(IpAddr))
            .help("Address to listen on"),
        Arg::new("port")
            .long("port")
            .default_value(port)
            .value_parser(value_parser!(u16))
            .help("Port to listen on; 0 takes a free one"),
        Arg::new("token-file")
            .long("token-file")
            .value_hint(ValueHint::FilePath)
            .help("Answer only requests with a token of this file (`modelwright token create`)"),
        Arg::new("cert")
            .long("cert")
            .requires("key")
            .value_hint(ValueHint::FilePath)
            .help("Certificate chain for TLS, in PEM"),
        Arg::new("key")
            .long("key")
            .requires("cert")
            .value_hint(ValueHint::FilePath)
            .help("Its private key, in PEM"),
        Arg::new("insecure")
            .long("insecure")
            .action(ArgAction::SetTrue)
            .help("Listen on a public address even without tokens or TLS"),
    ]
}

/// The web sites whose pages may ask models.
pub fn allow_origin() -> Arg {
    Arg::new("allow-origin")
        .long("allow-origin")
        .value_name("SITE")
        .action(ArgAction::Append)
        .value_parser(value_parser!(Origin))
        .help(
            "Let pages of this web site ask models, such as https://shop.example (for /widget.js)",
        )
}

/// How language models are loaded.
pub fn chat_args() -> Vec<Arg> {
    let usual = EngineOptions::default();
    vec![
        Arg::new("context")
            .long("context")
            .value_name("TOKENS")
            .value_parser(value_parser!(u32).range(16..))
            .help("Most tokens of a conversation [default: what the model was trained for, 4096 at most]"),
        Arg::new("conversations")
            .long("conversations")
            .value_name("N")
            .value_parser(value_parser!(u32).range(1..=256))
            .default_value(usual.slots.to_string())
            .help("Conversations that a language model writes at once; others wait"),
        Arg::new("memory-mb")
            .long("memory-mb")
            .value_name("N")
            .value_parser(value_parser!(u64).range(1..))
            .help("Most memory for a language model, in MiB [default: what is free]"),
    ]
}

/// What those arguments say.
pub fn engine_options(m: &ArgMatches, threads: Option<usize>) -> EngineOptions {
    let usual = EngineOptions::default();
    let number = |name| m.get_one::<u32>(name).map(|n| *n as usize);
    EngineOptions {
        context: number("context"),
        slots: number("conversations").unwrap_or(usual.slots),
        memory: m.get_one::<u64>("memory-mb").map(|mb| mb << 20),
        threads: threads.unwrap_or(usual.threads),
        ..usual
    }
}

fn limit_args() -> Vec<Arg> {
    let usual = Limits::default();
    let number = |name: &'static str, help: &'static str, default: u128| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(default.to_string())
            .value_parser(value_parser!(u32).range(1..))
            .help(help)
    };
    vec![
        number(
            "max-batch",
            "Most examples that go through a model at once",
            usual.batch_size as u128,
        ),
        number(
            "max-delay-ms",
            "Longest wait for further requests that are on their way",
            usual.batch_delay.as_millis(),
        )
        .value_parser(value_parser!(u32)),
        number(
            "queue",
            "Most examples that wait for a model; more are sent away with status 429",
            usual.queue as u128,
        ),
        number(
            "max-body-mb",
            "Largest request, in MiB",
            (usual.body_bytes >> 20) as u128,
        ),
        number(
            "timeout-s",
            "Longest time for one request, in seconds",
            u128::from(usual.request_time.as_secs()),
        ),
        number(
            "answer-tokens",
            "Most tokens that a model writes in one answer",
            usual.answer_tokens as u128,
        ),
        number(
            "answer-s",
            "Longest time for one written answer, in seconds",
            u128::from(usual.answer_time.as_secs()),
        ),
        Arg::new("threads")
            .long("threads")
            .value_name("N")
            .value_parser(value_parser!(u32).range(1..))
            .help("Threads that models compute on [default: all processors]"),
    ]
}

/// `modelwright serve`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let form = match text(m, "log") {
        Some("json") => LogForm::Json,
        _ => LogForm::Text,
    };
    let (bind, access) = guarded(m)?;
    let threads = m.get_one::<u32>("threads").map(|n| *n as usize);
    if let Some(threads) = threads {
        use_threads(threads)?;
    }
    let given = given(m, runs)?;
    telemetry::start(form)?;
    let limits = limits(m);
    let models = Models::new(limits.clone());
    let chat = ChatModels::new(&limits, models.metrics());
    for (name, model) in &given {
        match model {
            Given::Bundle(path) => models.add(name, path)?,
            Given::Talks(source) => chat.load(name, source, &engine_options(m, threads))?,
        }
    }
    for canary in m.get_many::<String>("canary").into_iter().flatten() {
        let (name, path, percent) = canary_of(canary, runs)?;
        models.add_canary(&name, &path, percent)?;
    }
    let app = App {
        chat,
        origins: origins(m),
        ..App::new(models, access, bind.tls.is_some())
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(serve(app, bind, &limits))?;
    Ok(())
}

async fn serve(app: App, bind: Bind, limits: &Limits) -> Result<(), ServeError> {
    let routes = router(app.clone()).fallback(no_such_address);
    let routes = protect(routes, app.access.clone(), app.metrics.clone());
    let routes = harden(routes, limits, app.metrics.clone());
    let routes = allow_origins(routes, app.origins.clone());
    let talking = app.chat.clone();
    let stop = async move {
        stop_signal().await;
        talking.close();
    };
    listen(bind, routes, limits, stop, |address| greet(&app, address)).await?;
    app.models.drain().await;
    Ok(())
}

/// Says where the server is and what to try.
fn greet(app: &App, address: SocketAddr) {
    let scheme = if app.tls { "https" } else { "http" };
    println!("serving on {scheme}://{address} (all addresses: {scheme}://{address}/docs)");
    for model in app.models.list() {
        println!("  {}: {}", model.name, model.task);
    }
    for model in app.chat.list() {
        println!("  {}: {}", model.name(), model.about().task);
    }
    if let Some(command) = app.first_command(address) {
        println!("try it:\n  {command}");
    }
}

/// Ctrl-C, or what service managers send.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a way to be told, the server runs until it is killed.
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What those arguments say: where to listen, if that is safe, and to whom.
pub fn guarded(m: &ArgMatches) -> Result<(Bind, Access)> {
    let bind = bind(m);
    bind.check()?;
    let access = match text(m, "token-file") {
        Some(file) => Access::tokens(Path::new(file))?,
        None => Access::Open,
    };
    Ok((bind, access))
}

fn bind(m: &ArgMatches) -> Bind {
    let host = m.get_one::<IpAddr>("host").copied();
    let port = m.get_one::<u16>("port").copied();
    let file = |name| text(m, name).map(PathBuf::from);
    Bind {
        address: SocketAddr::new(
            host.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port.unwrap_or_default(),
        ),
        tls: file("cert").zip(file("key")),
        tokens: m.contains_id("token-file"),
        insecure: m.get_flag("insecure"),
    }
}

fn limits(m: &ArgMatches) -> Limits {
    let number = |name| u64::from(m.get_one::<u32>(name).copied().unwrap_or(1));
    Limits {
        batch_size: number("max-batch") as usize,
        batch_delay: Duration::from_millis(number("max-delay-ms")),
        queue: number("queue") as usize,
        body_bytes: (number("max-body-mb") as usize) << 20,
        request_time: Duration::from_secs(number("timeout-s")),
        answer_time: Duration::from_secs(number("answer-s")),
        answer_tokens: number("answer-tokens") as usize,
        ..Limits::default()
    }
}

/// The web sites that were named.
pub fn origins(m: &ArgMatches) -> Origins {
    let named = m.get_many::<Origin>("allow-origin").into_iter().flatten();
    named.cloned().collect()
}

/// `NAME=BUNDLE:PERCENT`.
fn canary_of(given: &str, runs: &Path) -> Result<(String, PathBuf, u8)> {
    let parts = given.split_once('=').and_then(|(name, rest)| {
        let (bundle, percent) = rest.rsplit_once(':')?;
        Some((name, bundle, percent.parse().ok()?))
    });
    let Some((name, bundle, percent)) = parts else {
        return Err(ServeError::setup(
            format!("`{given}` is no canary"),
            "give NAME=BUNDLE:PERCENT, such as shop=goods-2:10",
        )
        .into());
    };
    Ok((name.into(), bundle_folder(bundle, runs)?, percent))
}
