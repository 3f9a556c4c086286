"""The reference trial: who is in a trial of relapsing MS, and at what rates they fall ill untreated.

``reference_trial.csv`` (persons) and ``worsening_surface.csv`` (what fewer relapses and less progression do to
confirmed worsening) are written by ``scripts/calibrate_effects.py`` from the generator itself; the full effects of the
therapies are solved on them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.families import Features
from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_rows

FloatArray = NDArray[np.float64]

REFERENCE_FILE = "reference_trial.csv"
FEATURE_COLUMNS: tuple[str, ...] = tuple(item.name for item in fields(Features))
RATE_COLUMNS: tuple[str, ...] = ("relapses_per_year", "new_t2_per_year", "progression_per_year")
SURFACE_FILE = "worsening_surface.csv"
SURFACE_COLUMNS: tuple[str, ...] = ("relapse_ratio", "progression_ratio", "worsening_ratio")


@dataclass(frozen=True, slots=True)
class WorseningSurface:
    """Ratio of confirmed worsening (relapse ratio x progression ratio), ratios ascending."""

    relapse: FloatArray
    progression: FloatArray
    worsening: FloatArray

    def progression_for(self, relapse_ratio: FloatArray, worsening_ratio: FloatArray) -> FloatArray:
        """Progression ratio that, with a relapse ratio, gives a worsening ratio; the nearest possible one if none."""
        solved = np.empty(len(relapse_ratio))
        for row, (relapse, worsening) in enumerate(zip(relapse_ratio, worsening_ratio, strict=True)):
            along = [np.interp(relapse, self.relapse, column) for column in self.worsening.T]
            solved[row] = np.interp(worsening, along, self.progression)
        return solved


@dataclass(frozen=True, slots=True)
class ReferenceTrial:
    """Persons at the start of a trial, their untreated yearly rates, and what worsening depends on."""

    features: Features
    relapse_rate: FloatArray
    new_t2_rate: FloatArray
    progression_rate: FloatArray
    surface: WorseningSurface

    def __len__(self) -> int:
        return len(self.relapse_rate)


def load_reference_trial(folder: Path = EFFECTS_DIR) -> ReferenceTrial:
    """Read both files. Raises FactsError naming file, row and column."""
    persons = _columns(folder / REFERENCE_FILE, (*FEATURE_COLUMNS, *RATE_COLUMNS))
    relapse, new_t2, progression = (persons[name] for name in RATE_COLUMNS)
    return ReferenceTrial(
        features=Features(**{name: persons[name] for name in FEATURE_COLUMNS}),
        relapse_rate=relapse,
        new_t2_rate=new_t2,
        progression_rate=progression,
        surface=_surface(folder / SURFACE_FILE),
    )


def _surface(path: Path) -> WorseningSurface:
    cells = _columns(path, SURFACE_COLUMNS)
    relapse, progression = np.unique(cells["relapse_ratio"]), np.unique(cells["progression_ratio"])
    if len(cells["relapse_ratio"]) != len(relapse) * len(progression):
        raise FactsError(f"{path}: must hold every relapse_ratio with every progression_ratio once")
    order = np.lexsort((cells["progression_ratio"], cells["relapse_ratio"]))
    worsening = cells["worsening_ratio"][order].reshape(len(relapse), len(progression))
    if (np.diff(worsening, axis=1) <= 0).any():
        raise FactsError(f"{path}: worsening_ratio must rise with progression_ratio")
    return WorseningSurface(relapse, progression, worsening)


def _columns(path: Path, names: tuple[str, ...]) -> dict[str, FloatArray]:
    rows = read_rows(path)
    if not rows:
        raise FactsError(f"{path}: has no rows; write it with scripts/calibrate_effects.py")
    found = {name: np.empty(len(rows)) for name in names}
    for number, row in enumerate(rows):
        for name in names:
            try:
                value = float(row[name])
            except (KeyError, TypeError, ValueError) as error:
                raise FactsError(f"{path}: row {number + 2}, {name} is missing or not a number") from error
            if not 0.0 <= value < 1e4:
                raise FactsError(f"{path}: row {number + 2}, {name} = {row[name]} is impossible")
            found[name][number] = value
    return found
