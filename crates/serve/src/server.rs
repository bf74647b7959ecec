//! The listening end: connections with limits, TLS, and a stop that finishes what was accepted.

mod connection;

use crate::tls::acceptor;
use crate::{Limits, ServeError};
use axum::Router;
use axum::extract::ConnectInfo;
use connection::{Progress, Watched};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service;

/// Pause after a connection could not be accepted, such as for lack of file handles.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a server listens, and how it is kept safe there.
#[derive(Debug, Clone)]
pub struct Bind {
    /// Address and port; port 0 takes any free one.
    pub address: SocketAddr,
    /// Certificate and key for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether requests need a token.
    pub tokens: bool,
    /// Whether other machines may reach a server without tokens or TLS.
    pub insecure: bool,
}

impl Bind {
    /// Refuses an address that other machines can reach, unless it is safe there or said to be.
    pub fn check(&self) -> Result<(), ServeError> {
        if self.insecure || self.address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let missing = match (self.tokens, self.tls.is_some()) {
            (true, true) => return Ok(()),
            (true, false) => "TLS",
            (false, true) => "tokens",
            (false, false) => "tokens and TLS",
        };
        Err(ServeError::setup(
            format!(
                "{} can be reached by other machines, but there is no protection by {missing}",
                self.address.ip()
            ),
            "give --token-file, --cert and --key; or stay on this machine with --host 127.0.0.1; \
             or say --insecure if a proxy or the network protects it",
        ))
    }
}

/// Answers requests until `stop`; then finishes those that were accepted, for at most
/// [`Limits::shutdown_time`]. `ready` is told the address once connections are accepted.
pub async fn run(
    bind: Bind,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    bind.check()?;
    let tls = match &bind.tls {
        Some((cert, key)) => Some(acceptor(cert, key)?),
        None => None,
    };
    let listener = listen(&bind).await?;
    let address = listener.local_addr().map_err(|e| no_listening(&bind, e))?;
    let server = Arc::new(Server {
        router,
        tls,
        limits: limits.clone(),
    });
    ready(address);
    server.accept(listener, stop).await;
    Ok(())
}

async fn listen(bind: &Bind) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(bind.address).await;
    listener.map_err(|e| no_listening(bind, e))
}

fn no_listening(bind: &Bind, error: std::io::Error) -> ServeError {
    ServeError::setup(
        format!("cannot listen on {}: {error}", bind.address),
        "choose another port with --port, or another address with --host",
    )
}

struct Server {
    router: Router,
    tls: Option<TlsAcceptor>,
    limits: Limits,
}

impl Server {
    /// Accepts connections until `stop`, then waits for those there are.
    async fn accept(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        // Connections that are still open when this is dropped are cut off.
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                (stream, peer, place) = next(&listener, &places) => {
                    let server = Arc::clone(&self);
                    connections.spawn(server.serve(stream, peer, place, graceful.watcher()));
                }
            }
        }
        drop(listener);
        let open = graceful.count();
        if open > 0 {
            tracing::info!(connections = open, "stopping");
        }
        let finished = tokio::time::timeout(self.limits.shutdown_time, graceful.shutdown());
        if finished.await.is_err() {
            let left = connections.len();
            tracing::warn!(connections = left, "cut off: the time to stop is over");
        }
    }

    /// One connection, from the first byte to the last.
    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _place: OwnedSemaphorePermit,
        watcher: Watcher,
    ) {
        // Answers are written whole; waiting to fill packets would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.speak(stream, peer, watcher).await;
        };
        let handshake = tokio::time::timeout(self.limits.header_time, tls.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    /// Requests and answers, until the client or a limit ends them.
    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: Watcher,
    ) {
        let progress = Arc::new(Progress::new());
        let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut router = self.router.clone();
            let working = progress.work();
            async move {
                let answer = router.call(request).await;
                drop(working);
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_time.max(self.limits.header_time))
            .max_header_size(self.limits.header_bytes)
            .serve_connection(
                TokioIo::new(Watched::new(stream, Arc::clone(&progress))),
                service,
            );
        tokio::select! {
            ended = watcher.watch(connection) => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended");
                }
            }
            () = progress.too_slow(&self.limits) => {
                tracing::debug!(%peer, "cut off: the client is too slow");
            }
        }
    }
}

/// The next connection, as soon as there is a place for it. Until then it waits with the system.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            // The semaphore is never closed.
            std::future::pending().await
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
