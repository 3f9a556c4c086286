"""Trials within the generator: persons at a named start, followed under one therapy each with common random numbers.

Used to calibrate the effects (``scripts/calibrate_effects.py``) and to check the generator against published trials and
natural-history cohorts (``scripts/cohort_acceptance.py`` and the tests).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease import step_month
from clams_dash.cohort.disease_state import RRMS, DiseaseState, DrawStream, Month, draw_state, features_of
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import DAYS_PER_MONTH, DAYS_PER_YEAR, People, draw_people
from clams_dash.cohort.treatment import TreatmentState
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

Selection = Callable[[People, DiseaseState, FloatArray, int], BoolArray]
"""whom to take in a month: people, state, age, months since onset"""

_START_DAY = 0


@dataclass(frozen=True, slots=True)
class Start:
    """Persons and their untreated state at the start of a trial; ``people`` are as old as then."""

    people: People
    state: DiseaseState

    def __len__(self) -> int:
        return len(self.people)

    @property
    def age(self) -> FloatArray:
        """Age in years at the start."""
        return self.people.age_on(np.full(len(self.people), _START_DAY))

    def take(self, rows: IntArray) -> Start:
        """A copy with the given persons, repeated as often as they are named."""
        return Start(self.people.take(rows), self.state.take(rows))


@dataclass(frozen=True, slots=True)
class Arm:
    """What happened in one arm, month x person; ``step`` is the true EDSS step at the end of each month."""

    start_step: IntArray
    relapse: BoolArray
    new_t2: NDArray[np.int16]
    enhancing: NDArray[np.int16]
    step: NDArray[np.int8]
    brain: NDArray[np.float32]
    spms: BoolArray


def trial_like(people: People, state: DiseaseState, age: FloatArray, months: int) -> BoolArray:
    """Entry criteria of the trials of relapsing MS: 18 to 55 years, EDSS to 5.5, and a relapse in the last year."""
    return np.asarray(
        (state.course == RRMS) & (age >= 18.0) & (age <= 55.0) & (state.edss <= 5.5) & (state.relapses_year >= 1)
    )


def natural_start(
    persons: int,
    world: World,
    parameters: Parameters,
    seeds: np.random.SeedSequence,
    *,
    chosen: Selection = trial_like,
    median_years: float = 5.0,
    longest_years: int = 20,
) -> Start:
    """Untreated persons at a random time after onset at which they fit ``chosen``; fewer than ``persons`` as a rule.

    The time is exponential with the given median, at most ``longest_years``; who does not fit then is left out.
    """
    people_seed, state_seed, draw_seed, time_seed = seeds.spawn(4)
    people = draw_people(persons, parameters, world.scenario, np.random.default_rng(people_seed))
    rng = np.random.default_rng(time_seed)
    at = 1 + (rng.exponential(median_years / np.log(2.0), persons) * 12).astype(np.int64)
    state = draw_state(people, parameters, state_seed)
    therapy = TreatmentState.untreated(persons, world.drugs)
    stream = DrawStream(persons, parameters, draw_seed)
    onset_age = people.age_on(people.onset_day)
    blocks: list[Start] = []
    for index in range(longest_years * 12):
        age = onset_age + index / 12.0
        everyone = np.ones(persons, dtype=np.bool_)
        month = Month(_START_DAY, everyone, everyone if index == 0 else ~everyone, age)
        step_month(state, people, month, therapy, stream.month(), world, parameters)
        rows = np.flatnonzero((at == index) & chosen(people, state, age, index))
        if len(rows):
            aged = replace(
                people.take(rows),
                birth_day=_START_DAY - np.round(age[rows] * DAYS_PER_YEAR).astype(np.int64),
                onset_day=np.full(len(rows), _START_DAY - round(index * DAYS_PER_MONTH)),
            )
            blocks.append(Start(aged, state.take(rows)))
    return _joined(blocks)


def follow(
    start: Start,
    drug: int | IntArray,
    months: int,
    world: World,
    parameters: Parameters,
    seeds: np.random.SeedSequence,
) -> Arm:
    """Follow everybody under one drug (row of the world's drugs, 0 = untreated) begun at the start and kept.

    Arms of the same start and seed have their random numbers in common.
    """
    count = len(start)
    state = start.state.take(np.arange(count))
    therapy = TreatmentState.untreated(count, world.drugs)
    given = np.broadcast_to(np.asarray(drug, dtype=np.int64), count)
    who = np.flatnonzero(given > 0)
    features = features_of(state, start.people, start.age, who, np.zeros(count, dtype=np.bool_))
    therapy.open(who, given[who], np.full(len(who), _START_DAY), world.exponents(features, given[who]))
    stream = DrawStream(count, parameters, np.random.SeedSequence(seeds.entropy, spawn_key=seeds.spawn_key))
    arm = Arm(
        start_step=start.state.step.copy(),
        relapse=np.zeros((months, count), dtype=np.bool_),
        new_t2=np.zeros((months, count), dtype=np.int16),
        enhancing=np.zeros((months, count), dtype=np.int16),
        step=np.zeros((months, count), dtype=np.int8),
        brain=np.zeros((months, count), dtype=np.float32),
        spms=np.zeros((months, count), dtype=np.bool_),
    )
    everyone = np.ones(count, dtype=np.bool_)
    for index in range(months):
        month = Month(_START_DAY, everyone, ~everyone, start.age + index / 12.0)
        events = step_month(state, start.people, month, therapy, stream.month(), world, parameters)
        therapy.tick()
        arm.relapse[index, events.relapses.who] = True
        arm.new_t2[index] = events.new_t2
        arm.enhancing[index] = state.enhancing
        arm.step[index] = state.step
        arm.brain[index] = state.brain
        arm.spms[index] = state.spms_day != -1
    return arm


def confirmed_worsening(arm: Arm, *, within_months: int = 24, confirm_months: int = 6) -> IntArray:
    """Month of the first true worsening confirmed ``confirm_months`` later, per person; -1 = none.

    A whole point from EDSS 1 to 5.0, 1.5 from 0, half a point from 5.5 (clinical.md 1.2, convention A), on the true
    EDSS without rating noise, held for all months until confirmation.
    """
    needed = _worse_from(arm.start_step)
    worse = arm.step >= needed[None, :]
    first = np.full(worse.shape[1], -1, dtype=np.int64)
    for month in range(within_months - 1, -1, -1):
        held = worse[month : month + confirm_months + 1].all(axis=0)
        first[held] = month
    return first


def first_passage_years(arm: Arm, step: int) -> FloatArray:
    """Years to the first month at or above an EDSS step, infinite where it was not reached."""
    reached = arm.step >= step
    return np.where(reached.any(axis=0), (reached.argmax(axis=0) + 1) / 12.0, np.inf)


def _worse_from(step: IntArray) -> IntArray:
    """Lowest step that is worse than a step: EDSS 0 needs 1.5 (step 2), 5.5 and more the next step, else two steps."""
    return np.where(step == 0, 2, np.where(step >= 10, step + 1, step + 2))


def _joined(blocks: list[Start]) -> Start:
    """All persons of several starts, in their order."""
    people = People(
        **{name: np.concatenate([getattr(block.people, name) for block in blocks]) for name in _names(People)}
    )
    state = DiseaseState(
        **{
            name: np.concatenate([getattr(block.state, name) for block in blocks], axis=-1)
            for name in _names(DiseaseState)
        }
    )
    return Start(people, state)


def _names(kind: type[People] | type[DiseaseState]) -> list[str]:
    return list(kind.__dataclass_fields__)
