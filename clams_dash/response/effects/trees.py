"""Boosted trees on top of a given margin: how many rounds, out-of-fold margins under every arm, resampled fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xgboost as xgb

from clams_dash.response.effects.design import ArmDesign, Rows
from clams_dash.response.effects.links import Link
from clams_dash.response.settings import Learner
from clams_dash.response.timelines import Floats, Ints


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How trees grow. ``monotone``: 1, -1 or 0 by raw feature; ``rounds``: most of them, by cross-validation."""

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
    monotone: tuple[int, ...] = ()

    @classmethod
    def of(cls, rules: Learner, monotone: tuple[int, ...] = ()) -> TreeSettings:
        """As the rules say."""
        names = [name for name in cls.__dataclass_fields__ if name != "monotone"]
        return cls(**{name: getattr(rules, name) for name in names}, monotone=monotone)


@dataclass(frozen=True, slots=True)
class Grower:
    """Trees for one outcome. ``arms``: whether they are told of the arm; ``names`` of all columns."""

    settings: TreeSettings
    design: ArmDesign
    arms: bool
    link: Link
    seed: int
    names: tuple[str, ...]

    def rows(self, rows: Rows) -> Floats:
        """What the trees see (n, columns)."""
        if not self.arms:
            return rows.raw
        return np.column_stack([rows.raw, self.design.trees[rows.arm], self.design.pair[rows.context, rows.arm]])

    def parameters(self, seed: int) -> dict[str, object]:
        """XGBoost parameters; one thread, so that the same seed gives the same trees."""
        own = self.settings
        free = len(self.names) - len(own.monotone)
        constraints = {"monotone_constraints": f"({','.join(map(str, (*own.monotone, *[0] * free)))})"}
        return {
            "objective": self.link.objective,
            "tree_method": "hist",
            "max_depth": own.max_depth,
            "eta": own.eta,
            "min_child_weight": own.min_child_weight,
            "reg_lambda": own.reg_lambda,
            "subsample": own.subsample,
            "colsample_bytree": own.colsample_bytree,
            "max_bin": own.max_bin,
            "base_score": self.link.flat_score,
            "nthread": 1,
            "seed": seed,
            "verbosity": 0,
            **(constraints if any(own.monotone) else {}),
        }

    def data(self, rows: Floats, y: Floats, weights: Floats, margin: Floats) -> xgb.DMatrix:
        """Training data."""
        return xgb.DMatrix(rows, label=y, weight=weights, base_margin=margin, feature_names=list(self.names), nthread=1)

    def grow(self, data: xgb.DMatrix, rounds: int, seed: int) -> xgb.Booster:
        """A booster of that many rounds."""
        return xgb.train(self.parameters(seed), data, num_boost_round=rounds)


def added(booster: xgb.Booster, rows: Floats, rounds: int = 0) -> Floats:
    """What the trees add to the margin (n,)."""
    found = booster.inplace_predict(
        rows, predict_type="margin", validate_features=False, iteration_range=(0, rounds) if rounds else (0, 0)
    )
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Rounds of least cross-validated loss, and what trees without a row's fold add under every arm (n, K)."""

    rounds: int
    added: Floats


def out_of_fold(grower: Grower, rows: Rows, y: Floats, weights: Floats, margin: Floats, folds: Ints) -> OutOfFold:
    """Cross-validated trees on top of ``margin`` (n,)."""
    settings, seen = grower.settings, grower.rows(rows)
    parts = []
    for fold in np.unique(folds):
        out = np.flatnonzero(folds == fold)
        within = np.flatnonzero(folds != fold)
        data = grower.data(seen[within], y[within], weights[within], margin[within])
        test = xgb.DMatrix(seen[out], base_margin=margin[out], feature_names=list(grower.names), nthread=1)
        parts.append((out, xgb.Booster(grower.parameters(grower.seed), [data]), data, test))
    rounds = _rounds(settings, parts, y, weights, grower.link)
    return OutOfFold(rounds, _under_every_arm(grower, rows, [(out, booster) for out, booster, *_ in parts], rounds))


def _rounds(
    settings: TreeSettings,
    parts: Sequence[tuple[Ints, xgb.Booster, xgb.DMatrix, xgb.DMatrix]],
    y: Floats,
    weights: Floats,
    link: Link,
) -> int:
    linear = np.empty(len(y))
    best, least = settings.least_rounds, np.inf
    for done in range(settings.most_rounds):
        for out, booster, data, test in parts:
            booster.update(data, done)
            if done + 1 >= settings.least_rounds:
                linear[out] = booster.predict(test, output_margin=True)
        if done + 1 < settings.least_rounds:
            continue
        loss = link.loss(y, linear, weights)
        if loss < least:
            best, least = done + 1, loss
        elif done + 1 - best >= settings.patience:
            break
    return best


def _under_every_arm(grower: Grower, rows: Rows, parts: Sequence[tuple[Ints, xgb.Booster]], rounds: int) -> Floats:
    arms = grower.design.count
    found = np.empty((len(rows.arm), arms))
    for out, booster in parts:
        here = rows.take(out)
        if not grower.arms:
            found[out] = added(booster, grower.rows(here), rounds)[:, None]
            continue
        for arm in range(arms):
            found[out, arm] = added(booster, grower.rows(here.under(arm, grower.design)), rounds)
    return found
