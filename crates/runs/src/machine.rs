//! What machine this is, for run records and model cards.

use serde::{Deserialize, Serialize};

/// The machine a run was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processor name, where the system tells it.
    pub processor: String,
    /// Threads that compute at once.
    pub threads: usize,
    /// Operating system and instruction set.
    pub system: String,
    /// Memory in bytes, where the system tells it.
    #[serde(default)]
    pub memory: Option<u64>,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info
            .lines()
            .find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: model
                .map_or("unknown processor", |(_, name)| name.trim())
                .to_string(),
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            memory: total_memory(),
        }
    }
}

/// The largest memory this process has had, in bytes; `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    bytes("/proc/self/status", "VmHWM:")
}

/// The memory this process has now.
pub(crate) fn resident_memory() -> Option<u64> {
    bytes("/proc/self/status", "VmRSS:")
}

/// The memory of the machine.
pub(crate) fn total_memory() -> Option<u64> {
    bytes("/proc/meminfo", "MemTotal:")
}

/// A line such as `VmHWM:   1024 kB` of one of Linux's tables.
fn bytes(path: &str, key: &str) -> Option<u64> {
    let table = std::fs::read_to_string(path).ok()?;
    let line = table.lines().find_map(|l| l.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Seconds that the threads of this process, ended ones too, have computed; `None` where the system
/// does not tell.
pub(crate) fn processor_seconds() -> Option<f64> {
    seconds_in(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// The 14th and 15th entry of a line of `/proc/PID/stat`, in hundredths of a second.
fn seconds_in(stat: &str) -> Option<f64> {
    // The second entry is the name of the program, which may hold blanks and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut entries = rest.split_whitespace().skip(11);
    let mut hundredths = || entries.next()?.parse::<u64>().ok();
    let (user, system) = (hundredths()?, hundredths()?);
    Some((user + system) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_whatever_the_program_is_called() {
        let line = "7 (a) b) R 1 2 3 0 -1 4194304 99 0 0 0 250 50 0 0 20 0 1 0";
        assert_eq!(seconds_in(line), Some(3.0));
        assert_eq!(seconds_in("7 (a) R 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_memory_and_time() {
        let machine = Machine::this();
        assert!(machine.memory > resident_memory());
        assert!(resident_memory() > Some(100_000));
        assert!(processor_seconds().is_some());
        // Runs of older versions have no memory in their record.
        let old = r#"{"processor":"P","threads":2,"system":"s"}"#;
        assert_eq!(serde_json::from_str::<Machine>(old).unwrap().memory, None);
    }
}
