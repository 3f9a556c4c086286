"""The three kinds of outcome: yes or no (logit), a number (identity), a count (log)."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from clams_dash.response.logistic import expit
from clams_dash.response.timelines import Floats

_MOST = 12.0


class Link(StrEnum):
    """Kind of an outcome; a margin is on its link's scale."""

    BINARY = "binary"
    CONTINUOUS = "continuous"
    COUNT = "count"

    @property
    def objective(self) -> str:
        """XGBoost's name for it."""
        return {"binary": "binary:logistic", "continuous": "reg:squarederror", "count": "count:poisson"}[self.value]

    @property
    def flat_score(self) -> float:
        """``base_score`` that means a margin of zero to XGBoost."""
        return {"binary": 0.5, "continuous": 0.0, "count": 1.0}[self.value]

    def mean(self, margin: Floats) -> Floats:
        """Probability or mean of a margin."""
        if self is Link.BINARY:
            return expit(margin)
        return np.exp(np.clip(margin, -_MOST, _MOST)) if self is Link.COUNT else margin

    def bend(self, mean: Floats) -> Floats:
        """Variance function: curvature of the loss at a mean."""
        if self is Link.BINARY:
            return mean * (1 - mean)
        return mean if self is Link.COUNT else np.ones(len(mean))

    def losses(self, y: Floats, margin: Floats) -> Floats:
        """Negative log-likelihood of every row, up to a constant; half the squared error of a number."""
        if self is Link.BINARY:
            return np.logaddexp(0.0, margin) - y * margin
        if self is Link.COUNT:
            held = np.clip(margin, -_MOST, _MOST)
            return np.exp(held) - y * held
        return 0.5 * np.square(y - margin)

    def margin(self, mean: float) -> float:
        """Margin of a mean, kept finite."""
        if self is Link.BINARY:
            kept = min(max(mean, 1e-4), 1 - 1e-4)
            return float(np.log(kept / (1 - kept)))
        return float(np.log(max(mean, 1e-4))) if self is Link.COUNT else mean

    def loss(self, y: Floats, margin: Floats, weights: Floats) -> float:
        """Mean loss."""
        return float(np.average(self.losses(y, margin), weights=weights))
