"""Published effects as the anchor of the arms, and the numbers by which arms enter the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.effects.design import ArmDesign
from clams_dash.response.evidence import MEASURES, logit_shift, published_effects
from clams_dash.response.settings import ArmPriors
from clams_dash.response.timelines import Floats, Ints

PAIR_COLUMNS: tuple[str, ...] = ("start", "stop", "keep", "switch within class", "switch up", "other switch")
_LEAST_SE = 1e-3


@dataclass(frozen=True, slots=True)
class Anchor:
    """Published effect of every arm as a shift of the logit against no treatment, with its standard error (arms,).

    Outcomes without published effects have a shift of zero, an infinite doubt (``se`` 0, ``basis`` none).
    """

    shift: Floats
    se: Floats
    basis: tuple[str, ...]
    untreated_risk: float

    @classmethod
    def of(cls, outcome: str, arms: Arms, untreated_risk: float, priors: ArmPriors) -> Anchor:
        """For an outcome at the untreated risk of the training decisions."""
        if outcome not in MEASURES:
            nothing = np.zeros(len(arms.names))
            return cls(nothing, nothing.copy(), ("none",) * len(arms.names), untreated_risk)
        effects = published_effects(outcome, priors.evidence_fallback_sd)
        shift, se = [], []
        for name in arms.names:
            effect = effects[name]
            low = logit_shift(outcome, effect.log_ratio - effect.se, untreated_risk)
            high = logit_shift(outcome, effect.log_ratio + effect.se, untreated_risk)
            shift.append(logit_shift(outcome, effect.log_ratio, untreated_risk))
            se.append((high - low) / 2)
        return cls(np.array(shift), np.array(se), tuple(effects[name].basis for name in arms.names), untreated_risk)

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return {
            "shift": self.shift.tolist(),
            "se": self.se.tolist(),
            "basis": list(self.basis),
            "untreated_risk": self.untreated_risk,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Anchor:
        """As written by :meth:`to_json`."""
        return cls(
            np.asarray(raw["shift"], dtype=np.float64),
            np.asarray(raw["se"], dtype=np.float64),
            tuple(str(one) for one in raw["basis"]),
            float(raw["untreated_risk"]),
        )


def arm_design(arms: Arms, anchor: Anchor, priors: ArmPriors, *, pinned: bool = False) -> ArmDesign:
    """How the arms enter: published effect, deviations of tier, class and DMT, and the evidence's own error.

    ``pinned`` holds every arm at its published effect (the comparator "baseline risk x network meta-analysis").
    """
    everyone = np.arange(len(arms.names), dtype=np.int64)
    main = main_rows(arms, everyone, ["dmt"] * len(everyone))
    evident = bool(np.any(anchor.se > 0))
    widen = 1.0 if evident else priors.no_evidence_factor
    of_groups = widen * arms.prior_sd(priors.tier_sd, priors.class_sd, priors.dmt_sd)
    sd = np.concatenate([of_groups, np.maximum(anchor.se, _LEAST_SE)])
    treated = np.array([name != UNTREATED for name in arms.names], dtype=np.float64)
    classes = [
        (np.asarray(arms.drug_classes, dtype=object) == name).astype(np.float64) for name in arms.modelled_classes
    ]
    high = np.array([tier == "high" for tier in arms.tiers], dtype=np.float64)
    block = np.concatenate([[0, 1], np.full(len(classes), 2)]).astype(np.int64)
    return ArmDesign(
        anchor=anchor.shift,
        main=main,
        main_sd=np.full(len(sd), _LEAST_SE) if pinned else sd,
        modifiers=np.column_stack([treated, high, *classes]),
        modifier_block=block,
        trees=np.column_stack([anchor.shift, np.nan_to_num(arms.ranks(everyone), nan=1.0), arms.encode(everyone)]),
        pair=np.zeros((len(everyone), len(everyone), 0)) if pinned else _pairs(arms),
    )


def main_rows(arms: Arms, codes: Ints, levels: list[str]) -> Floats:
    """Indicators of tier, class, DMT and of the arm's own evidence (n, q), coarser where ``levels`` says so."""
    own = np.eye(len(arms.names))[codes] * (np.asarray(levels, dtype=object) == "dmt")[:, None]
    return np.column_stack([arms.encode(codes, levels), own])


def _pairs(arms: Arms) -> Floats:
    """What a decision means for somebody on another therapy (present, arm, columns of ``PAIR_COLUMNS``)."""
    count, untreated = len(arms.names), arms.names.index(UNTREATED)
    rank = np.nan_to_num(arms.ranks(np.arange(count, dtype=np.int64)), nan=1.0)
    found = np.zeros((count, count, len(PAIR_COLUMNS)))
    for present in range(count):
        for arm in range(count):
            if present == arm == untreated:
                continue
            found[present, arm, _kind(arms, present, arm, untreated, rank)] = 1.0
    return found


def _kind(arms: Arms, present: int, arm: int, untreated: int, rank: Floats) -> int:
    if present == untreated:
        return 0
    if arm == untreated:
        return 1
    if arm == present:
        return 2
    if arms.drug_classes[arm] == arms.drug_classes[present]:
        return 3
    return 4 if rank[arm] > rank[present] else 5
