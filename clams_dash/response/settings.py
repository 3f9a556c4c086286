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
    lesion_days: int
    rebaseline_days: int
    mri_coverage_share: float
    mri_grace_days: int

    @property
    def horizon_months(self) -> int:
        """The horizon in months."""
        return round(self.horizon_days / 30.4375)


@dataclass(frozen=True, slots=True)
class ArmPriors:
    """Prior standard deviations of the arms' deviations from the evidence, on the link, and what may modify effects.

    ``no_evidence_factor`` widens them for outcomes without published effects; ``modifiers`` are features.
    """

    tier_sd: float
    class_sd: float
    dmt_sd: float
    evidence_fallback_sd: float
    no_evidence_factor: float
    modifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learner:
    """Parameters of the learner: folds, draws, trees, and the widths of its intervals.

    ``spread_drawn`` and ``spread_mixed`` turn the spread of draws, and the disagreement of candidates, into errors.
    """

    folds: int
    draws: int
    resamples: int
    slope_sd: float
    max_depth: int
    eta: float
    min_child_weight: float
    reg_lambda: float
    subsample: float
    colsample_bytree: float
    max_bin: int
    most_rounds: int
    least_rounds: int
    patience: int
    spread_drawn: float
    spread_mixed: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviation, on the link, of what the features cannot tell: of a person, and of each arm in a person."""

    person: float
    arm: float


@dataclass(frozen=True, slots=True)
class Support:
    """Limits below which a prediction is withheld or an arm has no effect of its own."""

    minimum_similar: int
    minimum_propensity: float
    family_wise_level: float
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
    """All of them: ``decisions`` is the learner of the therapy-response models, ``learner`` that for any table."""

    design: Design
    arms: ArmPriors
    decisions: Learner
    learner: Learner
    spreads: dict[str, Spread]
    support: Support


_Section = TypeVar("_Section", Design, ArmPriors, Learner, Spread, Support)
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
        arms=_section(ArmPriors, raw.get("arms", {}), response),
        decisions=_section(Learner, raw.get("decisions", {}), response),
        learner=_section(Learner, raw.get("learner", {}), response),
        spreads={name: _section(Spread, found, response) for name, found in raw.get("spread", {}).items()},
        support=_section(Support, read_toml(support), support),
    )


@lru_cache(maxsize=1)
def response_rules() -> ResponseRules:
    """The project's rules."""
    return load_rules(RESPONSE_RULES, SUPPORT_RULES)
