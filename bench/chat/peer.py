#!/usr/bin/env python3
"""llama.cpp, through its Python package: how fast it reads and writes. One line of JSON.

    venv/bin/python peer.py MODEL.gguf --threads 2

The same as `modelwright bench-chat` measures: a prompt alone, writing alone, several conversations one
after another and at once; the median of some rounds after one to warm up. The most probable token is
chosen, and the model's own ends are passed over.
"""
import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from resident import megabytes  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--context", type=int, default=1024)
    p.add_argument("--prompt", type=int, default=512)
    p.add_argument("--generate", type=int, default=128)
    p.add_argument("--conversations", type=int, default=8)
    p.add_argument("--prompt-each", type=int, default=64)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--flash", action="store_true", help="flash attention")
    return p.parse_args()


A = arguments()

import llama_cpp as lc  # noqa: E402
import numpy as np  # noqa: E402

IMPORTED = megabytes("VmRSS")
ROWS = 512


class Peer:
    def __init__(self):
        # Kept: llama.cpp calls it later.
        self.silent = lc.llama_log_callback(lambda *_: None)
        lc.llama_log_set(self.silent, None)
        lc.llama_backend_init()
        self.model = lc.llama_model_load_from_file(A.model.encode(), lc.llama_model_default_params())
        self.vocabulary = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(self.model))
        params = lc.llama_context_default_params()
        params.n_ctx = A.context * A.conversations
        params.n_batch = params.n_ubatch = ROWS
        params.n_threads = params.n_threads_batch = A.threads
        params.n_seq_max = A.conversations
        params.flash_attn_type = 1 if A.flash else 0
        self.context = lc.llama_init_from_model(self.model, params)
        self.memory = lc.llama_get_memory(self.context)
        self.batch = lc.llama_batch_init(ROWS, 0, 1)

    def decode(self, rows):
        """Computes rows (token, place, sequence, whether the next token is wanted); returns those."""
        b = self.batch
        b.n_tokens = len(rows)
        for i, (token, place, sequence, wanted) in enumerate(rows):
            b.token[i], b.pos[i], b.logits[i] = token, place, wanted
            b.n_seq_id[i], b.seq_id[i][0] = 1, sequence
        if code := lc.llama_decode(self.context, b):
            raise RuntimeError(f"llama_decode: {code}")
        return [self.best(i) for i, row in enumerate(rows) if row[3]]

    def best(self, row):
        logits = lc.llama_get_logits_ith(self.context, row)
        return int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def read(self, prompts):
        """Reads the prompts of some sequences; returns the tokens after them."""
        rows = [
            (token, place, sequence, place == len(prompt) - 1)
            for sequence, prompt in enumerate(prompts)
            for place, token in enumerate(prompt)
        ]
        return [t for start in range(0, len(rows), ROWS) for t in self.decode(rows[start : start + ROWS])]

    def answer(self, prompts, count):
        """Writes `count` tokens after each prompt, all sequences together."""
        lc.llama_memory_clear(self.memory, True)
        tokens = self.read(prompts)
        for step in range(count - 1):
            rows = [(t, len(p) + step, i, True) for i, (t, p) in enumerate(zip(tokens, prompts, strict=True))]
            tokens = self.decode(rows)

    def prompt(self, which, count):
        return [((which + 1) * 7919 + i * 104729) % self.vocabulary for i in range(count)]

    def seconds(self, count, prompt, generate, at_once):
        prompts = [self.prompt(i, prompt) for i in range(count)]
        started = time.perf_counter()
        for group in [prompts] if at_once else [[p] for p in prompts]:
            self.answer(group, generate)
        return time.perf_counter() - started


def main():
    started = time.perf_counter()
    peer = Peer()
    loaded = time.perf_counter() - started
    runs = {
        "prompt": (1, A.prompt, 1, False),
        "generated": (1, 1, A.generate, False),
        "one_after_another": (A.conversations, A.prompt_each, A.generate, False),
        "together": (A.conversations, A.prompt_each, A.generate, True),
    }
    times = {name: [] for name in runs}
    for round_ in range(A.rounds + 1):
        for name, run in runs.items():
            seconds = peer.seconds(*run)
            if round_ > 0:
                times[name].append(seconds)
    written = {"prompt": A.prompt, "generated": A.generate}
    rates = {
        f"{name}_tokens_per_second": written.get(name, A.conversations * A.generate) / statistics.median(seconds)
        for name, seconds in times.items()
    }
    rest = {
        "load_seconds": loaded,
        "peak_rss_mb": megabytes("VmHWM"),
        "rss_import_mb": IMPORTED,
        "version": f"llama-cpp-python {lc.__version__}",
    }
    print(json.dumps(rates | rest), flush=True)


main()
