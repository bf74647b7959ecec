//! TLS with a certificate made for the test.

mod listening;

use axum::Router;
use axum::routing::get;
use listening::{Server, here};
use modelwright_serve::server::{Bind, run};
use modelwright_serve::{Limits, Metrics, security};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_rustls::rustls;

struct Files {
    folder: TempDir,
    cert: PathBuf,
    key: PathBuf,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    Files { folder, cert, key }
}

fn app() -> Router {
    let router = Router::new().route("/v2/health/live", get(|| async { "live" }));
    security::harden(router, &Limits::default(), Metrics::new())
}

fn server(files: &Files) -> Server {
    let bind = Bind {
        tls: Some((files.cert.clone(), files.key.clone())),
        ..here()
    };
    let limits = Limits {
        header_time: Duration::from_millis(400),
        ..Limits::default()
    };
    Server::start(bind, app(), limits)
}

#[test]
fn a_client_that_trusts_the_certificate_is_served() {
    let files = files();
    let server = server(&files);
    let pem = std::fs::read(&files.cert).unwrap();
    let root = ureq::tls::Certificate::from_pem(&pem).unwrap();
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[root]))
        .build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
    let url = format!("https://localhost:{}/v2/health/live", server.address.port());
    let mut answer = agent.get(&url).call().unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "live");

    // One that does not trust it stops; the server goes on.
    assert!(ureq::get(&url).call().is_err());
    assert!(agent.get(&url).call().is_ok());
}

#[test]
fn who_speaks_no_tls_is_cut_off() {
    let files = files();
    let server = server(&files);
    let plain = server.get("/v2/health/live", "");
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    // A handshake that never comes.
    assert_eq!(listening::rest(&mut server.connect()), "");
    let mut half = server.connect();
    half.write_all(&[0x16, 0x03, 0x01, 0x02]).unwrap();
    listening::rest(&mut half);
}

#[test]
fn only_http_1_is_agreed_on() {
    let files = files();
    let server = server(&files);
    let agreed = |offer: &[&[u8]]| {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let cert = rustls::pki_types::CertificateDer::from_pem_file(&files.cert).unwrap();
        roots.add(cert).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = offer.iter().map(|p| p.to_vec()).collect();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = server.connect();
        while client.is_handshaking() {
            client.complete_io(&mut stream).map_err(|e| e.to_string())?;
        }
        Ok::<_, String>(client.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(
        agreed(&[b"h2", b"http/1.1"]),
        Ok(Some(b"http/1.1".to_vec()))
    );
    assert_eq!(agreed(&[]), Ok(None));
    assert!(agreed(&[b"h2"]).is_err());
}

#[test]
fn bad_files_are_named() {
    let good = files();
    let other = files();
    let write = |name: &str, content: &str| {
        let path = good.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let empty = write("empty.pem", "");
    let broken = write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    let nonsense = write(
        "nonsense.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let absent = good.folder.path().join("absent.pem");
    for (cert, key, named) in [
        (&absent, &good.key, &absent),
        (&empty, &good.key, &empty),
        (&broken, &good.key, &broken),
        (&nonsense, &good.key, &nonsense),
        (&good.key, &good.key, &good.key),
        (&good.cert, &absent, &absent),
        (&good.cert, &good.cert, &good.cert),
        (&good.cert, &other.key, &other.key),
    ] {
        let error = problem(cert, key);
        assert!(
            error.to_string().contains(&named.display().to_string()),
            "{error}"
        );
        assert!(error.help().unwrap().contains("PEM"), "{error}");
    }
}

fn problem(cert: &Path, key: &Path) -> modelwright_serve::ServeError {
    let bind = Bind {
        tls: Some((cert.into(), key.into())),
        ..here()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = Limits::default();
    let started = run(bind, app(), &limits, std::future::pending(), |_| {
        panic!("it listens")
    });
    runtime.block_on(started).unwrap_err()
}
