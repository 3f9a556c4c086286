"""Predictions for one person on one day: risk per therapy, difference from staying, support, drivers, abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import xgboost as xgb

from clams_dash.model.catalogues import dmts
from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.boosting import tree_columns, tree_margin, tree_rows
from clams_dash.response.bundle import Bundle
from clams_dash.response.features import feature_names, features_at
from clams_dash.response.history import Look, present_therapy
from clams_dash.response.learner import Draw, OutcomeModel
from clams_dash.response.logistic import expit
from clams_dash.response.prediction import ArmPrediction, Driver, Prediction
from clams_dash.response.timelines import Floats, Frames, Ints, table

DRIVERS_SHOWN = 5
THERAPY = "therapy"


@dataclass(frozen=True, slots=True)
class _Basis:
    """What the estimate of each arm rests on: level, count of comparable people, whether enough, and words for it."""

    levels: list[str]
    counts: list[int]
    enough: list[bool]
    reasons: list[str | None]


def predict(bundle: Bundle, frames: Frames, patient_id: str, at: date) -> Prediction:
    """Predict from what was recorded of a person strictly before ``at``.

    ``frames`` may hold one person or many. A person of whom no visit or MRI lies before ``at`` gets no figures, only
    the reason.
    """
    index = pd.DataFrame({"patient_id": [patient_id], "index_date": [pd.Timestamp(at)]})
    look = Look.at(frames, index)
    raw = features_at(frames, index).to_numpy(dtype=np.float64)
    stay = str(present_therapy(look).dmt[0])
    outcomes: dict[str, tuple[ArmPrediction, ...]] = {}
    groups: dict[str, tuple[tuple[str, ...], ...]] = {}
    people = _comparable_people(bundle, raw)
    for name, model in bundle.outcomes.items():
        offered = model.arms.offered(stay)
        if look.known()[0] and stay in model.arms.names:
            outcomes[name], groups[name] = _predicted(bundle, model, raw, people, offered, stay)
        else:
            outcomes[name], groups[name] = _withheld(model, offered, at, stay), ()
    recorded = _therapy_recorded(frames, patient_id, at)
    if not recorded:
        outcomes = {name: tuple(_uncompared(arm) for arm in arms) for name, arms in outcomes.items()}
    return Prediction(
        patient=patient_id,
        at=at,
        horizon_months=bundle.horizon_months,
        model=bundle.version,
        synthetic=bool(bundle.provenance["synthetic"]),
        stay=stay,
        stay_recorded=recorded,
        outcomes=outcomes,
        not_told_apart=groups,
    )


def _therapy_recorded(frames: Frames, patient_id: str, at: date) -> bool:
    """Whether any course of therapy is on record before ``at``; without one "untreated" would be a guess."""
    courses = table(frames, "treatment", ("patient_id", "start_date"))
    mine = courses[courses["patient_id"] == patient_id]
    return bool((pd.to_datetime(mine["start_date"]) < pd.Timestamp(at)).any())


def _uncompared(arm: ArmPrediction) -> ArmPrediction:
    return replace(arm, difference_from_stay=None, diff_low=None, diff_high=None)


def _withheld(model: OutcomeModel, offered: Sequence[int], at: date, stay: str) -> tuple[ArmPrediction, ...]:
    reason = (
        f"no visit or MRI before {at.isoformat()}"
        if stay in model.arms.names
        else f"the present therapy {stay} is not one the model knows"
    )
    return tuple(_abstained(model.arms.names[arm], 0, None, reason) for arm in offered)


def _abstained(dmt: str, similar: int, propensity: float | None, reason: str | None) -> ArmPrediction:
    return ArmPrediction(dmt, None, None, None, None, None, None, similar, propensity, True, reason, ())


def _predicted(
    bundle: Bundle, model: OutcomeModel, raw: Floats, people: list[Ints], offered: Sequence[int], stay: str
) -> tuple[tuple[ArmPrediction, ...], tuple[tuple[str, ...], ...]]:
    arms = model.arms
    basis = _basis(bundle, model, people, offered)
    codes = np.array(offered, dtype=np.int64)
    encoded = arms.encode(codes, basis.levels)
    logits = _logits(model, model.point, raw, codes, encoded)
    draws = np.stack([_logits(model, draw, raw, codes, encoded) for draw in model.draws])
    reach = bundle.interval_z * bundle.interval_width_factor
    spread = reach * draws.std(axis=0, ddof=1)
    risk, low, high = expit(logits), expit(logits - spread), expit(logits + spread)
    propensity = bundle.propensity.of(_propensity_columns(bundle, raw))
    at = offered.index(arms.names.index(stay))
    difference = risk - risk[at]
    margin = reach * (expit(draws) - expit(draws[:, [at]])).std(axis=0, ddof=1)
    drivers = _drivers(model, raw, codes, encoded)
    shown = []
    for position, arm in enumerate(offered):
        chance = propensity.get(arms.drug_classes[arm], 0.0)
        if not basis.enough[position]:
            shown.append(_abstained(arms.names[arm], basis.counts[position], chance, basis.reasons[position]))
            continue
        against = basis.enough[at]
        shown.append(
            ArmPrediction(
                dmt=arms.names[arm],
                risk=float(risk[position]),
                low=float(low[position]),
                high=float(high[position]),
                difference_from_stay=float(difference[position]) if against else None,
                diff_low=float(max(difference[position] - margin[position], -1.0)) if against else None,
                diff_high=float(min(difference[position] + margin[position], 1.0)) if against else None,
                n_similar=basis.counts[position],
                propensity=chance,
                abstained=False,
                reason=basis.reasons[position],
                drivers=drivers[position],
            )
        )
    kept = [position for position in range(len(offered)) if basis.enough[position]]
    return tuple(shown), _not_told_apart([arms.names[arm] for arm in offered], kept, risk, expit(draws), reach)


def _propensity_columns(bundle: Bundle, raw: Floats) -> Floats:
    return np.asarray(bundle.outcomes["relapse"].preparation.columns(raw)[0], dtype=np.float64)


def _comparable_people(bundle: Bundle, raw: Floats) -> list[Ints]:
    """People on each arm among the training decisions nearest to this person's, as codes."""
    support, model = bundle.support, bundle.outcomes["relapse"]
    point = model.preparation.standardised(raw)[0, bundle.key_features]
    nearest = max(support.neighbourhood_rows, round(support.neighbourhood_share * len(bundle.neighbours.arm)))
    return bundle.neighbours.people_by_arm(point, nearest, len(model.arms.names))


def _basis(bundle: Bundle, model: OutcomeModel, people: list[Ints], offered: Sequence[int]) -> _Basis:
    """Own estimate with enough comparable people and an effect of its own; else the class's; else none."""
    arms, support = model.arms, bundle.support
    basis = _Basis([], [], [], [])
    for arm in offered:
        own, level = len(people[arm]), arms.level_of(arm)
        together = _together(arms, arm, people)
        if level == "dmt" and own >= support.minimum_similar:
            _note(basis, "dmt", own, None)
        elif together >= support.minimum_similar:
            coarser = "class" if arms.drug_classes[arm] in arms.modelled_classes else "tier"
            _note(basis, coarser, together, _words(arms, arm, coarser, own, together))
        else:
            group = f" ({together} on the class)" if together > own else ""
            reason = f"{own} comparable people on it{group}; at least {support.minimum_similar} are needed"
            _note(basis, arms.level_of(arm), together, reason, enough=False)
    return basis


def _note(basis: _Basis, level: str, count: int, reason: str | None, *, enough: bool = True) -> None:
    basis.levels.append(level)
    basis.counts.append(count)
    basis.enough.append(enough)
    basis.reasons.append(reason)


def _together(arms: Arms, arm: int, people: list[Ints]) -> int:
    """Comparable people on any drug of the arm's class, each counted once."""
    if arms.names[arm] == UNTREATED:
        return len(people[arm])
    same = [people[other] for other, name in enumerate(arms.drug_classes) if name == arms.drug_classes[arm]]
    return len(np.unique(np.concatenate(same)))


def _words(arms: Arms, arm: int, level: str, own: int, together: int) -> str:
    label = dmts()[arms.names[arm]].label
    drug_class = arms.drug_classes[arm].replace("_", " ")
    if level == "class":
        return f"estimate for the class {drug_class} (n={together}); too few on {label} itself (n={own})"
    tier = arms.tiers[arm].replace("_", " ")
    return f"estimate for the tier {tier}; too few in training on the class {drug_class} (n={together} comparable)"


def _logits(model: OutcomeModel, draw: Draw, raw: Floats, codes: Ints, encoded: Floats) -> Floats:
    """Recalibrated logits of one person (1, p) under each arm (k,)."""
    columns = np.repeat(model.preparation.columns(raw), len(codes), axis=0)
    margin = draw.linear.logit(columns, codes, encoded)
    if model.boosted:
        rows = tree_rows(np.repeat(raw, len(codes), axis=0), codes, model.arms, model.anchor.shift, encoded)
        margin = tree_margin(draw.trees, rows, margin)
    return np.asarray(model.intercept + model.slope * margin, dtype=np.float64)


def _drivers(model: OutcomeModel, raw: Floats, codes: Ints, encoded: Floats) -> list[tuple[Driver, ...]]:
    """Largest contributions to each arm's logit: linear terms and trees together, the arm's own terms as one."""
    names = feature_names()
    linear = model.point.linear
    columns = model.preparation.columns(raw)[0] * linear.of_columns
    by_feature = columns[: len(names)].copy()
    by_feature[np.flatnonzero(model.preparation.indicated)] += columns[len(names) :]
    total = np.tile(by_feature, (len(codes), 1))
    therapy = linear.arm_logit(codes, encoded)
    if model.boosted:
        rows = tree_rows(np.repeat(raw, len(codes), axis=0), codes, model.arms, model.anchor.shift, encoded)
        data = xgb.DMatrix(rows, feature_names=list(tree_columns(model.arms)), nthread=1)
        shares = np.asarray(model.point.trees.predict(data, pred_contribs=True), dtype=np.float64)
        total += shares[:, : len(names)]
        therapy = therapy + shares[:, len(names) : -1].sum(axis=1)
    return [
        _largest(model, raw[0], total[position] * model.slope, float(therapy[position]) * model.slope, int(arm))
        for position, arm in enumerate(codes)
    ]


def _largest(model: OutcomeModel, raw: Floats, by_feature: Floats, therapy: float, arm: int) -> tuple[Driver, ...]:
    found = [
        Driver(name, None if np.isnan(value) else float(value), float(share))
        for name, value, share in zip(feature_names(), raw, by_feature, strict=True)
    ]
    if arm != model.arms.names.index(UNTREATED):
        found.append(Driver(THERAPY, model.arms.names[arm], therapy))
    return tuple(sorted(found, key=lambda driver: -abs(driver.contribution))[:DRIVERS_SHOWN])


def _not_told_apart(
    names: Sequence[str], kept: Sequence[int], risk: Floats, draws: Floats, reach: float
) -> tuple[tuple[str, ...], ...]:
    """Longest runs in order of risk within which every pairwise difference has an interval holding 0."""
    order = sorted(kept, key=lambda position: (risk[position], names[position]))
    alike = np.ones((len(order), len(order)), dtype=bool)
    for one, first in enumerate(order):
        for two, second in enumerate(order):
            margin = reach * (draws[:, first] - draws[:, second]).std(ddof=1)
            alike[one, two] = abs(risk[first] - risk[second]) <= margin
    groups: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and alike[start : end + 1, end].all():
            end += 1
        if end - start > 1 and end > reached:
            groups.append(tuple(names[position] for position in order[start:end]))
            reached = end
    return tuple(groups)
