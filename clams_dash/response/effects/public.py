"""``fit_effects``: outcome and effect of several arms for every person of any table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from clams_dash.errors import TrainingRefused
from clams_dash.response.effects.assignment import Assignment, cross_fitted, fit_assignment
from clams_dash.response.effects.conformal import Residuals, fit_residuals
from clams_dash.response.effects.core import Candidate, FitSettings, Fitted, Problem, fit
from clams_dash.response.effects.design import ArmDesign, Layout, Rows
from clams_dash.response.effects.kernel import MOST_ROWS, Kernel
from clams_dash.response.effects.links import Link
from clams_dash.response.effects.losses import dealt_folds
from clams_dash.response.effects.trees import TreeSettings
from clams_dash.response.leaks import Leak, leaks, warn_of
from clams_dash.response.preparation import Preparation
from clams_dash.response.settings import Learner, response_rules
from clams_dash.response.timelines import Floats, Ints

LEVEL = 0.90
_Z = 1.6448536269514722
_LEAST_ROWS = 30
_LEAST_EVENTS = 5
_ARM_SD = 2.0
_AT_ONCE = 4_000

Outcome = Literal["binary", "continuous"]


class Contrast(NamedTuple):
    """Difference of two arms' risks for every person (n,), with its 90 % interval."""

    estimate: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class ArmPrior:
    """Evidence on arms: ``effect`` of an arm against the first one, and its standard error ``se``, by arm.

    On the logit for a binary outcome, in the outcome's unit for a continuous one. Arms left out have no evidence.
    """

    effect: Mapping[int, float]
    se: Mapping[int, float]


@dataclass(frozen=True)
class Effects:
    """Of n persons under every arm (columns in the order of ``arms``).

    ``risk`` (n, arms): probability, or mean, of the outcome if given the arm; ``low`` and ``high`` its 90 % interval.
    ``propensity`` (n, arms): how often people like this were given it. ``predictive_low`` to ``predictive_high``:
    where 90 % of new observations lie (None for a binary outcome).
    """

    arms: tuple[int, ...]
    risk: Floats
    low: Floats
    high: Floats
    propensity: Floats
    predictive_low: Floats | None
    predictive_high: Floats | None
    draws: np.ndarray[Any, np.dtype[np.float32]]
    """(draws, n, arms): ``risk`` with its uncertainty"""

    def contrast(self, a: int, b: int) -> Contrast:
        """``risk`` under arm ``a`` less under arm ``b``. Raises ValueError for an arm that was not in training."""
        first, second = self._place(a), self._place(b)
        estimate = self.risk[:, first] - self.risk[:, second]
        drawn = self.draws[:, :, first].astype(np.float64) - self.draws[:, :, second]
        reach = _Z * drawn.std(axis=0, ddof=1)
        return Contrast(estimate, estimate - reach, estimate + reach)

    def _place(self, arm: int) -> int:
        if arm not in self.arms:
            raise ValueError(f"arm {arm} was not in training; arms are {', '.join(map(str, self.arms))}")
        return self.arms.index(arm)


@dataclass(frozen=True)
class EffectModel:
    """What :func:`fit_effects` returns. ``losses``: cross-validated loss of every candidate, ``shares`` of the mix."""

    arms: tuple[int, ...]
    outcome: Outcome
    losses: dict[str, float]
    shares: dict[str, float]
    leaks: tuple[Leak, ...]
    """columns that give a binary outcome away"""
    features: int
    fitted: Fitted
    preparation: Preparation
    kernel: Kernel
    assignment: Assignment
    residuals: Residuals | None
    centre: float
    scale: float

    def predict(self, X: ArrayLike) -> Effects:  # noqa: N803 - the contract's name
        """Outcomes under every arm for n persons (n, p), NaN where a feature is not known.

        Raises ValueError for another number of features.
        """
        raw = _matrix(X)
        if raw.shape[1] != self.features:
            raise ValueError(f"X has {raw.shape[1]} features, {self.features} were fitted")
        with threadpool_limits(1):
            parts = [self._part(raw[first : first + _AT_ONCE]) for first in range(0, max(len(raw), 1), _AT_ONCE)]
        margin, spread, drawn, propensity, range_low, range_high = (
            np.concatenate(own, axis=1 if place == 2 else 0) for place, own in enumerate(zip(*parts, strict=True))
        )
        mean = self.fitted.mean_of
        return Effects(
            arms=self.arms,
            risk=self._back(mean(margin)),
            low=self._back(mean(margin - _Z * spread)),
            high=self._back(mean(margin + _Z * spread)),
            propensity=propensity,
            predictive_low=self._back(range_low) if self.residuals else None,
            predictive_high=self._back(range_high) if self.residuals else None,
            draws=drawn,
        )

    def _back(self, values: Floats) -> Floats:
        return self.centre + self.scale * values

    def _part(self, raw: Floats) -> tuple[Any, ...]:
        columns = self.preparation.columns(raw)
        smooth = self.kernel.columns(columns)
        shape = (len(raw), len(self.arms))
        margin, spread, low, high = (np.empty(shape) for _ in range(4))
        drawn = np.empty((len(self.fitted.jitter), *shape), dtype=np.float32)
        blank = np.zeros(len(raw), dtype=np.int64)
        persons = Rows(raw, columns, smooth, blank, blank, np.zeros((len(raw), 0)))
        for code in range(len(self.arms)):
            rows = persons.under(code, self.fitted.design)
            margin[:, code] = self.fitted.margin(rows)
            draws = self.fitted.draws(rows)
            spread[:, code] = draws.std(axis=0, ddof=1)
            drawn[:, :, code] = self._back(self.fitted.mean_of(draws))
            if self.residuals is not None:
                size = self.residuals.spread(columns)
                low[:, code] = margin[:, code] + size * self.residuals.low[code]
                high[:, code] = margin[:, code] + size * self.residuals.high[code]
        return margin, spread, drawn, self.assignment.of(columns), low, high


def fit_effects(
    X: ArrayLike,  # noqa: N803 - the contract's name
    treatment: ArrayLike,
    y: ArrayLike,
    *,
    outcome: Outcome = "binary",
    groups: ArrayLike | None = None,
    seed: int = 0,
    arm_prior: ArmPrior | None = None,
) -> EffectModel:
    """Learn the outcome under every arm from a table in which every row was given one of them.

    Parameters
    ----------
    X : (n, p) features known before the arm was given; NaN = not known.
    treatment : (n,) integer arms. With one arm alone the model gives prognoses, and no contrast.
    y : (n,) 0 and 1 for a ``binary`` outcome, any number for a ``continuous`` one (a count too).
    groups : (n,) labels of rows that belong together (of one patient); kept together in every split.
    seed : the same input and seed give the same model.
    arm_prior : evidence on the arms from elsewhere.

    Warns
    -----
    LeakSuspected
        when one column alone gives a binary outcome away.

    Raises
    ------
    TrainingRefused
        naming the argument at fault: fewer than 30 rows, hardly any events, missing or infinite values.
    """
    raw, arms, arm, target, people = _checked(X, treatment, y, groups, outcome)
    with threadpool_limits(1):
        return _fit(raw, arms, arm, target, people, outcome, seed, arm_prior, response_rules().learner)


def _fit(
    raw: Floats, arms: tuple[int, ...], arm: Ints, y: Floats, people: Ints, outcome: Outcome, seed: int,
    prior: ArmPrior | None, rules: Learner,
) -> EffectModel:  # fmt: skip
    binary = outcome == "binary"
    centre, scale = (0.0, 1.0) if binary else (float(y.mean()), float(y.std()) or 1.0)
    preparation = Preparation.fit(raw, ("none",) * raw.shape[1])
    columns = preparation.columns(raw)
    random = np.random.default_rng([seed, 7])
    kernel = Kernel.of(columns, random)
    folds = dealt_folds(people, arm, y, rules.folds, random)
    assignment = fit_assignment(columns, arm, len(arms))
    propensity = cross_fitted(columns, arm, len(arms), folds, assignment)
    design = _design(arms, prior, scale)
    problem = Problem(
        rows=Rows(raw, columns, kernel.columns(columns), arm, np.zeros(len(arm), dtype=np.int64), design.main[arm]),
        y=(y - centre) / scale,
        weights=np.ones(len(y)),
        groups=people,
        propensity=propensity,
        design=design,
        link=Link(outcome),
        feature_names=tuple(f"x{place}" for place in range(raw.shape[1])),
    )
    settings = FitSettings(
        candidates=_candidates(columns.shape[1], len(y), len(arms), rules),
        folds=rules.folds, draws=rules.draws, resamples=rules.resamples, slope_sd=rules.slope_sd, seed=seed,
        spread_drawn=rules.spread_drawn, spread_mixed=rules.spread_mixed,
    )  # fmt: skip
    fitted, judged = fit(problem, settings)
    residuals = None
    if not binary:
        own = judged.mix[np.arange(len(y)), arm]
        residuals = fit_residuals(problem.y - own, columns, arm, propensity, problem.weights, LEVEL)
    given_away = leaks(raw, y, problem.feature_names) if binary else ()
    warn_of(given_away)
    return EffectModel(
        arms=arms, outcome=outcome, losses=judged.losses,
        shares={one.name: one.share for one in fitted.candidates}, leaks=given_away, features=raw.shape[1],
        fitted=fitted,
        preparation=preparation, kernel=kernel, assignment=assignment, residuals=residuals, centre=centre, scale=scale,
    )  # fmt: skip


def _design(arms: tuple[int, ...], prior: ArmPrior | None, scale: float) -> ArmDesign:
    count = len(arms)
    each = np.eye(count)
    anchor, sd = np.zeros(count), np.full(count, _ARM_SD if count > 1 else 1e-3)
    if prior is not None:
        for place, arm in enumerate(arms):
            if arm in prior.effect:
                anchor[place] = prior.effect[arm] / scale
                sd[place] = max(prior.se.get(arm, 0.0) / scale, 1e-3)
        sd[0] = 1e-3
    several = count > 1
    return ArmDesign(
        anchor=anchor,
        main=each,
        main_sd=sd,
        modifiers=each if several else np.zeros((1, 0)),
        modifier_block=np.zeros(count if several else 0, dtype=np.int64),
        trees=each if several else np.zeros((1, 0)),
        pair=np.zeros((1, count, 0)),
    )


def _candidates(columns: int, rows: int, arms: int, rules: Learner) -> tuple[Candidate, ...]:
    every, none = tuple(range(columns)), ()
    additive = Layout(none, smooth=False)
    trees = TreeSettings.of(rules)
    found = [Candidate("additive", additive, None, False, False)]
    best = additive
    if arms > 1:
        best = Layout(every, smooth=False)
        found.append(Candidate("interacted", best, None, False, True))
    if rows <= MOST_ROWS:
        found.append(Candidate("smooth", Layout(every if arms > 1 else none, smooth=True), None, False, arms > 1))
    found.append(Candidate("trees on linear", best, trees, arms > 1, arms > 1))
    found.append(Candidate("trees alone", None, trees, arms > 1, arms > 1))
    return tuple(found)


def _matrix(given: ArrayLike) -> Floats:
    try:
        raw = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingRefused(f"X: not a table of numbers ({error})") from error
    if raw.ndim != 2 or not raw.shape[1]:
        raise TrainingRefused(f"X: must have rows and at least one feature, has shape {raw.shape}")
    if np.isinf(raw).any():
        row, column = np.argwhere(np.isinf(raw))[0]
        raise TrainingRefused(f"X: infinite value in row {row}, feature {column}; give NaN where nothing is known")
    return raw


def _vector(given: ArrayLike, name: str, rows: int) -> Floats:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingRefused(f"{name}: not numbers ({error})") from error
    if values.shape != (rows,):
        raise TrainingRefused(f"{name}: has shape {values.shape}, X has {rows} rows")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise TrainingRefused(
            f"{name}: missing or infinite in {len(wrong)} rows, first in row {wrong[0]}; leave them out"
        )
    return values


def _checked(
    features: ArrayLike,
    treatment: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None,
    outcome: str,
) -> tuple[Floats, tuple[int, ...], Ints, Floats, Ints]:
    raw = _matrix(features)
    if outcome not in ("binary", "continuous"):
        raise TrainingRefused(f"outcome: {outcome!r} is unknown; choose binary or continuous")
    if len(raw) < _LEAST_ROWS:
        raise TrainingRefused(f"X: {len(raw)} rows; at least {_LEAST_ROWS} are needed")
    given, target = _vector(treatment, "treatment", len(raw)), _vector(y, "y", len(raw))
    if (given != np.rint(given)).any():
        raise TrainingRefused("treatment: arms must be whole numbers")
    labels, arm = np.unique(given.astype(np.int64), return_inverse=True)
    if outcome == "binary":
        if not np.isin(target, (0.0, 1.0)).all():
            raise TrainingRefused("y: a binary outcome is 0 or 1; for another say outcome='continuous'")
        rarer = int(min(target.sum(), len(target) - target.sum()))
        if rarer < _LEAST_EVENTS:
            raise TrainingRefused(f"y: {rarer} rows of the rarer outcome; at least {_LEAST_EVENTS} are needed")
    people = np.arange(len(raw)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if people.shape != (len(raw),):
        raise TrainingRefused(f"groups: has shape {people.shape}, X has {len(raw)} rows")
    return raw, tuple(int(label) for label in labels), arm.astype(np.int64), target, people.astype(np.int64)
