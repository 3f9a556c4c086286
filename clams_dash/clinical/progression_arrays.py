"""Confirmed changes and their labels of a whole cohort, from flat arrays: the engine of one case, without its records.

:func:`score_cohort` gives exactly the events of :func:`clams_dash.clinical.progression.confirmed_changes` person by
person (a test holds it) without their records. Time and memory grow linearly with the number of visits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import progression_rules
from clams_dash.clinical.edss import threshold
from clams_dash.clinical.pira import CourseDays, label_worsening
from clams_dash.clinical.scan import WORSE, days_since_relapse, scan
from clams_dash.model.tables import EDSS_STEPS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NO_DAY = -1
LABELS: tuple[str, ...] = ("", "PIRA", "RAW", "undefined")
"""Meaning of the codes in ``CohortEvents.label``; "" is an improvement."""
_CODES = {name: code for code, name in enumerate(LABELS)}
_COLUMNS = 9


@dataclass(frozen=True, slots=True)
class CohortEvents:
    """One row per confirmed change, by person and onset; all arrays are parallel, days are those given.

    ``worsening``: CDW, else CDI. ``label``: position in LABELS. ``label_day``: when PIRA or RAW became known, else
    NO_DAY. ``people`` and ``days_followed``: persons with an EDSS and the days between their first and last, summed.
    """

    person: Ints
    worsening: NDArray[np.bool_]
    reference_day: Ints
    reference_edss: Floats
    onset_day: Ints
    onset_edss: Floats
    confirmed_day: Ints
    label: NDArray[np.int8]
    label_day: Ints
    people: int
    days_followed: int

    def count(self, label: str) -> int:
        """Number of events of that label (PIRA, RAW or undefined)."""
        return int((self.label == _CODES[label]).sum())


def score_cohort(
    person: Ints,
    day: Ints,
    edss: Floats,
    relapse_person: Ints,
    relapse_day: Ints,
    convention: Convention | None = None,
) -> CohortEvents:
    """Confirmed changes of every person.

    Parameters
    ----------
    person, day, edss : parallel arrays, one row per visit in any order; persons as whole numbers from 0, days as whole
        numbers from 0 on any common origin; rows with EDSS NaN are left out.
    relapse_person, relapse_day : parallel arrays, one row per relapse in any order.
    convention : the choices made; None = the project's defaults.

    Raises
    ------
    ValueError : a value that is no EDSS score, or two scores of one person on one day; names person and day.
    """
    chosen = convention or Convention()
    person, day, edss = _checked(person, day, edss)
    onset_order = np.lexsort((relapse_day, relapse_person))
    relapse_person, relapse_day = relapse_person[onset_order], relapse_day[onset_order]
    starts = np.flatnonzero(np.diff(person, prepend=-1))
    ends = np.append(starts, len(person))[1:]
    attacks = np.searchsorted(relapse_person, person[starts], side="left")
    attack_ends = np.searchsorted(relapse_person, person[starts], side="right")
    bounds = zip(starts.tolist(), ends.tolist(), attacks.tolist(), attack_ends.tolist(), strict=True)
    days, scores, relapses = day.tolist(), edss.tolist(), relapse_day.tolist()
    courses = ((people, days[a:b], scores[a:b], relapses[c:d]) for people, (a, b, c, d) in enumerate(bounds))
    rows = np.array(list(_rows(courses, chosen)), dtype=np.float64).reshape(-1, _COLUMNS)
    whole = rows.astype(np.int64)
    return CohortEvents(
        person=person[starts][whole[:, 0]],
        worsening=whole[:, 1] == WORSE,
        reference_day=whole[:, 2],
        reference_edss=rows[:, 3],
        onset_day=whole[:, 4],
        onset_edss=rows[:, 5],
        confirmed_day=whole[:, 6],
        label=whole[:, 7].astype(np.int8),
        label_day=whole[:, 8],
        people=len(starts),
        days_followed=int((day[ends - 1] - day[starts]).sum()),
    )


def _checked(person: Ints, day: Ints, edss: Floats) -> tuple[Ints, Ints, Floats]:
    known = ~np.isnan(edss)
    person, day, edss = person[known], day[known], edss[known]
    order = np.lexsort((day, person))
    person, day, edss = person[order], day[order], edss[order]
    wrong = np.flatnonzero(~np.isin(edss, EDSS_STEPS))
    if len(wrong):
        at = wrong[0]
        raise ValueError(f"{edss[at]} of person {person[at]} on day {day[at]} is not an EDSS score")
    twice = np.flatnonzero((np.diff(person) == 0) & (np.diff(day) == 0))
    if len(twice):
        raise ValueError(f"two EDSS scores of person {person[twice[0]]} on day {day[twice[0]]}; one a day is needed")
    return person, day, edss


def _rows(
    courses: Iterator[tuple[int, list[int], list[float], list[int]]], convention: Convention
) -> Iterator[tuple[float, ...]]:
    rules, definition, raw_days = convention.rules(), convention.definition(), progression_rules().raw_days
    delta = {score: threshold(convention.threshold).delta(score) for score in EDSS_STEPS}.__getitem__
    for person, days, scores, relapses in courses:
        since = days_since_relapse(days, relapses)
        confirmed = scan(days, scores, relapses, since, delta, rules).confirmed
        if not confirmed:
            continue
        course = CourseDays(days, relapses, since, days[-1])
        seen = set()
        for change in sorted(confirmed, key=lambda one: one.onset):
            if convention.event == "first" and change.direction in seen:
                continue
            seen.add(change.direction)
            label, label_day = "", NO_DAY
            if change.direction == WORSE:
                found = label_worsening(change, course, definition, rules, raw_days)
                label = found.label
                label_day = days[found.confirmation] if found.confirmation >= 0 else NO_DAY
            yield (
                person,
                change.direction,
                days[change.reference],
                change.base,
                days[change.onset],
                scores[change.onset],
                days[change.confirmation],
                _CODES[label],
                label_day,
            )
