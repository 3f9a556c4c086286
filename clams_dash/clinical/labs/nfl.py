"""Neurofilament light (sNfL) against age and body mass index: a surrogate, or a centre's own percentile table.

Benkert 2022 modelled controls by age and BMI but published no coefficients. The surrogate of clinical.md 3.1 is fitted
to published percentiles and is labelled approximate wherever it is shown. z and percentile are of the sample as
measured: serum or plasma and platform differ, and are not converted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import NormalDist
from typing import Protocol

from clams_dash.clinical import rule_files
from clams_dash.clinical.labs.settings import NflSettings, lab_settings
from clams_dash.config import nfl_table
from clams_dash.errors import FactsError

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class NflPosition:
    """Where a value lies among controls of the same age.

    ``percentile`` is 0 to 100. ``bound``: ``<`` or ``>`` when only known to lie beyond it (z is then None).
    ``adjusted_for`` names what was used. ``approximate`` is True for the surrogate.
    """

    z: float | None
    percentile: float
    bound: str
    adjusted_for: tuple[str, ...]
    approximate: bool
    label: str
    source: str

    @property
    def words(self) -> str:
        """The percentile for the reader: whole numbers from 1 to 99, beyond them ``<1`` and ``>99``."""
        if self.bound:
            return f"{self.bound}{self.percentile:g}"
        whole = round(self.percentile)
        return "<1" if whole < 1 else ">99" if whole > 99 else str(whole)


class NflReference(Protocol):
    """Something that places a value among controls. ``assay`` is the platform it holds for; None = the centre's own."""

    @property
    def assay(self) -> str | None:
        """Platform the reference holds for."""

    def place(self, value: float, age: float, bmi: float | None) -> NflPosition | None:
        """Position of ``value`` (pg/mL) at ``age`` (years) and ``bmi`` (kg/m2); None outside its range."""


@dataclass(frozen=True, slots=True)
class Surrogate:
    """The log-normal surrogate of clinical.md 3.1."""

    settings: NflSettings

    @property
    def assay(self) -> str | None:
        """Platform of the percentiles the surrogate was fitted to."""
        return self.settings.assay

    def place(self, value: float, age: float, bmi: float | None) -> NflPosition | None:
        """Position of ``value`` (pg/mL); without a usable BMI adjusted for age only. None outside the ages covered."""
        s = self.settings
        if value <= 0 or not s.ages[0] <= age < s.ages[1]:
            return None
        used = bmi if bmi is not None and s.bmi_range[0] <= bmi <= s.bmi_range[1] else None
        z = (log(value) - self._expected_log(age, s.reference_bmi if used is None else used)) / s.log_sd
        adjusted = ("age",) if used is None else ("age", "BMI")
        return NflPosition(z, 100.0 * _NORMAL.cdf(z), "", adjusted, True, s.label, s.source)

    def value_at(self, percentile: float, age: float, bmi: float | None = None) -> float:
        """Value (pg/mL) of a percentile (0 to 100, ends excluded), for drawing bands."""
        s = self.settings
        z = _NORMAL.inv_cdf(percentile / 100.0)
        return exp(self._expected_log(age, s.reference_bmi if bmi is None else bmi) + z * s.log_sd)

    def _expected_log(self, age: float, bmi: float) -> float:
        s = self.settings
        return log(s.level_at_25_pg_ml) + s.age_slope * (age - 25.0) + s.bmi_slope * (bmi - s.reference_bmi)


@dataclass(frozen=True, slots=True)
class _Band:
    age_from: float
    age_below: float
    percentiles: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PercentileTable:
    """A centre's own percentiles by age band, which take the surrogate's place."""

    bands: tuple[_Band, ...]
    label: str

    @property
    def assay(self) -> str | None:
        """None: a centre's table holds for the platform the centre uses."""
        return None

    def place(self, value: float, age: float, bmi: float | None) -> NflPosition | None:
        """Position of ``value`` (pg/mL) by interpolation on the logarithm between the table's percentiles."""
        band = next((one for one in self.bands if one.age_from <= age < one.age_below), None)
        if band is None or value <= 0:
            return None
        at = bisect_right(band.values, value)
        if at == 0 or (at == len(band.values) and value > band.values[-1]):
            edge = band.percentiles[0] if at == 0 else band.percentiles[-1]
            return NflPosition(None, edge, "<" if at == 0 else ">", ("age",), False, self.label, self.label)
        percentile = _between(band, min(at, len(band.values) - 1), log(value))
        return NflPosition(_NORMAL.inv_cdf(percentile / 100.0), percentile, "", ("age",), False, self.label, self.label)


def _between(band: _Band, at: int, log_value: float) -> float:
    low, high = log(band.values[at - 1]), log(band.values[at])
    share = (log_value - low) / (high - low)
    return band.percentiles[at - 1] + share * (band.percentiles[at] - band.percentiles[at - 1])


def load_percentile_table(path: Path) -> PercentileTable:
    """Read a centre's table: columns ``age_from``, ``age_below``, ``percentile`` and ``pg_ml``, one row a percentile.

    Raises FactsError naming file, row and column: values have to rise with the percentile, bands may not overlap.
    """
    cells: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for row in rule_files.rows(path):
        low, high, percentile, value = (
            row.number_in(column) for column in ("age_from", "age_below", "percentile", "pg_ml")
        )
        if low is None or high is None or percentile is None or value is None:
            raise row.fault("pg_ml", "and the three other columns are needed in every row")
        if not 0.0 < percentile < 100.0:
            raise row.fault("percentile", "has to lie between 0 and 100")
        if value <= 0.0:
            raise row.fault("pg_ml", "has to be above 0")
        cells.setdefault((low, high), []).append((percentile, value))
    bands = tuple(_band(path, ages, sorted(points)) for ages, points in sorted(cells.items()))
    if any(first.age_below > second.age_from for first, second in pairwise(bands)):
        raise FactsError(f"{path}: the age bands overlap")
    return PercentileTable(bands, f"percentile table {path.name}")


def _band(path: Path, ages: tuple[float, float], points: Sequence[tuple[float, float]]) -> _Band:
    percentiles, values = tuple(point[0] for point in points), tuple(point[1] for point in points)
    rising = all(first < second for first, second in pairwise(values))
    if len(points) < 2 or not rising or len(set(percentiles)) < len(percentiles):
        raise FactsError(f"{path}: ages {ages[0]:g} to {ages[1]:g} need two or more percentiles with rising values")
    return _Band(ages[0], ages[1], percentiles, values)


def surrogate() -> Surrogate:
    """The surrogate with the project's settings."""
    return Surrogate(lab_settings().nfl)


def default_reference() -> NflReference:
    """The centre's percentile table where ``CLAMS_NFL_TABLE`` names one, else the surrogate. Raises FactsError."""
    path = nfl_table()
    return surrogate() if path is None else _centre_table(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _centre_table(path: Path, modified: int) -> PercentileTable:
    return load_percentile_table(path)
