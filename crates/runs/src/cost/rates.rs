//! What energy and time are counted at.

use super::grid::{Grid, find};
use crate::error::RunError;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::Path;

/// The file in the folder of runs that holds [`Rates`]; what it leaves out is as usual.
const FILE: &str = "cost.toml";
/// The word for the mean of all countries.
const WORLD: &str = "world";

/// What energy and time are counted at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// The country whose electricity it is, by its letters in ISO 3166 (`DE`, `DEU`); `world` is the
    /// mean of all.
    pub country: String,
    /// Grams of CO₂-equivalents a kWh, in place of the country's mean.
    pub intensity: Option<f64>,
    /// Power usage effectiveness: energy of the building for each kWh of its computers.
    pub pue: f64,
    /// Watts of a core that computes, where the processor's energy is estimated. The usual value is that
    /// of the Green Algorithms calculator for processors that it does not know (Lannelongue et al.
    /// 2021).
    pub watts_per_core: f64,
    /// Price of the machine for an hour.
    pub hourly_price: Option<f64>,
    /// Of the price.
    pub currency: String,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            country: WORLD.into(),
            intensity: None,
            pue: 1.0,
            watts_per_core: 12.0,
            hourly_price: None,
            currency: String::new(),
        }
    }
}

/// A setting: its key, its variable and what it is.
pub struct RateSetting {
    /// As in flags.
    pub key: &'static str,
    /// The environment's variable.
    pub variable: &'static str,
    /// What it is.
    pub help: &'static str,
}

impl Rates {
    /// All settings.
    pub const SETTINGS: [RateSetting; 6] = [
        RateSetting {
            key: "country",
            variable: "MODELWRIGHT_COUNTRY",
            help: "Country whose electricity it is, such as DE or CHN; `world` is the mean of all",
        },
        RateSetting {
            key: "intensity",
            variable: "MODELWRIGHT_CARBON_INTENSITY",
            help: "Grams of CO2e a kWh, in place of the country's mean",
        },
        RateSetting {
            key: "pue",
            variable: "MODELWRIGHT_PUE",
            help: "Energy of the building for each kWh of its computers (power usage effectiveness)",
        },
        RateSetting {
            key: "watts-per-core",
            variable: "MODELWRIGHT_WATTS_PER_CORE",
            help: "Watts of a core that computes, where the processor's energy is estimated",
        },
        RateSetting {
            key: "hourly-price",
            variable: "MODELWRIGHT_HOURLY_PRICE",
            help: "Price of the machine for an hour",
        },
        RateSetting {
            key: "currency",
            variable: "MODELWRIGHT_CURRENCY",
            help: "Currency of the price, such as EUR",
        },
    ];

    /// Those of a folder of runs: what its `cost.toml` says, with what the environment says on top.
    ///
    /// # Errors
    /// One of them makes no sense.
    pub fn load(runs: &Path) -> Result<Self, RunError> {
        Self::read(runs, |variable| std::env::var(variable).ok())
    }

    fn read(runs: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, RunError> {
        let path = runs.join(FILE);
        let mut rates: Self = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|e| RunError::content(&path, e.message()))?,
            // A folder that cannot be one is for the store to tell.
            Err(e) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&e.kind()) => {
                Self::default()
            }
            Err(e) => return Err(RunError::io(&path, e)),
        };
        rates.check().map_err(|e| RunError::content(&path, e))?;
        for setting in &Self::SETTINGS {
            if let Some(value) = variable(setting.variable).filter(|v| !v.trim().is_empty()) {
                rates
                    .set(setting.key, &value)
                    .map_err(|problem| RunError::Setting {
                        name: setting.variable.into(),
                        problem,
                    })?;
            }
        }
        Ok(rates)
    }

    /// Sets one by its key in [`Self::SETTINGS`].
    ///
    /// # Errors
    /// The value makes no sense; the text says why.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let value = value.trim();
        let number = || {
            let number = value.parse::<f64>();
            number.map_err(|_| format!("`{value}` is no number"))
        };
        match key {
            "country" => self.country = value.into(),
            "intensity" => self.intensity = Some(number()?),
            "pue" => self.pue = number()?,
            "watts-per-core" => self.watts_per_core = number()?,
            "hourly-price" => self.hourly_price = Some(number()?),
            "currency" => self.currency = value.into(),
            _ => return Err(format!("there is no setting `{key}`")),
        }
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        if !self.is_world() && find(&self.country).is_none() {
            return Err(format!(
                "the electricity of the country `{}` is not known; give the grams of CO2e a kWh of your \
                 supplier as the intensity instead, or `{WORLD}` for the mean of all countries",
                self.country
            ));
        }
        let fits = |value: f64, least: f64| value.is_finite() && value >= least;
        for (name, value, least) in [
            ("intensity", self.intensity.unwrap_or(0.0), 0.0),
            ("power usage effectiveness", self.pue, 1.0),
            ("watts of a core", self.watts_per_core, 0.0),
            ("hourly price", self.hourly_price.unwrap_or(0.0), 0.0),
        ] {
            if !fits(value, least) {
                return Err(format!("the {name} is {value}; it must be {least} or more"));
            }
        }
        Ok(())
    }

    fn is_world(&self) -> bool {
        self.country.is_empty() || self.country.eq_ignore_ascii_case(WORLD)
    }

    /// The electricity that these rates mean.
    pub fn grid(&self) -> Grid {
        let known = (!self.is_world()).then(|| find(&self.country)).flatten();
        let mut grid = known.unwrap_or_else(Grid::world);
        if let Some(intensity) = self.intensity {
            grid.intensity = intensity;
            grid.source = "as given".into();
            if self.is_world() {
                grid.name.clear();
            }
        }
        grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_what_is_usual() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        assert_eq!(Rates::read(folder.path(), none).unwrap(), Rates::default());
        let file = folder.path().join(FILE);
        std::fs::write(&file, "country = \"fr\"\npue = 1.2\nhourly_price = 0.5\n").unwrap();
        let variable = |name: &str| (name == "MODELWRIGHT_COUNTRY").then(|| "DEU".to_string());
        let rates = Rates::read(folder.path(), variable).unwrap();
        assert_eq!((rates.country.as_str(), rates.pue), ("DEU", 1.2));
        assert_eq!(rates.hourly_price, Some(0.5));
        assert_eq!(rates.grid().name, "Germany");
        assert_eq!(Rates::read(folder.path(), none).unwrap().grid().code, "FRA");
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        for (text, word) in [
            ("country = \"Atlantis\"", "Atlantis"),
            ("pue = 0.5", "effectiveness"),
            ("prize = 1", "prize"),
            ("pue = nan", "effectiveness"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Rates::read(folder.path(), |_| None).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(word) && error.contains(FILE), "{error}");
        }
        std::fs::remove_file(&file).unwrap();
        let variable = |name: &str| (name == "MODELWRIGHT_PUE").then(|| "much".to_string());
        let error = Rates::read(folder.path(), variable).unwrap_err();
        assert!(error.to_string().contains("MODELWRIGHT_PUE"), "{error}");
        for setting in &Rates::SETTINGS {
            assert!(Rates::default().set(setting.key, "1").is_ok() || setting.key == "country");
        }
    }

    #[test]
    fn an_intensity_given_wins_over_the_country() {
        let mut rates = Rates::default();
        assert_eq!(rates.grid(), Grid::world());
        rates.set("country", "se").unwrap();
        rates.set("intensity", "12.5").unwrap();
        let grid = rates.grid();
        assert_eq!((grid.name.as_str(), grid.intensity), ("Sweden", 12.5));
        assert_eq!(grid.source, "as given");
    }
}
