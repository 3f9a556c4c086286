"""One outcome's model of therapy response: candidates on evidence-anchored arms, and whether persons may differ.

Two mixes are made: of candidates in which a therapy acts alike on everybody (on the link, given baseline risk), and of
all. The second is used only where held-out evidence says that people differ beyond that (``heterogeneity.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from clams_dash.response.anchor import Anchor, arm_design
from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.effects.conformal import Residuals, fit_residuals
from clams_dash.response.effects.core import (
    Candidate,
    FitSettings,
    Fitted,
    Judged,
    Problem,
    Progress,
    finish,
    judge,
    out_of_fold_candidates,
)
from clams_dash.response.effects.design import Layout, Rows
from clams_dash.response.effects.links import Link
from clams_dash.response.effects.trees import TreeSettings
from clams_dash.response.features import feature_names, features
from clams_dash.response.heterogeneity import Evidence, evidence
from clams_dash.response.preparation import Preparation
from clams_dash.response.scores import merit, observed_expected
from clams_dash.response.settings import ResponseRules, Spread
from clams_dash.response.timelines import Floats, Ints

LEVEL = 0.90
LINKS: dict[str, Link] = {
    "relapse": Link.BINARY,
    "worsening": Link.BINARY,
    "new_t2": Link.COUNT,
    "neda": Link.BINARY,
}
_UNTREATED_MINIMUM = 50
_MISSING_SD = 0.1
_FEATURE_SD = 0.15


@dataclass(frozen=True, slots=True)
class Decided:
    """Training decisions of one outcome: raw features (n, p), codes of the arm and of the present therapy (n,).

    Outcome, weights and person codes (n,); ``propensity`` (n, arms) of every arm, out of fold.
    """

    raw: Floats
    arm: Ints
    present: Ints
    y: Floats
    weights: Floats
    person: Ints
    propensity: Floats


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """What predicts one outcome. ``personal``: whether individual differences are shown, with the ``evidence``.

    ``residuals`` give the range of a new observation of a count; ``spread`` is what the features cannot tell.
    """

    outcome: str
    link: Link
    arms: Arms
    preparation: Preparation
    anchor: Anchor
    fitted: Fitted
    evidence: Evidence
    residuals: Residuals | None
    spread: Spread

    @property
    def boosted(self) -> bool:
        """Whether trees have a share of the predictions."""
        return any(one.trees is not None for one in self.fitted.candidates)

    def rows(self, raw: Floats, present: Ints, arm: Ints, main: Floats) -> Rows:
        """Persons with raw features (n, p), their present therapy and the arm each is looked at under."""
        return Rows(raw, self.preparation.columns(raw), np.zeros((len(raw), 0)), arm, present, main)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learnt: the outcome, the arms with their levels, the rules, and the seed."""

    outcome: str
    arms: Arms
    rules: ResponseRules
    seed: int


def transforms() -> tuple[str, ...]:
    """Of the features, in their order."""
    return tuple(feature.transform for feature in features())


def fit_outcome(task: Task, decided: Decided, progress: Progress | None = None) -> tuple[OutcomeModel, dict[str, Any]]:
    """Fit one outcome and judge it out of fold. Returns the model and its figures."""
    tell = progress or (lambda text, share: None)

    def say(text: str, share: float) -> None:
        tell(f"{task.outcome}: {text}", share)

    problem, preparation, anchor = problem_of(task, decided)
    settings = fit_settings(task, preparation)
    tried = out_of_fold_candidates(problem, settings, say)
    alike = [one for one in tried if not one.candidate.heterogeneous]
    product, personal = judge(problem, settings, alike), judge(problem, settings, tried)
    level = task.rules.support.family_wise_level / len(LINKS)
    found = evidence(problem, product.mix, personal.mix, level)
    chosen, judged = (tried, personal) if found.personal else (alike, product)
    # An arm too small for an effect of its own takes its class's: no shift of its own either.
    sure = np.array([task.arms.level_of(arm) == "dmt" for arm in range(problem.design.count)])
    fitted = finish(problem, settings, chosen, replace(judged, shift=np.where(sure, judged.shift, 0.0)), say)
    own = judged.mix[np.arange(len(problem.y)), problem.rows.arm]
    residuals = None
    if problem.link is Link.COUNT:
        left = problem.y - problem.link.mean(own)
        residuals = fit_residuals(
            left, problem.rows.columns, problem.rows.arm, problem.propensity, problem.weights, LEVEL
        )
    model = OutcomeModel(
        task.outcome,
        problem.link,
        task.arms,
        preparation,
        anchor,
        fitted,
        found,
        residuals,
        task.rules.spreads[task.outcome],
    )
    return model, _figures(task, problem, decided, model, judged, personal, product)


def problem_of(task: Task, decided: Decided, *, pinned: bool = False) -> tuple[Problem, Preparation, Anchor]:
    """The learner's view of the decisions; ``pinned`` holds the arms at their published effects."""
    link = LINKS[task.outcome]
    preparation = Preparation.fit(decided.raw, transforms())
    anchor = Anchor.of(task.outcome, task.arms, _untreated_risk(decided, task.arms), task.rules.arms)
    design = arm_design(task.arms, anchor, task.rules.arms, pinned=pinned)
    columns = preparation.columns(decided.raw)
    nothing = np.zeros((len(decided.raw), 0))
    absent = int(preparation.indicated.sum())
    return (
        Problem(
            rows=Rows(decided.raw, columns, nothing, decided.arm, decided.present, design.main[decided.arm]),
            y=decided.y,
            weights=decided.weights,
            groups=decided.person,
            propensity=decided.propensity,
            design=design,
            link=link,
            feature_names=feature_names(),
            feature_sd=np.concatenate([np.full(len(transforms()), _FEATURE_SD), np.full(absent, _MISSING_SD)]),
            direction=_directions(task.outcome, absent),
        ),
        preparation,
        anchor,
    )


def _directions(outcome: str, absent: int) -> Floats | None:
    """Agreed directions of the linear part; those of the feature list hold for relapses only."""
    if outcome != "relapse":
        return None
    # Recency turns the scale round: the longer ago, the smaller.
    agreed = [feature.relapse_direction * (-1 if feature.transform == "recency" else 1) for feature in features()]
    return np.array([*agreed, *[0] * absent], dtype=np.float64)


def fit_settings(task: Task, preparation: Preparation) -> FitSettings:
    """Candidates: additive, with features by arm, and trees on either."""
    rules = task.rules.decisions
    names = feature_names()
    modified = tuple(names.index(name) for name in task.rules.arms.modifiers)
    agreed = tuple(feature.relapse_direction if task.outcome == "relapse" else 0 for feature in features())
    trees = TreeSettings.of(rules, agreed)
    additive, by_arm = Layout((), smooth=False), Layout(modified, smooth=False)
    return FitSettings(
        candidates=(
            Candidate("additive", additive, None, False, False),
            Candidate("prognosis trees", additive, trees, False, False),
            Candidate("by arm", by_arm, None, False, True),
            Candidate("trees by arm", by_arm, trees, True, True),
        ),
        folds=rules.folds, draws=rules.draws, resamples=rules.resamples, slope_sd=rules.slope_sd, seed=task.seed,
        spread_drawn=rules.spread_drawn, spread_mixed=rules.spread_mixed,
    )  # fmt: skip


def fit_comparator(task: Task, decided: Decided, *, pinned: bool) -> tuple[Fitted, Preparation]:
    """Simple model beside the learner: penalised regression, or baseline risk x published effects (``pinned``)."""
    problem, preparation, _ = problem_of(task, decided, pinned=pinned)
    settings = fit_settings(task, preparation)
    settings = replace(settings, candidates=settings.candidates[:1])
    silent: Progress = lambda text, share: None  # noqa: E731
    tried = out_of_fold_candidates(problem, settings, silent)
    judged = judge(problem, settings, tried)
    if pinned:
        judged = replace(judged, shift=np.zeros(problem.design.count))
    return finish(problem, settings, tried, judged, silent), preparation


def _untreated_risk(decided: Decided, arms: Arms) -> float:
    untreated = decided.arm == arms.names.index(UNTREATED)
    chosen = untreated if untreated.sum() >= _UNTREATED_MINIMUM else np.ones(len(decided.y), dtype=bool)
    return float(np.clip(np.average(decided.y[chosen], weights=decided.weights[chosen]), 0.02, 0.9))


def _figures(
    task: Task,
    problem: Problem,
    decided: Decided,
    model: OutcomeModel,
    judged: Judged,
    personal: Judged,
    product: Judged,
) -> dict[str, Any]:
    own = np.arange(len(problem.y)), problem.rows.arm
    found = problem.link.mean(judged.mix[own])
    losses = {**personal.losses, "constant": _constant_loss(problem), "model": _loss(problem, judged)}
    figures: dict[str, Any] = {
        "decisions": len(decided.y),
        "people": len(np.unique(decided.person)),
        "events": round(float(decided.y.sum())),
        "risk": round(float(np.average(decided.y, weights=decided.weights)), 4),
        "losses": {name: round(loss, 5) for name, loss in losses.items()},
        "shares": {one.name: round(one.share, 3) for one in model.fitted.candidates},
        "xgboost_used": model.boosted,
        "personal": {
            "score": model.evidence.score, "p_value": model.evidence.p_value, "shown": model.evidence.personal,
        },
        "decision": _decision(model),
        "recalibration": {"intercept": round(judged.intercept, 4), "slope": round(judged.slope, 4)},
        "untreated_risk_of_anchor": round(model.anchor.untreated_risk, 4),
        "arms": _arm_means(task.arms, decided, judged, model),
        "by_class": _by_class(decided, task.arms, found),
    }  # fmt: skip
    if problem.link is Link.BINARY:
        constant = np.full(len(decided.y), float(np.average(decided.y, weights=decided.weights)))
        product_risk = problem.link.mean(product.mix[own])
        figures["cross_validated"] = {
            "constant": merit(decided.y, constant, decided.weights),
            "baseline risk x average effect": merit(decided.y, product_risk, decided.weights),
            "model": merit(decided.y, found, decided.weights),
        }
    return figures


def _constant_loss(problem: Problem) -> float:
    flat = problem.link.margin(float(np.average(problem.y, weights=problem.weights)))
    return problem.link.loss(problem.y, np.full(len(problem.y), flat), problem.weights)


def _loss(problem: Problem, judged: Judged) -> float:
    return problem.link.loss(problem.y, judged.mix[np.arange(len(problem.y)), problem.rows.arm], problem.weights)


def _decision(model: OutcomeModel) -> str:
    trees = "trees have a share of the predictions" if model.boosted else "penalised regression predicts alone"
    if model.evidence.personal:
        return f"therapies act differently on people, by held-out evidence (p = {model.evidence.p_value:.2g}); {trees}"
    return (
        f"no held-out evidence (p = {model.evidence.p_value:.2g}) that therapies act differently on different people "
        f"beyond their baseline risk: shown is baseline risk x average relative effect; {trees}"
    )


def _arm_means(arms: Arms, decided: Decided, judged: Judged, model: OutcomeModel) -> dict[str, dict[str, float]]:
    """Doubly robust mean of every arm that was given, with the effective number of decisions behind it."""
    found = {}
    for code, name in enumerate(arms.names):
        own = decided.arm == code
        if not own.any():
            continue
        pull = decided.weights[own] / np.maximum(decided.propensity[own, code], 1e-3)
        found[name] = {
            "decisions": int(own.sum()),
            "effective": round(float(pull.sum() ** 2 / np.square(pull).sum()), 1),
            "robust_mean": round(float(judged.means.robust[code]), 4),
            "se": round(float(judged.means.se[code]), 4),
            "predicted_mean": round(float(judged.means.predicted[code]), 4),
            "shift": round(float(model.fitted.shift[code]), 4),
        }
    return found


def _by_class(decided: Decided, arms: Arms, risks: Floats) -> dict[str, dict[str, float]]:
    """People, events and observed/expected of every drug class, cross-validated."""
    classes = pd.Series(np.asarray(arms.drug_classes, dtype=object)[decided.arm])
    found = {}
    for name in sorted(classes.unique()):
        here = (classes == name).to_numpy()
        ratio = observed_expected(decided.y[here], risks[here], decided.weights[here])
        found[str(name)] = {
            "people": len(np.unique(decided.person[here])),
            "decisions": int(here.sum()),
            "events": round(float(decided.y[here].sum())),
            "observed_expected": round(ratio, 3),
        }
    return found
