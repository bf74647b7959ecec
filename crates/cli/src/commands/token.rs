//! `token create|list|revoke`.

use super::text;
use crate::args::json;
use crate::output::{self, right, table};
use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use comfy_table::Cell;
use modelwright_serve::tokens::{FILE, Moment, NewToken, Scope, Token, TokenFile};
use std::path::{Path, PathBuf};

/// The arguments of `modelwright token`.
pub fn command() -> Command {
    Command::new("token")
        .about("Make, list and revoke tokens for `serve` and `studio`")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(create_command())
        .subcommand(
            Command::new("list")
                .about("All tokens, without their secrets")
                .arg(token_file())
                .arg(json()),
        )
        .subcommand(
            Command::new("revoke")
                .about("Remove a token; servers that run refuse it within a second")
                .arg(
                    Arg::new("id")
                        .required(true)
                        .help("As `token list` shows it"),
                )
                .arg(token_file())
                .arg(json()),
        )
}

fn create_command() -> Command {
    Command::new("create")
        .about("Make a token; its secret is shown this once")
        .after_help(
            "The secret alone goes to standard output. Examples:\n  \
             modelwright token create shop --expires 90d --per-minute 600\n  \
             TOKEN=$(modelwright token create nightly --scope admin --expires 2030-01-31)",
        )
        .arg(
            Arg::new("name")
                .required(true)
                .help("Who or what will use it, such as `shop`"),
        )
        .arg(
            Arg::new("scope")
                .long("scope")
                .action(ArgAction::Append)
                .value_parser(Scope::ALL.map(Scope::name))
                .default_value(Scope::Predict.name())
                .help("What it allows: asking models, or everything"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_name("90d|DATE")
                .help("When it ends: after some days (d), hours (h) or minutes (m), or with a day [default: never]"),
        )
        .arg(
            Arg::new("per-minute")
                .long("per-minute")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..))
                .help("Most requests a minute [default: no limit]"),
        )
        .arg(token_file())
        .arg(json())
}

fn token_file() -> Arg {
    Arg::new("token-file")
        .long("token-file")
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(PathBuf))
        .help("The token file [default: tokens.json in the folder of runs]")
}

/// `modelwright token`.
pub fn run(m: &ArgMatches, runs: &Path) -> Result<()> {
    match m.subcommand() {
        Some(("create", m)) => create(m, runs),
        Some(("list", m)) => list(m, runs),
        Some(("revoke", m)) => revoke(m, runs),
        _ => Ok(()),
    }
}

fn open(m: &ArgMatches, runs: &Path) -> Result<TokenFile> {
    let given = m.get_one::<PathBuf>("token-file").cloned();
    let path = given.unwrap_or_else(|| runs.join(FILE));
    Ok(TokenFile::open(&path)?)
}

fn create(m: &ArgMatches, runs: &Path) -> Result<()> {
    let scopes = m.get_many::<String>("scope").into_iter().flatten();
    let new = NewToken {
        name: text(m, "name").unwrap_or_default().to_string(),
        scopes: scopes.map(|s| s.parse()).collect::<Result<_, _>>()?,
        expires: text(m, "expires").map(Moment::parse_end).transpose()?,
        per_minute: m.get_one("per-minute").copied(),
    };
    let file = open(m, runs)?;
    let (token, secret) = file.create(new)?;
    if m.get_flag("json") {
        return output::json(&serde_json::json!({ "token": token, "secret": secret }));
    }
    eprintln!(
        "made token {} for {} in {}: {}",
        token.id,
        token.name,
        file.path().display(),
        allowance(&token)
    );
    eprintln!(
        "this is its secret; it cannot be shown again. Send it as `Authorization: Bearer SECRET`:"
    );
    println!("{secret}");
    Ok(())
}

fn allowance(token: &Token) -> String {
    let end = token.expires.map(|end| format!(", until {end}"));
    let rate = token.per_minute.map(|n| format!(", {n} requests a minute"));
    scopes(token) + &end.unwrap_or_default() + &rate.unwrap_or_default()
}

fn scopes(token: &Token) -> String {
    let names: Vec<&str> = token.scopes.iter().map(|s| s.name()).collect();
    names.join(", ")
}

fn list(m: &ArgMatches, runs: &Path) -> Result<()> {
    let file = open(m, runs)?;
    let tokens = file.list()?;
    if m.get_flag("json") {
        return output::json(&tokens);
    }
    if tokens.is_empty() {
        println!(
            "no tokens in {}; make one with `modelwright token create NAME`",
            file.path().display()
        );
        return Ok(());
    }
    let mut out = table(&["id", "name", "scopes", "made", "ends", "a minute"]);
    for token in &tokens {
        let end = match token.expires {
            None => "never".to_string(),
            Some(end) if token.is_expired() => format!("{end} (over)"),
            Some(end) => end.to_string(),
        };
        out.add_row([
            Cell::new(&token.id),
            Cell::new(&token.name),
            Cell::new(scopes(token)),
            Cell::new(token.created),
            Cell::new(end),
            right(token.per_minute.map_or("-".into(), |n| n.to_string())),
        ]);
    }
    println!("{out}");
    Ok(())
}

fn revoke(m: &ArgMatches, runs: &Path) -> Result<()> {
    let id = text(m, "id").unwrap_or_default();
    let token = open(m, runs)?.revoke(id)?;
    match m.get_flag("json") {
        true => output::json(&token)?,
        false => println!("revoked {} ({})", token.id, token.name),
    }
    Ok(())
}
