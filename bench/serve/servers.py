"""Servers to measure: ours and the peer's, with models that both answer for, and what they hold."""
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts/protocol"))
from pictures import png  # noqa: E402
from program import PATIENCE, Program, fetch  # noqa: E402, F401

CLASSES = 10
# Networks, with side and channels of their pictures and what they are trained with.
MODELS = {
    "mlp": (28, 1, ["--architecture", "mlp", "--hidden", "256,128", "--dropout", "0"]),
    "resnet18": (32, 3, ["--architecture", "resnet18", "--stem", "small"]),
}


def bundle(program, model):
    """The folder of a bundle trained for an epoch on noise: all that counts is its shape."""
    side, channels, arguments = MODELS[model]
    folder = program.folder / "noise" / model
    draw = random.Random(7)
    for i in range(CLASSES * 8):
        file = folder / f"class{i % CLASSES}" / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(draw.randbytes(side * side * channels), side, side, channels))
    run = program.train(str(folder), *arguments, "--seed", "7")
    return program.folder / "runs" / run / "bundle"


def requests(program, model, count=16):
    """Files of pictures that are sent."""
    return sorted((program.folder / "noise" / model).glob("*/*.png"))[:count]


@contextlib.contextmanager
def peer(python, folder, *arguments):
    """The peer's server on a free port, as its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, Path(__file__).parent / "peer.py", folder, "--port", str(port), *arguments]
    # In a group of its own, so that its workers end with it.
    process = subprocess.Popen(command, start_new_session=True)
    try:
        address = f"127.0.0.1:{port}"
        answers(process, address)
        yield address, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(process, address):
    """Waits until a server answers anything at all."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            fetch(f"http://{address}/")
            return
        time.sleep(0.1)
    ended = "still starts" if process.poll() is None else f"ended with {process.returncode}"
    raise RuntimeError(f"the peer's server does not answer, it {ended}; was bench/serve/install.sh run?")


def probabilities(address, model, files):
    """What a server says of pictures."""
    found = []
    for file in files:
        url = f"http://{address}/v1/models/{model}/predict"
        status, _, text = fetch(url, file.read_bytes(), Content_Type="image/png")
        assert status == 200, f"{url}: {status} {text}"
        found.append(json.loads(text)["predictions"][0]["probabilities"])
    return found


def check_same(left, right):
    """An error unless two servers say the same."""
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys(), f"{one.keys()} and {other.keys()}"
        for label, value in one.items():
            assert abs(value - other[label]) < 1e-4, f"ours says {one}, the peer {other}"


def family(pid):
    """A process and those that it started."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            found += family(int(child))
    return found


def megabytes(process):
    """Memory of a server's processes that lies in RAM, what they share counted once."""
    total = 0
    for pid in family(process.pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024
