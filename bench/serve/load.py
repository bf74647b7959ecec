"""Load from one client for all servers, in one form."""
import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Beyond the time of the load; a client that takes longer hangs.
GRACE = 60


def wrk(binary, address, model, files, clients, seconds):
    """From wrk, which no side has made: each client asks as soon as it is answered."""
    url = f"http://{address}/v1/models/{model}/predict"
    command = ["wrk", "-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "30s"]
    command += ["-s", HERE / "requests.lua", url, "--", *files]
    return run(command, seconds)


def bench_serve(binary, address, model, files, clients, seconds):
    """From `modelwright bench-serve`, where there is no wrk."""
    command = [binary, "bench-serve", f"http://{address}", "--model", model, "--json"]
    command += ["--clients", str(clients), "--duration", str(seconds)]
    for file in files:
        command += ["--input", file]
    found = run(command, seconds)
    return found | {"failed": sum(found["failed"].values())}


CLIENTS = {"wrk": wrk, "bench-serve": bench_serve}


def run(command, seconds):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")
    # wrk writes for people first.
    return json.loads(done.stdout[done.stdout.index("{") :])
