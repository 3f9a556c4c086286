"""A case's place in the cohort: local MSSS and ARMSS, and percentiles of EDSS, lesion volume and sNfL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from clams_dash.clinical.bands import Along, Axis, Place, place
from clams_dash.clinical.person import age_on, years_between
from clams_dash.clinical.severity import SeverityTable, local_table
from clams_dash.model.records import Case, Source
from clams_dash.model.reference import ReferencePoints

Measure = Literal["edss", "lesion_volume", "nfl"]
MEASURES: tuple[Measure, ...] = ("edss", "lesion_volume", "nfl")
_AXES: tuple[Axis, ...] = ("duration", "age")


@dataclass(frozen=True, slots=True)
class CohortReference:
    """A reference cohort made ready once per pool version: both severity tables and every measure along both axes."""

    msss: SeverityTable
    armss: SeverityTable
    along: dict[tuple[Measure, Axis], Along]


def cohort_reference(points: dict[Measure, ReferencePoints]) -> CohortReference:
    """Make a reference cohort from its measurements (``pool.reference``); takes seconds for 100,000 people."""
    return CohortReference(
        msss=local_table("MSSS", points["edss"]),
        armss=local_table("ARMSS", points["edss"]),
        along={(measure, axis): Along.of(points[measure], axis) for measure in MEASURES for axis in _AXES},
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest value of a measure, with the age and the disease duration (years) at it; None = not known."""

    value: float
    date: date
    age: float | None
    duration: float | None
    source: Source


@dataclass(frozen=True, slots=True)
class CasePlace:
    """Where a case stands in the cohort; None = not known or too few people to tell.

    ``measured`` holds the newest value of each measure, ``percentiles`` its percentile by duration and by age.
    """

    msss: float | None
    armss: float | None
    measured: dict[Measure, Measured]
    percentiles: dict[tuple[Measure, Axis], Place]


def place_in_cohort(case: Case, as_of: date, cohort: CohortReference) -> CasePlace:
    """Place a case by the newest value of each measure known on ``as_of``."""
    known = case.as_of(as_of)
    measured = _newest(known)
    edss = measured.get("edss")
    percentiles = {}
    for (measure, axis), along in cohort.along.items():
        value = measured.get(measure)
        years = None if value is None else value.age if axis == "age" else value.duration
        found = None if value is None or years is None else place(value.value, years, along)
        if found is not None:
            percentiles[measure, axis] = found
    return CasePlace(
        msss=None if edss is None or edss.duration is None else cohort.msss.at(edss.value, edss.duration),
        armss=None if edss is None or edss.age is None else cohort.armss.at(edss.value, edss.age),
        measured=measured,
        percentiles=percentiles,
    )


def _newest(case: Case) -> dict[Measure, Measured]:
    edss = [(visit.edss, visit.date, visit.source) for visit in case.visits if visit.edss is not None]
    volumes = [
        (scan.t2_volume_ml, scan.date, scan.source)
        for scan in case.scans
        if scan.t2_volume_ml is not None and scan.region == "brain"
    ]
    nfl = [(lab.value, lab.date, lab.source) for lab in case.labs if lab.analyte == "nfl"]
    found: dict[Measure, Measured] = {}
    for measure, values in zip(MEASURES, (edss, volumes, nfl), strict=True):
        if values:
            value, day, source = values[-1]
            found[measure] = Measured(value, day, age_on(case.patient, day), _duration(case, day), source)
    return found


def _duration(case: Case, day: date) -> float | None:
    onset = case.patient.onset_date
    return None if onset is None or onset > day else years_between(onset, day)
