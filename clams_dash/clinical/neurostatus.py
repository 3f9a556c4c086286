"""EDSS from the functional systems (Neurostatus), and whether a recorded EDSS agrees with it.

The rule is data: conversions in ``data/rules/edss.toml``, the table in ``data/rules/neurostatus.csv``, read top down
(clinical.md 1.1, S10). A disagreement is a warning about data, never a reason to reject or change a score: raters
follow the patient's walking and the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clams_dash.clinical import rule_files
from clams_dash.clinical.edss import EDSS_RULES, is_valid
from clams_dash.clinical.rule_files import RULES_DIR, Row
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Source, Visit
from clams_dash.model.tables import VISIT

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NEUROSTATUS_FILE = RULES_DIR / "neurostatus.csv"

SYSTEMS: tuple[str, ...] = (
    "visual",
    "brainstem",
    "pyramidal",
    "cerebellar",
    "sensory",
    "bowel_bladder",
    "cerebral",
    "ambulation",
)
"""Order of the columns of an array of scores: seven functional systems and ambulation."""

HIGHEST: tuple[int, ...] = tuple(int(VISIT.by_name[f"fs_{name}"].high or 0) for name in SYSTEMS)
"""Highest raw score of each system."""

_COLUMNS = ("highest", "how_many", "next", "how_many_next", "ambulation")


@dataclass(frozen=True, slots=True)
class _TableRow:
    """Bounds (inclusive) of the five quantities, None = any, and the EDSS they give."""

    bounds: tuple[tuple[int, int] | None, ...]
    edss: float


@dataclass(frozen=True, slots=True)
class NeurostatusRule:
    """The rule as read. ``ambulation_edss`` starts at an ambulation score of ``first_fixed``."""

    visual: IntArray
    bowel_bladder: IntArray
    ambulation_edss: FloatArray
    first_fixed: int
    table: tuple[_TableRow, ...]


def edss_of_systems(scores: IntArray) -> FloatArray:
    """EDSS of raw scores (n x 8, order of ``SYSTEMS``, all known). Raises ValueError for a score off its scale."""
    if scores.ndim != 2 or scores.shape[1] != len(SYSTEMS):
        raise ValueError(f"scores have shape {scores.shape}; n x {len(SYSTEMS)} is needed")
    off = (scores < 0) | (scores > np.array(HIGHEST))
    if off.any():
        row, column = np.argwhere(off)[0]
        raise ValueError(f"{SYSTEMS[column]} {scores[row, column]} is off its scale of 0 to {HIGHEST[column]}")
    rule = neurostatus_rule()
    converted = scores[:, :7].copy()
    converted[:, SYSTEMS.index("visual")] = rule.visual[scores[:, SYSTEMS.index("visual")]]
    converted[:, SYSTEMS.index("bowel_bladder")] = rule.bowel_bladder[scores[:, SYSTEMS.index("bowel_bladder")]]
    walk = scores[:, 7]
    top = converted.max(axis=1)
    second = np.where(converted < top[:, None], converted, -1).max(axis=1)
    counts = [(converted == level[:, None]).sum(axis=1) for level in (top, second)]
    quantities = (top, counts[0], np.maximum(second, 0), counts[1], walk)
    holds = [_holds(row, quantities) for row in rule.table]
    value = np.select(holds, [row.edss for row in rule.table], default=np.nan)
    fixed = rule.ambulation_edss[np.clip(walk - rule.first_fixed, 0, None)]
    return np.asarray(np.where(walk >= rule.first_fixed, fixed, value))


def _holds(row: _TableRow, quantities: Sequence[IntArray]) -> NDArray[np.bool_]:
    held = np.ones(len(quantities[0]), dtype=np.bool_)
    for bounds, quantity in zip(row.bounds, quantities, strict=True):
        if bounds is not None:
            held &= (quantity >= bounds[0]) & (quantity <= bounds[1])
    return held


def edss_from_systems(fs: dict[str, int]) -> float | None:
    """EDSS of the scores given by name; None when it needs one that is missing.

    With an ambulation score of 3 or more no other system is needed. Raises ValueError for a score off its scale.
    """
    walk = fs.get("ambulation")
    known = [fs.get(name) for name in SYSTEMS]
    if walk is not None and walk >= neurostatus_rule().first_fixed:
        known = [0 if score is None else score for score in known]
    if None in known:
        return None
    return float(edss_of_systems(np.array([known], dtype=np.int64))[0])


@dataclass(frozen=True, slots=True)
class EdssDisagreement:
    """A recorded EDSS that its functional systems do not give: a warning about the data."""

    date: date
    recorded: float
    derived: float
    source: Source

    @property
    def text(self) -> str:
        """The warning in words."""
        return (
            f"EDSS {self.recorded:.1f} on {self.date.isoformat()}, but its functional systems give {self.derived:.1f} "
            "by the Neurostatus table: check the visit"
        )


def disagreement(visit: Visit) -> EdssDisagreement | None:
    """The warning for a visit; None when they agree, or the EDSS or a system it needs is missing."""
    if visit.edss is None:
        return None
    derived = edss_from_systems(visit.fs)
    if derived is None or derived == visit.edss:
        return None
    return EdssDisagreement(visit.date, visit.edss, derived, visit.source)


def load_rule(rules_path: Path, table_path: Path) -> NeurostatusRule:
    """Read the conversions and the table. Raises FactsError naming file, row and column."""
    raw = catalogues.read_toml(rules_path)
    try:
        part = raw["neurostatus"]
        visual, bladder = (np.array(part[name], dtype=np.int64) for name in ("visual", "bowel_bladder"))
        walking = np.array(part["ambulation_edss"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{rules_path}: section [neurostatus] is not valid ({error!r})") from error
    wanted = (HIGHEST[SYSTEMS.index("visual")] + 1, HIGHEST[SYSTEMS.index("bowel_bladder")] + 1)
    if (len(visual), len(bladder)) != wanted:
        raise FactsError(f"{rules_path}: [neurostatus] needs one converted score per raw score ({wanted})")
    table = tuple(_table_row(row) for row in rule_files.rows(table_path))
    return NeurostatusRule(visual, bladder, walking, HIGHEST[-1] + 1 - len(walking), table)


def _table_row(row: Row) -> _TableRow:
    edss = row.number_in("edss")
    if edss is None or not is_valid(edss):
        raise row.fault("edss", "is not an EDSS score")
    return _TableRow(tuple(_bounds(row, column) for column in _COLUMNS), edss)


def _bounds(row: Row, column: str) -> tuple[int, int] | None:
    text = row.text(column)
    if not text:
        return None
    low, _, high = text.partition("-")
    if not low.isdigit() or not (high or low).isdigit():
        raise row.fault(column, "is not a whole number or a range such as 2-3")
    return int(low), int(high or low)


@lru_cache(maxsize=1)
def neurostatus_rule() -> NeurostatusRule:
    """The project's rule."""
    return load_rule(EDSS_RULES, NEUROSTATUS_FILE)
