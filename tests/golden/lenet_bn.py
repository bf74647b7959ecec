"""Makes batchnorm.safetensors (BatchNorm2d, training and eval) and init.json (weight initialisation facts).

Run:  python lenet_bn.py
Made with torch 2.15.0, safetensors 0.8.0, Python 3.11 (CPU, f32).

batchnorm.safetensors: BatchNorm2d(4), eps 1e-5, momentum 0.1, affine; weight and bias are random and
never updated. For s = 0, 1, 2 one forward in train mode on x.s gives out.s, and afterwards running_mean.s
and running_var.s. Loss of step 0 is (out.0 * target).sum(); its gradients are grad.x, grad.weight and
grad.bias. eval_out is x.0 through eval mode after step 2, and eval_grad.{x,weight,bias} the gradients of
(eval_out * target).sum(). All f32; x.s, out.s, target: [8, 4, 5, 5].

init.json: {"versions", "layers": {"linear": {"torch", "weight_shape", "fan_in", "fan_out",
"schemes": {name: {"distribution": "uniform" or "normal", "bound" or "std", "formula",
"sampled": {"min", "max", "mean", "std", "n"}}}, "bias": {same, PyTorch's default bias}}, "conv2d": {...}}}.
`bound` is the half-width: uniform on (-bound, bound). Each stated value is checked against
numbers drawn by the real initialiser (`sampled`) before it is written.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).resolve().parent


def batchnorm():
    torch.manual_seed(0)
    bn = nn.BatchNorm2d(4)
    with torch.no_grad():
        bn.weight.copy_(1 + 0.5 * torch.randn(4))
        bn.bias.copy_(0.5 * torch.randn(4))
    shape = (8, 4, 5, 5)
    # Channels of unlike scale and offset, so that mixed-up statistics show.
    scale, offset = torch.tensor([0.5, 1, 2, 4]).view(1, 4, 1, 1), torch.tensor([0., 1, -2, 3]).view(1, 4, 1, 1)
    xs = [torch.randn(shape) * scale + offset for _ in range(3)]
    target = torch.randn(shape)
    t = {"weight": bn.weight.detach(), "bias": bn.bias.detach(), "target": target}

    def gradients(prefix, x):
        bn.zero_grad()
        x = x.clone().requires_grad_()
        out = bn(x)
        (out * target).sum().backward()
        t.update({f"{prefix}.x": x.grad, f"{prefix}.weight": bn.weight.grad.clone(),
                  f"{prefix}.bias": bn.bias.grad.clone()})
        return out.detach()

    for s, x in enumerate(xs):
        t[f"x.{s}"] = x
        t[f"out.{s}"] = gradients("grad", x) if s == 0 else bn(x).detach()
        t[f"running_mean.{s}"] = bn.running_mean.clone()
        t[f"running_var.{s}"] = bn.running_var.clone()
    bn.eval()
    t["eval_out"] = gradients("eval_grad", xs[0])
    save_file({k: v.contiguous() for k, v in t.items()}, HERE / "batchnorm.safetensors")


def check(distribution, value, formula, draw, repeats=100):
    """Checks the stated value against the numbers of many draws."""
    sample = torch.cat([draw().flatten() for _ in range(repeats)]).double()
    std = value / math.sqrt(3) if distribution == "uniform" else value
    assert abs(sample.std().item() / std - 1) < 0.01 and abs(sample.mean().item()) < 0.015 * std
    if distribution == "uniform":
        assert sample.abs().max() <= value * (1 + 1e-6) and sample.abs().max() > 0.999 * value
    return {"distribution": distribution, "bound" if distribution == "uniform" else "std": value,
            "formula": formula,
            "sampled": {"min": sample.min().item(), "max": sample.max().item(), "mean": sample.mean().item(),
                        "std": sample.std().item(), "n": sample.numel()}}


def schemes(make):
    layer = make()
    fan_in = layer.weight[0].numel()
    fan_out = layer.weight.numel() // layer.weight.shape[1]
    both = fan_in + fan_out

    def drawn(init, **kw):
        w = torch.empty_like(layer.weight)
        return lambda: init(w, **kw).clone()

    def remade(name):
        def draw():
            layer.reset_parameters()
            return getattr(layer, name).detach().clone()
        return draw

    relu = dict(mode="fan_in", nonlinearity="relu")
    found = {
        "default": check("uniform", 1 / math.sqrt(fan_in), "1/sqrt(fan_in)", remade("weight")),
        "xavier_uniform": check("uniform", math.sqrt(6 / both), "sqrt(6/(fan_in+fan_out))",
                                drawn(nn.init.xavier_uniform_)),
        "xavier_normal": check("normal", math.sqrt(2 / both), "sqrt(2/(fan_in+fan_out))",
                               drawn(nn.init.xavier_normal_)),
        "kaiming_uniform": check("uniform", math.sqrt(6 / fan_in), "sqrt(6/fan_in)",
                                 drawn(nn.init.kaiming_uniform_, **relu)),
        "kaiming_normal": check("normal", math.sqrt(2 / fan_in), "sqrt(2/fan_in)",
                                drawn(nn.init.kaiming_normal_, **relu)),
    }
    bias = check("uniform", 1 / math.sqrt(fan_in), "1/sqrt(fan_in)", remade("bias"), repeats=2000)
    return {"torch": repr(layer), "weight_shape": list(layer.weight.shape), "fan_in": fan_in,
            "fan_out": fan_out, "schemes": found, "bias": bias}


def main():
    torch.set_num_threads(1)
    batchnorm()
    torch.manual_seed(0)
    out = {"versions": {"torch": torch.__version__},
           "layers": {"linear": schemes(lambda: nn.Linear(256, 128)),
                      "conv2d": schemes(lambda: nn.Conv2d(16, 32, 3))}}
    (HERE / "init.json").write_text(json.dumps(out, indent=1) + "\n")
    for name, layer in out["layers"].items():
        for scheme, v in {**layer["schemes"], "bias": layer["bias"]}.items():
            print(name, scheme, v["distribution"], v.get("bound", v.get("std")))


if __name__ == "__main__":
    main()
