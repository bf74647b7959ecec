//! Browsers that have shown a token, in memory: after a restart they show it again.

use crate::jobs::lock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The cookie's name.
pub const COOKIE: &str = "modelwright_session";
/// How long a session lasts.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Most sessions at once; the oldest end first.
const MOST: usize = 1000;

/// A browser's session.
struct Session {
    began: Instant,
    /// The token that was shown, to be checked again at each use.
    token: String,
}

/// All sessions.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Begins a session for who has shown `token`; its name goes into the cookie.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn begin(&self, token: &str) -> Result<String, getrandom::Error> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes)?;
        let name = URL_SAFE_NO_PAD.encode(bytes);
        let mut all = lock(&self.0);
        all.retain(|_, s| s.began.elapsed() < LIFE);
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, s)| s.began);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        let session = Session {
            began: Instant::now(),
            token: token.into(),
        };
        all.insert(name.clone(), session);
        Ok(name)
    }

    /// The token behind a session that has not ended.
    pub fn token(&self, name: &str) -> Option<String> {
        let all = lock(&self.0);
        let session = all.get(name).filter(|s| s.began.elapsed() < LIFE)?;
        Some(session.token.clone())
    }

    /// Ends a session.
    pub fn end(&self, name: &str) {
        let mut all = lock(&self.0);
        all.remove(name);
    }
}
