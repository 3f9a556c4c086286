"""Fitting of the model of what was decided: the arm, given features and present therapy. Training only."""

from __future__ import annotations

import numpy as np

from clams_dash.response.effects.assignment import cross_fitted, fit_assignment
from clams_dash.response.effects.losses import dealt_folds
from clams_dash.response.support import Propensity, assignment_columns
from clams_dash.response.timelines import Floats, Ints

_FOLDS = 3
_ENOUGH = 20_000


def fit_propensity(
    columns: Floats, arm: Ints, present: Ints, person: Ints, arms: int, seed: int
) -> tuple[Propensity, Floats]:
    """The model for new people, and probabilities (n, arms) of every row by a fit without its person.

    Beyond ``_ENOUGH`` decisions, those of people taken at regular steps are learnt from.
    """
    seen = assignment_columns(columns, present, arms)
    step = max(1, -(-len(arm) // _ENOUGH))
    some = np.flatnonzero(person % step == 0)
    whole = fit_assignment(seen[some], arm[some], arms)
    if step > 1:
        chances = whole.of(seen)
        folds = dealt_folds(person[some], arm[some], np.zeros(len(some)), _FOLDS, np.random.default_rng([seed, 5]))
        chances[some] = cross_fitted(seen[some], arm[some], arms, folds, whole)
        return Propensity(whole), chances
    folds = dealt_folds(person, arm, np.zeros(len(arm)), _FOLDS, np.random.default_rng([seed, 5]))
    return Propensity(whole), cross_fitted(seen, arm, arms, folds, whole)
