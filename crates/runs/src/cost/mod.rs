//! What runs and predictions cost: energy, carbon, time, memory and money.

mod codecarbon;
mod grid;
mod meter;
mod predictions;
mod rapl;
mod rates;

pub use codecarbon::{CODECARBON, codecarbon_row};
pub use grid::Grid;
pub use meter::Meter;
pub use predictions::cost_of_predictions;
pub use rates::{RateSetting, Rates};

use modelwright_evaluate::number;
use serde::{Deserialize, Serialize};

const SECONDS_PER_HOUR: f64 = 3600.0;
const GRAMS_PER_KG: f64 = 1000.0;

/// What a process used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Wall seconds.
    pub seconds: f64,
    /// Seconds that the threads of the process computed, added up.
    pub processor_seconds: f64,
    /// Energy of the processor, in kWh.
    pub processor_kwh: f64,
    /// Energy of the memory, in kWh: 3 W for 8 GB, as CodeCarbon 2 estimates it.
    pub memory_kwh: f64,
    /// The largest memory that the process had, in bytes; `None` where the system does not tell.
    #[serde(rename = "peak_memory_bytes")]
    pub peak_memory: Option<u64>,
    /// Where the processor's energy is from.
    #[serde(rename = "energy_source")]
    pub source: EnergySource,
}

/// Where the energy of a processor is from, the most reliable first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnergySource {
    /// Read from the processor's counters (RAPL), which count all programs on the machine.
    #[default]
    Counters,
    /// Estimated from the processor time of the process, here or for a part of the time.
    ProcessorTime,
    /// Estimated from the time that passed, as if all cores had computed.
    WallTime,
}

impl Usage {
    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            processor_seconds: self.processor_seconds + other.processor_seconds,
            processor_kwh: self.processor_kwh + other.processor_kwh,
            memory_kwh: self.memory_kwh + other.memory_kwh,
            peak_memory: self.peak_memory.max(other.peak_memory),
            source: self.source.max(other.source),
        }
    }

    /// A share of it; the memory is what it is.
    fn times(self, share: f64) -> Self {
        Self {
            seconds: self.seconds * share,
            processor_seconds: self.processor_seconds * share,
            processor_kwh: self.processor_kwh * share,
            memory_kwh: self.memory_kwh * share,
            ..self
        }
    }
}

/// What was used up, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// What was used.
    #[serde(flatten)]
    pub usage: Usage,
    /// Energy of processor and memory with the overhead of the building, in kWh.
    pub energy_kwh: f64,
    /// Kilograms of CO₂-equivalents.
    pub emissions_kg: f64,
    /// Price of the time, if the hour has one.
    pub money: Option<f64>,
    /// The electricity.
    pub grid: Grid,
    /// What it was counted at.
    pub rates: Rates,
}

impl Cost {
    /// Carbon is energy times intensity, money is time times price.
    pub fn new(usage: Usage, rates: Rates) -> Self {
        let grid = rates.grid();
        let energy_kwh = (usage.processor_kwh + usage.memory_kwh) * rates.pue;
        Self {
            usage,
            energy_kwh,
            emissions_kg: energy_kwh * grid.intensity / GRAMS_PER_KG,
            money: rates
                .hourly_price
                .map(|price| price * usage.seconds / SECONDS_PER_HOUR),
            grid,
            rates,
        }
    }

    /// The cost of several processes together, each at its own rates; what is said of the rates is of
    /// the last one. `None` for none.
    pub fn total(costs: impl IntoIterator<Item = Self>) -> Option<Self> {
        costs.into_iter().reduce(|before, after| Self {
            usage: before.usage.and(after.usage),
            energy_kwh: before.energy_kwh + after.energy_kwh,
            emissions_kg: before.emissions_kg + after.emissions_kg,
            money: match (before.money, after.money) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
            },
            ..after
        })
    }

    /// What the same usage costs at other rates; how its energy was estimated stays.
    pub fn at(&self, rates: &Rates) -> Self {
        let watts_per_core = self.rates.watts_per_core;
        Self::new(
            self.usage,
            Rates {
                watts_per_core,
                ..rates.clone()
            },
        )
    }

    /// A share of it.
    pub fn times(&self, share: f64) -> Self {
        Self {
            usage: self.usage.times(share),
            energy_kwh: self.energy_kwh * share,
            emissions_kg: self.emissions_kg * share,
            money: self.money.map(|money| money * share),
            ..self.clone()
        }
    }

    /// The energy as people read it, such as `1.3 Wh`.
    pub fn energy(&self) -> String {
        scaled(self.energy_kwh, ["kWh", "Wh", "mWh"])
    }

    /// The carbon as people read it, such as `0.6 g CO₂e`.
    pub fn emissions(&self) -> String {
        scaled(self.emissions_kg, ["kg", "g", "mg"]) + " CO₂e"
    }

    /// The money as people read it, such as `0.02 EUR`.
    pub fn price(&self) -> Option<String> {
        let money = self.money?;
        Some(
            format!("{} {}", number(money), self.rates.currency)
                .trim_end()
                .into(),
        )
    }

    /// All of it on one line.
    pub fn words(&self) -> String {
        let price = self.price().map(|price| format!(", {price}"));
        format!(
            "{}, {}{}",
            self.energy(),
            self.emissions(),
            price.unwrap_or_default()
        )
    }

    /// How the energy was found and what the carbon was counted at.
    pub fn basis(&self) -> String {
        let watts = number(self.rates.watts_per_core);
        let energy = match self.usage.source {
            EnergySource::Counters => {
                "energy read from the processor's counters (RAPL), which count all programs on the machine; \
                 memory at 3 W for 8 GB"
                    .to_string()
            }
            EnergySource::ProcessorTime => format!(
                "energy estimated from {} s of processor time at {watts} W a core and 3 W for 8 GB of memory",
                number(self.usage.processor_seconds)
            ),
            EnergySource::WallTime => format!(
                "energy estimated from the time that passed, as if all cores had computed, at {watts} W a \
                 core"
            ),
        };
        let names = [self.grid.name.as_str(), self.grid.source.as_str()];
        let names = names.map(|name| (!name.is_empty()).then_some(name));
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let overhead = match self.rates.pue {
            1.0 => String::new(),
            pue => format!("; the building's overhead (PUE) is {}", number(pue)),
        };
        format!(
            "{energy}; {} g CO₂e a kWh ({}){overhead}",
            number(self.grid.intensity),
            names.join(", ")
        )
    }
}

/// In the unit in which the number is at least 1; units are a thousand apart, the largest first.
fn scaled(value: f64, units: [&str; 3]) -> String {
    if value == 0.0 {
        return format!("0 {}", units[0]);
    }
    let (value, unit) = match value {
        v if v >= 1.0 => (v, units[0]),
        v if v >= 1e-3 => (v * 1e3, units[1]),
        v => (v * 1e6, units[2]),
    };
    // Three digits are more than an estimate is good for.
    let places = (2 - value.log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.places$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> Usage {
        Usage {
            seconds: 1800.0,
            processor_seconds: 3600.0,
            processor_kwh: 0.012,
            memory_kwh: 0.004,
            peak_memory: Some(100),
            source: EnergySource::ProcessorTime,
        }
    }

    fn rates(country: &str) -> Rates {
        Rates {
            country: country.into(),
            pue: 1.5,
            hourly_price: Some(0.4),
            currency: "EUR".into(),
            ..Rates::default()
        }
    }

    #[test]
    fn carbon_is_energy_by_intensity_and_money_is_time_by_price() {
        let cost = Cost::new(usage(), rates("FR"));
        assert!((cost.energy_kwh - 0.024).abs() < 1e-12);
        assert!((cost.emissions_kg - 0.024 * 0.04418).abs() < 1e-12);
        assert_eq!(cost.money, Some(0.2));
        assert_eq!(cost.words(), "24.0 Wh, 1.06 g CO₂e, 0.2 EUR");
        let basis = cost.basis();
        for part in ["3600 s", "12 W", "France, Ember 2024", "PUE) is 1.5"] {
            assert!(basis.contains(part), "{part}: {basis}");
        }
        assert_eq!(Cost::new(usage(), Rates::default()).price(), None);
    }

    #[test]
    fn processes_add_up_at_their_own_rates() {
        let parts = [
            Cost::new(usage(), Rates::default()),
            Cost::new(usage(), rates("FR")),
        ];
        let [first, second] = parts.clone();
        let total = Cost::total(parts).unwrap();
        assert_eq!(total.energy_kwh, first.energy_kwh + second.energy_kwh);
        assert_eq!(total.emissions_kg, first.emissions_kg + second.emissions_kg);
        assert_eq!((total.money, total.usage.seconds), (Some(0.2), 3600.0));
        assert_eq!((total.grid, total.rates), (second.grid, second.rates));
        assert_eq!(Cost::total([]), None);
    }

    #[test]
    fn the_same_usage_can_be_counted_at_other_rates() {
        let here = Cost::new(usage(), Rates::default());
        let there = here.at(&rates("NO"));
        assert_eq!(there.usage, here.usage);
        assert_eq!(there, Cost::new(usage(), rates("NO")));
        let tenth = there.times(0.1);
        assert!((tenth.emissions_kg * 10.0 - there.emissions_kg).abs() < 1e-12);
        assert_eq!(tenth.usage.peak_memory, Some(100));
    }

    #[test]
    fn a_cost_is_kept_as_json() {
        let cost = Cost::new(usage(), rates("FR"));
        let text = serde_json::to_string(&cost).unwrap();
        assert!(text.contains("\"processor-time\""), "{text}");
        let again: Cost = serde_json::from_str(&text).unwrap();
        assert_eq!(again, cost);
    }

    #[test]
    fn small_amounts_are_read_in_small_units() {
        for (value, text) in [
            (0.0, "0 kg"),
            (12.345, "12.3 kg"),
            (1234.4, "1234 kg"),
            (0.0012, "1.20 g"),
            (0.000_012_3, "12.3 mg"),
            (1e-9, "0.0010 mg"),
        ] {
            assert_eq!(scaled(value, ["kg", "g", "mg"]), text);
        }
    }
}
