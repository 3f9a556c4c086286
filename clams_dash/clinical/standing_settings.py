"""Settings of a person's place in the cohort (``data/rules/standing.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

STANDING_FILE = RULES_DIR / "standing.toml"


@dataclass(frozen=True, slots=True)
class SeveritySettings:
    """How severity scores are ranked; rows are the first and last of each score."""

    window_years: int
    least_people: int
    msss_rows: tuple[int, int]
    armss_rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class BandSettings:
    """Percentiles of a band, how wide a point of the axis reaches, and how many people it needs."""

    percentiles: tuple[float, ...]
    half_width_years: float
    least_people: int


@dataclass(frozen=True, slots=True)
class StandingSettings:
    """The file as read."""

    severity: SeveritySettings
    bands: BandSettings


def load_settings(path: Path) -> StandingSettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        severity, bands = raw["severity"], raw["bands"]
        percentiles = tuple(float(value) for value in bands["percentiles"])
        found = StandingSettings(
            severity=SeveritySettings(
                window_years=int(severity["window_years"]),
                least_people=int(severity["least_people"]),
                msss_rows=(int(severity["msss_rows"][0]), int(severity["msss_rows"][1])),
                armss_rows=(int(severity["armss_rows"][0]), int(severity["armss_rows"][1])),
            ),
            bands=BandSettings(
                percentiles=percentiles,
                half_width_years=float(bands["half_width_years"]),
                least_people=int(bands["least_people"]),
            ),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FactsError(f"{path}: not a valid file of standing settings ({error!r})") from error
    if list(percentiles) != sorted(percentiles) or not all(0 < value < 100 for value in percentiles):
        raise FactsError(f"{path}: the percentiles have to ascend between 0 and 100")
    return found


@lru_cache(maxsize=1)
def standing_settings() -> StandingSettings:
    """The project's settings."""
    return load_settings(STANDING_FILE)
