"""Prescriptions to courses of therapy: renewals of one drug with a short gap are one course."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.ingest.staging import FILE, ROW, Reject


@dataclass(frozen=True, slots=True)
class Prescription:
    """One prescription or statement of a drug; days as ``YYYY-MM-DD``.

    Attributes
    ----------
    open_end
        A missing stop means that the drug goes on; otherwise that nothing is known of its end.
    renewal
        May be one of several prescriptions of a course; a statement of a whole course is none.
    """

    patient: str
    dmt: str
    start: str | None
    stop: str | None
    file: str
    row: int
    open_end: bool = True
    renewal: bool = True
    stop_reason: str | None = None
    dose: str | None = None
    interval_weeks: float | None = None


@lru_cache(maxsize=1)
def _gap() -> timedelta:
    path = FACTS_DIR / "rules" / "readers.toml"
    try:
        return timedelta(days=int(tomllib.loads(path.read_text(encoding="utf-8"))["same_course"]["gap_days"]))
    except (OSError, KeyError, ValueError) as error:
        raise FactsError(f"{path}: [same_course] gap_days is needed") from error


def courses_of(prescriptions: Iterable[Prescription]) -> tuple[list[dict[str, Any]], list[Reject]]:
    """Rows of the table ``treatment``, and a warning for each course whose end was not told.

    Such a course ends on the last day it was known to be taken: an unknown end must not look like a drug that goes on.
    """
    ordered = sorted(prescriptions, key=lambda one: (one.patient, one.dmt, one.start or "", one.stop or "9999"))
    rows: list[dict[str, Any]] = []
    notes: list[Reject] = []
    for _, group in groupby(ordered, key=lambda one: (one.patient, one.dmt)):
        for course in _merged(list(group)):
            rows.append(_row(course))
            if _end(course)[1]:
                reason = "stop_date: not told; the last prescription was taken as the end"
                notes.append(Reject("treatment", course[-1].file, course[-1].row, "stop_date", None, reason, "warning"))
    return rows, notes


def _merged(group: list[Prescription]) -> list[list[Prescription]]:
    courses: list[list[Prescription]] = []
    for one in group:
        if courses and _continues(courses[-1], one):
            courses[-1].append(one)
        else:
            courses.append([one])
    return courses


def _continues(course: list[Prescription], one: Prescription) -> bool:
    start = _day(one.start)
    ends = [_day(earlier.stop) for earlier in course]
    known = [end for end in ends if end is not None]
    if start is None or not all(earlier.start and earlier.renewal for earlier in (*course, one)):
        return False
    return len(known) < len(ends) or start <= max(known) + _gap()


def _end(course: list[Prescription]) -> tuple[str | None, bool]:
    """Last day of a course (None = goes on), and whether it had to be taken from the last prescription."""
    if any(one.stop is None and one.open_end for one in course):
        return None, False
    told = max(((one.stop or one.start or ""), one.stop is None) for one in course)
    return (told[0] or None), told[1]


def _row(course: list[Prescription]) -> dict[str, Any]:
    first, last = course[0], course[-1]
    stop = _end(course)[0]
    return {
        "patient_id": first.patient, "dmt": first.dmt, "start_date": first.start, "stop_date": stop,
        "stop_reason": last.stop_reason if stop else None, "dose": last.dose, "interval_weeks": last.interval_weeks,
        FILE: first.file, ROW: first.row,
    }  # fmt: skip


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
