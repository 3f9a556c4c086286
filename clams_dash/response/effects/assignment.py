"""Who was given which arm: ridge-penalised multinomial logistic regression, cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from clams_dash.response.timelines import Floats, Ints

_PENALTY = 1.0
_MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Assignment:
    """``coefficients`` (K, 1 + c) of the arms."""

    coefficients: Floats

    def of(self, columns: Floats) -> Floats:
        """Probability of every arm (n, K) for prepared features (n, c)."""
        linear = self.coefficients[:, 0] + columns @ self.coefficients[:, 1:].T
        grown = np.exp(linear - linear.max(axis=1, keepdims=True))
        return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def fit_assignment(columns: Floats, arm: Ints, arms: int, start: Assignment | None = None) -> Assignment:
    """Most probable coefficients for prepared features (n, c) and arm codes (n,)."""
    truth = np.zeros((len(arm), arms))
    truth[np.arange(len(arm)), arm] = 1.0
    design = np.column_stack([np.ones(len(columns)), columns])
    shape = (arms, design.shape[1])
    strength = np.full(shape, _PENALTY)
    strength[:, 0] *= 0.01

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(shape)
        linear = design @ coefficients.T
        linear -= linear.max(axis=1, keepdims=True)
        total = np.log(np.exp(linear).sum(axis=1, keepdims=True))
        penalised = strength * coefficients
        value = float(np.sum(truth * (total - linear)) + 0.5 * np.sum(coefficients * penalised))
        return value, ((np.exp(linear - total) - truth).T @ design + penalised).ravel()

    begin = np.zeros(shape) if start is None else start.coefficients
    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    return Assignment(np.asarray(found.x, dtype=np.float64).reshape(shape))


def cross_fitted(columns: Floats, arm: Ints, arms: int, folds: Ints, whole: Assignment) -> Floats:
    """Probability of every arm (n, K) by fits without the row's fold."""
    found = np.empty((len(arm), arms))
    for fold in np.unique(folds):
        out = folds == fold
        found[out] = fit_assignment(columns[~out], arm[~out], arms, whole).of(columns[out])
    return found
