"""Both text forms of Prometheus, each read by its own strict parser."""
from prometheus_client.openmetrics import parser as open_parser
from prometheus_client import parser as classic_parser
from program import fetch

# What a reader asks for, what it gets, and who understands it.
FORMS = [
    ("text/plain", "text/plain", classic_parser.text_string_to_metric_families),
    (
        "application/openmetrics-text; version=1.0.0, text/plain; q=0.5",
        "application/openmetrics-text",
        open_parser.text_string_to_metric_families,
    ),
]


def numbers(b, form):
    """Values by name and labels."""
    accept, expected, parse = form
    status, kind, text = fetch(f"http://{b.address}/metrics", Accept=accept, **b.headers)
    assert (status, kind) == (200, expected), (status, kind)
    found = {}
    for family in parse(text):
        assert family.documentation, f"{family.name} is not described"
        assert family.type != "unknown", f"{family.name} has no type"
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found
