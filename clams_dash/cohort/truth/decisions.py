"""Decisions of held-out patients for which the truth is worked out: therapies begun, and visits at which one was kept.

The truth counts months: the future of a decision begins with the month after it. The record of a decision is all that
is dated before its index date.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.clinical.edss import threshold
from clams_dash.cohort.disease_state import EDSS_OF_STEP, take_rows
from clams_dash.cohort.simulate import Simulated
from clams_dash.errors import ClamsError
from clams_dash.model.holdout import held_out
from clams_dash.response.dataset import reference_scores
from clams_dash.response.settings import Design

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

FUTURE_MONTHS = 31
"""24 months of outcomes, worsening confirmed by month 30"""
_START_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Decisions:
    """Arrays over decisions, in order of person and month. Days count from 1970-01-01, months are rows of the grid."""

    person: IntArray
    month: IntArray
    day: IntArray
    """the index date"""
    drug: IntArray
    """what was decided: the row of the therapy begun or kept, 0 = none"""
    start: BoolArray
    """a therapy was begun; otherwise the present one (or none) was kept"""
    worse_step: IntArray
    """lowest EDSS step that counts as worse than the last EDSS recorded before"""
    last_visit: IntArray
    """day of the last visit before"""

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: IntArray) -> Decisions:
        """The given decisions."""
        return take_rows(self, rows)


def choose_decisions(cohort: Simulated, wanted: int, design: Design, rng: np.random.Generator) -> Decisions:
    """``wanted`` decisions of held-out patients by lot, three in five of them starts where there are so many.

    Raises ClamsError where the cohort has too few.
    """
    starts, stays = _starts(cohort), _stays(cohort)
    found = [_usable(cohort, kind, design) for kind in (starts, stays)]
    most = min(round(wanted * _START_SHARE), len(found[0]))
    numbers = (most, wanted - most)
    if len(found[1]) < numbers[1]:
        raise ClamsError(
            f"{wanted} decisions of held-out patients asked for, {len(found[0]) + len(found[1])} in the cohort; "
            "simulate more patients"
        )
    taken = [
        kind.take(np.sort(rng.permutation(len(kind))[:number])) for kind, number in zip(found, numbers, strict=True)
    ]
    both = Decisions(
        **{name: np.concatenate([getattr(kind, name) for kind in taken]) for name in Decisions.__dataclass_fields__}
    )
    return both.take(np.lexsort((both.month, both.person)))


def _held(cohort: Simulated) -> BoolArray:
    return np.array([held_out(str(name)) for name in cohort.ids])


def _candidates(person: IntArray, month: IntArray, day: IntArray, drug: IntArray, *, start: bool) -> Decisions:
    none = np.full(len(person), -1, dtype=np.int64)
    return Decisions(person, month, day, drug, np.full(len(person), start), none, none)


def _in_time(cohort: Simulated, found: Decisions) -> BoolArray:
    """In care, and early enough for the future to lie within the months simulated."""
    people, courses = cohort.people, cohort.courses
    last = len(courses.month_day) - 1 - FUTURE_MONTHS
    seen = (found.day > people.entry_day[found.person]) & (found.day < people.lost_day[found.person])
    return np.asarray(_held(cohort)[found.person] & seen & (found.month <= last))


def _starts(cohort: Simulated) -> Decisions:
    rows, courses = cohort.courses.therapies, cohort.courses
    found = _candidates(rows.person, courses.month_of(rows.start_day), rows.start_day, rows.drug, start=True)
    # A relapse on or after the day of the start but in its month belongs to neither record nor future.
    relapses = courses.relapses
    after = _keys(relapses.person, courses.month_of(relapses.day))
    day_of_last = dict(zip(after.tolist(), relapses.day.tolist(), strict=True))
    keys = _keys(found.person, found.month)
    clear = np.array(
        [day_of_last.get(key, -1) < day for key, day in zip(keys.tolist(), found.day.tolist(), strict=True)]
    )
    return found.take(np.flatnonzero(_in_time(cohort, found) & clear))


def _stays(cohort: Simulated) -> Decisions:
    """Months with a visit in which no therapy began or ended; the decision is dated the first day of the next month."""
    courses, visits = cohort.courses, cohort.frames["visit"]
    person = pd.Index(cohort.ids).get_indexer(pd.Index(visits["patient_id"])).astype(np.int64)
    month = courses.month_of(visits["date"].to_numpy().astype("datetime64[D]").astype(np.int64))
    keys = np.unique(_keys(person, month))
    rows = courses.therapies
    changes = [_keys(rows.person, courses.month_of(rows.start_day))]
    ended = rows.stop_day >= 0
    changes.append(_keys(rows.person[ended], courses.month_of(rows.stop_day[ended])))
    keys = keys[~np.isin(keys, np.concatenate(changes))]
    person, month = keys // _SPAN, keys % _SPAN
    kept = month + 1 < len(courses.month_day)
    person, month = person[kept], month[kept]
    drug = courses.drug[person, month].astype(np.int64)
    found = _candidates(person, month, courses.month_day[month + 1], drug, start=False)
    return found.take(np.flatnonzero(_in_time(cohort, found)))


_SPAN = 100_000


def _keys(person: IntArray, month: IntArray) -> IntArray:
    return np.asarray(person * _SPAN + month)


def _usable(cohort: Simulated, found: Decisions, design: Design) -> Decisions:
    """Those with an EDSS before them, with what counts as worse."""
    if not len(found):
        return found
    index = pd.DataFrame(
        {
            "patient_id": cohort.ids[found.person],
            "index_date": found.day.astype("datetime64[D]").astype("datetime64[s]"),
        }
    )
    reference = reference_scores(cohort.frames, index, design)
    visits = cohort.frames["visit"]
    person = pd.Index(cohort.ids).get_indexer(pd.Index(visits["patient_id"])).astype(np.int64)
    keys = person * 10**7 + visits["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    before = np.searchsorted(keys, found.person * 10**7 + found.day) - 1
    limits = threshold(design.worsening_threshold)
    worse = [
        int(np.searchsorted(EDSS_OF_STEP, value + limits.delta(value))) if np.isfinite(value) else -1
        for value in reference.tolist()
    ]
    known = Decisions(
        found.person,
        found.month,
        found.day,
        found.drug,
        found.start,
        np.array(worse, dtype=np.int64),
        np.asarray(keys[before] - found.person * 10**7),
    )
    return known.take(np.flatnonzero(np.isfinite(reference)))
