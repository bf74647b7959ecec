//! Wall and CPU time of repeated steps.

use cpu_time::ProcessTime;
use std::time::Instant;

/// What was measured; times are medians over the steps.
pub struct Timing {
    /// Wall milliseconds.
    pub wall_ms: f64,
    /// The fastest step.
    pub wall_min_ms: f64,
    /// CPU milliseconds of all threads.
    pub cpu_ms: f64,
    /// Share of the time in which this thread was ready but had no processor.
    pub waiting: f64,
    /// Minor page faults, the mean.
    pub page_faults: f64,
    /// What the first and the last timed step returned.
    pub first: f64,
    /// See `first`.
    pub last: f64,
}

/// Runs `step` a few times, then times it.
pub fn time(mut step: Box<dyn FnMut() -> f64>, warmup: usize, steps: usize) -> Timing {
    for _ in 0..warmup {
        step();
    }
    let (mut wall, mut cpu, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let (waited, faults, started) = (run_delay(), page_faults(), Instant::now());
    for _ in 0..steps {
        let (clock, process) = (Instant::now(), ProcessTime::now());
        values.push(step());
        wall.push(clock.elapsed().as_secs_f64() * 1e3);
        cpu.push(process.elapsed().as_secs_f64() * 1e3);
    }
    let total = started.elapsed().as_secs_f64();
    Timing {
        wall_min_ms: wall.iter().copied().fold(f64::INFINITY, f64::min),
        wall_ms: median(wall),
        cpu_ms: median(cpu),
        waiting: (run_delay() - waited) / 1e9 / total,
        page_faults: (page_faults() - faults) / steps as f64,
        first: values.first().copied().unwrap_or(f64::NAN),
        last: values.last().copied().unwrap_or(f64::NAN),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds in which this thread could have run but did not (Linux; else 0).
fn run_delay() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    number(text.split_whitespace().nth(1))
}

/// Minor page faults of the process so far (Linux; else 0).
fn page_faults() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field may hold blanks; it ends with the last parenthesis.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    number(rest.split_whitespace().nth(7))
}

/// The most memory that was resident at once (Linux; else 0).
pub fn peak_memory_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmHWM:"));
    number(line.and_then(|l| l.split_whitespace().nth(1))) / 1024.0
}

fn number(text: Option<&str>) -> f64 {
    text.and_then(|t| t.parse().ok()).unwrap_or(0.0)
}
