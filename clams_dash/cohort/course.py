"""The hidden course of every person from onset to the data date: monthly histories and dated events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease import RRMS, Disease, Now
from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import DAYS_PER_YEAR, People, day_number
from clams_dash.cohort.treatment import Month, TreatmentState, start_therapies, stop_therapies

FloatArray = NDArray[np.float64]
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
    """One row per new T2 lesion after onset, ordered by person and day of birth; it enhances until ``end_day``."""

    person: IntArray
    day: IntArray
    end_day: IntArray


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
    t2_count: HistoryArray
    t2_volume_ml: HistoryArray
    brain_ml: HistoryArray
    spms_day: IntArray
    relapses: Relapses
    births: LesionBirths
    therapies: Therapies

    def month_of(self, day: IntArray) -> IntArray:
        """Row of ``month_day`` a day lies in."""
        return np.searchsorted(self.month_day, day, side="right").astype(np.int64) - 1


class _Histories:
    """The monthly arrays while they are filled."""

    def __init__(self, persons: int, months: int) -> None:
        size = (persons, months)
        self.step: StepArray = np.zeros(size, dtype=np.int8)
        self.drug: StepArray = np.zeros(size, dtype=np.int8)
        self.progressing: BoolArray = np.zeros(size, dtype=np.bool_)
        self.t2_count: HistoryArray = np.zeros(size, dtype=np.float32)
        self.t2_volume_ml: HistoryArray = np.zeros(size, dtype=np.float32)
        self.brain_ml: HistoryArray = np.zeros(size, dtype=np.float32)
        self.relapse: StepArray = np.zeros(size, dtype=np.int8)
        self.births: NDArray[np.int16] = np.zeros(size, dtype=np.int16)

    def record(self, index: int, disease: Disease, therapy: TreatmentState) -> None:
        self.step[:, index] = disease.step
        self.drug[:, index] = therapy.drug
        self.progressing[:, index] = disease.progressing(index)
        self.t2_count[:, index] = disease.count
        self.t2_volume_ml[:, index] = disease.volume
        self.brain_ml[:, index] = disease.brain


def simulate_courses(people: People, drugs: Drugs, parameters: Parameters, seeds: np.random.SeedSequence) -> Courses:
    """Run every person from onset to the data date."""
    disease_seed, therapy_seed, event_seed = seeds.spawn(3)
    month_day = _month_days(parameters)
    disease = Disease(people, drugs, parameters, disease_seed, len(month_day))
    therapy_rng = np.random.default_rng(therapy_seed)
    therapy = TreatmentState(len(people), drugs)
    histories = _Histories(len(people), len(month_day))
    onset_month = np.searchsorted(month_day, people.onset_day, side="right") - 1
    for index, first_day in enumerate(month_day):
        age = (first_day - people.birth_day) / DAYS_PER_YEAR
        now = Now(index, int(first_day), onset_month <= index, onset_month == index, age, therapy)
        relapse = disease.relapses(now)
        born = disease.lesions(now, relapse)
        progressed = disease.disability(now)
        disease.shrink_brain(now, born)
        histories.relapse[:, index] = relapse
        histories.births[:, index] = np.minimum(born, 30000)
        month = _month(now, people, disease, histories, month_day, progressed)
        stop_therapies(therapy, month, now.first_day, people, drugs, parameters.treatment, therapy_rng)
        start_therapies(therapy, month, now.first_day, people, drugs, parameters.treatment, therapy_rng)
        histories.record(index, disease, therapy)
        therapy.tick()
    end = day_number(parameters.cohort.data_date)
    event_rng = np.random.default_rng(event_seed)
    return Courses(
        month_day=month_day,
        step=histories.step,
        drug=histories.drug,
        progressing=histories.progressing,
        t2_count=histories.t2_count,
        t2_volume_ml=histories.t2_volume_ml,
        brain_ml=histories.brain_ml,
        spms_day=disease.spms_day,
        relapses=_relapse_rows(disease, parameters, end, event_rng),
        births=_birth_rows(disease, parameters, end, event_rng),
        therapies=_therapy_rows(therapy, people, end),
    )


def _month_days(parameters: Parameters) -> IntArray:
    start = np.datetime64(str(parameters.cohort.grid_start), "M")
    stop = np.datetime64(str(parameters.cohort.data_date), "M") + 1
    return np.arange(start, stop).astype("datetime64[D]").astype(np.int64)


def _month(
    now: Now, people: People, disease: Disease, histories: _Histories, month_day: IntArray, progressed: BoolArray
) -> Month:
    """What the treating doctor may know this month."""
    index = now.index
    diagnosis_month = np.searchsorted(month_day, people.diagnosis_day, side="right") - 1
    wish_month = np.searchsorted(month_day, people.wish_day, side="right") - 1
    wishes = people.wish_day >= 0
    year_back = slice(max(0, index - 11), index + 1)
    return Month(
        index=index,
        year=1970.0 + now.first_day / DAYS_PER_YEAR,
        age=now.age,
        course=disease.course,
        first_attack_only=(disease.course == RRMS) & (disease.relapse_count <= 1) & (disease.count < 4),
        in_care=(diagnosis_month <= index) & (now.first_day + 28 < people.lost_day),
        since_diagnosis=index - diagnosis_month,
        relapse_now=histories.relapse[:, index] > 0,
        relapses_year=histories.relapse[:, year_back].sum(axis=1, dtype=np.int64),
        new_t2_year=histories.births[:, year_back].sum(axis=1, dtype=np.int64),
        progressed_now=progressed,
        wishes_child=wishes & (index >= wish_month - 6) & (index <= wish_month + 24),
        wish_began=wishes & (index >= wish_month) & (index <= wish_month + 3),
    )


def _relapse_rows(disease: Disease, parameters: Parameters, end: int, rng: np.random.Generator) -> Relapses:
    rows = np.concatenate([np.empty((5, 0), dtype=np.int64), *disease.relapse_blocks], axis=1)
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


def _birth_rows(disease: Disease, parameters: Parameters, end: int, rng: np.random.Generator) -> LesionBirths:
    rows = np.concatenate([np.empty((2, 0), dtype=np.int64), *disease.birth_blocks], axis=1)
    rows = rows[:, rows[1] <= end]
    rows = rows[:, np.lexsort((rows[1], rows[0]))]
    lasting = rng.exponential(parameters.lesions.enhancement_days, rows.shape[1])
    return LesionBirths(person=rows[0], day=rows[1], end_day=rows[1] + np.ceil(lasting).astype(np.int64))


def _therapy_rows(therapy: TreatmentState, people: People, end: int) -> Therapies:
    """Courses as recorded: a stop after the data date or after the person was lost is not known."""
    running = np.flatnonzero(therapy.drug > 0)
    none = np.full(len(running), -1, dtype=np.int64)
    blocks = [*therapy.courses, (running, therapy.drug[running], therapy.start_day[running], none, none)]
    person, drug, start, stop, reason = (np.concatenate([block[item] for block in blocks]) for item in range(5))
    known_until = np.minimum(end, people.lost_day[person])
    stop, reason = np.where(stop > known_until, -1, stop), np.where(stop > known_until, -1, reason)
    kept = start <= known_until
    order = np.lexsort((start[kept], person[kept]))
    return Therapies(*(values[kept][order] for values in (person, drug, start, stop, reason)))
