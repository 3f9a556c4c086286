"""Generalised linear models with normal priors whose spreads are learnt: penalised regression without a grid search.

Coefficients come in blocks. A block's prior standard deviation is given, or estimated by maximising the (Laplace)
marginal likelihood, so that a block without signal shrinks away by itself. The posterior is normal around its mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from clams_dash.response.effects.links import Link
from clams_dash.response.timelines import Bools, Floats, Ints

_STEPS = 25
_EMPIRICAL_ROUNDS = 12
_SD_LIMITS = (0.005, 3.0)
_TOLERANCE = 1e-6
_PRIOR_SHAPE, _PRIOR_SCALE = 0.5, 0.05


@dataclass(frozen=True, slots=True)
class Blocks:
    """Priors of coefficients: ``of`` (k,) the block of each, ``sd`` (blocks,) its spread, ``learnt`` whether estimated.

    ``mean`` (k,); ``direction`` (k,) is 1 or -1 where a coefficient may have that sign only, 0 where either will do.
    """

    of: Ints
    sd: Floats
    learnt: Bools
    mean: Floats
    direction: Floats

    def precision(self) -> Floats:
        """Prior precision of every coefficient (k,)."""
        return np.asarray(1.0 / np.square(self.sd[self.of]))

    def with_sd(self, sd: Floats) -> Blocks:
        """The same with other spreads, none of them to be learnt again."""
        return Blocks(self.of, sd, np.zeros(len(sd), dtype=bool), self.mean, self.direction)


@dataclass(frozen=True, slots=True)
class Posterior:
    """``mean`` (k,) of the coefficients; ``factor`` (k, k) upper Cholesky factor of their precision; ``noise`` = sd.

    ``noise`` is 1 for a binary outcome, the square root of the dispersion of a count.
    """

    mean: Floats
    factor: Floats
    blocks: Blocks
    noise: float

    def draws(self, count: int, random: np.random.Generator) -> Floats:
        """Coefficients drawn from the posterior (count, k)."""
        z = random.standard_normal((len(self.mean), count))
        return np.asarray(self.mean + solve_triangular(self.factor, z, lower=False).T)


def fit_glm(
    design: Floats,
    y: Floats,
    weights: Floats,
    blocks: Blocks,
    *,
    link: Link,
    offset: Floats,
    start: Floats | None = None,
) -> Posterior:
    """Most probable coefficients, with the spreads of the learnt blocks.

    Parameters
    ----------
    design : (n, k). ``y`` (n,); a continuous one on a scale of about unit variance.
    weights : (n,) not negative. ``offset`` (n,) is added with coefficient one.
    start : (k,) where to begin.
    """
    sd = blocks.sd.copy()
    mean = blocks.mean.copy() if start is None else start.copy()
    noise = _noise(design, y, weights, mean, offset, 0.0, link)
    rounds = _EMPIRICAL_ROUNDS if blocks.learnt.any() else (1 if link is Link.BINARY else 3)
    for _ in range(rounds):
        now = Blocks(blocks.of, sd, blocks.learnt, blocks.mean, blocks.direction)
        mean, factor = _mode(design, y, weights, now, offset, mean, noise, link)
        variance = np.square(solve_triangular(factor, np.eye(len(mean)), lower=False)).sum(axis=1)
        known = len(mean) - float(np.sum(variance * now.precision()))
        before = sd.copy(), noise
        noise = _noise(design, y, weights, mean, offset, known, link)
        sd = _spreads(now, mean, variance)
        if np.allclose(sd, before[0], rtol=0.02) and abs(noise - before[1]) < 0.01 * noise:
            break
    last = Blocks(blocks.of, sd, np.zeros(len(sd), dtype=bool), blocks.mean, blocks.direction)
    if blocks.learnt.any():
        mean, factor = _mode(design, y, weights, last, offset, mean, noise, link)
    return Posterior(mean, factor, last, noise)


def _noise(design: Floats, y: Floats, weights: Floats, mean: Floats, offset: Floats, known: float, link: Link) -> float:
    """Residual standard deviation of a number, square root of the dispersion of a count, 1 for yes or no."""
    if link is Link.BINARY:
        return 1.0
    fitted = link.mean(offset + design @ mean)
    squares = float(weights @ (np.square(y - fitted) / np.maximum(link.bend(fitted), 1e-3)))
    return float(np.sqrt(squares / max(float(weights.sum()) - known, 1.0)) + 1e-6)


def _spreads(blocks: Blocks, mean: Floats, variance: Floats) -> Floats:
    """One step of MacKay's fixed point for the learnt blocks."""
    sd = blocks.sd.copy()
    for block in np.flatnonzero(blocks.learnt):
        own = blocks.of == block
        squares = float(np.square(mean[own] - blocks.mean[own]).sum())
        known = float(own.sum()) - float(variance[own].sum()) / sd[block] ** 2
        spread = (squares + 2 * _PRIOR_SHAPE * _PRIOR_SCALE**2) / (max(known, 0.0) + 2 * _PRIOR_SHAPE)
        sd[block] = float(np.clip(np.sqrt(spread), *_SD_LIMITS))
    return sd


def _mode(
    design: Floats, y: Floats, weights: Floats, blocks: Blocks, offset: Floats, start: Floats, noise: float, link: Link
) -> tuple[Floats, Floats]:
    """Mode and Cholesky factor of the precision there; coefficients against their direction are held at their mean."""
    precision = blocks.precision()
    held = np.zeros(len(start), dtype=bool)
    mean = start
    while True:
        firm = np.where(held, precision * 1e8, precision)
        mean, factor = _newton(design, y, weights / noise**2, blocks.mean, firm, offset, mean, link)
        wrong = ~held & (mean * blocks.direction < 0)
        if not wrong.any():
            return mean, factor
        held |= wrong
        mean = np.where(held, blocks.mean, mean)


def _newton(
    design: Floats,
    y: Floats,
    weights: Floats,
    prior: Floats,
    precision: Floats,
    offset: Floats,
    start: Floats,
    link: Link,
) -> tuple[Floats, Floats]:
    mean = start
    linear = offset + design @ mean
    value = _loss(linear, y, weights, mean - prior, precision, link)
    factor: Floats
    for _ in range(_STEPS):
        fitted = link.mean(linear)
        bent = weights * link.bend(fitted)
        gradient = design.T @ (weights * (fitted - y)) + precision * (mean - prior)
        curvature = design.T @ (design * bent[:, None])
        curvature[np.diag_indices_from(curvature)] += precision
        factor, _ = cho_factor(curvature, lower=False, check_finite=False)
        step = cho_solve((factor, False), gradient, check_finite=False)
        moved = design @ step
        length = 1.0
        while True:
            reached = _loss(linear - length * moved, y, weights, mean - length * step - prior, precision, link)
            if reached <= value + 1e-12 * abs(value) or length < 1e-5:
                break
            length /= 2
        mean, linear = mean - length * step, linear - length * moved
        small = value - reached < _TOLERANCE * max(abs(value), 1.0)
        value = reached
        if small or link is Link.CONTINUOUS:
            break
    return mean, np.triu(factor)


def _loss(linear: Floats, y: Floats, weights: Floats, away: Floats, precision: Floats, link: Link) -> float:
    return float(weights @ link.losses(y, linear) + 0.5 * precision @ np.square(away))
