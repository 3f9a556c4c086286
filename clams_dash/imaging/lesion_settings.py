"""Thresholds of the lesion comparison (``data/rules/lesions.toml``; every section there names its source)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

LESIONS_FILE = FACTS_DIR / "rules" / "lesions.toml"
Section = TypeVar("Section")


@dataclass(frozen=True, slots=True)
class MatchingSettings:
    """When components of two masks are one lesion."""

    overlap_share: float
    most_registration_mm: float
    least_voxel_mm: float
    least_registration_mm: float


@dataclass(frozen=True, slots=True)
class PairSettings:
    """When two masks are not compared."""

    thickness_ratio: float


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """When a lesion enlarges; shrinking is the mirror."""

    percent_per_year: float
    least_interval_days: int

    @property
    def yearly_factor(self) -> float:
        """Factor of the volume in a year from which a lesion enlarges."""
        return 1.0 + self.percent_per_year / 100.0


@dataclass(frozen=True, slots=True)
class ReliabilitySettings:
    """How the error of a volume is worked out and graded."""

    thresholds: tuple[float, float]
    boundary_share: float
    placements: int
    good_percent: float
    fair_percent: float


@dataclass(frozen=True, slots=True)
class CountSettings:
    """How a count is graded by the spread of its repetitions."""

    high_spread: int
    moderate_spread: int


@dataclass(frozen=True, slots=True)
class T1Settings:
    """Levels on T1 that make a black hole or an enhancing lesion."""

    black_hole_below: float
    around_mm: tuple[float, float]
    least_mm3: float
    enhancing_rise: float


@dataclass(frozen=True, slots=True)
class BrainVolumeSettings:
    """Error band of a brain volume change and the least interval."""

    error_percent: float
    least_interval_days: int


@dataclass(frozen=True, slots=True)
class LesionSettings:
    """The file as read."""

    matching: MatchingSettings
    pair: PairSettings
    change: ChangeSettings
    reliability: ReliabilitySettings
    counts: CountSettings
    t1: T1Settings
    brain_volume: BrainVolumeSettings


def load_settings(path: Path) -> LesionSettings:
    """Read the settings. Raises FactsError naming file, section and key at fault."""
    document = catalogues.read_toml(path)
    return LesionSettings(
        matching=_section(path, document, "matching", MatchingSettings),
        pair=_section(path, document, "pair", PairSettings),
        change=_section(path, document, "change", ChangeSettings),
        reliability=_section(path, document, "reliability", ReliabilitySettings),
        counts=_section(path, document, "counts", CountSettings),
        t1=_section(path, document, "t1", T1Settings),
        brain_volume=_section(path, document, "brain_volume", BrainVolumeSettings),
    )


def _section(path: Path, document: dict[str, Any], name: str, kind: type[Section]) -> Section:
    entries = dict(document.get(name, {}))
    if not str(entries.pop("source", "")).strip():
        raise FactsError(f"{path}: [{name}] has no source; every section names where its numbers come from")
    known = {item.name: str(item.type) for item in fields(kind)}  # type: ignore[arg-type]
    for key in [*entries, *known]:
        if key not in known or key not in entries:
            raise FactsError(f"{path}: [{name}] {key} is {'missing' if key in known else 'unknown'}")
    return kind(**{key: _value(f"{path}: [{name}] {key}", entries[key], known[key]) for key in known})


def _value(where: str, value: Any, kind: str) -> Any:
    if kind.startswith("tuple"):
        if not isinstance(value, list) or len(value) != 2:
            raise FactsError(f"{where} must be two numbers")
        low, high = (_value(where, one, "float") for one in value)
        if low >= high:
            raise FactsError(f"{where}: {low} must lie below {high}")
        return low, high
    fits = isinstance(value, int if kind == "int" else int | float) and not isinstance(value, bool)
    if not fits or value < 0:
        raise FactsError(f"{where} = {value!r} must be a {'whole ' if kind == 'int' else ''}number of at least 0")
    return int(value) if kind == "int" else float(value)


@lru_cache(maxsize=1)
def lesion_settings() -> LesionSettings:
    """The project's settings."""
    return load_settings(LESIONS_FILE)
