#!/usr/bin/env python3
"""The peer's embeddings: sentence-transformers, or ONNX Runtime. One line of JSON.

    venv/bin/python embed_peer.py TEXTS --weights FOLDER --engine onnxruntime --batch-size 32 --threads 2

TEXTS has a text a line. Measured are tokens, network, mean and norm of all texts; the model is loaded
and warm before. A model for ONNX Runtime is exported once, into --cache, by a process of its own.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from resident import megabytes  # noqa: E402

# Vectors that are printed, for the other side to compare with.
SAMPLE = 8
WARM_UP = 64


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("texts", type=Path, nargs="?")
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--engine", choices=("sentence-transformers", "onnxruntime"), default="sentence-transformers")
    p.add_argument("--fuse", action="store_true", help="ONNX Runtime's own optimizer for BERT before it loads the graph")
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--max-length", type=int, default=128)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--cache", type=Path, default=Path("onnx"), help="folder of exported models")
    p.add_argument("--export", type=Path, help=argparse.SUPPRESS)
    return p.parse_args()


A = arguments()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(A.threads)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"


def sentence_transformers():
    """A function from texts to unit vectors, and a version."""
    import torch
    from sentence_transformers import SentenceTransformer, __version__
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    torch.set_num_threads(A.threads)
    body = Transformer(str(A.weights), max_seq_length=A.max_length)
    modules = [body, Pooling(body.get_embedding_dimension(), "mean"), Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.eval()

    def embed(texts):
        # It sorts by length itself.
        return model.encode(texts, batch_size=A.batch_size, show_progress_bar=False, convert_to_numpy=True)

    return embed, f"sentence-transformers {__version__}, torch {torch.__version__}"


def onnx_runtime():
    import numpy as np
    import onnxruntime as ort
    from tokenizers import Tokenizer

    path = A.cache / ("fused.onnx" if A.fuse else "plain.onnx")
    if not path.exists():
        A.cache.mkdir(parents=True, exist_ok=True)
        own = [sys.executable, __file__, "--weights", str(A.weights), "--export", str(path)]
        subprocess.run(own + ["--fuse"] * A.fuse, check=True, stdout=sys.stderr)
    options = ort.SessionOptions()
    options.intra_op_num_threads = A.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(A.weights / "tokenizer.json"))
    tokenizer.enable_truncation(A.max_length)
    tokenizer.no_padding()

    def batch(encodings):
        longest = max(len(e.ids) for e in encodings)
        ids, mask = (np.zeros((len(encodings), longest), np.int64) for _ in range(2))
        for row, e in enumerate(encodings):
            ids[row, : len(e.ids)] = e.ids
            mask[row, : len(e.ids)] = 1
        return session.run(None, {"input_ids": ids, "attention_mask": mask})[0]

    def embed(texts):
        encodings = tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
        vectors = [None] * len(texts)
        for start in range(0, len(texts), A.batch_size):
            rows = order[start : start + A.batch_size]
            for row, vector in zip(rows, batch([encodings[i] for i in rows]), strict=True):
                vectors[row] = vector
        return vectors

    return embed, f"onnxruntime {ort.__version__}"


def export(path):
    """Writes the model, with mean and norm, as an ONNX graph and compares what it says with PyTorch."""
    import numpy as np
    import onnxruntime as ort
    import torch
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, input_ids, attention_mask):
            states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(mean)

    # The optimizer for BERT knows attention in its plain form and from the older exporter.
    body = AutoModel.from_pretrained(A.weights, attn_implementation="eager", dtype=torch.float32)
    model = Sentence(body).eval()
    names = ["input_ids", "attention_mask"]

    def batch(count, length):
        ids = torch.randint(1000, 20000, (count, length))
        mask = torch.ones_like(ids)
        mask[1, length // 2 :] = 0
        return ids, mask

    with torch.inference_mode():
        torch.onnx.export(
            model,
            batch(3, 17),
            path,
            input_names=names,
            output_names=["vectors"],
            dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
            opset_version=17,
            dynamo=False,
        )
    if A.fuse:
        from onnxruntime.transformers.optimizer import optimize_model

        heads, hidden = body.config.num_attention_heads, body.config.hidden_size
        fused = optimize_model(str(path), model_type="bert", num_heads=heads, hidden_size=hidden)
        print("fused:", fused.get_fused_operator_statistics())
        fused.save_model_to_file(str(path))
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = batch(5, 40)
    with torch.inference_mode():
        expected = model(*inputs).numpy()
    found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})[0]
    assert np.allclose(found, expected, atol=1e-4), abs(found - expected).max()


def main():
    texts = A.texts.read_text(encoding="utf-8").splitlines()
    embed, version = onnx_runtime() if A.engine == "onnxruntime" else sentence_transformers()
    loaded = megabytes("VmRSS")
    embed(texts[:WARM_UP])
    started = time.perf_counter()
    if A.batch_size == 1:
        # One after another, as they come.
        vectors = [embed([text])[0] for text in texts]
    else:
        vectors = embed(texts)
    seconds = time.perf_counter() - started
    result = {
        "texts": len(texts),
        "seconds": seconds,
        "sentences_per_second": len(texts) / seconds,
        "peak_rss_mb": megabytes("VmHWM"),
        "rss_loaded_mb": loaded,
        "version": version,
        "sample": [[round(float(x), 6) for x in v] for v in vectors[:SAMPLE]],
    }
    print(json.dumps(result), flush=True)


if A.export:
    export(A.export)
else:
    main()
