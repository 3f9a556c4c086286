"""Settings of the laboratory rules (``data/rules/labs.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

LABS_FILE = RULES_DIR / "labs.toml"


@dataclass(frozen=True, slots=True)
class NflSettings:
    """The sNfL surrogate; see the comments of the file."""

    level_at_25_pg_ml: float
    age_slope: float
    bmi_slope: float
    log_sd: float
    reference_bmi: float
    ages: tuple[float, float]
    bmi_range: tuple[float, float]
    bmi_most_days: int
    raised_z: float
    assay: str
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class TrendSettings:
    """When a trend is given, and which analytes are fitted on a logarithmic scale."""

    window_days: int
    least_results: int
    least_span_days: int
    confidence: float
    log_analytes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabSettings:
    """The file as read. ``valid_days``: by analyte, how long a result describes the present."""

    nfl: NflSettings
    trend: TrendSettings
    default_valid_days: int
    valid_days: dict[str, int]

    def valid_for(self, analyte: str) -> int:
        """Days for which a result of the analyte describes the present."""
        return self.valid_days.get(analyte, self.default_valid_days)


def load_settings(path: Path) -> LabSettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        nfl, trend, validity = raw["nfl"], raw["trend"], raw["validity"]
        days = {name: int(value) for name, value in validity.items() if name not in ("default", "source")}
        unknown = [name for name in (*days, *trend["log_analytes"]) if name not in catalogues.analytes()]
        if unknown:
            raise FactsError(f"{path}: not in the catalogue of analytes: {', '.join(unknown)}")
        return LabSettings(
            nfl=NflSettings(
                level_at_25_pg_ml=float(nfl["level_at_25_pg_ml"]),
                age_slope=float(nfl["age_slope"]),
                bmi_slope=float(nfl["bmi_slope"]),
                log_sd=float(nfl["log_sd"]),
                reference_bmi=float(nfl["reference_bmi"]),
                ages=(float(nfl["ages"][0]), float(nfl["ages"][1])),
                bmi_range=(float(nfl["bmi_range"][0]), float(nfl["bmi_range"][1])),
                bmi_most_days=int(nfl["bmi_most_days"]),
                raised_z=float(nfl["raised_z"]),
                assay=str(nfl["assay"]),
                label=str(nfl["label"]),
                source=str(nfl["source"]),
            ),
            trend=TrendSettings(
                window_days=int(trend["window_days"]),
                least_results=int(trend["least_results"]),
                least_span_days=int(trend["least_span_days"]),
                confidence=float(trend["confidence"]),
                log_analytes=tuple(trend["log_analytes"]),
            ),
            default_valid_days=int(validity["default"]),
            valid_days=days,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FactsError(f"{path}: not a valid file of laboratory settings ({error!r})") from error


@lru_cache(maxsize=1)
def lab_settings() -> LabSettings:
    """The project's settings."""
    return load_settings(LABS_FILE)
