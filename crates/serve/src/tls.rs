//! Certificate and key of a server.

use crate::ServeError;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};

/// Reads a certificate (with those that vouch for it, in order) and its key, both in PEM form.
pub(crate) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let chain = chain(cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| match e {
        PemError::NoItemsFound => problem("key", key, "there is no private key in it"),
        e => problem("key", key, e),
    })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| ServeError::own(format!("TLS cannot start: {e}")))?
        .with_no_client_auth()
        .with_single_cert(chain, secret);
    let mut config = config.map_err(|e| match e {
        TlsError::InconsistentKeys(_) => problem(
            "key",
            key,
            format!("it does not belong to the certificate {}", cert.display()),
        ),
        TlsError::InvalidCertificate(_) => problem("certificate", cert, e),
        e => problem("key", key, e),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let read = CertificateDer::pem_file_iter(cert).map_err(|e| problem("certificate", cert, e))?;
    let chain: Result<Vec<_>, PemError> = read.collect();
    let chain = chain.map_err(|e| problem("certificate", cert, e))?;
    match chain.is_empty() {
        true => Err(problem("certificate", cert, "there is none in it")),
        false => Ok(chain),
    }
}

fn problem(what: &str, path: &Path, problem: impl Display) -> ServeError {
    ServeError::setup(
        format!("{what} {}: {problem}", path.display()),
        "give the certificate with --cert and its private key with --key, both as PEM files \
         (`-----BEGIN …-----`)",
    )
}
