"""Makes evaluation.json: curves, calibration, bootstrap bounds, paired tests and learning curves on small fixed sets.

Run:  python evaluation.py   (about two minutes: thousands of resamples through scikit-learn)
Made with scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6, Python 3.11.

Layout: {"versions",
"binary": {"y_true": [200], "p1": [200] (probability of class 1, two decimals, so that many tie), "auroc",
  "average_precision", "roc": {"fpr", "tpr", "thresholds" (without the first, infinite one)},
  "precision_recall": {"precision", "recall"} (from the highest threshold down), "brier",
  "calibration_curve": {"uniform" | "quantile": {"rate", "confidence", "ece", "mce"}}, "temperature", "bootstrap"},
"multi": {"y_true": [150], "proba": [150][3], "brier", "ece", "ece_equal_mass" (of the most probable class, ten bins),
  "per_class": [3]{"auroc", "average_precision"}, "temperature", "bootstrap"},
"regression": {"y_true": [120], "y_pred", "bootstrap"},
"paired": {"y_true": [250], "first": {"p1"}, "second": {"p1"}, "mcnemar": {"only_first", "only_second", "p"},
  "sign_test": [{"counts": [2], "p"}], "differences": {score: {"value", "interval"}}},
"learning_curve": [{"examples", "error", "spread" (standard errors), "squares" (the least sum of squares),
  "ahead" (numbers of examples), "forecast" (errors there)}]};
"temperature" is {"value", "before" and "after" (log-loss), "ece_after"}: p^(1/T), normalized, at the T that
scipy.optimize.minimize_scalar finds; "bootstrap" is {score: {"value", "interval": [low, high]}} by
scipy.stats.bootstrap, percentile, 95 %.

Probabilities are rounded to float32 first, as the Rust code holds them. ECE and MCE are this file's own lines over
the bins of calibration_curve; the learning curves' law a n^-b + c is scipy.optimize.curve_fit from many starts, with
a, c >= 0 and 0.01 <= b <= 3.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import optimize, stats
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

HERE = Path(__file__).resolve().parent
RESAMPLES = 3000
# Sums of float32 probabilities are off by 1e-8.
warnings.filterwarnings("ignore", message="The y_prob values do not sum to one")


def f32(values):
    return np.asarray(values).astype(np.float32).astype(np.float64)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def bootstrap(n, scores):
    """scores: name -> function of indices."""
    out = {}
    everything = np.arange(n)
    for name, score in scores.items():
        result = stats.bootstrap(
            (everything,), score, vectorized=False, n_resamples=RESAMPLES, method="percentile",
            confidence_level=0.95, random_state=np.random.default_rng(11),
        )
        interval = result.confidence_interval
        out[name] = {"value": score(everything), "interval": [interval.low, interval.high]}
    return out


def classifier_scores(y, p):
    """Scores of probabilities (examples x classes) as functions of indices."""
    k = p.shape[1]
    pred = p.argmax(axis=1)
    labels = list(range(k))

    def area(i):
        if k == 2:
            return m.roc_auc_score(y[i], p[i, 1])
        return float(np.mean([m.roc_auc_score(y[i] == c, p[i, c]) for c in labels]))

    def brier(i):
        return m.brier_score_loss(y[i], p[i, 1] if k == 2 else p[i], labels=labels)

    return {
        "accuracy": lambda i: m.accuracy_score(y[i], pred[i]),
        "macro_f1": lambda i: m.f1_score(y[i], pred[i], average="macro"),
        "balanced_accuracy": lambda i: m.balanced_accuracy_score(y[i], pred[i]),
        "mcc": lambda i: m.matthews_corrcoef(y[i], pred[i]),
        "auroc": area,
        "log_loss": lambda i: m.log_loss(y[i], p[i], labels=labels),
        "brier": brier,
    }


def gaps(outcome, probability, strategy):
    """calibration_curve with the errors over its bins."""
    rate, confidence = calibration_curve(outcome, probability, n_bins=10, strategy=strategy)
    edges = np.linspace(0, 1, 11)
    if strategy == "quantile":
        edges = np.percentile(probability, edges * 100)
    counts = np.bincount(np.searchsorted(edges[1:-1], probability), minlength=10)
    counts = counts[counts > 0]
    gap = np.abs(rate - confidence)
    return {
        "rate": rate.tolist(), "confidence": confidence.tolist(),
        "ece": float((gap * counts).sum() / counts.sum()), "mce": float(gap.max()),
    }


def of_answers(y, p, strategy):
    return gaps(p.argmax(axis=1) == y, p.max(axis=1), strategy)


def temperature(y, p):
    logs = np.log(np.clip(p, 1e-15, 1))
    rows = np.arange(len(y))

    def scaled(t):
        return softmax(logs / t)

    def loss(log_t):
        return -np.log(scaled(np.exp(log_t))[rows, y]).mean()

    found = optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-12})
    t = float(np.exp(found.x))
    return {
        "value": t, "before": loss(0.0), "after": float(found.fun),
        "ece_after": of_answers(y, f32(scaled(t)), "uniform")["ece"],
    }


def binary_set(rng, n, signal, sharpness):
    y = (rng.random(n) < 0.4).astype(int)
    logit = signal * (y - 0.5) + rng.normal(0, 1.2, n)
    p = f32(np.clip(np.round(1 / (1 + np.exp(-sharpness * logit)), 2), 0.01, 0.99))
    return y, p


def columns(p):
    # As the Rust code makes the first column.
    return np.stack([(np.float32(1) - p.astype(np.float32)).astype(np.float64), p], axis=1)


def binary():
    y, p = binary_set(np.random.default_rng(21), 200, 2.0, 2.0)
    fpr, tpr, thresholds = m.roc_curve(y, p, drop_intermediate=False)
    precision, recall, _ = m.precision_recall_curve(y, p)
    both = columns(p)
    return {
        "y_true": y.tolist(), "p1": p.tolist(), "auroc": m.roc_auc_score(y, p),
        "average_precision": m.average_precision_score(y, p),
        "roc": {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": thresholds[1:].tolist()},
        "precision_recall": {"precision": precision[::-1].tolist(), "recall": recall[::-1].tolist()},
        "brier": m.brier_score_loss(y, p),
        "calibration_curve": {s: gaps(y == 1, p, s) for s in ("uniform", "quantile")},
        "temperature": temperature(y, both), "bootstrap": bootstrap(200, classifier_scores(y, both)),
    }


def multi():
    rng = np.random.default_rng(22)
    y = rng.choice(3, 150, p=[0.5, 0.3, 0.2])
    p = f32(softmax(2.5 * (np.eye(3)[y] + rng.normal(0, 0.8, (150, 3)))))
    scores = classifier_scores(y, p)
    return {
        "y_true": y.tolist(), "proba": p.tolist(), "brier": scores["brier"](np.arange(150)),
        "ece": of_answers(y, p, "uniform")["ece"], "ece_equal_mass": of_answers(y, p, "quantile")["ece"],
        "per_class": [
            {"auroc": m.roc_auc_score(y == c, p[:, c]), "average_precision": m.average_precision_score(y == c, p[:, c])}
            for c in range(3)
        ],
        "temperature": temperature(y, p), "bootstrap": bootstrap(150, scores),
    }


def regression():
    rng = np.random.default_rng(23)
    y = np.round(rng.normal(50, 12, 120), 3)
    pred = np.round(0.8 * y + 9 + rng.normal(0, 5, 120), 3)
    scores = {
        "r2": lambda i: m.r2_score(y[i], pred[i]),
        "mae": lambda i: m.mean_absolute_error(y[i], pred[i]),
        "rmse": lambda i: m.root_mean_squared_error(y[i], pred[i]),
    }
    return {"y_true": y.tolist(), "y_pred": pred.tolist(), "bootstrap": bootstrap(120, scores)}


def paired():
    rng = np.random.default_rng(24)
    y, first = binary_set(rng, 250, 2.2, 1.2)
    weaker = 0.7 * np.log(first / (1 - first)) + rng.normal(0, 0.8, 250)
    second = f32(np.clip(np.round(1 / (1 + np.exp(-weaker)), 2), 0.01, 0.99))
    a, b = columns(first), columns(second)
    right = [p.argmax(axis=1) == y for p in (a, b)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    of_a, of_b = classifier_scores(y, a), classifier_scores(y, b)

    def test(one, other):
        return float(stats.binomtest(one, one + other, 0.5).pvalue)

    names = ("accuracy", "auroc", "log_loss")
    return {
        "y_true": y.tolist(), "first": {"p1": first.tolist()}, "second": {"p1": second.tolist()},
        "mcnemar": {"only_first": only_first, "only_second": only_second, "p": test(only_first, only_second)},
        "sign_test": [
            {"counts": c, "p": test(*c)} for c in ([20, 8], [8, 15], [1, 0], [5, 5], [1, 9], [2100, 1900])
        ],
        "differences": bootstrap(250, {n: (lambda i, n=n: of_a[n](i) - of_b[n](i)) for n in names}),
    }


def law(n, a, b, c):
    return a * n**-b + c


def learning_curve(rng, a, b, c, sizes, measured):
    n = np.array(sizes, dtype=float)
    error = law(n, a, b, c)
    spread = np.round(np.sqrt(error * (1 - error) / measured), 6)
    error = np.round(error + rng.normal(0, spread), 4)
    best = None
    # In units of the largest size, where all parameters are of one order.
    x = n / n[-1]
    for start in (0.05, 0.1, 0.2, 0.4, 0.8, 1.5):
        p, _ = optimize.curve_fit(
            law, x, error, p0=(0.1, start, 0.05), sigma=spread, bounds=([0, 0.01, 0], [np.inf, 3, np.inf]),
            ftol=1e-14, xtol=1e-14, gtol=1e-14, max_nfev=20000,
        )
        squares = float((((law(x, *p) - error) / spread) ** 2).sum())
        if best is None or squares < best[0]:
            best = (squares, p)
    ahead = [sizes[-1], 2 * sizes[-1], 10 * sizes[-1]]
    return {
        "examples": list(sizes), "error": error.tolist(), "spread": spread.tolist(), "squares": best[0],
        "ahead": ahead, "forecast": [float(law(s / n[-1], *best[1])) for s in ahead],
    }


def learning_curves():
    rng = np.random.default_rng(25)
    sizes = [100, 200, 400, 800, 1600, 3200]
    return [
        learning_curve(rng, 2.0, 0.5, 0.05, sizes, 2000),
        learning_curve(rng, 1.5, 0.3, 0.0, sizes, 500),
        learning_curve(rng, 5.0, 0.7, 0.1, [50, 100, 150, 300, 700, 1000, 3000], 1000),
    ]


def main():
    versions = {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "scipy": scipy.__version__,
                "numpy": np.__version__}
    out = {"versions": versions, "binary": binary(), "multi": multi(), "regression": regression(), "paired": paired(),
           "learning_curve": learning_curves()}
    text = json.dumps(out, ensure_ascii=False, default=float)
    (HERE / "evaluation.json").write_text(text.replace(', "', ',\n"') + "\n", encoding="utf-8")
    for part in ("binary", "multi", "regression", "paired"):
        for k, v in out[part].items():
            if not isinstance(v, list):
                print(part, k, str(v)[:300])
    for case in out["learning_curve"]:
        print(case["squares"], case["forecast"])


if __name__ == "__main__":
    main()
