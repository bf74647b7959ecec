//! Costs as CodeCarbon writes them.

use super::{Cost, EnergySource, SECONDS_PER_HOUR};
use crate::machine::Machine;
use crate::store::Run;

/// The columns of CodeCarbon's `emissions.csv`, in its order (version 3.3).
pub const CODECARBON: [&str; 38] = [
    "timestamp",
    "project_name",
    "run_id",
    "experiment_id",
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "water_consumed",
    "country_name",
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "os",
    "python_version",
    "codecarbon_version",
    "cpu_count",
    "cpu_model",
    "gpu_count",
    "gpu_model",
    "longitude",
    "latitude",
    "ram_total_size",
    "tracking_mode",
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
    "on_cloud",
    "pue",
    "wue",
];

/// A run as a line of `emissions.csv`. Powers are means in W and energies are kWh, both with the
/// overhead of the building, emissions kg; what is not known or does not apply is empty.
pub fn codecarbon_row(run: &Run) -> Vec<String> {
    let machine: Option<Machine> = serde_json::from_str(&run.machine).ok();
    CODECARBON
        .iter()
        .map(|column| {
            let of_run = of_run(column, run);
            let of_cost = || run.cost.as_ref().and_then(|cost| of_cost(column, cost));
            let of_machine = || machine.as_ref().and_then(|m| of_machine(column, m));
            let share = || used_share(column, run, machine.as_ref());
            of_run
                .or_else(of_cost)
                .or_else(of_machine)
                .or_else(share)
                .unwrap_or_default()
        })
        .collect()
}

fn of_run(column: &str, run: &Run) -> Option<String> {
    Some(match column {
        // Without fractions of a second and the zone, which is universal time.
        "timestamp" => run.created.chars().take(19).collect(),
        "project_name" => "modelwright".into(),
        "run_id" => run.id.clone(),
        "duration" => run.total_seconds().to_string(),
        _ => return None,
    })
}

fn of_cost(column: &str, cost: &Cost) -> Option<String> {
    let usage = &cost.usage;
    let pue = cost.rates.pue;
    let watts = |kwh: f64| match usage.seconds > 0.0 {
        true => kwh * pue * 1000.0 * SECONDS_PER_HOUR / usage.seconds,
        false => 0.0,
    };
    let value = match column {
        "emissions" => cost.emissions_kg,
        "emissions_rate" if usage.seconds > 0.0 => cost.emissions_kg / usage.seconds,
        "cpu_power" => watts(usage.processor_kwh),
        "ram_power" => watts(usage.memory_kwh),
        "cpu_energy" => usage.processor_kwh * pue,
        "ram_energy" => usage.memory_kwh * pue,
        "energy_consumed" => cost.energy_kwh,
        // Nothing computes on a graphics card.
        "gpu_power" | "gpu_energy" => 0.0,
        "pue" => pue,
        "country_name" if !cost.grid.code.is_empty() => return Some(cost.grid.name.clone()),
        "country_iso_code" => return Some(cost.grid.code.clone()),
        "tracking_mode" => {
            let counted = usage.source == EnergySource::Counters;
            return Some(if counted { "machine" } else { "process" }.into());
        }
        _ => return None,
    };
    Some(value.to_string())
}

fn of_machine(column: &str, machine: &Machine) -> Option<String> {
    Some(match column {
        "os" => machine.system.clone(),
        "cpu_count" => machine.threads.to_string(),
        "cpu_model" => machine.processor.clone(),
        "ram_total_size" => (machine.memory? as f64 / f64::from(1 << 30)).to_string(),
        _ => return None,
    })
}

/// How much of the machine's processors the run used.
fn used_share(column: &str, run: &Run, machine: Option<&Machine>) -> Option<String> {
    let usage = &run.cost.as_ref()?.usage;
    let all = usage.seconds * machine?.threads as f64;
    let known = column == "cpu_utilization_percent" && all > 0.0;
    known.then(|| {
        (100.0 * usage.processor_seconds / all)
            .min(100.0)
            .to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Rates, Usage};
    use super::*;
    use crate::store::{NewRun, Store};
    use std::collections::BTreeMap;

    #[test]
    fn a_run_is_a_line_of_codecarbons() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let machine =
            r#"{"processor":"P","threads":4,"system":"linux x86_64","memory":8589934592}"#;
        let new = NewRun {
            prefix: "iris-mlp",
            task: "t",
            architecture: "mlp",
            source: "iris",
            recipe: "",
            machine,
        };
        let id = store.create(&new).unwrap();
        let usage = Usage {
            seconds: 3600.0,
            processor_seconds: 7200.0,
            processor_kwh: 0.024,
            memory_kwh: 0.003,
            peak_memory: None,
            source: EnergySource::ProcessorTime,
        };
        let rates = Rates {
            country: "de".into(),
            pue: 2.0,
            ..Rates::default()
        };
        let bare = store.get(&id).unwrap();
        store
            .set_cost(&id, "2026", &Cost::new(usage, rates))
            .unwrap();
        store.set_live_seconds(&id, 3600.0).unwrap();
        let run = store.get(&id).unwrap();
        let row: BTreeMap<&str, String> =
            CODECARBON.into_iter().zip(codecarbon_row(&run)).collect();
        for (column, value) in [
            ("run_id", "iris-mlp-1"),
            ("duration", "3600"),
            ("cpu_power", "48"),
            ("ram_power", "6"),
            ("cpu_energy", "0.048"),
            ("gpu_energy", "0"),
            ("ram_energy", "0.006"),
            ("energy_consumed", "0.054"),
            ("country_name", "Germany"),
            ("country_iso_code", "DEU"),
            ("cpu_model", "P"),
            ("ram_total_size", "8"),
            ("tracking_mode", "process"),
            ("cpu_utilization_percent", "50"),
            ("pue", "2"),
            ("python_version", ""),
        ] {
            assert_eq!(row[column], value, "{column}");
        }
        let emissions: f64 = row["emissions"].parse().unwrap();
        assert!((emissions - 0.054 * 0.34414).abs() < 1e-9);
        assert_eq!(row["timestamp"].len(), "2026-03-01T14:05:00".len());
        // A run of an older version has no energies.
        let row = codecarbon_row(&bare);
        assert_eq!(row.len(), CODECARBON.len());
        assert_eq!(row[5], "");
    }
}
