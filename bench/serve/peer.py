"""The peer: a bundle's network in PyTorch behind FastAPI, at the address that our server has.

    python peer.py BUNDLE --port N [--endpoint inline|pool] [--threads N] [--workers N] [--channels-last]
"""
import argparse
import io
import json
import os
from pathlib import Path

import fastapi
import numpy
import orjson
import torch
import torchvision
import uvicorn
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from safetensors.torch import load_file

# How workers, which are processes of their own, learn what was asked for.
SETTINGS = "PEER_SETTINGS"


class Mlp(torch.nn.Module):
    """Layers with ReLU between them, named as in our bundles."""

    def __init__(self, widths):
        super().__init__()
        layers = (torch.nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.layers = torch.nn.ModuleList(layers)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


def resnet18(channels, classes):
    """With the stem for small pictures: 3x3, nothing is skipped."""
    net = torchvision.models.resnet18(num_classes=classes)
    net.conv1 = torch.nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    net.maxpool = torch.nn.Identity()
    return net


class Model:
    """A bundle for one picture at a time."""

    def __init__(self, bundle, channels_last):
        config = json.loads((bundle / "config.json").read_text())
        sizes = json.loads((bundle / "preprocessor_config.json").read_text())
        self.labels = [config["id2label"][str(i)] for i in range(config["num_labels"])]
        self.size = sizes["size"]["width"], sizes["size"]["height"]
        self.mode = {1: "L", 3: "RGB"}[sizes["num_channels"]]
        # One multiplication and one addition instead of two of each.
        mean, deviation = (torch.tensor(sizes[k]).view(1, -1, 1, 1) for k in ("image_mean", "image_std"))
        self.factor, self.offset = sizes["rescale_factor"] / deviation, -mean / deviation
        inputs = sizes["num_channels"] * self.size[0] * self.size[1]
        if config["model_type"] == "mlp":
            net = Mlp([inputs, *config["model"]["hidden"], len(self.labels)])
        else:
            net = resnet18(sizes["num_channels"], len(self.labels))
        found = net.load_state_dict(load_file(bundle / "model.safetensors"), strict=False)
        # Counts of batches matter in training only.
        missing = [name for name in found.missing_keys if not name.endswith("num_batches_tracked")]
        assert not missing and not found.unexpected_keys, found
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.eval().to(memory_format=self.format)

    def answer(self, file):
        """JSON for a picture file."""
        picture = Image.open(io.BytesIO(file)).convert(self.mode)
        if picture.size != self.size:
            picture = picture.resize(self.size, Image.Resampling.BILINEAR)
        pixels = numpy.array(picture).reshape(1, *self.size[::-1], -1)
        with torch.inference_mode():
            x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() * self.factor + self.offset
            x = x.contiguous(memory_format=self.format)
            probabilities = torch.softmax(self.net(x), 1)[0].tolist()
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        prediction = {
            "label": self.labels[best],
            "probability": probabilities[best],
            "probabilities": dict(zip(self.labels, probabilities)),
        }
        return orjson.dumps({"version": "1", "predictions": [prediction]})


def app():
    """What a worker runs."""
    settings = json.loads(os.environ[SETTINGS])
    torch.set_num_threads(settings["threads"])
    model = Model(Path(settings["bundle"]), settings["channels_last"])
    api = fastapi.FastAPI()

    @api.post("/v1/models/{name}/predict")
    async def predict(name: str, request: fastapi.Request):
        file = await request.body()
        if settings["endpoint"] == "pool":
            answer = await run_in_threadpool(model.answer, file)
        else:
            answer = model.answer(file)
        return fastapi.Response(answer, media_type="application/json")

    return api


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint", choices=["inline", "pool"], default="inline")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    os.environ[SETTINGS] = json.dumps(vars(args))
    here = str(Path(__file__).parent)
    # Workers that are still importing PyTorch on a busy machine are not to be taken for dead.
    uvicorn.run(
        "peer:app", factory=True, app_dir=here, port=args.port, workers=args.workers,
        loop="uvloop", http="httptools", access_log=False, log_level="warning", timeout_worker_healthcheck=60,
    )  # fmt: skip


if __name__ == "__main__":
    main()
