"""Columns that give the outcome away: their value, or whether they are missing, nearly tells what happened.

A feature known before a decision hardly ever tells alone what comes after it. One that does was written later (an
outcome scored only in those who had it), or is ordered by the outcome (a running number).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clams_dash.response.scores import auroc
from clams_dash.response.timelines import Floats

LIMIT = 0.95
"""AUROC of one column alone"""
_LEAST_OF_EACH = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that tells the outcome by its ``value`` or by its ``missingness``, with the AUROC it alone reaches."""

    column: str
    by: str
    auroc: float

    def __str__(self) -> str:
        return f"{self.column} (its {self.by} alone reaches AUROC {self.auroc:.3f})"


class LeakSuspected(UserWarning):
    """A model was fitted to a column that gives the outcome away; its figures mean nothing."""


def leaks(features: Floats, y: Floats, names: Sequence[str]) -> tuple[Leak, ...]:
    """Columns of a table (n, p) that alone tell a binary outcome (n,), in either direction."""
    found = []
    for column, name in enumerate(names):
        absent = np.isnan(features[:, column])
        present = ~absent
        by_value = _either_way(y[present], features[present, column])
        by_absence = _either_way(y, absent.astype(np.float64))
        found += [
            Leak(name, by, round(reached, 4))
            for by, reached in (("value", by_value), ("missingness", by_absence))
            if reached >= LIMIT
        ]
    return tuple(found)


def warn_of(found: Sequence[Leak]) -> None:
    """Warn of suspected leaks, all in one warning."""
    if found:
        text = ", ".join(map(str, found))
        warnings.warn(f"the outcome may be given away by {text}; leave it out", LeakSuspected, stacklevel=3)


def _either_way(y: Floats, values: Floats) -> float:
    events = int((y > 0.5).sum())
    if min(events, len(y) - events) < _LEAST_OF_EACH:
        return 0.5
    one_way = auroc((y > 0.5).astype(np.float64), values, np.ones(len(y)))
    return max(one_way, 1.0 - one_way)
