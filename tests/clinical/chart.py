"""Cases for the tests of the clinical rules, built from days and values that read like a chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from clams_dash.model import catalogues
from clams_dash.model.records import (
    Case,
    ClinicalFact,
    LabResult,
    Patient,
    Scan,
    Source,
    TreatmentCourse,
    Visit,
)


def source(row: int) -> Source:
    return Source("batch", "chart.csv", row)


def patient(*, sex: str | None = "female", birth: date | None = date(1985, 6, 1)) -> Patient:
    return Patient(
        patient_id="P1",
        sex=sex,
        birth_date=birth,
        birth_date_approximate=False,
        onset_date=date(2012, 1, 1),
        diagnosis_date=None,
        course="RRMS",
        centre=None,
        synthetic=True,
        source=source(2),
    )


def lab(
    analyte: str,
    day: date,
    value: float,
    *,
    lower: float | None = None,
    upper: float | None = None,
    assay: str | None = None,
    specimen: str | None = None,
    row: int = 0,
) -> LabResult:
    unit = catalogues.analytes()[analyte].unit
    return LabResult(day, analyte, value, unit, lower, upper, specimen, assay, source(row))


def on(
    dmt: str, start: date, stop: date | None = None, *, interval_weeks: float | None = None, reason: str | None = None
) -> TreatmentCourse:
    return TreatmentCourse(dmt, start, stop, reason, None, interval_weeks, source(3))


def fact(kind: str, day: date, value: str, unit: str | None = None) -> ClinicalFact:
    return ClinicalFact(day, kind, value, unit, source(4))


def visit(day: date, edss: float | None, **systems: int) -> Visit:
    return Visit(day, False, edss, systems, None, None, None, None, source(5))


def brain_scan(day: date, region: str | None = "brain") -> Scan:
    return Scan(
        study_id=f"s{day}", date=day, date_approximate=False, region=region, field_t=None, vendor=None, model=None,
        protocol=None, gd_given=None, new_t2=None, enlarging_t2=None, gd_lesions=None, t2_count=None,
        t2_volume_ml=None, brain_volume_ml=None, pbvc_percent=None, report_text=None, mask_source=None,
        comparison_study_id=None, note=None, series=(), lesions=(), source=source(6),
    )  # fmt: skip


def case(
    *,
    person: Patient | None = None,
    labs: Iterable[LabResult] = (),
    treatments: Iterable[TreatmentCourse] = (),
    facts: Iterable[ClinicalFact] = (),
    scans: Iterable[Scan] = (),
    visits: Iterable[Visit] = (),
) -> Case:
    return Case(
        patient=person or patient(),
        visits=tuple(sorted(visits, key=lambda one: one.date)),
        treatments=tuple(sorted(treatments, key=lambda one: one.start_date)),
        facts=tuple(sorted(facts, key=lambda one: one.date)),
        labs=tuple(sorted(labs, key=lambda one: one.date)),
        scans=tuple(sorted(scans, key=lambda one: one.date)),
    )


def lymphocytes(days: Sequence[date], values: Sequence[float]) -> list[LabResult]:
    return [
        lab("lymphocytes", day, value, row=10 + at) for at, (day, value) in enumerate(zip(days, values, strict=True))
    ]


def shifted(original: Case, days: int) -> Case:
    """The same life, so many days later: every date moved."""
    by = timedelta(days=days)

    def moved(day: date | None) -> date | None:
        return None if day is None else day + by

    return Case(
        patient=replace(
            original.patient,
            birth_date=moved(original.patient.birth_date),
            onset_date=moved(original.patient.onset_date),
        ),
        visits=tuple(replace(one, date=one.date + by) for one in original.visits),
        relapses=tuple(replace(one, date=one.date + by) for one in original.relapses),
        treatments=tuple(
            replace(one, start_date=one.start_date + by, stop_date=moved(one.stop_date)) for one in original.treatments
        ),
        facts=tuple(replace(one, date=one.date + by) for one in original.facts),
        labs=tuple(replace(one, date=one.date + by) for one in original.labs),
        scans=tuple(replace(one, date=one.date + by) for one in original.scans),
    )
