"""What a field of the activity strip is made of: findings with a state, words and source rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.model.records import Case, Source

State = Literal["ok", "watch", "alert", "not_assessable"]
RANK: dict[State, int] = {"alert": 0, "watch": 1, "ok": 2, "not_assessable": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the record shows: its state, the day it belongs to, a clause in plain English, the rows behind it."""

    state: State
    day: date
    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class FieldState:
    """One field of the strip: its state with the reason in words and the rows behind it."""

    state: State
    reason: str
    sources: tuple[Source, ...] = ()


def from_findings(findings: Iterable[Finding]) -> FieldState:
    """The worst state of the findings, worst and latest first in the reason. Raises ValueError without findings."""
    ordered = sorted(findings, key=lambda one: (RANK[one.state], -one.day.toordinal()))
    if not ordered:
        raise ValueError("a field without findings has no state of its own")
    sources = tuple(dict.fromkeys(source for one in ordered for source in one.sources))
    return FieldState(ordered[0].state, "; ".join(one.text for one in ordered), sources)


def not_assessable(reason: str, sources: tuple[Source, ...] = ()) -> FieldState:
    """A field that cannot be judged, and why."""
    return FieldState("not_assessable", reason, sources)


def window_start(as_of: date) -> date:
    """The day the look-back begins after: what is dated later, up to ``as_of``, is in the window."""
    return as_of - timedelta(days=activity_settings().window_days)


def known_on(case: Case, day: date) -> Case:
    """The case as known on ``day``, every group in order of date, courses that end before they start left out."""
    known = case.as_of(day)
    return replace(
        known,
        visits=tuple(sorted(known.visits, key=lambda one: one.date)),
        relapses=tuple(sorted(known.relapses, key=lambda one: one.date)),
        treatments=tuple(
            sorted(
                (one for one in known.treatments if one.stop_date is None or one.stop_date >= one.start_date),
                key=lambda one: (one.start_date, one.dmt),
            )
        ),
        facts=tuple(sorted(known.facts, key=lambda one: (one.date, one.kind))),
        labs=tuple(sorted(known.labs, key=lambda one: (one.date, one.analyte))),
        scans=tuple(sorted(known.scans, key=lambda one: (one.date, one.study_id))),
    )
