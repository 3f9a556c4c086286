"""Fixed hidden traits of a person (frailties, the unmeasured confounder): their distribution and what bears on them.

Traits enter the course only through factors on rates, so that what a course tells about them is held in a few sums per
particle (events and exposure), and they can be drawn anew without running the course again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from clams_dash.cohort.disease_state import take_rows
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_STEP = 0.6
"""spread of a proposed change of a trait, on the log scale"""


@dataclass(frozen=True, slots=True)
class Traits:
    """Arrays over particles: shared and own parts of relapse and lesion frailty, the tendency to progress, and U."""

    shared: FloatArray
    own_relapse: FloatArray
    own_lesion: FloatArray
    progression: FloatArray
    confounder: FloatArray

    @property
    def relapse(self) -> FloatArray:
        """Factor on the relapse rate, the centre's own factor apart."""
        return self.shared + self.own_relapse

    @property
    def lesion(self) -> FloatArray:
        """Factor on the rate of new lesions, the centre's own factor apart."""
        return self.shared + self.own_lesion

    def take(self, rows: IntArray) -> Traits:
        """The given particles."""
        return take_rows(self, rows)

    def where(self, chosen: NDArray[np.bool_], other: Traits) -> Traits:
        """These where chosen, else the other ones."""
        return Traits(*(np.where(chosen, getattr(self, name), getattr(other, name)) for name in _NAMES))


_NAMES = tuple(Traits.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Prior:
    """How traits are distributed in the generator (``people.draw_people``)."""

    shape: float
    shared: float
    progression_shape: float
    relapse_slope: float
    worsening_slope: float
    frailty_pull: float
    confounder_pull: float

    @classmethod
    def of(cls, parameters: Parameters, world: World) -> Prior:
        """From the cohort's parameters and the scenario."""
        cohort, scenario = parameters.cohort, world.scenario
        return cls(
            cohort.frailty_shape,
            cohort.frailty_shared,
            cohort.progression_frailty_shape,
            scenario.confounder_relapse,
            scenario.confounder_worsening,
            parameters.treatment.frailty_confounding,
            scenario.confounder_assignment,
        )

    def _shapes(self) -> tuple[float, float]:
        return max(self.shape * self.shared, 1e-9), max(self.shape * (1.0 - self.shared), 1e-9)

    def draw(self, count: int, rng: np.random.Generator) -> Traits:
        """Traits of ``count`` particles."""
        shared, own = self._shapes()
        return Traits(
            rng.gamma(shared, 1.0 / self.shape, count),
            rng.gamma(own, 1.0 / self.shape, count),
            rng.gamma(own, 1.0 / self.shape, count),
            rng.gamma(self.progression_shape, 1.0 / self.progression_shape, count),
            rng.standard_normal(count),
        )

    def log_density(self, traits: Traits) -> FloatArray:
        """Log density of the logs of the gamma traits and of U, up to a constant."""
        shared, own = self._shapes()
        total = shared * np.log(traits.shared) - self.shape * traits.shared - 0.5 * traits.confounder**2
        for value in (traits.own_relapse, traits.own_lesion):
            total = total + own * np.log(value) - self.shape * value
        rate = self.progression_shape
        return np.asarray(total + rate * np.log(traits.progression) - rate * traits.progression)

    def relapse_factor(self, traits: Traits) -> FloatArray:
        """Factor on the relapse rate of frailty and U together."""
        slope = self.relapse_slope
        return np.asarray(traits.relapse * np.exp(slope * traits.confounder - 0.5 * slope**2))

    def worsening_factor(self, traits: Traits) -> FloatArray:
        """Factor on the hazard of progression of tendency and U together."""
        slope = self.worsening_slope
        return np.asarray(traits.progression * np.exp(slope * traits.confounder - 0.5 * slope**2))

    def pull(self, traits: Traits) -> FloatArray:
        """What the traits add to the activity that pulls towards stronger drugs."""
        seen = self.frailty_pull * np.log(np.maximum(traits.relapse, 0.05))
        return np.asarray(seen + self.confounder_pull * traits.confounder)

    def propose(self, traits: Traits, rng: np.random.Generator) -> Traits:
        """A small symmetric change of every trait (of the logs of the gamma traits)."""
        change = rng.standard_normal((5, len(traits.shared))) * _STEP
        values = [np.maximum(getattr(traits, name), 1e-12) * np.exp(change[row]) for row, name in enumerate(_NAMES[:4])]
        return Traits(values[0], values[1], values[2], values[3], traits.confounder + change[4])


def negative_binomial(count: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Log probability of counts with a given mean and a variance above it."""
    mean = np.maximum(mean, 1e-9)
    size = mean**2 / np.maximum(variance - mean, 1e-9 * mean + 1e-12)
    size = np.minimum(size, 1e6)
    return np.asarray(
        gammaln(count + size)
        - gammaln(size)
        - gammaln(count + 1.0)
        + size * np.log(size / (size + mean))
        + count * np.log(mean / (size + mean))
    )


@dataclass(frozen=True, slots=True)
class LesionMeans:
    """Mean number of new lesions over some months, ``frailty x steady + fixed``, and what bursts add to its variance.

    ``squares``, ``cross`` and ``fixed_squares`` are the sums over the months of the squares of the two parts.
    """

    steady: FloatArray
    fixed: FloatArray
    squares: FloatArray
    cross: FloatArray
    fixed_squares: FloatArray

    @classmethod
    def none(cls, count: int) -> LesionMeans:
        """No months yet."""
        return cls(*(np.zeros(count) for _ in range(5)))

    def add(self, steady: FloatArray, fixed: FloatArray, weight: float = 1.0) -> LesionMeans:
        """With one more month, counted with a weight."""
        return LesionMeans(
            self.steady + weight * steady,
            self.fixed + weight * fixed,
            self.squares + weight**2 * steady**2,
            self.cross + weight**2 * steady * fixed,
            self.fixed_squares + weight**2 * fixed**2,
        )

    def take(self, rows: IntArray) -> LesionMeans:
        """The given particles."""
        return take_rows(self, rows)

    def cleared(self, rows: IntArray) -> LesionMeans:
        """Nothing in the given particles."""
        values = [getattr(self, name).copy() for name in self.__dataclass_fields__]
        for value in values:
            value[rows] = 0.0
        return LesionMeans(*values)

    def moments(self, frailty: FloatArray, burst_shape: float, factor: float = 1.0) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of ``factor`` times as many lesions."""
        mean = factor * (frailty * self.steady + self.fixed)
        burst = frailty**2 * self.squares + 2.0 * frailty * self.cross + self.fixed_squares
        return mean, mean + factor**2 * burst / burst_shape


def first_count_log_likelihood(
    count: FloatArray, means: LesionMeans, frailty: FloatArray, parameters: Parameters
) -> FloatArray:
    """Log likelihood of the T2 count of a first scan: the lesions at onset and all since, confluence undone."""
    rules = parameters.lesions
    mean, variance = means.moments(frailty, rules.burst_shape)
    at_onset = rules.count_at_onset * frailty
    slope = 1.0 + rules.confluence * (1.0 + at_onset)
    total = 1.0 + at_onset + 0.5 * rules.confluence * ((1.0 + at_onset) ** 2 + at_onset) + mean
    variance = variance + slope**2 * at_onset + 1e-6
    shape, rate = total**2 / variance, total / variance
    value = np.maximum(unmerged(count, parameters), 0.5)
    return np.asarray(shape * np.log(rate) - gammaln(shape) + (shape - 1.0) * np.log(value) - rate * value)


def unmerged(count: FloatArray, parameters: Parameters) -> FloatArray:
    """Lesions ever born for a T2 count: what confluence took from the count is added again."""
    return np.asarray(count + 0.5 * parameters.lesions.confluence * count**2)


FRAILTY_GRID: FloatArray = np.exp(np.linspace(np.log(0.01), np.log(12.0), 22))
_GRID_START, _GRID_STEP = np.log(FRAILTY_GRID[0]), np.log(FRAILTY_GRID[1] / FRAILTY_GRID[0])


def interpolate(table: FloatArray, frailty: FloatArray) -> FloatArray:
    """Values of a table (grid x particle) of ``FRAILTY_GRID`` at a frailty, by the parabola through three points."""
    place = np.clip((np.log(frailty) - _GRID_START) / _GRID_STEP, 0.0, len(FRAILTY_GRID) - 1.0)
    middle = np.clip(np.rint(place).astype(np.int64), 1, len(FRAILTY_GRID) - 2)
    away, column = place - middle, np.arange(table.shape[1])
    low, centre, high = (table[middle + shift, column] for shift in (-1, 0, 1))
    return np.asarray(centre + 0.5 * away * (high - low) + 0.5 * away**2 * (high - 2.0 * centre + low))


@dataclass(slots=True)
class Sums:
    """What the course of every particle tells about its traits."""

    relapses: FloatArray
    relapse_exposure: FloatArray
    """sum of the monthly hazards at a factor of 1"""
    progressions: FloatArray
    progression_exposure: FloatArray
    gfap_count: FloatArray
    gfap_sum: FloatArray
    lesions: FloatArray
    """log likelihood of the lesion counts, ``FRAILTY_GRID`` x particle"""
    choices: FloatArray
    """log likelihood of the therapies chosen, ``PULL_GRID`` x particle"""

    @classmethod
    def none(cls, count: int) -> Sums:
        """Nothing known yet."""
        zero = [np.zeros(count) for _ in range(6)]
        return cls(
            zero[0],
            zero[1],
            zero[2],
            zero[3],
            zero[4],
            zero[5],
            np.zeros((len(FRAILTY_GRID), count)),
            np.zeros((len(PULL_GRID), count)),
        )

    def take(self, rows: IntArray) -> Sums:
        """The given particles."""
        return take_rows(self, rows)


PULL_GRID: FloatArray = np.linspace(-8.0, 8.0, 33)
"""what hidden traits add to the activity that pulls towards stronger drugs (``policy.utilities``)"""


def pulled(table: FloatArray, pull: FloatArray) -> FloatArray:
    """Values of a table (grid x particle) of ``PULL_GRID``, by straight lines."""
    place = np.clip((pull - PULL_GRID[0]) / (PULL_GRID[1] - PULL_GRID[0]), 0.0, len(PULL_GRID) - 1.001)
    low = place.astype(np.int64)
    part, column = place - low, np.arange(table.shape[1])
    return np.asarray((1.0 - part) * table[low, column] + part * table[low + 1, column])


def log_likelihood(traits: Traits, sums: Sums, prior: Prior, parameters: Parameters) -> FloatArray:
    """Log likelihood of traits given the sums of their particles."""
    relapse, worsening = prior.relapse_factor(traits), prior.worsening_factor(traits)
    total = sums.relapses * np.log(relapse) - sums.relapse_exposure * relapse
    total = total + sums.progressions * np.log(worsening) - sums.progression_exposure * worsening
    total = total + interpolate(sums.lesions, traits.lesion) + pulled(sums.choices, prior.pull(traits))
    return np.asarray(total + gfap_log_likelihood(traits, sums.gfap_count, sums.gfap_sum, parameters))


def gfap_log_likelihood(traits: Traits, count: FloatArray, total: FloatArray, parameters: Parameters) -> FloatArray:
    """Log likelihood of the tendency to progress given the mean of some GFAP samples; 0 where there is none."""
    rules = parameters.laboratory
    known = np.maximum(count, 1.0)
    variance = rules.gfap_log_sd**2 + rules.gfap_noise**2 / known
    away = total / known - rules.gfap_progression * np.log(np.maximum(traits.progression, 1e-6))
    return np.asarray(np.where(count > 0, -0.5 * away**2 / variance, 0.0))
