"""The choices behind the model, from ``data/rules/response.toml`` and ``data/rules/support.toml``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_toml

RESPONSE_RULES = FACTS_DIR / "rules" / "response.toml"
SUPPORT_RULES = FACTS_DIR / "rules" / "support.toml"


@dataclass(frozen=True, slots=True)
class Design:
    """Which decisions are learnt from and how outcomes are counted (days)."""

    horizon_days: int
    confirm_days: int
    confirm_until_days: int
    worsening_threshold: str
    reference_window_days: int
    restart_gap_days: int
    grace_before_start_days: int
    settle_after_start_days: int
    stay_spacing_days: int
    end_margin_days: int
    censoring_weight_limit: float

    @property
    def horizon_months(self) -> int:
        """The horizon in months."""
        return round(self.horizon_days / 30.4375)


@dataclass(frozen=True, slots=True)
class OffsetPriors:
    """Prior standard deviations of the linear part, on the logit scale; of ``feature_sd`` one is chosen."""

    feature_sd: tuple[float, ...]
    missing_sd: float
    tier_sd: float
    class_sd: float
    dmt_sd: float
    evidence_fallback_sd: float
    intercept_sd: float
    slope_sd: float


@dataclass(frozen=True, slots=True)
class Boosting:
    """Parameters of the trees and of the intervals."""

    max_depth: int
    eta: float
    min_child_weight: float
    reg_lambda: float
    subsample: float
    colsample_bytree: float
    max_bin: int
    max_rounds: int
    min_rounds: int
    patience: int
    folds: int
    bootstraps: int
    interval_width_factor: float
    interval_z: float


@dataclass(frozen=True, slots=True)
class Support:
    """Limits below which a prediction is withheld or an arm has no effect of its own."""

    minimum_similar: int
    neighbourhood_rows: int
    neighbourhood_share: float
    arm_minimum_people: int
    arm_minimum_events: int
    class_minimum_people: int
    class_minimum_events: int
    training_minimum_people: int
    training_minimum_events: int
    training_minimum_non_events: int
    key_features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResponseRules:
    """All of them."""

    design: Design
    offset: OffsetPriors
    boosting: Boosting
    support: Support


_Section = TypeVar("_Section", Design, OffsetPriors, Boosting, Support)
_KINDS: dict[str, type] = {"int": int, "float": float, "str": str}


def _section(kind: type[_Section], raw: dict[str, Any], path: Path) -> _Section:
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in raw:
            raise FactsError(f"{path}: {field.name} is missing")
        value = raw[field.name]
        if field.type == "float" and isinstance(value, int):
            value = float(value)
        if isinstance(value, list):
            value = tuple(float(item) if "float" in str(field.type) else str(item) for item in value)
        wanted = _KINDS.get(str(field.type), tuple)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise FactsError(f"{path}: {field.name} must be {wanted.__name__}, not {value!r}")
        values[field.name] = value
    return kind(**values)


def load_rules(response: Path, support: Path) -> ResponseRules:
    """Read both files. Raises FactsError naming the file and the entry at fault."""
    raw = read_toml(response)
    return ResponseRules(
        design=_section(Design, raw.get("design", {}), response),
        offset=_section(OffsetPriors, raw.get("offset", {}), response),
        boosting=_section(Boosting, raw.get("boosting", {}), response),
        support=_section(Support, read_toml(support), support),
    )


@lru_cache(maxsize=1)
def response_rules() -> ResponseRules:
    """The project's rules."""
    return load_rules(RESPONSE_RULES, SUPPORT_RULES)
