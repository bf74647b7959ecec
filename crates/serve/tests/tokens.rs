//! Tokens in their file and at the door of a server.

mod listening;

use axum::Router;
use axum::routing::{any, get, post};
use listening::{Server, body, header, status};
use modelwright_serve::tokens::{Moment, NewToken, Scope, TokenFile};
use modelwright_serve::{Access, Limits, Metrics, access};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PREDICT: &str = "/v1/models/iris/predict";

fn new(name: &str, scope: Scope) -> NewToken {
    NewToken {
        name: name.into(),
        scopes: vec![scope],
        expires: None,
        per_minute: None,
    }
}

fn folder() -> (TempDir, TokenFile) {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::open(&folder.path().join("runs/tokens.json")).unwrap();
    (folder, file)
}

fn guarded(file: &TokenFile, metrics: Metrics) -> Server {
    let router = Router::new()
        .route("/v1/models/{name}/predict", post(|| async { "predicted" }))
        .route("/v2/health/live", get(|| async { "live" }))
        .route("/docs", get(|| async { "docs" }))
        .route("/runs/{id}", any(|| async { "a page of the studio" }));
    let access = Access::tokens(file.path()).unwrap();
    let router = access::protect(router, access, metrics.clone());
    Server::hardened(router, &Limits::default(), metrics)
}

fn bearer(secret: &str) -> String {
    format!("authorization: Bearer {secret}\r\n")
}

/// Changes the file as a text, in one step as the program does.
fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = change(&std::fs::read_to_string(path).unwrap());
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}

#[test]
fn the_file_is_private_and_holds_no_secret() {
    let (_folder, file) = folder();
    assert_eq!(file.list().unwrap(), []);
    let (token, secret) = file.create(new("shop", Scope::Predict)).unwrap();
    assert!(secret.starts_with(&format!("mw_{}_", token.id)), "{secret}");
    assert!(secret.len() > 43 + token.id.len());
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(text.contains("$argon2id$"), "{text}");
    // The random part may have underscores of its own.
    let random = secret.splitn(3, '_').nth(2).unwrap();
    assert!(!text.contains(&secret) && !text.contains(random));
    let listed = serde_json::to_string(&file.list().unwrap()).unwrap();
    assert!(
        listed.contains("shop") && !listed.contains("argon2"),
        "{listed}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        TokenFile::open(file.path()).unwrap().list().unwrap(),
        std::slice::from_ref(&token)
    );
    assert_eq!(file.revoke(&token.id).unwrap(), token);
    assert_eq!(file.list().unwrap(), []);
    let gone = file.revoke(&token.id).unwrap_err();
    assert!(gone.to_string().contains(&token.id));
    assert!(gone.help().unwrap().contains("token list"));
}

#[test]
fn writers_do_not_lose_each_others_tokens() {
    let (_folder, file) = folder();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let file = TokenFile::open(file.path()).unwrap();
            scope.spawn(move || file.create(new(&format!("t{n}"), Scope::Admin)).unwrap());
        }
    });
    let mut names: Vec<String> = file.list().unwrap().into_iter().map(|t| t.name).collect();
    names.sort();
    assert_eq!(names, (0..8).map(|n| format!("t{n}")).collect::<Vec<_>>());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (folder, file) = folder();
    for odd in [
        NewToken {
            name: " ".into(),
            ..new("a", Scope::Admin)
        },
        NewToken {
            name: "a\nb".into(),
            ..new("a", Scope::Admin)
        },
        NewToken {
            scopes: vec![],
            ..new("a", Scope::Admin)
        },
        NewToken {
            per_minute: Some(0),
            ..new("a", Scope::Admin)
        },
    ] {
        let error = file.create(odd).unwrap_err();
        assert!(error.help().is_some(), "{error}");
    }
    assert!(!file.path().exists());

    let missing = Access::tokens(file.path()).err().unwrap();
    assert!(
        missing.help().unwrap().contains("token create"),
        "{missing}"
    );
    let bad = folder.path().join("bad.json");
    for content in [
        "",
        "[]",
        "{\"tokens\": 3}",
        "\0\0",
        "{\"tokens\": [], \"more\": 1}",
    ] {
        std::fs::write(&bad, content).unwrap();
        let error = TokenFile::open(&bad).unwrap_err();
        assert!(error.to_string().contains("bad.json"), "{error}");
    }
}

#[test]
fn only_a_valid_token_of_the_scope_opens() {
    let (_folder, file) = folder();
    let (shop, secret) = file.create(new("shop", Scope::Predict)).unwrap();
    let (_, admin) = file.create(new("boss", Scope::Admin)).unwrap();
    let (short, expired) = file
        .create(NewToken {
            expires: Some(Moment::parse_end("1d").unwrap()),
            ..new("short", Scope::Admin)
        })
        .unwrap();
    let end = short.expires.unwrap().to_string();
    edit(file.path(), |text| {
        text.replace(&end, "2001-01-01T00:00:00Z")
    });

    let metrics = Metrics::new();
    let server = guarded(&file, metrics.clone());
    for path in ["/v2/health/live", "/docs"] {
        assert_eq!(status(&server.get(path, "")), 200, "{path}");
    }
    let good = server.post(PREDICT, &bearer(&secret));
    assert_eq!((status(&good), body(&good)), (200, "predicted"));
    assert_eq!(status(&server.post(PREDICT, &bearer(&admin))), 200);
    assert_eq!(status(&server.get("/runs/1", &bearer(&admin))), 200);

    let mut wrong = secret.clone();
    let last = if wrong.pop() == Some('A') { 'B' } else { 'A' };
    wrong.push(last);
    let nobody = secret.replace(&shop.id, "000000000000");
    let refused: Vec<String> = [
        String::new(),
        bearer(&wrong),
        bearer(&nobody),
        bearer(&expired),
        bearer("x"),
        format!("authorization: Basic {secret}\r\n"),
    ]
    .iter()
    .map(|headers| server.post(PREDICT, headers))
    .collect();
    for answer in &refused {
        assert_eq!(status(answer), 401, "{answer}");
        assert_eq!(header(answer, "www-authenticate"), Some("Bearer"));
        assert_eq!(
            body(answer),
            body(&refused[0]),
            "it does not say what was wrong"
        );
    }

    let other = server.get("/runs/1", &bearer(&secret));
    assert_eq!(status(&other), 403);
    let challenge = header(&other, "www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    let text = metrics.prometheus();
    assert!(
        text.contains("modelwright_refusals_total{reason=\"token\"} 6\n"),
        "{text}"
    );
    assert!(
        text.contains("modelwright_refusals_total{reason=\"scope\"} 1\n"),
        "{text}"
    );
}

#[test]
fn a_revoked_token_is_refused_within_a_second() {
    let (_folder, file) = folder();
    let (token, secret) = file.create(new("shop", Scope::Predict)).unwrap();
    let server = guarded(&file, Metrics::new());
    let asked = || status(&server.post(PREDICT, &bearer(&secret)));
    assert_eq!(asked(), 200);
    file.revoke(&token.id).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(asked(), 401);

    // A token that is made while the server runs opens.
    let (_, later) = file.create(new("later", Scope::Predict)).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let asked = || status(&server.post(PREDICT, &bearer(&later)));
    assert_eq!(asked(), 200);

    // A file that cannot be read lets nobody in.
    edit(file.path(), |text| text.replace("tokens", "tokns"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(asked(), 401);
    edit(file.path(), |text| text.replace("tokns", "tokens"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(asked(), 200);
}

#[test]
fn a_token_has_its_rate() {
    let (_folder, file) = folder();
    let (_, slow) = file
        .create(NewToken {
            per_minute: Some(3),
            ..new("slow", Scope::Predict)
        })
        .unwrap();
    let (_, other) = file.create(new("other", Scope::Predict)).unwrap();
    let metrics = Metrics::new();
    let server = guarded(&file, metrics.clone());
    for _ in 0..3 {
        assert_eq!(status(&server.post(PREDICT, &bearer(&slow))), 200);
    }
    let answer = server.post(PREDICT, &bearer(&slow));
    assert_eq!(status(&answer), 429, "{answer}");
    let wait: u64 = header(&answer, "retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(status(&server.post(PREDICT, &bearer(&other))), 200);
    assert!(
        metrics
            .prometheus()
            .contains("modelwright_refusals_total{reason=\"rate\"} 1\n")
    );
}

#[test]
fn guessing_is_slowed_down_and_known_tokens_pass() {
    let (_folder, file) = folder();
    let (token, secret) = file.create(new("shop", Scope::Predict)).unwrap();
    let server = guarded(&file, Metrics::new());
    assert_eq!(status(&server.post(PREDICT, &bearer(&secret))), 200);
    let guess = |n: usize| bearer(&format!("mw_{}_{n:043}", token.id));
    let answers: Vec<u16> = (0..40)
        .map(|n| status(&server.post(PREDICT, &guess(n))))
        .collect();
    assert_eq!(answers[0], 401, "{answers:?}");
    assert_eq!(answers[39], 429, "{answers:?}");
    assert_eq!(status(&server.post(PREDICT, &bearer(&secret))), 200);
}

#[test]
fn the_slow_hash_is_computed_once() {
    let (_folder, file) = folder();
    let (_, secret) = file.create(new("shop", Scope::Predict)).unwrap();
    let server = guarded(&file, Metrics::new());
    // Many first requests at once are no attack.
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(status(&server.post(PREDICT, &bearer(&secret))), 200));
        }
    });
    let asked = || {
        let started = Instant::now();
        assert_eq!(status(&server.post(PREDICT, &bearer(&secret))), 200);
        started.elapsed()
    };
    // The fastest of many, since the machine may be busy.
    let fastest = (0..20).map(|_| asked()).min().unwrap();
    assert!(fastest < Duration::from_millis(10), "{fastest:?}");
}
