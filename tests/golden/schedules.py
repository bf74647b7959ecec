"""Makes schedules.json: the learning rate used at each of 40 steps by torch.optim.lr_scheduler.

Run:  python schedules.py
Made with torch 2.15.0, Python 3.11.

Base learning rate 0.1; entry s of `lr` is the rate in force while step s (0-based) is taken, and the
scheduler is stepped once after each step. reduce_on_plateau is fed `metric[s]` after step s.
Layout: {"versions": {...}, "base_lr": 0.1, "steps": 40,
         "schedules": {name: {"torch": class, "args": {...}, "lr": [40 numbers], ("metric": [40])}}}
"""

import json
import warnings
from pathlib import Path

import torch
from torch.optim import lr_scheduler as ls

HERE = Path(__file__).resolve().parent
BASE, STEPS = 0.1, 40

ONE_CYCLE = dict(max_lr=0.1, total_steps=STEPS, pct_start=0.3, div_factor=25.0, final_div_factor=1e4,
                 anneal_strategy="cos", cycle_momentum=False, three_phase=False)
PLATEAU = dict(mode="min", factor=0.1, patience=2, threshold=1e-4, threshold_mode="rel",
               cooldown=0, min_lr=0.0, eps=1e-8)
WARMUP = dict(start_factor=0.1, end_factor=1.0, total_iters=5)
COSINE_AFTER = dict(T_max=35, eta_min=0.001)

# Falls, stalls for more than the patience, gains less than the threshold, falls again, then rises.
METRIC = [1.0, 0.9, 0.8, 0.7, 0.7, 0.71, 0.7, 0.7, 0.65, 0.6,
          0.6, 0.599999, 0.599995, 0.59999, 0.55, 0.5, 0.51, 0.52, 0.49, 0.495,
          0.494, 0.48, 0.47, 0.46, 0.45, 0.45, 0.45, 0.45, 0.45, 0.45,
          0.45, 0.45, 0.44, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def warmup_cosine(opt):
    return ls.SequentialLR(opt, [ls.LinearLR(opt, **WARMUP), ls.CosineAnnealingLR(opt, **COSINE_AFTER)],
                           milestones=[5])


SCHEDULES = {
    "constant": (None, {}, lambda o: ls.LambdaLR(o, lambda _: 1.0)),
    "step": ("StepLR", dict(step_size=10, gamma=0.5), None),
    "exponential": ("ExponentialLR", dict(gamma=0.95), None),
    "cosine": ("CosineAnnealingLR", dict(T_max=40, eta_min=0.001), None),
    "linear_warmup": ("LinearLR", WARMUP, None),
    "warmup_cosine": ("SequentialLR", {"milestones": [5], "LinearLR": WARMUP,
                                       "CosineAnnealingLR": COSINE_AFTER}, warmup_cosine),
    "one_cycle": ("OneCycleLR", ONE_CYCLE, None),
    "reduce_on_plateau": ("ReduceLROnPlateau", PLATEAU, None),
}


def main():
    result = {}
    for name, (cls, args, build) in SCHEDULES.items():
        opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR's own deprecated use of step(epoch)
            sched = build(opt) if build else getattr(ls, cls)(opt, **args)
            lrs = []
            for s in range(STEPS):
                lrs.append(float(opt.param_groups[0]["lr"]))
                opt.step()
                sched.step(METRIC[s]) if name == "reduce_on_plateau" else sched.step()
        result[name] = {"torch": cls, "args": args, "lr": lrs}
        if name == "reduce_on_plateau":
            result[name]["metric"] = METRIC
        print(f"{name:18s}", *(f"{v:.5g}" for v in lrs))
    out = {"versions": {"torch": torch.__version__}, "base_lr": BASE, "steps": STEPS, "schedules": result}
    (HERE / "schedules.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
