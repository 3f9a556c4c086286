"""Reads ``stories.toml``: cases as a neurologist tells them, with the strip and the line expected."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from clams_dash.model.records import (
    Case,
    ClinicalFact,
    LabResult,
    Patient,
    Relapse,
    Scan,
    Source,
    TreatmentCourse,
    Visit,
)

FILE = Path(__file__).with_name("stories.toml")
_KEYS = {"title", "story", "as_of", "patient", "visits", "relapses", "treatments", "scans", "facts", "labs", "expect"}
_EXPECT = {"activity", "reason_contains", "since_last_visit", "under_convention_b"}


@dataclass(frozen=True)
class ExpectedItem:
    kind: str
    contains: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """A case, the day it is looked at, and what has to be said of it."""

    title: str
    as_of: date
    case: Case
    activity: Mapping[str, str]
    reason_contains: Mapping[str, list[str]]
    since_last_visit: tuple[ExpectedItem, ...]
    under_convention_b: Mapping[str, Any] | None


def expected_items(raw: list[dict[str, Any]]) -> tuple[ExpectedItem, ...]:
    return tuple(ExpectedItem(one["kind"], tuple(one["contains"])) for one in raw)


def load() -> list[Story]:
    return [_story(raw) for raw in tomllib.loads(FILE.read_text(encoding="utf-8"))["story"]]


def _story(raw: dict[str, Any]) -> Story:
    expect = raw["expect"]
    unread = (set(raw) - _KEYS) | (set(expect) - _EXPECT)
    if unread:
        raise ValueError(f"{raw['title']}: nothing reads {', '.join(sorted(unread))}")
    return Story(
        title=raw["title"],
        as_of=raw["as_of"],
        case=_case(raw),
        activity=expect["activity"],
        reason_contains=expect.get("reason_contains", {}),
        since_last_visit=expected_items(expect["since_last_visit"]),
        under_convention_b=expect.get("under_convention_b"),
    )


def _case(raw: dict[str, Any]) -> Case:
    rows = count(2)

    def source() -> Source:
        return Source("story", "stories.toml", next(rows))

    return Case(
        patient=_record(
            Patient, raw["patient"], source(), patient_id="P1", birth_date_approximate=False, synthetic=True
        ),
        visits=tuple(_record(Visit, one, source(), date_approximate=False, fs={}) for one in raw.get("visits", ())),
        relapses=tuple(_record(Relapse, one, source(), functional_systems=()) for one in raw.get("relapses", ())),
        treatments=tuple(_treatment(one, source()) for one in raw.get("treatments", ())),
        facts=tuple(_record(ClinicalFact, one, source()) for one in raw.get("facts", ())),
        labs=tuple(_record(LabResult, one, source()) for one in raw.get("labs", ())),
        scans=_scans(raw.get("scans", ()), source),
    )


def _record(kind: Any, given: Mapping[str, Any], source: Source, **fixed: Any) -> Any:
    """A record with what is given; every other field is not known."""
    names = set(kind.__dataclass_fields__) - {"source"}
    if not set(given) <= names:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(set(given) - names))}")
    return kind(**(dict.fromkeys(names) | fixed | dict(given)), source=source)


def _treatment(given: dict[str, Any], source: Source) -> TreatmentCourse:
    renamed = {{"start": "start_date", "stop": "stop_date"}.get(name, name): value for name, value in given.items()}
    course: TreatmentCourse = _record(TreatmentCourse, renamed, source)
    return course


def _scans(given: Any, source: Any) -> tuple[Scan, ...]:
    scans: list[Scan] = []
    for at, one in enumerate(given):
        compared = {"previous": scans[-1].study_id if scans else None, None: None}[one.get("comparison")]
        plain = {name: value for name, value in one.items() if name != "comparison"}
        fixed = {"study_id": f"S{at + 1}", "date_approximate": False, "region": "brain", "series": (), "lesions": ()}
        scans.append(_record(Scan, plain, source(), comparison_study_id=compared, **fixed))
    return tuple(scans)
