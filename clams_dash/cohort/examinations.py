"""Visits as a registry holds them: irregular, more after relapses, rated with noise, with gaps (table ``visit``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.clinical.neurostatus import SYSTEMS
from clams_dash.cohort.course_record import Courses
from clams_dash.cohort.disease_state import EDSS_OF_STEP
from clams_dash.cohort.frames import dates, flags, numbers, whole, words
from clams_dash.cohort.neurostatus import SystemsPool, draw_profiles
from clams_dash.cohort.parameters import VisitParameters
from clams_dash.cohort.people import DAYS_PER_MONTH, People

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_KEY = 1_000_000
_ACUTE_DAYS, _RECOVERED_DAYS = 21, 85


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when each person is observed, as days."""

    first: IntArray
    last: IntArray


def visit_frame(
    ids: NDArray[np.object_],
    people: People,
    courses: Courses,
    window: Window,
    parameters: VisitParameters,
    highest_step: int,
    seeds: np.random.SeedSequence,
) -> pd.DataFrame:
    """One row per visit, ordered by person and date."""
    plan_rng, rating_rng, system_rng, test_rng = (np.random.default_rng(seed) for seed in seeds.spawn(4))
    person, day = _plan(people, courses, window, parameters, plan_rng)
    step = _rated_steps(person, day, courses, parameters, highest_step, rating_rng)
    count = len(person)
    edss = EDSS_OF_STEP[step]
    no_edss = rating_rng.random(count) < parameters.edss_missing
    scores = SystemsPool(system_rng).draw(step, draw_profiles(len(people), system_rng)[person], system_rng)
    no_scores = no_edss | (system_rng.random(count) < parameters.fs_missing)
    tests = _performance(person, day, people, edss, parameters, test_rng)
    columns: dict[str, pd.Series] = {
        "patient_id": words(ids[person]),
        "date": dates(day),
        "date_approximate": flags(np.zeros(count, dtype=np.bool_)),
        "edss": numbers(np.where(no_edss, np.nan, edss)),
    }
    for position, name in enumerate(SYSTEMS):
        columns[f"fs_{name}"] = whole(scores[:, position], no_scores)
    return pd.DataFrame({**columns, **tests})


def _plan(
    people: People, courses: Courses, window: Window, parameters: VisitParameters, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Scheduled visits at log-normal gaps and, after most relapses, an extra one; at least ten days apart."""
    count = len(people)
    longest = int((window.last - window.first).max(initial=0))
    most = int(longest / (parameters.gap_median_months * DAYS_PER_MONTH) * 1.6) + 6
    gaps = np.exp(rng.normal(np.log(parameters.gap_median_months), parameters.gap_log_sd, (count, most)))
    gaps[:, 0] = 0.0
    regular = window.first[:, None] + np.round(np.cumsum(gaps, axis=1) * DAYS_PER_MONTH).astype(np.int64)
    who = np.repeat(np.arange(count), most)
    relapses = courses.relapses
    extra = rng.random(len(relapses.person)) < parameters.relapse_visit_share
    person = np.concatenate([who, relapses.person[extra]])
    after = relapses.day[extra] + rng.integers(3, 31, int(extra.sum()))
    day = np.concatenate([regular.ravel(), after])
    kept = (day >= window.first[person]) & (day <= window.last[person])
    person, day = person[kept], day[kept]
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    close = np.concatenate([[False], (np.diff(day) < 10) & (np.diff(person) == 0)])
    return person[~close], day[~close]


def _rated_steps(
    person: IntArray,
    day: IntArray,
    courses: Courses,
    parameters: VisitParameters,
    highest_step: int,
    rng: np.random.Generator,
) -> IntArray:
    """EDSS step as rated: the true one, what is left of a recent relapse, and rating noise of one step."""
    month = courses.month_of(day)
    step = courses.step[person, month].astype(np.int64)
    relapses = courses.relapses
    if len(relapses.person):
        keys = relapses.person * _KEY + relapses.day
        last = np.searchsorted(keys, person * _KEY + day, side="right") - 1
        known = (last >= 0) & (relapses.person[last] == person)
        since = np.where(known, day - relapses.day[last], _RECOVERED_DAYS)
        counted = np.where(month > courses.month_of(relapses.day[last]), relapses.residual_steps[last], 0)
        step = step + lingering_steps(relapses.acute_steps[last], counted, since) * known
    noise = np.where(rng.random(len(person)) < parameters.rating_noise, rng.choice([-1, 1], len(person)), 0)
    return np.clip(step + noise, 0, highest_step)


def lingering_steps(acute: IntArray, counted: IntArray, days_since: IntArray) -> IntArray:
    """EDSS steps that a relapse still adds: all for three weeks, then less until day 85.

    ``counted`` steps of what it leaves behind for good are in the EDSS already.
    """
    left = np.clip((_RECOVERED_DAYS - days_since) / (_RECOVERED_DAYS - _ACUTE_DAYS), 0.0, 1.0)
    return np.asarray(np.maximum(np.round(acute * left).astype(np.int64) - counted, 0))


def _performance(
    person: IntArray,
    day: IntArray,
    people: People,
    edss: FloatArray,
    parameters: VisitParameters,
    rng: np.random.Generator,
) -> dict[str, pd.Series]:
    """Timed walk, peg test and SDMT by EDSS with a person's own level; a share of persons is never tested."""
    count = len(people)
    own = rng.normal(0.0, 1.0, (3, count))
    tested = rng.random((3, count)) < parameters.performance_share
    noise = rng.normal(0.0, 1.0, (4, len(person)))
    gap = rng.random((3, len(person))) < parameters.performance_missing
    walk, peg, symbols = (
        np.interp(edss, parameters.edss_anchors, table)
        for table in (parameters.t25fw_s, parameters.hpt9_s, parameters.sdmt_points)
    )
    walk = walk * np.exp(0.12 * own[0][person] + 0.06 * noise[0])
    dominant = peg * np.exp(0.10 * own[1][person] + 0.05 * noise[1])
    other = peg * 1.06 * np.exp(0.10 * own[1][person] + 0.06 * noise[2])
    order = np.arange(len(person)) - np.searchsorted(person, person)
    symbols = symbols - parameters.sdmt_age_slope * (people.age_on(day, person) - 40.0)
    symbols = symbols + parameters.sdmt_practice * np.minimum(order, 2) + 7.0 * own[2][person] + 2.5 * noise[3]
    absent = ~tested[:, person] | gap
    unable = edss > parameters.t25fw_limit_edss
    return {
        "t25fw_s": numbers(np.where(absent[0] | unable, np.nan, np.round(walk, 1))),
        "hpt9_dominant_s": numbers(np.where(absent[1], np.nan, np.round(np.clip(dominant, 12, 300), 1))),
        "hpt9_nondominant_s": numbers(np.where(absent[1], np.nan, np.round(np.clip(other, 12, 300), 1))),
        "sdmt": whole(np.clip(np.round(symbols), 5, 100).astype(np.int64), absent[2]),
    }
