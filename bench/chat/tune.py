#!/usr/bin/env python3
"""A step of tuning by adapters, ours and PyTorch's with PEFT, on the same weights and conversations.

    bench/chat/tune.py --weights SmolLM2.gguf --python PYTHON   # one with torch, transformers, peft and gguf

Both sides run by turns, each in a process of its own; all lines are printed as JSON, the last says how
they compare. What ours takes for a step is told by the times of its epochs; its memory is looked at when
the last epoch ends, before the finished model is measured.
"""
import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
from process import execute  # noqa: E402
from resident import megabytes  # noqa: E402

MAKE = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
file, folder = sys.argv[1:]
parent, name = file.rsplit("/", 1)
AutoModelForCausalLM.from_pretrained(parent, gguf_file=name, dtype="float32").save_pretrained(folder)
AutoTokenizer.from_pretrained(parent, gguf_file=name).save_pretrained(folder)
"""


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path(os.environ.get("MODELWRIGHT_TEST_DATA", Path.home() / ".cache/modelwright/test-data"))
    p.add_argument("--weights", default=str(cache / "smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    p.add_argument("--python", default=str(HERE / "venv/bin/python"))
    p.add_argument("--ours", default=str(ROOT / "target/release/modelwright"))
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--length", type=int, default=256)
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--timeout", type=float, default=1200)
    p.add_argument("--checkpointing", action="store_true")
    p.add_argument("--base", default="f32", help="how ours keeps the weights: stored, f32, bf16 or q8")
    return p.parse_args()


def conversations(file, count):
    """Conversations of more than 400 tokens out of the English FAQ."""
    with gzip.open(ROOT / "crates/data/assets/faq.jsonl.gz", "rt", encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    with file.open("w") as f:
        at = 0
        for _ in range(count):
            messages, size = [], 0
            while size < 3000:
                row = rows[at % len(rows)]
                at += 1
                messages.append({"role": "user", "content": row["question"]})
                messages.append({"role": "assistant", "content": row["answer"]})
                size += len(row["question"]) + len(row["answer"])
            f.write(json.dumps({"messages": messages}) + "\n")


def ours(a, data, folder):
    """Trains three epochs, and ends the program when the last one is over."""
    runs = folder / "runs"
    command = [
        a.ours, "train", str(data), "--task", "chat", "--weights", a.weights, "--max-length", str(a.length),
        "--batch-size", str(a.batch), "--epochs", "3", "--threads", str(a.threads), "--validation", "0",
        "--test", "0", "--base", a.base, "--quiet", "--set", f"training.checkpointing={str(a.checkpointing).lower()}",
        "--set", "training.checkpoint_seconds=100000",
    ]
    process = subprocess.Popen(command, env=os.environ | {"MODELWRIGHT_RUNS": str(runs)}, stdout=subprocess.DEVNULL)
    epochs, peak = [], None
    deadline = time.monotonic() + a.timeout
    while process.poll() is None and len(epochs) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            peak = megabytes("VmHWM", process.pid) or peak
        except OSError:
            break
        for events in runs.glob("*/events.jsonl"):
            lines = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
            epochs = [e["seconds"] for e in lines if e.get("event") == "epoch-ended"]
    process.kill()
    process.wait()
    if len(epochs) < 3:
        return {"error": f"only {len(epochs)} epochs ended"}
    return {"step_ms": 1000 * statistics.median(epochs[1:]) / a.steps, "peak_rss_mb": peak}


def main():
    a = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "talks.jsonl"
        conversations(data, a.batch * a.steps)
        made = subprocess.run([a.python, "-c", MAKE, a.weights, str(folder / "model")], capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit(made.stderr)
        peer = [
            a.python, str(HERE / "train_peer.py"), str(folder / "model"), "--data", str(data), "--threads",
            str(a.threads), "--length", str(a.length), "--batch", str(a.batch), "--steps", str(a.steps),
        ]
        peer += ["--checkpointing"] if a.checkpointing else []
        lines = {"ours": [], "peer": []}
        for round_ in range(a.rounds):
            order = ["ours", "peer"] if round_ % 2 == 0 else ["peer", "ours"]
            for side in order:
                with tempfile.TemporaryDirectory() as own:
                    result = ours(a, data, Path(own)) if side == "ours" else execute(peer, {}, a.timeout)
                lines[side].append(result)
                print(json.dumps({"side": side, "round": round_} | result), flush=True)
        steps = {side: [r["step_ms"] for r in all_ if "step_ms" in r] for side, all_ in lines.items()}
        if all(steps.values()):
            best = {side: statistics.median(values) for side, values in steps.items()}
            print(json.dumps({"ratio": best["ours"] / best["peer"]} | best))


if __name__ == "__main__":
    main()
