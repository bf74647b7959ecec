"""`/metrics`, read by Prometheus' own parsers in both of its forms."""
import numpy as np
from inference import refused, tensor
from openmetrics import FORMS, numbers
from program import eventually


def same_in_both_forms(b):
    """What does not change between two readings is the same in both."""
    first, second = (numbers(b, form) for form in FORMS)
    still = {key for key in first if key[0].startswith(("modelwright_batch_size", "modelwright_model_loaded"))}
    assert still, sorted(first)
    for key in still:
        assert first[key] == second.get(key), f"{key}: {first[key]} and {second.get(key)}"


def counters_move(b):
    """Requests, latencies and batches are counted once each, errors by their status."""
    infer = {"model": "digits", "route": "/v2/models/{model}/infer"}

    def value(name, **labels):
        return numbers(b, FORMS[0]).get((name, frozenset(labels.items())), 0.0)

    def state():
        return {
            "good": value("modelwright_requests_total", status="200", **infer),
            "bad": value("modelwright_requests_total", status="400", **infer),
            "timed": value("modelwright_request_seconds_count", **infer),
            "examples": value("modelwright_batch_size_sum", model="digits"),
        }

    before = state()
    for _ in range(5):
        b.infer("digits", [tensor("image", b.pixels)])
    with refused(400):
        b.infer("digits", [tensor("image", np.zeros((1, 2, 2, 1), np.uint8))])
    expected = {"good": 5, "bad": 1, "timed": 6, "examples": 15}
    # An answer may arrive before it is counted.
    moved = lambda: {name: after - before[name] for name, after in state().items()}
    assert eventually(lambda: moved() == expected), f"{moved()}, not {expected}"


def histograms_add_up(b):
    """Buckets only grow, and the last one holds all."""
    found = numbers(b, FORMS[0])
    series = {}
    for (name, labels), value in found.items():
        if name.endswith("_bucket"):
            labels = dict(labels)
            bound = float(labels.pop("le"))
            series.setdefault((name.removesuffix("_bucket"), frozenset(labels.items())), []).append((bound, value))
    assert {name for name, _ in series} >= {"modelwright_request_seconds", "modelwright_batch_size"}, series
    for (name, labels), buckets in series.items():
        counts = [count for _, count in sorted(buckets)]
        assert counts == sorted(counts), f"{name} {labels}: {counts}"
        assert counts[-1] == found[f"{name}_count", labels], f"{name} {labels}"


def names_are_bounded(b):
    """What a client makes up does not become a label."""
    for path in ("secret-name", "secret-name/versions/1"):
        b.client.is_model_ready(path, headers=b.headers)
    assert not [key for key in numbers(b, FORMS[0]) if "secret-name" in str(key)]


CHECKS = [same_in_both_forms, counters_move, histograms_add_up, names_are_bounded]
