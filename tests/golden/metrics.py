"""Makes metrics.json: classification and regression metrics by scikit-learn on small fixed sets.

Run:  python metrics.py
Made with scikit-learn 1.9.1, numpy 2.4.6, Python 3.11.

Layout: {"versions", "classification": {"y_true": [60], "proba": [60][3], "y_pred": [60] (argmax of proba),
"accuracy", "balanced_accuracy", "mcc", "log_loss", "top2_accuracy", "roc_auc_ovr_macro", "roc_auc_ovr": [3],
"per_class": {"precision","recall","f1","support": [3]}, "macro": {"precision","recall","f1"},
"weighted": {same}, "micro": {same}, "confusion": [3][3] (rows true, columns predicted)},
"regression": {"y_true": [40], "y_pred": [40], "mae", "mse", "rmse", "r2", "median_ae", "mape", "max_error"}}.
mape is a fraction, not a percentage. Probabilities have 2 decimals, none is 0, each row sums to 1 (in decimal)
and has no tie within it. Ties between samples do occur in the columns; they count one half in the ROC AUC.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics as m

HERE = Path(__file__).resolve().parent


def classification():
    rng = np.random.default_rng(0)
    y = rng.choice(3, 100, p=[0.5, 0.3, 0.2])
    logits = rng.normal(size=(100, 3)) + 1.2 * np.eye(3)[y]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    units = np.round(p * 100).astype(int)  # coarse, so that samples tie
    units[np.arange(100), p.argmax(1)] += 100 - units.sum(1)
    top = np.sort(units, axis=1)
    keep = np.flatnonzero((top[:, 0] > 0) & (top[:, 0] < top[:, 1]) & (top[:, 1] < top[:, 2]))[:60]
    y, p = y[keep], units[keep] / 100
    assert len(y) == 60
    pred = p.argmax(1)

    def prf(average):
        values = m.precision_recall_fscore_support(y, pred, average=average)
        return {k: v.tolist() if hasattr(v, "tolist") else v
                for k, v in zip(("precision", "recall", "f1", "support"), values) if v is not None}

    return {
        "y_true": y.tolist(), "proba": p.tolist(), "y_pred": pred.tolist(),
        "accuracy": m.accuracy_score(y, pred),
        "balanced_accuracy": m.balanced_accuracy_score(y, pred),
        "mcc": m.matthews_corrcoef(y, pred),
        "log_loss": m.log_loss(y, p),
        "top2_accuracy": m.top_k_accuracy_score(y, p, k=2),
        "roc_auc_ovr_macro": m.roc_auc_score(y, p, multi_class="ovr", average="macro"),
        "roc_auc_ovr": [m.roc_auc_score(y == c, p[:, c]) for c in range(3)],
        "per_class": prf(None), "macro": prf("macro"), "weighted": prf("weighted"), "micro": prf("micro"),
        "confusion": m.confusion_matrix(y, pred).tolist(),
    }


def regression():
    rng = np.random.default_rng(1)
    y = np.round(rng.normal(3, 4, 40), 3)
    pred = np.round(0.9 * y + rng.normal(0, 1.5, 40), 3)
    assert (np.abs(y) > 0.01).all()
    return {
        "y_true": y.tolist(), "y_pred": pred.tolist(),
        "mae": m.mean_absolute_error(y, pred),
        "mse": m.mean_squared_error(y, pred),
        "rmse": m.root_mean_squared_error(y, pred),
        "r2": m.r2_score(y, pred),
        "median_ae": m.median_absolute_error(y, pred),
        "mape": m.mean_absolute_percentage_error(y, pred),
        "max_error": m.max_error(y, pred),
    }


def main():
    out = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
           "classification": classification(), "regression": regression()}
    (HERE / "metrics.json").write_text(json.dumps(out, indent=1, default=float) + "\n")
    for part in ("classification", "regression"):
        for k, v in out[part].items():
            if k not in ("y_true", "proba", "y_pred"):
                print(part, k, v)


if __name__ == "__main__":
    main()
