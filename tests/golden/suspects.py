"""Label errors found by cleanlab, for confident learning. Writes suspects.json:

{"versions", "classes", "p" (examples x classes), "labels",
 "thresholds" (mean self-confidence of each class), "joint" (the calibrated confident joint, as counts),
 "issues": the examples pruned by noise rate, in the order of their normalized margin,
 "margin", "confidence": cleanlab's quality of each label by normalized margin and by self-confidence}.
"""

import json
import sys
from pathlib import Path

import cleanlab
import numpy as np
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

HERE = Path(__file__).resolve().parent


def main():
    rng = np.random.default_rng(12)
    n, k = 400, 4
    truth = rng.choice(k, n, p=[0.4, 0.3, 0.2, 0.1])
    logits = rng.normal(0, 1, (n, k))
    logits[np.arange(n), truth] += 2.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p = np.round(p, 4)
    labels = truth.copy()
    wrong = rng.random(n) < 0.08
    labels[wrong] = (labels[wrong] + rng.integers(1, k, wrong.sum())) % k
    out = {
        "versions": {"python": sys.version.split()[0], "cleanlab": cleanlab.__version__, "numpy": np.__version__},
        "classes": k, "p": p.tolist(), "labels": labels.tolist(),
        "thresholds": get_confident_thresholds(labels, p).tolist(),
        "joint": compute_confident_joint(labels, p, calibrate=True).tolist(),
        "issues": find_label_issues(labels, p, filter_by="prune_by_noise_rate", n_jobs=1,
                                    return_indices_ranked_by="normalized_margin").tolist(),
        "margin": get_label_quality_scores(labels, p, method="normalized_margin").round(6).tolist(),
        "confidence": get_label_quality_scores(labels, p, method="self_confidence").round(6).tolist(),
    }
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items()]
    (HERE / "suspects.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    print(wrong.sum(), len(out["issues"]), wrong[out["issues"]].sum(), out["joint"])


if __name__ == "__main__":
    main()
