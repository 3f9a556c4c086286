"""The boosted part: shallow XGBoost trees on top of the linear part, their number chosen by grouped cross-validation.

The trees see the raw features with missing values as they are, the indicators of the arm, its published effect and its
tier; the linear part enters as ``base_margin``. One thread throughout, so that the same seed gives the same bytes.
"""

from __future__ import annotations

import numpy as np
import xgboost as xgb

from clams_dash.response.arms import Arms
from clams_dash.response.features import feature_names
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


def parameters(settings: Boosting, seed: int) -> dict[str, object]:
    """XGBoost parameters."""
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "eta": settings.eta,
        "min_child_weight": settings.min_child_weight,
        "reg_lambda": settings.reg_lambda,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "max_bin": settings.max_bin,
        "base_score": 0.5,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }


def fit_trees(
    rows: Floats,
    y: Floats,
    weights: Floats,
    margin: Floats,
    names: tuple[str, ...],
    rounds: int,
    settings: Boosting,
    seed: int,
) -> xgb.Booster:
    """A booster of that many rounds on top of ``margin``."""
    data = xgb.DMatrix(rows, label=y, weight=weights, base_margin=margin, feature_names=list(names), nthread=1)
    return xgb.train(parameters(settings, seed), data, num_boost_round=rounds)


def tree_margin(booster: xgb.Booster, rows: Floats, margin: Floats) -> Floats:
    """Logit of linear part and trees together (n,)."""
    predicted = booster.inplace_predict(rows, predict_type="margin", base_margin=margin, validate_features=False)
    return np.asarray(predicted, dtype=np.float64)


def best_rounds(
    rows: Floats,
    y: Floats,
    weights: Floats,
    margin: Floats,
    folds: Ints,
    names: tuple[str, ...],
    settings: Boosting,
    seed: int,
) -> int:
    """Number of rounds with the least cross-validated log-loss, between ``min_rounds`` and ``max_rounds``.

    Stops ``patience`` rounds after the best.
    """
    held = [folds == fold for fold in np.unique(folds)]
    trained = []
    for out in held:
        data = xgb.DMatrix(
            rows[~out],
            label=y[~out],
            weight=weights[~out],
            base_margin=margin[~out],
            feature_names=list(names),
            nthread=1,
        )
        trained.append(
            (
                xgb.Booster(parameters(settings, seed), [data]),
                data,
                xgb.DMatrix(rows[out], base_margin=margin[out], feature_names=list(names), nthread=1),
            )
        )
    risks = np.empty(len(y))
    best, best_loss = settings.min_rounds, np.inf
    for done in range(settings.max_rounds):
        for out, (booster, data, test) in zip(held, trained, strict=True):
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
