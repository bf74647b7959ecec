"""The tables of compare.py, from its records, and where they go."""
import json
import statistics

BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"
INTRODUCTION = f"""# Benchmarks

Full f32 steps on the CPU, ours and the peer's (PyTorch; ONNX Runtime for inference), measured in alternation on one machine by `bench/compare.py`. A training step is zeroed gradients, forward, loss, backward and optimizer step on random data. [bench/README.md](bench/README.md) says how to repeat it and what the columns mean, [crates/kernels/README.md](crates/kernels/README.md) where the speed comes from.

{BEGIN}
{END}
"""
# Ratio to the peer: must be at most, aim.
TARGETS = {
    ("mlp", 64): (0.6, 0.4),
    ("resnet18_seed", 4): (0.6, 0.35),
    ("resnet18_seed", 128): (0.8, 0.55),
    ("resnet18_cifar", 32): (0.9, 0.6),
    ("resnet18_cifar", 128): (0.9, 0.6),
    ("unet", 8): (0.8, 0.6),
    ("bert_mini", 32): (0.55, 0.45),
    ("gpt_mini", 8): (0.55, 0.45),
    ("resnet18_224_infer", 1): (1.0, 0.7),
    ("bert_mini_infer", 1): (1.0, 0.7),
}
MEMORY_TARGET = 0.7
SPEED_UP_TARGET = 1.7
# Cases that must gain from a second thread.
LARGE = {("resnet18_seed", 128), ("resnet18_cifar", 32), ("resnet18_cifar", 128), ("unet", 8), ("bert_mini", 32), ("gpt_mini", 8)}


def time_of(record):
    """The milliseconds that count: of the processor with one thread, of the clock with more."""
    return record["cpu_ms_per_step" if record["threads"] == 1 else "ms_per_step"]


def milliseconds(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def latest(records):
    """The records that count: of each case and number of threads those of the last run of compare.py
    that measured it, and the descriptions of those runs."""
    kept, machines, run = {}, {}, 0
    for record in records:
        if record["side"] == "machine":
            run += 1
            machines[run] = record
        elif not record["discarded"]:
            key = (record["case"], record["batch"], record["threads"])
            if kept.get(key, (0,))[0] != run:
                kept[key] = (run, [])
            kept[key][1].append(record)
    used = sorted({run for run, _ in kept.values()})
    return [machines[r] for r in used if r in machines], {key: rows for key, (_, rows) in kept.items()}


class Row:
    """What was measured of one case with one number of threads."""

    def __init__(self, records):
        rounds = [r for r in records if r["round"] is not None]
        self.ours = [r for r in rounds if r["side"] == "ours" and "error" not in r]
        self.peer = [r for r in rounds if r["side"] == "peer" and "error" not in r]
        self.off = [r for r in records if r["side"] == "off" and "error" not in r]

    @staticmethod
    def median(records, what):
        read = what if callable(what) else lambda record: record.get(what)
        values = [v for v in map(read, records) if v is not None]
        return statistics.median(values) if values else None

    def ratio(self):
        return divided(self.median(self.ours, time_of), self.median(self.peer, time_of))

    def memory(self):
        ours = self.median(self.ours, "peak_rss_mb")
        return ours, self.median(self.peer, lambda r: r["peak_rss_mb"] - r["rss_import_mb"])


def divided(a, b):
    return a / b if a is not None and b else None


def cell(value, form):
    return "-" if value is None else form(value)


def judged(value, form, good):
    """Bold where the target is met."""
    return cell(value, lambda v: f"**{form(v)}**" if good(v) else form(v))


def timed(records):
    mark = "*" if any(r["busy"] for r in records) else ""
    return cell(Row.median(records, time_of), milliseconds) + mark


def ratios(rows, order):
    lines = [
        "| case | batch | threads | ours, ms | peer, ms | peer's setting | ratio | target (aim) "
        "| Burn without our kernels, ms | ours, GFLOP/s | page faults/step | peak memory, ours / peer, MB |",
        "|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, batch in order:
        for threads in sorted(t for n, b, t in rows if (n, b) == (name, batch)):
            row = rows[name, batch, threads]
            target = TARGETS.get((name, batch))
            ours, peer = row.memory()
            share = judged(divided(ours, peer), "{:.2f}".format, lambda v: v <= MEMORY_TARGET)
            cells = [
                name,
                str(batch),
                str(threads),
                timed(row.ours),
                timed(row.peer),
                row.peer[0]["setting"] if row.peer else "-",
                judged(row.ratio(), "{:.2f}".format, lambda v: bool(target) and v <= target[0]),
                f"{target[0]:.2f} ({target[1]:.2f})" if target else "-",
                timed(row.off),
                cell(row.median(row.ours, "gflops"), "{:.0f}".format),
                cell(row.median(row.ours, "page_faults_per_step"), "{:.1f}".format),
                f"{cell(ours, '{:.0f}'.format)} / {cell(peer, '{:.0f}'.format)} ({share})",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def speed_ups(rows, order):
    """How much faster than one thread the most threads are, by the clock."""
    most = max((t for _, _, t in rows), default=1)
    lines = [f"| case | batch | ours, 1 to {most} threads | peer, 1 to {most} threads | target |", "|---|--:|--:|--:|--:|"]
    for name, batch in order:
        one, many = rows.get((name, batch, 1)), rows.get((name, batch, most))
        if not one or not many or most == 1:
            continue
        ours, peer = [
            divided(one.median(a, "ms_per_step"), one.median(b, "ms_per_step"))
            for a, b in ((one.ours, many.ours), (one.peer, many.peer))
        ]
        target = SPEED_UP_TARGET if (name, batch) in LARGE and most == 2 else None
        cells = [
            name,
            str(batch),
            judged(ours, "{:.2f}".format, lambda v: target is not None and v >= target),
            cell(peer, "{:.2f}".format),
            cell(target, "{:.1f}".format),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines if len(lines) > 2 else []


def section(found, order):
    """Everything between the markers."""
    machines, records = found
    rows = {key: Row(value) for key, value in records.items()}
    sets = sorted({r["isa"] for value in records.values() for r in value if "isa" in r})
    lines = []
    if machines:
        m = machines[-1]
        lines += [
            f"- Processor: {m['cpu']}, {m['cores']} cores; {', '.join(m['sets']) or 'instruction sets unknown'}; "
            f"ours used {', '.join(sets) or 'unknown'}",
            f"- Versions: {m['rustc']}; torch {m['torch']}; onnxruntime {m['onnxruntime']}",
            f"- Date: {m['date']}; alternating rounds: {m['rounds']}, of which the median counts",
            f"- Command: `{m['command']}`",
            "",
        ]
        if len(machines) > 1:
            lines += ["Rows come from several runs of the command; these are the particulars of the last.", ""]
        if any(m["quick"] for m in machines):
            lines += ["**Quick run with few steps: a smoke test, not a measurement.**", ""]
    lines += [
        "Milliseconds a step: CPU time of all threads with one thread, wall time with more. Bold: the target is met. "
        "The peer's memory is less its import. `*`: the machine was busy in every attempt.",
        "",
        *ratios(rows, order),
    ]
    gains = speed_ups(rows, order)
    if gains:
        lines += ["", "Wall time with one thread over wall time with more:", "", *gains]
    return "\n".join(lines)


def keep(path, *records):
    """Appends records to a file, each as a line of JSON."""
    with path.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def insert(path, text, markers=(BEGIN, END)):
    """Puts the section between the markers of a file, which is made if it is missing."""
    begin, end = markers
    whole = path.read_text() if path.exists() else INTRODUCTION
    if begin not in whole or end not in whole:
        whole = f"{whole.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = whole.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
