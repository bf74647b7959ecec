//! Jinja's operators, with a budget.

use super::guard::{Budget, refused};
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};
use std::fmt::Write;
use std::sync::Arc;

/// Adds the functions that `guard::install` puts in the place of operators.
pub(super) fn add(environment: &mut Environment<'_>, budget: &Arc<Budget>) {
    let glances = budget.clone();
    environment.add_filter("operator:[]", move |value: Value, place: Value| {
        item(&glances, &value, &place)
    });
    let mut operator =
        |name: &'static str, apply: fn(&Budget, &[Value]) -> Result<Value, Error>| {
            let budget = budget.clone();
            environment.add_filter(name, move |values: Rest<Value>| {
                for value in values.iter() {
                    budget.weigh(value)?;
                }
                apply(&budget, &values)
            });
        };
    operator("operator:+", |budget, v| plus(budget, &v[0], &v[1]));
    operator("operator:*", |budget, v| times(budget, &v[0], &v[1]));
    operator("operator:~", |budget, v| joined(budget, &v[0], &v[1]));
    operator("operator:==", |_, v| Ok((v[0] == v[1]).into()));
    operator("operator:!=", |_, v| Ok((v[0] != v[1]).into()));
    operator("operator:<", |_, v| Ok((v[0] < v[1]).into()));
    operator("operator:<=", |_, v| Ok((v[0] <= v[1]).into()));
    operator("operator:>", |_, v| Ok((v[0] > v[1]).into()));
    operator("operator:>=", |_, v| Ok((v[0] >= v[1]).into()));
    operator("operator:in", |_, v| {
        contains(&v[1], &v[0]).map(Value::from)
    });
    operator("operator:chain", |_, _| {
        Err(refused("it compares more than two values at once"))
    });
    operator("operator:slice", |_, v| slice(v));
    operator("operator:list", |budget, v| {
        let list = Value::from(v.to_vec());
        budget.weigh(&list)?;
        Ok(list)
    });
    operator("operator:map", |budget, v| {
        let map: Value = v
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect();
        budget.weigh(&map)?;
        Ok(map)
    });
}

fn item(budget: &Budget, value: &Value, place: &Value) -> Result<Value, Error> {
    budget.glance(value)?;
    value.get_item(place)
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn unfit(operator: &str, a: &Value, b: &Value) -> Error {
    let problem = format!(
        "`{operator}` does not work on {} and {}",
        a.kind(),
        b.kind()
    );
    Error::new(ErrorKind::InvalidOperation, problem)
}

fn plus(budget: &Budget, a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        budget.charge((a.len() + b.len()) as i64)?;
        return Ok(Value::from([a, b].concat()));
    }
    if is_list(a) && is_list(b) {
        let all: Vec<Value> = a.try_iter()?.chain(b.try_iter()?).collect();
        return Ok(Value::from(all));
    }
    number("+", a, b, i64::checked_add, |a, b| a + b)
}

fn times(budget: &Budget, a: &Value, b: &Value) -> Result<Value, Error> {
    let (value, count) = match b.as_str().is_some() || is_list(b) {
        true => (b, a),
        false => (a, b),
    };
    if let Some(text) = value.as_str() {
        let count = count.as_usize().ok_or_else(|| unfit("*", a, b))?;
        let bytes = text.len().saturating_mul(count);
        budget.charge(bytes.try_into().unwrap_or(i64::MAX))?;
        return Ok(Value::from(text.repeat(count)));
    }
    if is_list(value) {
        return Err(refused("it multiplies a list, which is not supported"));
    }
    number("*", a, b, i64::checked_mul, |a, b| a * b)
}

fn number(
    operator: &str,
    a: &Value,
    b: &Value,
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let int = |v: &Value| v.as_i64().filter(|_| v.kind() != ValueKind::String);
    if let (Some(x), Some(y)) = (int(a), int(b)) {
        let result = whole(x, y).ok_or_else(|| refused("a number gets too large"))?;
        return Ok(Value::from(result));
    }
    let float = |v: &Value| f64::try_from(v.clone()).ok();
    match (float(a), float(b)) {
        (Some(x), Some(y)) => Ok(Value::from(real(x, y))),
        _ => Err(unfit(operator, a, b)),
    }
}

fn joined(budget: &Budget, a: &Value, b: &Value) -> Result<Value, Error> {
    let mut text = String::new();
    write!(text, "{a}{b}").map_err(|_| unfit("~", a, b))?;
    budget.charge(text.len() as i64)?;
    Ok(Value::from(text))
}

/// Whether `item` is in `container`.
pub(super) fn contains(container: &Value, item: &Value) -> Result<bool, Error> {
    if container.is_undefined() {
        return Ok(false);
    }
    if let (Some(text), Some(part)) = (container.as_str(), item.as_str()) {
        return Ok(text.contains(part));
    }
    match container.kind() {
        ValueKind::Map => Ok(!container.get_item(item)?.is_undefined()),
        ValueKind::Seq | ValueKind::Iterable => Ok(container.try_iter()?.any(|v| v == *item)),
        _ => Err(unfit("in", item, container)),
    }
}

/// Python's `value[start:stop:step]`.
fn slice(v: &[Value]) -> Result<Value, Error> {
    let [value, start, stop, step] = v else {
        return Err(refused("a slice lacks its bounds"));
    };
    let bound = |v: &Value| match v.is_none() || v.is_undefined() {
        true => Ok(None),
        false => v
            .as_i64()
            .map(Some)
            .ok_or_else(|| refused("a slice needs whole numbers")),
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if let Some(text) = value.as_str() {
        let characters: Vec<char> = text.chars().collect();
        let places = places(characters.len(), start, stop, step)?;
        let text: String = places.into_iter().map(|i| characters[i]).collect();
        return Ok(Value::from(text));
    }
    if value.is_none() || value.is_undefined() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    let places = places(items.len(), start, stop, step)?;
    Ok(Value::from(
        places
            .into_iter()
            .map(|i| items[i].clone())
            .collect::<Vec<_>>(),
    ))
}

/// The indices of a slice, as Python counts them.
fn places(
    length: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> Result<Vec<usize>, Error> {
    if step == 0 {
        return Err(refused("a slice has the step 0"));
    }
    let length = length as i64;
    let (low, high) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let place = |at: i64| match at < 0 {
        true => at.saturating_add(length).clamp(low, high),
        false => at.clamp(low, high),
    };
    let start = start.map_or(if step > 0 { low } else { high }, place);
    let stop = stop.map_or(if step > 0 { high } else { low }, place);
    let mut places = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        places.push(at as usize);
        at = at.saturating_add(step);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn slices_are_pythons() {
        let at = |start, stop, step| places(5, start, stop, step).unwrap();
        assert_eq!(at(None, None, 1), [0, 1, 2, 3, 4]);
        assert_eq!(at(Some(1), None, 1), [1, 2, 3, 4]);
        assert_eq!(at(Some(-2), None, 1), [3, 4]);
        assert_eq!(at(None, Some(-1), 2), [0, 2]);
        assert_eq!(at(None, None, -1), [4, 3, 2, 1, 0]);
        assert_eq!(at(Some(9), Some(-9), -2), [4, 2, 0]);
        assert_eq!(at(Some(4), Some(2), 1), [0usize; 0]);
        assert!(places(5, None, None, 0).is_err());
    }
}
