//! From cells to typed columns.

use super::{Column, ColumnData, Kind, MISSING};

/// Texts that stand for a value that is not there; `?` is UCI's. `None` is not among them: real tables
/// use it as a level.
const MISSING_WORDS: [&str; 10] = [
    "", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A",
];
/// A text column with more distinct values than this share of its rows is free text …
const TEXT_SHARE: f64 = 0.5;
/// … if it has more distinct values than this, or long ones.
const TEXT_LEVELS: usize = 50;

/// A value as its source gave it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Missing,
    Number { value: f64, integer: bool },
    Boolean(bool),
    Text(String),
}

/// A column whose cells are all text (CSV): the kind is told by what the texts look like.
pub(super) fn column_of_texts(name: String, texts: Vec<String>) -> Column {
    let present: Vec<Option<String>> = texts
        .into_iter()
        .map(|t| {
            let word = t.trim();
            (!MISSING_WORDS.contains(&word)).then(|| word.to_string())
        })
        .collect();
    let all = |test: fn(&str) -> bool| present.iter().flatten().all(|t| test(t));
    let any = present.iter().any(Option::is_some);
    let parse = |f: fn(&str) -> Option<f64>| {
        let value = |t: &Option<String>| t.as_deref().and_then(f).unwrap_or(f64::NAN);
        ColumnData::Numbers(present.iter().map(value).collect())
    };
    let (kind, data) = if any && all(|t| t.parse::<i64>().is_ok()) {
        (Kind::Integer, parse(|t| t.parse().ok()))
    } else if any && all(|t| t.parse::<f64>().is_ok()) {
        (
            Kind::Number,
            parse(|t| t.parse().ok().filter(|v: &f64| v.is_finite())),
        )
    } else if any && all(|t| date(t).is_some()) {
        (Kind::Date, parse(date))
    } else {
        return column_of_words(name, &present);
    };
    Column { name, kind, data }
}

/// A column of typed cells (JSON, Parquet); text stays text, a mixture becomes text.
pub(super) fn column_of_cells(name: String, cells: Vec<Cell>) -> Column {
    let numeric = cells
        .iter()
        .all(|c| matches!(c, Cell::Missing | Cell::Number { .. }));
    let any = cells.iter().any(|c| !matches!(c, Cell::Missing));
    if numeric && any {
        let integers = cells
            .iter()
            .all(|c| matches!(c, Cell::Missing | Cell::Number { integer: true, .. }));
        let value = |c: &Cell| match c {
            Cell::Number { value, .. } if value.is_finite() => *value,
            _ => f64::NAN,
        };
        return Column {
            name,
            kind: if integers {
                Kind::Integer
            } else {
                Kind::Number
            },
            data: ColumnData::Numbers(cells.iter().map(value).collect()),
        };
    }
    let text = |cell: Cell| match cell {
        Cell::Missing => None,
        Cell::Number { value, .. } => Some(value.to_string()),
        Cell::Boolean(value) => Some(value.to_string()),
        Cell::Text(text) if text.trim().is_empty() => None,
        Cell::Text(text) => Some(text),
    };
    let texts: Vec<_> = cells.into_iter().map(text).collect();
    if any && texts.iter().flatten().all(|t| date(t).is_some()) {
        let value = |t: &Option<String>| t.as_deref().and_then(date).unwrap_or(f64::NAN);
        let data = ColumnData::Numbers(texts.iter().map(value).collect());
        return Column {
            name,
            kind: Kind::Date,
            data,
        };
    }
    column_of_words(name, &texts)
}

/// A column of words, whatever they look like.
pub(super) fn column_of_words(name: String, texts: &[Option<String>]) -> Column {
    let (codes, levels) = encode(texts, false);
    let boolean = !levels.is_empty()
        && levels
            .iter()
            .all(|l| l.eq_ignore_ascii_case("true") || l.eq_ignore_ascii_case("false"));
    let present = codes.iter().filter(|c| **c != MISSING).count();
    let long = levels.iter().any(|l| l.chars().count() > 100);
    let many = levels.len() > TEXT_LEVELS || long;
    let kind = if boolean {
        Kind::Boolean
    } else if many && levels.len() as f64 > TEXT_SHARE * present as f64 {
        Kind::Text
    } else {
        Kind::Category
    };
    Column {
        name,
        kind,
        data: ColumnData::Labels { codes, levels },
    }
}

/// Codes and sorted levels; numbers in text are sorted by value if `numeric`.
pub(super) fn encode(texts: &[Option<String>], numeric: bool) -> (Vec<u32>, Vec<String>) {
    let mut levels: Vec<String> = texts.iter().flatten().cloned().collect();
    levels.sort_unstable();
    levels.dedup();
    let lookup: std::collections::HashMap<String, u32> = {
        if numeric {
            let value = |t: &String| t.parse::<f64>().unwrap_or(f64::INFINITY);
            levels.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        levels.iter().cloned().zip(0..).collect()
    };
    let code = |t: &Option<String>| {
        t.as_ref()
            .and_then(|t| lookup.get(t).copied())
            .unwrap_or(MISSING)
    };
    (texts.iter().map(code).collect(), levels)
}

/// Days since 1970-01-01 of `2024-05-17`, `2024/05/17` or `2024-05-17T13:45:00` (also with a space).
fn date(text: &str) -> Option<f64> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let separator = if day.contains('-') { '-' } else { '/' };
    let mut fields = day.split(separator);
    let mut next = |length: usize| {
        fields
            .next()
            .filter(|f| f.len() == length)?
            .parse::<i64>()
            .ok()
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let mut seconds = 0.0;
    if let Some(time) = time {
        let time = time.trim_end_matches('Z');
        for (field, scale) in time.split(':').zip([3600.0, 60.0, 1.0]) {
            seconds += field
                .parse::<f64>()
                .ok()
                .filter(|v| (0.0..60.0).contains(v))?
                * scale;
        }
    }
    Some(days(year, month, day) as f64 + seconds / 86_400.0)
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(texts: &[&str]) -> Kind {
        column_of_texts("x".into(), texts.iter().map(|t| t.to_string()).collect()).kind
    }

    #[test]
    fn kinds_are_told_by_the_values() {
        assert_eq!(kind(&["1", "", "-3"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "NA"]), Kind::Number);
        assert_eq!(kind(&["true", "False"]), Kind::Boolean);
        assert_eq!(kind(&["2024-02-29", "1999-12-31T10:00:00"]), Kind::Date);
        assert_eq!(kind(&["red", "None", "red"]), Kind::Category);
        let reviews: Vec<String> = (0..80).map(|i| format!("review {i}")).collect();
        assert_eq!(column_of_texts("x".into(), reviews).kind, Kind::Text);
    }

    #[test]
    fn none_is_a_level_and_na_is_a_gap() {
        let column = column_of_texts("x".into(), ["None", "NA", "Shed"].map(String::from).into());
        assert_eq!(column.missing(), 1);
        assert_eq!(column.distinct(), 2);
    }

    #[test]
    fn dates_count_days() {
        assert_eq!(date("1970-01-01"), Some(0.0));
        assert_eq!(date("2000-03-01"), Some(11_017.0));
        assert_eq!(date("1970-01-02 12:00"), Some(1.5));
        assert_eq!(date("1970-13-01"), None);
    }

    #[test]
    fn number_labels_sort_by_value() {
        let column = column_of_texts("x".into(), ["10", "9", "1"].map(String::from).into());
        assert_eq!(column.to_labels().1, ["1", "9", "10"]);
    }
}
