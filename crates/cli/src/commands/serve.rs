//! `serve`.

use super::{bundle_folder, text};
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use modelwright_serve::access::protect;
use modelwright_serve::security::harden;
use modelwright_serve::server::{Bind, run as listen};
use modelwright_serve::telemetry::{self, LogForm};
use modelwright_serve::{
    Access, App, Limits, Models, ServeError, no_such_address, router, use_threads,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The arguments of `modelwright serve`.
pub fn command() -> Command {
    Command::new("serve")
        .about("Answer with predictions over HTTP")
        .after_help(
            "A bundle that is replaced is loaded while the old one answers. Examples:\n  \
             modelwright serve digits-mlp-1\n  \
             modelwright serve shop=runs/goods-resnet18-2 prices=ames/ --port 9000\n  \
             modelwright serve shop=goods-1 --canary shop=goods-2:10\n  \
             modelwright serve goods-1 --host 0.0.0.0 --token-file tokens.json --cert c.pem --key k.pem",
        )
        .arg(
            Arg::new("bundles")
                .value_name("[NAME=]BUNDLE")
                .required(true)
                .num_args(1..)
                .value_hint(ValueHint::DirPath)
                .help("Bundles, run folders or names of runs, and the names to serve them under"),
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
    if let Some(threads) = m.get_one::<u32>("threads") {
        use_threads(*threads as usize)?;
    }
    let bundles = bundles(m, runs)?;
    telemetry::start(form)?;
    let limits = limits(m);
    let models = Models::new(limits.clone());
    for (name, path) in &bundles {
        models.add(name, path)?;
    }
    for canary in m.get_many::<String>("canary").into_iter().flatten() {
        let (name, path, percent) = canary_of(canary, runs)?;
        models.add_canary(&name, &path, percent)?;
    }
    let app = App::new(models, access, bind.tls.is_some());
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(serve(app, bind, &limits))?;
    Ok(())
}

async fn serve(app: App, bind: Bind, limits: &Limits) -> Result<(), ServeError> {
    let routes = router(app.clone()).fallback(no_such_address);
    let routes = protect(routes, app.access.clone(), app.metrics.clone());
    let routes = harden(routes, limits, app.metrics.clone());
    listen(bind, routes, limits, stop_signal(), |address| {
        greet(&app, address)
    })
    .await?;
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
        ..Limits::default()
    }
}

/// Names and folders of the bundles.
fn bundles(m: &ArgMatches, runs: &Path) -> Result<Vec<(String, PathBuf)>> {
    let given: Vec<&String> = m.get_many("bundles").into_iter().flatten().collect();
    let name = text(m, "name");
    if name.is_some() && given.len() > 1 {
        return Err(ServeError::setup(
            "--name is for one bundle",
            "put the names before the bundles: NAME=BUNDLE",
        )
        .into());
    }
    let mut taken = BTreeSet::new();
    let mut all = Vec::new();
    for bundle in given {
        let (own, path) = named(bundle, runs)?;
        let name = name.map_or(own, String::from);
        if !taken.insert(name.clone()) {
            return Err(ServeError::setup(
                format!("two bundles are called `{name}`"),
                "put a name of its own before each: NAME=BUNDLE",
            )
            .into());
        }
        all.push((name, path));
    }
    Ok(all)
}

/// `NAME=BUNDLE`, or a bundle that is called like its run or folder.
fn named(given: &str, runs: &Path) -> Result<(String, PathBuf)> {
    // A folder may have the sign in its name.
    if !Path::new(given).exists()
        && let Some((name, bundle)) = given.split_once('=')
    {
        return Ok((name.into(), bundle_folder(bundle, runs)?));
    }
    let path = bundle_folder(given, runs)?;
    let full = path.canonicalize().unwrap_or_else(|_| path.clone());
    let own = match full.file_name() {
        // The folder of every run has one of this name.
        Some(name) if name == "bundle" => full.parent().and_then(Path::file_name),
        name => name,
    };
    let name = own.unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, path))
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
