#!/usr/bin/env python3
"""The peer's fine-tuning: PyTorch and transformers on a table made by prepare.py. One line of JSON.

    venv/bin/python peer.py TABLE --weights FOLDER --mode lora --threads 2 --fused --group-by-length

The same network, optimizer, schedule and order of work as ours: every epoch trains and then looks at
the validation part; at the end the last weights meet the test part.
"""
import argparse
import csv
import json
import math
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from resident import megabytes  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("table", type=Path)
    p.add_argument("--weights", type=Path, required=True, help="folder with the pretrained model")
    p.add_argument("--mode", choices=("full", "lora"), default="full")
    p.add_argument("--epochs", type=int, default=3)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--max-length", type=int, default=128)
    p.add_argument("--learning-rate", type=float, default=5e-5)
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--warmup", type=float, default=0.0, help="epochs of linear warm-up, before a cosine to 0")
    p.add_argument("--clip-norm", type=float, default=1.0, help="largest joint norm of the gradients, as ours and Trainer's")
    p.add_argument("--lora-rank", type=int, default=8)
    p.add_argument("--lora-alpha", type=float, default=16)
    p.add_argument("--lora-dropout", type=float, default=0.0)
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--steps", type=int, help="stop after so many steps: a probe of speed")
    p.add_argument("--fused", action="store_true", help="AdamW(fused=True)")
    p.add_argument("--group-by-length", action="store_true", help="batches of texts of like length")
    p.add_argument("--bf16", action="store_true", help="training under autocast to bfloat16")
    p.add_argument("--compile", action="store_true", help="torch.compile with dynamic shapes")
    return p.parse_args()


A = arguments()
# Read when the libraries are loaded.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(A.threads)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"

import torch  # noqa: E402
from sklearn.metrics import accuracy_score, f1_score  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
)
from transformers.trainer_pt_utils import LengthGroupedSampler  # noqa: E402

# Evaluation keeps no activations, so its batches may be larger.
EVALUATION_BATCH = 64


def read(path):
    """The examples of each part, and the labels in order."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["label"] for row in rows})
    parts = {name: [r for r in rows if r["split"] == name] for name in ("train", "validation", "test")}
    return parts, labels


def encoded(tokenizer, rows, labels):
    """Token ids and class of each row, not padded."""
    found = tokenizer([r["text"] for r in rows], truncation=True, max_length=A.max_length)
    numbers = {label: i for i, label in enumerate(labels)}
    return [
        {name: found[name][i] for name in found} | {"label": numbers[row["label"]]} for i, row in enumerate(rows)
    ]


def network(labels):
    """The pretrained model with a new head; with LoRA, its adapters and the head alone are trained."""
    # Ours has no dropout on attention, and without it PyTorch's attention takes its fast way.
    model = AutoModelForSequenceClassification.from_pretrained(
        A.weights, num_labels=len(labels), attention_probs_dropout_prob=0.0, dtype=torch.float32
    )
    if A.mode == "lora":
        from peft import LoraConfig, TaskType, get_peft_model

        config = LoraConfig(
            task_type=TaskType.SEQ_CLS,
            r=A.lora_rank,
            lora_alpha=A.lora_alpha,
            lora_dropout=A.lora_dropout,
            target_modules=["query", "value"],
        )
        model = get_peft_model(model, config)
    return model


def rate(step, steps, per_epoch):
    """Share of the learning rate at a step: linear from a tenth, then half a cosine to 0, as ours."""
    warmup = round(A.warmup * per_epoch)
    if step < warmup:
        return 0.1 + 0.9 * step / warmup
    return (1 + math.cos(math.pi * min((step - warmup) / max(steps - warmup, 1), 1))) / 2


class Training:
    """A model with what it takes to train and to measure it."""

    def __init__(self, parts, labels):
        tokenizer = AutoTokenizer.from_pretrained(A.weights)
        self.collate = DataCollatorWithPadding(tokenizer)
        self.parts = {name: encoded(tokenizer, rows, labels) for name, rows in parts.items()}
        self.model = network(labels)
        self.forward = torch.compile(self.model, dynamic=True) if A.compile else self.model
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.trained, lr=A.learning_rate, weight_decay=A.weight_decay, fused=A.fused or None
        )
        self.loader = self.batches("train")
        self.per_epoch = len(self.loader)
        steps = A.epochs * self.per_epoch
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda i: rate(i, steps, self.per_epoch))
        self.steps = 0

    def batches(self, part):
        rows = self.parts[part]
        generator = torch.Generator().manual_seed(A.seed)
        if part != "train":
            # The order does not matter to a score, and like lengths together need the least padding.
            rows = sorted(rows, key=lambda r: len(r["input_ids"]))
            return DataLoader(rows, batch_size=EVALUATION_BATCH, collate_fn=self.collate)
        if A.group_by_length:
            lengths = [len(r["input_ids"]) for r in rows]
            sampler = LengthGroupedSampler(A.batch_size, lengths=lengths, generator=generator)
            return DataLoader(rows, batch_size=A.batch_size, sampler=sampler, collate_fn=self.collate)
        return DataLoader(rows, batch_size=A.batch_size, shuffle=True, generator=generator, collate_fn=self.collate)

    def epoch(self):
        """Trains for an epoch, or until the steps of a probe are made."""
        self.model.train()
        for batch in self.loader:
            if A.steps is not None and self.steps >= A.steps:
                return
            with torch.autocast("cpu", torch.bfloat16, enabled=A.bf16):
                loss = self.forward(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.trained, A.clip_norm)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.steps += 1

    @torch.inference_mode()
    def scores(self, part):
        self.model.eval()
        truth, predicted = [], []
        for batch in self.batches(part):
            truth += batch.pop("labels").tolist()
            predicted += self.model(**batch).logits.argmax(-1).tolist()
        return {
            "accuracy": accuracy_score(truth, predicted),
            "macro_f1": f1_score(truth, predicted, average="macro"),
        }


def main():
    imported = megabytes("VmRSS")
    started = time.perf_counter()
    torch.set_num_threads(A.threads)
    torch.manual_seed(A.seed)
    training = Training(*read(A.table))
    epochs, validation = [], []
    for _ in range(A.epochs):
        epoch = time.perf_counter()
        training.epoch()
        if A.steps is None:
            validation.append(training.scores("validation")["accuracy"])
        epochs.append(time.perf_counter() - epoch)
    result = {
        "seconds": sum(epochs),
        "epoch_seconds": epochs,
        "steps": training.steps,
        "trained_parameters": sum(p.numel() for p in training.model.parameters() if p.requires_grad),
        "validation_accuracy": validation,
    }
    if A.steps is None:
        result |= training.scores("test")
    result |= {
        "all_seconds": time.perf_counter() - started,
        "peak_rss_mb": megabytes("VmHWM"),
        "rss_import_mb": imported,
        "version": f"torch {torch.__version__}",
    }
    print(json.dumps(result), flush=True)


main()
