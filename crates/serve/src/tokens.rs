//! Tokens: who may use a server, kept in a file that holds no secret.
//!
//! A token's secret is `mw_<id>_<32 random bytes>`. The file has its argon2id hash, so that a copy of
//! the file opens nothing.

mod moment;

pub use moment::Moment;

use crate::ServeError;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use modelwright_runs::write_private_file;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The usual name of the token file, in the folder of runs.
pub const FILE: &str = "tokens.json";

/// Every secret starts with it, so that scanners of leaked secrets can know it.
const PREFIX: &str = "mw_";
/// Random bytes in a secret.
const SECRET_BYTES: usize = 32;
/// They as base64 without padding.
const SECRET_CHARS: usize = (8 * SECRET_BYTES).div_ceil(6);
/// Random bytes in an id: short enough to type, long enough that no two are equal.
const ID_BYTES: usize = 6;
/// Longest name of a token, in characters.
const NAME_LENGTH: usize = 100;
/// No token file is larger.
const FILE_BYTES: u64 = 16 << 20;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Talking with models, and saying what one thinks of their answers: all that a public page needs.
    Chat,
    /// Asking models, also for predictions.
    Predict,
    /// Everything, also changing what is served.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Predict, Self::Admin];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Predict => "predict",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = ServeError;

    fn from_str(text: &str) -> Result<Self, ServeError> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| {
            ServeError::setup(
                format!("no scope `{text}`"),
                "there are `chat`, `predict` and `admin`",
            )
        })
    }
}

/// A token that is to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Who or what will use it, for people.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it ends, if it does.
    pub expires: Option<Moment>,
    /// Most requests a minute, if there is a limit.
    pub per_minute: Option<u32>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it in lists and logs.
    pub id: String,
    /// Who or what uses it, for people.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Moment,
    /// When it ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Most requests a minute, if there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

impl Token {
    /// Whether it allows `scope`: each scope holds those before it, so that `admin` allows everything.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|allowed| *allowed >= scope)
    }

    /// Whether its time is over.
    pub fn is_expired(&self) -> bool {
        self.expires.is_some_and(Moment::is_past)
    }
}

/// A token as it stands in the file.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(flatten)]
    pub(crate) token: Token,
    /// Argon2id of the secret, as a PHC string.
    hash: String,
}

impl Stored {
    /// Whether the secret is this token's. Takes some hundredths of a second of computing.
    pub(crate) fn is_secret(&self, secret: &str) -> bool {
        // The comparison inside takes equally long for all wrong secrets.
        PasswordHash::new(&self.hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(secret.as_bytes(), &hash)
                .is_ok()
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    tokens: Vec<Stored>,
}

/// The file that holds the tokens. Any number of processes may use it at once.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.token.fmt(f)
    }
}

impl TokenFile {
    /// The token file at `path`, which need not exist yet; what exists must be one.
    pub fn open(path: &Path) -> Result<Self, ServeError> {
        let file = Self { path: path.into() };
        file.read()?;
        Ok(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a token. The secret is returned here and nowhere else.
    pub fn create(&self, new: NewToken) -> Result<(Token, String), ServeError> {
        check(&new)?;
        let id = hex(&random::<ID_BYTES>()?);
        let secret = URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?);
        let secret = format!("{PREFIX}{id}_{secret}");
        let hash = Argon2::default()
            .hash_password(secret.as_bytes())
            .map_err(|e| ServeError::own(format!("the token cannot be hashed: {e}")))?;
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let token = Token {
            id,
            name: new.name,
            scopes,
            created: Moment::now(),
            expires: new.expires,
            per_minute: new.per_minute,
        };
        let stored = Stored {
            token: token.clone(),
            hash: hash.to_string(),
        };
        self.change(|tokens| {
            tokens.push(stored);
            Ok(())
        })?;
        Ok((token, secret))
    }

    /// All tokens in the order they were made, also expired ones.
    pub fn list(&self) -> Result<Vec<Token>, ServeError> {
        Ok(self.read()?.into_iter().map(|s| s.token).collect())
    }

    /// Removes a token. Servers that run see it within a second.
    pub fn revoke(&self, id: &str) -> Result<Token, ServeError> {
        self.change(|tokens| {
            let found = tokens.iter().position(|s| s.token.id == id);
            let index = found.ok_or_else(|| {
                ServeError::missing(
                    format!("no token `{id}` in {}", self.path.display()),
                    "`modelwright token list` shows the ids",
                )
            })?;
            Ok(tokens.remove(index).token)
        })
    }

    /// What the file holds; nothing if there is none.
    pub(crate) fn read(&self) -> Result<Vec<Stored>, ServeError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.problem(e)),
        };
        let mut text = String::new();
        let read = file.take(FILE_BYTES).read_to_string(&mut text);
        read.map_err(|e| self.problem(e))?;
        let content: Content = serde_json::from_str(&text).map_err(|e| self.problem(e))?;
        for stored in &content.tokens {
            PasswordHash::new(&stored.hash)
                .map_err(|e| self.problem(format!("token `{}`: {e}", stored.token.id)))?;
        }
        Ok(content.tokens)
    }

    /// Reads, changes and writes, while no other process does.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Stored>) -> Result<T, ServeError>,
    ) -> Result<T, ServeError> {
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        let result = change(&mut tokens)?;
        let text = serde_json::to_string_pretty(&Content { tokens });
        let text = text.map_err(|e| self.problem(e))? + "\n";
        write_private_file(&self.path, text.as_bytes())
            .map_err(|e| ServeError::setup(e.to_string(), e.help().unwrap_or_default()))?;
        Ok(result)
    }

    /// Waits until no other process changes the file. The system gives the lock back when this
    /// process ends, however it ends.
    fn lock(&self) -> Result<File, ServeError> {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        let lock = || {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&name)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|e: std::io::Error| self.problem(e))
    }

    fn problem(&self, problem: impl fmt::Display) -> ServeError {
        ServeError::setup(
            format!("token file {}: {problem}", self.path.display()),
            "check who may read and write it, or name another with --token-file; \
             `modelwright token create` makes a new one",
        )
    }
}

/// The id in a secret that has the form of one.
pub(crate) fn id_of(secret: &str) -> Option<&str> {
    let (id, rest) = secret.strip_prefix(PREFIX)?.split_once('_')?;
    let formed = id.len() == 2 * ID_BYTES && rest.len() == SECRET_CHARS;
    formed.then_some(id)
}

fn check(new: &NewToken) -> Result<(), ServeError> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_LENGTH || name.chars().any(char::is_control) {
        return Err(ServeError::setup(
            "a token's name is 1 to 100 characters in one line",
            "name who or what will use it, such as `shop`",
        ));
    }
    if new.scopes.is_empty() {
        return Err(ServeError::setup(
            "a token without a scope allows nothing",
            "give --scope chat, --scope predict or --scope admin",
        ));
    }
    if new.per_minute == Some(0) {
        return Err(ServeError::setup(
            "a token with 0 requests a minute allows nothing",
            "give at least 1, or leave --per-minute out for no limit",
        ));
    }
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N], ServeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| ServeError::own(format!("the system gives no random bytes: {e}")))?;
    Ok(bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing into a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
