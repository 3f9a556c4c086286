"""The hidden state of a person given what is on record, as a cloud of particles (sequential Monte Carlo).

Every particle runs through the months from onset to the decision with the disease of the cohort
(``disease.step_month``). What is recorded is imposed (relapses, their severity and recovery, conversion to SPMS) or
weighs (rated EDSS, lesion counts, sNfL, GFAP, therapies chosen); what is not recorded is drawn. Particles are
resampled where their weights part, and their fixed traits are then moved by Metropolis steps on the sums of
``traits.py``, so that long records do not leave a few ancestors.
References: Gordon 1993 (bootstrap filter), Gilks & Berzuini 2001 (resample-move), Fearnhead 2002 (sufficient sums).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease import step_month
from clams_dash.cohort.disease_state import RRMS, DiseaseState, Draws, DrawStream, Events, Month, draw_state
from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.truth.traits import Prior, Sums, Traits, log_likelihood
from clams_dash.cohort.truth.weigh import History, Weigher
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_MOVES = 3
_LEAST_WEIGHT = -40.0


@dataclass(frozen=True, slots=True)
class ActingMonth:
    """Log ratios acting in one month, by particle; stands for a ``TreatmentState`` while the record is run through."""

    relapse: FloatArray
    new_t2: FloatArray
    worsening: FloatArray

    def log_ratio(self, outcome: str | None, log_ratio: FloatArray, lag_months: float) -> FloatArray:
        """As it acted; nothing on brain volume, which tells nothing of the hidden state."""
        return np.zeros(len(self.relapse)) if outcome is None else np.asarray(getattr(self, outcome))

    def rebound(self, drugs: Drugs, rebound_months: float, lag_months: float) -> FloatArray:
        """Counted in the log ratio on relapses."""
        return np.ones(len(self.relapse))


@dataclass(frozen=True, slots=True)
class Cloud:
    """Equally weighted particles of one decision: hidden state and traits."""

    state: DiseaseState
    traits: Traits
    shift: float
    """factor of the person's centre on relapse and lesion frailty"""
    effective: float
    """effective number of particles at the end, before the last resampling"""


class ParticleFilter:
    """Runs particles of several decisions, side by side, each through its own months."""

    def __init__(
        self,
        history: History,
        people: People,
        world: World,
        parameters: Parameters,
        particles: int,
        seeds: np.random.SeedSequence,
    ) -> None:
        self.history, self.world, self.parameters, self.particles = history, world, parameters, particles
        state_seed, draw_seed, own_seed = seeds.spawn(3)
        self.rng = np.random.default_rng(own_seed)
        self.decisions = len(history)
        count = self.decisions * particles
        self.owner = np.repeat(np.arange(self.decisions), particles)
        self.base = people.take(self.owner)
        self.shift = world.centre_relapse_factor(self.base.centre)
        self.prior = Prior.of(parameters, world)
        self.traits = self.prior.draw(count, self.rng)
        self.people = self._with_traits()
        self.state = draw_state(self.people, parameters, state_seed)
        self.sums = Sums.none(count)
        self.weigher = Weigher(history, self.owner, self.shift, parameters)
        self.stream = DrawStream(count, parameters, draw_seed)
        self.log_weight = np.zeros((self.decisions, particles))

    def run(self) -> list[Cloud]:
        """The clouds of all decisions."""
        clouds: list[Cloud | None] = [None] * self.decisions
        for month in range(int(self.history.months.max())):
            self._month(month)
            for row in np.flatnonzero(self.history.months == month + 1).tolist():
                clouds[row] = self._finish(row)
        return [cloud for cloud in clouds if cloud is not None]

    def _with_traits(self) -> People:
        return replace(
            self.base,
            frailty=self.traits.relapse * self.shift,
            lesion_frailty=self.traits.lesion * self.shift,
            progression_frailty=self.traits.progression,
            confounder=self.traits.confounder,
        )

    def _month(self, month: int) -> None:
        history, owner = self.history, self.owner
        acting = ActingMonth(*(np.repeat(row, self.particles) for row in history.acting_in(month)))
        age = np.repeat(history.age_in(month), self.particles)
        ill = np.ones(len(owner), dtype=np.bool_)
        draws = self.stream.month()
        self._impose(month, draws, age)
        now = Month(0, ill, ill if month == 0 else ~ill, age)
        events = step_month(self.state, self.people, now, acting, draws, self.world, self.parameters)
        self._count(events)
        weight = self._weight_of_events(month, events)
        weight = weight + self.weigher.weigh(month, self.state, events, self.traits, self.sums, self.prior)
        running = month < history.months
        self.log_weight[running] += weight.reshape(self.decisions, -1)[running]
        self._resample(running)

    def _impose(self, month: int, draws: Draws, age: FloatArray) -> None:
        """Make the random numbers bring about what is on record, and nothing that is not."""
        history = self.history
        seen = np.repeat((month >= history.seen_from) & (month > 0), self.particles)
        draws.relapse[0, seen] = 1.0
        for found in history.relapses.get(month, []):
            columns = self._columns(found.row)
            severity, recovery = (np.repeat(value, self.particles) for value in found.values)
            draws.relapse[0, columns] = 0.0
            draws.relapse[1, columns] = self._severity_uniform(severity)
            self._impose_recovery(draws, columns, severity.astype(np.int64), recovery.astype(np.int64), age[columns])
        converts = np.repeat(history.spms_month == month, self.particles)
        draws.disability[3] = np.where(converts, 0.0, 1.0)
        for found in history.progression_stops.get(month, []):
            draws.disability[0, self._columns(found.row)] = 0.0

    def _severity_uniform(self, severity: FloatArray) -> FloatArray:
        edges = np.concatenate([[0.0], np.cumsum(self.parameters.relapse.severity_shares)])
        place = severity.astype(np.int64)
        return np.asarray(0.5 * (edges[place] + edges[place + 1]))

    def _impose_recovery(
        self, draws: Draws, columns: IntArray, severity: IntArray, recovery: IntArray, age: FloatArray
    ) -> None:
        """Residual deficit as the recorded recovery has it; free where that is unknown."""
        rules = self.parameters.disability
        older = np.clip(np.exp(rules.residual_age_slope * (age - 35.0)), 0.6, 1.6)
        some = rules.residual_any * np.array(rules.residual_any_by_severity)[severity] * older
        more = rules.residual_one_point * np.array(rules.residual_one_point_by_severity)[severity] * older
        uniform = draws.relapse[3, columns].astype(np.float64)
        none_left = np.minimum(some, 1.0) + (1.0 - np.minimum(some, 1.0)) * uniform
        whole = (recovery == 3) & (severity > 0)
        left = np.where(whole, np.minimum(more, 1.0), np.minimum(some, 1.0)) * uniform
        draws.relapse[3, columns] = np.where(recovery == 1, none_left, np.where(recovery >= 2, left, uniform))
        draws.relapse[4, columns] = np.where(whole, 0.1, draws.relapse[4, columns])

    def _count(self, events: Events) -> None:
        """Events and exposure of this month into the sums."""
        expected, sums = events.expected, self.sums
        happened = np.zeros(len(self.owner))
        happened[events.relapses.who] = 1.0
        counted = expected.relapse > 0.0
        sums.relapses += happened * counted
        factor = self.prior.relapse_factor(self.traits)
        sums.relapse_exposure -= np.log1p(-np.minimum(expected.relapse, 0.999)) / factor
        sums.progressions += events.progressed
        factor = self.prior.worsening_factor(self.traits)
        sums.progression_exposure -= np.log1p(-np.minimum(expected.progression, 0.999)) / factor

    def _weight_of_events(self, month: int, events: Events) -> FloatArray:
        """How likely the imposed events were."""
        history, expected = self.history, events.expected
        weight = np.zeros(len(self.owner))
        seen = np.repeat((month >= history.seen_from) & (month > 0), self.particles)
        relapsed = np.zeros(len(self.owner), dtype=np.bool_)
        for found in history.relapses.get(month, []):
            relapsed[self._columns(found.row)] = month > 0
        chance = np.clip(expected.relapse, 1e-9, 0.999)
        weight += np.where(relapsed, np.log(chance), np.where(seen, np.log1p(-chance), 0.0))
        at_risk = self.state.course == RRMS
        convert = np.clip(expected.conversion, 1e-9, 0.999)
        converts = np.repeat(history.spms_month == month, self.particles)
        weight += np.where(converts, np.log(convert), np.where(at_risk, np.log1p(-convert), 0.0))
        for found in history.progression_stops.get(month, []):
            columns = self._columns(found.row)
            weight[columns] += np.log(np.maximum(expected.progression[columns], 1e-4))
        return np.maximum(weight, _LEAST_WEIGHT)

    def _columns(self, rows: IntArray) -> IntArray:
        return np.asarray((rows[:, None] * self.particles + np.arange(self.particles)[None, :]).ravel())

    def _resample(self, running: BoolArray) -> None:
        """Resample the decisions whose weights have parted, and move the traits of their particles."""
        weight = _normalised(self.log_weight)
        poor = np.flatnonzero(running & (1.0 / (weight**2).sum(axis=1) < 0.5 * self.particles))
        if not len(poor):
            return
        rows = np.arange(len(self.owner))
        for row in poor.tolist():
            picked = systematic(weight[row], self.particles, self.rng)
            rows[row * self.particles : (row + 1) * self.particles] = row * self.particles + picked
        self.state, self.traits, self.sums = self.state.take(rows), self.traits.take(rows), self.sums.take(rows)
        self.weigher.take(rows)
        self.log_weight[poor] = 0.0
        self._move(self._columns(poor))

    def _move(self, columns: IntArray) -> None:
        traits, sums = self.traits.take(columns), self.sums.take(columns)
        now = log_likelihood(traits, sums, self.prior, self.parameters) + self.prior.log_density(traits)
        for _ in range(_MOVES):
            other = self.prior.propose(traits, self.rng)
            then = log_likelihood(other, sums, self.prior, self.parameters) + self.prior.log_density(other)
            taken = np.log(self.rng.random(len(columns))) < then - now
            traits, now = other.where(taken, traits), np.where(taken, then, now)
        for name in Traits.__dataclass_fields__:
            getattr(self.traits, name)[columns] = getattr(traits, name)
        self.people = self._with_traits()

    def _finish(self, row: int) -> Cloud:
        """Equally weighted particles of a decision whose months are over."""
        weight = _normalised(self.log_weight[row : row + 1])[0]
        columns = row * self.particles + systematic(weight, self.particles, self.rng)
        state = self.state.take(columns)
        traits = self.traits.take(columns)
        self.weigher.place_lesions(row, columns, state, traits, self.rng)
        return Cloud(state, traits, float(self.shift[columns[0]]), float(1.0 / (weight**2).sum()))


def systematic(weight: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """Places drawn with the given probabilities, evenly spread (systematic resampling)."""
    edges = np.cumsum(weight)
    edges[-1] = 1.0
    return np.searchsorted(edges, (np.arange(count) + rng.random()) / count)


def _normalised(log_weight: FloatArray) -> FloatArray:
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
