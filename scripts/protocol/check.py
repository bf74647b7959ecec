"""Trains small models, serves them with and without tokens, and runs all checks."""
import os
import sys
import tempfile

import inference
import metrics
import openapi
import tokens
from checks import run
from inference import Bench
from program import Program

SOURCES = ["iris", "digits", "ames"]


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        program = Program(os.environ["MODELWRIGHT"], folder)
        runs = {source: program.train(source, "--limit", "256") for source in SOURCES}
        bundles = [f"{name}={run}" for name, run in runs.items()]
        with program.serving(*bundles) as (address, _):
            bench = Bench(address, program, runs)
            failures += run("protocol", inference.CHECKS, bench)
            failures += run("metrics", metrics.CHECKS, bench)
            failures += run("openapi", openapi.CHECKS, bench)
        file = program.folder / "tokens.json"
        secret = program.token(file, "--scope", "admin", "--scope", "predict")
        headers = {"Authorization": f"Bearer {secret}"}
        with program.serving(*bundles, "--token-file", str(file)) as (address, _):
            bench = Bench(address, program, runs, headers)
            failures += run("tokens", tokens.CHECKS, bench)
            failures += run("protocol with a token", inference.CHECKS, bench)
            failures += run("metrics with a token", metrics.CHECKS, bench)
    if failures:
        sys.exit(f"check-protocol: {failures} checks failed")
    print("check-protocol: all passed")


if __name__ == "__main__":
    main()
