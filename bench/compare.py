#!/usr/bin/env python3
"""Times our steps and the peer's in alternation on this machine and writes the table of ratios.

    bench/peer/install.sh                           # once
    cargo build --release -p modelwright-bench
    python3 bench/compare.py

Every run is one process that prints one line of JSON; all lines are kept in bench/results.
"""
import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import machine
import report
from process import MOST_OTHERS, execute

ROOT = Path(__file__).resolve().parent.parent
# A run in which the timed thread waited longer for a processor than this share of the time is no
# measurement, nor is one beside which other processes were busy.
MOST_WAITING = 0.02
REPEATS = 3
PAUSE = 5.0


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    batch: int
    steps: int  # in a measurement
    quick: int  # in a probe or a smoke test
    off: int  # without our kernels

    @property
    def infers(self):
        return self.name.endswith("_infer")

    @property
    def pictures(self):
        return self.name.startswith(("resnet", "unet"))


CASES = [
    Case("mlp", 64, 2000, 200, 200),
    Case("resnet18_seed", 4, 60, 8, 4),
    Case("resnet18_seed", 128, 20, 3, 2),
    Case("resnet18_cifar", 32, 10, 3, 2),
    Case("resnet18_cifar", 128, 8, 2, 2),
    Case("unet", 8, 20, 3, 2),
    Case("bert_mini", 32, 10, 3, 2),
    Case("gpt_mini", 8, 10, 3, 2),
    Case("resnet18_224_infer", 1, 100, 20, 10),
    Case("bert_mini_infer", 1, 500, 100, 50),
]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One way to run the peer."""

    name: str
    flags: tuple[str, ...]
    preload: str | None = None


def settings(case, peer, compiled):
    """All ways that the peer's makers support and that may be its fastest."""
    found = sorted(peer.glob("alloc/**/libtcmalloc_minimal.so.4"))
    preload = str(found[0]) if found else None
    suffix = "+tcmalloc" if found else ""
    optimizer = () if case.infers else ("--fused",)
    base = "eager" if case.infers else "fused"
    ways = [Setting(base + suffix, optimizer, preload)]
    if case.pictures:
        ways.append(Setting(f"{base}{suffix}+cl", (*optimizer, "--channels_last"), preload))
    if compiled:
        layout = ("--channels_last",) if case.pictures else ()
        name = f"compile{suffix}" + ("+cl" if layout else "")
        ways.append(Setting(name, (*optimizer, "--compile", *layout), preload))
    if case.infers:
        ways.append(Setting("ort", ("--engine", "ort")))
    return ways


class Bench:
    """Runs both sides and keeps what they print."""

    def __init__(self, args, results):
        self.args = args
        self.results = results
        self.records = []

    def keep(self, record):
        self.records.append(record)
        report.keep(self.results, record)

    def command(self, side, case, threads, steps, setting):
        common = ["--case", case.name, "--batch", str(case.batch), "--steps", str(steps)]
        common += ["--threads", str(threads)]
        if side == "peer":
            python, script = self.args.peer / "venv/bin/python", self.args.peer / "bench.py"
            changes = {"LD_PRELOAD": setting.preload}
            if "--compile" in setting.flags:
                # Worker processes that outlive the compilation would look like a busy machine.
                changes["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
            return [str(python), str(script), *common, *setting.flags, "--no_flops"], changes
        off = side == "off"
        # What the kernels make fast needs more steps to warm up than what they do not.
        warmup = ["--warmup", "1"] if off else []
        changes = {"MODELWRIGHT_KERNELS": "off" if off else None, "LD_PRELOAD": None}
        return [str(self.args.ours), *common, *warmup], changes

    def run(self, side, case, threads, steps, setting=None, round_=None):
        """One run, repeated if the machine was busy; returns its record."""
        command, changes = self.command(side, case, threads, steps, setting)
        label = {"ours": "ours", "off": "ours, kernels off"}.get(side) or f"peer {setting.name}"
        tries = []
        for attempt in range(REPEATS + 1):
            record = {
                "side": side,
                "case": case.name,
                "batch": case.batch,
                "threads": threads,
                "round": round_,
                "setting": setting and setting.name,
                "started": machine.now().isoformat(timespec="seconds"),
            }
            record |= execute(command, changes, self.args.timeout)
            # A probe may compile, in processes that are not counted as the peer's.
            busy = record.get("wait_frac", 0.0) > MOST_WAITING or (
                round_ is not None and record.get("others_cpus", 0.0) > MOST_OTHERS
            )
            record["busy"] = busy
            tries.append(record)
            last = attempt == REPEATS or not busy
            self.say(label, record, "" if last else "thrown away")
            if last:
                break
            time.sleep(PAUSE)
        # If none was quiet, the one that waited least stands, marked.
        best = min(tries, key=lambda r: (r["busy"], r.get("wait_frac", 1.0)))
        for record in tries:
            self.keep(record | {"discarded": record is not best})
        return best

    def say(self, label, record, verdict):
        if "error" in record:
            text = f"failed: {record['error']}"
        else:
            text = f"{report.milliseconds(report.time_of(record))} ms"
            if record["busy"]:
                text += f" (busy: waited {record['wait_frac']:.3f}, others {record['others_cpus']})"
        print(f"    {label:32} {text} {verdict}".rstrip(), flush=True)

    def best_setting(self, case, threads):
        ways = settings(case, self.args.peer, self.args.compile)
        if len(ways) == 1:
            return ways[0]
        tried = [(self.run("peer", case, threads, case.quick, way), way) for way in ways]
        good = [(report.time_of(record), i) for i, (record, _) in enumerate(tried) if "error" not in record]
        return tried[min(good)[1]][1] if good else None

    def case(self, case, threads):
        setting = self.best_setting(case, threads)
        steps = case.quick if self.args.quick else case.steps
        for i in range(self.args.rounds):
            print(f"  round {i + 1} of {self.args.rounds}", flush=True)
            sides = ["ours"] + (["peer"] if setting else [])
            # Who comes first changes, so that neither always runs on the warmer processor.
            for side in sides if i % 2 == 0 else sides[::-1]:
                self.run(side, case, threads, steps, setting if side == "peer" else None, i)
        if self.args.off:
            self.run("off", case, threads, case.off)


def about(args):
    """What the figures depend on besides the code."""
    ask = "from importlib.metadata import version\nprint(version('%s'))"
    python = str(args.peer / "venv/bin/python")
    return machine.facts("compare.py") | {
        "torch": machine.output_of([python, "-c", ask % "torch"]),
        "onnxruntime": machine.output_of([python, "-c", ask % "onnxruntime"]),
        "quick": args.quick,
        "rounds": args.rounds,
    }


def chosen(names):
    """`mlp,resnet18_seed:4` as cases; all if empty."""
    picked = []
    for name in filter(None, names.split(",")):
        short, _, batch = name.partition(":")
        some = [c for c in CASES if c.name == short and batch in ("", str(c.batch))]
        if not some:
            known = ", ".join(f"{c.name}:{c.batch}" for c in CASES)
            raise SystemExit(f"no case `{name}`; there are {known}")
        picked += some
    return [c for c in CASES if c in picked] if picked else CASES


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--peer", type=Path, default=ROOT / "bench/peer", help="folder with the peer's bench.py and venv")
    p.add_argument("--ours", type=Path, default=target / "release/modelwright-bench", help="our binary")
    p.add_argument("--threads", default="1,2", help="numbers of threads, with commas")
    p.add_argument("--cases", default="", help="cases, with commas; `resnet18_seed:4` is one batch size")
    p.add_argument("--rounds", type=int, help="alternating rounds; the median counts (3; 1 with --quick)")
    p.add_argument("--quick", action="store_true", help="few steps: a smoke test, no measurement")
    p.add_argument("--compile", action="store_true", help="also try torch.compile")
    p.add_argument("--no-off", dest="off", action="store_false", help="not without our kernels")
    p.add_argument("--merge", type=Path, help="earlier results for the cases that are not run now")
    p.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md", help="file with the table")
    p.add_argument("--timeout", type=float, default=1200, help="seconds for one run")
    args = p.parse_args()
    if args.rounds is None:
        args.rounds = 1 if args.quick else 3
    # Not `resolve`: Python knows its virtual environment by the link that it is called through.
    args.peer, args.ours = args.peer.absolute(), args.ours.absolute()
    args.threads = sorted({int(t) for t in args.threads.split(",")})
    args.cases = chosen(args.cases)
    if args.rounds > 0:
        if not args.ours.is_file():
            p.error(f"{args.ours} is missing: cargo build --release -p modelwright-bench")
        for part in ("bench.py", "venv/bin/python"):
            if not (args.peer / part).exists():
                p.error(f"{args.peer / part} is missing: run bench/peer/install.sh")
    elif not args.merge:
        p.error("--rounds 0 measures nothing: name earlier results with --merge")
    return args


def main():
    args = arguments()
    folder = ROOT / "bench/results"
    folder.mkdir(exist_ok=True)
    bench = Bench(args, folder / f"{machine.now():%Y-%m-%d}.jsonl")
    # Read before this run appends to what may be the same file.
    earlier = [json.loads(line) for line in args.merge.read_text().splitlines()] if args.merge else []
    if args.rounds > 0:
        bench.keep(about(args))
        jobs = [(case, threads) for case in args.cases for threads in args.threads]
        try:
            for i, (case, threads) in enumerate(jobs):
                print(f"[{i + 1}/{len(jobs)}] {case.name}, batch {case.batch}, threads {threads}", flush=True)
                bench.case(case, threads)
        except KeyboardInterrupt:
            print("interrupted: the table is left as it is; what was measured is in", bench.results)
            raise SystemExit(130) from None
    order = [(c.name, c.batch) for c in CASES]
    text = report.section(report.latest(earlier + bench.records), order)
    report.insert(args.output, text)
    print(text)
    print(f"written to {args.output}" + (f", raw data in {bench.results}" if bench.records else ""))
    failed = [r for r in bench.records if "error" in r and r["round"] is not None]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
