"""Functional systems that fit an EDSS by the Neurostatus rule, and the rule itself over arrays.

Source: Neurostatus definitions as in clinical.md 1.1 [S10, public implementation atiweb/edss].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clams_dash.model.tables import EDSS_STEPS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SYSTEMS: tuple[str, ...] = (
    "visual",
    "brainstem",
    "pyramidal",
    "cerebellar",
    "sensory",
    "bowel_bladder",
    "cerebral",
    "ambulation",
)
_HIGHEST = np.array([6, 5, 6, 5, 6, 6, 5])
_MEAN_PROFILE = np.array([0.7, 0.8, 1.6, 1.1, 1.3, 0.9, 0.9])
_VISUAL = np.array([0, 1, 2, 2, 3, 3, 4])
_BOWEL_BLADDER = np.array([0, 1, 2, 3, 3, 4, 5])
_AMBULATION_EDSS = np.array([0, 0, 0, 5.0, 5.5, 6.0, 6.0, 6.0, 6.5, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0])
_DRAWS = 60_000
_CANDIDATES = 12


def edss_of_systems(scores: IntArray) -> FloatArray:
    """EDSS of raw scores (n x 8, order of ``SYSTEMS``) by the Neurostatus rule, evaluated top down."""
    converted = scores[:, :7].copy()
    converted[:, 0] = _VISUAL[scores[:, 0]]
    converted[:, 5] = _BOWEL_BLADDER[scores[:, 5]]
    walk = scores[:, 7]
    top = converted.max(axis=1)
    at_top = (converted == top[:, None]).sum(axis=1)
    below = np.where(converted < top[:, None], converted, -1)
    second = below.max(axis=1)
    at_second = (below == second[:, None]).sum(axis=1)
    rules: list[tuple[NDArray[np.bool_], float]] = [
        (walk >= 3, 0.0),
        (top >= 5, 5.0),
        ((top == 4) & (at_top >= 2), 5.0),
        ((top == 4) & (second == 3) & (at_second >= 3), 5.0),
        ((top == 4) & (second >= 2), 4.5),
        ((top == 4) & (walk < 2), 4.0),
        ((top == 3) & (at_top >= 6), 5.0),
        (walk == 2, 4.5),
        ((top == 3) & (at_top == 5), 4.5),
        ((top == 3) & (at_top >= 3), 4.0),
        ((top == 3) & (at_top == 2) & (second == 2), 4.0),
        ((top == 3) & (at_top == 2), 3.5),
        ((top == 3) & (second == 2) & (at_second >= 3), 4.0),
        ((top == 3) & (second == 2), 3.5),
        (top == 3, 3.0),
        ((top == 2) & (at_top >= 6), 4.0),
        ((top == 2) & (at_top == 5), 3.5),
        ((top == 2) & (at_top >= 3), 3.0),
        ((top == 2) & (at_top == 2), 2.5),
        (top == 2, 2.0),
        (walk == 1, 2.0),
        ((top == 1) & (at_top >= 2), 1.5),
        (top == 1, 1.0),
    ]
    value = np.select([rule for rule, _ in rules], [edss for _, edss in rules], default=0.0)
    return np.asarray(np.where(walk >= 3, _AMBULATION_EDSS[np.minimum(walk, 16)], value))


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
        walks = np.flatnonzero(value == _AMBULATION_EDSS)
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
