"""Makes text_metrics.json: metrics of text tasks on small fixed sets.

Run:  python text_metrics.py
Made with scikit-learn 1.9.1, numpy 2.4.6, Python 3.11.

Layout: {"versions",
"binary": {"y_true": [80], "p1": [80] (probability of class 1, one decimal, so that most tie), "auroc", "mcc",
  "accuracy", "micro_f1"},
"constant": {"y_true", "y_pred", "mcc"} (all examples are given one class: the coefficient is 0 by definition),
"multi_label": {"labels": 5, "y_true": [60][5] of 0/1, "proba": [60][5] (2 decimals), "threshold", "subset_accuracy",
  "hamming_loss", "micro_f1", "macro_f1", "auroc_macro", "ranking_precision",
  "per_label": {"precision","recall","f1","support": [5], "auroc": [5]}}; label 4 is never given (its precision is 0),
"squad": {"questions": [{"answer", "accepted", "exact", "f1"}], "total", "exact", "f1", "has_answer_exact",
  "has_answer_f1", "has_answer_total", "no_answer_exact", "no_answer_f1", "no_answer_total"}; shares, not percentages}.

"squad" comes from this file's own reading of the rules that SQuAD 1.1 and 2.0 publish: lower case, then ASCII
punctuation goes, then the words a, an, the, then runs of blanks become one; exact match compares what is left, F1
its words as multisets; the best over the accepted answers counts; accepted answers of which nothing is left do not
count, and a question without any has the empty answer. Texts with Chinese characters follow MLQA's convention: each
of these is a word by itself, and all Unicode punctuation goes.
"""

import json
import re
import string
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics as m

HERE = Path(__file__).resolve().parent

QUESTIONS = [
    # answer, accepted
    ("Denver Broncos", ["Denver Broncos", "the Broncos"]),
    ("the Denver Broncos.", ["Denver Broncos"]),
    ("Broncos of Denver", ["Denver Broncos"]),
    ("in the year 1066", ["1066", "the year 1066"]),
    ("a", ["A"]),
    ("An.", ["x"]),
    ("state-of-the-art", ["stateoftheart"]),
    ("state of the art", ["state of art"]),
    ("O'Brien's", ["obriens"]),
    ("$1,000", ["1000 dollars", "$ 1000"]),
    ("very very very good", ["very good", "good"]),
    ("good", ["very very very good"]),
    ("  New\u00a0York \t City ", ["new york city"]),
    ("Z\u00dcRICH", ["Z\u00fcrich"]),
    ("the a–b theory", ["a–b theory"]),
    ("vitamin A", ["vitamin"]),
    ("anthem", ["an them"]),
    ("", ["yes"]),
    ("maybe", []),
    ("", []),
    ("", [""]),
    ("the", []),
    ("no", ["", "No."]),
    ("北京市", ["北京"]),
    ("北京。", ["“北京”"]),
    ("约 1200 公里", ["1200公里", "一千二百公里"]),
    ("中国人民", ["人民中国"]),
    ("iPhone 手机", ["手机"]),
    ("不知道", []),
]


def is_han(c):
    return unicodedata.name(c, "").startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH"))


def normal_words(text):
    text = text.lower()
    han = any(is_han(c) for c in text)
    drop = set(string.punctuation)
    if han:
        drop |= {c for c in text if unicodedata.category(c).startswith("P")}
    text = "".join(c for c in text if c not in drop)
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    if han:
        text = "".join(f" {c} " if is_han(c) else c for c in text)
    return text.split()


def one_f1(answer, truth):
    a, t = normal_words(answer), normal_words(truth)
    if not a or not t:
        return float(a == t)
    same = sum((Counter(a) & Counter(t)).values())
    if same == 0:
        return 0.0
    p, r = same / len(a), same / len(t)
    return 2 * p * r / (p + r)


def squad():
    rows = []
    for answer, accepted in QUESTIONS:
        truths = [t for t in accepted if normal_words(t)] or [""]
        rows.append({
            "answer": answer, "accepted": accepted,
            "exact": max(float(normal_words(answer) == normal_words(t)) for t in truths),
            "f1": max(one_f1(answer, t) for t in truths),
            "has": truths != [""],
        })

    def mean(key, has=None):
        return float(np.mean([r[key] for r in rows if has is None or r["has"] == has]))

    out = {
        "total": len(rows), "exact": mean("exact"), "f1": mean("f1"),
        "has_answer_exact": mean("exact", True), "has_answer_f1": mean("f1", True),
        "has_answer_total": sum(r["has"] for r in rows),
        "no_answer_exact": mean("exact", False), "no_answer_f1": mean("f1", False),
        "no_answer_total": sum(not r["has"] for r in rows),
    }
    out["questions"] = [{k: v for k, v in r.items() if k != "has"} for r in rows]
    return out


def binary():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 80)
    p = np.clip(np.round(rng.normal(0.4 + 0.2 * y, 0.2), 1), 0.0, 1.0)
    assert len(np.unique(p)) < 12
    # One half goes to the first class, as argmax has it.
    pred = (p > 0.5).astype(int)
    return {
        "y_true": y.tolist(), "p1": p.tolist(), "auroc": m.roc_auc_score(y, p),
        "mcc": m.matthews_corrcoef(y, pred), "accuracy": m.accuracy_score(y, pred),
        "micro_f1": m.f1_score(y, pred, average="micro"),
    }


def constant():
    y, pred = [0, 1, 2, 1], [1, 1, 1, 1]
    return {"y_true": y, "y_pred": pred, "mcc": m.matthews_corrcoef(y, pred)}


def multi_label():
    rng = np.random.default_rng(4)
    y = (rng.random((60, 5)) < [0.5, 0.3, 0.2, 0.6, 0.1]).astype(int)
    y[0], y[1] = 0, 1  # an example without a label, and one with all
    p = np.clip(np.round(rng.normal(0.35 + 0.25 * y, 0.2), 2), 0.01, 0.99)
    p[:, 4] = np.round(p[:, 4] * 0.45, 2)  # never given
    threshold = 0.5
    given = (p >= threshold).astype(int)
    precision, recall, f1, support = m.precision_recall_fscore_support(y, given, average=None, zero_division=0)
    return {
        "labels": 5, "y_true": y.tolist(), "proba": p.tolist(), "threshold": threshold,
        "subset_accuracy": m.accuracy_score(y, given), "hamming_loss": m.hamming_loss(y, given),
        "micro_f1": m.f1_score(y, given, average="micro"),
        "macro_f1": m.f1_score(y, given, average="macro", zero_division=0),
        "auroc_macro": m.roc_auc_score(y, p, average="macro"),
        "ranking_precision": m.label_ranking_average_precision_score(y, p),
        "per_label": {
            "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(),
            "support": support.tolist(), "auroc": [m.roc_auc_score(y[:, i], p[:, i]) for i in range(5)],
        },
    }


def main():
    out = {
        "versions": {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "binary": binary(), "constant": constant(), "multi_label": multi_label(), "squad": squad(),
    }
    text = json.dumps(out, indent=1, ensure_ascii=False, default=float)
    (HERE / "text_metrics.json").write_text(text + "\n", encoding="utf-8")
    for part in ("binary", "constant", "multi_label", "squad"):
        for k, v in out[part].items():
            if not isinstance(v, (list, dict)):
                print(part, k, v)


if __name__ == "__main__":
    main()
