"""An outcome with its weights: decisions whose outcome could not be known are made up for by the others like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clams_dash.response.logistic import expit, fit_logistic
from clams_dash.response.settings import Design
from clams_dash.response.timelines import Bools, Floats, Ints

_FEATURES = ("age_years", "sex_female", "disease_duration_years", "edss_last", "relapses_24m", "on_dmt")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one outcome: which decisions it is known for, its value, and their weights (parallel to the decisions).

    ``value`` is 0 or 1 (between them where scans leave it open), or a count. Left out: ``not_countable`` (nothing to
    count from), ``too_recent`` and ``lost``.
    """

    name: str
    known: Bools
    value: Floats
    weights: Floats
    not_countable: int
    too_recent: int
    lost: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Of every decision: the last day of follow-up, the value, whether it cannot be told, whether it can be counted."""

    until: Ints
    value: Floats
    unsure: Bools
    eligible: Bools


def weighted(name: str, features: pd.DataFrame, days: Ints, seen: Seen, needed_days: int, design: Design) -> Outcome:
    """The outcome with inverse-probability-of-censoring weights."""
    end = int(seen.until.max()) if len(days) else 0
    possible = seen.eligible & (days + needed_days + design.end_margin_days <= end)
    known = possible & (seen.until >= days + needed_days) & ~seen.unsure
    weights = np.zeros(len(days))
    if known.any():
        stay = np.ones(len(days))
        stay[possible] = _staying_probability(features[possible], (end - days[possible]) / 365.25, known[possible])
        raw = known[possible].mean() / np.maximum(stay, 1e-3)
        weights[known] = np.minimum(raw[known], design.censoring_weight_limit)
        weights[known] /= weights[known].mean()
    return Outcome(
        name,
        known,
        np.where(known, seen.value, 0.0),
        weights,
        not_countable=int((~seen.eligible).sum()),
        too_recent=int((seen.eligible & ~possible).sum()),
        lost=int((possible & ~known).sum()),
    )


def _staying_probability(features: pd.DataFrame, years_to_end: Floats, known: Bools) -> Floats:
    raw = np.column_stack([features[list(_FEATURES)].to_numpy(dtype=np.float64), years_to_end])
    absent = np.isnan(raw)
    # A column without any value stays at its mean and so takes no part.
    mean = np.where(absent.all(axis=0), 0.0, np.nansum(raw, axis=0) / np.maximum((~absent).sum(axis=0), 1))
    filled = np.where(absent, mean, raw)
    spread = filled.std(axis=0)
    scaled = (filled - mean) / np.where(spread > 0, spread, 1.0)
    full = np.column_stack([np.ones(len(scaled)), scaled])
    sd = np.full(full.shape[1], 0.5)
    sd[0] = 5.0
    line = fit_logistic(full, known.astype(np.float64), np.ones(len(known)), np.zeros(full.shape[1]), sd)
    return expit(full @ line)
