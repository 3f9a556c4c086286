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
from clams_dash.model.holdout import held_out
from clams_dash.response.arms import UNTREATED, Arms, modelled_arms
from clams_dash.response.bundle import Bundle, provenance, save_bundle
from clams_dash.response.censoring import Outcome
from clams_dash.response.dataset import Decisions, decisions, outcomes
from clams_dash.response.effects.core import Progress
from clams_dash.response.effects.links import Link
from clams_dash.response.features import feature_names
from clams_dash.response.history import WASHOUT_DAYS, Look, present_therapy
from clams_dash.response.leaks import leaks
from clams_dash.response.learner import LINKS, Decided, OutcomeModel, Task, fit_outcome, transforms
from clams_dash.response.preparation import Preparation
from clams_dash.response.propensity import fit_propensity
from clams_dash.response.settings import ResponseRules, Support, response_rules
from clams_dash.response.support import Neighbours, Propensity
from clams_dash.response.timelines import Frames

LEAK_SUSPECTED_AUROC = 0.85
CLINICAL = ("relapse", "worsening")
"""outcomes without which nothing is trained"""


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
    tell("decisions and their features", 0.0)
    made = for_training(decisions(frames, used.design))
    trained = fit_models(frames, made, used, int(made_from["seed"]), tell)
    everyone = trained.models["relapse"].preparation
    bundle = Bundle(
        version="",
        provenance=made_from,
        horizon_months=used.design.horizon_months,
        outcomes=trained.models,
        neighbours=_neighbours(made, everyone, trained.models["relapse"], used.support),
        propensity=trained.propensity,
        support=used.support,
        metrics=trained.metrics,
        card=_card(made, trained, used, synthetic=bool(made_from["synthetic"])),
    )
    version = save_bundle(bundle, models_dir)
    tell("done", 1.0)
    return TrainingReport(
        version=version,
        folder=models_dir / version,
        people=int(made.index["patient_id"].nunique()),
        decisions=len(made.index),
        metrics=trained.metrics,
        seconds=time.perf_counter() - started,
    )


def for_training(made: Decisions) -> Decisions:
    """Decisions of the people models may be fitted to; three in ten are held out for evaluation (``holdout.py``)."""
    ids = made.index["patient_id"]
    out = {name for name in ids.unique() if held_out(str(name))}
    kept = ~ids.isin(out).to_numpy()
    return Decisions(made.index[kept].reset_index(drop=True), made.features[kept].reset_index(drop=True))


@dataclass(frozen=True)
class Trained:
    """Models and their figures by outcome, the model of what was decided, and why an outcome has no model."""

    models: dict[str, OutcomeModel]
    metrics: dict[str, Any]
    propensity: Propensity
    decided: dict[str, tuple[Task, Decided]]
    without: dict[str, str]


def fit_models(frames: Frames, made: Decisions, used: ResponseRules, seed: int, tell: Progress) -> Trained:
    """Fit all outcomes on decisions. Raises TrainingRefused, with the reason."""
    _require_people(made, used.support)
    known, without = outcomes(frames, made, used.design), {}
    for name, outcome in list(known.items()):
        try:
            _require_outcomes(made, outcome, used.support)
        except TrainingRefused as reason:
            if name in CLINICAL:
                raise
            # Centres without comparable scans still have a model of what they do record.
            without[name] = str(reason)
            known.pop(name)
    _require_no_leak(made, known)
    catalogue = Arms.catalogued((), (), ())
    arm = catalogue.codes(made.index["arm"])
    present = catalogue.codes(pd.Series(present_therapy(Look.at(frames, made.index), WASHOUT_DAYS).dmt))
    present = np.where(present < 0, catalogue.names.index(UNTREATED), present)
    tell("who was given what", 0.03)
    raw = made.features.to_numpy(dtype=np.float64)
    person = pd.factorize(made.index["patient_id"])[0].astype(np.int64)
    propensity, chances = fit_propensity(
        Preparation.fit(raw, transforms()).columns(raw), arm, present, person, len(catalogue.names), seed
    )
    models, metrics, given = {}, {}, {}
    for number, (name, outcome) in enumerate(known.items()):
        index, value = made.index[outcome.known], outcome.value[outcome.known]
        arms = modelled_arms(index["arm"], index["patient_id"], value > 0.5, used.support)
        decided = Decided(
            raw=raw[outcome.known],
            arm=arm[outcome.known],
            present=present[outcome.known],
            y=value,
            weights=outcome.weights[outcome.known],
            person=pd.factorize(index["patient_id"])[0].astype(np.int64),
            propensity=chances[outcome.known],
        )
        task = Task(name, arms, used, seed)
        models[name], figures = fit_outcome(task, decided, _part(tell, number, len(known)))
        given[name] = (task, decided)
        metrics[name] = {
            **figures,
            "left_out": {
                "not_countable": outcome.not_countable, "too_recent": outcome.too_recent, "lost": outcome.lost,
            },
            "own_effect": list(arms.modelled_dmts),
            "class_effect": list(arms.modelled_classes),
            "leak_suspected": _auroc(figures) > LEAK_SUSPECTED_AUROC,
        }  # fmt: skip
    return Trained(models, metrics, propensity, given, without)


def _auroc(figures: dict[str, Any]) -> float:
    return float(figures["cross_validated"]["model"]["auroc"]) if "cross_validated" in figures else 0.5


def _require_no_leak(made: Decisions, known: dict[str, Outcome]) -> None:
    """Raise TrainingRefused when one feature alone gives a binary outcome away."""
    for name, outcome in known.items():
        if LINKS[name] is not Link.BINARY:
            continue
        found = leaks(
            made.features[outcome.known].to_numpy(dtype=np.float64), outcome.value[outcome.known], feature_names()
        )
        if found:
            raise TrainingRefused(
                f"{name}: given away by {', '.join(map(str, found))}; such a column was written after the outcome: "
                "correct the source"
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
    events, known = int((outcome.value[outcome.known] > 0.5).sum()), int(outcome.known.sum())
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


def _neighbours(made: Decisions, preparation: Preparation, model: OutcomeModel, support: Support) -> Neighbours:
    key = [feature_names().index(name) for name in support.key_features]
    standardised = preparation.standardised(made.features.to_numpy(dtype=np.float64))
    return Neighbours(
        points=standardised[:, key].astype(np.float32),
        arm=model.arms.codes(made.index["arm"]),
        person=pd.factorize(made.index["patient_id"])[0].astype(np.int64),
    )


def _card(made: Decisions, trained: Trained, rules: ResponseRules, *, synthetic: bool) -> dict[str, Any]:
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
            "new_t2": "number of new T2 lesions in the first 12 months",
            "neda": "no relapse, no such worsening, and no new T2 lesion from month 6 to 24 (NEDA-3)",
        },
        "model": {name: figures["decision"] for name, figures in trained.metrics.items()},
        "without_a_model": trained.without,
        "intervals": (
            f"90 %, from {rules.decisions.draws} draws of the model widened by {rules.decisions.spread_drawn} and the "
            f"disagreement of its parts by {rules.decisions.spread_mixed}; both learnt where the truth is known"
        ),
        "limits": [
            "Observational: differences between therapies may reflect who was given what.",
            "Contraindications, tolerability and wishes are not part of the model.",
            "Drivers are associations, not causes.",
            "Support counts and propensities describe past decisions, not eligibility.",
        ],
    }
