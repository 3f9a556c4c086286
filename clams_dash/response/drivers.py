"""What speaks for an estimate: contributions to the link under one therapy, and to a contrast of two."""

from __future__ import annotations

import numpy as np
import xgboost as xgb

from clams_dash.response.arms import UNTREATED
from clams_dash.response.effects.core import FittedCandidate
from clams_dash.response.effects.design import ArmDesign, Rows
from clams_dash.response.features import feature_names
from clams_dash.response.learner import OutcomeModel
from clams_dash.response.prediction import Driver
from clams_dash.response.timelines import Floats

DRIVERS_SHOWN = 5
THERAPY = "therapy"


def contributions(model: OutcomeModel, rows: Rows) -> Floats:
    """Contribution of every feature, and last of the therapy itself, to the margin of each row (n, p + 1).

    A feature's interplay with the therapy counts for the feature. Their sum is the margin but for a constant.
    """
    total = np.zeros((len(rows.arm), len(feature_names()) + 1))
    for one in model.fitted.candidates:
        total += one.share * _of_candidate(one, model, rows)
    total[:, -1] += model.fitted.shift[rows.arm]
    return model.fitted.slope * total


def arm_drivers(model: OutcomeModel, rows: Rows) -> list[tuple[Driver, ...]]:
    """The largest contributions of each row."""
    total = contributions(model, rows)
    untreated = model.arms.names.index(UNTREATED)
    found = []
    for place, arm in enumerate(rows.arm.tolist()):
        every = _drivers(rows.raw[place], total[place])
        if arm != untreated:
            every.append(Driver(THERAPY, model.arms.names[arm], float(total[place, -1])))
        found.append(tuple(sorted(every, key=lambda driver: -abs(driver.contribution))[:DRIVERS_SHOWN]))
    return found


def contrast_drivers(model: OutcomeModel, rows: Rows, first: int, second: int) -> tuple[Driver, ...]:
    """What makes row ``first`` differ from row ``second`` of a person, largest first; associations, not causes."""
    total = contributions(model, rows)
    away = total[first] - total[second]
    every = _drivers(rows.raw[first], away)
    every.append(Driver(THERAPY, model.arms.names[int(rows.arm[first])], float(away[-1])))
    return tuple(sorted(every, key=lambda driver: -abs(driver.contribution))[:DRIVERS_SHOWN])


def _drivers(raw: Floats, total: Floats) -> list[Driver]:
    return [
        Driver(name, None if np.isnan(value) else float(value), float(share))
        for name, value, share in zip(feature_names(), raw, total, strict=False)
    ]


def _of_candidate(one: FittedCandidate, model: OutcomeModel, rows: Rows) -> Floats:
    design = model.fitted.design
    features = len(feature_names())
    total = np.zeros((len(rows.arm), features + 1))
    if one.linear is not None:
        owner = _owners(model, one, rows, design)
        terms = one.linear.layout.matrix(rows, design) * one.linear.mean
        for place, feature in enumerate(owner, start=1):
            total[:, feature] += terms[:, place]
        total[:, -1] += design.anchor[rows.arm]
    if one.trees is not None:
        grower = one.trees.grower
        data = xgb.DMatrix(grower.rows(rows), feature_names=list(grower.names), nthread=1)
        shares = np.asarray(one.trees.point.predict(data, pred_contribs=True), dtype=np.float64)
        total[:, :features] += shares[:, :features]
        total[:, -1] += shares[:, features:-1].sum(axis=1)
    return total


def _owners(model: OutcomeModel, one: FittedCandidate, rows: Rows, design: ArmDesign) -> list[int]:
    """For every column after the intercept, the feature (or the therapy, last) that its term counts for."""
    features = len(feature_names())
    columns = [*range(features), *np.flatnonzero(model.preparation.indicated).tolist()]
    arm_terms = rows.main.shape[1] + design.pair.shape[2]
    layout = one.linear.layout if one.linear is not None else None
    changed = [columns[place] for place in layout.modified] if layout is not None else []
    by_arm = changed * design.modifiers.shape[1] if changed else []

    return [*columns, *[features] * arm_terms, *by_arm]
