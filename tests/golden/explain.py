"""Makes explain.json: explanations by Captum and SHAP of small networks with weights from a formula.

Run:  python explain.py
Made with torch 2.15.0, torchvision 0.29.2, captum 0.9.0, shap 0.51.0, numpy 2.4.6, Python 3.11 (CPU, f64).

Weights are those of `resnet.py`: names sorted as byte strings, and for flat element i of entry k
    j = i mod 1021, base = sin((1 + 0.7*(j*j)) + 0.3*k)
    more than one dimension: base * sqrt(2.5 / fan_in); `running_var`: 1 + 0.3 * base; other `weight`:
    1 + 0.2 * base; the rest (biases, `running_mean`): 0.1 * base
cast to f32. Layers have the names of this project's architectures; batch norms are in eval mode.

Pictures: pixel i of [height, width, channels] is floor(127.5 + 127.5 * sin(0.05*i) * cos(0.0013*i*i)), seen as
(pixel / 255 - 0.5) / 0.25. The baseline is all 0, that is a picture of the mean colour.

Layout: {"versions",
"pictures": {name: {"class", "score" (logit), "base" (logit of the baseline), "values" (integrated gradients with
  50 points by Gauss and Legendre's rule, added up over channels, row by row), "delta" (Captum's), "cam" (Grad-CAM
  of the last feature map after its ReLU, with ReLU, row by row; absent without convolutions)}} of
  mlp (grey 8x8, 3 classes, hidden [12, 6]), lenet (grey 16x16, 3 classes), resnet18 (colour 32x32, small stem, 3 classes),
"tables": {"columns": {name: values of 20 background rows and of the row that is explained, the last},
  "linear": {"class", "base", "values"} of w_c - mean of the other w, columns of levels added up (LinearExplainer),
  "mlp": {"class", "base", "values"} of the probability (ExactExplainer, every subset of columns)}}.
Table columns x, y, z are numbers, seen as (v - 1) / 2; c has levels a, b, c and d levels no, yes, seen as one input a
level. linear: 3 classes; mlp: 3 classes, hidden [8].
"""

import json
import sys
from pathlib import Path

import captum
import numpy as np
import shap
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from torch import nn
from torchvision.models import resnet18

HERE = Path(__file__).resolve().parent
PERIOD = 1021


@torch.no_grad()
def fill(net):
    state = net.state_dict()
    names = sorted(n for n in state if not n.endswith("num_batches_tracked"))
    for k, name in enumerate(names):
        tensor = state[name]
        j = (np.arange(tensor.numel()) % PERIOD).astype(np.float64)
        base = np.sin((1 + 0.7 * (j * j)) + 0.3 * k)
        if tensor.dim() > 1:
            values = base * np.sqrt(2.5 / np.prod(tensor.shape[1:]))
        elif name.endswith("running_var"):
            values = 1 + 0.3 * base
        elif name.endswith("weight"):
            values = 1 + 0.2 * base
        else:
            values = 0.1 * base
        tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))
    return net.eval().double()


class Mlp(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.relu2 = nn.ReLU()
        self.fc1 = nn.Linear(64, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = nn.functional.max_pool2d(self.relu2(self.conv2(x)), 2).flatten(1)
        return self.fc3(self.fc2(self.fc1(x).relu()).relu())


def small_resnet():
    net = resnet18(num_classes=3)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    return net


def picture(side, channels):
    i = np.arange(side * side * channels).astype(np.float64)
    pixels = np.floor(127.5 + 127.5 * np.sin(0.05 * i) * np.cos(0.0013 * i * i))
    seen = (pixels / 255 - 0.5) / 0.25
    return torch.from_numpy(seen.reshape(1, side, side, channels)).permute(0, 3, 1, 2).contiguous()


def cam(net, x, target, layer):
    return LayerGradCam(net, layer).attribute(x, target=target, relu_attributions=True).flatten()


def explained(net, x, layer):
    """Of the class whose map has the most to compare; of the last one without maps."""
    target = 2 if layer is None else max(range(3), key=lambda c: cam(net, x, c, layer).max().item())
    values, delta = IntegratedGradients(net).attribute(
        x, baselines=torch.zeros_like(x), target=target, n_steps=50, return_convergence_delta=True)
    with torch.no_grad():
        score, base = net(x)[0, target].item(), net(torch.zeros_like(x))[0, target].item()
    out = {"class": target, "score": score, "base": base, "values": values.sum(1).flatten().tolist(),
           "delta": delta.item()}
    if layer is not None:
        out["cam"] = cam(net, x, target, layer).tolist()
    return out


def pictures():
    mlp, lenet, resnet = fill(Mlp([64, 12, 6, 3])), fill(Lenet()), fill(small_resnet())
    return {
        "mlp": explained(mlp, picture(8, 1), None),
        "lenet": explained(lenet, picture(16, 1), lenet.relu2),
        "resnet18": explained(resnet, picture(32, 3), resnet.layer4),
    }


LEVELS = {"c": ["a", "b", "c"], "d": ["no", "yes"]}


def rows():
    """Numbers of one decimal, and codes of levels; the last row is the one that is explained."""
    rng = np.random.default_rng(5)
    numbers = np.round(rng.normal(1, 2, (21, 3)), 1)
    codes = np.stack([rng.integers(0, len(levels), 21) for levels in LEVELS.values()], 1)
    return np.concatenate([numbers, codes], 1)


def seen(rows):
    ones = [np.eye(len(levels))[rows[:, 3 + i].astype(int)] for i, levels in enumerate(LEVELS.values())]
    return np.concatenate([(rows[:, :3] - 1) / 2, *ones], 1)


def by_column(values):
    return [*values[:3], values[3:6].sum(), values[6:8].sum()]


def tables():
    table = rows()
    background, row = table[:-1], table[-1:]
    columns = {name: table[:, i].tolist() for i, name in enumerate("xyz")}
    for i, (name, levels) in enumerate(LEVELS.items()):
        columns[name] = [levels[int(code)] for code in table[:, 3 + i]]

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 3)

    fc, target = fill(Linear()).fc, 2
    weights, biases = fc.weight.detach().numpy(), fc.bias.detach().numpy()
    share = np.full(3, -0.5)
    share[target] = 1.0
    masker = shap.maskers.Independent(seen(background), max_samples=100)
    explainer = shap.LinearExplainer((share @ weights, share @ biases), masker)
    linear = {"class": target, "base": float(explainer.expected_value),
              "values": by_column(explainer.shap_values(seen(row))[0])}

    net, target = fill(Mlp([8, 8, 3])), 1

    def probability(rows):
        with torch.no_grad():
            return net(torch.from_numpy(seen(rows))).softmax(1)[:, target].numpy()

    masker = shap.maskers.Independent(background, max_samples=100)
    found = shap.explainers.Exact(probability, masker)(row)
    mlp = {"class": target, "base": float(np.ravel(found.base_values)[0]), "values": found.values[0].tolist()}
    assert abs(mlp["base"] + sum(mlp["values"]) - probability(row)[0]) < 1e-9
    return {"columns": columns, "linear": linear, "mlp": mlp}


def main():
    versions = {"python": sys.version.split()[0], "torch": torch.__version__, "captum": captum.__version__,
                "shap": shap.__version__, "numpy": np.__version__}
    out = {"versions": versions, "pictures": pictures(), "tables": tables()}
    (HERE / "explain.json").write_text(json.dumps(out, indent=1, default=float) + "\n", encoding="utf-8")
    print(versions)
    for name, of in out["pictures"].items():
        print(name, {k: v for k, v in of.items() if not isinstance(v, list)})
    print({k: v for k, v in out["tables"].items() if k != "columns"})


if __name__ == "__main__":
    main()
