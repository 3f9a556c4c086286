"""Features that weigh one record against others: rates, deviations from a person's mean, activity despite therapy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from clams_dash.response.evidence import published_effects
from clams_dash.response.history import LONG_AGO, WASHOUT_DAYS, Look, courses, present_therapy
from clams_dash.response.timelines import NO_DAY, Floats, Ints, day_numbers

DAYS_PER_YEAR = 365.25
_LEAST_YEARS = 0.5
_PRIOR_EVENTS, _PRIOR_YEARS = 0.5, 1.0
"""so that a first year does not give an extreme rate"""


def per_disease_year(look: Look, field: str, window_days: int | None) -> Floats:
    """Records since onset per year of disease."""
    onset = _onset(look)
    count = look.timeline(field).count(look.people, np.full(len(look.days), LONG_AGO), look.days)
    years = (look.days - onset) / DAYS_PER_YEAR
    rate = (count + _PRIOR_EVENTS) / (np.maximum(years, _LEAST_YEARS) + _PRIOR_YEARS)
    return np.where((onset != NO_DAY) & look.known(), rate, np.nan)


def last_per_disease_year(look: Look, field: str, window_days: int | None) -> Floats:
    """Last value over the years of disease."""
    onset = _onset(look)
    value, day = look.timeline(field).last(look.people, look.days)
    fresh = np.ones(len(day), dtype=bool) if window_days is None else day >= look.days - window_days
    years = np.maximum((look.days - onset) / DAYS_PER_YEAR, 1.0)
    return np.where((onset != NO_DAY) & fresh, value / years, np.nan)


def untreated_rate(look: Look, field: str, window_days: int | None) -> Floats:
    """Records a year within the window, were the person untreated: time on a drug counts by its published ratio."""
    onset = _onset(look)
    since = np.maximum(look.days - (window_days or 0), np.where(onset == NO_DAY, LONG_AGO, onset))
    count = look.timeline(field).count(look.people, since, look.days)
    spared = _spared(look, look.days) - _spared(look, since)
    years = np.maximum((look.days - since - spared) / DAYS_PER_YEAR, 0.0)
    rate = (count + _PRIOR_EVENTS) / (years + _PRIOR_YEARS)
    return np.where((onset != NO_DAY) & look.known(), rate, np.nan)


def mean_within(look: Look, field: str, window_days: int | None) -> Floats:
    """Mean of the values within the window."""
    line, since = look.timeline(field), look.days - (window_days or 0)
    count = line.count(look.people, since, look.days)
    return line.total(look.people, since, look.days) / np.maximum(count, 1)


def above_mean(look: Look, field: str, window_days: int | None) -> Floats:
    """Last value less the mean of the values within the window."""
    value, day = look.timeline(field).last(look.people, look.days)
    fresh = day >= look.days - (window_days or 0)
    return np.where(fresh, value - mean_within(look, field, window_days), np.nan)


def previous(look: Look, field: str, window_days: int | None) -> Floats:
    """The value before the last."""
    line = look.timeline(field)
    _, last = line.last(look.people, look.days)
    value, day = line.last(look.people, np.where(last == NO_DAY, LONG_AGO, last))
    fresh = np.ones(len(day), dtype=bool) if window_days is None else day >= look.days - window_days
    return np.where(fresh & (day != NO_DAY), value, np.nan)


def since_start(look: Look, field: str, window_days: int | None) -> Floats:
    """Records since the present therapy was begun; missing when untreated."""
    therapy = present_therapy(look, WASHOUT_DAYS)
    begun = np.where(therapy.on_dmt, therapy.started, look.days)
    count = look.timeline(field).count(look.people, begun, look.days)
    return np.where(therapy.on_dmt, count.astype(np.float64), np.nan)


def _onset(look: Look) -> Ints:
    days = day_numbers(look.patient_column("onset_date"))
    return np.where(days < look.days, days, NO_DAY)


@lru_cache(maxsize=1)
def _published_sparing() -> dict[str, float]:
    """Share of relapses that a drug prevents."""
    return {name: float(1.0 - np.exp(effect.log_ratio)) for name, effect in published_effects("relapse", 0.0).items()}


def _spared(look: Look, until: Ints) -> Floats:
    """Days of a person's therapies before a day, each weighed by the share of relapses the drug prevents."""
    given = courses(look)
    order = given.starts.values.astype(np.int64)
    if not len(order):
        return np.zeros(len(until))
    person, start = given.starts.people_and_days()
    stop = np.where(given.stops[order] == NO_DAY, np.iinfo(np.int32).max, given.stops[order])
    following = np.concatenate([start[1:], [0]])
    same = np.concatenate([person[1:] == person[:-1], [False]])
    stop = np.maximum(np.where(same, np.minimum(stop, following), stop), start)
    sparing = np.array([_published_sparing().get(str(name), 0.0) for name in given.dmt[order]])
    whole = np.where(same, (stop - start) * sparing, 0.0)
    before = np.concatenate([[0.0], np.cumsum(whole)])[:-1]
    place, _ = given.starts.position(look.people, until)
    at = np.maximum(place, 0)
    mine = (place >= 0) & (person[at] == look.people)
    first = np.searchsorted(person, look.people, side="left")
    begun = np.where(first < len(before), before[np.minimum(first, len(before) - 1)], 0.0)
    part = (np.minimum(until, stop[at]) - start[at]) * sparing[at]
    return np.where(mine, before[at] - begun + np.maximum(part, 0.0), 0.0)
