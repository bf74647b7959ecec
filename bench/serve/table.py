"""The section "Serving" of BENCHMARKS.md."""
import statistics

MARKERS = ("<!-- serve:begin -->", "<!-- serve:end -->")
# Prints the versions that matter to the peer.
VERSIONS = "from importlib.metadata import version as v; print(*(p + '-' + v(p) for p in ('torch', 'fastapi', 'uvicorn')))"
# How much more our server is to answer in the same time.
TARGETS = {"mlp": 3.0, "resnet18": 1.3}
COLUMNS = ("per_second", "p50", "p95", "p99", "before", "after")


def section(records):
    """Everything between the markers."""
    facts = records[0]
    lines = [
        "## Serving",
        "",
        f"A picture file in, label and probabilities out, over HTTP on one machine: {facts['clients']} clients, each of",
        "which asks again as soon as it is answered. Both servers have the same weights and predict the same.",
        "The peer is FastAPI with PyTorch at the fastest of the settings that a short run of each found.",
        "[bench/serve/README.md](bench/serve/README.md) says how to repeat it.",
        "",
        f"- Processor: {facts['cpu']}, {facts['cores']} cores, which the client shares; {', '.join(facts['sets'])}",
        f"- Versions: {facts['rustc']}; {facts['ours']}; {facts['peer']}; client: {facts['client']}",
        f"- Date: {facts['date']}; alternating rounds of {facts['seconds']} s: {facts['rounds']}, of which the median counts",
        f"- Command: `{facts['command']}`",
        "",
        "Bold: the target is met.",
        "",
        "| model | server | predictions/s | p50, ms | p95, ms | p99, ms | failed | memory at start / end, MB |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    measured = [r for r in records[1:] if not r.get("probe")]
    models = list(dict.fromkeys(r["model"] for r in measured))
    sides = {m: {s: Side(measured, m, s) for s in ("ours", "peer")} for m in models}
    for model in models:
        lines += [side.row() for side in sides[model].values()]
    lines += ["", "| model | throughput, ours over the peer's | target | p99, ours over the peer's | target |", "|---|--:|--:|--:|--:|"]
    lines += [ratios(model, **sides[model]) for model in models]
    return "\n".join(lines)


class Side:
    """The rounds of a server with a model."""

    def __init__(self, records, model, side):
        self.model = model
        rounds = [r for r in records if (r["model"], r["side"]) == (model, side)]
        self.name = "ours" if side == "ours" else f"peer `{rounds[0]['setting']}`"
        self.median = {c: statistics.median(r[c] for r in rounds) for c in COLUMNS}
        self.failed = sum(r["failed"] for r in rounds)

    def row(self):
        m = self.median
        times = " | ".join(f"{m[c]:.2f}" for c in ("p50", "p95", "p99"))
        memory = f"{m['before']:.0f} / {m['after']:.0f}"
        return f"| {self.model} | {self.name} | {m['per_second']:.0f} | {times} | {self.failed:.0f} | {memory} |"


def ratios(model, ours, peer):
    more = ours.median["per_second"] / peer.median["per_second"]
    later = ours.median["p99"] / peer.median["p99"]
    target = TARGETS[model]
    cells = [bold(f"{more:.2f}", more >= target), f"{target:.1f}", bold(f"{later:.2f}", later <= 1), "1.0"]
    return f"| {model} | {' | '.join(cells)} |"


def bold(text, good):
    return f"**{text}**" if good else text
