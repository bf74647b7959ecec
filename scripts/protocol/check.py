"""Trains small models, serves them with and without tokens, and runs all checks."""
import os
import sys
import tempfile
import traceback

import inference
import metrics
import openapi
import tokens
from inference import Bench
from program import Program

SOURCES = ["iris", "digits", "ames"]


def run(part, checks, bench):
    """The number of checks that failed, each of which is told."""
    failures = 0
    for check in checks:
        name = f"{part}: {check.__name__.replace('_', ' ')}"
        try:
            check(bench)
            print(f"passed: {name}")
        except Exception as error:
            failures += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = str(error) or place.line
            print(f"FAILED: {name}: {problem} ({type(error).__name__}, {os.path.basename(place.filename)}:{place.lineno})")
    return failures


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
