"""Whether people differ in what a therapy does to them, beyond baseline risk x average relative effect.

A person's own effect, as the personal model sees it out of fold, is freed of what any such difference is not: of the
prognosis (by taking away its mean over the therapies, weighted by their propensity), and of every arm's average and its
dependence on baseline risk (by least squares). What remains must go along with what the simpler model left unexplained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clams_dash.response.effects.core import Problem
from clams_dash.response.timelines import Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """Standardised ``score`` (a person's decisions taken together), its one-sided ``p_value``, whether within level."""

    score: float
    p_value: float
    personal: bool


def evidence(problem: Problem, product: Floats, personal: Floats, level: float) -> Evidence:
    """Test the personal model's margins (n, K), out of fold, against those of the product model (n, K)."""
    rows = np.arange(len(problem.y))
    own = problem.rows.arm
    alike = np.minimum(problem.propensity, 1.0)
    alike = alike / alike.sum(axis=1, keepdims=True)
    differing = personal - product
    differing = differing - (alike * differing).sum(axis=1, keepdims=True)
    direction = differing[rows, own]
    fitted = product[rows, own]
    residual = problem.y - problem.link.mean(fitted)
    direction = direction - _explained(direction, own, fitted, problem.weights, product.shape[1])
    parts = np.bincount(problem.groups, problem.weights * residual * direction)
    size = float(np.sqrt(np.square(parts).sum()))
    score = float(parts.sum()) / size if size > 0 else 0.0
    p_value = 0.5 * math.erfc(score / math.sqrt(2.0))
    return Evidence(round(score, 3), round(p_value, 6), p_value < level)


def _explained(
    values: Floats, arm: np.ndarray[tuple[int], np.dtype[np.int64]], margin: Floats, weights: Floats, arms: int
) -> Floats:
    """Weighted least-squares fit of the values on every arm's intercept and slope along the margin."""
    fitted = np.zeros(len(values))
    for code in range(arms):
        here = arm == code
        if here.sum() < 3:
            fitted[here] = values[here]
            continue
        line = np.column_stack([np.ones(int(here.sum())), margin[here] - margin[here].mean()])
        root = np.sqrt(weights[here])[:, None]
        found, *_ = np.linalg.lstsq(line * root, values[here] * root[:, 0], rcond=None)
        fitted[here] = line @ found
    return fitted
