"""Therapies as the generator uses them.

Effects are in ``dmt_effects.csv``, use in ``dmt_use.csv``, bloods in ``lab_effects.csv``. A drug is a row number; row 0
is "untreated" in every array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import dmts, read_rows

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

COURSES: tuple[str, ...] = ("RRMS", "SPMS", "PPMS")
"""Course codes of the monthly simulation; CIS is told from RRMS only when the record is written."""


@dataclass(frozen=True, slots=True)
class Drugs:
    """Arrays over therapies. Ratios are against no treatment; ``never`` months or years are infinite."""

    names: tuple[str, ...]
    same_class: BoolArray
    """drug x drug: of one class (a drug and itself included)"""
    arr_ratio: FloatArray
    cdw_hr: FloatArray
    new_t2_ratio: FloatArray
    bvl_removed: FloatArray
    first_use_year: FloatArray
    popularity_2010: FloatArray
    popularity_2025: FloatArray
    allowed: BoolArray
    """course (RRMS, SPMS, PPMS) x drug"""
    allowed_in_cis: BoolArray
    max_age: FloatArray
    efficacy_rank: FloatArray
    adverse_stops: FloatArray
    choice_stops: FloatArray
    laboratory_stops: FloatArray
    fixed_months: FloatArray
    carry_months: FloatArray
    rebound_ratio: FloatArray
    childbearing_penalty: FloatArray
    dose: tuple[str | None, ...]
    interval_weeks: FloatArray

    def index(self, name: str) -> int:
        """Row of a therapy."""
        return self.names.index(name)


@dataclass(frozen=True, slots=True)
class LabEffects:
    """Arrays over therapies (same rows as Drugs): what each does to the bloods and how often they are taken."""

    lymphocyte_factor: FloatArray
    months_to_full: FloatArray
    months_to_recover: FloatArray
    cbc_every: FloatArray
    liver_every: FloatArray
    immunoglobulin_every: FloatArray
    jcv_every: FloatArray
    igg_slope: FloatArray
    alt_factor: FloatArray


class _Row:
    """One row of a facts file whose cells are read with errors that name file, row and column."""

    def __init__(self, path: Path, number: int, cells: dict[str, str]) -> None:
        self.path, self.number, self.cells = path, number, cells

    def text(self, column: str) -> str:
        value = self.cells.get(column)
        if value is None:
            raise FactsError(f"{self.path}: column {column} is missing")
        return value.strip()

    def number_in(self, column: str, low: float, high: float, empty: float | None = None) -> float:
        text = self.text(column)
        if not text and empty is not None:
            return empty
        try:
            value = float(text)
        except ValueError as error:
            raise FactsError(f"{self.path}: row {self.number}, {column} = {text!r} is not a number") from error
        if not low <= value <= high:
            raise FactsError(
                f"{self.path}: row {self.number}, {column} = {text} is impossible; "
                f"it must lie between {low:g} and {high:g}"
            )
        return value


def _rows(path: Path) -> list[_Row]:
    rows = [_Row(path, number, cells) for number, cells in enumerate(read_rows(path), start=2)]
    for row in rows:
        if not row.text("source"):
            raise FactsError(f"{path}: row {row.number} has no source")
    return rows


def load_drugs(rng: np.random.Generator | None, folder: Path = EFFECTS_DIR) -> Drugs:
    """Therapies in use. With ``rng`` the relapse and worsening ratios are drawn once from their intervals.

    ln ratio ~ N(ln point, (ln high - ln low) / 3.92), so that a simulated world has one true effect per drug whose
    uncertainty is known (clinical.md 4.2). Raises FactsError naming file, row and column.
    """
    effects = {row.text("dmt"): row for row in _rows(folder / "dmt_effects.csv")}
    use = _rows(folder / "dmt_use.csv")
    names = [row.text("dmt") for row in use]
    catalogue = dmts()
    for row in use:
        name = row.text("dmt")
        if name not in catalogue:
            raise FactsError(f"{row.path}: row {row.number}, dmt = {name!r} is not in the catalogue of therapies")
        if name not in effects:
            raise FactsError(f"{row.path}: row {row.number}, {name} has no row in dmt_effects.csv")
        approved = catalogue[name].approved_year
        if approved is not None and row.number_in("first_use_year", 1980, 2100) < approved:
            raise FactsError(f"{row.path}: row {row.number}, first_use_year lies before the approval of {name}")
    chosen = [effects[name] for name in names]
    return Drugs(
        names=("none", *names),
        same_class=_same_class(["none", *(catalogue[name].drug_class for name in names)]),
        arr_ratio=_with_none(1.0, _ratios(chosen, "arr_ratio", "arr_low", "arr_high", rng)),
        cdw_hr=_with_none(1.0, _ratios(chosen, "cdw_hr", "cdw_low", "cdw_high", rng)),
        new_t2_ratio=_column(chosen, "new_t2_ratio", 1.0, 0, 5),
        bvl_removed=_column(chosen, "bvl_removed", 0.0, 0, 1),
        first_use_year=_column(use, "first_use_year", 0.0, 1980, 2100),
        popularity_2010=_column(use, "popularity_2010", 0.0, -20, 20),
        popularity_2025=_column(use, "popularity_2025", 0.0, -20, 20),
        allowed=np.array([[False, *(course in row.text("courses").split(";") for row in use)] for course in COURSES]),
        allowed_in_cis=np.array([False, *("CIS" in row.text("courses").split(";") for row in use)]),
        max_age=_column(use, "max_age", 120.0, 18, 120),
        efficacy_rank=_column(use, "efficacy_rank", 0.0, 1, 10),
        adverse_stops=_column(use, "adverse_stops_per_year", 0.0, 0, 12),
        choice_stops=_column(use, "choice_stops_per_year", 0.0, 0, 12),
        laboratory_stops=_column(use, "laboratory_stops_per_year", 0.0, 0, 12),
        fixed_months=_column(use, "fixed_months", math.inf, 1, 600, empty=math.inf),
        carry_months=_column(use, "carry_months", 1.0, 0.1, 600),
        rebound_ratio=_column(use, "rebound_ratio", 1.0, 1, 20),
        childbearing_penalty=_column(use, "childbearing_penalty", 0.0, 0, 100),
        dose=(None, *(row.text("dose") or None for row in use)),
        interval_weeks=_column(use, "interval_weeks", math.nan, 0, 260, empty=math.nan),
    )


def load_lab_effects(drugs: Drugs, folder: Path = EFFECTS_DIR) -> LabEffects:
    """Effects on the bloods for every therapy of ``drugs``. Raises FactsError when one has no row or two."""
    path = folder / "lab_effects.csv"
    by_drug: dict[str, _Row] = {}
    for row in _rows(path):
        for name in row.text("drugs").split(";"):
            if name in by_drug:
                raise FactsError(f"{path}: row {row.number}, {name} is in two groups")
            by_drug[name] = row
    missing = [name for name in drugs.names if name not in by_drug]
    if missing:
        raise FactsError(f"{path}: {missing[0]} is in no group; add it to the column drugs of one")
    rows = [by_drug[name] for name in drugs.names]

    def column(name: str, low: float, high: float, empty: float | None = None) -> FloatArray:
        return np.array([row.number_in(name, low, high, empty) for row in rows])

    return LabEffects(
        lymphocyte_factor=column("lymphocyte_factor", 0.01, 5),
        months_to_full=column("months_to_full", 0.1, 120),
        months_to_recover=column("months_to_recover", 0.1, 120),
        cbc_every=column("cbc_every_months", 0.5, 120, math.inf),
        liver_every=column("liver_every_months", 0.5, 120, math.inf),
        immunoglobulin_every=column("immunoglobulin_every_months", 0.5, 120, math.inf),
        jcv_every=column("jcv_every_months", 0.5, 120, math.inf),
        igg_slope=column("igg_slope_per_year", 0, 1),
        alt_factor=column("alt_factor", 0.1, 10),
    )


def _same_class(classes: list[str]) -> BoolArray:
    names = np.array(classes)
    return np.asarray(names[:, None] == names[None, :])


def _column(
    rows: list[_Row], name: str, untreated: float, low: float, high: float, empty: float | None = None
) -> FloatArray:
    return _with_none(untreated, np.array([row.number_in(name, low, high, empty) for row in rows]))


def _with_none(untreated: float, values: FloatArray) -> FloatArray:
    return np.concatenate([[untreated], values])


def _ratios(rows: list[_Row], point: str, low: str, high: str, rng: np.random.Generator | None) -> FloatArray:
    for row in rows:
        bounds = [row.number_in(name, 0.01, 5) for name in (low, point, high)]
        if bounds != sorted(bounds):
            raise FactsError(f"{row.path}: row {row.number}, {point} does not lie between {low} and {high}")
    centre = np.log([row.number_in(point, 0.01, 5) for row in rows])
    if rng is None:
        return np.asarray(np.exp(centre))
    width = np.log([row.number_in(high, 0.01, 5) / row.number_in(low, 0.01, 5) for row in rows])
    return np.asarray(np.exp(centre + rng.standard_normal(len(rows)) * width / 3.92))
