"""Settings of safety monitoring and of the PML risk (``data/rules/safety.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical import rule_files
from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError

SAFETY_FILE = RULES_DIR / "safety.toml"


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """How due dates become states; see the comments of the file."""

    region: str
    due_window_days: int
    alert_after_intervals: float
    early_share: float
    same_sample_days: int


@dataclass(frozen=True, slots=True)
class PmlSettings:
    """Limits of the PML rules; see the comments of the file."""

    high_risk_months: int
    high_risk_index: float
    extended_interval_weeks: float
    retest_at_or_below: float
    retest_days: int


@dataclass(frozen=True, slots=True)
class SafetySettings:
    """The file as read. ``childbearing_age``: years, both inclusive. ``merge_gap_days``: see the file."""

    monitoring: MonitoringSettings
    pml: PmlSettings
    childbearing_age: tuple[float, float]
    merge_gap_days: int


def load_settings(path: Path) -> SafetySettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = rule_files.settings(path)
    try:
        monitoring, pml = raw["monitoring"], raw["pml"]
        low, high = raw["person"]["childbearing_age"]
        return SafetySettings(
            monitoring=MonitoringSettings(
                region=str(monitoring["region"]),
                due_window_days=int(monitoring["due_window_days"]),
                alert_after_intervals=float(monitoring["alert_after_intervals"]),
                early_share=float(monitoring["early_share"]),
                same_sample_days=int(monitoring["same_sample_days"]),
            ),
            pml=PmlSettings(
                high_risk_months=int(pml["high_risk_months"]),
                high_risk_index=float(pml["high_risk_index"]),
                extended_interval_weeks=float(pml["extended_interval_weeks"]),
                retest_at_or_below=float(pml["retest_at_or_below"]),
                retest_days=int(pml["retest_days"]),
            ),
            childbearing_age=(float(low), float(high)),
            merge_gap_days=int(raw["person"]["merge_gap_days"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid file of safety settings ({error!r})") from error


@lru_cache(maxsize=1)
def safety_settings() -> SafetySettings:
    """The project's settings."""
    return load_settings(SAFETY_FILE)
