"""Smooth functions of many features: a Gaussian kernel through landmarks (Nystroem), for tables that are not large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clams_dash.response.timelines import Floats

MOST_ROWS = 4_000
_LANDMARKS = 160
_WIDTH = 0.7
"""length scale in units of the square root of the number of features"""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Landmarks (m, c) in prepared features, and what makes their kernel values uncorrelated (m, m)."""

    landmarks: Floats
    whitening: Floats

    @classmethod
    def of(cls, columns: Floats, random: np.random.Generator) -> Kernel:
        """For prepared features (n, c); none beyond ``MOST_ROWS`` rows."""
        if not 0 < len(columns) <= MOST_ROWS or not columns.shape[1]:
            return cls(np.zeros((0, columns.shape[1])), np.zeros((0, 0)))
        distinct = np.unique(columns, axis=0)
        chosen = random.permutation(len(distinct))[: min(_LANDMARKS, len(distinct), len(columns) // 4)]
        landmarks = distinct[np.sort(chosen)]
        own = _kernel(landmarks, landmarks)
        values, vectors = np.linalg.eigh(own)
        kept = values > 1e-6 * values[-1]
        return cls(landmarks, vectors[:, kept] / np.sqrt(values[kept]))

    def columns(self, columns: Floats) -> Floats:
        """Smooth columns (n, m), each of about unit prior variance when summed."""
        if not len(self.landmarks):
            return np.zeros((len(columns), 0))
        return np.asarray(_kernel(columns, self.landmarks) @ self.whitening)


def _kernel(left: Floats, right: Floats) -> Floats:
    squares = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1) - 2.0 * left @ right.T
    scale = 2.0 * _WIDTH**2 * max(left.shape[1], 1)
    return np.asarray(np.exp(-np.maximum(squares, 0.0) / scale))
