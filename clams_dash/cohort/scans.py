"""MRI studies as a clinic holds them: about yearly, with gaps, changing scanners, contrast by era (table ``mri``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.course_record import Courses
from clams_dash.cohort.examinations import Window
from clams_dash.cohort.frames import dates, flags, numbers, whole, words
from clams_dash.cohort.parameters import CohortParameters, MriParameters, Parameters
from clams_dash.cohort.people import DAYS_PER_MONTH, DAYS_PER_YEAR, People
from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_rows

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_KEY = 1_000_000
_ELSEWHERE_SHARE = 0.08


class Scanners:
    """Scanners by centre and first year of use (``scanners.csv``)."""

    def __init__(self, cohort: CohortParameters, folder: Path = EFFECTS_DIR) -> None:
        path = folder / "scanners.csv"
        self.rows = read_rows(path)
        for centre in cohort.centres:
            if not any(row["centre"] == centre for row in self.rows):
                raise FactsError(f"{path}: no scanner for the centre {centre!r} of generator.toml")
        try:
            self._year = np.array([int(row["from_year"]) for row in self.rows])
            self.field_t = np.array([float(row["field_t"]) for row in self.rows])
        except ValueError as error:
            raise FactsError(f"{path}: from_year and field_t must be numbers ({error})") from error
        self._centre = np.array([cohort.centres.index(row["centre"]) for row in self.rows])

    def in_use(self, centre: IntArray, year: FloatArray) -> IntArray:
        """Row of the newest scanner a centre had in a year."""
        fits = (self._centre[None, :] == centre[:, None]) & (self._year[None, :] <= year[:, None])
        return np.asarray(np.where(fits, self._year[None, :], -1).argmax(axis=1))

    def text(self, column: str, rows: IntArray) -> NDArray[np.object_]:
        """Text of a column for scanner rows."""
        return np.array([row[column] for row in self.rows], dtype=object)[rows]


def mri_frame(
    ids: NDArray[np.object_],
    people: People,
    courses: Courses,
    window: Window,
    parameters: Parameters,
    seeds: np.random.SeedSequence,
) -> pd.DataFrame:
    """One row per study, ordered by person and date; each compared with the study before it."""
    plan_rng, read_rng, report_rng = (np.random.default_rng(seed) for seed in seeds.spawn(3))
    person, day = _plan(people, courses, window, parameters.mri, plan_rng)
    count = len(person)
    order = np.arange(count) - np.searchsorted(person, person)
    study = np.array([f"{ids[who]}-M{number:02d}" for who, number in zip(person, order + 1, strict=True)], dtype=object)
    first = order == 0
    before = np.where(first, 0, np.arange(count) - 1)
    year = 1970.0 + day / DAYS_PER_YEAR
    scanners = Scanners(parameters.cohort)
    centre = np.where(
        plan_rng.random(count) < _ELSEWHERE_SHARE,
        plan_rng.integers(0, len(parameters.cohort.centres), count),
        people.centre[person],
    )
    scanner = scanners.in_use(centre, year)
    given, gd_unknown = _contrast(year, first, parameters.mri, read_rng)
    gd = _enhancing(courses, person, day)
    born = _born_between(courses, person, np.where(first, day, day[before]), day)
    new_t2 = read_rng.binomial(born, 0.93)
    interval = np.where(first, 0.0, (day - day[before]) / DAYS_PER_YEAR)
    enlarging = read_rng.poisson(parameters.mri.enlarging_per_year * interval * people.lesion_frailty[person])
    month = courses.month_of(day)
    t2_count = np.maximum(np.round(courses.t2_count[person, month]).astype(np.int64), new_t2)
    volume = courses.t2_volume_ml[person, month].astype(np.float64) * np.exp(read_rng.normal(0.0, 0.04, count))
    volume = np.where(read_rng.random(count) < parameters.mri.volume_missing, np.nan, np.round(volume, 2))
    brain, pbvc = _brain(courses, person, month, day, before, first, scanner, parameters, read_rng)
    report = _reports(new_t2, gd, given, gd_unknown, first, t2_count, parameters.mri, report_rng)
    nothing = np.full(count, None, dtype=object)
    return pd.DataFrame(
        {
            "study_id": words(study),
            "patient_id": words(ids[person]),
            "date": dates(day),
            "date_approximate": flags(np.zeros(count, dtype=np.bool_)),
            "region": words(np.full(count, "brain", dtype=object)),
            "field_t": numbers(scanners.field_t[scanner]),
            "vendor": words(scanners.text("vendor", scanner)),
            "model": words(scanners.text("model", scanner)),
            "protocol": words(scanners.text("protocol", scanner)),
            "gd_given": flags(given, gd_unknown),
            "new_t2": whole(new_t2, first),
            "enlarging_t2": whole(enlarging, first),
            "gd_lesions": whole(gd, ~given | gd_unknown),
            "t2_count": whole(t2_count),
            "t2_volume_ml": numbers(volume),
            "brain_volume_ml": numbers(brain),
            "pbvc_percent": numbers(pbvc),
            "report_text": words(report),
            "mask_source": words(nothing),
            "comparison_study_id": words(_compared_with(study, before, first)),
            "note": words(nothing),
        }
    )


def _compared_with(study: NDArray[np.object_], before: IntArray, first: BoolArray) -> NDArray[np.object_]:
    prior = study[before]
    prior[first] = None
    return prior


def _plan(
    people: People, courses: Courses, window: Window, parameters: MriParameters, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    count = len(people)
    longest = int((window.last - window.first).max(initial=0))
    step = parameters.every_months * DAYS_PER_MONTH
    most = int(longest / step) + 2
    regular = window.first[:, None] + (np.arange(most) * step).astype(np.int64)[None, :]
    regular = regular + np.round(rng.normal(0.0, parameters.jitter_days, (count, most))).astype(np.int64)
    made = rng.random((count, most)) >= parameters.missing_share
    regular[:, 0] = window.first + rng.integers(0, 30, count)
    made[:, 0] = True
    therapies = courses.therapies
    again = rng.random(len(therapies.person)) < parameters.rebaseline_share
    rebaseline = therapies.start_day[again] + rng.integers(90, 181, int(again.sum()))
    person = np.concatenate([np.repeat(np.arange(count), most)[made.ravel()], therapies.person[again]])
    day = np.concatenate([regular.ravel()[made.ravel()], rebaseline])
    kept = (day >= window.first[person]) & (day <= window.last[person])
    person, day = person[kept], day[kept]
    order = np.lexsort((day, person))
    person, day = person[order], day[order]
    close = np.concatenate([[False], (np.diff(day) < parameters.least_gap_days) & (np.diff(person) == 0)])
    return person[~close], day[~close]


def _contrast(
    year: FloatArray, first: BoolArray, parameters: MriParameters, rng: np.random.Generator
) -> tuple[BoolArray, BoolArray]:
    share = np.interp(year, [2008.0, 2025.0], [parameters.gd_share_2008, parameters.gd_share_2025])
    given = rng.random(len(year)) < np.where(first, np.maximum(share, 0.9), share)
    return given, rng.random(len(year)) < parameters.gd_unknown


def _enhancing(courses: Courses, person: IntArray, day: IntArray) -> IntArray:
    """Lesions born on or before the day of the scan that still enhance on it."""
    births, moment = courses.births, person * _KEY + day
    begun = np.searchsorted(births.person * _KEY + births.day, moment, side="right")
    ended = np.searchsorted(np.sort(births.person * _KEY + births.end_day), moment, side="right")
    return np.asarray(begun - ended)


def _born_between(courses: Courses, person: IntArray, after: IntArray, until: IntArray) -> IntArray:
    births = courses.births
    keys = (births.person * _KEY + births.day)[births.new]
    return np.asarray(
        np.searchsorted(keys, person * _KEY + until, side="right")
        - np.searchsorted(keys, person * _KEY + after, side="right")
    )


def _brain(
    courses: Courses,
    person: IntArray,
    month: IntArray,
    day: IntArray,
    before: IntArray,
    first: BoolArray,
    scanner: IntArray,
    parameters: Parameters,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Normalised brain volume and its change; no change where scanner or a volume is missing or the gap too short."""
    error = rng.normal(0.0, parameters.brain.measurement_sd / 100.0, len(person))
    measured = courses.brain_ml[person, month].astype(np.float64) * (1.0 + error)
    measured[rng.random(len(person)) < parameters.mri.brain_volume_missing] = np.nan
    change = 100.0 * (measured / measured[before] - 1.0)
    short = day - day[before] < parameters.mri.pbvc_least_days
    change[first | short | (scanner != scanner[before])] = np.nan
    return np.round(measured, 1), np.round(change, 2)


def _reports(
    new_t2: IntArray,
    gd: IntArray,
    contrast: BoolArray,
    contrast_unknown: BoolArray,
    first: BoolArray,
    t2_count: IntArray,
    parameters: MriParameters,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """A line as a radiologist writes it; some reports miss new lesions that the quantitative reading found."""
    missed = rng.random(len(new_t2)) < parameters.report_misses
    written = rng.random(len(new_t2)) < parameters.report_share
    texts = np.full(len(new_t2), None, dtype=object)
    for row in np.flatnonzero(written):
        shown = 0 if missed[row] and new_t2[row] <= 3 else int(new_t2[row])
        given = None if contrast_unknown[row] else bool(contrast[row])
        texts[row] = report_line(None if first[row] else shown, int(gd[row]), int(t2_count[row]), given)
    return texts


def report_line(new_t2: int | None, gd_lesions: int | None, t2_count: int, contrast: bool | None) -> str:
    """A short report; ``new_t2`` None = nothing to compare with, ``contrast`` None = not said whether given."""
    if new_t2 is None:
        load = "Multiple" if t2_count > 20 else "Some"
        change = f"{load} T2 lesions in a pattern typical of demyelination."
    elif new_t2:
        change = f"{new_t2} new T2 lesion{'s' if new_t2 > 1 else ''} compared with the prior study."
    else:
        change = "No new T2 lesions compared with the prior study."
    if contrast is None:
        return change
    if not contrast:
        return f"{change} No contrast given."
    return f"{change} {f'{gd_lesions} enhancing.' if gd_lesions else 'No enhancement.'}"
