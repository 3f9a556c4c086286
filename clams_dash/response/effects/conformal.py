"""Range of a new observation under every arm: split-conformal residuals, weighted for who was given the arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clams_dash.response.effects.glm import Blocks, fit_glm
from clams_dash.response.effects.links import Link
from clams_dash.response.timelines import Floats, Ints

_LEAST_ROWS = 60
_LEAST_PROPENSITY = 0.02


@dataclass(frozen=True, slots=True)
class Residuals:
    """``scale`` (1 + c,) of the log residual on prepared features; ``low`` and ``high`` (K,) scaled residual bounds."""

    scale: Floats
    low: Floats
    high: Floats

    def spread(self, columns: Floats) -> Floats:
        """Expected size of a residual (n,)."""
        return np.asarray(np.exp(np.clip(self.scale[0] + columns @ self.scale[1:], -20, 20)))


def fit_residuals(
    residual: Floats, columns: Floats, arm: Ints, propensity: Floats, weights: Floats, level: float
) -> Residuals:
    """From out-of-fold residuals (n,), so that a share ``level`` of new observations lies within (Lei 2021)."""
    size = np.log(np.abs(residual) + 1e-3 * float(np.std(residual)) + 1e-12)
    design = np.column_stack([np.ones(len(size)), columns])
    of = np.concatenate([[0], np.ones(columns.shape[1], dtype=np.int64)])
    blocks = Blocks(of, np.array([5.0, 0.1]), np.array([False, True]), np.zeros(len(of)), np.zeros(len(of)))
    line = fit_glm(design, size, weights, blocks, link=Link.CONTINUOUS, offset=np.zeros(len(size))).mean
    scored = residual / np.exp(np.clip(design @ line, -20, 20))
    arms = propensity.shape[1]
    low, high = np.empty(arms), np.empty(arms)
    for code in range(arms):
        own = arm == code
        if own.sum() < _LEAST_ROWS:
            own = np.ones(len(arm), dtype=bool)
        pull = weights[own] / np.maximum(propensity[own, arm[own]], _LEAST_PROPENSITY)
        low[code] = -_quantile(-scored[own], pull, (1 + level) / 2)
        high[code] = _quantile(scored[own], pull, (1 + level) / 2)
    return Residuals(line, low, high)


def _quantile(values: Floats, weights: Floats, level: float) -> float:
    """Weighted quantile with one more point of mean weight at infinity, as conformal prediction asks for."""
    order = np.argsort(values)
    total = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    return float(values[order][min(int(np.searchsorted(total, level)), len(values) - 1)])
