//! Clients that mean harm, or behave as if they did, over real sockets.

mod listening;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use listening::{Server, body, first, header, here, rest, status};
use modelwright_serve::server::{Bind, run};
use modelwright_serve::{Limits, Metrics};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PREDICT: &str = "/v1/models/{name}/predict";

/// Size of `GET /large`.
const LARGE: usize = 64 << 20;

fn limits() -> Limits {
    Limits {
        body_bytes: 1000,
        header_time: Duration::from_millis(400),
        idle_time: Duration::from_secs(20),
        request_time: Duration::from_millis(800),
        shutdown_time: Duration::from_secs(10),
        ..Limits::default()
    }
}

fn app() -> Router {
    Router::new()
        .route(
            PREDICT,
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/v2/health/live", get(|| async { "live" }))
        .route("/large", get(|| async { vec![b'x'; LARGE] }))
        .route("/panic", get(panics))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                "done"
            }),
        )
        .route("/forever", get(std::future::pending::<&'static str>))
}

async fn panics() -> &'static str {
    panic!("a bug with secret details")
}

fn server() -> Server {
    Server::hardened(app(), &limits(), Metrics::new())
}

fn milliseconds(started: Instant) -> u128 {
    started.elapsed().as_millis()
}

#[test]
fn ten_gigabytes_are_refused_before_they_come() {
    let server = server();
    let started = Instant::now();
    let answer = server.exchange(
        "POST /v1/models/iris/predict HTTP/1.1\r\nhost: test\r\ncontent-length: 10000000000\r\n\r\n",
    );
    assert_eq!(status(&answer), 413, "{answer}");
    assert_eq!(header(&answer, "connection"), Some("close"));
    assert!(body(&answer).contains("1000 bytes"), "{answer}");
    assert!(
        milliseconds(started) < 350,
        "took {} ms",
        milliseconds(started)
    );
}

#[test]
fn a_body_of_unknown_length_is_cut_at_the_limit() {
    let server = server();
    let chunk = format!("3e8\r\n{}\r\n", "a".repeat(1000));
    let head = "POST /v1/models/iris/predict HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let fits = server.exchange(&format!("{head}{chunk}0\r\n\r\n"));
    assert_eq!((status(&fits), body(&fits)), (200, "1000"));
    let longer = server.exchange(&format!("{head}{chunk}1\r\na\r\n0\r\n\r\n"));
    assert_eq!(status(&longer), 413, "{longer}");
}

#[test]
fn a_head_that_is_dribbled_is_cut_off_and_others_are_served() {
    let server = server();
    let mut slow = server.connect();
    let started = Instant::now();
    slow.write_all(b"GET /v2/health/live HTTP/1.1\r\n").unwrap();
    let mut cut = false;
    while !cut && milliseconds(started) < 5000 {
        cut = slow.write_all(b"a: b\r\n").is_err();
        assert_eq!(body(&server.get("/v2/health/live", "")), "live");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert!(cut, "the connection lived for {} ms", milliseconds(started));
    assert!(milliseconds(started) < 2000);
}

#[test]
fn who_says_nothing_is_cut_off() {
    let server = server();
    let started = Instant::now();
    assert_eq!(rest(&mut server.connect()), "");
    assert!((300..2000).contains(&milliseconds(started)));
}

#[test]
fn an_idle_connection_may_wait_longer_than_a_head() {
    let server = server();
    let mut stream = server.connect();
    for _ in 0..2 {
        stream
            .write_all(b"GET /v2/health/live HTTP/1.1\r\nhost: test\r\n\r\n")
            .unwrap();
        assert_eq!(body(&first(&mut stream)), "live");
        std::thread::sleep(Duration::from_millis(900));
    }
    // A second head may not be dribbled either.
    stream.write_all(b"GET /v2/he").unwrap();
    let started = Instant::now();
    assert_eq!(rest(&mut stream), "");
    assert!(milliseconds(started) < 2000);
}

#[test]
fn a_body_that_is_dribbled_ends_with_its_time() {
    let server = server();
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /v1/models/iris/predict HTTP/1.1\r\nhost: test\r\ncontent-length: 900\r\n\r\nab",
        )
        .unwrap();
    let started = Instant::now();
    let answer = first(&mut stream);
    assert_eq!(status(&answer), 408, "{answer}");
    assert!((700..3000).contains(&milliseconds(started)));
}

#[test]
fn who_does_not_read_the_answer_is_cut_off() {
    let server = server();
    let mut stream = server.connect();
    stream
        .write_all(b"GET /large HTTP/1.1\r\nhost: test\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(2500));
    let got = rest(&mut stream).len();
    assert!(got < LARGE, "all of it came");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = server();
    let long = server.get("/v2/health/live", &format!("a: {}\r\n", "b".repeat(40_000)));
    assert_eq!(status(&long), 431);
    let many = server.get("/v2/health/live", &"a: b\r\n".repeat(500));
    assert_eq!(status(&many), 431);
    assert_eq!(status(&server.get("/v2/health/live", "")), 200);
}

#[test]
fn a_request_id_cannot_carry_anything_else() {
    let server = server();
    let id = |given: &str| {
        let answer = server.get("/v2/health/live", &format!("x-request-id: {given}\r\n"));
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "set-cookie"), None, "{answer}");
        header(&answer, "x-request-id").unwrap().to_string()
    };
    assert_eq!(id("shop-42"), "shop-42");
    for odd in [
        "a%0d%0aSet-Cookie: x=1",
        "a\r\nset-cookie: x=1",
        "<script>",
        "a b",
        &"a".repeat(65),
    ] {
        let given = id(odd);
        let plain =
            given == "a" || (given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(plain, "{odd:?} became {given:?}");
    }
    // A bare line feed or carriage return is no header at all.
    let bare = server.get("/v2/health/live", "x-request-id: a\rset-cookie: x=1\r\n");
    assert_eq!(status(&bare), 400);
}

#[test]
fn a_bug_is_an_answer_without_details_and_the_server_goes_on() {
    let server = server();
    let answer = server.get("/panic", "");
    assert_eq!(status(&answer), 500);
    assert!(!answer.contains("secret"), "{answer}");
    assert!(body(&answer).starts_with("{\"error\":"), "{answer}");
    assert_eq!(status(&server.get("/v2/health/live", "")), 200);
}

#[test]
fn every_answer_has_the_headers_that_browsers_heed() {
    let server = server();
    for path in ["/v2/health/live", "/nothing/here", "/panic"] {
        let answer = server.get(path, "");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        assert_eq!(header(&answer, "x-frame-options"), Some("DENY"));
        assert_eq!(header(&answer, "referrer-policy"), Some("no-referrer"));
        assert_eq!(header(&answer, "cache-control"), Some("no-store"));
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
        assert!(header(&answer, "x-request-id").is_some());
        assert_eq!(header(&answer, "server"), None);
    }
}

#[test]
fn more_connections_than_allowed_wait_for_a_place() {
    let limits = Limits {
        connections: 2,
        header_time: Duration::from_millis(700),
        ..limits()
    };
    let server = Server::hardened(app(), &limits, Metrics::new());
    let _silent = [server.connect(), server.connect()];
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    assert_eq!(status(&server.get("/v2/health/live", "")), 200);
    let waited = milliseconds(started);
    assert!((300..3000).contains(&waited), "waited {waited} ms");
}

#[test]
fn a_stop_finishes_what_was_accepted() {
    let mut server = server();
    let mut idle = server.connect();
    idle.write_all(b"GET /v2/health/live HTTP/1.1\r\nhost: test\r\n\r\n")
        .unwrap();
    assert_eq!(body(&first(&mut idle)), "live");
    let mut working = server.connect();
    working
        .write_all(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    server.ask_to_stop();
    assert_eq!(body(&rest(&mut working)), "done");
    assert_eq!(rest(&mut idle), "", "idle connections are closed");
    let address = server.address;
    server.stop();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_stop_does_not_wait_forever() {
    let limits = Limits {
        shutdown_time: Duration::from_millis(200),
        request_time: Duration::from_secs(60),
        ..limits()
    };
    let server = Server::hardened(app(), &limits, Metrics::new());
    let mut stream = server.connect();
    stream
        .write_all(b"GET /forever HTTP/1.1\r\nhost: test\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    server.stop();
    assert!(milliseconds(started) < 2000);
}

#[test]
fn work_ends_when_the_client_leaves() {
    struct Left(Arc<AtomicBool>);
    impl Drop for Left {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let left = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&left);
    let endless = move || {
        let left = Left(Arc::clone(&flag));
        async move {
            std::future::pending::<()>().await;
            drop(left);
        }
    };
    let metrics = Metrics::new();
    let limits = Limits {
        request_time: Duration::from_secs(60),
        ..limits()
    };
    let router = Router::new().route("/endless", get(endless));
    let server = Server::hardened(router, &limits, metrics.clone());
    let mut stream = server.connect();
    stream
        .write_all(b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(metrics.prometheus().contains("modelwright_in_flight 1\n"));
    drop(stream);
    let started = Instant::now();
    while !left.load(Ordering::SeqCst) && milliseconds(started) < 5000 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(left.load(Ordering::SeqCst));
    std::thread::sleep(Duration::from_millis(50));
    let text = metrics.prometheus();
    assert!(text.contains("modelwright_in_flight 0\n"));
    assert!(text.contains("status=\"499\"} 1\n"), "{text}");
}

#[test]
fn an_address_for_everybody_takes_tokens_and_tls() {
    let bind = |tokens, tls: bool, insecure| Bind {
        address: ([0, 0, 0, 0], 0).into(),
        tls: tls.then(|| ("c.pem".into(), "k.pem".into())),
        tokens,
        insecure,
    };
    for (tokens, tls, missing) in [
        (false, false, "by tokens and TLS"),
        (true, false, "by TLS"),
        (false, true, "by tokens"),
    ] {
        let error = bind(tokens, tls, false).check().unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
        let help = error.help().unwrap();
        for way in ["--token-file", "127.0.0.1", "--insecure"] {
            assert!(help.contains(way), "{help}");
        }
        bind(tokens, tls, true).check().unwrap();
    }
    bind(true, true, false).check().unwrap();
    here().check().unwrap();
    for local in ["[::1]:80", "[::ffff:127.0.0.1]:80", "127.9.9.9:80"] {
        let address = local.parse().unwrap();
        Bind { address, ..here() }.check().unwrap();
    }
    // The server itself refuses, before it listens.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = limits();
    let refused = run(
        bind(true, false, false),
        app(),
        &limits,
        std::future::pending(),
        |_| panic!("it listens"),
    );
    assert!(runtime.block_on(refused).is_err());
}

#[test]
fn a_taken_port_is_named() {
    let server = server();
    let bind = Bind {
        address: server.address,
        ..here()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = limits();
    let taken = run(bind, app(), &limits, std::future::pending(), |_| {});
    let error = runtime.block_on(taken).unwrap_err();
    assert!(error.to_string().contains(&server.address.to_string()));
    assert!(error.help().unwrap().contains("--port"));
}
