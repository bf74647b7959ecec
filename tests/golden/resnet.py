"""Makes resnet.safetensors and resnet18.pth.gz: torchvision ResNets filled with weights from a formula.

Run:  python resnet.py
Made with torch 2.15.0, torchvision 0.29.2, numpy 2.4.6, safetensors 0.8.0, Python 3.11 (CPU, f32).

Weights. Sort the state_dict names as byte strings and drop those ending in `num_batches_tracked`; k is
the 0-based position in that list. For flat (row-major) element i of entry k, everything in f64:
    j    = i mod 1021
    base = sin((1 + 0.7*(j*j)) + 0.3*k)
    convolution and fc `weight`   base * sqrt(2.5 / fan_in), fan_in = product of all sizes but the first
    `fc.bias`                     0.1 * base
    batch norm `weight`           1 + 0.2 * base
    batch norm `bias`             0.1 * base
    `running_mean`                0.1 * base
    `running_var`                 1 + 0.3 * base
then cast to f32 (batch norms are `bn1`, `*.bn1`, `*.bn2`, `*.downsample.1`).

Inputs. For flat element i of x[b, c, h, w], in f64, cast to f32:
    x = sin(0.01*i) * cos(0.003*i)

Models, all with eps 1e-5 and momentum 0.1 in the batch norms:
    resnet18, resnet34   1000 classes, input [1, 3, 224, 224]
    resnet18.small       resnet18 with conv1 = Conv2d(3, 64, 3, stride 1, padding 1, no bias),
                         maxpool = identity, fc = Linear(512, 10), input [2, 3, 32, 32]

Tensors of resnet.safetensors (f32):
    resnet18.224.logits, resnet34.224.logits   [1, 1000]  eval mode
    resnet18.small.logits                      [2, 10]    eval mode
    resnet18.small.train_logits                [2, 10]    train mode, from the same formula weights
    resnet18.small.{bn1,layer4.1.bn2}.{running_mean,running_var}   after that one train-mode forward
    <model>.logits_f64                         each eval result again, the f32 weights and input run in f64
                                               (names resnet18.224.logits_f64 and so on, dtype f64)
resnet18.pth.gz is gzip -9 of torch.save(state_dict) (zip format) of the 1000-class resnet18 above.
"""

import copy
import gzip
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18, resnet34

HERE = Path(__file__).resolve().parent
PERIOD = 1021


@torch.no_grad()
def fill(net):
    state = net.state_dict()
    names = sorted(n for n in state if not n.endswith("num_batches_tracked"))
    norms = {n.removesuffix(".running_mean") for n in names if n.endswith(".running_mean")}
    for k, name in enumerate(names):
        tensor = state[name]
        j = (np.arange(tensor.numel()) % PERIOD).astype(np.float64)
        base = np.sin((1 + 0.7 * (j * j)) + 0.3 * k)
        module, leaf = name.rsplit(".", 1)
        if leaf == "running_var":
            value = 1 + 0.3 * base
        elif leaf in ("running_mean", "bias"):
            value = 0.1 * base
        elif module in norms:
            value = 1 + 0.2 * base
        else:
            value = base * np.sqrt(2.5 / tensor[0].numel())
        tensor.copy_(torch.from_numpy(value.astype(np.float32)).reshape(tensor.shape))
    return net.eval()


def image(batch, size):
    i = np.arange(batch * 3 * size * size, dtype=np.float64)
    x = np.sin(0.01 * i) * np.cos(0.003 * i)
    return torch.from_numpy(x.astype(np.float32)).reshape(batch, 3, size, size)


def small():
    net = resnet18(num_classes=10)
    net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    net.maxpool = nn.Identity()
    return net


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    tensors = {}
    nets = {"resnet18.224": (resnet18(), image(1, 224)), "resnet34.224": (resnet34(), image(1, 224)),
            "resnet18.small": (small(), image(2, 32))}
    for name, (net, x) in nets.items():
        y = fill(net)(x)
        exact = copy.deepcopy(net).double()(x.double())
        tensors |= {f"{name}.logits": y, f"{name}.logits_f64": exact}
        print(f"{name}: spread {y.std():.3f}, range {y.min():.3f} .. {y.max():.3f}, "
              f"largest |f32 - f64| {(y - exact).abs().max():.1e}")

    net, x = nets["resnet18.small"]
    y = net.train()(x)
    tensors["resnet18.small.train_logits"] = y
    print(f"train: spread {y.std():.3f}, range {y.min():.3f} .. {y.max():.3f}")
    for layer in ("bn1", "layer4.1.bn2"):
        for stat in ("running_mean", "running_var"):
            tensors[f"resnet18.small.{layer}.{stat}"] = net.state_dict()[f"{layer}.{stat}"]
    save_file(tensors, HERE / "resnet.safetensors")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet18.pth"
        torch.save(nets["resnet18.224"][0].state_dict(), path)
        (HERE / "resnet18.pth.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
