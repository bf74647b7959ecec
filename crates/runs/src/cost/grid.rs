//! How much carbon a kWh of a country's electricity carries.

use serde::{Deserialize, Serialize};

/// The electricity that a machine ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The country; empty for an intensity that was given without one.
    pub name: String,
    /// Its three letters in ISO 3166; empty if it is no country.
    pub code: String,
    /// Grams of CO₂-equivalents a kWh.
    pub intensity: f64,
    /// Where the intensity is from.
    pub source: String,
}

impl Grid {
    /// The mean of all countries.
    pub fn world() -> Self {
        Self {
            name: "world mean".into(),
            code: String::new(),
            intensity: 473.05,
            source: source(2024),
        }
    }
}

fn source(year: u16) -> String {
    format!("Ember {year}")
}

/// The electricity of a country, by its two or three letters in ISO 3166, in any case.
pub(super) fn find(country: &str) -> Option<Grid> {
    let is = |code: &str| code.eq_ignore_ascii_case(country);
    let found = COUNTRIES.iter().find(|c| is(c.0) || is(c.1));
    found.map(|(_, code, name, intensity, year)| Grid {
        name: (*name).into(),
        code: (*code).into(),
        intensity: *intensity,
        source: source(*year),
    })
}

/// Two letters, three letters, name, grams of CO₂-equivalents for each kWh generated over the life of
/// the plants, and the year of that mean: Ember, Yearly Electricity Data, edition of 2025 (CC BY 4.0).
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str, &str, f64, u16)] = &[
    ("AE", "ARE", "United Arab Emirates", 492.70, 2023),
    ("AL", "ALB", "Albania", 24.42, 2023),
    ("AM", "ARM", "Armenia", 244.34, 2024),
    ("AR", "ARG", "Argentina", 358.95, 2024),
    ("AT", "AUT", "Austria", 102.62, 2024),
    ("AU", "AUS", "Australia", 551.59, 2024),
    ("AZ", "AZE", "Azerbaijan", 633.07, 2024),
    ("BA", "BIH", "Bosnia and Herzegovina", 637.76, 2024),
    ("BD", "BGD", "Bangladesh", 694.63, 2024),
    ("BE", "BEL", "Belgium", 117.58, 2024),
    ("BG", "BGR", "Bulgaria", 264.21, 2024),
    ("BH", "BHR", "Bahrain", 902.41, 2023),
    ("BO", "BOL", "Bolivia", 468.02, 2024),
    ("BR", "BRA", "Brazil", 103.21, 2024),
    ("BY", "BLR", "Belarus", 313.62, 2024),
    ("CA", "CAN", "Canada", 174.81, 2024),
    ("CH", "CHE", "Switzerland", 36.60, 2024),
    ("CL", "CHL", "Chile", 265.52, 2024),
    ("CN", "CHN", "China", 559.55, 2024),
    ("CO", "COL", "Colombia", 285.80, 2024),
    ("CR", "CRI", "Costa Rica", 63.01, 2024),
    ("CY", "CYP", "Cyprus", 512.24, 2024),
    ("CZ", "CZE", "Czechia", 413.86, 2024),
    ("DE", "DEU", "Germany", 344.14, 2024),
    ("DK", "DNK", "Denmark", 143.30, 2024),
    ("DO", "DOM", "Dominican Republic", 566.05, 2024),
    ("DZ", "DZA", "Algeria", 633.65, 2023),
    ("EC", "ECU", "Ecuador", 209.70, 2024),
    ("EE", "EST", "Estonia", 341.02, 2024),
    ("EG", "EGY", "Egypt", 571.92, 2024),
    ("ES", "ESP", "Spain", 146.15, 2024),
    ("ET", "ETH", "Ethiopia", 23.55, 2023),
    ("FI", "FIN", "Finland", 72.25, 2024),
    ("FR", "FRA", "France", 44.18, 2024),
    ("GB", "GBR", "United Kingdom", 210.89, 2024),
    ("GE", "GEO", "Georgia", 143.06, 2024),
    ("GH", "GHA", "Ghana", 452.86, 2023),
    ("GR", "GRC", "Greece", 319.76, 2024),
    ("GT", "GTM", "Guatemala", 272.66, 2023),
    ("HK", "HKG", "Hong Kong", 681.99, 2023),
    ("HR", "HRV", "Croatia", 174.48, 2024),
    ("HU", "HUN", "Hungary", 182.82, 2024),
    ("ID", "IDN", "Indonesia", 682.43, 2023),
    ("IE", "IRL", "Ireland", 279.70, 2024),
    ("IL", "ISR", "Israel", 567.26, 2023),
    ("IN", "IND", "India", 708.32, 2024),
    ("IQ", "IRQ", "Iraq", 689.40, 2023),
    ("IR", "IRN", "Iran", 641.94, 2024),
    ("IS", "ISL", "Iceland", 28.33, 2023),
    ("IT", "ITA", "Italy", 287.53, 2024),
    ("JP", "JPN", "Japan", 482.32, 2024),
    ("KE", "KEN", "Kenya", 88.79, 2024),
    ("KG", "KGZ", "Kyrgyzstan", 162.71, 2024),
    ("KH", "KHM", "Cambodia", 497.46, 2024),
    ("KR", "KOR", "South Korea", 414.27, 2024),
    ("KW", "KWT", "Kuwait", 637.24, 2024),
    ("KZ", "KAZ", "Kazakhstan", 801.95, 2024),
    ("LB", "LBN", "Lebanon", 369.47, 2023),
    ("LK", "LKA", "Sri Lanka", 509.78, 2022),
    ("LT", "LTU", "Lithuania", 139.34, 2024),
    ("LU", "LUX", "Luxembourg", 134.62, 2024),
    ("LV", "LVA", "Latvia", 136.22, 2024),
    ("MA", "MAR", "Morocco", 577.65, 2024),
    ("MD", "MDA", "Moldova", 631.68, 2024),
    ("ME", "MNE", "Montenegro", 413.51, 2024),
    ("MK", "MKD", "North Macedonia", 568.97, 2024),
    ("MM", "MMR", "Myanmar", 578.82, 2024),
    ("MN", "MNG", "Mongolia", 784.01, 2024),
    ("MO", "MAC", "Macao", 448.98, 2022),
    ("MT", "MLT", "Malta", 484.16, 2024),
    ("MX", "MEX", "Mexico", 484.83, 2024),
    ("MY", "MYS", "Malaysia", 609.85, 2024),
    ("NG", "NGA", "Nigeria", 507.85, 2024),
    ("NL", "NLD", "Netherlands", 253.31, 2024),
    ("NO", "NOR", "Norway", 30.75, 2024),
    ("NP", "NPL", "Nepal", 23.36, 2022),
    ("NZ", "NZL", "New Zealand", 120.11, 2024),
    ("OM", "OMN", "Oman", 545.25, 2024),
    ("PA", "PAN", "Panama", 258.74, 2023),
    ("PE", "PER", "Peru", 263.27, 2024),
    ("PH", "PHL", "Philippines", 613.38, 2024),
    ("PK", "PAK", "Pakistan", 398.61, 2024),
    ("PL", "POL", "Poland", 614.98, 2024),
    ("PR", "PRI", "Puerto Rico", 664.53, 2024),
    ("PT", "PRT", "Portugal", 112.29, 2024),
    ("PY", "PRY", "Paraguay", 24.86, 2023),
    ("QA", "QAT", "Qatar", 602.83, 2024),
    ("RO", "ROU", "Romania", 245.55, 2024),
    ("RS", "SRB", "Serbia", 673.16, 2024),
    ("RU", "RUS", "Russia", 449.20, 2024),
    ("SA", "SAU", "Saudi Arabia", 696.31, 2023),
    ("SE", "SWE", "Sweden", 35.82, 2024),
    ("SG", "SGP", "Singapore", 498.74, 2024),
    ("SI", "SVN", "Slovenia", 227.65, 2024),
    ("SK", "SVK", "Slovakia", 96.49, 2024),
    ("SN", "SEN", "Senegal", 535.40, 2023),
    ("SV", "SLV", "El Salvador", 103.13, 2024),
    ("TH", "THA", "Thailand", 554.50, 2024),
    ("TN", "TUN", "Tunisia", 560.25, 2024),
    ("TR", "TUR", "Türkiye", 469.70, 2024),
    ("TW", "TWN", "Taiwan", 635.65, 2024),
    ("TZ", "TZA", "Tanzania", 371.59, 2023),
    ("UA", "UKR", "Ukraine", 256.21, 2022),
    ("US", "USA", "United States", 383.55, 2024),
    ("UY", "URY", "Uruguay", 96.70, 2024),
    ("UZ", "UZB", "Uzbekistan", 1121.18, 2023),
    ("VE", "VEN", "Venezuela", 180.25, 2023),
    ("VN", "VNM", "Viet Nam", 471.16, 2024),
    ("ZA", "ZAF", "South Africa", 708.88, 2024),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_either_code() {
        for code in ["CN", "cn", "CHN", "chn"] {
            let grid = find(code).unwrap();
            assert_eq!((grid.name.as_str(), grid.intensity), ("China", 559.55));
            assert_eq!(
                (grid.code.as_str(), grid.source.as_str()),
                ("CHN", "Ember 2024")
            );
        }
        for nothing in ["", "XX", "China"] {
            assert_eq!(find(nothing), None);
        }
    }

    #[test]
    fn the_table_is_in_order_and_plausible() {
        for pair in COUNTRIES.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} {}", pair[0].0, pair[1].0);
        }
        for (two, three, name, intensity, year) in COUNTRIES {
            assert!(two.len() == 2 && three.len() == 3 && !name.is_empty());
            assert!((10.0..1500.0).contains(intensity), "{name}");
            assert!((2022..=2024).contains(year), "{name}");
        }
    }
}
