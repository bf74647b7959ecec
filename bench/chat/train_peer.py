#!/usr/bin/env python3
"""PyTorch and PEFT: how long a step of tuning by adapters takes. One line of JSON.

    venv/bin/python train_peer.py FOLDER --data TALKS.jsonl --threads 2

FOLDER is a model in Hugging Face's layout; `tune.py` makes it of the same GGUF file that ours reads, in
f32. The data are conversations that are longer than --length tokens, so that every example has exactly
that many on either side. Adapters of rank 16 are on all linear layers of the blocks, the optimizer is
AdamW, gradients are clipped at a norm of 1; the median of the steps after the first two counts.
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
    p.add_argument("folder")
    p.add_argument("--data", required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--length", type=int, default=256)
    p.add_argument("--batch", type=int, default=4)
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--checkpointing", action="store_true")
    return p.parse_args()


A = arguments()

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, logging  # noqa: E402

logging.set_verbosity_error()
IMPORTED = megabytes("VmRSS")
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def example(tokenizer, messages):
    """Tokens of a conversation, and -100 in place of those that the assistant does not say."""
    write = lambda n, open_: tokenizer.apply_chat_template(messages[:n], tokenize=False, add_generation_prompt=open_)
    encoded = tokenizer(write(len(messages), False), add_special_tokens=False, return_offsets_mapping=True)
    said = [n for n, message in enumerate(messages) if message["role"] == "assistant"]
    spans = [(len(write(n, True)), len(write(n + 1, False).rstrip())) for n in said]
    pairs = zip(encoded["input_ids"], encoded["offset_mapping"])
    labels = [i if any(start < b and end > a for a, b in spans) else -100 for i, (start, end) in pairs]
    ids = encoded["input_ids"][: A.length]
    assert len(ids) == A.length, f"a conversation has only {len(ids)} tokens"
    return ids, labels[: A.length]


def main():
    torch.manual_seed(0)
    torch.set_num_threads(A.threads)
    tokenizer = AutoTokenizer.from_pretrained(A.folder)
    talks = [json.loads(line)["messages"] for line in Path(A.data).read_text().splitlines()]
    examples = [example(tokenizer, talk) for talk in talks[: A.batch * A.steps]]
    model = AutoModelForCausalLM.from_pretrained(A.folder, dtype=torch.float32)
    settings = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=LAYERS, task_type="CAUSAL_LM")
    model = get_peft_model(model, settings).train()
    if A.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4)
    seconds, losses = [], []
    for step in range(A.steps):
        batch = examples[step * A.batch : (step + 1) * A.batch]
        ids, labels = (torch.tensor(values) for values in zip(*batch))
        started = time.perf_counter()
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - started)
        losses.append(loss.item())
    print(json.dumps({
        "step_ms": 1000 * statistics.median(seconds[2:]), "loss": losses[-1],
        "peak_rss_mb": megabytes("VmHWM") - IMPORTED, "peak_rss_with_python_mb": megabytes("VmHWM"),
        "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
