"""Settings of safety monitoring and of the PML risk (``data/rules/safety.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

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
class EligibilitySettings:
    """Limits and words of the eligibility chips; see the comments of the file."""

    pregnancy_days: int
    wish_days: int
    vzv_immune_iu_l: float
    positive_index: float
    under_age: float
    over_age: float
    lymphocytes_low: tuple[float, float]
    cardiac_words: tuple[str, ...]
    varicella_words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SafetySettings:
    """The file as read. ``childbearing_age``: years, both inclusive. ``merge_gap_days``: see the file."""

    monitoring: MonitoringSettings
    pml: PmlSettings
    eligibility: EligibilitySettings
    childbearing_age: tuple[float, float]
    merge_gap_days: int


def load_settings(path: Path) -> SafetySettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        monitoring, pml, chips = raw["monitoring"], raw["pml"], raw["eligibility"]
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
            eligibility=EligibilitySettings(
                pregnancy_days=int(chips["pregnancy_days"]),
                wish_days=int(chips["wish_days"]),
                vzv_immune_iu_l=float(chips["vzv_immune_iu_l"]),
                positive_index=float(chips["positive_index"]),
                under_age=float(chips["under_age"]),
                over_age=float(chips["over_age"]),
                lymphocytes_low=(float(chips["lymphocytes_low"][0]), float(chips["lymphocytes_low"][1])),
                cardiac_words=tuple(chips["cardiac_words"]),
                varicella_words=tuple(chips["varicella_words"]),
            ),
            childbearing_age=(float(low), float(high)),
            merge_gap_days=int(raw["person"]["merge_gap_days"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FactsError(f"{path}: not a valid file of safety settings ({error!r})") from error


@lru_cache(maxsize=1)
def safety_settings() -> SafetySettings:
    """The project's settings."""
    return load_settings(SAFETY_FILE)
