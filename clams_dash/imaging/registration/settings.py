"""Settings of the registration (``data/rules/registration.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

REGISTRATION_FILE = FACTS_DIR / "rules" / "registration.toml"


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the search; lengths in mm, ``samples`` 0 = every voxel of the brain."""

    spacing_mm: float
    samples: int
    bins: int
    steps: int
    first_step: float
    last_step: float


@dataclass(frozen=True, slots=True)
class Coarse:
    """The first, wide search from many starts; ``kept`` of them go on."""

    spacing_mm: float
    rotations_deg: float
    kept: int
    least_overlap: float


@dataclass(frozen=True, slots=True)
class GradeLimits:
    """What a registration must reach to pass, and to be doubtful instead of failed."""

    pass_error_mm: float
    doubtful_error_mm: float
    pass_overlap: float
    doubtful_overlap: float
    pass_metric: float


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """The file as read."""

    seed: int
    dilate_mm: int
    foreground_share: float
    clip_percentiles: tuple[float, float]
    coarse: Coarse
    levels: tuple[Level, ...]
    grade: GradeLimits


def load_settings(path: Path) -> RegistrationSettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        low, high = (float(value) for value in raw["intensity"]["clip_percentiles"])
        return RegistrationSettings(
            seed=int(raw["seed"]),
            dilate_mm=int(raw["brain"]["dilate_mm"]),
            foreground_share=float(raw["intensity"]["foreground_share"]),
            clip_percentiles=(low, high),
            coarse=Coarse(**_without_source(raw["coarse"])),
            levels=tuple(Level(**level) for level in raw["level"]),
            grade=GradeLimits(**_without_source(raw["grade"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid file of registration settings ({error!r})") from error


def _without_source(section: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if name != "source"}


@lru_cache(maxsize=1)
def registration_settings() -> RegistrationSettings:
    """The project's settings."""
    return load_settings(REGISTRATION_FILE)
