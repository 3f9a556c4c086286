"""Confirmed change in the performance tests (T25FW, 9HPT, SDMT) and EDSS-plus (clinical.md 1.4).

The search is the one of the EDSS (:mod:`clams_dash.clinical.scan`); how much counts is data
(``data/rules/progression.toml``). A test that was not done or could not be done is missing, never a normal result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import PROGRESSION_RULES
from clams_dash.clinical.progression import Kind, Score, confirmed_changes
from clams_dash.clinical.scan import WORSE, Change, days_since_relapse, scan
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Visit

FirstReference = Literal["first", "best_of_two"]
_ROUNDING = 1e-9
"""Times and their shares are decimal fractions: 6.6 s is 20 % more than 5.5 s although binary arithmetic denies it."""


@dataclass(frozen=True, slots=True)
class PerformanceRule:
    """How much of a change counts in one test. ``columns``: one series each (9HPT: either hand counts)."""

    name: str
    label: str
    source: str
    columns: tuple[str, ...]
    worse: Literal["higher", "lower"]
    relative: float
    points: float | None
    cap: float | None
    reference: FirstReference

    def delta(self, reference: float) -> float:
        """Smallest change from a reference that counts, in the test's unit."""
        share = self.relative * abs(reference)
        return (share if self.points is None else min(share, self.points)) - _ROUNDING


@dataclass(frozen=True, slots=True)
class Measurement:
    """One result of a test on one day, in seconds or points."""

    date: date
    value: float


@dataclass(frozen=True, slots=True)
class PerformanceChange:
    """A change of one series (``column``); ``confirmed_date`` None = not confirmed yet, so no event."""

    test: str
    column: str
    kind: Kind
    reference_date: date
    reference_value: float
    onset_date: date
    onset_value: float
    confirmed_date: date | None


@dataclass(frozen=True, slots=True)
class EdssPlus:
    """Worsening confirmed in the EDSS, the T25FW or the 9HPT (Cadavid 2017).

    ``worsened``: True; False only when every component could be judged; None = not known. ``first``: component and
    onset, confirmation dates of the first. ``not_assessable``: components with fewer than two results.
    """

    worsened: bool | None
    first: tuple[str, date, date] | None
    not_assessable: tuple[str, ...]


def performance_changes(case: Case, test: str, convention: Convention | None = None) -> tuple[PerformanceChange, ...]:
    """Changes of a test in a case, all its series, confirmed ones and those that wait for confirmation, by onset.

    Raises FactsError for an unknown test.
    """
    rule = performance_rule(test)
    relapses = [relapse.date for relapse in case.relapses]
    changes = [
        change
        for column in rule.columns
        for change in series_changes(rule, column, _series(case.visits, column), relapses, convention)
    ]
    return tuple(sorted(changes, key=lambda change: change.onset_date))


def series_changes(
    rule: PerformanceRule,
    column: str,
    measurements: Iterable[Measurement],
    relapses: Iterable[date] = (),
    convention: Convention | None = None,
) -> tuple[PerformanceChange, ...]:
    """Changes of one series, at most one result per day, in any order. Raises ValueError for two on one day."""
    ordered = sorted(measurements, key=lambda one: one.date)
    for earlier, later in pairwise(ordered):
        if earlier.date == later.date:
            raise ValueError(f"two results of {rule.label} on {later.date}; one a day is needed")
    chosen = convention or Convention()
    sign = 1.0 if rule.worse == "higher" else -1.0
    scores = [sign * (one.value if rule.cap is None else min(one.value, rule.cap)) for one in ordered]
    if rule.reference == "best_of_two" and len(scores) > 1:
        worse = 0 if scores[0] > scores[1] else 1
        del ordered[worse], scores[worse]
    days = [one.date.toordinal() for one in ordered]
    onsets = sorted(day.toordinal() for day in relapses)
    found = scan(days, scores, onsets, days_since_relapse(days, onsets), rule.delta, chosen.rules())

    def told(change: Change) -> PerformanceChange:
        return PerformanceChange(
            test=rule.name,
            column=column,
            kind="CDW" if change.direction == WORSE else "CDI",
            reference_date=ordered[change.reference].date,
            reference_value=abs(change.base),
            onset_date=ordered[change.onset].date,
            onset_value=abs(scores[change.onset]),
            confirmed_date=ordered[change.confirmation].date if change.confirmation >= 0 else None,
        )

    return tuple(told(change) for change in (*found.confirmed, *found.unconfirmed))


def edss_plus(case: Case, convention: Convention | None = None) -> EdssPlus:
    """EDSS-plus of a case as of its last data. The usual convention is a fixed reference and 24 weeks."""
    relapses = [relapse.date for relapse in case.relapses]
    scores = [Score(visit.date, visit.edss) for visit in case.visits if visit.edss is not None]
    worse = [
        ("edss", event.onset_date, event.confirmed_date)
        for event in confirmed_changes(scores, relapses, convention).events
        if event.kind == "CDW"
    ]
    lacking = [] if len(scores) > 1 else ["edss"]
    for test in edss_plus_tests():
        rule = performance_rule(test)
        lacking += [column for column in rule.columns if len(_series(case.visits, column)) < 2]
        worse += [
            (change.column, change.onset_date, change.confirmed_date)
            for change in performance_changes(case, test, convention)
            if change.kind == "CDW" and change.confirmed_date is not None
        ]
    first = min(worse, key=lambda one: (one[1], one[2]), default=None)
    return EdssPlus(True if worse else None if lacking else False, first, tuple(lacking))


def _series(visits: Iterable[Visit], column: str) -> list[Measurement]:
    return [Measurement(visit.date, float(value)) for visit in visits if (value := getattr(visit, column)) is not None]


def performance_rule(name: str) -> PerformanceRule:
    """The rule of a test. Raises FactsError for another name."""
    known = performance_rules()[0]
    if name not in known:
        raise FactsError(f"performance test {name!r} is not known; choose one of {', '.join(known)}")
    return known[name]


def edss_plus_tests() -> tuple[str, ...]:
    """The tests that make up EDSS-plus beside the EDSS."""
    return performance_rules()[1]


def load_performance_rules(path: Path) -> tuple[dict[str, PerformanceRule], tuple[str, ...]]:
    """Tests by name, and those of EDSS-plus. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        known = {entry["name"]: _rule(entry) for entry in raw["performance"]}
        parts = tuple(raw["edss_plus"]["tests"])
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid progression rules file ({error!r})") from error
    unknown = set(parts) - set(known)
    if unknown:
        raise FactsError(f"{path}: edss_plus names {sorted(unknown)[0]!r}, which is no performance test there")
    return known, parts


def _rule(entry: dict[str, Any]) -> PerformanceRule:
    columns = tuple(entry["column"])
    fields = Visit.__dataclass_fields__
    if any(column not in fields for column in columns):
        raise ValueError(f"performance {entry['name']}: column {columns} is none of a visit")
    if entry["worse"] not in ("higher", "lower") or entry["reference"] not in get_args(FirstReference):
        raise ValueError(f"performance {entry['name']}: worse or reference is not known")
    if not 0.0 < entry["relative"] < 1.0:
        raise ValueError(f"performance {entry['name']}: relative must lie between 0 and 1")
    return PerformanceRule(
        name=entry["name"],
        label=entry["label"],
        source=entry["source"],
        columns=columns,
        worse=entry["worse"],
        relative=float(entry["relative"]),
        points=entry.get("points"),
        cap=entry.get("cap"),
        reference=entry["reference"],
    )


@lru_cache(maxsize=1)
def performance_rules() -> tuple[dict[str, PerformanceRule], tuple[str, ...]]:
    """The project's rules."""
    return load_performance_rules(PROGRESSION_RULES)
