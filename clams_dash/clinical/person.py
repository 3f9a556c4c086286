"""What the record says of a person on a day: age, body mass index, dated facts, and exposures to therapies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from clams_dash.clinical.rule_files import DAYS_PER_YEAR
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.model.records import Case, ClinicalFact, Patient, Source, TreatmentCourse

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_YES = frozenset({"yes", "true", "1", "present", "positive", "y"})
_NO = frozenset({"no", "false", "0", "none", "absent", "negative", "n"})


def years_between(first: date, second: date) -> float:
    """Years from ``first`` to ``second`` (365.25 days each)."""
    return (second - first).days / DAYS_PER_YEAR


def age_on(patient: Patient, day: date) -> float | None:
    """Age in years; None when the birth date is not known or lies after ``day``."""
    if patient.birth_date is None or patient.birth_date > day:
        return None
    return years_between(patient.birth_date, day)


def facts_of(case: Case, *kinds: str) -> tuple[ClinicalFact, ...]:
    """Facts of the given kinds in order of date."""
    return tuple(fact for fact in case.facts if fact.kind in kinds)


def latest_fact(case: Case, kind: str, day: date) -> ClinicalFact | None:
    """The newest fact of a kind on or before ``day`` that has a value."""
    return next((fact for fact in reversed(case.facts) if fact.kind == kind and fact.date <= day and fact.value), None)


def number_of(fact: ClinicalFact) -> float | None:
    """The number a fact's value begins with; None when it is none."""
    match = _NUMBER.match((fact.value or "").strip())
    return float(match[0].replace(",", ".")) if match else None


def yes_or_no(fact: ClinicalFact | None) -> bool | None:
    """Whether a fact says yes; None when there is none or it says neither (a text such as a drug's name is a yes)."""
    if fact is None or fact.value is None:
        return None
    word = fact.value.strip().lower()
    if word in _NO:
        return False
    return True if word in _YES or word not in {"", "unknown", "not known"} else None


def bmi_near(case: Case, day: date, most_days: int) -> float | None:
    """Body mass index (kg/m2) recorded nearest to ``day``, at most ``most_days`` from it; None when there is none."""
    known = [fact for fact in facts_of(case, "bmi") if number_of(fact) and abs((fact.date - day).days) <= most_days]
    nearest = min(known, key=lambda fact: abs((fact.date - day).days), default=None)
    return number_of(nearest) if nearest else None


@dataclass(frozen=True, slots=True)
class Exposure:
    """Time on one drug without a real break. ``stop`` None = goes on."""

    dmt: str
    start: date
    stop: date | None
    days: int
    interval_weeks: float | None
    source: Source


def exposures(case: Case, day: date) -> tuple[Exposure, ...]:
    """Exposures begun by ``day``, by start; courses of one drug less than 30 days apart (``safety.toml``) are one.

    ``days`` counts from start to stop or ``day``, whichever is first. An entry of no therapy is none.
    """
    merged: dict[str, list[list[TreatmentCourse]]] = {}
    for course in case.as_of(day).treatments:
        if course.dmt == "none":
            continue
        groups = merged.setdefault(course.dmt, [])
        if groups and _joins(groups[-1], course):
            groups[-1].append(course)
        else:
            groups.append([course])
    found = [_exposure(group, day) for groups in merged.values() for group in groups]
    return tuple(sorted(found, key=lambda exposure: (exposure.start, exposure.dmt)))


def _last_stop(group: list[TreatmentCourse]) -> date | None:
    stops = [course.stop_date for course in group]
    return None if None in stops else max(stop for stop in stops if stop is not None)


def _joins(group: list[TreatmentCourse], course: TreatmentCourse) -> bool:
    stop = _last_stop(group)
    return stop is None or (course.start_date - stop).days < safety_settings().merge_gap_days


def _exposure(group: list[TreatmentCourse], day: date) -> Exposure:
    stop, last = _last_stop(group), group[-1]
    return Exposure(
        dmt=last.dmt,
        start=group[0].start_date,
        stop=stop,
        days=max(((stop or day) - group[0].start_date).days, 0),
        interval_weeks=last.interval_weeks,
        source=last.source,
    )
