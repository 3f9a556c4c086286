"""Expected outcomes of every arm of a decision, over many futures with common random numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import DiseaseState, DrawStream
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import DAYS_PER_MONTH, DAYS_PER_YEAR
from clams_dash.cohort.policy import PolicyDraws
from clams_dash.cohort.truth.arms import Arms, Standing, begin_arms, pass_month
from clams_dash.cohort.truth.decisions import FUTURE_MONTHS
from clams_dash.cohort.truth.estimate import Average
from clams_dash.cohort.truth.followup import Schedule, WorseningWatch
from clams_dash.cohort.truth.outcomes import OutcomeWatch
from clams_dash.cohort.truth.particles import Cloud
from clams_dash.cohort.worlds import World
from clams_dash.response.settings import Design

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OUTCOMES: tuple[str, ...] = ("relapse", "worsening", "new_t2", "neda")
_LESION_RATES = (0.3, 1.0, 4.0)
_SCHEDULES = 3
"""schedules of visits at which every simulated course is watched"""
PROBABILITIES: tuple[int, ...] = (0, 1, 3)
"""rows of ``OUTCOMES`` that are probabilities"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many futures: draws of a round, rounds at the least and at the most, and the standard error aimed at."""

    draws: int
    rounds: int
    most_rounds: int
    aim: float


@dataclass(frozen=True, slots=True)
class Setting:
    """One decision and the world its futures unfold in."""

    standing: Standing
    """one person"""
    arms: Arms
    index: int
    """month of the decision, a row of ``month_day``"""
    month_day: IntArray
    last_visit: int
    worse_step: int
    world: World
    parameters: Parameters
    design: Design


def expect(setting: Setting, cloud: Cloud | None, effort: Effort, seeds: np.random.SeedSequence) -> Average:
    """Means of ``OUTCOMES`` for every arm; over the hidden states of ``cloud``, or in the true one without it."""
    average = Average.none(len(OUTCOMES), len(setting.arms.drug))
    for number, seed in enumerate(seeds.spawn(effort.most_rounds)):
        unsure = average.error[list(PROBABILITIES)].max(axis=0) > effort.aim
        arms = np.arange(len(unsure)) if number < effort.rounds else np.flatnonzero(unsure)
        if not len(arms):
            break
        outcomes, controls = one_round(setting, arms, cloud, effort.draws, seed)
        average.add(arms, outcomes, controls)
    return average


def one_round(
    setting: Setting, arms: IntArray, cloud: Cloud | None, draws: int, seeds: np.random.SeedSequence
) -> tuple[FloatArray, FloatArray]:
    """Outcomes (outcome x arm x draw) and control variates (control x arm x draw) of one round of futures.

    ``arms`` are rows of the setting's arms; all arms of a round have their random numbers in common.
    """
    disease_seed, policy_seed, visit_seed = seeds.spawn(3)
    parameters, world = setting.parameters, setting.world
    count = len(arms)
    draw = np.tile(np.arange(draws), count)
    columns = setting.standing.take(np.zeros(count * draws, dtype=np.int64))
    if cloud is not None:
        columns = _with_hidden(columns, cloud, draw)
    fixed = _particle_controls(columns, draws) if cloud is not None else np.empty((0, draws))
    first_day = int(setting.month_day[setting.index])
    age = (first_day - columns.people.birth_day) / DAYS_PER_YEAR
    begin_arms(columns, np.repeat(setting.arms.drug[arms], draws), first_day, age, world)
    future_day = first_day + round(DAYS_PER_MONTH)
    elapsed = np.full(draws, future_day - setting.last_visit)
    visit_rng = np.random.default_rng(visit_seed)
    visits = tuple(
        WorseningWatch(
            Schedule.draw(elapsed, FUTURE_MONTHS, parameters.visits, visit_rng),
            draw,
            np.full(count * draws, setting.worse_step),
            columns.state.since_relapse * 30,
            parameters.visits,
            parameters.disability.highest_step,
            setting.design,
        )
        for _ in range(_SCHEDULES)
    )
    watch = OutcomeWatch(visits, columns.state.activity, parameters)
    stream, rng = DrawStream(draws, parameters, disease_seed), np.random.default_rng(policy_seed)
    for month in range(FUTURE_MONTHS):
        index = setting.index + 1 + month
        shared = stream.month().take(draw)
        policy = PolicyDraws.draw(draws, world.drugs, rng).take(draw)
        events = pass_month(columns, index, int(setting.month_day[index]), shared, policy, world, parameters)
        watch.see(month, columns.state, events)
    outcomes = np.stack([watch.relapse, watch.worsening, watch.expected_t2, watch.neda]).astype(np.float64)
    controls = watch.controls().reshape(-1, count, draws)
    held = np.broadcast_to(fixed[:, None, :], (len(fixed), count, draws))
    return outcomes.reshape(-1, count, draws), np.concatenate([controls, held])


def _with_hidden(columns: Standing, cloud: Cloud, draw: IntArray) -> Standing:
    """The columns with hidden state and traits of the particles, every particle equally often."""
    particles = len(cloud.traits.shared)
    rows = draw % particles
    people, seen = columns.people, columns.state
    drawn = cloud.state.take(rows)
    # Lesions, brain and course are taken as seen on MRI and by the doctor.
    state = DiseaseState(
        **{name: getattr(seen if name in _SEEN else drawn, name) for name in DiseaseState.__dataclass_fields__}
    )
    hidden = replace(
        people,
        frailty=cloud.traits.relapse[rows] * cloud.shift,
        lesion_frailty=cloud.traits.lesion[rows] * cloud.shift,
        progression_frailty=cloud.traits.progression[rows],
        confounder=cloud.traits.confounder[rows],
    )
    return Standing(hidden, state, columns.therapy, columns.known, columns.calendar)


_SEEN = frozenset({"course", "spms_day", "lesion_ml", "brain_loss", "count", "volume", "brain", "relapse_count"})


def _particle_controls(columns: Standing, draws: int) -> FloatArray:
    """Hidden values of the particles less their mean: every particle is used equally often, so their sum is zero."""
    state, people = columns.state, columns.people
    lesions = people.lesion_frailty[:draws] * np.exp(state.activity[:draws])
    values = np.stack(
        [
            # Chance to stay without a new lesion at three rates: a curve that no straight line follows.
            *(np.exp(-rate * lesions) for rate in _LESION_RATES),
            state.step[:draws],
            np.minimum(state.steps_due[:draws], 1),
            np.minimum(state.residual_due[:draws], 1),
            np.log(people.progression_frailty[:draws] + 0.02),
            np.log(people.frailty[:draws] + 0.02),
            np.log(people.lesion_frailty[:draws] + 0.02),
            state.activity[:draws],
        ]
    ).astype(np.float64)
    return np.asarray(values - values.mean(axis=1, keepdims=True))
