"""Tests of SciPy, for drift, slices and the tails of their distributions. Writes drift.json:

{"versions",
 "tails": {"chi2": [[x, degrees of freedom, P(X >= x)]], "t": [[t, degrees of freedom, P(T >= t)]],
   "kolmogorov": [[d, n, P(D_n >= d)]] (one sample, exact)},
 "welch": {"a", "b", "t", "p" (one-sided: a has the larger mean)},
 "adjusted": {"p", "holm", "bh"}: Holm's step-down by the formula, Benjamini and Hochberg's by SciPy,
 "ks": [{"a", "b", "statistic", "p"}] (two samples, asymptotic),
 "psi": [{"a", "b", "psi"}]: sum of (b - a) ln(b / a), shares below 0.0001 taken as 0.0001, empty pairs left out,
 "chi2": [{"counts", "statistic", "p"}]: without Yates' correction, cells expected below 5 put together before,
 "energy": {"a", "b", "share" (energy distance squared over 2 E|X - Y|), "mean_shift" (over a's standard deviation)}}.
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

HERE = Path(__file__).resolve().parent


def tails():
    return {
        "chi2": [[x, k, stats.chi2.sf(x, k)] for k in (1, 2, 5, 30) for x in (0.01, 0.5, 3.84, 20.0, 80.0)],
        "t": [[t, k, stats.t.sf(t, k)] for k in (1, 2.5, 10, 200.3, 5000) for t in (-2.0, -0.1, 0.3, 1.96, 6.0)],
        "kolmogorov": [[d, n, stats.kstwo.sf(d, n)] for n in (10, 25, 100, 1000, 20000)
                       for d in np.round(np.array([0.4, 0.7, 1.0, 1.36, 1.8, 3.0]) / np.sqrt(n), 6).tolist()],
    }


def welch(rng):
    a, b = np.round(rng.normal(0.4, 1.0, 40), 3), np.round(rng.normal(0.0, 2.0, 25), 3)
    t, p = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    return {"a": a.tolist(), "b": b.tolist(), "t": t, "p": p}


def adjusted():
    p = [0.01, 0.04, 0.03, 0.005, 0.6, 0.03, 1.0]
    order = np.argsort(p, kind="stable")
    holm, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        holm[i] = largest
    return {"p": p, "holm": holm, "bh": stats.false_discovery_control(p).tolist()}


def ks(rng):
    out = []
    for n, m, shift, digits in [(30, 50, 0.0, 6), (200, 120, 0.3, 6), (80, 80, 0.0, 1), (400, 300, 0.12, 2)]:
        a, b = np.round(rng.normal(0, 1, n), digits), np.round(rng.normal(shift, 1, m), digits)
        found = stats.ks_2samp(a, b, method="asymp")
        out.append({"a": a.tolist(), "b": b.tolist(), "statistic": found.statistic, "p": found.pvalue})
    return out


def psi():
    out = []
    for a, b in [([0.25, 0.25, 0.5], [0.3, 0.2, 0.5]), ([0.1, 0.0, 0.9], [0.0, 0.0, 1.0]), ([0.5, 0.5], [0.5, 0.5])]:
        pairs = [(max(x, 1e-4), max(y, 1e-4)) for x, y in zip(a, b) if x > 0 or y > 0]
        out.append({"a": a, "b": b, "psi": sum((y - x) * np.log(y / x) for x, y in pairs)})
    return out


def chi2():
    out = []
    for counts in [[[30, 45], [50, 40], [20, 15]], [[200, 180], [100, 140], [3, 1], [1, 4], [2, 5]]]:
        table = np.array(counts)
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        rare = expected.min(1) < 5
        used = table[~rare]
        if rare.any():
            used = np.vstack([used, table[rare].sum(0)])
        found = stats.chi2_contingency(used, correction=False)
        out.append({"counts": counts, "statistic": found.statistic, "p": found.pvalue})
    return out


def energy(rng):
    a = np.round(rng.normal(0, 1, 60), 3).astype(np.float32)
    b = np.round(rng.normal(0.7, 1.5, 50), 3).astype(np.float32)
    across = 2 * np.abs(a[:, None] - b[None, :]).mean(dtype=np.float64)
    return {
        "a": a.tolist(), "b": b.tolist(), "share": stats.energy_distance(a, b) ** 2 / across,
        "mean_shift": abs(a.mean(dtype=np.float64) - b.mean(dtype=np.float64)) / a.std(dtype=np.float64),
    }


def main():
    rng = np.random.default_rng(5)
    out = {
        "versions": {"python": sys.version.split()[0], "scipy": scipy.__version__, "numpy": np.__version__},
        "tails": tails(), "welch": welch(rng), "adjusted": adjusted(), "ks": ks(rng), "psi": psi(), "chi2": chi2(),
        "energy": energy(rng),
    }
    lines = [f"{json.dumps(k)}: {json.dumps(v, default=float)}" for k, v in out.items()]
    (HERE / "drift.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    print({k: out["welch"][k] for k in "tp"}, [k["p"] for k in out["ks"]], out["energy"]["share"])


if __name__ == "__main__":
    main()
