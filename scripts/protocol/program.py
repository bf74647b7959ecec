"""The program from outside: it trains, makes tokens and serves as a person would have it do."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

# Trainings are of seconds; a program that takes longer hangs.
PATIENCE = 120.0


class Program:
    """The binary with a folder of runs."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = Path(folder)
        self.environment = os.environ | {"MODELWRIGHT_RUNS": str(self.folder / "runs")}

    def call(self, *arguments):
        """What a command prints; an error with its message if it fails."""
        done = subprocess.run(
            [self.binary, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if done.returncode != 0:
            raise RuntimeError(f"`modelwright {' '.join(arguments)}` failed: {done.stderr.strip()}")
        return done.stdout

    def train(self, source, *more):
        """The name of a new run on a data set."""
        report = self.call("train", source, "--epochs", "1", "--quiet", "--json", *more)
        return json.loads(report)["run"]

    def predict(self, bundle, file):
        """What `modelwright predict` says of a file, one dictionary an example."""
        lines = self.call("predict", bundle, str(file), "--format", "jsonl", "--quiet")
        return [json.loads(line) for line in lines.splitlines()]

    def token(self, file, *more):
        """The secret of a new token."""
        return self.call("token", "create", "check", "--token-file", str(file), *more).strip()

    @contextlib.contextmanager
    def serving(self, *arguments):
        """A server on a free port, as its address and process; stopped politely at the end."""
        log = self.folder / "serve.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [self.binary, "serve", "--port", "0", *arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            yield address(process, log), process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            finally:
                process.stdout.close()
        # Who kills it knows that it did not end well.
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the server ended with {code}: {log.read_text().strip()}")


def address(process, log):
    """The host and port that a server says it listens on."""
    line = process.stdout.readline()
    found = re.search(r"http://(\S+)", line)
    if not found:
        raise RuntimeError(f"the server did not start: {log.read_text().strip()}")
    return found.group(1)


def fetch(url, body=None, **headers):
    """Status, type and text of an answer; header names with _ for -."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get_content_type(), answer.read().decode()


def eventually(holds, seconds=5.0):
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False
