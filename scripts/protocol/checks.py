"""Runs checks, and tells what became of each."""
import os
import time
import traceback


def run(part, checks, bench):
    """The number of checks that failed, each of which is told."""
    failures = 0
    for check in checks:
        name = f"{part}: {check.__name__.replace('_', ' ')}"
        begun = time.monotonic()
        try:
            check(bench)
            print(f"passed: {name} ({time.monotonic() - begun:.1f} s)")
        except Exception as error:
            failures += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = str(error) or place.line
            print(f"FAILED: {name}: {problem} ({type(error).__name__}, {os.path.basename(place.filename)}:{place.lineno})")
    return failures
