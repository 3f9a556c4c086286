"""How candidates are mixed, and how folds are dealt."""

from __future__ import annotations

import numpy as np

from clams_dash.response.effects.links import Link
from clams_dash.response.timelines import Floats, Ints

_STEPS = 300
_LEAN = 1e-4
"""pull towards the even mix, so that candidates that agree share"""


def mixed(y: Floats, margins: Floats, weights: Floats, link: Link) -> Floats:
    """Shares (C,) of candidates' margins (n, C) with the least loss of their mix: not negative, adding up to 1."""
    count = margins.shape[1]
    shares = np.full(count, 1.0 / count)
    if count == 1:
        return shares
    pull = weights / weights.sum()
    spread = max(float(np.max(np.std(margins - margins.mean(axis=1, keepdims=True), axis=0))), 1e-6)
    for step in range(_STEPS):
        linear = margins @ shares
        fitted = link.mean(linear)
        gradient = margins.T @ (pull * (fitted - y)) + _LEAN * (shares - 1.0 / count)
        gradient -= gradient @ shares
        shares = shares * np.exp(np.clip(-gradient * 4.0 / spread**2 / (1 + step / 100), -1.0, 1.0))
        shares /= shares.sum()
    shares = np.where(shares < 0.02, 0.0, shares)
    return np.asarray(shares / shares.sum())


def dealt_folds(groups: Ints, arm: Ints, y: Floats, count: int, random: np.random.Generator) -> Ints:
    """Fold of every row: a group's rows together, every fold with about the same arms and outcomes."""
    people, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    mean = np.bincount(inverse, y) / np.bincount(inverse)
    order = np.lexsort((random.random(len(people)), mean, arm[first]))
    fold_of = np.empty(len(people), dtype=np.int64)
    for start in range(0, len(order), count):
        hand = order[start : start + count]
        fold_of[hand] = random.permutation(count)[: len(hand)]
    return np.asarray(fold_of[inverse], dtype=np.int64)
