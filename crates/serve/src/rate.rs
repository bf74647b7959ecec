//! Token buckets: how often something may be done.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At this many keys, buckets that are full again are forgotten: they are as new ones.
const SWEEP: usize = 4096;

/// One bucket for each key. A bucket holds as many tokens as may be used in a minute and fills up
/// within a minute; each use takes one.
#[derive(Debug)]
pub struct Buckets<K> {
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    per_minute: u32,
    tokens: f64,
    /// When `tokens` was right.
    at: Instant,
}

impl Bucket {
    fn full(per_minute: u32, now: Instant) -> Self {
        Self {
            per_minute,
            tokens: f64::from(per_minute),
            at: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let most = f64::from(self.per_minute);
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * most / 60.0;
        self.tokens = (self.tokens + gained).min(most);
        self.at = now;
    }
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            buckets: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Takes a token, or says how long it is until there is one.
    pub fn take(&self, key: &K, per_minute: u32, now: Instant) -> Result<(), Duration> {
        // A thread that panicked cannot have left a bucket half changed.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP && !buckets.contains_key(key) {
            buckets.retain(|_, bucket| {
                bucket.fill(now);
                bucket.tokens < f64::from(bucket.per_minute)
            });
        }
        let bucket = buckets
            .entry(key.clone())
            .or_insert_with(|| Bucket::full(per_minute, now));
        if bucket.per_minute != per_minute {
            *bucket = Bucket::full(per_minute, now);
        }
        bucket.fill(now);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - bucket.tokens) * 60.0 / f64::from(per_minute.max(1));
        Err(Duration::from_secs_f64(seconds))
    }

    /// Puts a token back that need not have been taken.
    pub fn put_back(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.tokens = (bucket.tokens + 1.0).min(f64::from(bucket.per_minute));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = Buckets::default();
        let start = Instant::now();
        for _ in 0..60 {
            assert_eq!(buckets.take(&"a", 60, start), Ok(()));
        }
        let wait = buckets.take(&"a", 60, start).unwrap_err();
        assert!((wait.as_secs_f64() - 1.0).abs() < 1e-6, "{wait:?}");
        assert_eq!(
            buckets.take(&"b", 60, start),
            Ok(()),
            "each key has its own"
        );
        let later = start + Duration::from_millis(1001);
        assert_eq!(buckets.take(&"a", 60, later), Ok(()));
        assert!(buckets.take(&"a", 60, later).is_err());
        buckets.put_back(&"a");
        assert_eq!(buckets.take(&"a", 60, later), Ok(()));
    }

    #[test]
    fn a_changed_rate_counts_at_once() {
        let buckets = Buckets::default();
        let now = Instant::now();
        assert_eq!(buckets.take(&1, 1, now), Ok(()));
        assert!(buckets.take(&1, 1, now).is_err());
        assert_eq!(buckets.take(&1, 2, now), Ok(()));
    }

    #[test]
    fn many_keys_do_not_stay_forever() {
        let buckets = Buckets::default();
        let start = Instant::now();
        for key in 0..SWEEP {
            let _ = buckets.take(&key, 60, start);
        }
        let later = start + Duration::from_secs(61);
        let _ = buckets.take(&SWEEP, 60, later);
        assert_eq!(buckets.buckets.lock().unwrap().len(), 1);
    }
}
