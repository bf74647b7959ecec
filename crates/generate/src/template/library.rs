//! What templates may call: the functions, filters, tests and methods that templates of models use.

use super::guard::{Budget, refused};
use super::{json, operators};
use minijinja::functions::Function;
use minijinja::value::{FunctionArgs, FunctionResult, Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters, functions, tests};
use minijinja_contrib::pycompat;
use std::sync::Arc;

/// Methods of Python's strings and dictionaries that make nothing larger than what they are called on.
const METHODS: [&str; 20] = [
    "strip",
    "lstrip",
    "rstrip",
    "split",
    "rsplit",
    "splitlines",
    "lower",
    "upper",
    "title",
    "capitalize",
    "startswith",
    "endswith",
    "find",
    "rfind",
    "count",
    "isdigit",
    "keys",
    "values",
    "items",
    "get",
];
/// Most numbers of a `range`.
const RANGE: i64 = 100_000;

/// Adds everything that templates may call.
pub(super) fn add(environment: &mut Environment<'_>, budget: &Arc<Budget>) {
    add_functions(environment, budget);
    add_filters(environment, budget);
    add_tests(environment);
    let charged = budget.clone();
    environment.set_unknown_method_callback(move |state, value, method, arguments| {
        charged.weigh(value)?;
        arguments.iter().try_for_each(|a| charged.weigh(a))?;
        let result = method_of(&charged, state, value, method, arguments)?;
        charged.weigh(&result)?;
        Ok(result)
    });
    let charged = budget.clone();
    environment.set_formatter(move |out, _, value| {
        charged.weigh(value)?;
        match value.is_none() {
            // Python's name for it.
            true => write!(out, "None")?,
            false => write!(out, "{value}")?,
        }
        Ok(())
    });
}

fn add_functions(environment: &mut Environment<'_>, budget: &Arc<Budget>) {
    environment.add_function(
        "raise_exception",
        |problem: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, problem))
        },
    );
    environment.add_function("strftime_now", |format: String| {
        jiff::fmt::strtime::format(format, &jiff::ZonedDateTime::now())
            .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {e}")))
    });
    environment.add_function("range", |low: i64, high: Option<i64>, step: Option<i64>| {
        let (low, high, step) = match high {
            None => (0, low, 1),
            Some(high) => (low, high, step.unwrap_or(1)),
        };
        let count = if step == 0 {
            -1
        } else {
            high.saturating_sub(low) / step
        };
        if step == 0 || count > RANGE {
            return Err(refused("a range is too long"));
        }
        let next = |at: &i64| at.checked_add(step);
        let inside = |at: &i64| if step > 0 { *at < high } else { *at > high };
        let all = std::iter::successors(Some(low), next).take_while(inside);
        Ok(Value::from(all.collect::<Vec<i64>>()))
    });
    let charged = budget.clone();
    environment.add_function("namespace", move |values: Option<Value>| {
        values.iter().try_for_each(|v| charged.weigh(v))?;
        functions::namespace(values)
    });
    let charged = budget.clone();
    environment.add_function("dict", move |value: Option<Value>, named: Kwargs| {
        let mut pairs: Vec<(Value, Value)> = Vec::new();
        if let Some(value) = value {
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                pairs.push((key, item));
            }
        }
        for name in named.args() {
            pairs.push((Value::from(name), named.get::<Value>(name)?));
        }
        let all: Value = pairs.into_iter().collect();
        charged.weigh(&all)?;
        Ok(all)
    });
}

fn add_filters(environment: &mut Environment<'_>, budget: &Arc<Budget>) {
    // These only look at the outside of a value.
    for name in ["length", "count"] {
        let charged = budget.clone();
        environment.add_filter(name, move |value: Value| {
            charged.glance(&value)?;
            filters::length(&value)
        });
    }
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("safe", |value: Value| value);
    let mut shelf = Shelf {
        environment,
        budget: budget.clone(),
    };
    shelf.filter("upper", filters::upper);
    shelf.filter("lower", filters::lower);
    shelf.filter("title", filters::title);
    shelf.filter("capitalize", filters::capitalize);
    shelf.filter("trim", filters::trim);
    shelf.filter("string", |value: Value| value.to_string());
    shelf.filter("int", filters::int);
    shelf.filter("float", filters::float);
    shelf.filter("abs", filters::abs);
    shelf.filter("round", filters::round);
    shelf.filter("min", filters::min);
    shelf.filter("max", filters::max);
    shelf.filter("list", filters::list);
    shelf.filter("items", filters::items);
    shelf.filter("dictsort", filters::dictsort);
    shelf.filter("sort", filters::sort);
    shelf.filter("unique", filters::unique);
    shelf.filter("map", filters::map);
    shelf.filter("select", filters::select);
    shelf.filter("reject", filters::reject);
    shelf.filter("selectattr", filters::selectattr);
    shelf.filter("rejectattr", filters::rejectattr);
    shelf.filter("reverse", |value: Value| -> Result<Value, Error> {
        if let Some(text) = value.as_str() {
            return Ok(Value::from(text.chars().rev().collect::<String>()));
        }
        let mut items: Vec<Value> = value.try_iter()?.collect();
        items.reverse();
        Ok(Value::from(items))
    });
    shelf.filter(
        "tojson",
        |value: Value, indent: Option<usize>, named: Kwargs| {
            let indent = match indent {
                Some(indent) => Some(indent),
                None => named.get("indent")?,
            };
            // What else Python's function takes does not matter here.
            for name in ["ensure_ascii", "separators", "sort_keys"] {
                let _: Option<Value> = named.get(name)?;
            }
            named.assert_all_used()?;
            json::dumps(&value, indent)
        },
    );
    let charged = budget.clone();
    shelf.filter("replace", move |text: String, from: String, to: String| {
        replace(&charged, &text, &from, &to)
    });
    let charged = budget.clone();
    shelf.filter("join", move |list: Value, between: Option<String>| {
        join(&charged, &list, &between.unwrap_or_default())
    });
    let charged = budget.clone();
    shelf.filter(
        "indent",
        move |text: String, width: Option<usize>, first: Option<bool>| {
            let space = " ".repeat(width.unwrap_or(4).min(64));
            let indented = replace(&charged, &text, "\n", &format!("\n{space}"))?;
            Ok::<_, Error>(match first {
                Some(true) => format!("{space}{indented}"),
                _ => indented,
            })
        },
    );
}

/// Where filters go that look at all of a value.
struct Shelf<'a, 'env> {
    environment: &'a mut Environment<'env>,
    budget: Arc<Budget>,
}

impl Shelf<'_, '_> {
    /// Adds a filter whose values are weighed before and after.
    fn filter<F, Rv, Args>(&mut self, name: &'static str, f: F)
    where
        F: Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let budget = self.budget.clone();
        let inner = Value::from_function(f);
        let filter = move |state: &State<'_, '_>, values: Rest<Value>| -> Result<Value, Error> {
            values.iter().try_for_each(|v| budget.weigh(v))?;
            let result = inner.call(state, &values)?;
            budget.weigh(&result)?;
            Ok(result)
        };
        self.environment.add_filter(name, filter);
    }
}

fn add_tests(environment: &mut Environment<'_>) {
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment.add_test("string", tests::is_string);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("iterable", tests::is_iterable);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("number", tests::is_number);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("float", tests::is_float);
    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("true", tests::is_true);
    environment.add_test("false", tests::is_false);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("even", tests::is_even);
    // Only what is small is compared by tests, as `selectattr` does; operators have a budget.
    let same = |a: Value, b: Value| simple(&a) && simple(&b) && a == b;
    for name in ["equalto", "eq", "=="] {
        environment.add_test(name, same);
    }
    for name in ["ne", "!="] {
        environment.add_test(name, move |a: Value, b: Value| !same(a, b));
    }
    environment.add_test("in", |item: Value, all: Value| -> Result<bool, Error> {
        Ok(simple(&item) && operators::contains(&all, &item)?)
    });
}

fn simple(value: &Value) -> bool {
    !matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map
    )
}

fn method_of(
    budget: &Budget,
    state: &State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let text = |i: usize| arguments.get(i).and_then(Value::as_str);
    match (method, value.as_str()) {
        ("replace", Some(all)) => {
            let (Some(from), Some(to)) = (text(0), text(1)) else {
                return Err(refused("`replace` needs two texts"));
            };
            Ok(Value::from(replace(budget, all, from, to)?))
        }
        ("join", Some(between)) => {
            let list = arguments.first().cloned().unwrap_or_default();
            Ok(Value::from(join(budget, &list, between)?))
        }
        _ if METHODS.contains(&method) => {
            pycompat::unknown_method_callback(state, value, method, arguments)
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn replace(budget: &Budget, text: &str, from: &str, to: &str) -> Result<String, Error> {
    let found = text.matches(from).count();
    let bytes = found.saturating_mul(to.len()).saturating_add(text.len());
    budget.charge(bytes.try_into().unwrap_or(i64::MAX))?;
    Ok(text.replace(from, to))
}

fn join(budget: &Budget, list: &Value, between: &str) -> Result<String, Error> {
    let mut out = String::new();
    for (i, item) in list.try_iter()?.enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        let before = out.len();
        match item.as_str() {
            Some(text) => out.push_str(text),
            None => out.push_str(&item.to_string()),
        }
        budget.charge((out.len() - before + between.len()) as i64)?;
    }
    Ok(out)
}
