"""Training of the therapy-response model on a whole pool. The web process never imports this module."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from clams_dash.config import NOT_A_DEVICE
from clams_dash.errors import TrainingRefused
from clams_dash.model.catalogues import dmts
from clams_dash.response.arms import modelled_arms
from clams_dash.response.bundle import Bundle, provenance, save_bundle
from clams_dash.response.dataset import Decisions, Outcome, decisions, outcomes
from clams_dash.response.features import feature_names
from clams_dash.response.learner import OutcomeModel, Progress, Rows, Task, fit_outcome
from clams_dash.response.offset import Preparation
from clams_dash.response.propensity import fit_propensity
from clams_dash.response.settings import ResponseRules, Support, response_rules
from clams_dash.response.support import Neighbours
from clams_dash.response.timelines import Frames

LEAK_SUSPECTED_AUROC = 0.85


@dataclass(frozen=True)
class TrainingReport:
    """What a training run made: the version now in use, numbers of people and decisions, and the figures by outcome."""

    version: str
    folder: Path
    people: int
    decisions: int
    metrics: dict[str, Any]
    seconds: float


def train(
    frames: Frames,
    models_dir: Path,
    *,
    data_version: str,
    synthetic: bool,
    seed: int = 0,
    progress: Progress | None = None,
    rules: ResponseRules | None = None,
) -> TrainingReport:
    """Train on a pool's frames, write the bundle into ``models_dir`` and point ``CURRENT`` at it.

    ``progress`` is told a text and the share done (0 to 1). The same frames and seed give the same bytes. Raises
    TrainingRefused, with the reason, when there are too few people or outcomes or nothing to compare.
    """
    # One thread: sums in another order would change the last bits, hence the bytes, from machine to machine. It is
    # also many times faster than several threads waiting for each other on a busy machine.
    with threadpool_limits(1):
        return _train(
            frames,
            models_dir,
            provenance(data_version, synthetic=synthetic, seed=seed),
            rules or response_rules(),
            progress or (lambda text, share: None),
        )


def _train(
    frames: Frames, models_dir: Path, made_from: dict[str, Any], used: ResponseRules, tell: Progress
) -> TrainingReport:
    started = time.perf_counter()
    seed, synthetic = int(made_from["seed"]), bool(made_from["synthetic"])
    tell("decisions and their features", 0.0)
    made = decisions(frames, used.design)
    _require_people(made, used.support)
    known = outcomes(frames, made, used.design)
    for outcome in known.values():
        _require_outcomes(made, outcome, used.support)
    models, metrics = {}, {}
    for number, (name, outcome) in enumerate(known.items()):
        models[name], metrics[name] = _fit(made, outcome, used, seed, _part(tell, number, len(known)))
    tell("support and propensity", 0.97)
    everyone = models["relapse"].preparation
    bundle = Bundle(
        version="",
        provenance=made_from,
        horizon_months=used.design.horizon_months,
        outcomes=models,
        neighbours=_neighbours(made, everyone, models["relapse"], used.support),
        propensity=fit_propensity(
            everyone.columns(made.features.to_numpy(dtype=np.float64)),
            [dmts()[arm].drug_class for arm in made.index["arm"]],
        ),
        support=used.support,
        interval_z=used.boosting.interval_z,
        interval_width_factor=used.boosting.interval_width_factor,
        metrics=metrics,
        card=_card(made, metrics, used, synthetic=synthetic),
    )
    version = save_bundle(bundle, models_dir)
    tell("done", 1.0)
    return TrainingReport(
        version=version,
        folder=models_dir / version,
        people=int(made.index["patient_id"].nunique()),
        decisions=len(made.index),
        metrics=metrics,
        seconds=time.perf_counter() - started,
    )


def _part(tell: Progress, number: int, parts: int) -> Progress:
    return lambda text, share: tell(text, 0.05 + 0.9 * (number + share) / parts)


def _require_people(made: Decisions, support: Support) -> None:
    people = made.index["patient_id"].nunique()
    if people < support.training_minimum_people:
        raise TrainingRefused(
            f"{people} people with a treatment decision after a first visit or MRI; at least "
            f"{support.training_minimum_people} are needed (training_minimum_people in data/rules/support.toml)"
        )
    unknown = sorted(set(made.index["arm"]) - set(dmts()))
    if unknown:
        raise TrainingRefused(f"therapies not in the DMT catalogue: {', '.join(map(str, unknown))}; add or rename them")


def _require_outcomes(made: Decisions, outcome: Outcome, support: Support) -> None:
    events, known = int(outcome.happened.sum()), int(outcome.known.sum())
    if events < support.training_minimum_events or known - events < support.training_minimum_non_events:
        raise TrainingRefused(
            f"{outcome.name}: {events} events and {known - events} decisions without one in 24 months of follow-up; "
            f"{support.training_minimum_events} and {support.training_minimum_non_events} are needed "
            f"({outcome.too_recent} decisions are too recent, {outcome.lost} were lost to follow-up)"
        )
    people = made.index[outcome.known].groupby("arm")["patient_id"].nunique()
    if (people >= support.minimum_similar).sum() < 2:
        found = ", ".join(f"{arm} ({count})" for arm, count in people.items())
        raise TrainingRefused(
            f"{outcome.name}: fewer than two arms with {support.minimum_similar} people, nothing to compare: {found}"
        )


def _fit(
    made: Decisions, outcome: Outcome, rules: ResponseRules, seed: int, progress: Progress
) -> tuple[OutcomeModel, dict[str, Any]]:
    index = made.index[outcome.known]
    happened = outcome.happened[outcome.known]
    arms = modelled_arms(index["arm"], index["patient_id"], happened, rules.support)
    rows = Rows(
        raw=made.features[outcome.known].to_numpy(dtype=np.float64),
        arm=arms.codes(index["arm"]),
        y=happened.astype(np.float64),
        weights=outcome.weights[outcome.known],
        person=pd.factorize(index["patient_id"])[0].astype(np.int64),
    )
    model, figures = fit_outcome(Task(outcome.name, arms, rules, seed), rows, progress)
    left_out = {"not_countable": outcome.not_countable, "too_recent": outcome.too_recent, "lost": outcome.lost}
    discrimination = figures["cross_validated"]["model"]["auroc"]
    return model, {
        **figures,
        "left_out": left_out,
        "own_effect": list(arms.modelled_dmts),
        "class_effect": list(arms.modelled_classes),
        "leak_suspected": discrimination > LEAK_SUSPECTED_AUROC,
    }


def _neighbours(made: Decisions, preparation: Preparation, model: OutcomeModel, support: Support) -> Neighbours:
    key = [feature_names().index(name) for name in support.key_features]
    standardised = preparation.standardised(made.features.to_numpy(dtype=np.float64))
    return Neighbours(
        points=standardised[:, key].astype(np.float32),
        arm=model.arms.codes(made.index["arm"]),
        person=pd.factorize(made.index["patient_id"])[0].astype(np.int64),
    )


def _card(made: Decisions, metrics: dict[str, Any], rules: ResponseRules, *, synthetic: bool) -> dict[str, Any]:
    kinds = made.index["kind"].value_counts()
    return {
        "title": "Therapy response within 24 months of a treatment decision",
        "not_a_device": NOT_A_DEVICE,
        "trained_on": "synthetic data" if synthetic else "the pool's patients",
        "people": int(made.index["patient_id"].nunique()),
        "decisions": {str(kind): int(count) for kind, count in kinds.items()},
        "estimand": "if decided now, whatever follows (intention to treat), 24 months",
        "outcomes": {
            "relapse": "at least one relapse within 24 months",
            "worsening": "EDSS worsening with onset within 24 months, confirmed at 24 weeks by month 30",
        },
        "model": {name: figures["decision"] for name, figures in metrics.items()},
        "intervals": (
            f"90 % from {rules.boosting.bootstraps} resamples of people, on the logit, widened by "
            f"{rules.boosting.interval_width_factor}; this factor is not yet validated for this model"
        ),
        "limits": [
            "Observational: differences between therapies may reflect who was given what.",
            "Contraindications, tolerability and wishes are not part of the model.",
            "Drivers are associations, not causes.",
            "Support counts and propensities describe past decisions, not eligibility.",
        ],
    }
