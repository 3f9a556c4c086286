"""Confirmed disability worsening (CDW) and improvement (CDI) on dated EDSS scores, with CDW told apart as PIRA or RAW.

The rule all published tools agree on is in :mod:`clams_dash.clinical.scan`, the labels are in
:mod:`clams_dash.clinical.pira`, the choices in :class:`clams_dash.clinical.convention.Convention`. Without an eligible
visit a change is unconfirmed and is never an event. Everything is as of the last data known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import progression_rules
from clams_dash.clinical.edss import require_valid, threshold
from clams_dash.clinical.pira import CourseDays, Label, label_worsening
from clams_dash.clinical.scan import FOREVER, WORSE, Change, Rules, days_since_relapse, scan
from clams_dash.model.records import Case

Kind = Literal["CDW", "CDI"]


@dataclass(frozen=True, slots=True)
class Score:
    """One EDSS score on one day."""

    date: date
    edss: float


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A confirmed change: the reference it is measured against, its onset and the visit that confirmed it.

    ``label`` of a CDW: PIRA, RAW, or "undefined" when neither; None = cannot be told (a relapse without a date), and
    for a CDI. ``label_confirmed_date``: the visit at which PIRA or RAW became known, for PIRA at times later than
    ``confirmed_date``. ``label_final``: whether data still to come cannot change the label. ``held_until``: the last
    visit in a row at which the change held.
    """

    kind: Kind
    reference_date: date
    reference_edss: float
    onset_date: date
    onset_edss: float
    confirmed_date: date
    held_until: date
    label: Label | None = None
    label_confirmed_date: date | None = None
    label_final: bool = True


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
    """Confirmed changes in order of onset, those still unconfirmed, and what the reader must know about the data."""

    events: tuple[ConfirmedChange, ...]
    unconfirmed: tuple[UnconfirmedChange, ...]
    notes: tuple[str, ...] = ()

    def first(self, kind: Kind) -> ConfirmedChange | None:
        """The first confirmed change of that kind."""
        return next((event for event in self.events if event.kind == kind), None)


def progression(case: Case, convention: Convention | None = None) -> Progression:
    """Confirmed changes of a case as of its last data; visits without an EDSS are left out and counted in ``notes``.

    Raises ValueError for a value that is no EDSS score or for two scores on one day, which no pool holds.
    """
    scores = [Score(visit.date, visit.edss) for visit in case.visits if visit.edss is not None]
    found = confirmed_changes(scores, [relapse.date for relapse in case.relapses], convention, case.last_date())
    without = len(case.visits) - len(scores)
    notes = list(found.notes)
    if without:
        notes.append(f"{without} of {len(case.visits)} visits have no EDSS and are left out")
    return Progression(found.events, found.unconfirmed, tuple(notes))


def confirmed_changes(
    scores: Iterable[Score],
    relapses: Iterable[date | None] = (),
    convention: Convention | None = None,
    known_until: date | None = None,
) -> Progression:
    """Confirmed and unconfirmed changes of disability.

    Parameters
    ----------
    scores : EDSS scores, at most one per day, in any order.
    relapses : onset dates; None = a relapse whose date is not known, after which no worsening is called PIRA.
    convention : the choices made; None = the project's defaults.
    known_until : last day anything is known of; None = the last score or relapse.

    Raises
    ------
    ValueError : a value that is no EDSS score, or two scores on one day.
    """
    chosen = convention or Convention()
    dated, undated = _split(relapses)
    course = _course(scores, dated, known_until)
    rules = chosen.rules()
    found = scan(
        course.days.days, course.edss, course.days.relapses, course.days.since, threshold(chosen.threshold).delta, rules
    )
    events = [_event(course, change, chosen, rules, dates_complete=not undated) for change in found.confirmed]
    return Progression(_wanted(events, chosen), _open(course, found.unconfirmed), _notes(course, undated, chosen))


def change_from(
    reference: Score, later: Sequence[Score], relapses: Iterable[date], convention: Convention
) -> Progression:
    """The first confirmed worsening and improvement against a given reference.

    For outcomes counted from an index date: ``reference`` is the score before it (taken as it is), ``later`` the
    scores after it. Raises ValueError as :func:`confirmed_changes` does, or when a later score is not later.
    """
    if any(score.date <= reference.date for score in later):
        raise ValueError(f"scores to compare must be dated after the reference of {reference.date}")
    course = _course((reference, *later), sorted(relapses), None)
    since = [FOREVER, *course.days.since[1:]]
    rules = replace(convention.rules(), moves_worse=False, moves_better=False, rebaseline_after=None)
    limits = threshold(convention.threshold)
    found = scan(course.days.days, course.edss, course.days.relapses, since, limits.delta, rules)
    events = tuple(_event(course, change, convention, rules, dates_complete=True) for change in found.confirmed)
    return Progression(events, _open(course, found.unconfirmed))


class _Course(NamedTuple):
    """The scores in order of date: as dates, as values, and as day numbers beside the relapses."""

    dates: tuple[date, ...]
    edss: list[float]
    days: CourseDays


def _course(scores: Iterable[Score], relapses: Sequence[date], known_until: date | None) -> _Course:
    ordered = sorted(scores, key=lambda score: score.date)
    for earlier, later in pairwise(ordered):
        if earlier.date == later.date:
            raise ValueError(f"two EDSS scores on {later.date}; one visit per day is needed")
    for score in ordered:
        require_valid(score.edss)
    dates = tuple(score.date for score in ordered)
    days = [day.toordinal() for day in dates]
    onsets = [day.toordinal() for day in relapses]
    last = known_until.toordinal() if known_until else max([*days[-1:], *onsets[-1:]], default=0)
    return _Course(
        dates,
        [score.edss for score in ordered],
        CourseDays(days, onsets, days_since_relapse(days, onsets), last),
    )


def _split(relapses: Iterable[date | None]) -> tuple[list[date], int]:
    given = list(relapses)
    dated = sorted(day for day in given if day is not None)
    return dated, len(given) - len(dated)


def _event(
    course: _Course, change: Change, convention: Convention, rules: Rules, *, dates_complete: bool
) -> ConfirmedChange:
    label: Label | None = None
    label_date, final = None, True
    if change.direction == WORSE:
        labelled = label_worsening(change, course.days, convention.definition(), rules, progression_rules().raw_days)
        if labelled.label == "RAW" or dates_complete:
            label, final = labelled.label, labelled.final
            label_date = course.dates[labelled.confirmation] if labelled.confirmation >= 0 else None
        else:
            final = False
    return ConfirmedChange(
        kind="CDW" if change.direction == WORSE else "CDI",
        reference_date=course.dates[change.reference],
        reference_edss=change.base,
        onset_date=course.dates[change.onset],
        onset_edss=course.edss[change.onset],
        confirmed_date=course.dates[change.confirmation],
        held_until=course.dates[change.held],
        label=label,
        label_confirmed_date=label_date,
        label_final=final,
    )


def _open(course: _Course, changes: Iterable[Change]) -> tuple[UnconfirmedChange, ...]:
    return tuple(
        UnconfirmedChange(
            kind="CDW" if change.direction == WORSE else "CDI",
            reference_date=course.dates[change.reference],
            reference_edss=change.base,
            onset_date=course.dates[change.onset],
            onset_edss=course.edss[change.onset],
        )
        for change in changes
    )


def _wanted(events: list[ConfirmedChange], convention: Convention) -> tuple[ConfirmedChange, ...]:
    ordered = sorted(events, key=lambda event: event.onset_date)
    if convention.event == "multiple":
        return tuple(ordered)
    firsts = {event.kind: event for event in reversed(ordered)}
    return tuple(event for event in ordered if firsts[event.kind] is event)


def _notes(course: _Course, undated: int, convention: Convention) -> tuple[str, ...]:
    notes = []
    if undated:
        relapses = "1 relapse has" if undated == 1 else f"{undated} relapses have"
        notes.append(f"{relapses} no date, so no worsening can be called PIRA")
    if len(course.edss) < 2:
        count = "no visit has" if not course.edss else "only one visit has"
        notes.append(f"{count} an EDSS; a change cannot be judged")
    elif all(since < convention.relapse_days for since in course.days.since):
        notes.append(f"every visit is within {convention.relapse_days} days after a relapse; there is no reference")
    return tuple(notes)
