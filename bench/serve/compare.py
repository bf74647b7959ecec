#!/usr/bin/env python3
"""Our server and the peer's under the same load in alternation; writes the section "Serving".

    bench/peer/install.sh && bench/serve/install.sh      # once; and wrk from the system's packages
    cargo build --release
    python3 bench/serve/compare.py

A request is a picture file. All lines are kept in bench/results.
"""
import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import servers
import table
from load import CLIENTS
from servers import MODELS, ROOT, Program

sys.path.insert(0, str(ROOT / "bench"))
import machine  # noqa: E402
import report  # noqa: E402

# Until memory and caches are as they will be.
WARM_UP = 2
PROBE = 6


def settings(model):
    """All ways to run the peer that may be its fastest: where it computes, with how many threads and
    processes, and in which layout."""
    ways = []
    for endpoint in ("inline", "pool"):
        for workers, threads in ((1, 1), (1, 2), (2, 1)):
            ways.append(["--endpoint", endpoint, "--workers", str(workers), "--threads", str(threads)])
    if model == "resnet18":
        ways += [[*way, "--channels-last"] for way in ways]
    return ways


class Comparison:
    """Both sides with one model after the other."""

    def __init__(self, args, program, results):
        self.args = args
        self.program = program
        self.results = results
        self.records = []

    def keep(self, record):
        self.records.append(record)
        report.keep(self.results, record)

    def serving(self, side, model, setting=()):
        """A server of a side."""
        if side == "ours":
            return self.program.serving(f"{model}={self.bundle}")
        return servers.peer(self.args.python, self.bundle, *setting)

    def load(self, address, model, seconds):
        client = CLIENTS[self.args.client]
        files = servers.requests(self.program, model)
        return client(self.args.ours, address, model, files, self.args.clients, seconds)

    def run(self, side, model, seconds, setting=()):
        """What a load comes to, and memory before and after it."""
        with self.serving(side, model, setting) as (address, process):
            self.load(address, model, WARM_UP)
            # The last requests of clients that are gone may still be computed.
            servers.probabilities(address, model, servers.requests(self.program, model, 1))
            before = servers.megabytes(process)
            result = self.load(address, model, seconds)
            result |= {"before": before, "after": servers.megabytes(process)}
        return {"side": side, "model": model, "setting": " ".join(setting)} | result

    def check(self, model):
        """Stops unless both sides predict the same."""
        files = servers.requests(self.program, model)
        said = []
        for side in ("ours", "peer"):
            with self.serving(side, model) as (address, _):
                said.append(servers.probabilities(address, model, files))
        servers.check_same(*said)
        say(f"{model}: both predict the same for {len(files)} pictures")

    def best_setting(self, model):
        """The peer's setting that answers most."""
        best, most = None, -1.0
        for setting in settings(model):
            record = self.run("peer", model, PROBE, setting)
            self.keep(record | {"probe": True})
            say(f"{model}: peer {record['setting']}: {record['per_second']:.0f} a second, p99 {record['p99']:.1f} ms")
            if record["per_second"] > most:
                best, most = setting, record["per_second"]
        return best

    def model(self, model):
        self.bundle = servers.bundle(self.program, model)
        self.check(model)
        setting = self.best_setting(model)
        for number in range(self.args.rounds):
            sides = [("ours", ()), ("peer", setting)]
            # Who comes first changes.
            for side, setting_of in sides if number % 2 == 0 else sides[::-1]:
                record = self.run(side, model, self.args.seconds, setting_of) | {"round": number}
                self.keep(record)
                say(
                    f"{model}: {side}: {record['per_second']:.0f} a second, p99 {record['p99']:.1f} ms, "
                    f"{record['failed']:.0f} failed, {record['before']:.0f} to {record['after']:.0f} MB"
                )
                time.sleep(1)


def say(text):
    print(text, flush=True)


def arguments():
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, default=Path(target) / "release/modelwright", help="our program")
    parser.add_argument("--python", type=Path, default=ROOT / "bench/peer/venv/bin/python", help="the peer's Python")
    parser.add_argument("--models", default=",".join(MODELS), help="some of them")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=60, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of both sides, of which the median counts")
    parser.add_argument("--client", choices=CLIENTS, default="wrk", help="who sends the requests")
    parser.add_argument("--output", type=Path, default=ROOT / "BENCHMARKS.md")
    return parser.parse_args()


def main():
    args = arguments()
    results = ROOT / "bench/results" / f"{machine.now():%Y-%m-%d}-serve.jsonl"
    results.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(args, Program(args.ours, folder), results)
        comparison.keep(facts(args))
        for model in args.models.split(","):
            comparison.model(model)
    report.insert(args.output, table.section(comparison.records), table.MARKERS)
    say(f"wrote {args.output.name}")


def facts(args):
    """What the figures depend on besides the code."""
    versions = machine.output_of([args.python, "-c", table.VERSIONS]).split()
    return machine.facts("serve/compare.py") | {
        "ours": machine.output_of([args.ours, "--version"]),
        "peer": ", ".join(versions),
        "client": args.client,
        "clients": args.clients,
        "seconds": args.seconds,
        "rounds": args.rounds,
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
