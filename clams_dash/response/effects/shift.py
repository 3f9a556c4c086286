"""Doubly robust mean of every arm, and the shift of the arms that it calls for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clams_dash.response.effects.links import Link
from clams_dash.response.timelines import Floats, Ints

_LEAST_PROPENSITY = 0.02
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class ArmMeans:
    """Of every arm (K,): the doubly robust mean outcome, its standard error, and the mean the model predicts."""

    robust: Floats
    se: Floats
    predicted: Floats


def arm_means(
    y: Floats, arm: Ints, margins: Floats, propensity: Floats, weights: Floats, groups: Ints, link: Link
) -> ArmMeans:
    """From out-of-fold margins and propensities (n, K). Standard errors take a group's rows together."""
    predicted = link.mean(margins)
    count = predicted.shape[1]
    share = weights / weights.sum()
    robust, se = np.empty(count), np.empty(count)
    for code in range(count):
        own = (arm == code) / np.maximum(propensity[:, code], _LEAST_PROPENSITY)
        total = float(weights @ own)
        # Normalised weights (Hajek): stable where few were given the arm.
        residual = own * (y - predicted[:, code]) * (weights.sum() / total if total > 0 else 0.0)
        robust[code] = float(share @ (predicted[:, code] + residual))
        influence = share * (predicted[:, code] + residual - robust[code])
        se[code] = float(np.sqrt(np.square(np.bincount(groups, influence)).sum()))
    return ArmMeans(robust, se, np.asarray(share @ predicted))


def shrunken_shifts(means: ArmMeans, margins: Floats, weights: Floats, link: Link) -> Floats:
    """Shift of every arm's margin (K,): what the doubly robust mean asks for, held back by its uncertainty.

    The share followed is 1 - se^2 / difference^2, none where the difference is within one standard error.
    """
    away = means.robust - means.predicted
    trust = np.maximum(0.0, 1.0 - np.square(means.se) / np.maximum(np.square(away), 1e-12))
    wanted = means.predicted + trust * away
    if link is Link.CONTINUOUS:
        return np.asarray(wanted - means.predicted)
    share = weights / weights.sum()
    shifts = np.zeros(len(wanted))
    for code in np.flatnonzero(trust > 0):
        low, high = -3.0, 3.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if float(share @ link.mean(margins[:, code] + middle)) < wanted[code]:
                low = middle
            else:
                high = middle
        shifts[code] = (low + high) / 2
    return shifts
