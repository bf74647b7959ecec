"""Group metrics of Fairlearn, for the fairness report. Writes fairness.json:

{"versions",
 "examples": {"district", "sex", "truth", "p"}: one value for each example; the decision is p >= 0.5,
 "district", "both", "large": the report by district, by district and sex together, and by district without the
   smallest one: {"overall", "by_group": {group: {"count", "selection_rate", "true_positive_rate",
   "false_positive_rate", "false_negative_rate", "precision", "accuracy", "base_rate", "mean_prediction"}},
   "difference", "ratio", "group_min", "group_max": the same keys, between groups,
   "demographic_parity", "equalized_odds", "equal_opportunity": {"difference", "ratio"}}}.
"""

import json
import sys
from functools import partial
from pathlib import Path

import fairlearn
import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import sklearn
from sklearn import metrics as m

HERE = Path(__file__).resolve().parent

METRICS = {
    "count": fm.count,
    "selection_rate": fm.selection_rate,
    "true_positive_rate": fm.true_positive_rate,
    "false_positive_rate": fm.false_positive_rate,
    "false_negative_rate": fm.false_negative_rate,
    "precision": partial(m.precision_score, zero_division=0),
    "accuracy": m.accuracy_score,
}


def examples():
    rng = np.random.default_rng(7)
    n = 520
    district = rng.choice(["north", "south", "east"], n, p=[0.5, 0.3, 0.2])
    district[:12] = "west"
    sex = rng.choice(["f", "m"], n)
    merit = rng.normal(0, 1, n) + 0.4 * (district == "north") - 0.3 * (sex == "f")
    truth = (merit + rng.normal(0, 1, n) > 0).astype(int)
    score = 1.2 * merit - 0.5 * (district == "east")
    p = np.round(1 / (1 + np.exp(-score)), 3)
    return pd.DataFrame({"district": district, "sex": sex, "truth": truth, "p": p})


def report(data, columns):
    truth, p = data["truth"], data["p"]
    decided = (p >= 0.5).astype(int)
    sensitive = data[columns]
    frame = fm.MetricFrame(metrics=METRICS, y_true=truth, y_pred=decided, sensitive_features=sensitive)
    means = fm.MetricFrame(metrics={"mean_prediction": fm.mean_prediction}, y_true=truth, y_pred=p,
                           sensitive_features=sensitive)
    base = fm.MetricFrame(metrics={"base_rate": fm.mean_prediction}, y_true=truth, y_pred=truth,
                          sensitive_features=sensitive)
    by_group = pd.concat([frame.by_group, means.by_group, base.by_group], axis=1)
    overall = pd.concat([frame.overall, means.overall, base.overall])
    name = lambda key: " × ".join(key) if isinstance(key, tuple) else key
    rates = [k for k in METRICS if k != "count"]
    pick = lambda series: {k: float(series[k]) for k in rates}
    both = lambda kind: {
        w: float(getattr(fm, f"{kind}_{w}")(truth, decided, sensitive_features=sensitive))
        for w in ("difference", "ratio")
    }
    return {
        "overall": {k: float(v) for k, v in overall.items()},
        "by_group": {name(key): {k: float(v) for k, v in row.items()} for key, row in by_group.iterrows()},
        "difference": pick(frame.difference(method="between_groups")),
        "ratio": pick(frame.ratio(method="between_groups")),
        "group_min": pick(frame.group_min()), "group_max": pick(frame.group_max()),
        "demographic_parity": both("demographic_parity"),
        "equalized_odds": both("equalized_odds"),
        "equal_opportunity": both("equal_opportunity"),
    }


def main():
    data = examples()
    out = {
        "versions": {"python": sys.version.split()[0], "fairlearn": fairlearn.__version__,
                     "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "examples": {k: data[k].tolist() for k in data},
        "district": report(data, ["district"]),
        "both": report(data, ["district", "sex"]),
        "large": report(data[data["district"] != "west"].reset_index(drop=True), ["district"]),
    }
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in out.items()]
    (HERE / "fairness.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    for part in ("district", "both", "large"):
        print(part, {k: out[part][k] for k in ("demographic_parity", "equalized_odds", "equal_opportunity")})


if __name__ == "__main__":
    main()
