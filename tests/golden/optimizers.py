"""Makes optimizers.safetensors: 50-step training loss curves, one per optimiser or training option.

Run:  python optimizers.py [--digits PATH/digits.csv.gz]
Made with torch 2.15.0, numpy 2.4.6, safetensors 0.8.0, Python 3.11 (CPU, one thread).

Data: x = p0..p63 / 16 (f32), y = label; batch s = rows [32*s mod 1760, +32) in file order.
Model: Linear(64,32) -> ReLU -> Linear(32,10), f32, mean cross-entropy. Each curve starts from the
same stored weights (`init.*`, PyTorch layout [out, in]). Case `mse` regresses y/10 with
Linear(64,32) -> ReLU -> Linear(32,1) from `init_mse.*`, mean squared error.

Tensors: `init.{0,2}.{weight,bias}`, `init_mse.{0,2}.{weight,bias}` (f32) and `loss.<case>` (f64, [50]),
the loss of step s before its update. Metadata: `cases` is a JSON object, case name -> settings
(see CASES; every hyper-parameter is spelled out, defaults too).
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).resolve().parent
STEPS, BATCH, WRAP = 50, 32, 1760


def sgd(lr, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0):
    return {"optimizer": "sgd", "lr": lr, "momentum": momentum, "dampening": dampening,
            "nesterov": nesterov, "weight_decay": weight_decay}


def adam(name, lr, weight_decay=0.0):
    return {"optimizer": name, "lr": lr, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8,
            "weight_decay": weight_decay}


def rmsprop(lr, momentum=0.0, centered=False):
    return {"optimizer": "rmsprop", "lr": lr, "alpha": 0.99, "eps": 1e-8, "momentum": momentum,
            "centered": centered, "weight_decay": 0.0}


MOMENTUM = sgd(0.05, momentum=0.9)
CASES = {
    "sgd": sgd(0.1),
    "sgd_weight_decay": sgd(0.1, weight_decay=1e-2),
    "momentum": MOMENTUM,
    "nesterov": sgd(0.05, momentum=0.9, nesterov=True),
    "momentum_dampening": sgd(0.1, momentum=0.9, dampening=0.1),
    # v = momentum*v + (1-momentum)*grad with v0 = 0, then w -= lr*v. Not a PyTorch optimiser.
    "momentum_ema": {"optimizer": "momentum_ema", "lr": 0.3, "momentum": 0.9},
    "adam": adam("adam", 1e-2),
    "adam_weight_decay": adam("adam", 1e-2, weight_decay=1e-2),  # L2: added to the gradient
    "adamw": adam("adamw", 1e-2, weight_decay=1e-1),  # decoupled
    "rmsprop": rmsprop(1e-3),
    "rmsprop_momentum": rmsprop(1e-3, momentum=0.9),
    "rmsprop_centered": rmsprop(1e-3, centered=True),
    "label_smoothing": {**MOMENTUM, "label_smoothing": 0.1},
    "class_weights": {**MOMENTUM, "class_weights": [1, 2, 1, 1, 3, 1, 1, 0.5, 1, 1]},
    "clip_norm": {**MOMENTUM, "clip_norm": 0.5},
    "clip_value": {**MOMENTUM, "clip_value": 0.05},
    # Each batch is cut in two halves of 16 rows; each half's loss / 2 is back-propagated,
    # and the recorded loss is the mean of the two.
    "accumulate": {**MOMENTUM, "accumulate": 2},
    "mse": {**sgd(0.1), "loss": "mse"},
}


class MomentumEma:
    def __init__(self, params, lr, momentum):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.v = [torch.zeros_like(p) for p in self.params]

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.v):
            v.mul_(self.momentum).add_(p.grad, alpha=1 - self.momentum)
            p.sub_(v, alpha=self.lr)


def make_optimizer(params, c):
    kind, lr, wd = c["optimizer"], c["lr"], c.get("weight_decay", 0.0)
    if kind == "sgd":
        return torch.optim.SGD(params, lr, momentum=c["momentum"], dampening=c["dampening"],
                               nesterov=c["nesterov"], weight_decay=wd)
    if kind == "momentum_ema":
        return MomentumEma(params, lr, c["momentum"])
    if kind == "rmsprop":
        return torch.optim.RMSprop(params, lr, alpha=c["alpha"], eps=c["eps"], weight_decay=wd,
                                   momentum=c["momentum"], centered=c["centered"])
    cls = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    return cls(params, lr, betas=(c["beta1"], c["beta2"]), eps=c["eps"], weight_decay=wd)


def model(outputs):
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, outputs))


def curve(net, c, x, y):
    if c.get("loss") == "mse":
        y = (y.float() / 10).unsqueeze(1)
        loss_fn = nn.MSELoss()
    else:
        weights = c.get("class_weights")
        loss_fn = nn.CrossEntropyLoss(weight=None if weights is None else torch.tensor(weights),
                                      label_smoothing=c.get("label_smoothing", 0.0))
    optimizer = make_optimizer(net.parameters(), c)
    parts = c.get("accumulate", 1)
    losses = []
    for step in range(STEPS):
        lo = BATCH * step % WRAP
        optimizer.zero_grad()
        halves = []
        for xb, yb in zip(x[lo:lo + BATCH].chunk(parts), y[lo:lo + BATCH].chunk(parts)):
            loss = loss_fn(net(xb), yb)
            (loss / parts).backward()
            halves.append(loss.item())
        losses.append(sum(halves) / parts)
        if "clip_norm" in c:
            nn.utils.clip_grad_norm_(net.parameters(), c["clip_norm"])
        if "clip_value" in c:
            nn.utils.clip_grad_value_(net.parameters(), c["clip_value"])
        optimizer.step()
    return torch.tensor(losses, dtype=torch.float64)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--digits", default=HERE / "../../crates/data/assets/digits.csv.gz")
    args.add_argument("--out", default=HERE / "optimizers.safetensors")
    args = args.parse_args()

    torch.set_num_threads(1)
    with gzip.open(args.digits, "rt") as f:
        table = np.loadtxt(f, delimiter=",", skiprows=1, dtype=np.int64)
    x = torch.tensor(table[:, :64], dtype=torch.float32) / 16
    y = torch.tensor(table[:, 64])

    torch.manual_seed(0)
    init, init_mse = model(10).state_dict(), model(1).state_dict()
    tensors = {f"init.{k}": v.clone() for k, v in init.items()}
    tensors |= {f"init_mse.{k}": v.clone() for k, v in init_mse.items()}
    for name, c in CASES.items():
        start = init_mse if c.get("loss") == "mse" else init
        net = model(start["2.bias"].numel())
        net.load_state_dict(start)
        losses = curve(net, c, x, y)
        tensors[f"loss.{name}"] = losses
        print(f"{name:20s} {losses[0]:.6f} -> {losses[-1]:.6f}")
    save_file(tensors, args.out, {"cases": json.dumps(CASES)})


if __name__ == "__main__":
    main()
