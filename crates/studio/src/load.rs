//! What this process takes of the machine.

use serde::Serialize;

/// Load at one moment; fields are absent where the system does not tell.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Share of the machine's processors that this process used since the last look, from 0 to 1.
    pub processor: Option<f64>,
    /// Memory of this process in bytes.
    pub memory: Option<u64>,
    #[serde(skip)]
    ticks: Option<Ticks>,
}

/// Processor time since the start, in the system's ticks.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    own: u64,
    all: u64,
}

impl Load {
    /// A first look, from which the next is counted.
    pub fn now() -> Self {
        Self {
            processor: None,
            memory: memory(),
            ticks: ticks(),
        }
    }

    /// A look whose share counts from an earlier one.
    pub fn since(earlier: &Self) -> Self {
        let mut load = Self::now();
        if let (Some(then), Some(now)) = (earlier.ticks, load.ticks) {
            let own = now.own.saturating_sub(then.own) as f64;
            let all = now.all.saturating_sub(then.all) as f64;
            load.processor = (all > 0.0).then(|| (own / all).min(1.0));
        }
        load
    }
}

fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn ticks() -> Option<Ticks> {
    let own = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; user and system time are 12 and 13 fields after it.
    let fields: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
    let time = |i: usize| fields.get(i)?.parse::<u64>().ok();
    let all = std::fs::read_to_string("/proc/stat").ok()?;
    let all = all.lines().next()?.strip_prefix("cpu ")?;
    // Time as a guest, the ninth and tenth, is within user time already.
    let all = all.split_whitespace().take(8);
    Some(Ticks {
        own: time(11)? + time(12)?,
        all: all.map(|t| t.parse::<u64>().unwrap_or(0)).sum(),
    })
}
