"""How good a model is: on held-out people's decisions, and against the truth where a pool is synthetic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from clams_dash.errors import ModelError
from clams_dash.model.holdout import held_out
from clams_dash.response.arms import UNTREATED
from clams_dash.response.bundle import Bundle
from clams_dash.response.dataset import decisions, outcomes
from clams_dash.response.effects.links import Link
from clams_dash.response.features import features_at
from clams_dash.response.history import WASHOUT_DAYS, Look, present_therapy
from clams_dash.response.learner import OutcomeModel
from clams_dash.response.scores import calibration_line, merit
from clams_dash.response.settings import ResponseRules
from clams_dash.response.timelines import Bools, Floats, Frames, Ints

Z = 1.6448536269514722
TRUTH_COLUMNS: dict[str, str] = {
    "relapse": "p_relapse",
    "worsening": "p_worsening",
    "new_t2": "mean_new_t2",
    "neda": "p_neda",
}
_LEAST_ROWS = 100
_AGES = (0, 30, 40, 50, 120)


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions (n,) as a model sees them: raw features (n, p), codes of arm and present therapy."""

    raw: Floats
    arm: Ints
    present: Ints


def seen_by(bundle: Bundle, frames: Frames, index: pd.DataFrame, arm: pd.Series, features: pd.DataFrame) -> Decided:
    """Decisions (patient_id, index_date) under an arm each, with their features."""
    codes = bundle.arms.codes(arm)
    if (codes < 0).any():
        raise ModelError(f"therapies the model does not know: {', '.join(sorted(set(arm[codes < 0].astype(str))))}")
    present = bundle.arms.codes(pd.Series(present_therapy(Look.at(frames, index), WASHOUT_DAYS).dmt))
    return Decided(
        features.to_numpy(dtype=np.float64), codes, np.where(present < 0, bundle.arms.names.index(UNTREATED), present)
    )


def held_out_scores(bundle: Bundle, frames: Frames, rules: ResponseRules) -> dict[str, Any]:
    """By outcome: discrimination and calibration on held-out people, overall, by drug class, sex, age and centre.

    The constant is the mean of the same decisions, which flatters it. Raises ModelError without held-out decisions.
    """
    made = decisions(frames, rules.design)
    if not len(made.index):
        raise ModelError("the pool has no decision after a first visit or MRI, so nothing can be scored")
    chosen = made.index["patient_id"].map(lambda name: held_out(str(name))).to_numpy(dtype=bool)
    known = outcomes(frames, made, rules.design)
    decided = seen_by(bundle, frames, made.index, made.index["arm"], made.features)
    groups = _groups(bundle, frames, made.index, decided.arm, made.features)
    found: dict[str, Any] = {}
    for name, model in bundle.outcomes.items():
        rows = np.flatnonzero(chosen & known[name].known)
        if len(rows) < _LEAST_ROWS:
            found[name] = {"decisions": len(rows), "reason": f"at least {_LEAST_ROWS} held-out decisions are needed"}
            continue
        y, weights = known[name].value[rows], known[name].weights[rows]
        risk = model.link.mean(_margin(model, decided, rows))
        figure = _chance if model.link is Link.BINARY else _count
        found[name] = {
            "decisions": len(rows),
            "model": figure(y, risk, weights),
            "constant": figure(y, np.full(len(y), np.average(y, weights=weights)), weights),
            "subgroups": {
                label: figure(y[own[rows]], risk[own[rows]], weights[own[rows]]) | {"decisions": int(own[rows].sum())}
                for label, own in groups.items()
                if own[rows].sum() >= _LEAST_ROWS
            },
            "calibration_curve": _curve(y, risk, weights),
        }
    return found


def _margin(model: OutcomeModel, decided: Decided, rows: Ints) -> Floats:
    arm = decided.arm[rows]
    return model.fitted.margin(model.rows(decided.raw[rows], decided.present[rows], arm, model.fitted.design.main[arm]))


def _groups(bundle: Bundle, frames: Frames, index: pd.DataFrame, arm: Ints, features: pd.DataFrame) -> dict[str, Bools]:
    found: dict[str, Bools] = {}
    classes = np.asarray(bundle.arms.drug_classes, dtype=object)[arm]
    for name in sorted(set(classes)):
        found[f"class {name}"] = classes == name
    for label, value in (("women", 1.0), ("men", 0.0)):
        found[label] = features["sex_female"].to_numpy() == value
    age = features["age_years"].to_numpy()
    for low, high in pairwise(_AGES):
        found[f"age {low} to {high}"] = (age >= low) & (age < high)
    centre = Look.at(frames, index).patient_column("centre").astype(object)
    for name in sorted({str(one) for one in centre.dropna()}):
        found[f"centre {name}"] = (centre == name).to_numpy(dtype=bool)
    return found


def _chance(y: Floats, risk: Floats, weights: Floats) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in merit(y, risk, weights).items()}


def _count(y: Floats, mean: Floats, weights: Floats) -> dict[str, float | None]:
    return {
        "loss": round(Link.COUNT.loss(y, np.log(np.maximum(mean, 1e-6)), weights), 5),
        "rmse": round(float(np.sqrt(np.average(np.square(y - mean), weights=weights))), 4),
        "observed_expected": _finite(float(weights @ y) / float(weights @ mean)),
    }


def _curve(y: Floats, risk: Floats, weights: Floats) -> list[dict[str, float]]:
    """Mean prediction and mean outcome by tenths of the prediction."""
    tenth = np.minimum((np.argsort(np.argsort(risk)) * 10) // len(risk), 9)
    return [
        {
            "predicted": round(float(np.average(risk[tenth == part], weights=weights[tenth == part])), 4),
            "observed": round(float(np.average(y[tenth == part], weights=weights[tenth == part])), 4),
        }
        for part in range(10)
    ]


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def against_truth(bundle: Bundle, frames: Frames, truth: pd.DataFrame, burden: pd.DataFrame) -> dict[str, Any]:
    """By outcome: error of risks and differences, calibration, coverage and regret over eligible arms.

    ``truth`` as ``pool.truth.read_truth`` gives it (a row per decision and arm); ``burden`` (dmt, value) on the scale
    of one relapse. Figures are over all pairs, and as ``shown`` over those with a propensity at the limit or above.
    """
    rows = truth[truth["eligible"] | truth["decided"]].reset_index(drop=True)
    decided = seen_by(bundle, frames, rows, rows["dmt"], features_at(frames, rows[["patient_id", "index_date"]]))
    decision: Ints = np.asarray(rows.groupby(["patient_id", "index_date"], sort=False).ngroup(), dtype=np.int64)
    shown = _shown(bundle, frames, rows, decided)
    found: dict[str, Any] = {"decisions": int(decision.max()) + 1, "pairs": len(rows), "shown": round(shown.mean(), 3)}
    for name, model in bundle.outcomes.items():
        real = rows[TRUTH_COLUMNS[name]].to_numpy(dtype=np.float64)
        found[name] = _scored(model, decided, real, decision, shown)
    if {"relapse", "worsening"} <= set(bundle.outcomes):
        found["policy"] = _policy(bundle, decided, rows, decision, burden)
    return found


def _policy(
    bundle: Bundle, decided: Decided, rows: pd.DataFrame, decision: Ints, burden: pd.DataFrame
) -> dict[str, float]:
    """Loss of utility (relapse + 2 x worsening + burden) against the best choice for each decision.

    ``model`` chooses by its predictions; ``fixed`` by the order of therapies that is best on average in the truth.
    """
    value = burden.set_index("dmt")["value"]
    safety: Floats = np.asarray(rows["dmt"].map(value), dtype=np.float64)
    weights = {"relapse": 1.0, "worsening": 2.0}
    every = np.arange(len(rows), dtype=np.int64)
    real, predicted = safety.copy(), safety.copy()
    for name, weight in weights.items():
        model = bundle.outcomes[name]
        real = real + weight * np.asarray(rows[TRUTH_COLUMNS[name]], dtype=np.float64)
        predicted = predicted + weight * model.link.mean(_margin(model, decided, every))
    average = pd.Series(_within(real, decision)).groupby(decided.arm).mean()
    fixed: Floats = np.asarray(average.reindex(decided.arm), dtype=np.float64)
    best = pd.Series(real).groupby(decision).min().to_numpy()

    def regret(score: Floats) -> float:
        chosen = pd.Series(score).groupby(decision).idxmin().to_numpy()
        return round(float(np.mean(real[chosen] - best)), 4)

    return {"model": regret(predicted), "fixed": regret(fixed)}


def _shown(bundle: Bundle, frames: Frames, rows: pd.DataFrame, decided: Decided) -> Bools:
    stay = bundle.arms.codes(pd.Series(present_therapy(Look.at(frames, rows)).dmt))
    columns = bundle.outcomes["relapse"].preparation.columns(decided.raw)
    chances = [
        bundle.propensity.shown(columns[[row]], int(decided.present[row]), int(max(stay[row], 0)), bundle.arms)[arm]
        for row, arm in enumerate(decided.arm)
    ]
    return np.array(chances) >= bundle.support.minimum_propensity


def _scored(model: OutcomeModel, decided: Decided, real: Floats, decision: Ints, shown: Bools) -> dict[str, Any]:
    arm, mean = decided.arm, model.link.mean
    rows = model.rows(decided.raw, decided.present, arm, model.fitted.design.main[arm])
    margin, draws = model.fitted.margin(rows), model.fitted.draws(rows)
    reach = Z * np.sqrt(draws.var(axis=0, ddof=1) + model.spread.person**2 + model.spread.arm**2)
    risk, low, high = mean(margin), mean(margin - reach), mean(margin + reach)
    held = (low <= real) & (real <= high)
    untreated = model.arms.names.index(UNTREATED)
    base = _row_of_untreated(arm, decision, untreated)
    treated = (arm != untreated) & (base >= 0)
    gap, real_gap = (risk - risk[base])[treated], (real - real[base])[treated]
    drawn, steep = mean(draws), model.link.bend(risk)
    spread = (drawn - drawn[:, base]).var(axis=0, ddof=1)
    spread += np.square(model.spread.person * (steep - steep[base]))
    spread += model.spread.arm**2 * (np.square(steep) + np.square(steep[base]))
    gap_held = np.abs(gap - real_gap) <= Z * np.sqrt(spread[treated])
    both = (shown & shown[base])[treated]
    drug, real_drug = (_within(values[arm != untreated], decision[arm != untreated]) for values in (risk, real))
    arms = [code for code in np.unique(arm) if (arm == code).sum() >= _LEAST_ROWS // 2]
    result: dict[str, Any] = {
        "rmse": _rms(risk - real),
        "rmse_constant": _rms(real - real.mean()),
        "bias": round(float(np.mean(risk - real)), 4),
        "npehe_untreated": _ratio(gap - real_gap, real_gap),
        "npehe_untreated_shown": _ratio((gap - real_gap)[both], real_gap[both]),
        "npehe_drug": _ratio(drug - real_drug, real_drug),
        "coverage": round(float(held.mean()), 3),
        "coverage_shown": round(float(held[shown].mean()), 3) if shown.any() else None,
        "coverage_worst_arm": _finite(min((float(held[arm == code].mean()) for code in arms), default=float("nan"))),
        "width": round(float(np.mean(high - low)), 3),
        "difference_coverage": round(float(gap_held.mean()), 3),
        "difference_coverage_shown": round(float(gap_held[both].mean()), 3) if both.any() else None,
        "difference_width": round(float(2 * Z * np.sqrt(spread[treated]).mean()), 3),
    }
    if model.link is Link.BINARY:
        ones = np.ones(len(risk))
        result["calibration_slope"] = round(calibration_line(real, risk, ones)[1], 3)
        slopes = [calibration_line(real[arm == code], risk[arm == code], ones[arm == code])[1] for code in arms]
        result["calibration_slope_arms"] = [round(min(slopes), 3), round(max(slopes), 3)] if slopes else None
    return result


def _row_of_untreated(arm: Ints, decision: Ints, untreated: int) -> Ints:
    place = np.full(int(decision.max()) + 1, -1, dtype=np.int64)
    rows = np.flatnonzero(arm == untreated)
    place[decision[rows]] = rows
    return np.asarray(place[decision])


def _within(values: Floats, decision: Ints) -> Floats:
    """Values less the mean of their decision."""
    _, code = np.unique(decision, return_inverse=True)
    return np.asarray(values - (np.bincount(code, values) / np.bincount(code))[code])


def _rms(values: Floats) -> float:
    return round(float(np.sqrt(np.mean(np.square(values)))), 4)


def _ratio(error: Floats, real: Floats) -> float | None:
    """Root mean squared error over the standard deviation of the true differences."""
    spread = float(np.std(real)) if len(real) else 0.0
    return _finite(float(np.sqrt(np.mean(np.square(error)))) / spread) if spread > 1e-9 else None
