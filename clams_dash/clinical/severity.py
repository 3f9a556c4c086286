"""MSSS and ARMSS: how severe a person's disability is among people of the same disease duration or age.

Both rank the EDSS (ties averaged) among the people within two years of the same row; score = 10 rank / (n + 1)
(Roxburgh 2005; Manouchehrinia 2017; clinical.md 1.6). The tables are *local*: made from the pool, whose people they
describe. A published global table can be read in their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clams_dash.clinical import rule_files
from clams_dash.clinical.edss import is_valid, require_valid
from clams_dash.clinical.standing_settings import SeveritySettings, standing_settings
from clams_dash.errors import FactsError
from clams_dash.model.reference import FloatArray, IntArray, ReferencePoints
from clams_dash.model.tables import EDSS_STEPS

Score = Literal["MSSS", "ARMSS"]
_LAST_RANKED = 9.5
_RANKED = EDSS_STEPS[: EDSS_STEPS.index(_LAST_RANKED) + 1]


@dataclass(frozen=True, slots=True)
class SeverityTable:
    """Scores by row and EDSS, and how many people each row was ranked on (empty for a table that was read)."""

    score: Score
    scores: dict[tuple[int, float], float]
    people: dict[int, int]
    label: str

    def at(self, edss: float, years: float) -> float | None:
        """Score of an EDSS at so many years since onset (MSSS) or of age (ARMSS).

        None outside the rows, in a row of too few people, and for an EDSS of 10. Raises ValueError off the scale.
        """
        require_valid(edss)
        row = row_of(self.score, years, standing_settings().severity)
        return None if row is None else self.scores.get((row, edss))


def row_of(score: Score, years: float, settings: SeveritySettings) -> int | None:
    """Row of the table: whole years since onset plus 1, capped (MSSS), or whole years of age (ARMSS)."""
    if score == "MSSS":
        first, last = settings.msss_rows
        return None if years < 0 else min(floor(years) + first, last)
    first, last = settings.armss_rows
    return floor(years) if first <= floor(years) <= last else None


def rank_scores(edss: FloatArray) -> dict[float, float]:
    """10 rank / (n + 1) of every EDSS up to 9.5 among the values given, ties averaged.

    An EDSS that nobody has gets the rank half way between its neighbours'.
    """
    ordered = np.sort(edss)
    below = np.searchsorted(ordered, _RANKED, side="left")
    same = np.searchsorted(ordered, _RANKED, side="right") - below
    ranks = below + (same + 1) / 2.0
    return {step: float(10.0 * rank / (len(edss) + 1)) for step, rank in zip(_RANKED, ranks, strict=True)}


def local_table(score: Score, reference: ReferencePoints, settings: SeveritySettings | None = None) -> SeverityTable:
    """Table of a score from the pool's visits (``reference.value`` = EDSS; entries not known are left out).

    A person counts once in each row, with the visit nearest to it. EDSS 10 is not ranked.
    """
    rules = settings or standing_settings().severity
    years = reference.duration if score == "MSSS" else reference.age
    known = np.isfinite(years) & np.isfinite(reference.value) & (reference.value <= _LAST_RANKED) & (years >= 0)
    whole = np.floor(years[known]).astype(np.int64)
    person, edss, exact = reference.person[known], reference.value[known], years[known]
    first, last = rules.msss_rows if score == "MSSS" else rules.armss_rows
    offset = first if score == "MSSS" else 0
    scores: dict[tuple[int, float], float] = {}
    people: dict[int, int] = {}
    for row in range(first, last + 1):
        near = np.abs(whole + offset - row) <= rules.window_years
        ranked = edss[near][one_each(person[near], np.abs(exact[near] + offset - (row + 0.5)))]
        people[row] = len(ranked)
        if len(ranked) >= rules.least_people:
            scores.update({(row, step): value for step, value in rank_scores(ranked).items()})
    return SeverityTable(score, scores, people, f"local {score}, ranked in this pool")


def one_each(person: IntArray, distance: FloatArray) -> NDArray[np.intp]:
    """Positions of each person's entry of least distance (the first of equal ones)."""
    order = np.lexsort((distance, person))
    sorted_people = person[order]
    first = np.concatenate([[True], sorted_people[1:] != sorted_people[:-1]]) if len(order) else np.zeros(0, np.bool_)
    return order[first]


def load_table(score: Score, path: Path) -> SeverityTable:
    """Read a table: columns ``row`` (as in ``row_of``), ``edss`` and ``score``. Raises FactsError with the place."""
    scores: dict[tuple[int, float], float] = {}
    for line in rule_files.rows(path):
        row, edss, value = (line.number_in(column) for column in ("row", "edss", "score"))
        if row is None or edss is None or value is None:
            raise line.fault("score", "and both other columns are needed in every row")
        if row != int(row):
            raise line.fault("row", "is not a whole number")
        if not is_valid(edss):
            raise line.fault("edss", "is not an EDSS score")
        if not 0.0 < value < 10.0:
            raise line.fault("score", "has to lie between 0 and 10")
        if (int(row), edss) in scores:
            raise line.fault("row", "stands here twice with this EDSS")
        scores[int(row), edss] = value
    if not scores:
        raise FactsError(f"{path}: holds no scores")
    return SeverityTable(score, scores, {}, f"{score} of {path.name}")
