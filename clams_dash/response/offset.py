"""The linear part of the model: penalised logistic regression on the features, anchored to the published effects.

logit = intercept + features + published effect of the arm + learnt deviation of its tier, class and DMT.
The deviations have mean zero a priori, so an arm without data keeps its published effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clams_dash.response.arms import Arms
from clams_dash.response.evidence import logit_shift, published_effects
from clams_dash.response.features import features
from clams_dash.response.logistic import fit_logistic
from clams_dash.response.settings import OffsetPriors
from clams_dash.response.timelines import Bools, Floats, Ints

_CLIP = 4.0
_RARE = 0.02


@dataclass(frozen=True, slots=True)
class Preparation:
    """How raw features become columns of the linear part: transform, centre, scale, and indicators of absence.

    ``centre`` and ``scale`` (p,) after the transform; ``indicated`` (p,) marks features with an indicator column.
    """

    transforms: tuple[str, ...]
    centre: Floats
    scale: Floats
    indicated: Bools

    @classmethod
    def fit(cls, raw: Floats) -> Preparation:
        """From training features (n, p)."""
        transforms = tuple(feature.transform for feature in features())
        moved = _transformed(raw, transforms)
        present = ~np.isnan(moved)
        filled = np.where(present, moved, 0.0)
        count = np.maximum(present.sum(axis=0), 1)
        centre = filled.sum(axis=0) / count
        spread = np.sqrt(np.square(np.where(present, moved - centre, 0.0)).sum(axis=0) / count)
        absent = 1.0 - present.mean(axis=0)
        return cls(transforms, centre, np.where(spread > 1e-9, spread, 1.0), (absent > _RARE) & (absent < 1 - _RARE))

    def standardised(self, raw: Floats) -> Floats:
        """Features (n, p) centred and scaled, held within +-4; 0 where missing."""
        scaled = (_transformed(raw, self.transforms) - self.centre) / self.scale
        return np.nan_to_num(np.clip(scaled, -_CLIP, _CLIP), nan=0.0)

    def columns(self, raw: Floats) -> Floats:
        """Standardised features followed by the indicators of absence (n, p + number indicated)."""
        absent = np.isnan(_transformed(raw, self.transforms)[:, self.indicated])
        return np.column_stack([self.standardised(raw), absent.astype(np.float64)])

    def to_json(self) -> dict[str, list[float] | list[bool] | list[str]]:
        """All fields as lists."""
        return {
            "transforms": list(self.transforms),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "indicated": self.indicated.tolist(),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Preparation:
        """As written by :meth:`to_json`."""
        return cls(
            tuple(str(name) for name in raw["transforms"]),
            np.asarray(raw["centre"], dtype=np.float64),
            np.asarray(raw["scale"], dtype=np.float64),
            np.asarray(raw["indicated"], dtype=bool),
        )


def _transformed(raw: Floats, transforms: tuple[str, ...]) -> Floats:
    moved = raw.copy()
    for column, transform in enumerate(transforms):
        positive = np.maximum(raw[:, column], 0.0)
        if transform == "log1p":
            moved[:, column] = np.log1p(positive)
        elif transform == "recency":
            moved[:, column] = np.nan_to_num(1.0 / (1.0 + positive), nan=0.0)
    return moved


@dataclass(frozen=True, slots=True)
class Anchor:
    """Published effect of every arm as a shift of the logit against no treatment, with its standard error (arms,)."""

    shift: Floats
    se: Floats
    basis: tuple[str, ...]
    untreated_risk: float

    @classmethod
    def of(cls, outcome: str, arms: Arms, untreated_risk: float, priors: OffsetPriors) -> Anchor:
        """For an outcome at the untreated risk of the training decisions."""
        effects = published_effects(outcome, priors.evidence_fallback_sd)
        shift, se = [], []
        for name in arms.names:
            effect = effects[name]
            low = logit_shift(outcome, effect.log_ratio - effect.se, untreated_risk)
            high = logit_shift(outcome, effect.log_ratio + effect.se, untreated_risk)
            shift.append(logit_shift(outcome, effect.log_ratio, untreated_risk))
            se.append((high - low) / 2)
        return cls(np.array(shift), np.array(se), tuple(effects[name].basis for name in arms.names), untreated_risk)

    def drawn(self, random: np.random.Generator) -> Anchor:
        """With every shift moved by its own uncertainty."""
        return Anchor(
            self.shift + self.se * random.standard_normal(len(self.se)), self.se, self.basis, self.untreated_risk
        )


@dataclass(frozen=True, slots=True)
class Linear:
    """Fitted coefficients.

    ``of_columns`` goes with :meth:`Preparation.columns`, ``of_arms`` with :meth:`Arms.encode`; ``anchor`` (arms,) is
    the published shift of each arm it was fitted with.
    """

    intercept: float
    of_columns: Floats
    of_arms: Floats
    anchor: Floats

    def person_logit(self, columns: Floats) -> Floats:
        """The part that depends on the person (n,)."""
        return np.asarray(self.intercept + columns @ self.of_columns, dtype=np.float64)

    def arm_logit(self, arms: Ints, encoded: Floats) -> Floats:
        """The part that depends on the arm (n,)."""
        return np.asarray(self.anchor[arms] + encoded @ self.of_arms, dtype=np.float64)

    def logit(self, columns: Floats, arms: Ints, encoded: Floats) -> Floats:
        """Both together (n,)."""
        return self.person_logit(columns) + self.arm_logit(arms, encoded)

    def to_json(self) -> dict[str, float | list[float]]:
        """All fields as numbers and lists."""
        return {
            "intercept": self.intercept,
            "of_columns": self.of_columns.tolist(),
            "of_arms": self.of_arms.tolist(),
            "anchor": self.anchor.tolist(),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Linear:
        """As written by :meth:`to_json`."""
        return cls(
            float(raw["intercept"]),
            np.asarray(raw["of_columns"], dtype=np.float64),
            np.asarray(raw["of_arms"], dtype=np.float64),
            np.asarray(raw["anchor"], dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class Prior:
    """Of every coefficient (intercept, columns, arm columns): prior standard deviation, and agreed direction.

    ``direction`` is 1 or -1 where a coefficient may have that sign only, 0 where either will do.
    """

    sd: Floats
    direction: Floats

    @classmethod
    def of(cls, outcome: str, preparation: Preparation, arms: Arms, priors: OffsetPriors, feature_sd: float) -> Prior:
        """For an outcome; directions are those of the feature list and hold for relapse only."""
        indicators = int(preparation.indicated.sum())
        sd = np.concatenate(
            [
                [priors.intercept_sd],
                np.full(len(preparation.centre), feature_sd),
                np.full(indicators, min(priors.missing_sd, feature_sd)),
                arms.prior_sd(priors.tier_sd, priors.class_sd, priors.dmt_sd),
            ]
        )
        direction = np.zeros(len(sd))
        if outcome == "relapse":
            # Recency turns the scale round: the longer ago, the smaller.
            agreed = [f.relapse_direction * (-1 if f.transform == "recency" else 1) for f in features()]
            direction[1 : 1 + len(agreed)] = agreed
        return cls(sd, direction)


def fit_linear(
    columns: Floats,
    arms: Ints,
    encoded: Floats,
    y: Floats,
    weights: Floats,
    anchor: Anchor,
    prior: Prior,
    random: np.random.Generator | None = None,
) -> Linear:
    """Most probable coefficients; those against their agreed direction are held at zero.

    With ``random`` the prior means and the anchor are drawn from their priors first: over many draws and resamples
    the fits then spread as the posterior does, also where an arm has no data.
    """
    design = np.column_stack([np.ones(len(y)), columns, encoded])
    mean = np.zeros(design.shape[1])
    used = anchor
    if random is not None:
        used = anchor.drawn(random)
        mean = prior.sd * random.standard_normal(len(prior.sd))
        mean[0] = 0.0
    free = np.ones(len(mean), dtype=bool)
    fitted = np.zeros(len(mean))
    while True:
        fitted[free] = fit_logistic(design[:, free], y, weights, mean[free], prior.sd[free], offset=used.shift[arms])
        wrong = free & (fitted * prior.direction < 0)
        if not wrong.any():
            break
        free &= ~wrong
        fitted[wrong] = 0.0
    split = 1 + columns.shape[1]
    return Linear(float(fitted[0]), fitted[1:split], fitted[split:], used.shift)


def out_of_fold(
    columns: Floats, arms: Ints, encoded: Floats, y: Floats, weights: Floats, anchor: Anchor, prior: Prior, folds: Ints
) -> Floats:
    """Logit of every row (n,) by a fit without the row's fold."""
    margin = np.empty(len(y))
    for fold in np.unique(folds):
        out = folds == fold
        part = fit_linear(columns[~out], arms[~out], encoded[~out], y[~out], weights[~out], anchor, prior)
        margin[out] = part.logit(columns[out], arms[out], encoded[out])
    return margin
