//! A server on a free port, and clients that speak to it byte by byte.
#![allow(dead_code)] // Each test file uses its part.

use axum::Router;
use modelwright_serve::server::{Bind, run};
use modelwright_serve::{Limits, Metrics, ServeError, security};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// A server in a thread of its own, until it is stopped or dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// An address of this machine and any free port.
pub fn here() -> Bind {
    Bind {
        address: ([127, 0, 0, 1], 0).into(),
        tls: None,
        tokens: false,
        insecure: false,
    }
}

impl Server {
    /// Serves `router` behind all limits.
    pub fn hardened(router: Router, limits: &Limits, metrics: Metrics) -> Self {
        Self::start(
            here(),
            security::harden(router, limits, metrics),
            limits.clone(),
        )
    }

    /// Serves `router` as it is.
    pub fn start(bind: Bind, router: Router, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            let stop = async {
                let _ = stopped.await;
            };
            runtime.block_on(run(bind, router, &limits, stop, |address| {
                ready.send(address).unwrap();
            }))
        });
        Self {
            address: address
                .recv_timeout(Duration::from_secs(10))
                .expect("the server starts"),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops it and waits until it has.
    pub fn stop(mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Sends `request` and reads until the server closes.
    pub fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        rest(&mut stream)
    }

    /// A `GET` with more header lines, on a connection of its own.
    pub fn get(&self, path: &str, headers: &str) -> String {
        self.exchange(&format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}\r\n"
        ))
    }

    /// An empty `POST` with more header lines, on a connection of its own.
    pub fn post(&self, path: &str, headers: &str) -> String {
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 0\r\n{headers}\r\n"
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// All that comes until the other end closes; a reset is an end, too.
pub fn rest(stream: &mut TcpStream) -> String {
    let mut content = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(n) => content.extend_from_slice(&part[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(e) => panic!("{e} after {} bytes", content.len()),
        }
    }
    String::from_utf8_lossy(&content).into_owned()
}

/// What comes first, at least a byte, as one read gives it.
pub fn first(stream: &mut TcpStream) -> String {
    let mut part = [0; 16 << 10];
    let n = stream.read(&mut part).unwrap();
    String::from_utf8_lossy(&part[..n]).into_owned()
}

pub fn status(response: &str) -> u16 {
    let line = response.lines().next().unwrap_or_default();
    let code = line.split(' ').nth(1).unwrap_or_default();
    code.parse()
        .unwrap_or_else(|_| panic!("no response: {response:?}"))
}

/// A header of a response, by its lower-case name.
pub fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let head = response.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

pub fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
