//! Measuring what a process uses up while it works.

use super::rapl::{ROOT, Rapl};
use super::{Cost, EnergySource, Rates, Usage};
use crate::machine::{peak_memory, processor_seconds, resident_memory, total_memory};
use jiff::Timestamp;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two samples, as CodeCarbon takes them: short beside one turn of a counter.
const INTERVAL: Duration = Duration::from_secs(15);
/// Watts of a byte of memory: 3 W for 8 GB, as CodeCarbon 2 has it.
const WATTS_PER_BYTE: f64 = 3.0 / 8e9;
const JOULES_PER_KWH: f64 = 3.6e6;
/// A counter that stands still for so many seconds counts nothing.
const STILL: f64 = 1.0;

/// Counts energy, time and memory of this process from its start until it is dropped.
///
/// The processor's energy is that of its counters where they can be read: of the whole machine, whoever
/// computes there, and memory is then the machine's too. Elsewhere it is estimated from the processor
/// time of this process, with the memory that this process has.
pub struct Meter {
    rates: Rates,
    started: String,
    state: Arc<Mutex<State>>,
    /// The sampling thread ends when this goes.
    stop: Option<Sender<()>>,
    sampler: Option<JoinHandle<()>>,
}

impl Meter {
    /// Starts counting.
    pub fn start(rates: Rates) -> Self {
        let state = State::new(&rates, Rapl::open(Path::new(ROOT)));
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = channel::<()>();
        let theirs = state.clone();
        // Without this thread a counter may turn over unseen in a long run, and nothing else is lost.
        let sampler = std::thread::Builder::new()
            .name("energy".into())
            .spawn(move || {
                while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    locked(&theirs).sample();
                }
            });
        Self {
            rates,
            started: Timestamp::now().to_string(),
            state,
            stop: Some(stop),
            sampler: sampler.ok(),
        }
    }

    /// When it was started, RFC 3339.
    pub fn started(&self) -> &str {
        &self.started
    }

    /// What was used so far.
    pub fn usage(&self) -> Usage {
        let mut state = locked(&self.state);
        state.sample();
        state.usage
    }

    /// What that costs.
    pub fn cost(&self) -> Cost {
        Cost::new(self.usage(), self.rates.clone())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(sampler) = self.sampler.take() {
            let _ = sampler.join();
        }
    }
}

/// A sample that broke off leaves sums that are still sums.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct State {
    usage: Usage,
    watts_per_core: f64,
    rapl: Option<Rapl>,
    last: Instant,
    last_processor_seconds: Option<f64>,
}

impl State {
    fn new(rates: &Rates, rapl: Option<Rapl>) -> Self {
        Self {
            usage: Usage::default(),
            watts_per_core: rates.watts_per_core,
            rapl,
            last: Instant::now(),
            last_processor_seconds: processor_seconds(),
        }
    }

    /// Adds what was used since the last sample.
    fn sample(&mut self) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        let processor = processor_seconds();
        let before = std::mem::replace(&mut self.last_processor_seconds, processor);
        let joules = self.rapl.as_mut().and_then(Rapl::joules);
        // In some virtual machines the counters are there and never move.
        let joules = joules.filter(|j| *j > 0.0 || seconds < STILL);
        if joules.is_none() {
            self.rapl = None;
        }
        let memory = match joules {
            Some(_) => total_memory(),
            None => resident_memory(),
        };
        let sample = Sample {
            seconds,
            processor_seconds: processor.zip(before).map(|(now, before)| now - before),
            joules,
            memory,
        };
        sample.add_to(&mut self.usage, self.watts_per_core);
        self.usage.peak_memory = peak_memory().max(self.usage.peak_memory);
    }
}

/// What happened between two moments.
struct Sample {
    seconds: f64,
    /// `None` where the system does not tell.
    processor_seconds: Option<f64>,
    /// Of the processor; `None` without counters.
    joules: Option<f64>,
    /// Bytes that take power.
    memory: Option<u64>,
}

impl Sample {
    fn add_to(&self, usage: &mut Usage, watts_per_core: f64) {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let busy = self
            .processor_seconds
            .unwrap_or(self.seconds * threads as f64);
        let (joules, source) = match (self.joules, self.processor_seconds) {
            (Some(joules), _) => (joules, EnergySource::Counters),
            (None, Some(_)) => (busy * watts_per_core, EnergySource::ProcessorTime),
            (None, None) => (busy * watts_per_core, EnergySource::WallTime),
        };
        let memory = self.memory.unwrap_or(0) as f64 * WATTS_PER_BYTE * self.seconds;
        usage.seconds += self.seconds;
        usage.processor_seconds += busy;
        usage.processor_kwh += joules / JOULES_PER_KWH;
        usage.memory_kwh += memory / JOULES_PER_KWH;
        usage.source = usage.source.max(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 3600.0;

    #[test]
    fn energy_is_counted_or_estimated() {
        let mut usage = Usage::default();
        let counted = Sample {
            seconds: HOUR,
            processor_seconds: Some(2.0 * HOUR),
            joules: Some(36e3 * 10.0), // 100 W for an hour
            memory: Some(16_000_000_000),
        };
        counted.add_to(&mut usage, 12.0);
        assert!((usage.processor_kwh - 0.1).abs() < 1e-12);
        assert!((usage.memory_kwh - 0.006).abs() < 1e-12);
        assert_eq!(usage.source, EnergySource::Counters);
        let estimated = Sample {
            joules: None,
            ..counted
        };
        estimated.add_to(&mut usage, 12.0);
        // Two cores of 12 W for an hour come on top, and the source is the weaker of the two.
        assert!((usage.processor_kwh - 0.124).abs() < 1e-12);
        assert_eq!(usage.source, EnergySource::ProcessorTime);
        assert_eq!(
            (usage.seconds, usage.processor_seconds),
            (2.0 * HOUR, 4.0 * HOUR)
        );
    }

    #[test]
    fn a_counter_that_stands_still_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("intel-rapl:0");
        std::fs::create_dir(&zone).unwrap();
        for (file, text) in [
            ("name", "package-0"),
            ("max_energy_range_uj", "1000"),
            ("energy_uj", "5"),
        ] {
            std::fs::write(zone.join(file), text).unwrap();
        }
        let mut state = State::new(&Rates::default(), Rapl::open(folder.path()));
        state.last -= Duration::from_secs(2);
        state.sample();
        assert!(state.rapl.is_none());
        assert_ne!(state.usage.source, EnergySource::Counters);
        assert!(state.usage.memory_kwh > 0.0 || cfg!(not(target_os = "linux")));
    }

    #[test]
    fn a_meter_sees_work() {
        let meter = Meter::start(Rates::default());
        let until = Instant::now() + Duration::from_millis(60);
        let mut sum = 0u64;
        while Instant::now() < until {
            sum = std::hint::black_box(sum + 1);
        }
        let usage = meter.usage();
        assert!(usage.seconds >= 0.06, "{usage:?}");
        assert!(usage.processor_seconds > 0.0, "{usage:?}");
        assert!(usage.processor_kwh > 0.0, "{usage:?}");
        assert!(meter.usage().seconds > usage.seconds);
    }
}
