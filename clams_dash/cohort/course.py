"""The hidden course of every person from onset to the data date: monthly histories and dated events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
from clams_dash.cohort.policy import NO_STOPS, Known, PolicyDraws, Stops, start_therapies, stop_therapies
from clams_dash.cohort.treatment import TreatmentState
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
HistoryArray = NDArray[np.float32]
StepArray = NDArray[np.int8]

RELAPSE_SYSTEMS: tuple[str, ...] = ("visual", "brainstem", "sensory", "pyramidal", "cerebellar", "bowel_bladder")
_QUIET_MONTHS = 24
_SYSTEM_SHARES = (0.20, 0.19, 0.29, 0.20, 0.09, 0.03)


@dataclass(frozen=True, slots=True)
class Relapses:
    """One row per relapse, ordered by person and day. Steps are half points of EDSS."""

    person: IntArray
    day: IntArray
    severity: IntArray
    acute_steps: IntArray
    residual_steps: IntArray
    system: IntArray
    second_system: IntArray
    """-1 = one system only"""
    steroids: BoolArray


@dataclass(frozen=True, slots=True)
class LesionBirths:
    """One row per lesion that begins to enhance, ordered by person and day; it does so until ``end_day``."""

    person: IntArray
    day: IntArray
    end_day: IntArray
    new: BoolArray
    """a new T2 lesion; otherwise an old one that enhances again"""


@dataclass(frozen=True, slots=True)
class Therapies:
    """One row per therapy course, ordered by person and start. ``stop_day`` and ``reason`` are -1 while it goes on."""

    person: IntArray
    drug: IntArray
    start_day: IntArray
    stop_day: IntArray
    reason: IntArray


@dataclass(frozen=True, slots=True)
class Courses:
    """Hidden histories (persons x months) and events. ``month_day`` gives the first day of every month."""

    month_day: IntArray
    step: StepArray
    drug: StepArray
    progressing: BoolArray
    activity: HistoryArray
    """log of the fluctuating part of disease activity"""
    t2_count: HistoryArray
    t2_volume_ml: HistoryArray
    brain_ml: HistoryArray
    spms_day: IntArray
    lost_day: IntArray
    relapses: Relapses
    births: LesionBirths
    therapies: Therapies

    def month_of(self, day: IntArray) -> IntArray:
        """Row of ``month_day`` a day lies in."""
        return np.searchsorted(self.month_day, day, side="right").astype(np.int64) - 1


class _Histories:
    """The monthly arrays and event blocks while they are filled."""

    def __init__(self, persons: int, months: int) -> None:
        size = (months, persons)
        self.step: StepArray = np.zeros(size, dtype=np.int8)
        self.drug: StepArray = np.zeros(size, dtype=np.int8)
        self.progressing: BoolArray = np.zeros(size, dtype=np.bool_)
        self.activity: HistoryArray = np.zeros(size, dtype=np.float32)
        self.t2_count: HistoryArray = np.zeros(size, dtype=np.float32)
        self.t2_volume_ml: HistoryArray = np.zeros(size, dtype=np.float32)
        self.brain_ml: HistoryArray = np.zeros(size, dtype=np.float32)
        self.relapses: list[IntArray] = [np.empty((5, 0), dtype=np.int64)]
        self.lesions: list[IntArray] = [np.empty((3, 0), dtype=np.int64)]
        self.stops: list[IntArray] = [np.empty((5, 0), dtype=np.int64)]

    def record(self, index: int, state: DiseaseState, therapy: TreatmentState) -> None:
        self.step[index] = state.step
        self.drug[index] = therapy.drug
        self.progressing[index] = state.progressing
        self.activity[index] = state.activity
        self.t2_count[index] = state.count
        self.t2_volume_ml[index] = state.volume
        self.brain_ml[index] = state.brain

    def note(self, events: Events, stops: Stops, month: Month, people: People) -> None:
        found = events.relapses
        day = np.where(month.begins[found.who], people.onset_day[found.who], month.first_day + found.day)
        self.relapses.append(np.stack([found.who, day, found.severity, found.acute_steps, found.residual_steps]))
        for number, new in ((events.new_t2, 1), (events.reactivated, 0)):
            who = np.repeat(np.arange(len(number)), number)
            self.lesions.append(np.stack([who, np.full(len(who), month.first_day), np.full(len(who), new)]))
        self.stops.append(np.stack([stops.who, stops.drug, stops.start_day, stops.stop_day, stops.reason]))


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
    histories = _Histories(len(people), len(month_day))
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
        relapses=_relapse_rows(histories, parameters, end, event_rng),
        births=_birth_rows(histories, parameters, end, event_rng),
        therapies=_therapy_rows(histories, therapy, people, end),
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


def _relapse_rows(histories: _Histories, parameters: Parameters, end: int, rng: np.random.Generator) -> Relapses:
    rows = np.concatenate(histories.relapses, axis=1)
    rows = rows[:, rows[1] <= end]
    rows = rows[:, np.lexsort((rows[1], rows[0]))]
    count = rows.shape[1]
    systems = rng.choice(len(RELAPSE_SYSTEMS), (2, count), p=_SYSTEM_SHARES)
    second = np.where((rng.random(count) < 0.25) & (systems[0] != systems[1]), systems[1], -1)
    shares = np.array(parameters.relapse.steroid_shares)
    return Relapses(
        person=rows[0],
        day=rows[1],
        severity=rows[2],
        acute_steps=rows[3],
        residual_steps=rows[4],
        system=systems[0].astype(np.int64),
        second_system=second.astype(np.int64),
        steroids=rng.random(count) < shares[rows[2]],
    )


def _birth_rows(histories: _Histories, parameters: Parameters, end: int, rng: np.random.Generator) -> LesionBirths:
    rows = np.concatenate(histories.lesions, axis=1)
    rows[1] += rng.integers(0, 28, rows.shape[1])
    rows = rows[:, rows[1] <= end]
    rows = rows[:, np.lexsort((rows[1], rows[0]))]
    lasting = rng.exponential(parameters.lesions.enhancement_days, rows.shape[1])
    return LesionBirths(
        person=rows[0], day=rows[1], end_day=rows[1] + np.ceil(lasting).astype(np.int64), new=rows[2] > 0
    )


def _therapy_rows(histories: _Histories, therapy: TreatmentState, people: People, end: int) -> Therapies:
    """Courses as recorded: a stop after the data date or after the person was lost is not known."""
    running = np.flatnonzero(therapy.drug > 0)
    none = np.full(len(running), -1, dtype=np.int64)
    running_on = np.stack([running, therapy.drug[running], therapy.start_day[running], none, none])
    person, drug, start, stop, reason = np.concatenate([*histories.stops, running_on], axis=1)
    known_until = np.minimum(end, people.lost_day[person])
    stop, reason = np.where(stop > known_until, -1, stop), np.where(stop > known_until, -1, reason)
    kept = start <= known_until
    order = np.lexsort((start[kept], person[kept]))
    return Therapies(*(values[kept][order] for values in (person, drug, start, stop, reason)))
