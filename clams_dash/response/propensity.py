"""Fitting of the propensity model: which class of drug was decided on, given the features. Training only."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from clams_dash.response.support import Propensity
from clams_dash.response.timelines import Floats

_PENALTY = 1.0


def fit_propensity(columns: Floats, classes: list[str]) -> Propensity:
    """Ridge-penalised multinomial logistic regression.

    Parameters
    ----------
    columns : (n, p) standardised features.
    classes : n class names.
    """
    names = sorted(set(classes))
    truth = np.zeros((len(classes), len(names)))
    truth[np.arange(len(classes)), [names.index(name) for name in classes]] = 1.0
    design = np.column_stack([np.ones(len(columns)), columns])
    shape = (len(names), design.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(shape)
        linear = design @ coefficients.T
        linear -= linear.max(axis=1, keepdims=True)
        total = np.log(np.exp(linear).sum(axis=1, keepdims=True))
        share = np.exp(linear - total)
        penalised = coefficients.copy()
        penalised[:, 0] *= 0.01
        value = float(np.sum(truth * (total - linear)) + 0.5 * _PENALTY * np.sum(coefficients * penalised))
        return value, ((share - truth).T @ design + _PENALTY * penalised).ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return Propensity(tuple(names), np.asarray(found.x, dtype=np.float64).reshape(shape))
