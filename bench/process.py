"""One run of a program: what it printed, and whether the machine was quiet beside it."""
import json
import os
import resource
import subprocess
import time
from pathlib import Path

# A run beside which other processes used more than this many processors is no measurement.
MOST_OTHERS = 0.10


def processor_seconds():
    """Time for which any process of the machine has run, and that of this one and its children."""
    try:
        ticks = [int(t) for t in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    idle = ticks[3] + ticks[4]
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK"), sum(u.ru_utime + u.ru_stime for u in own)


def execute(command, changes, timeout):
    """Runs a command with changed variables (None removes one); returns the last object of JSON that
    it printed, or an error."""
    env = dict(os.environ)
    for key, value in changes.items():
        env.pop(key, None)
        if value is not None:
            env[key] = value
    (all_before, own_before), started = processor_seconds(), time.monotonic()
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"no result after {timeout} s"}
    except OSError as error:
        return {"error": str(error)}
    elapsed = time.monotonic() - started
    all_after, own_after = processor_seconds()
    # An object begins at the start of a line; what is inside of it is indented, or on the same line.
    begin = f"\n{done.stdout}".rfind("\n{")
    if done.returncode != 0 or begin < 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"error": f"exit code {done.returncode}: {last}"}
    try:
        result = json.loads(done.stdout[begin:])
    except json.JSONDecodeError as error:
        return {"error": f"unreadable output: {error}"}
    others = (all_after - all_before - (own_after - own_before)) / elapsed
    return result | {"others_cpus": round(max(others, 0.0), 3)}
