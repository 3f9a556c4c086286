"""PIRA or RAW: what a confirmed worsening is called under a named definition (clinical.md 1.3).

RAW = a relapse began within the days before its onset that ``data/rules/progression.toml`` gives. PIRA = not RAW, and
no relapse in any interval of the definition. The confirmation visit of an interval may be a later one than the first
that confirms the worsening, as long as the worsening still holds there; the label then becomes known at that visit.
Everything is judged by what is known: a relapse not yet reported, or a visit still to come, may change the label, and
``final`` says whether it may.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal, NamedTuple

from clams_dash.clinical.definitions import PiraDefinition
from clams_dash.clinical.scan import Change, Rules

Label = Literal["PIRA", "RAW", "undefined"]


class Labelled(NamedTuple):
    """A label, the position of the visit at which it became known (-1 = not), and whether later data may change it."""

    label: Label
    confirmation: int
    final: bool


class CourseDays(NamedTuple):
    """Visits (ascending), relapses (ascending), days since the last relapse at each visit; the last day known of."""

    days: Sequence[int]
    relapses: Sequence[int]
    since: Sequence[int]
    known_until: int


def label_worsening(
    change: Change, course: CourseDays, definition: PiraDefinition, rules: Rules, raw_days: int
) -> Labelled:
    """The label of a confirmed worsening."""
    days = course.days
    if course.since[change.onset] <= raw_days:
        return Labelled("RAW", change.confirmation, True)
    for position in range(change.confirmation, change.held + 1):
        if days[position] - days[change.onset] > rules.confirm_to:
            break
        if course.since[position] < rules.confirmation_gap:
            continue
        intervals = _intervals(change, days, days[position], definition)
        if not any(_relapse_within(course.relapses, interval) for interval in intervals):
            return Labelled("PIRA", position, max(end for _, end in intervals) <= course.known_until)
    return Labelled("undefined", -1, not _still_possible(change, course, definition, rules))


def _intervals(
    change: Change, days: Sequence[int], confirmation: int, definition: PiraDefinition
) -> list[tuple[int, int]]:
    anchors = {
        "reference": days[change.reference],
        "previous": days[change.onset - 1],
        "onset": days[change.onset],
        "confirmation": confirmation,
    }
    return [(anchors[start.anchor] + start.days, anchors[end.anchor] + end.days) for start, end in definition.free]


def _relapse_within(relapses: Sequence[int], interval: tuple[int, int]) -> bool:
    return bisect_left(relapses, interval[0]) < bisect_right(relapses, interval[1])


def _still_possible(change: Change, course: CourseDays, definition: PiraDefinition, rules: Rules) -> bool:
    """Whether a visit still to come could confirm PIRA: the change holds, and no relapse spoils every later date."""
    latest = course.days[change.onset] + rules.confirm_to
    if change.held < len(course.days) - 1 or course.known_until >= latest:
        return False
    intervals = _intervals(change, course.days, latest, definition)
    return not any(_relapse_within(course.relapses, interval) for interval in intervals)
