//! Which of a model's versions answers.

use crate::error::ServeError;
use crate::model::Version;
use std::sync::Arc;

/// The loaded versions of a model, oldest first, and who answers. It is replaced as a whole.
#[derive(Clone, Default)]
pub(crate) struct Lineup {
    pub versions: Vec<Arc<Version>>,
    /// Number of the version that answers where none is named.
    pub current: u64,
    /// A version that answers some of these requests.
    pub canary: Option<Canary>,
}

/// A version on trial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canary {
    /// Its number.
    pub number: u64,
    /// Its share of the requests that name no version.
    pub percent: u8,
}

impl Lineup {
    /// The version that answers where none is named.
    pub fn current(&self) -> Option<&Arc<Version>> {
        self.numbered(self.current)
    }

    fn numbered(&self, number: u64) -> Option<&Arc<Version>> {
        self.versions.iter().find(|v| v.number == number)
    }

    pub fn named(&self, model: &str, version: &str) -> Result<&Arc<Version>, ServeError> {
        let found = self.versions.iter().rev().find(|v| v.is(version));
        found.ok_or_else(|| {
            let known: Vec<_> = self.versions.iter().map(|v| v.number.to_string()).collect();
            ServeError::missing(
                format!("`{model}` has no such version"),
                format!("loaded are {}", known.join(", ")),
            )
        })
    }

    /// The version for the `n`-th request that names none: of any hundred in a row, the canary gets
    /// its share.
    pub fn chosen(&self, n: u64) -> Option<&Arc<Version>> {
        // The first requests go to the version that is known to be good.
        let rest = |c: &Canary| u64::from(100 - c.percent);
        let canary = self
            .canary
            .filter(|c| n * u64::from(c.percent) % 100 >= rest(c));
        canary
            .and_then(|c| self.numbered(c.number))
            .or_else(|| self.current())
    }

    pub fn share(&self, number: u64) -> u8 {
        match self.canary {
            Some(c) if c.number == number => c.percent,
            Some(c) if self.current == number => 100 - c.percent,
            None if self.current == number => 100,
            _ => 0,
        }
    }

    /// Drops the oldest versions without a role until `most` are left; returns their numbers.
    pub fn prune(&mut self, most: usize) -> Vec<u64> {
        let mut dropped = Vec::new();
        while self.versions.len() > most {
            let canary = self.canary.map(|c| c.number);
            let idle = |v: &Arc<Version>| v.number != self.current && Some(v.number) != canary;
            let Some(oldest) = self.versions.iter().position(idle) else {
                break;
            };
            dropped.push(self.versions.remove(oldest).number);
        }
        dropped
    }
}
