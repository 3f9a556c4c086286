"""Averages over simulated futures, with control variates, and their Monte-Carlo standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HELD_BACK = 0.02
_FAR_FROM_ZERO = 3.5
"""standard errors"""


@dataclass(slots=True)
class Average:
    """Estimates of some means (outcome x arm) gathered over rounds of futures.

    In every round control variates whose mean is known to be zero take away a part of the chance (Glasserman 2004,
    chapter 4.1); the standard error comes from the spread of what is left.
    """

    value: FloatArray
    error: FloatArray
    rounds: IntArray
    """of each arm"""

    @classmethod
    def none(cls, outcomes: int, arms: int) -> Average:
        """Before the first round."""
        return cls(np.zeros((outcomes, arms)), np.full((outcomes, arms), np.inf), np.zeros(arms, dtype=np.int64))

    def add(self, arms: IntArray, outcomes: FloatArray, controls: FloatArray) -> None:
        """One more round of some arms: ``outcomes`` (outcome x arm x draw), ``controls`` (control x arm x draw)."""
        for place, arm in enumerate(arms.tolist()):
            rounds = int(self.rounds[arm])
            mean, error = regressed_means(outcomes[:, place], controls[:, place])
            # Rounds of equal size have equal weight: weights from their own spread would bias the mean.
            self.value[:, arm] = (rounds * self.value[:, arm] + mean) / (rounds + 1)
            earlier = self.error[:, arm] if rounds else np.zeros(len(mean))
            self.error[:, arm] = np.sqrt((rounds * earlier) ** 2 + error**2) / (rounds + 1)
            self.rounds[arm] = rounds + 1


def regressed_means(outcomes: FloatArray, controls: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of outcomes (outcome x draw) and their standard errors, given controls (control x draw) of mean zero.

    What goes along with the controls is taken away. A control whose mean is far from zero is left out: its event
    happened in too few draws, what is left of it is the chance of the event, which goes with the hidden state, and its
    slope would carry the mean anywhere. The regression is held back by the second moments of the controls.
    """
    draws = outcomes.shape[1]
    spread = controls.std(axis=1)
    used = controls[(spread > 1e-9) & (np.abs(controls.mean(axis=1)) <= _FAR_FROM_ZERO * spread / np.sqrt(draws))]
    centred = used - used.mean(axis=1, keepdims=True)
    gram = centred @ centred.T / draws + np.diag(_HELD_BACK * (used**2).mean(axis=1))
    slopes = np.linalg.solve(gram, centred @ (outcomes - outcomes.mean(axis=1, keepdims=True)).T / draws)
    adjusted = outcomes - slopes.T @ used
    return adjusted.mean(axis=1), adjusted.std(axis=1, ddof=1 + len(used)) / np.sqrt(draws)
