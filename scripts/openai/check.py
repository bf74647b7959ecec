"""Serves a language model and an encoder, with and without tokens, and runs all checks."""
import os
import sys
import tempfile
from pathlib import Path

import talk
import vectors
from checks import run
from openai import OpenAI
from program import Program

DATA = Path(os.environ["MODELWRIGHT_TEST_DATA"])
CHAT = DATA / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
ENCODER = DATA / "minilm"


class Bench:
    """OpenAI's client, and where it asks."""

    def __init__(self, address, key="none"):
        self.address = address
        self.client = OpenAI(base_url=f"http://{address}/v1", api_key=key, max_retries=0, timeout=120)


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        program = Program(os.environ["MODELWRIGHT"], folder)
        models = [f"smol={CHAT}", f"minilm={ENCODER}", f"iris={program.train('iris')}"]
        with program.serving(*models) as (address, _):
            bench = Bench(address)
            failures += run("talk", talk.CHECKS, bench)
            failures += run("vectors", vectors.CHECKS, bench)
        file = program.folder / "tokens.json"
        secret = program.token(file, "--scope", "chat")
        with program.serving(*models, "--token-file", str(file)) as (address, _):
            failures += run("a token for chat", talk.WITH_TOKEN, Bench(address, secret))
    if failures:
        sys.exit(f"check-openai: {failures} checks failed")
    print("check-openai: all passed")


if __name__ == "__main__":
    main()
