#!/usr/bin/env python3
"""Our server with tokens under load for a while, then killed and started anew. Ends with 1 unless no
request failed, memory stayed flat, and runs and tokens are as they were.

    cargo build --release
    python3 bench/serve/endurance.py
"""
import argparse
import concurrent.futures
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import servers
from load import bench_serve
from servers import ROOT, Program, fetch

WARM_UP = 3
# Memory may differ by so much between the first measurement after the warm-up and any later one.
FLAT = 1.10
EVERY = 5


def under_load(program, address, process, model, args):
    """What a load came to, and memory over time in MB."""
    files = servers.requests(program, model)
    bench_serve(program.binary, address, model, files, args.clients, WARM_UP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        load = pool.submit(bench_serve, program.binary, address, model, files, args.clients, args.seconds)
        memory = []
        while not load.done():
            memory.append(servers.megabytes(process))
            concurrent.futures.wait([load], timeout=EVERY)
        memory.append(servers.megabytes(process))
        return load.result(), memory


def killed_at_work(program, address, process, model, args):
    """Kills a server without a warning while it is busy."""
    files = servers.requests(program, model)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        load = pool.submit(bench_serve, program.binary, address, model, files, args.clients, 3)
        time.sleep(1)
        process.kill()
        process.wait()
        load.result()


def answered(address, model, file, secret):
    """The status of a prediction with a token."""
    url = f"http://{address}/v1/models/{model}/predict"
    return fetch(url, file.read_bytes(), Content_Type="image/png", Authorization=f"Bearer {secret}")[0]


def known(program, tokens):
    """Runs and tokens as the program lists them."""
    runs = json.loads(program.call("runs", "list", "--json"))
    listed = json.loads(program.call("token", "list", "--json", "--token-file", str(tokens)))
    return runs, listed


def arguments():
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, default=Path(target) / "release/modelwright", help="our program")
    parser.add_argument("--model", choices=servers.MODELS, default="mlp")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=60)
    return parser.parse_args()


def main():
    args = arguments()
    problems = []

    def expect(holds, text):
        print(f"{'passed' if holds else 'FAILED'}: {text}", flush=True)
        problems.extend([] if holds else [text])

    with tempfile.TemporaryDirectory() as folder:
        program = Program(args.ours, folder)
        model = args.model
        bundle = f"{model}={servers.bundle(program, model)}"
        file = servers.requests(program, model)[0]
        tokens = program.folder / "tokens.json"
        secret = os.environ["MODELWRIGHT_TOKEN"] = program.token(tokens)
        before = known(program, tokens)
        with program.serving(bundle, "--token-file", str(tokens)) as (address, process):
            result, memory = under_load(program, address, process, model, args)
            print(f"{result['per_second']:.0f} predictions a second; p50 {result['p50']:.2f} ms, "
                  f"p95 {result['p95']:.2f} ms, p99 {result['p99']:.2f} ms, slowest {result['slowest']:.2f} ms")  # fmt: skip
            print(f"MB every {EVERY} s: {' '.join(f'{m:.1f}' for m in memory)}")
            expect(result["succeeded"] > 0, f"{result['succeeded']} requests of {args.clients} clients answered")
            expect(result["failed"] == 0, f"{result['failed']} requests failed")
            growth = max(memory) / memory[0]
            expect(growth <= FLAT, f"memory grew to {growth:.2f} times what it was, at most {FLAT:.2f}")
            killed_at_work(program, address, process, model, args)
        expect(known(program, tokens) == before, "after kill -9, runs and tokens are as before")
        with program.serving(bundle, "--token-file", str(tokens)) as (address, _):
            expect(answered(address, model, file, secret) == 200, "the restarted server takes the old token")
            expect(answered(address, model, file, secret[:-1]) == 401, "and no other")
    if problems:
        sys.exit(f"endurance: {len(problems)} failed")


if __name__ == "__main__":
    main()
