#!/usr/bin/env python3
"""Times every kernel against the machine's peaks and writes the table into BENCHMARKS.md.

    cargo build --release -p modelwright-bench
    python3 bench/kernels.py

The binary prints one line of JSON for each roof and kernel; all are kept in bench/results.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import machine
import report

ROOT = Path(__file__).resolve().parent.parent
MARKERS = ("<!-- kernels:begin -->", "<!-- kernels:end -->")
HEADING = "## Kernels"
PASSES = (
    "The fastest of all repetitions: processor time with one thread, wall time with more. `forward` is as in training, with the graph written down; `inference` is without "
    "a graph. `dx` and `dW` are backward passes with one gradient wanted, `backward` with all: timed alone, less what "
    "Burn takes to start one (a tensor of ones, a walk over the graph). `step` is an update of the optimizer. GFLOP/s "
    "count the plain algorithm, as in the table above; the share of the roof counts the products that Winograd's "
    "algorithm makes, without its transforms. GB/s count each array once for each pass over it. The roof is the larger "
    "of operations over the peak and bytes over the bandwidth measured with data of that size; above 100 %, data came "
    "from a faster level of memory than that, or outputs at the border of small pictures needed fewer operations."
)


def measured(ours, threads, arguments):
    """The lines of one run of the binary."""
    command = [str(ours), "kernels", "--json", "--threads", str(threads), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{ours.name} kernels: exit code {done.returncode}")
    return [json.loads(line) | {"side": "kernels"} for line in done.stdout.splitlines() if line.startswith("{")]


def last_run(records):
    """The description of the last run and its lines."""
    starts = [i for i, r in enumerate(records) if r["side"] == "machine"]
    if not starts:
        raise SystemExit("no run of kernels.py in these results")
    return records[starts[-1]], records[starts[-1] + 1 :]


def roofs(records):
    """The table of what the machine can do."""
    most = {}
    for record in records:
        if "roofs" in record:
            # Those of one thread come again with more, there by the clock on the wall.
            most.setdefault(record["threads"], record["roofs"])
    threads = sorted(most)
    lines = [f"| roof | {' | '.join(f'{t} thread' + 's' * (t > 1) for t in threads)} |", "|---|" + "--:|" * len(threads)]
    for i, peak in enumerate(most[threads[0]]["peaks"]):
        rates = [f"{most[t]['peaks'][i]['gflops']:.0f} GFLOP/s" for t in threads]
        lines.append(f"| multiply-add, f32, {peak['isa']} | {' | '.join(rates)} |")
    for i, level in enumerate(most[threads[0]]["bandwidths"]):
        found = [most[t]["bandwidths"][i] for t in threads]
        rates = [f"{b['copy_gbs']:.0f} / {b['triad_gbs']:.0f} / {b['update_gbs']:.0f} GB/s" for b in found]
        lines.append(f"| copy / triad / update, {size(level['bytes'])} | {' | '.join(rates)} |")
    return lines


def size(count):
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} KB"


def lines_of(records):
    """One line for each kernel, with all numbers of threads side by side."""
    rows = {}
    for r in records:
        if "kernel" in r:
            rows.setdefault((r["kernel"], r["pass"], r["network"], r["shape"]), {})[r["threads"]] = r
    threads = sorted({t for row in rows.values() for t in row})
    head = ["kernel", "pass", "layer of", "shape", "flop/byte"]
    each = ["ms", "GFLOP/s", "GB/s", "% of roof"]
    titles = [f"{e}, {t}" if e == "ms" else e for t in threads for e in each]
    yield f"| {' | '.join([*head, *titles])} |"
    yield "|---|---|---|---|--:|" + "--:|" * len(titles)
    # Kernels in the order of the binary, the layers of one beside each other.
    kernels = list(dict.fromkeys(key[0] for key in rows))
    for key, row in sorted(rows.items(), key=lambda item: kernels.index(item[0][0])):
        cells = [*key, f"{next(iter(row.values()))['flop_per_byte']:.1f}"]
        for t in threads:
            r = row.get(t)
            if r is None:
                cells += ["-"] * len(each)
                continue
            cells += [report.milliseconds(r["ms"]), f"{r['gflops']:.0f}", f"{r['gbs']:.1f}"]
            cells.append(f"{r['percent_of_roof']:.0f} {r['roof']}")
        yield f"| {' | '.join(cells)} |"


def section(facts, records):
    """Everything between the markers."""
    return "\n".join(
        [
            HEADING,
            "",
            f"- Processor: {facts['cpu']}, {facts['cores']} cores; {', '.join(facts['sets']) or 'instruction sets unknown'}",
            f"- Versions: {facts['rustc']}",
            f"- Date: {facts['date']}",
            f"- Command: `{facts['command']}`",
            "",
            *roofs(records),
            "",
            PASSES,
            "",
            *lines_of(records),
        ]
    )


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", type=Path, default=target / "release/modelwright-bench", help="our binary")
    p.add_argument("--threads", default="1,2", help="numbers of threads, with commas")
    p.add_argument("--filter", default="", help="only kernels with this text in their line")
    p.add_argument("--seconds", type=float, default=0.3, help="for each line")
    p.add_argument("--from", dest="results", type=Path, help="measures nothing: makes the table of these results")
    p.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md", help="file with the table")
    args = p.parse_args()
    if not args.results and not args.ours.is_file():
        p.error(f"{args.ours} is missing: cargo build --release -p modelwright-bench")
    return args


def measure(args):
    """Runs the binary with every number of threads; the records, which are saved as well."""
    folder = ROOT / "bench/results"
    folder.mkdir(exist_ok=True)
    records = [machine.facts("kernels.py")]
    for threads in sorted({int(t) for t in args.threads.split(",")}):
        print(f"kernels, {threads} thread(s)", flush=True)
        records += measured(args.ours.absolute(), threads, ["--filter", args.filter, "--seconds", str(args.seconds)])
    path = folder / f"{machine.now():%Y-%m-%d}-kernels.jsonl"
    report.keep(path, *records)
    print(f"raw data in {path}")
    return records


def main():
    args = arguments()
    if args.results:
        records = [json.loads(line) for line in args.results.read_text().splitlines()]
    else:
        records = measure(args)
    report.insert(args.output, section(*last_run(records)), MARKERS)
    print(f"written to {args.output}")


if __name__ == "__main__":
    sys.exit(main())
