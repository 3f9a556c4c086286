"""The hidden course of every person from onset to the data date: monthly histories and dated events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.course_record import Courses, Histories, birth_rows, relapse_rows, therapy_rows
from clams_dash.cohort.disease import step_month
from clams_dash.cohort.disease_state import (
    RRMS,
    DiseaseState,
    Draws,
    DrawStream,
    Events,
    Month,
    draw_state,
    features_of,
    take_rows,
)
from clams_dash.cohort.families import Features
from clams_dash.cohort.parameters import CohortParameters, Parameters
from clams_dash.cohort.people import DAYS_PER_YEAR, NEVER_LOST, People, day_number
from clams_dash.cohort.policy import NO_STOPS, Known, PolicyDraws, start_therapies, stop_therapies
from clams_dash.cohort.treatment import TreatmentState
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_QUIET_MONTHS = 24


def simulate_courses(
    people: People,
    world: World,
    parameters: Parameters,
    seeds: np.random.SeedSequence,
    *,
    randomised: bool = False,
    watch: Watch | None = None,
) -> Courses:
    """Run every person from onset to the data date.

    ``randomised``: everybody is given one of all therapies or none, with equal chances and whatever the label says, in
    the month of entry, after being untreated until then, and keeps it; nothing drives or follows the choice.
    ``watch`` is shown every month (not of a randomised cohort) and may keep copies; it must change nothing.
    """
    state_seed, disease_seed, therapy_seed, event_seed, loss_seed = seeds.spawn(5)
    # Filled as the months pass: who is lost depends on how the disease goes.
    people = replace(people, lost_day=np.full(len(people), NEVER_LOST, dtype=np.int64))
    month_day = _month_days(parameters)
    state = draw_state(people, parameters, state_seed)
    stream = DrawStream(len(people), parameters, disease_seed)
    therapy_rng, loss_rng = np.random.default_rng(therapy_seed), np.random.default_rng(loss_seed)
    therapy = TreatmentState.untreated(len(people), world.drugs)
    histories = Histories(len(people), len(month_day))
    calendar = Calendar.of(people, month_day)
    for index, first_day in enumerate(month_day):
        age = (first_day - people.birth_day) / DAYS_PER_YEAR
        month = Month(int(first_day), calendar.onset <= index, calendar.onset == index, age)
        draws = stream.month()
        if watch is not None:
            watch.begin(index, therapy)
        events = step_month(state, people, month, therapy, draws, world, parameters)
        _lose(people, state, month, parameters.cohort, loss_rng)
        tried = np.asarray(therapy.tried.any(axis=0))
        features = partial(features_of, state, people, age, tried=tried)
        if randomised:
            _randomise(therapy, np.flatnonzero(calendar.entry == index), month, world, features, therapy_rng)
            stops = NO_STOPS
        else:
            known = known_in(index, month, people, state, events, calendar)
            policy = PolicyDraws.draw(len(people), world.drugs, therapy_rng)
            stops = stop_therapies(therapy, known, world.drugs, parameters.treatment, policy)
            if watch is not None:
                watch.decide(Moment(index, month, state, therapy, known, draws, policy, features))
            start_therapies(therapy, known, people, world, parameters.treatment, policy, features)
        histories.note(events, stops, month, people)
        histories.record(index, state, therapy)
        therapy.tick()
    end = day_number(parameters.cohort.data_date)
    event_rng = np.random.default_rng(event_seed)
    return Courses(
        month_day=month_day,
        step=np.ascontiguousarray(histories.step.T),
        drug=np.ascontiguousarray(histories.drug.T),
        progressing=np.ascontiguousarray(histories.progressing.T),
        activity=np.ascontiguousarray(histories.activity.T),
        t2_count=np.ascontiguousarray(histories.t2_count.T),
        t2_volume_ml=np.ascontiguousarray(histories.t2_volume_ml.T),
        brain_ml=np.ascontiguousarray(histories.brain_ml.T),
        spms_day=state.spms_day,
        lost_day=people.lost_day,
        relapses=relapse_rows(histories, parameters, end, event_rng),
        births=birth_rows(histories, parameters, end, event_rng),
        therapies=therapy_rows(histories, therapy, people, end),
    )


def _lose(
    people: People, state: DiseaseState, month: Month, cohort: CohortParameters, rng: np.random.Generator
) -> None:
    """Who is lost to follow-up this month: more at a higher age, and after two years without a relapse."""
    uniform = rng.random((2, len(people)))
    quiet = state.since_relapse > _QUIET_MONTHS
    yearly = cohort.loss_per_year * cohort.loss_age_ratio ** ((month.age - 40.0) / 10.0)
    chance = yearly / 12.0 * np.where(quiet, cohort.loss_quiet_ratio, 1.0)
    here = (people.entry_day + 30 <= month.first_day) & (people.lost_day == NEVER_LOST)
    who = np.flatnonzero(here & (uniform[0] < chance))
    people.lost_day[who] = month.first_day + (uniform[1, who] * 28).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Months, as rows of ``month_day``, in which things happen to every person."""

    onset: IntArray
    diagnosis: IntArray
    entry: IntArray
    wish: IntArray

    @classmethod
    def of(cls, people: People, month_day: IntArray) -> Calendar:
        """From the days of the persons; -1 where one lies before the first month."""
        rows = (
            np.searchsorted(month_day, day, side="right").astype(np.int64) - 1
            for day in (people.onset_day, people.diagnosis_day, people.entry_day, people.wish_day)
        )
        return cls(*rows)

    def take(self, rows: IntArray) -> Calendar:
        """The months of the given persons, repeated as often as they are named."""
        return take_rows(self, rows)


@dataclass(frozen=True, slots=True)
class Moment:
    """One month of everybody between the month's stops of therapies and its starts."""

    index: int
    month: Month
    state: DiseaseState
    therapy: TreatmentState
    known: Known
    draws: Draws
    policy: PolicyDraws
    features: Callable[[IntArray], Features]


class Watch(Protocol):
    """Looks on while the courses run."""

    def begin(self, index: int, therapy: TreatmentState) -> None:
        """See a month begin: the therapies that act in it."""

    def decide(self, moment: Moment) -> None:
        """See the month's decisions: the disease has taken its step, therapies were stopped, none yet started."""


def _randomise(
    therapy: TreatmentState,
    who: IntArray,
    month: Month,
    world: World,
    features: Callable[[IntArray], Features],
    rng: np.random.Generator,
) -> None:
    drug = rng.integers(0, len(world.drugs.names), len(who))
    day = month.first_day + rng.integers(14, 28, len(who))
    treated = drug > 0
    who, drug, day = who[treated], drug[treated], day[treated]
    if len(who):
        therapy.open(who, drug, day, world.exponents(features(who), drug))


def _month_days(parameters: Parameters) -> IntArray:
    start = np.datetime64(str(parameters.cohort.grid_start), "M")
    stop = np.datetime64(str(parameters.cohort.data_date), "M") + 1
    return np.arange(start, stop).astype("datetime64[D]").astype(np.int64)


def known_in(
    index: int, month: Month, people: People, state: DiseaseState, events: Events, calendar: Calendar
) -> Known:
    """What the treating doctor may know this month."""
    relapse_now = np.zeros(len(people), dtype=np.bool_)
    relapse_now[events.relapses.who] = True
    wishes = people.wish_day >= 0
    return Known(
        first_day=month.first_day,
        year=1970.0 + month.first_day / DAYS_PER_YEAR,
        age=month.age,
        course=state.course,
        first_attack_only=(state.course == RRMS) & (state.relapse_count <= 1) & (state.count < 4),
        in_care=(calendar.diagnosis <= index) & (month.first_day + 28 < people.lost_day),
        since_diagnosis=index - calendar.diagnosis,
        relapse_now=relapse_now,
        relapses_year=state.relapses_year,
        new_t2_year=state.new_t2_year,
        progressed_now=events.progressed,
        wishes_child=wishes & (index >= calendar.wish - 6) & (index <= calendar.wish + 24),
        wish_began=wishes & (index >= calendar.wish) & (index <= calendar.wish + 3),
        jcv_index=people.jcv_on(month.first_day),
    )
