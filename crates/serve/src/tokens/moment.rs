//! Points in time, as they stand in the token file.

use crate::ServeError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Length of a date such as `2027-01-31`.
const DATE_LENGTH: usize = 10;

/// A point in time, to the second; written as `2027-01-31T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(Timestamp);

impl Moment {
    /// This second.
    pub fn now() -> Self {
        let now = Timestamp::now();
        Self(Timestamp::from_second(now.as_second()).unwrap_or(now))
    }

    /// Whether it is over.
    pub fn is_past(self) -> bool {
        self.0 <= Timestamp::now()
    }

    /// Reads when something ends: `90d`, `12h` or `30m` from now, the end of a day such as
    /// `2027-01-31` in universal time, or a point in time such as `2027-01-31T12:00:00Z`.
    pub fn parse_end(text: &str) -> Result<Self, ServeError> {
        let end = match span(text) {
            Some(hours_or_less) => Self::now().0.checked_add(hours_or_less).ok(),
            // A date reads the start of a longer text, too; the rest must not be lost.
            None if text.len() == DATE_LENGTH => text.parse().ok().and_then(end_of_day),
            None => text.parse().ok(),
        };
        let help =
            "give days, hours or minutes such as 90d, 12h or 30m, or a date such as 2027-01-31";
        let end = end.ok_or_else(|| {
            ServeError::setup(
                format!("`{text}` is no time at which a token can end"),
                help,
            )
        })?;
        match Self(end) {
            past if past.is_past() => {
                let message = format!("`{text}` is over already");
                Err(ServeError::setup(message, help))
            }
            end => Ok(end),
        }
    }
}

/// `90d`, `12h`, `30m`. Days are of 24 hours: a point in time knows no other.
fn span(text: &str) -> Option<Span> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let hours = match unit {
        'd' => count.checked_mul(24)?,
        'h' => count,
        'm' => return Span::new().try_minutes(count).ok(),
        _ => return None,
    };
    Span::new().try_hours(hours).ok()
}

fn end_of_day(date: Date) -> Option<Timestamp> {
    let next = date.checked_add(1.day()).ok()?;
    TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_spans_days_or_points() {
        let hours = |text| {
            let end = Moment::parse_end(text).unwrap();
            (end.0.as_second() - Moment::now().0.as_second() + 60) / 3600
        };
        assert_eq!(hours("90d"), 90 * 24);
        assert_eq!(hours("12h"), 12);
        let day = Moment::parse_end("2990-01-31").unwrap();
        assert_eq!(day.to_string(), "2990-02-01T00:00:00Z");
        let point = Moment::parse_end("2990-01-31T12:30:00+02:00").unwrap();
        assert_eq!(point.to_string(), "2990-01-31T10:30:00Z");
    }

    #[test]
    fn nonsense_and_the_past_are_refused() {
        for text in [
            "",
            "d",
            "soon",
            "-3d",
            "0d",
            "90",
            "9223372036854775807d",
            "2001-01-01",
            "2990-01-31T12:30:00",
            "2990-01-31 and more",
            "é",
        ] {
            let error = Moment::parse_end(text).unwrap_err();
            assert!(error.help().unwrap().contains("90d"), "{text}");
        }
    }
}
