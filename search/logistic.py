"""Logistic regression with a Gaussian prior, by Newton's method: pure arithmetic.

Promises the one maximum of a concave objective, so the same data always give the same
coefficients; with no data it gives the prior. Knows no query.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
_STEPS = 50
_CLOSE = 1e-8
_LARGEST = 50.0


def probabilities(rows: Doubles, coefficients: Doubles) -> Doubles:
    """Return sigmoid(c0 + rows @ c1..), shape (n,); `rows` (n, k), `coefficients` (k + 1,)."""
    value = coefficients[0] + rows @ coefficients[1:]
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -_LARGEST, _LARGEST))), np.float64)


def fit(
    rows: Doubles, labels: Doubles, *, weights: Doubles, prior: Doubles, precision: Doubles
) -> Doubles:
    """Return the coefficients (k + 1,) that maximise the weighted log likelihood less
    sum(precision * (c - prior)^2) / 2 (iteratively reweighted least squares: Hastie, Tibshirani,
    Friedman, The Elements of Statistical Learning, 4.4.1). `precision` must be over 0.
    """
    known = np.column_stack([np.ones(len(rows)), rows])
    found = prior.astype(np.float64)
    for _ in range(_STEPS):
        sure = probabilities(rows, found)
        slope = known.T @ (weights * (labels - sure)) - precision * (found - prior)
        curve = (known * (weights * sure * (1 - sure))[:, None]).T @ known + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        found = found + step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        if float(np.abs(step).max()) < _CLOSE:
            break
    return np.asarray(found, np.float64)
