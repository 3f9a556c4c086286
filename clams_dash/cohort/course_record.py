"""What a run of the courses leaves: monthly histories of every person, and dated events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import DiseaseState, Events, Month
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.policy import Stops
from clams_dash.cohort.treatment import TreatmentState

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
HistoryArray = NDArray[np.float32]
StepArray = NDArray[np.int8]

RELAPSE_SYSTEMS: tuple[str, ...] = ("visual", "brainstem", "sensory", "pyramidal", "cerebellar", "bowel_bladder")
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


class Histories:
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
        """How things stand at the end of a month."""
        self.step[index] = state.step
        self.drug[index] = therapy.drug
        self.progressing[index] = state.progressing
        self.activity[index] = state.activity
        self.t2_count[index] = state.count
        self.t2_volume_ml[index] = state.volume
        self.brain_ml[index] = state.brain

    def note(self, events: Events, stops: Stops, month: Month, people: People) -> None:
        """What happened in a month."""
        found = events.relapses
        day = np.where(month.begins[found.who], people.onset_day[found.who], month.first_day + found.day)
        self.relapses.append(np.stack([found.who, day, found.severity, found.acute_steps, found.residual_steps]))
        for number, new in ((events.new_t2, 1), (events.reactivated, 0)):
            who = np.repeat(np.arange(len(number)), number)
            self.lesions.append(np.stack([who, np.full(len(who), month.first_day), np.full(len(who), new)]))
        self.stops.append(np.stack([stops.who, stops.drug, stops.start_day, stops.stop_day, stops.reason]))


def relapse_rows(histories: Histories, parameters: Parameters, end: int, rng: np.random.Generator) -> Relapses:
    """Relapses until the day ``end``, with systems and steroids drawn."""
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


def birth_rows(histories: Histories, parameters: Parameters, end: int, rng: np.random.Generator) -> LesionBirths:
    """Lesions that begin to enhance until the day ``end``, with days drawn within their months."""
    rows = np.concatenate(histories.lesions, axis=1)
    rows[1] += rng.integers(0, 28, rows.shape[1])
    rows = rows[:, rows[1] <= end]
    rows = rows[:, np.lexsort((rows[1], rows[0]))]
    lasting = rng.exponential(parameters.lesions.enhancement_days, rows.shape[1])
    return LesionBirths(
        person=rows[0], day=rows[1], end_day=rows[1] + np.ceil(lasting).astype(np.int64), new=rows[2] > 0
    )


def therapy_rows(histories: Histories, therapy: TreatmentState, people: People, end: int) -> Therapies:
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
