//! `studio`.

use super::serve::{
    address_args, allow_origin, chat_args, engine_options, guarded, origins, stop_signal,
};
use super::served::talking_model;
use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};
use modelwright_serve::server::run as listen;
use modelwright_serve::telemetry::{self, LogForm};
use modelwright_serve::{App, Limits, Models};
use modelwright_studio::{Studio, StudioOptions, UploadLimits};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Trainings get so long to save when the studio ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// The arguments of `modelwright studio`.
pub fn command() -> Command {
    Command::new("studio")
        .about("Do everything in a browser: data, training, results, serving")
        .after_help(
            "Trainings that are under way when it ends are saved and can go on. Examples:\n  \
             modelwright studio --open\n  \
             modelwright studio --chat smollm2.gguf --chat help=shop-assistant/\n  \
             modelwright studio --host 0.0.0.0 --token-file tokens.json --cert c.pem --key k.pem",
        )
        .args(address_args("7860"))
        .arg(
            Arg::new("chat")
                .long("chat")
                .value_name("[NAME=]MODEL")
                .action(ArgAction::Append)
                .help("A language model or an assistant to talk with, and to serve"),
        )
        .arg(allow_origin())
        .args(chat_args())
        .arg(
            Arg::new("open")
                .long("open")
                .action(ArgAction::SetTrue)
                .help("Open the browser"),
        )
        .arg(
            Arg::new("max-upload-mb")
                .long("max-upload-mb")
                .value_name("N")
                .default_value((UploadLimits::default().bytes >> 20).to_string())
                .value_parser(clap::value_parser!(u64).range(1..))
                .help("Largest upload, in MiB, packed and unpacked"),
        )
}

/// `modelwright studio`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    let (bind, access) = guarded(m)?;
    telemetry::start(LogForm::Text)?;
    let limits = Limits::default();
    let options = engine_options(m, None);
    let app = App {
        origins: origins(m),
        ..App::new(Models::new(limits.clone()), access, bind.tls.is_some())
    };
    for model in m.get_many::<String>("chat").into_iter().flatten() {
        let (name, source) = talking_model(model, runs)?;
        app.chat.load(&name, &source, &options)?;
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(async {
        let tls = bind.tls.is_some();
        let usual = UploadLimits::default();
        let studio = Studio::open(StudioOptions {
            runs: runs.into(),
            uploads: UploadLimits {
                bytes: m
                    .get_one::<u64>("max-upload-mb")
                    .map_or(usual.bytes, |mb| mb << 20),
                ..usual
            },
            host: bind.address.ip().to_string(),
            engine: options,
            serve: app,
        })?;
        let ready = |address| greet(address, tls, m.get_flag("open"));
        let open = studio.clone();
        let stop = async move {
            stop_signal().await;
            open.close();
        };
        listen(bind, studio.router(), &limits, stop, ready).await?;
        eprintln!("saving what is being trained …");
        let ending = studio.clone();
        tokio::task::spawn_blocking(move || ending.jobs().stop_all(PATIENCE)).await?;
        studio.models().drain().await;
        Ok(())
    })
}

/// Says where the studio is, and shows it if asked to.
fn greet(address: SocketAddr, tls: bool, open: bool) {
    let scheme = if tls { "https" } else { "http" };
    let (ip, port) = (address.ip(), address.port());
    let place = match ip.is_loopback() || ip.is_unspecified() {
        true => format!("{scheme}://localhost:{port}"),
        // Made anew, it is without the zone that browsers do not know.
        false => format!("{scheme}://{}", SocketAddr::new(ip, port)),
    };
    println!("studio: {place}");
    if open && !open_browser(&place) {
        eprintln!("no browser could be opened; go to {place}");
    }
}

/// Asks the system to show an address.
fn open_browser(place: &str) -> bool {
    let (program, first): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("rundll32", &["url.dll,FileProtocolHandler"]),
        _ => ("xdg-open", &[]),
    };
    let mut command = std::process::Command::new(program);
    command.args(first).arg(place);
    command.spawn().is_ok()
}
