"""What figures depend on besides the code: the processor, its sets, the compiler, the date."""
import datetime
import os
import shlex
import subprocess
import sys
from pathlib import Path

SETS = ("avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16", "amx_tile", "asimd", "sve")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def output_of(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def facts(script):
    """The record that begins a run of `script`."""
    fields = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    flags = fields.get("flags", fields.get("Features", "")).split()
    # Where things lie on this machine is of no interest.
    shown = [a if not Path(a).is_absolute() else Path(a).name for a in sys.argv[1:]]
    return {
        "side": "machine",
        "cpu": fields.get("model name", "unknown"),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "sets": [f for f in SETS if f in flags],
        "rustc": output_of(["rustc", "--version"]),
        "date": now().strftime("%Y-%m-%d"),
        "command": shlex.join(["python3", f"bench/{script}", *shown]),
    }
