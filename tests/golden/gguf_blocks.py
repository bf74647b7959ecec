"""Makes gguf_blocks.json: blocks of every GGUF format and the numbers that the `gguf` package reads from them.

Run:  python gguf_blocks.py
Made with gguf 0.19.0, numpy 2.4.6, Python 3.11.

Layout: {format: {"bytes": hexadecimal, three blocks (of single numbers: 96 of them), "values": float32}}.
Bits are random, but scales and minima are f16 of usual size, and so is every number with a point.
"""

import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Kind
from gguf import dequantize

# Bytes of a block and where in it f16 numbers are.
FORMATS = {
    "F32": (4, None),
    "F16": (2, [0]),
    "BF16": (2, None),
    "Q8_0": (34, [0]),
    "Q4_0": (18, [0]),
    "Q4_1": (20, [0, 2]),
    "Q5_0": (22, [0]),
    "Q5_1": (24, [0, 2]),
    "Q4_K": (144, [0, 2]),
    "Q5_K": (176, [0, 2]),
    "Q6_K": (210, [208]),
}


def blocks(name, rng):
    size, halves = FORMATS[name]
    count = 96 if size <= 4 else 3
    if halves is None:
        numbers = rng.standard_normal(count).astype("<f4").view(np.uint8).reshape(count, 4)
        return numbers[:, 4 - size :].copy()
    data = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in halves:
        numbers = rng.standard_normal(count).astype("<f2")
        data[:, at : at + 2] = numbers.view(np.uint8).reshape(count, 2)
    return data


def main():
    rng = np.random.default_rng(7)
    golden = {}
    for name in FORMATS:
        data = blocks(name, rng)
        values = dequantize(data.reshape(1, -1), Kind[name]).astype(np.float32).reshape(-1)
        golden[name] = {"bytes": data.tobytes().hex(), "values": [float(v) for v in values]}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
