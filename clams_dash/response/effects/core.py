"""Fitting of one outcome under several arms: candidates, their mix, doubly robust shift, recalibration, draws.

Candidates are linear parts (additive; with features by arm; with smooth functions) and boosted trees on top of them or
alone. Everything that chooses between them is judged out of fold, a group's rows together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xgboost as xgb

from clams_dash.response.effects.design import ArmDesign, Layout, Rows
from clams_dash.response.effects.glm import Posterior, fit_glm
from clams_dash.response.effects.links import Link
from clams_dash.response.effects.losses import dealt_folds, mixed
from clams_dash.response.effects.shift import ArmMeans, arm_means, shrunken_shifts
from clams_dash.response.effects.trees import Grower, TreeSettings, added, out_of_fold
from clams_dash.response.scores import calibration_line
from clams_dash.response.timelines import Floats, Ints

Progress = Callable[[str, float], None]
_ENOUGH_FOR_SPREADS = 20_000
"""rows from which the spreads of priors are learnt; more tell hardly more"""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be learnt: persons under their arms, outcome ``y`` (n,), ``weights`` and ``groups`` (n,).

    ``propensity`` (n, K) out of fold. ``feature_sd`` and ``direction`` (c,) start the priors of the columns.
    """

    rows: Rows
    y: Floats
    weights: Floats
    groups: Ints
    propensity: Floats
    design: ArmDesign
    link: Link
    feature_names: tuple[str, ...]
    feature_sd: Floats | None = None
    direction: Floats | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to predict: a linear layout, with trees on top or alone (``flat``).

    ``heterogeneous`` says whether a person's features may change an arm's effect on the link.
    """

    name: str
    layout: Layout | None
    trees: TreeSettings | None
    trees_know_arms: bool
    heterogeneous: bool


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to fit: folds, draws from the posterior, resampled trees, most the recalibration may bend."""

    candidates: tuple[Candidate, ...]
    folds: int
    draws: int
    resamples: int
    slope_sd: float
    seed: int
    spread_drawn: float
    spread_mixed: float


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted linear part: ``mean`` (k,) and ``draws`` (B, k) of its coefficients."""

    layout: Layout
    mean: Floats
    draws: Floats

    def margins(self, rows: Rows, design: ArmDesign, *, drawn: bool) -> Floats:
        """Margin (n,), or with ``drawn`` of every draw (B, n)."""
        coefficients = self.draws.T if drawn else self.mean
        linear = self.layout.matrix(rows, design) @ coefficients
        return np.asarray((linear + design.anchor[rows.arm][:, None]).T if drawn else linear + design.anchor[rows.arm])


@dataclass(frozen=True, slots=True)
class TreeFit:
    """Fitted trees and their refits on reweighted groups."""

    grower: Grower
    point: xgb.Booster
    resampled: tuple[xgb.Booster, ...]


@dataclass(frozen=True, slots=True)
class FittedCandidate:
    """A candidate ready to predict, with its ``share`` of the mix. ``base`` is its margin without linear part."""

    name: str
    heterogeneous: bool
    share: float
    base: float
    linear: LinearFit | None
    trees: TreeFit | None

    def margin(self, rows: Rows, design: ArmDesign) -> Floats:
        """Margin (n,)."""
        found = self.linear.margins(rows, design, drawn=False) if self.linear else np.full(len(rows.arm), self.base)
        return found + added(self.trees.point, self.trees.grower.rows(rows)) if self.trees else found

    def draws(self, rows: Rows, design: ArmDesign, count: int) -> Floats:
        """Margin of every draw (B, n)."""
        if self.linear:
            found = self.linear.margins(rows, design, drawn=True)
        else:
            found = np.full((count, len(rows.arm)), self.base)
        if self.trees:
            seen = self.trees.grower.rows(rows)
            moved = np.stack([added(booster, seen) for booster in self.trees.resampled])
            found = found + moved[np.arange(count) % len(moved)]
        return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted outcome. ``shift`` (K,) of the arms; ``intercept`` and ``slope`` recalibrate; ``jitter`` (B, C) mixes.

    ``spread_drawn`` and ``spread_mixed`` are the learnt factors of what draws and disagreeing candidates tell of error.
    """

    design: ArmDesign
    link: Link
    candidates: tuple[FittedCandidate, ...]
    shift: Floats
    intercept: float
    slope: float
    jitter: Floats
    spread_drawn: float
    spread_mixed: float

    def margin(self, rows: Rows) -> Floats:
        """Margin (n,) on the link: logit of the risk, or the mean."""
        parts = [one.share * one.margin(rows, self.design) for one in self.candidates]
        return np.asarray(self.intercept + self.slope * (np.sum(parts, axis=0) + self.shift[rows.arm]))

    def draws(self, rows: Rows) -> Floats:
        """Margins (B, n) that spread around :meth:`margin` as its error is expected to."""
        count = len(self.jitter)
        points = np.stack([one.margin(rows, self.design) for one in self.candidates])
        shares = np.array([one.share for one in self.candidates])
        middle = shares @ points
        away = np.zeros((count, len(rows.arm)))
        for one, point in zip(self.candidates, points, strict=True):
            away += one.share * (one.draws(rows, self.design, count) - point)
        away = self.spread_drawn * (away - away.mean(axis=0))
        leaning = np.sqrt(np.maximum(shares, 0.05))[:, None] * (points - middle)
        away += self.spread_mixed * (self.jitter @ leaning)
        return np.asarray(self.intercept + self.slope * (middle + self.shift[rows.arm] + away))

    def mean_of(self, margin: Floats) -> Floats:
        """Risk or mean of a margin."""
        return self.link.mean(margin)


@dataclass(frozen=True, slots=True)
class Judged:
    """What cross-validation found of a mix of candidates.

    ``shares`` (C,); ``mix`` (n, K) out-of-fold margins, mixed, shifted and recalibrated; ``losses`` by candidate;
    ``means`` doubly robust means; ``shift`` (K,), ``intercept`` and ``slope`` as in :class:`Fitted`.
    """

    shares: Floats
    mix: Floats
    losses: dict[str, float]
    means: ArmMeans
    shift: Floats
    intercept: float
    slope: float


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate on all rows, its out-of-fold margins (n, K), rounds of its trees and their base margin (n,)."""

    candidate: Candidate
    posterior: Posterior | None
    margins: Floats
    rounds: int
    grower: Grower | None
    tree_base: Floats | None


def fit(problem: Problem, settings: FitSettings, tell: Progress | None = None) -> tuple[Fitted, Judged]:
    """Fit the candidates and mix them."""
    say = tell or (lambda text, share: None)
    found = out_of_fold_candidates(problem, settings, say)
    judged = judge(problem, settings, found)
    return finish(problem, settings, found, judged, say), judged


def judge(problem: Problem, settings: FitSettings, found: Sequence[Tried]) -> Judged:
    """Mix tried candidates, shift the arms and recalibrate, all out of fold."""
    own = np.arange(len(problem.y)), problem.rows.arm
    at_own = np.column_stack([one.margins[own] for one in found])
    shares = mixed(problem.y, at_own, problem.weights, problem.link)
    mix = np.sum([share * one.margins for one, share in zip(found, shares, strict=True)], axis=0)
    means = arm_means(
        problem.y, problem.rows.arm, mix, problem.propensity, problem.weights, problem.groups, problem.link
    )
    shift = shrunken_shifts(means, mix, problem.weights, problem.link)
    intercept, slope = _recalibration(problem, (mix + shift)[own], settings.slope_sd)
    losses = {
        one.candidate.name: problem.link.loss(problem.y, at_own[:, place], problem.weights)
        for place, one in enumerate(found)
    }
    return Judged(shares, intercept + slope * (mix + shift), losses, means, shift, intercept, slope)


def finish(problem: Problem, settings: FitSettings, found: Sequence[Tried], judged: Judged, say: Progress) -> Fitted:
    """Fit what varies between draws, for the candidates that have a share."""
    random = np.random.default_rng([settings.seed, 12])
    kept = [(one, share) for one, share in zip(found, judged.shares, strict=True) if share > 0]
    fitted = []
    for number, (one, share) in enumerate(kept):
        say(f"resampling {one.candidate.name}", 0.6 + 0.4 * number / len(kept))
        fitted.append(_fitted(problem, settings, one, float(share), random))
    return Fitted(
        design=problem.design,
        link=problem.link,
        candidates=tuple(fitted),
        shift=judged.shift,
        intercept=judged.intercept,
        slope=judged.slope,
        jitter=random.standard_normal((settings.draws, len(kept))),
        spread_drawn=settings.spread_drawn,
        spread_mixed=settings.spread_mixed,
    )


def _recalibration(problem: Problem, linear: Floats, slope_sd: float) -> tuple[float, float]:
    if problem.link is not Link.BINARY:
        return 0.0, 1.0
    return calibration_line(problem.y, problem.link.mean(linear), problem.weights, slope_sd)


def out_of_fold_candidates(problem: Problem, settings: FitSettings, say: Progress) -> list[Tried]:
    """Every candidate, tried on rows it was not fitted to."""
    random = np.random.default_rng([settings.seed, 11])
    folds = dealt_folds(problem.groups, problem.rows.arm, problem.y, settings.folds, random)
    linear: dict[Layout, tuple[Posterior, Floats]] = {}
    found = []
    for number, candidate in enumerate(settings.candidates):
        say(candidate.name, 0.55 * number / len(settings.candidates))
        posterior, margins = None, np.full((len(problem.y), problem.design.count), flat_margin(problem))
        if candidate.layout is not None:
            if candidate.layout not in linear:
                linear[candidate.layout] = _linear(problem, candidate.layout, folds)
            posterior, margins = linear[candidate.layout]
        if candidate.trees is None:
            found.append(Tried(candidate, posterior, margins, 0, None, None))
            continue
        base = margins[np.arange(len(problem.y)), problem.rows.arm]
        grower = _grower(problem, candidate, candidate.trees, settings.seed)
        judged = out_of_fold(grower, problem.rows, problem.y, problem.weights, base, folds)
        found.append(Tried(candidate, posterior, margins + judged.added, judged.rounds, grower, base))
    return found


def flat_margin(problem: Problem) -> float:
    """The margin of the overall risk or mean."""
    return problem.link.margin(float(np.average(problem.y, weights=problem.weights)))


def _grower(problem: Problem, candidate: Candidate, trees: TreeSettings, seed: int) -> Grower:
    design = problem.design
    names = problem.feature_names
    if candidate.trees_know_arms:
        extra = design.trees.shape[1] + design.pair.shape[2]
        names = (*names, *(f"arm{place}" for place in range(extra)))
    return Grower(trees, design, candidate.trees_know_arms, problem.link, seed, names)


def _linear(problem: Problem, layout: Layout, folds: Ints) -> tuple[Posterior, Floats]:
    """Fit on all rows, and margins (n, K) of every row by a fit without its fold, with the spreads learnt on all."""
    design = layout.matrix(problem.rows, problem.design)
    offset = problem.design.anchor[problem.rows.arm]
    blocks = layout.blocks(problem.rows, problem.design, problem.feature_sd, problem.direction)
    start = blocks.mean.copy()
    start[0] = flat_margin(problem)
    if len(problem.y) > 1.2 * _ENOUGH_FOR_SPREADS:
        some = np.flatnonzero(problem.groups % -(-len(problem.y) // _ENOUGH_FOR_SPREADS) == 0)
        first = fit_glm(
            design[some], problem.y[some], problem.weights[some], blocks,
            link=problem.link, offset=offset[some], start=start,
        )  # fmt: skip
        blocks, start = first.blocks, first.mean
    whole = fit_glm(design, problem.y, problem.weights, blocks, link=problem.link, offset=offset, start=start)
    margins = np.empty((len(problem.y), problem.design.count))
    for fold in np.unique(folds):
        within, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        part = fit_glm(
            design[within], problem.y[within], problem.weights[within], whole.blocks,
            link=problem.link, offset=offset[within], start=whole.mean,
        )  # fmt: skip
        rows = problem.rows.take(out)
        for arm in range(problem.design.count):
            moved = layout.matrix(rows.under(arm, problem.design), problem.design)
            margins[out, arm] = moved @ part.mean + problem.design.anchor[arm]
    return whole, margins


def _fitted(
    problem: Problem, settings: FitSettings, found: Tried, share: float, random: np.random.Generator
) -> FittedCandidate:
    linear = None
    if found.posterior is not None and found.candidate.layout is not None:
        drawn = found.posterior.draws(settings.draws, random)
        linear = LinearFit(found.candidate.layout, found.posterior.mean, drawn)
    trees = None
    if found.grower is not None and found.tree_base is not None:
        trees = _resampled(problem, settings, found.grower, found.tree_base, found.rounds, random)
    return FittedCandidate(
        found.candidate.name, found.candidate.heterogeneous, share, flat_margin(problem), linear, trees
    )


def _resampled(
    problem: Problem, settings: FitSettings, grower: Grower, base: Floats, rounds: int, random: np.random.Generator
) -> TreeFit:
    """Trees on all rows, and on rows reweighted by group (Bayesian bootstrap)."""
    seen = grower.rows(problem.rows)
    data = grower.data(seen, problem.y, problem.weights, base)
    point = grower.grow(data, rounds, grower.seed)
    people = int(problem.groups.max()) + 1
    resampled = []
    for _ in range(settings.resamples):
        moved = random.standard_exponential(people)[problem.groups]
        data.set_weight(problem.weights * moved)
        resampled.append(grower.grow(data, rounds, int(random.integers(1 << 30))))
    return TreeFit(grower, point, tuple(resampled))
