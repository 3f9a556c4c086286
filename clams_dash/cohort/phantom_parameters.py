"""Parameters of the phantom MRI, read from ``data/effects/phantom.toml`` and checked before any work is done."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError

PHANTOM_FILE = FACTS_DIR / "effects" / "phantom.toml"


@dataclass(frozen=True, slots=True)
class Studies:
    """How many studies of a person are imaged, and how far apart they are."""

    least: int
    most: int
    least_gap_days: int


@dataclass(frozen=True, slots=True)
class Lesions:
    """Where lesions lie, what they look like, and the most that a phantom brain has room for."""

    share_periventricular: float
    share_juxtacortical: float
    share_deep_white_matter: float
    share_infratentorial: float
    black_hole_share: float
    most_at_first: int
    most_volume_ml: float
    new_log_mean: float
    new_log_sd: float


@dataclass(frozen=True, slots=True)
class Scanner:
    """Noise and bias (shares of white matter's signal) by field strength; the scanner of a study made elsewhere."""

    noise_3t: float
    noise_15t: float
    bias_3t: float
    bias_15t: float
    slice_mm_2d: int
    elsewhere_share: float
    elsewhere_field_t: float
    elsewhere_vendor: str
    elsewhere_model: str
    elsewhere_protocol: str


@dataclass(frozen=True, slots=True)
class Atrophy:
    """How the ventricles follow the loss of brain volume."""

    ventricle_per_loss_mm: float
    ventricle_sd_mm: float
    youngest_ml: float


@dataclass(frozen=True, slots=True)
class Reports:
    """How often a report disagrees with the mask, and how often it is in German."""

    conflict_share: float
    german_share: float


@dataclass(frozen=True, slots=True)
class PhantomParameters:
    """All parameters, by section of the file."""

    studies: Studies
    lesions: Lesions
    scanner: Scanner
    atrophy: Atrophy
    reports: Reports


_SECTIONS: dict[str, type] = {
    "studies": Studies, "lesions": Lesions, "scanner": Scanner, "atrophy": Atrophy, "reports": Reports,
}  # fmt: skip
_BOUNDS: dict[str, tuple[float, float]] = {
    "least": (2, 20),
    "most": (2, 20),
    "least_gap_days": (1, 3650),
    "most_at_first": (1, 200),
    "most_volume_ml": (0.1, 60.0),
    "new_log_mean": (2.0, 8.0),
    "new_log_sd": (0.0, 2.0),
    "noise_3t": (0.0, 0.3),
    "noise_15t": (0.0, 0.3),
    "bias_3t": (0.0, 0.5),
    "bias_15t": (0.0, 0.5),
    "slice_mm_2d": (3, 3),
    "elsewhere_field_t": (0.05, 12.0),
    "ventricle_per_loss_mm": (0.0, 60.0),
    "ventricle_sd_mm": (0.0, 2.0),
    "youngest_ml": (1200.0, 1700.0),
}
"""inclusive; shares lie between 0 and 1"""


@lru_cache(maxsize=4)
def load_phantom_parameters(path: Path = PHANTOM_FILE) -> PhantomParameters:
    """Read and check the parameters. Raises FactsError naming file and key of what is missing or impossible."""
    try:
        with path.open("rb") as handle:
            tables = tomllib.load(handle)
    except OSError as error:
        raise FactsError(f"{path}: cannot be read ({error.strerror}); it belongs to the project's data") from error
    except tomllib.TOMLDecodeError as error:
        raise FactsError(f"{path}: not valid TOML ({error})") from error
    unknown = sorted(set(tables) - set(_SECTIONS))
    if unknown:
        raise FactsError(f"{path}: unknown section {unknown[0]!r}; known are {', '.join(_SECTIONS)}")
    parts = {name: _section(path, name, kind, tables.get(name, {})) for name, kind in _SECTIONS.items()}
    parameters = PhantomParameters(**parts)
    _check_together(path, parameters)
    return parameters


def _section(path: Path, section: str, kind: type, table: dict[str, Any]) -> Any:
    known = {field.name: str(field.type) for field in fields(kind)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise FactsError(f"{path}: unknown key {section}.{unknown[0]}; known are {', '.join(known)}")
    values = {}
    for name, of_type in known.items():
        entry = table.get(name)
        if not isinstance(entry, dict) or "value" not in entry or not entry.get("source"):
            raise FactsError(f"{path}: {section}.{name} is needed, with a value and a source")
        values[name] = _value(path, f"{section}.{name}", name, of_type, entry["value"])
    return kind(**values)


def _value(path: Path, key: str, name: str, of_type: str, value: object) -> object:
    if of_type == "str":
        if not isinstance(value, str) or not value:
            raise FactsError(f"{path}: {key} must be a text; {value!r} given")
        return value
    allowed = (int,) if of_type == "int" else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise FactsError(f"{path}: {key} must be a {'whole ' if of_type == 'int' else ''}number; {value!r} given")
    low, high = _BOUNDS.get(name, (0.0, 1.0))
    if not low <= value <= high:
        raise FactsError(f"{path}: {key} must lie between {low:g} and {high:g}; {value:g} given")
    return value


def _check_together(path: Path, parameters: PhantomParameters) -> None:
    if parameters.studies.least > parameters.studies.most:
        raise FactsError(f"{path}: studies.least must not be above studies.most")
    places = parameters.lesions
    total = sum(
        (
            places.share_periventricular,
            places.share_juxtacortical,
            places.share_deep_white_matter,
            places.share_infratentorial,
        )
    )
    if abs(total - 1.0) > 1e-6:
        raise FactsError(f"{path}: lesions.share_... must add up to 1; they add up to {total:g}")
