"""One outcome's model: linear part anchored to evidence, boosted trees on top, recalibration, bootstrap resamples.

Everything that is estimated is estimated without the people it is judged on: folds and resamples keep a person's
decisions together. Whether the trees are used is decided by cross-validated log-loss against the linear part alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from clams_dash.errors import FactsError
from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.boosting import TreePlan, best_rounds, fit_trees, tree_margin, tree_rows
from clams_dash.response.logistic import expit, logit
from clams_dash.response.offset import Anchor, Linear, Preparation, Prior, fit_linear, out_of_fold
from clams_dash.response.scores import calibration_line, log_loss, merit, observed_expected, recalibrated
from clams_dash.response.settings import ResponseRules
from clams_dash.response.timelines import Floats, Ints

Progress = Callable[[str, float], None]
_UNTREATED_MINIMUM = 50


@dataclass(frozen=True, slots=True)
class Rows:
    """Training decisions of one outcome: raw features (n, p), arm codes, outcome, weights and person codes (n,)."""

    raw: Floats
    arm: Ints
    y: Floats
    weights: Floats
    person: Ints

    def take(self, positions: Ints) -> Rows:
        """The rows at these positions (also repeated ones)."""
        return Rows(
            self.raw[positions], self.arm[positions], self.y[positions], self.weights[positions], self.person[positions]
        )


@dataclass(frozen=True, slots=True)
class Draw:
    """One fit of linear part and trees."""

    linear: Linear
    trees: xgb.Booster


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """What predicts one outcome. ``draws`` are bootstrap refits; ``boosted`` says whether the trees are used."""

    outcome: str
    arms: Arms
    preparation: Preparation
    anchor: Anchor
    point: Draw
    draws: tuple[Draw, ...]
    boosted: bool
    intercept: float
    slope: float


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt: the outcome, the arms with their levels, the rules, and the seed."""

    outcome: str
    arms: Arms
    rules: ResponseRules
    seed: int

    def plan(self, seed: int) -> TreePlan:
        """How its trees are grown."""
        return TreePlan.of(self.outcome, self.arms, self.rules.boosting, seed)

    def random(self, *stream: int) -> np.random.Generator:
        """A random stream of its own for every outcome and purpose."""
        return np.random.default_rng([self.seed, *stream, *self.outcome.encode()])


@dataclass(frozen=True, slots=True)
class _Fit:
    preparation: Preparation
    anchor: Anchor
    prior: Prior
    linear: Linear
    rounds: int
    trees: xgb.Booster
    trees_alone: xgb.Booster | None


def person_folds(person: Ints, count: int, random: np.random.Generator) -> Ints:
    """Fold of every row, a person's rows together, folds of about equal size."""
    people, inverse = np.unique(person, return_inverse=True)
    fold_of = np.arange(len(people)) % count
    return np.asarray(random.permutation(fold_of)[inverse], dtype=np.int64)


def fit_outcome(task: Task, rows: Rows, progress: Progress | None = None) -> tuple[OutcomeModel, dict[str, Any]]:
    """Fit one outcome and judge it by nested cross-validation.

    Returns the model and its figures: log-loss, discrimination and calibration of a constant, of the linear part with
    the published effects, of XGBoost alone, and of both together, all on people left out of every fit.
    """
    tell = progress or (lambda text, share: None)
    priors, resamples = task.rules.offset, task.rules.boosting.bootstraps
    tell(f"{task.outcome}: cross-validation", 0.0)
    risks, folds, rounds = _cross_validated(task, rows, tell)
    figures = {name: merit(rows.y, risk, rows.weights) for name, risk in risks.items()}
    boosted = figures["boosted"]["log_loss"] < figures["offset"]["log_loss"]
    chosen = risks["boosted" if boosted else "offset"]
    intercept, slope = calibration_line(rows.y, chosen, rows.weights, priors.slope_sd)
    final_risks = _cross_recalibrated(chosen, rows, folds, priors.slope_sd)
    figures["model"] = merit(rows.y, final_risks, rows.weights)
    tell(f"{task.outcome}: final fit", 0.55)
    fit = _fit(task, rows, task.random(1), task.seed, alone=False)
    draws = []
    for number in range(resamples):
        tell(f"{task.outcome}: resample {number + 1} of {resamples}", 0.6 + 0.4 * number / resamples)
        draws.append(_resampled(task, fit, rows, task.random(2, number)))
    point = Draw(fit.linear, fit.trees)
    model = OutcomeModel(
        task.outcome, task.arms, fit.preparation, fit.anchor, point, tuple(draws), boosted, intercept, slope
    )
    gain = figures["offset"]["log_loss"] - figures["boosted"]["log_loss"]
    return model, {
        "decisions": len(rows.y),
        "people": len(np.unique(rows.person)),
        "events": int(rows.y.sum()),
        "risk": round(float(np.average(rows.y, weights=rows.weights)), 4),
        "cross_validated": figures,
        "xgboost_gain_log_loss": round(gain, 5),
        "xgboost_used": boosted,
        "decision": (
            "the trees lower the cross-validated log-loss and are used"
            if boosted
            else "the trees do not lower the cross-validated log-loss: predictions come from the linear part alone"
        ),
        "rounds": fit.rounds,
        "rounds_in_folds": rounds,
        "recalibration": {"intercept": round(intercept, 4), "slope": round(slope, 4)},
        "untreated_risk_of_anchor": round(fit.anchor.untreated_risk, 4),
        "by_class": _by_class(rows, task.arms, final_risks),
    }


def _untreated_risk(rows: Rows, arms: Arms) -> float:
    untreated = rows.arm == arms.names.index(UNTREATED)
    chosen = untreated if untreated.sum() >= _UNTREATED_MINIMUM else np.ones(len(rows.y), dtype=bool)
    return float(np.clip(np.average(rows.y[chosen], weights=rows.weights[chosen]), 0.02, 0.9))


def _flat_margin(rows: Rows, count: int) -> Floats:
    """The same logit for everybody: that of the overall risk."""
    return np.full(count, float(logit(np.average(rows.y, weights=rows.weights))))


def _fit(task: Task, rows: Rows, random: np.random.Generator, seed: int, *, alone: bool) -> _Fit:
    """Linear part, its out-of-fold margins, the number of rounds, and the trees on those margins."""
    preparation = Preparation.fit(rows.raw)
    anchor = Anchor.of(task.outcome, task.arms, _untreated_risk(rows, task.arms), task.rules.offset)
    columns, encoded = preparation.columns(rows.raw), task.arms.encode(rows.arm)
    folds = person_folds(rows.person, task.rules.boosting.folds, random)
    prior, margin = _anchored_margins(task, rows, columns, encoded, preparation, anchor, folds)
    seen = tree_rows(rows.raw, rows.arm, task.arms, anchor.shift, encoded)
    plan = task.plan(seed)

    def grown(on: Floats) -> tuple[int, xgb.Booster]:
        count = best_rounds(plan, seen, rows.y, rows.weights, on, folds)
        return count, fit_trees(plan, seen, rows.y, rows.weights, on, count)

    rounds, trees = grown(margin)
    linear = fit_linear(columns, rows.arm, encoded, rows.y, rows.weights, anchor, prior)
    without = grown(_flat_margin(rows, len(rows.y)))[1] if alone else None
    return _Fit(preparation, anchor, prior, linear, rounds, trees, without)


def _anchored_margins(
    task: Task, rows: Rows, columns: Floats, encoded: Floats, preparation: Preparation, anchor: Anchor, folds: Ints
) -> tuple[Prior, Floats]:
    """Prior with the feature strength of least cross-validated log-loss, and its out-of-fold margins."""
    best: tuple[float, Prior, Floats] | None = None
    for feature_sd in task.rules.offset.feature_sd:
        prior = Prior.of(task.outcome, preparation, task.arms, task.rules.offset, feature_sd)
        margin = out_of_fold(columns, rows.arm, encoded, rows.y, rows.weights, anchor, prior, folds)
        loss = log_loss(rows.y, expit(margin), rows.weights)
        if best is None or loss < best[0]:
            best = (loss, prior, margin)
    if best is None:
        raise FactsError("response.toml: feature_sd must list at least one value")
    return best[1], best[2]


def _cross_validated(task: Task, rows: Rows, tell: Progress) -> tuple[dict[str, Floats], Ints, list[int]]:
    """Risks of people left out, by constant, linear part, XGBoost alone and both; the folds; the rounds chosen."""
    count = task.rules.boosting.folds
    random = task.random(0)
    folds = person_folds(rows.person, count, random)
    risks = {name: np.empty(len(rows.y)) for name in ("constant", "offset", "xgboost_alone", "boosted")}
    rounds = []
    for fold in range(count):
        out = folds == fold
        inside, test = rows.take(np.flatnonzero(~out)), rows.take(np.flatnonzero(out))
        fit = _fit(task, inside, random, fold, alone=True)
        encoded = task.arms.encode(test.arm)
        margin = fit.linear.logit(fit.preparation.columns(test.raw), test.arm, encoded)
        seen = tree_rows(test.raw, test.arm, task.arms, fit.anchor.shift, encoded)
        flat = _flat_margin(inside, len(margin))
        risks["constant"][out] = expit(flat)
        risks["offset"][out] = expit(margin)
        risks["boosted"][out] = expit(tree_margin(fit.trees, seen, margin))
        if fit.trees_alone is not None:
            risks["xgboost_alone"][out] = expit(tree_margin(fit.trees_alone, seen, flat))
        rounds.append(fit.rounds)
        tell(f"{task.outcome}: cross-validation, fold {fold + 1} of {count}", 0.5 * (fold + 1) / count)
    return risks, folds, rounds


def _cross_recalibrated(risk: Floats, rows: Rows, folds: Ints, slope_sd: float) -> Floats:
    """Risks recalibrated with a line fitted on the other folds, as the final line would do for new people."""
    moved = np.empty(len(risk))
    for fold in np.unique(folds):
        out = folds == fold
        line = calibration_line(rows.y[~out], risk[~out], rows.weights[~out], slope_sd)
        moved[out] = recalibrated(risk[out], *line)
    return moved


def _resampled(task: Task, fit: _Fit, rows: Rows, random: np.random.Generator) -> Draw:
    """Refit on people drawn with replacement, with the priors drawn too."""
    people, inverse = np.unique(rows.person, return_inverse=True)
    times = np.bincount(random.integers(0, len(people), len(people)), minlength=len(people))
    sample = rows.take(np.repeat(np.arange(len(rows.y)), times[inverse]))
    columns, encoded = fit.preparation.columns(sample.raw), task.arms.encode(sample.arm)
    linear = fit_linear(columns, sample.arm, encoded, sample.y, sample.weights, fit.anchor, fit.prior, random)
    margin = linear.logit(columns, sample.arm, encoded)
    seen = tree_rows(sample.raw, sample.arm, task.arms, fit.anchor.shift, encoded)
    plan = task.plan(int(random.integers(1 << 30)))
    return Draw(linear, fit_trees(plan, seen, sample.y, sample.weights, margin, fit.rounds))


def _by_class(rows: Rows, arms: Arms, risks: Floats) -> dict[str, dict[str, float]]:
    """People, events and observed/expected of every drug class, cross-validated."""
    classes = pd.Series(np.asarray(arms.drug_classes, dtype=object)[rows.arm])
    found = {}
    for name in sorted(classes.unique()):
        here = (classes == name).to_numpy()
        ratio = observed_expected(rows.y[here], risks[here], rows.weights[here])
        found[str(name)] = {
            "people": len(np.unique(rows.person[here])),
            "decisions": int(here.sum()),
            "events": int(rows.y[here].sum()),
            "observed_expected": round(ratio, 3),
        }
    return found
