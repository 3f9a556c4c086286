"""Confirmed disability worsening (CDW) and improvement (CDI) on a sequence of dated EDSS scores.

The rule all published tools agree on: onset is the first visit at or beyond reference plus threshold; it is confirmed
at the first eligible visit at least ``confirm_days`` later; every visit from onset to confirmation stays at or beyond
reference plus threshold (not beyond the onset value). Without an eligible visit the change is unconfirmed and is
never an event. Sources: pymsprog / msprog (Montobbio), drstrupf 2023, CORe (Lorscheider 2016); see
``data/rules/edss.toml`` for the thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Literal

from clams_dash.clinical.edss import ThresholdConvention, edss_rules, require_valid, threshold

Kind = Literal["CDW", "CDI"]
NEVER = 10**9


@dataclass(frozen=True, slots=True)
class Score:
    """One EDSS score on one day."""

    date: date
    edss: float


@dataclass(frozen=True, slots=True)
class Convention:
    """The choices a progression result depends on; print them beside it.

    ``tolerance_days`` is how much earlier than ``confirm_days`` a visit may confirm. ``relapse_days`` is the distance
    a reference or confirmation visit keeps from the last relapse before it. ``reference``: ``fixed`` = the first
    eligible visit, ``roving`` = moves to the confirmation visit after each confirmed change. ``event``: ``first`` of
    each kind or ``multiple``; a fixed reference would count the same step again, so it yields the first only.
    """

    threshold: str = field(default_factory=lambda: edss_rules().default_threshold)
    confirm_days: int = field(default_factory=lambda: edss_rules().default_confirm_days)
    tolerance_days: int = field(default_factory=lambda: edss_rules().default_tolerance_days)
    relapse_days: int = field(default_factory=lambda: edss_rules().default_relapse_days)
    reference: Literal["fixed", "roving"] = "roving"
    event: Literal["first", "multiple"] = "multiple"

    def __post_init__(self) -> None:
        threshold(self.threshold)
        if self.confirm_days < 1 or not 0 <= self.tolerance_days < self.confirm_days or self.relapse_days < 0:
            raise ValueError("confirm_days must be at least 1, tolerance_days below it, relapse_days not negative")
        if self.reference not in ("fixed", "roving") or self.event not in ("first", "multiple"):
            raise ValueError("reference must be 'fixed' or 'roving', event 'first' or 'multiple'")


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A confirmed change: the reference it is measured against, its onset and the visit that confirmed it."""

    kind: Kind
    reference_date: date
    reference_edss: float
    onset_date: date
    onset_edss: float
    confirmed_date: date


@dataclass(frozen=True, slots=True)
class UnconfirmedChange:
    """A change that holds at every visit since its onset, with no eligible visit yet to confirm it."""

    kind: Kind
    reference_date: date
    reference_edss: float
    onset_date: date
    onset_edss: float


@dataclass(frozen=True, slots=True)
class Progression:
    """Confirmed changes in order of onset, and those still unconfirmed."""

    events: tuple[ConfirmedChange, ...]
    unconfirmed: tuple[UnconfirmedChange, ...]

    def first(self, kind: Kind) -> ConfirmedChange | None:
        """The first confirmed change of that kind."""
        return next((event for event in self.events if event.kind == kind), None)


@dataclass(frozen=True, slots=True)
class _Course:
    """The visits in order, with the days since the last relapse at each."""

    scores: tuple[Score, ...]
    days_since_relapse: tuple[int, ...]
    convention: Convention
    limits: ThresholdConvention

    def eligible(self, position: int) -> bool:
        """Whether the visit may serve as reference or confirmation."""
        return self.days_since_relapse[position] >= self.convention.relapse_days

    def first_eligible(self, position: int) -> int | None:
        return next((at for at in range(position, len(self.scores)) if self.eligible(at)), None)

    def direction(self, reference: int, position: int) -> Kind | None:
        """The kind of change the visit shows against the reference, if any."""
        base = self.scores[reference].edss
        change = self.scores[position].edss - base
        if abs(change) < self.limits.delta(base):
            return None
        return "CDW" if change > 0 else "CDI"

    def confirm(self, reference: int, onset: int, kind: Kind) -> tuple[bool, int | None]:
        """Whether the change holds as far as it must, and the visit confirming it (None = no eligible visit)."""
        earliest = self.convention.confirm_days - self.convention.tolerance_days
        for position in range(onset + 1, len(self.scores)):
            if self.direction(reference, position) != kind:
                return False, None
            waited = (self.scores[position].date - self.scores[onset].date).days
            if waited >= earliest and self.eligible(position):
                return True, position
        return True, None


def _course(scores: Iterable[Score], relapses: Iterable[date], convention: Convention) -> _Course:
    ordered = sorted(scores, key=lambda score: score.date)
    for earlier, later in pairwise(ordered):
        if earlier.date == later.date:
            raise ValueError(f"two EDSS scores on {later.date}; one visit per day is needed")
    for score in ordered:
        require_valid(score.edss)
    onsets = sorted(relapses)
    since = tuple(
        min(((score.date - onset).days for onset in onsets if onset <= score.date), default=NEVER) for score in ordered
    )
    return _Course(tuple(ordered), since, convention, threshold(convention.threshold))


def confirmed_changes(
    scores: Iterable[Score], relapses: Iterable[date] = (), convention: Convention | None = None
) -> Progression:
    """Confirmed and unconfirmed changes of disability.

    Parameters
    ----------
    scores : EDSS scores, at most one per day, in any order.
    relapses : onset dates.
    convention : the choices made; None = the project's defaults.

    Raises
    ------
    ValueError : a value that is no EDSS score, or two scores on one day.
    """
    chosen = convention or Convention()
    course = _course(scores, relapses, chosen)
    reference = course.first_eligible(0)
    if reference is None:
        return Progression((), ())
    if chosen.reference == "fixed":
        return _against_fixed(course, reference)
    return _against_roving(course, reference)


def change_from(
    reference: Score, later: Sequence[Score], relapses: Iterable[date], convention: Convention
) -> Progression:
    """The first confirmed worsening and improvement against a given reference.

    For outcomes counted from an index date: ``reference`` is the score before it (taken as it is), ``later`` the
    scores after it. Raises ValueError as :func:`confirmed_changes` does, or when a later score is not later.
    """
    if any(score.date <= reference.date for score in later):
        raise ValueError(f"scores to compare must be dated after the reference of {reference.date}")
    return _against_fixed(_course((reference, *later), relapses, convention), 0)


def _event(course: _Course, kind: Kind, reference: int, onset: int, confirmation: int) -> ConfirmedChange:
    base, start = course.scores[reference], course.scores[onset]
    return ConfirmedChange(kind, base.date, base.edss, start.date, start.edss, course.scores[confirmation].date)


def _open(course: _Course, kind: Kind, reference: int, onset: int) -> UnconfirmedChange:
    base, start = course.scores[reference], course.scores[onset]
    return UnconfirmedChange(kind, base.date, base.edss, start.date, start.edss)


def _against_fixed(course: _Course, reference: int) -> Progression:
    events: list[ConfirmedChange] = []
    unconfirmed: list[UnconfirmedChange] = []
    found: set[Kind] = set()
    for onset in range(reference + 1, len(course.scores)):
        kind = course.direction(reference, onset)
        if kind is None or kind in found:
            continue
        holds, confirmation = course.confirm(reference, onset, kind)
        if not holds:
            continue
        found.add(kind)
        if confirmation is None:
            unconfirmed.append(_open(course, kind, reference, onset))
        else:
            events.append(_event(course, kind, reference, onset, confirmation))
    return Progression(tuple(events), tuple(unconfirmed))


def _against_roving(course: _Course, reference: int) -> Progression:
    events: list[ConfirmedChange] = []
    onset = reference + 1
    while onset < len(course.scores):
        kind = course.direction(reference, onset)
        holds, confirmation = course.confirm(reference, onset, kind) if kind else (False, None)
        if kind is None or not holds:
            onset += 1
        elif confirmation is None:
            return Progression(_wanted(events, course.convention), (_open(course, kind, reference, onset),))
        else:
            events.append(_event(course, kind, reference, onset, confirmation))
            reference, onset = confirmation, confirmation + 1
    return Progression(_wanted(events, course.convention), ())


def _wanted(events: Sequence[ConfirmedChange], convention: Convention) -> tuple[ConfirmedChange, ...]:
    if convention.event == "multiple":
        return tuple(events)
    firsts = {event.kind: event for event in reversed(events)}
    return tuple(event for event in events if firsts[event.kind] is event)
