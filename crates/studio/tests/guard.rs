//! Who may do what: other sites, other names for this machine, tokens and sessions.

mod common;

use common::Bench;
use modelwright_serve::Access;
use modelwright_serve::tokens::{NewToken, Scope, TokenFile};
use modelwright_studio::UploadLimits;
use std::time::Duration;

const FORM: &str = "lang=zh&back=/data";

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_cannot_use_a_visitors_browser() {
    let bench = Bench::new();
    for foreign in [
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:1"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for path in [
            "/preferences",
            "/data/upload",
            "/train",
            "/v1/models/x/predict",
        ] {
            let answer = bench.post_with(path, FORM, &[foreign]).await;
            assert_eq!(answer.status, 403, "{path} {foreign:?}");
        }
    }
    for own in [
        ("origin", "http://localhost:7860"),
        ("sec-fetch-site", "same-origin"),
    ] {
        assert_eq!(
            bench.post_with("/preferences", FORM, &[own]).await.place(),
            "/data"
        );
    }
    assert_eq!(bench.post("/preferences", FORM).await.place(), "/data");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_for_this_machine_are_refused() {
    let bench = Bench::new();
    let ask = async |host: &str| {
        let request = axum::http::Request::get("/").header("host", host);
        bench
            .ask(request.body(axum::body::Body::empty()).unwrap())
            .await
            .status
    };
    for host in [
        "localhost:7860",
        "127.0.0.1:7860",
        "[::1]:7860",
        "localhost",
    ] {
        assert_eq!(ask(host).await, 200, "{host}");
    }
    for host in [
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "192.168.0.9:7860",
    ] {
        assert_eq!(ask(host).await, 403, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_carry_the_headers_that_protect_them() {
    let bench = Bench::new();
    let page = bench.get("/").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'"));
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    for path in [
        "/",
        "/data",
        "/data/iris",
        "/train?data=iris",
        "/sign-in",
        "/nowhere",
    ] {
        let text = bench.data(path).await.text;
        for inline in ["<script>", " style=\"", " onclick=", "javascript:"] {
            assert!(!text.contains(inline), "{inline} in {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_studio_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let tokens = TokenFile::open(&path).unwrap();
    let make = |scope| {
        let new = NewToken {
            name: "someone".into(),
            scopes: vec![scope],
            expires: None,
            per_minute: None,
        };
        tokens.create(new).unwrap()
    };
    let (admin, secret) = make(Scope::Admin);
    let (_, weak) = make(Scope::Predict);
    let access = Access::tokens(&path).unwrap();
    let bench = Bench::inside(folder, access, UploadLimits::default());

    assert_eq!(bench.get("/").await.place(), "/sign-in");
    assert_eq!(
        bench
            .post("/data/iris/fix", "fix=balance&value=on")
            .await
            .status,
        401
    );
    assert_eq!(bench.post("/data/upload", "").await.status, 401);
    bench.get("/sign-in").await.says("asks for a token");
    for wrong in ["", "mw_wrong", &weak] {
        let answer = bench.post("/sign-in", &format!("token={wrong}")).await;
        answer.says("does not open the studio");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let answer = bench.post("/sign-in", &format!("token={secret}")).await;
    assert_eq!(answer.place(), "/");
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_string();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    assert!(!cookie.contains(&secret));
    let session = cookie.split(';').next().unwrap().to_string();
    let signed = [("cookie", session.as_str())];
    assert_eq!(bench.get_with("/", &signed).await.status, 200);
    assert_eq!(
        bench
            .get_with("/", &[("cookie", "modelwright_session=x")])
            .await
            .status,
        303
    );

    tokens.revoke(&admin.id).unwrap();
    // The file is looked at twice a second.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(bench.get_with("/", &signed).await.place(), "/sign-in");
}
