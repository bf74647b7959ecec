#!/usr/bin/env python3
"""Our language models and llama.cpp on this machine in alternation; writes the section "Chat" of
BENCHMARKS.md.

    bench/chat/install.sh                  # once: builds llama.cpp for this machine
    scripts/fetch-test-data smollm2        # once
    cargo build --release
    python3 bench/chat/compare.py

All lines are kept in bench/results.
"""
import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import machine  # noqa: E402
import report  # noqa: E402
from process import execute  # noqa: E402
from report import Row, cell, divided, judged  # noqa: E402
from rounds import Rounds  # noqa: E402

MARKERS = ("<!-- chat:begin -->", "<!-- chat:end -->")
# What is measured, in words, and the ratio to llama.cpp to reach.
RATES = {
    "prompt": ("reading a prompt of 512 tokens", 0.9),
    "generated": ("writing 128 tokens", 1.0),
    "one_after_another": ("8 conversations one after another", None),
    "together": ("8 conversations at once", None),
}
TOGETHER_TARGET = 4.0
SETTINGS = {"plain": (), "flash": ("--flash",)}


def say(text):
    print(text, flush=True)


class Comparison(Rounds):
    """Runs both sides and keeps what they say."""

    def measured(self, side, threads, round_, setting, work):
        """A run; returns its record."""
        run = {"side": side, "case": self.args.model.name, "batch": 1, "threads": threads, "round": round_}
        run["setting"] = setting
        return self.made(run, lambda record: say(f"  {threads} threads, {side} {setting or ''}: {told(record)}"), work)

    def ours(self, threads, round_):
        def work():
            command = [self.args.ours, "bench-chat", self.args.model, "--threads", threads, "--context", 1024, "--json"]
            answer = execute([*map(str, command), *self.short()], {}, self.args.timeout)
            if "error" not in answer:
                answer["peak_rss_mb"] = answer["peak_memory_bytes"] / 2**20
            return answer

        return self.measured("ours", threads, round_, None, work)

    def peer(self, threads, round_, setting):
        def work():
            command = [self.args.python, Path(__file__).parent / "peer.py", self.args.model, "--threads", threads]
            return execute([*map(str, command), *SETTINGS[setting], *self.short()], {}, self.args.timeout)

        return self.measured("peer", threads, round_, setting, work)

    def short(self):
        return ["--prompt", "64", "--generate", "8", "--rounds", "1"] if self.args.quick else []

    def compare(self, threads):
        """Every side in every round; who comes first changes. The peer runs with its best setting."""
        key = "generated_tokens_per_second"
        probes = {name: self.peer(threads, None, name).get(key, 0.0) for name in SETTINGS}
        setting = max(probes, key=probes.get)
        self.alternate([lambda i: self.ours(threads, i), lambda i: self.peer(threads, i, setting)])


def told(record):
    if "error" in record:
        return f"failed: {record['error']}"
    rates = ", ".join(f"{name} {record[f'{name}_tokens_per_second']:.0f}" for name in RATES)
    return rates + (f" (busy: others {record['others_cpus']})" if record["busy"] else "")


def lines_of(records, threads):
    row = Row(records)
    lines = []
    busy = ["*" if any(r["busy"] for r in side) else "" for side in (row.ours, row.peer)]
    for name, (words, target) in RATES.items():
        ours, peer = (row.median(side, f"{name}_tokens_per_second") for side in (row.ours, row.peer))
        ratio = judged(divided(ours, peer), "{:.2f}".format, lambda v: target is not None and v >= target)
        rates = [cell(v, "{:.0f}".format) + mark for v, mark in zip((ours, peer), busy, strict=True)]
        lines.append(f"| {words} | {threads} | {' | '.join(rates)} | {ratio} | {cell(target, '{:.1f}'.format)} |")
    return lines


def gains(found):
    lines = []
    for threads, records in sorted(found.items()):
        row = Row(records)
        gain = [
            divided(*(row.median(side, f"{name}_tokens_per_second") for name in ("together", "one_after_another")))
            for side in (row.ours, row.peer)
        ]
        ours = judged(gain[0], "{:.1f}".format, lambda v: v >= TOGETHER_TARGET)
        own, peers = row.memory()
        lines.append(
            f"| {threads} | {ours} | {cell(gain[1], '{:.1f}'.format)} | {TOGETHER_TARGET:.0f} "
            f"| {cell(own, '{:.0f}'.format)} | {cell(peers, '{:.0f}'.format)} |"
        )
    return lines


def section(machines, rows):
    """Everything between the markers."""
    lines = [
        "## Chat",
        "",
        "Tokens a second with SmolLM2-135M-Instruct in Q4_1, ours and llama.cpp's built for this machine, with flash attention "
        "where that is faster. [bench/chat/README.md](bench/chat/README.md) says how to repeat it. Bold: the target is met.",
        "",
    ]
    if machines:
        m = machines[-1]
        lines += [
            f"- Processor: {m['cpu']}, {m['cores']} cores; {', '.join(m['sets'])}",
            f"- Versions: {m['rustc']}; {m['ours']}; {m['peer']}",
            f"- Date: {m['date']}; alternating rounds: {m['rounds']}, of which the median counts",
            f"- Command: `{m['command']}`",
            "",
        ]
        if any(m["quick"] for m in machines):
            lines += ["**Quick run with few tokens: a smoke test, not a measurement.**", ""]
    found = {threads: records for (_, _, threads), records in rows.items()}
    lines += ["| what | threads | ours | llama.cpp | ratio | target |", "|---|--:|--:|--:|--:|--:|"]
    for threads, records in sorted(found.items()):
        lines += lines_of(records, threads)
    lines += [
        "",
        "Eight conversations at once over one after another, and the largest resident set (the peer's less its import):",
        "",
        "| threads | ours | llama.cpp | target | memory, ours, MB | memory, llama.cpp, MB |",
        "|--:|--:|--:|--:|--:|--:|",
        *gains(found),
    ]
    return "\n".join(lines)


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelwright/test-data/smollm2"
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", type=Path, default=cache / "SmolLM2-135M-Instruct.Q4_1.gguf")
    p.add_argument("--ours", type=Path, default=target / "release/modelwright", help="our program")
    p.add_argument("--python", type=Path, default=ROOT / "bench/chat/venv/bin/python", help="the peer's Python")
    p.add_argument("--threads", default="1,2", help="numbers of threads, with commas")
    p.add_argument("--rounds", type=int, help="alternating rounds; the median counts (5; 1 with --quick)")
    p.add_argument("--quick", action="store_true", help="few tokens: a smoke test, no measurement")
    p.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md", help="file with the section")
    p.add_argument("--timeout", type=float, default=1800, help="seconds for one run")
    args = p.parse_args()
    args.threads = sorted({int(t) for t in args.threads.split(",")})
    args.rounds = args.rounds if args.rounds is not None else 1 if args.quick else 5
    # Not `resolve`: Python knows its virtual environment by the link that it is called through.
    args.ours, args.python, args.model = (path.absolute() for path in (args.ours, args.python, args.model))
    wanted = {
        args.ours: "cargo build --release",
        args.python: "run bench/chat/install.sh",
        args.model: "scripts/fetch-test-data smollm2",
    }
    for path, how in wanted.items():
        if not path.exists():
            p.error(f"{path} is missing: {how}")
    return args


def main():
    args = arguments()
    results = ROOT / "bench/results" / f"{machine.now():%Y-%m-%d}-chat.jsonl"
    results.parent.mkdir(exist_ok=True)
    comparison = Comparison(args, results)
    version = "from importlib.metadata import version as v; print('llama-cpp-python', v('llama-cpp-python'))"
    facts = {
        "ours": machine.output_of([args.ours, "--version"]),
        "peer": machine.output_of([args.python, "-c", version]),
        "rounds": args.rounds,
        "quick": args.quick,
    }
    comparison.keep(machine.facts("chat/compare.py") | facts)
    for threads in args.threads:
        comparison.compare(threads)
    report.insert(args.output, section(*report.latest(comparison.records)), MARKERS)
    say(f"wrote {args.output.name}, all lines are in {results.name}")
    return 1 if any("error" in r and r["round"] is not None for r in comparison.records if "round" in r) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
