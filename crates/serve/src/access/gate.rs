//! Whose token a secret is: what the token file says now, and what was found out since.

use super::Refusal;
use crate::rate::Buckets;
use crate::stamp::Stamp;
use crate::tokens::{Stored, Token, TokenFile, id_of};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Time between two looks whether the token file has changed. A token that was revoked is refused
/// after it.
const LOOK: Duration = Duration::from_millis(500);
/// Wrong tokens that one address may send in a minute.
const ATTEMPTS: u32 = 20;
/// Tokens that are hashed at once: each takes 19 MiB and a processor for some hundredths of a second.
const HASHING: usize = 2;

/// The tokens of a token file, as they are now.
pub struct Gate {
    file: TokenFile,
    state: Mutex<Known>,
    /// Requests by token.
    requests: Buckets<String>,
    /// Wrong tokens by address.
    attempts: Buckets<IpAddr>,
    hashing: Arc<Semaphore>,
}

/// What was read from the file and found out about secrets since.
#[derive(Default)]
struct Known {
    looked: Option<Instant>,
    stamp: Option<Stamp>,
    tokens: HashMap<String, Arc<Stored>>,
    /// Ids by the SHA-256 of secrets that were right: hashing them slowly again would tell nothing new.
    right: HashMap<[u8; 32], String>,
}

impl Gate {
    pub(super) fn new(file: TokenFile) -> Self {
        Self {
            file,
            state: Mutex::default(),
            requests: Buckets::default(),
            attempts: Buckets::default(),
            hashing: Arc::new(Semaphore::new(HASHING)),
        }
    }

    /// Counts a request of the token against its rate.
    pub(super) fn count(&self, token: &Token) -> Result<(), Refusal> {
        let Some(per_minute) = token.per_minute else {
            return Ok(());
        };
        let taken = self.requests.take(&token.id, per_minute, Instant::now());
        taken.map_err(Refusal::Rate)
    }

    /// The token that the secret is of, unless it is expired or revoked.
    pub(super) async fn identify(
        &self,
        secret: &str,
        peer: Option<IpAddr>,
    ) -> Result<Token, Refusal> {
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        if let Some(token) = self.known(&digest) {
            return valid(token);
        }
        let stored = id_of(secret).and_then(|id| self.with(|known| known.tokens.get(id).cloned()));
        let Some(stored) = stored else {
            // No such id: there is nothing to compute.
            self.attempt(peer)?;
            return Err(Refusal::Token);
        };
        let permit = Arc::clone(&self.hashing).acquire_owned().await;
        let permit = permit.map_err(|_| Refusal::Token)?;
        // Another request with the same token may have been faster.
        if let Some(token) = self.known(&digest) {
            return valid(token);
        }
        self.attempt(peer)?;
        let hashed = {
            let (stored, secret) = (Arc::clone(&stored), secret.to_string());
            tokio::task::spawn_blocking(move || {
                // Goes on when the client leaves, and so holds its place until it is done.
                let _permit = permit;
                stored.is_secret(&secret)
            })
        };
        if !hashed.await.unwrap_or(false) {
            return Err(Refusal::Token);
        }
        if let Some(peer) = peer {
            self.attempts.put_back(&network(peer));
        }
        self.with(|known| {
            // It may have been revoked meanwhile.
            let current = known.tokens.get(&stored.token.id);
            if current.is_some_and(|current| Arc::ptr_eq(current, &stored)) {
                known.right.insert(digest, stored.token.id.clone());
            }
        });
        valid(self.known(&digest).ok_or(Refusal::Token)?)
    }

    /// The token whose secret has this SHA-256, if that was found out already.
    fn known(&self, digest: &[u8; 32]) -> Option<Token> {
        self.with(|known| {
            let stored = known.tokens.get(known.right.get(digest)?)?;
            Some(stored.token.clone())
        })
    }

    /// Counts a wrong token, which it is until it proves right.
    fn attempt(&self, peer: Option<IpAddr>) -> Result<(), Refusal> {
        let Some(peer) = peer else {
            return Ok(());
        };
        let taken = self.attempts.take(&network(peer), ATTEMPTS, Instant::now());
        taken.map_err(Refusal::Attempts)
    }

    /// Works with what is known, after a look at the file if the last one is too long ago.
    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            known.looked = Some(Instant::now());
            let stamp = Stamp::of(self.file.path());
            if stamp != known.stamp {
                known.stamp = stamp;
                known.read(&self.file);
            }
        }
        work(&mut known)
    }
}

impl Known {
    /// Reads the file again. If it cannot be read, nobody is let in: whose token was revoked cannot
    /// be known.
    fn read(&mut self, file: &TokenFile) {
        let tokens = file.read().unwrap_or_else(|error| {
            tracing::error!(%error, "no token is valid until the token file can be read");
            Vec::new()
        });
        self.right.clear();
        self.tokens = tokens
            .into_iter()
            .map(|stored| (stored.token.id.clone(), Arc::new(stored)))
            .collect();
    }
}

fn valid(token: Token) -> Result<Token, Refusal> {
    match token.is_expired() {
        true => Err(Refusal::Token),
        false => Ok(token),
    }
}

/// What counts as one address: of version 6, everybody has a network of 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_version_six_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
