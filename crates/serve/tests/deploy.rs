//! The files of `deploy/`: the Dockerfile is read by a small parser, the health check runs.

mod listening;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use listening::{Server, here};
use modelwright_serve::Limits;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// An instruction of a Dockerfile and what follows it, with continued lines joined.
type Instruction = (String, String);

fn parse(text: &str) -> Result<Vec<Instruction>, String> {
    let known = [
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "WORKDIR",
    ];
    let mut instructions: Vec<Instruction> = Vec::new();
    let mut continued = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let content = line.trim_end_matches('\\').trim();
        if continued {
            let (_, rest) = instructions.last_mut().ok_or("starts in the middle")?;
            rest.push(' ');
            rest.push_str(content);
        } else {
            let (word, rest) = content.split_once(' ').ok_or(format!("alone: {line}"))?;
            if !known.contains(&word) {
                return Err(format!("no instruction: {line}"));
            }
            instructions.push((word.into(), rest.trim().into()));
        }
        continued = line.ends_with('\\');
    }
    match instructions.first() {
        Some((word, _)) if word == "FROM" || word == "ARG" => {}
        _ => return Err("does not begin with FROM".into()),
    }
    if continued {
        return Err("ends in the middle".into());
    }
    Ok(instructions)
}

/// What follows a word, as the list of strings that it must be.
fn list(instructions: &[Instruction], word: &str) -> Vec<String> {
    let found: Vec<_> = instructions.iter().filter(|(w, _)| w == word).collect();
    assert_eq!(found.len(), 1, "{word}");
    let text = found[0].1.split_once('[').map_or("", |(_, list)| list);
    serde_json::from_str(&format!("[{text}")).unwrap_or_else(|e| panic!("{word}: {e}"))
}

#[test]
fn the_image_is_built_in_stages_and_runs_as_nobody() {
    let text = std::fs::read_to_string(deploy().join("Dockerfile")).unwrap();
    let instructions = parse(&text).unwrap();
    let last = instructions.iter().rposition(|(w, _)| w == "FROM").unwrap();
    let stages: Vec<&str> = instructions[..last]
        .iter()
        .filter(|(word, _)| word == "FROM")
        .filter_map(|(_, rest)| rest.split_once(" AS ").map(|(_, name)| name))
        .collect();
    for (word, rest) in &instructions[last..] {
        let from = rest.split(' ').find_map(|w| w.strip_prefix("--from="));
        assert!(from.is_none_or(|stage| stages.contains(&stage)), "{rest}");
        if word == "COPY" && from.is_none() {
            let source = rest.split(' ').next().unwrap();
            assert!(deploy().join("..").join(source).exists(), "{source}");
        }
        assert!(word != "RUN", "the last stage only copies: {rest}");
    }
    let user = instructions[last..].iter().rfind(|(w, _)| w == "USER");
    let (id, group) = user.unwrap().1.split_once(':').unwrap();
    assert!(id.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    assert_eq!(list(&instructions, "ENTRYPOINT"), ["modelwright"]);
    let command = list(&instructions, "CMD");
    assert_eq!(command[0], "serve");
    let port = command.iter().position(|w| w == "--port").unwrap() + 1;
    assert!(instructions.contains(&("EXPOSE".into(), command[port].clone())));
    assert!(list(&instructions, "HEALTHCHECK").contains(&command[port]));
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(instructions[0].1.starts_with(&format!("rust:{version}-")));
}

#[test]
fn the_parser_knows_a_broken_dockerfile() {
    assert!(parse("FROM a\nRUN b \\\n  && c\n").is_ok());
    for bad in ["", "RUN a", "FROM a\nRUNN b", "FROM a\nRUN b \\", "FROM"] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_health_check_tells_ready_from_not_ready() {
    let ready = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&ready);
    let answer = move || async move {
        match flag.load(Ordering::SeqCst) {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        }
    };
    let router = Router::new().route("/v2/health/ready", get(answer));
    let server = Server::start(here(), router, Limits::default());
    let port = server.address.port().to_string();
    let healthy = || {
        let mut check = Command::new("bash");
        check
            .arg(deploy().join("healthcheck"))
            .args(["127.0.0.1", &port]);
        check.output().unwrap().status.success()
    };
    assert!(healthy());
    ready.store(false, Ordering::SeqCst);
    assert!(!healthy());
    server.stop();
    assert!(!healthy(), "nobody is there");
}

#[test]
fn the_checks_of_this_machines_tools_pass() {
    let script = deploy().join("../scripts/check-deploy");
    let output = Command::new("bash").arg(script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}");
}
