"""Logistic regression with Gaussian priors, as needed by the model: maximum a posteriori by Newton's method.

Small, deterministic and free of scikit-learn, so that serving does not have to import it.
"""

from __future__ import annotations

import numpy as np

from clams_dash.response.timelines import Floats

_MAX_STEPS = 60
_TOLERANCE = 1e-9


def expit(logit: Floats) -> Floats:
    """Probability of a logit."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -40, 40))), dtype=np.float64)


def logit(risk: Floats | float) -> Floats:
    """Logit of a probability, kept finite."""
    kept = np.clip(risk, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)


def fit_logistic(
    design: Floats, y: Floats, weights: Floats, prior_mean: Floats, prior_sd: Floats, offset: Floats | None = None
) -> Floats:
    """Most probable coefficients given independent normal priors.

    Parameters
    ----------
    design : (n, k), with a column of ones where an intercept is wanted.
    y : (n,) of 0 and 1; ``weights`` (n,) not negative.
    prior_mean, prior_sd : (k,); a smaller ``prior_sd`` holds a coefficient closer to its ``prior_mean``.
    offset : (n,) added to the linear predictor with coefficient one.

    Returns
    -------
    (k,) coefficients.
    """
    base = np.zeros(len(y)) if offset is None else offset
    precision = 1.0 / np.square(prior_sd)
    coefficients = np.asarray(prior_mean, dtype=np.float64).copy()
    value = _objective(design, y, weights, prior_mean, precision, base, coefficients)
    for _ in range(_MAX_STEPS):
        risk = expit(base + design @ coefficients)
        gradient = design.T @ (weights * (risk - y)) + precision * (coefficients - prior_mean)
        curvature = design.T @ (design * (weights * risk * (1 - risk))[:, None])
        curvature[np.diag_indices_from(curvature)] += precision
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while True:
            candidate = coefficients - length * step
            reached = _objective(design, y, weights, prior_mean, precision, base, candidate)
            if reached <= value or length < 1e-6:
                break
            length /= 2
        moved = float(np.max(np.abs(candidate - coefficients))) if len(step) else 0.0
        coefficients, value = candidate, reached
        if moved < _TOLERANCE:
            break
    return coefficients


def _objective(
    design: Floats,
    y: Floats,
    weights: Floats,
    prior_mean: Floats,
    precision: Floats,
    base: Floats,
    coefficients: Floats,
) -> float:
    linear = base + design @ coefficients
    loss = np.logaddexp(0.0, linear) - y * linear
    return float(weights @ loss + 0.5 * precision @ np.square(coefficients - prior_mean))
