"""Predictions for one person on one day: risk per therapy, difference from staying, support, drivers, abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from clams_dash.model.catalogues import dmts
from clams_dash.response.anchor import main_rows
from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.bundle import Bundle
from clams_dash.response.confounding import e_value
from clams_dash.response.drivers import arm_drivers
from clams_dash.response.effects.design import Rows
from clams_dash.response.effects.links import Link
from clams_dash.response.features import features_at
from clams_dash.response.history import WASHOUT_DAYS, Look, present_therapy
from clams_dash.response.learner import OutcomeModel
from clams_dash.response.prediction import ArmPrediction, Prediction
from clams_dash.response.timelines import Floats, Frames, Ints, table

Z = 1.6448536269514722
"""of a 90 % interval"""


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
    person = _person(bundle, frames, index, look)
    known = bool(look.known()[0]) and person.stay in bundle.arms.names
    outcomes: dict[str, tuple[ArmPrediction, ...]] = {}
    groups: dict[str, tuple[tuple[str, ...], ...]] = {}
    for name, model in bundle.outcomes.items():
        offered = model.arms.offered(person.stay)
        if known:
            outcomes[name], groups[name] = _predicted(bundle, model, person, offered)
        else:
            outcomes[name], groups[name] = _withheld(model, offered, at, person.stay), ()
    recorded = _therapy_recorded(frames, patient_id, at)
    if not recorded:
        outcomes = {name: tuple(_uncompared(arm) for arm in arms) for name, arms in outcomes.items()}
    return Prediction(
        patient=patient_id,
        at=at,
        horizon_months=bundle.horizon_months,
        model=bundle.version,
        synthetic=bool(bundle.provenance["synthetic"]),
        stay=person.stay,
        stay_recorded=recorded,
        outcomes=outcomes,
        not_told_apart=groups,
        personal={name: model.evidence.personal for name, model in bundle.outcomes.items()},
    )


@dataclass(frozen=True, slots=True)
class _Person:
    """Raw features (1, p), present therapy and its code in the features' sense, comparable people, propensities."""

    raw: Floats
    stay: str
    context: int
    comparable: list[Ints]
    propensity: Floats


def _person(bundle: Bundle, frames: Frames, index: pd.DataFrame, look: Look) -> _Person:
    raw = features_at(frames, index).to_numpy(dtype=np.float64)
    arms = bundle.arms
    stay = str(present_therapy(look).dmt[0])
    context = str(present_therapy(look, WASHOUT_DAYS).dmt[0])
    code = arms.names.index(context if context in arms.names else UNTREATED)
    columns = bundle.outcomes["relapse"].preparation.columns(raw)
    kept = arms.names.index(stay) if stay in arms.names else code
    return _Person(raw, stay, code, _comparable_people(bundle, raw), bundle.propensity.shown(columns, code, kept, arms))


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
    return ArmPrediction(dmt, None, None, None, None, None, None, similar, propensity, True, reason, (), None, None)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """One person's outcome under the offered arms (k,), and their pairwise errors.

    ``margin`` on the link with ``reach`` of its 90 % interval; ``risk``; ``apart`` (k, k) reach of each difference.
    """

    margin: Floats
    reach: Floats
    risk: Floats
    low: Floats
    high: Floats
    apart: Floats


def _outlook(model: OutcomeModel, rows: Rows) -> _Outlook:
    fitted, mean = model.fitted, model.link.mean
    margin, draws = fitted.margin(rows), fitted.draws(rows)
    reach = Z * np.sqrt(draws.var(axis=0, ddof=1) + model.spread.person**2 + model.spread.arm**2)
    risk, drawn = mean(margin), mean(draws)
    # How much the mean moves with the link: what a person's unseen traits share between arms hardly moves a difference.
    steep = model.link.bend(risk)
    between = (drawn[:, :, None] - drawn[:, None, :]).var(axis=0, ddof=1)
    person = np.square(model.spread.person * (steep[:, None] - steep[None, :]))
    arm = model.spread.arm**2 * (np.square(steep)[:, None] + np.square(steep)[None, :])
    apart = Z * np.sqrt(between + person + arm * (1.0 - np.eye(len(risk))))
    return _Outlook(margin, reach, risk, mean(margin - reach), mean(margin + reach), apart)


def _predicted(
    bundle: Bundle, model: OutcomeModel, person: _Person, offered: Sequence[int]
) -> tuple[tuple[ArmPrediction, ...], tuple[tuple[str, ...], ...]]:
    arms = model.arms
    basis = _basis(bundle, model, person.comparable, person.propensity, offered)
    codes = np.array(offered, dtype=np.int64)
    several = np.repeat(person.raw, len(codes), axis=0)
    rows = model.rows(
        several, np.full(len(codes), person.context, dtype=np.int64), codes, main_rows(arms, codes, basis.levels)
    )
    found = _outlook(model, rows)
    at = offered.index(arms.names.index(person.stay))
    against = basis.enough[at]
    drivers = arm_drivers(model, rows)
    observed = _observed(model, rows, found.risk)
    shown = []
    for place, arm in enumerate(offered):
        chance = float(person.propensity[arm])
        if not basis.enough[place]:
            shown.append(_abstained(arms.names[arm], basis.counts[place], chance, basis.reasons[place]))
            continue
        difference, reach = float(found.risk[place] - found.risk[at]), float(found.apart[place, at])
        limit = 1.0 if model.link is Link.BINARY else np.inf
        shown.append(
            ArmPrediction(
                dmt=arms.names[arm],
                risk=float(found.risk[place]),
                low=float(found.low[place]),
                high=float(found.high[place]),
                difference_from_stay=difference if against else None,
                diff_low=max(difference - reach, -limit) if against else None,
                diff_high=min(difference + reach, limit) if against else None,
                n_similar=basis.counts[place],
                propensity=chance,
                abstained=False,
                reason=basis.reasons[place],
                drivers=drivers[place],
                e_value=_e_value(found, place, at, reach) if against and place != at else None,
                observed_low=observed[0][place] if observed else None,
                observed_high=observed[1][place] if observed else None,
            )
        )
    kept = [place for place in range(len(offered)) if basis.enough[place]]
    return tuple(shown), _not_told_apart([arms.names[arm] for arm in offered], kept, found)


def _e_value(found: _Outlook, place: int, at: int, reach: float) -> float | None:
    difference = float(found.risk[place] - found.risk[at])
    strength = e_value(float(found.risk[place]), float(found.risk[at]), difference - reach, difference + reach)
    return round(strength, 2) if np.isfinite(strength) else None


def _observed(model: OutcomeModel, rows: Rows, risk: Floats) -> tuple[list[float], list[float]] | None:
    """Where 90 % of observed counts lie."""
    if model.residuals is None:
        return None
    size = model.residuals.spread(rows.columns)
    low = np.maximum(risk + size * model.residuals.low[rows.arm], 0.0)
    return low.tolist(), np.maximum(risk + size * model.residuals.high[rows.arm], 0.0).tolist()


def _comparable_people(bundle: Bundle, raw: Floats) -> list[Ints]:
    """People on each arm among the training decisions nearest to this person's, as codes."""
    support, model = bundle.support, bundle.outcomes["relapse"]
    point = model.preparation.standardised(raw)[0, bundle.key_features]
    nearest = max(support.neighbourhood_rows, round(support.neighbourhood_share * len(bundle.neighbours.arm)))
    return bundle.neighbours.people_by_arm(point, nearest, len(model.arms.names))


def _basis(
    bundle: Bundle, model: OutcomeModel, people: list[Ints], propensity: Floats, offered: Sequence[int]
) -> _Basis:
    """Own estimate with enough comparable people and an effect of its own; else the class's; else none.

    None either where people like this are hardly ever given the arm's class: others than these would be spoken for.
    """
    arms, support = model.arms, bundle.support
    basis = _Basis([], [], [], [])
    for arm in offered:
        own, level = len(people[arm]), arms.level_of(arm)
        together = _together(arms, arm, people)
        coarser = "class" if arms.drug_classes[arm] in arms.modelled_classes else "tier"
        if together >= support.minimum_similar and propensity[arm] < support.minimum_propensity:
            kind = "left without therapy" if arms.names[arm] == UNTREATED else "given its class"
            reason = (
                f"people like this are {kind} in {propensity[arm]:.1%} of decisions; "
                f"at least {support.minimum_propensity:.0%} are needed"
            )
            _note(basis, level, together, reason, enough=False)
        elif level == "dmt" and own >= support.minimum_similar:
            _note(basis, "dmt", own, None)
        elif together >= support.minimum_similar:
            _note(basis, coarser, together, _words(arms, arm, coarser, own, together))
        else:
            group = f" ({together} on the class)" if together > own else ""
            reason = f"{own} comparable people on it{group}; at least {support.minimum_similar} are needed"
            _note(basis, level, together, reason, enough=False)
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


def _not_told_apart(names: Sequence[str], kept: Sequence[int], found: _Outlook) -> tuple[tuple[str, ...], ...]:
    """Longest runs in order of risk within which every pairwise difference has a 90 % interval holding 0."""
    order = sorted(kept, key=lambda place: (found.risk[place], names[place]))
    risk = found.risk[order]
    alike = np.abs(risk[:, None] - risk[None, :]) <= found.apart[np.ix_(order, order)]
    groups: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and alike[start : end + 1, end].all():
            end += 1
        if end - start > 1 and end > reached:
            groups.append(tuple(names[place] for place in order[start:end]))
            reached = end
    return tuple(groups)
