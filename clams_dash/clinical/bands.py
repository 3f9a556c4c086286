"""Percentile bands of the cohort along disease duration or age, and a value's place in them.

For the timeline: the band of EDSS, lesion volume or sNfL that people of the same duration or age have. A person counts
once at each point, with the measurement nearest to it; where too few were seen, the band has a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clams_dash.clinical.severity import one_each
from clams_dash.clinical.standing_settings import BandSettings, standing_settings
from clams_dash.model.reference import FloatArray, IntArray, ReferencePoints

Axis = Literal["age", "duration"]


@dataclass(frozen=True, slots=True)
class Bands:
    """Percentiles along an axis: ``values[i, j]`` is percentile ``percentiles[i]`` at ``years[j]`` (NaN = too few).

    ``people[j]`` is how many were seen at that point.
    """

    axis: Axis
    years: FloatArray
    percentiles: tuple[float, ...]
    values: FloatArray
    people: IntArray

    def curve(self, percentile: float) -> FloatArray:
        """Values of one of the percentiles. Raises ValueError for another."""
        return np.asarray(self.values[self.percentiles.index(percentile)])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies among the people seen at the same duration or age: percentile (0 to 100), and how many."""

    percentile: float
    people: int


@dataclass(frozen=True, slots=True)
class Along:
    """A cohort's known measurements in order of one axis, so that many points can be looked up."""

    axis: Axis
    years: FloatArray
    person: IntArray
    value: FloatArray

    @classmethod
    def of(cls, reference: ReferencePoints, axis: Axis) -> Along:
        """Sort a reference cohort along an axis; what is not known is left out."""
        years = reference.age if axis == "age" else reference.duration
        known = np.flatnonzero(np.isfinite(years) & np.isfinite(reference.value))
        order = known[np.argsort(years[known], kind="stable")]
        return cls(axis, years[order], reference.person[order], reference.value[order])

    def near(self, point: float, half_width: float) -> FloatArray:
        """One value per person seen within ``half_width`` years of ``point``."""
        low = np.searchsorted(self.years, point - half_width, side="left")
        high = np.searchsorted(self.years, point + half_width, side="right")
        part = slice(int(low), int(high))
        chosen = one_each(self.person[part], np.abs(self.years[part] - point))
        return np.asarray(self.value[part][chosen])


def bands(cohort: Along, years: FloatArray, settings: BandSettings | None = None) -> Bands:
    """Percentile bands at the points ``years`` of the cohort's axis."""
    rules = settings or standing_settings().bands
    values = np.full((len(rules.percentiles), len(years)), np.nan)
    people = np.zeros(len(years), dtype=np.int64)
    for at, point in enumerate(years):
        near = cohort.near(float(point), rules.half_width_years)
        people[at] = len(near)
        if len(near) >= rules.least_people:
            values[:, at] = np.percentile(near, rules.percentiles)
    return Bands(cohort.axis, years, rules.percentiles, values, people)


def place(value: float, years: float, cohort: Along, settings: BandSettings | None = None) -> Place | None:
    """Percentile of a value among people seen near ``years``, ties counted half; None where they are too few."""
    rules = settings or standing_settings().bands
    near = cohort.near(years, rules.half_width_years)
    if len(near) < rules.least_people:
        return None
    share = ((near < value).sum() + 0.5 * (near == value).sum()) / len(near)
    return Place(100.0 * float(share), len(near))
