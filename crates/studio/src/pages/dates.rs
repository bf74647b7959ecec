//! Days as people write them. Data counts them from 1970-01-01.

/// `2024-02-29` for a number of days; a time of day is left away.
pub(crate) fn day_of(days: f64) -> String {
    // Howard Hinnant's way: years that begin in March, in eras of 400.
    let days = days.floor() as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let (month, in_month) = (month, in_year - (153 * month + 2) / 5 + 1);
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{in_month:02}")
}

/// The number of days of `2024-02-29`.
pub(crate) fn days_of(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, '-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some((days + in_year - 719_468) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, days) in [
            ("1970-01-01", 0.0),
            ("1969-12-31", -1.0),
            ("2000-03-01", 11_017.0),
            ("2024-02-29", 19_782.0),
        ] {
            assert_eq!(days_of(text), Some(days), "{text}");
            assert_eq!(day_of(days), text);
        }
        assert_eq!(day_of(0.75), "1970-01-01");
        assert_eq!(days_of("soon"), None);
        assert_eq!(days_of("2024-13-01"), None);
    }
}
