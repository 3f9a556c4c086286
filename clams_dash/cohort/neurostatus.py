"""Functional systems that fit an EDSS by the Neurostatus rule (:mod:`clams_dash.clinical.neurostatus`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clams_dash.clinical.neurostatus import HIGHEST, edss_of_systems, neurostatus_rule
from clams_dash.model.tables import EDSS_STEPS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HIGHEST = np.array(HIGHEST[:7])
_MEAN_PROFILE = np.array([0.7, 0.8, 1.6, 1.1, 1.3, 0.9, 0.9])
_DRAWS = 60_000
_CANDIDATES = 12


class SystemsPool:
    """For every EDSS value many sets of scores that the rule maps to it."""

    def __init__(self, rng: np.random.Generator) -> None:
        level = rng.uniform(0.0, 2.6, (_DRAWS, 1))
        scores = np.minimum(rng.poisson(_MEAN_PROFILE * level, (_DRAWS, 7)), np.minimum(_HIGHEST, 4))
        walk = np.where(scores[:, 2] >= 3, rng.integers(0, 3, _DRAWS), rng.random(_DRAWS) < 0.15)
        drawn = np.concatenate([scores, walk[:, None]], axis=1).astype(np.int64)
        edss = edss_of_systems(drawn)
        self._sets = [self._for_value(value, drawn, edss, rng) for value in EDSS_STEPS]

    @staticmethod
    def _for_value(value: float, drawn: IntArray, edss: FloatArray, rng: np.random.Generator) -> IntArray:
        if value < 5.0:
            return np.asarray(drawn[edss == value])
        rule = neurostatus_rule()
        walks = rule.first_fixed + np.flatnonzero(value == rule.ambulation_edss)
        mean = _MEAN_PROFILE * (1.4 + 0.25 * (value - 5.0))
        scores = np.minimum(rng.poisson(mean, (400, 7)), np.minimum(_HIGHEST, 5))
        scores[:, 2] = np.maximum(scores[:, 2], min(3 + int(value >= 7.0), 5))
        return np.concatenate([scores, rng.choice(walks, 400)[:, None]], axis=1).astype(np.int64)

    def draw(self, step: IntArray, profile: FloatArray, rng: np.random.Generator) -> IntArray:
        """Scores (n x 8) fitting EDSS steps (n), each the best of a dozen for the person's profile (n x 7)."""
        chosen = np.zeros((len(step), 8), dtype=np.int64)
        for value in np.unique(step):
            rows = np.flatnonzero(step == value)
            options = self._sets[value]
            candidates = options[rng.integers(0, len(options), (len(rows), _CANDIDATES))]
            wanted = (profile[rows] * max(EDSS_STEPS[value], 1.0) / 2.4)[:, None, :]
            best = np.abs(candidates[:, :, :7] - wanted).sum(axis=2).argmin(axis=1)
            chosen[rows] = candidates[np.arange(len(rows)), best]
        return chosen


def draw_profiles(count: int, rng: np.random.Generator) -> FloatArray:
    """Which systems the disease favours in each of ``count`` persons (n x 7)."""
    return np.asarray(_MEAN_PROFILE * rng.gamma(2.5, 1.0 / 2.5, (count, 7)))
