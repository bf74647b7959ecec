//! The energy counters of the processor.

use std::path::{Path, PathBuf};

/// Where Linux shows them.
pub(super) const ROOT: &str = "/sys/class/powercap";

/// Energy counters of all processor packages: RAPL (Running Average Power Limit), of Intel's and of
/// AMD's processors, through Linux's `powercap`.
#[derive(Debug)]
pub(super) struct Rapl {
    packages: Vec<Package>,
}

/// A processor with all its cores. Zones inside of it (cores, memory) would count twice.
#[derive(Debug)]
struct Package {
    counter: PathBuf,
    /// Microjoules at which the counter starts again from 0.
    range: u64,
    last: u64,
}

impl Rapl {
    /// The counters below `root`. `None` if there are none, as in most virtual machines, or if one
    /// cannot be read: since CVE-2020-8694 Linux shows them to the administrator alone, unless told
    /// otherwise.
    pub fn open(root: &Path) -> Option<Self> {
        let zones = std::fs::read_dir(root).ok()?.flatten();
        let packages = zones
            .map(|entry| entry.path())
            .filter(|zone| is_package(zone))
            .map(|zone| Package::open(&zone))
            .collect::<Option<Vec<_>>>()?;
        (!packages.is_empty()).then_some(Self { packages })
    }

    /// Joules since the last call, of all packages; `None` if one can no longer be read.
    pub fn joules(&mut self) -> Option<f64> {
        let mut microjoules = 0;
        for package in &mut self.packages {
            microjoules += package.advance()?;
        }
        Some(microjoules as f64 / 1e6)
    }
}

impl Package {
    fn open(zone: &Path) -> Option<Self> {
        let counter = zone.join("energy_uj");
        Some(Self {
            range: number(&zone.join("max_energy_range_uj"))?,
            last: number(&counter)?,
            counter,
        })
    }

    /// Microjoules since the last call, which must not be longer ago than the counter takes for one
    /// turn: at 100 W that is three quarters of an hour.
    fn advance(&mut self) -> Option<u64> {
        let now = number(&self.counter)?;
        let last = std::mem::replace(&mut self.last, now);
        Some(match now >= last {
            true => now - last,
            false => self.range.saturating_sub(last) + now,
        })
    }
}

/// Whether a zone is a whole package: `intel-rapl:0`, but not its part `intel-rapl:0:1`, nor the whole
/// machine (`psys`), which counts the packages again.
fn is_package(zone: &Path) -> bool {
    let name = zone.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix("intel-rapl:"));
    number.is_some_and(|n| n.parse::<u32>().is_ok())
        && std::fs::read_to_string(zone.join("name")).is_ok_and(|n| n.starts_with("package"))
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(root: &Path, folder: &str, name: &str, counter: &str) -> PathBuf {
        let zone = root.join(folder);
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::write(zone.join("name"), format!("{name}\n")).unwrap();
        std::fs::write(zone.join("max_energy_range_uj"), "1000000\n").unwrap();
        std::fs::write(zone.join("energy_uj"), counter).unwrap();
        zone.join("energy_uj")
    }

    #[test]
    fn packages_add_up_and_counters_turn_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let first = zone(root, "intel-rapl:0", "package-0", "900000\n");
        let second = zone(root, "intel-rapl:1", "package-1", "100\n");
        for (inner, name) in [
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl-mmio:0", "package-0"),
        ] {
            zone(root, inner, name, "7\n");
        }
        let mut rapl = Rapl::open(root).unwrap();
        assert_eq!(rapl.packages.len(), 2);
        assert_eq!(rapl.joules(), Some(0.0));
        std::fs::write(&first, "200000\n").unwrap();
        std::fs::write(&second, "500100\n").unwrap();
        // 100,000 up to the turn, 200,000 after it, and 500,000 of the other.
        assert_eq!(rapl.joules(), Some(0.8));
        std::fs::remove_file(&first).unwrap();
        assert_eq!(rapl.joules(), None);
    }

    #[test]
    fn counters_that_are_not_there_or_say_nothing_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Rapl::open(&folder.path().join("none")).is_none());
        assert!(Rapl::open(folder.path()).is_none());
        // As a file that may not be read: one that has no number.
        zone(folder.path(), "intel-rapl:0", "package-0", "1");
        zone(folder.path(), "intel-rapl:1", "package-1", "");
        assert!(Rapl::open(folder.path()).is_none());
    }
}
