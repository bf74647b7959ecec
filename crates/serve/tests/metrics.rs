//! The metrics of real requests, read by a strict parser of the text form.

mod listening;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use listening::{Server, body, header};
use modelwright_serve::{Limits, Metrics, metrics};
use std::collections::{BTreeMap, BTreeSet};

const PREDICT: &str = "/v1/models/{name}/predict";

type Labels = BTreeMap<String, String>;

/// A metric with its samples.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    samples: Vec<(String, Labels, f64)>,
}

/// Reads the Prometheus text form (0.0.4) and refuses what breaks its rules.
fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    if !text.ends_with('\n') {
        return Err("the last line does not end".into());
    }
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or(format!("no text: {line}"))?;
            if families.contains_key(name) {
                return Err(format!("{name} is described twice"));
            }
            current = name.into();
            families.entry(current.clone()).or_default().help = help.into();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
            if name != current || !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(format!("out of place: {line}"));
            }
            families.entry(current.clone()).or_default().kind = kind.into();
        } else if line.is_empty() || line.starts_with('#') {
            return Err(format!("unexpected line {line:?}"));
        } else {
            let (name, labels, value) = sample(line)?;
            let family = families
                .get_mut(&current)
                .filter(|f| !f.kind.is_empty())
                .ok_or(format!("before its type: {line}"))?;
            if !belongs(&name, &current, &family.kind) {
                return Err(format!("`{line}` in `{current}`"));
            }
            if !seen.insert((name.clone(), labels.clone())) {
                return Err(format!("twice: {line}"));
            }
            family.samples.push((name, labels, value));
        }
    }
    for (name, family) in &families {
        if family.kind == "histogram" {
            check_histogram(name, family)?;
        }
    }
    Ok(families)
}

fn belongs(sample: &str, family: &str, kind: &str) -> bool {
    match (kind, sample.strip_prefix(family)) {
        ("histogram", Some(end)) => ["_bucket", "_sum", "_count"].contains(&end),
        (_, end) => end == Some(""),
    }
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let bad = || format!("no sample: {line}");
    let (name, rest) = line.split_at(line.find(['{', ' ']).ok_or_else(bad)?);
    if !is_name(name) {
        return Err(bad());
    }
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest).ok_or_else(bad)?,
        None => (Labels::new(), rest),
    };
    let value = value.strip_prefix(' ').ok_or_else(bad)?;
    Ok((name.into(), labels, value.parse().map_err(|_| bad())?))
}

/// Labels up to `}`, and what follows.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                (_, '\n') => return None,
                (_, c) => value.push(c),
            }
        };
        if !is_name(name) || labels.insert(name.into(), value).is_some() {
            return None;
        }
        rest = &after[end + 1..];
        match rest.strip_prefix('}') {
            Some(rest) => return Some((labels, rest)),
            None => rest = rest.strip_prefix(',')?,
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Buckets must not fall, must end with infinity, and that one is the count.
fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for (sample, labels, value) in &family.samples {
        let mut labels = labels.clone();
        if sample.ends_with("_bucket") {
            let bound = labels.remove("le").ok_or(format!("{name}: no bound"))?;
            let bound: f64 = bound
                .parse()
                .map_err(|_| format!("{name}: bound {bound}"))?;
            buckets.entry(labels).or_default().push((bound, *value));
        } else if sample.ends_with("_count") {
            counts.insert(labels, *value);
        }
    }
    for (labels, buckets) in buckets {
        let rises = buckets
            .windows(2)
            .all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        let last = buckets.last().copied();
        if !rises || last != counts.get(&labels).map(|count| (f64::INFINITY, *count)) {
            return Err(format!("{name}{labels:?}: {buckets:?}"));
        }
    }
    Ok(())
}

/// The value of the sample with these labels.
fn value(
    families: &BTreeMap<String, Family>,
    family: &str,
    sample: &str,
    labels: &[(&str, &str)],
) -> Option<f64> {
    let wanted: Labels = labels
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let samples = &families.get(family)?.samples;
    let found = samples
        .iter()
        .find(|(name, labels, _)| name == sample && *labels == wanted);
    found.map(|(_, _, value)| *value)
}

fn served(count: &Metrics) -> Server {
    let router = Router::new()
        .route(PREDICT, post(|| async { "predicted" }))
        .route(
            "/broken",
            get(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
        )
        .merge(metrics::router(count.clone()));
    Server::hardened(router, &Limits::default(), count.clone())
}

#[test]
fn requests_count_by_route_status_and_models_that_exist() {
    let count = Metrics::new();
    count.loaded("iris", "1", true);
    count.batch("iris", 3);
    count.batch("iris", 300);
    count.queue("iris", "1", 7);
    count.reload_failed("iris");
    let server = served(&count);
    for _ in 0..3 {
        server.post("/v1/models/iris/predict", "");
    }
    server.post("/v1/models/made-up/predict", "");
    server.get("/v1/models/iris/predict", "");
    server.get("/broken", "");
    server.get("/some/%22path?that=is-odd", "");

    let answer = server.get("/metrics", "");
    assert_eq!(
        header(&answer, "content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = body(&answer);
    let read = parse(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert!(read.values().all(|f| !f.help.is_empty()));
    let requests = |model, route, status| {
        let name = "modelwright_requests_total";
        value(
            &read,
            name,
            name,
            &[("model", model), ("route", route), ("status", status)],
        )
    };
    assert_eq!(requests("iris", PREDICT, "200"), Some(3.0));
    assert_eq!(requests("iris", PREDICT, "405"), Some(1.0));
    assert_eq!(requests("", PREDICT, "200"), Some(1.0), "{text}");
    assert_eq!(requests("", "/broken", "500"), Some(1.0));
    assert_eq!(requests("", "none", "404"), Some(1.0));
    assert!(
        !text.contains("made-up") && !text.contains("path?"),
        "{text}"
    );

    let seconds = |sample| {
        value(
            &read,
            "modelwright_request_seconds",
            sample,
            &[("model", "iris"), ("route", PREDICT)],
        )
    };
    assert_eq!(seconds("modelwright_request_seconds_count"), Some(4.0));
    assert!(seconds("modelwright_request_seconds_sum").unwrap() > 0.0);
    let of_iris = |family, sample| value(&read, family, sample, &[("model", "iris")]);
    assert_eq!(
        of_iris("modelwright_batch_size", "modelwright_batch_size_sum"),
        Some(303.0)
    );
    let queue = "modelwright_queue_depth";
    let version = [("model", "iris"), ("version", "1")];
    assert_eq!(value(&read, queue, queue, &version), Some(7.0));
    let failures = "modelwright_reload_failures_total";
    assert_eq!(of_iris(failures, failures), Some(1.0));
    let loaded = "modelwright_model_loaded";
    assert_eq!(
        value(
            &read,
            loaded,
            loaded,
            &[("model", "iris"), ("version", "1")]
        ),
        Some(1.0)
    );
    // The request that reads them is being worked on.
    assert_eq!(
        value(&read, "modelwright_in_flight", "modelwright_in_flight", &[]),
        Some(1.0)
    );
}

#[test]
fn a_reader_that_asks_for_open_metrics_gets_it() {
    let server = served(&Metrics::new());
    server.get("/broken", "");
    let answer = server.get(
        "/metrics",
        "accept: application/openmetrics-text;version=1.0.0\r\n",
    );
    assert!(
        header(&answer, "content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(body(&answer).ends_with("# EOF\n"));
    assert!(body(&answer).contains("# TYPE modelwright_requests counter\n"));
}

#[test]
fn the_parser_is_strict() {
    let head = "# HELP a_total A.\n# TYPE a_total counter\n";
    assert!(parse(&format!("{head}a_total{{b=\"c\\\"\"}} 1\n")).is_ok());
    for bad in [
        "a_total 1\n",
        "# HELP a A.\n# TYPE a counter\na_total 1\n",
        &format!("{head}a_total 1\na_total 1\n"),
        &format!("{head}a_total{{b=c}} 1\n"),
        &format!("{head}a_total x\n"),
        &format!("{head}# EOF\n"),
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
