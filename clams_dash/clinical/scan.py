"""The search for confirmed changes along one course, in plain numbers: the one engine behind every progression result.

A course is a list of day numbers (strictly ascending), the score at each, and the day numbers of the relapses
(ascending). Cases, the performance tests and whole cohorts all come through here; it is written for speed in plain
Python over lists, since a course has some twenty visits and most of them show no change.

Rule: onset is the first visit at or beyond reference plus threshold; the first eligible visit in the confirmation
window confirms it; every visit from onset to confirmation stays at or beyond reference plus threshold (not beyond
the onset value). Sources: pymsprog 1.0.7 / msprog (Montobbio 2024), drstrupf 2023, CORe (Lorscheider 2016).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

FOREVER = 10**9
"""More days than any course has."""
WORSE, BETTER = 1, -1


class Change(NamedTuple):
    """A change by positions in the course: ``confirmation`` -1 = not confirmed yet; it holds up to ``held`` at least.

    ``direction`` is WORSE or BETTER; ``base`` the reference score, which may exceed the score at ``reference`` where
    a new reference is never lower than the one before.
    """

    direction: int
    reference: int
    base: float
    onset: int
    confirmation: int
    held: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How changes are searched for. Days.

    ``confirm_from``, ``confirm_to``: window after onset in which a visit may confirm. ``reference_gap``,
    ``onset_gap``, ``confirmation_gap``: least distance from the last relapse. ``moves_worse``, ``moves_better``: the
    reference moves to the confirmation visit after such a change. ``rebaseline_after``: None = no new reference after
    relapses; else a relapse gives one for what lies more than this many days past it (up to then a change may be due
    to the relapse itself). ``rebaseline_always``: at once; else when the score departs, or at the last
    visit departed, from the old reference.
    ``keep_higher``: a new reference is never below the one before. ``better_from``: an improvement needs a reference of
    at least this. ``sustained``: least days a change must hold from
    its onset unless it holds to the end (FOREVER = only to the end).
    """

    confirm_from: int
    confirm_to: int = FOREVER
    reference_gap: int = 0
    onset_gap: int = 0
    confirmation_gap: int = 0
    moves_worse: bool = True
    moves_better: bool = True
    rebaseline_after: int | None = None
    rebaseline_always: bool = False
    keep_higher: bool = False
    better_from: float = -math.inf
    sustained: int = 0


class Found(NamedTuple):
    """Confirmed changes in order of detection, and those that hold to the end without a visit to confirm them yet."""

    confirmed: list[Change]
    unconfirmed: list[Change]


def days_since_relapse(days: Sequence[int], relapses: Sequence[int]) -> list[int]:
    """Days from the last relapse on or before each visit; FOREVER where there was none."""
    if not relapses:
        return [FOREVER] * len(days)
    places = [bisect_right(relapses, day) for day in days]
    return [day - relapses[place - 1] if place else FOREVER for day, place in zip(days, places, strict=True)]


def scan(
    days: Sequence[int],
    scores: Sequence[float],
    relapses: Sequence[int],
    since: Sequence[int],
    delta: Callable[[float], float],
    rules: Rules,
) -> Found:
    """Search a course for changes; ``since`` as of :func:`days_since_relapse`, ``delta`` the threshold by reference."""
    found = Found([], [])
    count, reference, base = len(days), 0, None
    while True:
        while reference < count and since[reference] < rules.reference_gap:
            reference += 1
        if reference >= count - 1:
            return found
        raised = rules.keep_higher and base is not None and base > scores[reference]
        base = base if raised and base is not None else scores[reference]
        following = _search(days, scores, relapses, since, (reference, base, delta(base)), rules, found)
        if following is None:
            return found
        reference = following


def _search(
    days: Sequence[int],
    scores: Sequence[float],
    relapses: Sequence[int],
    since: Sequence[int],
    against: tuple[int, float, float],
    rules: Rules,
    found: Found,
) -> int | None:
    """Search against one reference; the position the next one is looked for from, or None at the end of the course.

    Against one reference the first change of a direction counts, no further one: it would be the same step again.
    """
    reference, base, step = against
    upper, lower = base + step, base - step if base >= rules.better_from else -math.inf
    relapse, renewed_after = _renewal(days[reference], relapses, rules)
    count, position = len(days), reference + 1
    departed = False
    seen = [False, False, False]  # by direction; -1 is the last place
    while position < count:
        score = scores[position]
        direction = WORSE if score >= upper else BETTER if score <= lower else 0
        if days[position] > renewed_after and (direction or departed or rules.rebaseline_always):
            return bisect_left(days, relapse, reference + 1)
        departed = bool(direction)
        if not direction or seen[direction] or since[position] < rules.onset_gap:
            position += 1
            continue
        held = position
        while held + 1 < count and (scores[held + 1] >= upper if direction == WORSE else scores[held + 1] <= lower):
            held += 1
        confirmation = _confirmation(days, since, position, held, rules)
        change = Change(direction, reference, base, position, confirmation, held)
        if confirmation < 0:
            if held == count - 1 and days[held] - days[position] < rules.confirm_to:
                _add(change, found.unconfirmed)
                seen[direction] = True
            position += 1
            continue
        enough = held == count - 1 or days[held + 1] - days[position] >= rules.sustained
        if enough:
            seen[direction] = True
            _add(change, found.confirmed)
        if rules.moves_worse if direction == WORSE else rules.moves_better:
            return confirmation
        position = confirmation + 1 if enough else position + 1
    return None


def _add(change: Change, changes: list[Change]) -> None:
    """Keep a change, unless its onset was found before: a new reference after a relapse may show it a second time."""
    if all(one.onset != change.onset or one.direction != change.direction for one in changes):
        changes.append(change)


def _renewal(day: int, relapses: Sequence[int], rules: Rules) -> tuple[int, int]:
    """The first relapse after a reference, and the last day up to which that reference serves."""
    if rules.rebaseline_after is None:
        return FOREVER, FOREVER
    place = bisect_right(relapses, day)
    return (relapses[place], relapses[place] + rules.rebaseline_after) if place < len(relapses) else (FOREVER, FOREVER)


def _confirmation(days: Sequence[int], since: Sequence[int], onset: int, held: int, rules: Rules) -> int:
    """The first visit that may confirm, if the change holds up to it; else -1."""
    start = days[onset]
    for position in range(onset + 1, held + 1):
        waited = days[position] - start
        if waited > rules.confirm_to:
            return -1
        if waited >= rules.confirm_from and since[position] >= rules.confirmation_gap:
            return position
    return -1
