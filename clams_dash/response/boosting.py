"""The boosted part: shallow XGBoost trees on top of the linear part, their number chosen by grouped cross-validation.

The trees see the raw features with missing values as they are, the indicators of the arm, its published effect and its
tier; the linear part enters as ``base_margin``. One thread throughout, so that the same seed gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xgboost as xgb

from clams_dash.response.arms import Arms
from clams_dash.response.features import feature_names, features
from clams_dash.response.logistic import expit
from clams_dash.response.scores import log_loss
from clams_dash.response.settings import Boosting
from clams_dash.response.timelines import Floats, Ints

ARM_COLUMNS = ("arm_published_effect", "arm_tier_rank")


def tree_columns(arms: Arms) -> tuple[str, ...]:
    """Names of the columns of :func:`tree_rows`. XGBoost allows no brackets or '<' in names; none occur here."""
    return (*feature_names(), *ARM_COLUMNS, *arms.columns)


def tree_rows(raw: Floats, arm: Ints, arms: Arms, published: Floats, encoded: Floats) -> Floats:
    """What the trees see: raw features (n, p), then the arm's published effect, tier rank and indicators."""
    return np.column_stack([raw, published[arm], arms.ranks(arm), encoded])


@dataclass(frozen=True, slots=True)
class TreePlan:
    """How trees are grown: their columns, monotone constraints (one per column), settings and seed."""

    columns: tuple[str, ...]
    monotone: tuple[int, ...]
    settings: Boosting
    seed: int

    @classmethod
    def of(cls, outcome: str, arms: Arms, settings: Boosting, seed: int) -> TreePlan:
        """For an outcome: the directions agreed clinically hold for relapse only."""
        agreed = [feature.relapse_direction if outcome == "relapse" else 0 for feature in features()]
        free = [0] * (len(ARM_COLUMNS) + len(arms.columns))
        return cls(tree_columns(arms), (*agreed, *free), settings, seed)

    def parameters(self) -> dict[str, object]:
        """XGBoost parameters."""
        return {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": self.settings.max_depth,
            "eta": self.settings.eta,
            "min_child_weight": self.settings.min_child_weight,
            "reg_lambda": self.settings.reg_lambda,
            "subsample": self.settings.subsample,
            "colsample_bytree": self.settings.colsample_bytree,
            "max_bin": self.settings.max_bin,
            "monotone_constraints": f"({','.join(map(str, self.monotone))})",
            "base_score": 0.5,
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }

    def matrix(
        self, rows: Floats, margin: Floats, y: Floats | None = None, weights: Floats | None = None
    ) -> xgb.DMatrix:
        """Rows (n, columns) with their margins (n,), and outcome and weights for training."""
        names = list(self.columns)
        return xgb.DMatrix(rows, label=y, weight=weights, base_margin=margin, feature_names=names, nthread=1)


def fit_trees(plan: TreePlan, rows: Floats, y: Floats, weights: Floats, margin: Floats, rounds: int) -> xgb.Booster:
    """A booster of that many rounds on top of ``margin``."""
    return xgb.train(plan.parameters(), plan.matrix(rows, margin, y, weights), num_boost_round=rounds)


def tree_margin(booster: xgb.Booster, rows: Floats, margin: Floats) -> Floats:
    """Logit of linear part and trees together (n,).

    The margin is added here: base_score 0.5 is a logit of 0, and handing it to XGBoost costs more than the trees.
    """
    trees = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
    return margin + np.asarray(trees, dtype=np.float64)


def best_rounds(plan: TreePlan, rows: Floats, y: Floats, weights: Floats, margin: Floats, folds: Ints) -> int:
    """Number of rounds with the least cross-validated log-loss, between ``min_rounds`` and ``max_rounds``.

    Stops ``patience`` rounds after the best.
    """
    settings = plan.settings
    parts = []
    for fold in np.unique(folds):
        out = folds == fold
        data = plan.matrix(rows[~out], margin[~out], y[~out], weights[~out])
        parts.append((out, xgb.Booster(plan.parameters(), [data]), data, plan.matrix(rows[out], margin[out])))
    risks = np.empty(len(y))
    best, best_loss = settings.min_rounds, np.inf
    for done in range(settings.max_rounds):
        for out, booster, data, test in parts:
            booster.update(data, done)
            risks[out] = expit(np.asarray(booster.predict(test, output_margin=True), dtype=np.float64))
        if done + 1 < settings.min_rounds:
            continue
        loss = log_loss(y, risks, weights)
        if loss < best_loss:
            best, best_loss = done + 1, loss
        elif done + 1 - best >= settings.patience:
            break
    return best
