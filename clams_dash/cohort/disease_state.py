"""Hidden state of the disease, what happens to it in a month, and the random numbers that month uses.

A state copied at an index date (``take``) can be run on under any therapy by ``disease.step_month``. All random numbers
of a month are drawn beforehand in fixed amounts (:class:`Draws`), so that two runs with the same draws differ only by
what differs in their states (common random numbers). Times within the state count months from now. EDSS is held as a
step number on the scale's twenty values, so that an impossible value cannot arise.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.families import Features
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.model.tables import EDSS_STEPS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

EDSS_OF_STEP: FloatArray = np.array(EDSS_STEPS)
RRMS, SPMS, PPMS = 0, 1, 2
MONTHS_REMEMBERED = 12
_NEVER = 10_000


@dataclass(frozen=True, slots=True)
class Month:
    """One month: who is ill by then, who fell ill in it, ages, and the therapies acting."""

    first_day: int
    ill: BoolArray
    begins: BoolArray
    age: FloatArray


@dataclass(frozen=True, slots=True)
class Draws:
    """All random numbers of one month (draws x persons), the same amount whatever the states are."""

    relapse: FloatArray
    """five uniforms: happens, severity, day, residual, large residual"""
    lesion: FloatArray
    """two uniforms: new lesions, reactivated ones"""
    lesion_size: FloatArray
    burst: FloatArray
    """gamma of mean 1: lesions come in bursts"""
    disability: FloatArray
    """five uniforms: progression, its second half, recovery, conversion, late recovery from a relapse"""
    activity: FloatArray
    """standard normal innovation of the activity"""

    def take(self, rows: IntArray) -> Draws:
        """Draws of the given persons, repeated as often as they are named."""
        return Draws(
            self.relapse[:, rows],
            self.lesion[:, rows],
            self.lesion_size[rows],
            self.burst[rows],
            self.disability[:, rows],
            self.activity[rows],
        )


class DrawStream:
    """Month after month of draws for ``count`` persons, from one seed; every process has a stream of its own."""

    def __init__(self, count: int, parameters: Parameters, seeds: np.random.SeedSequence) -> None:
        self._count, self._burst_shape = count, parameters.lesions.burst_shape
        self._relapse, self._lesion, self._disability, self._activity = (
            np.random.default_rng(seed) for seed in seeds.spawn(4)
        )

    def month(self) -> Draws:
        """The draws of the next month."""
        count = self._count
        return Draws(
            relapse=self._relapse.random((5, count), dtype=np.float32),  # type: ignore[arg-type]
            lesion=self._lesion.random((2, count)),
            lesion_size=self._lesion.gamma(2.0, 0.5, count),
            burst=self._lesion.gamma(self._burst_shape, 1.0 / self._burst_shape, count),
            disability=self._disability.random((5, count)),
            activity=self._activity.standard_normal(count),
        )


_Taken = TypeVar("_Taken")


def take_rows(record: _Taken, rows: IntArray) -> _Taken:
    """A copy of a record of arrays over persons with the given rows (last axis), repeated as often as named."""
    values: dict[str, Any] = {item.name: getattr(record, item.name)[..., rows] for item in fields(record)}  # type: ignore[arg-type]
    return type(record)(**values)


@dataclass(slots=True)
class DiseaseState:
    """Hidden state of the disease, arrays over persons. Months until or since an event count from the present one."""

    step: IntArray
    course: IntArray
    spms_day: IntArray
    """-1 = no secondary progression so far"""
    steps_due: IntArray
    """half points of EDSS that the present progression still brings"""
    step_due_in: IntArray
    progressing_for: IntArray
    since_relapse: IntArray
    residual_due: IntArray
    relapse_count: IntArray
    activity: FloatArray
    """log of the fluctuating part of disease activity, mean 0 and spread ``activity_log_sd``"""
    lesion_ml: FloatArray
    brain_loss: FloatArray
    count: FloatArray
    volume: FloatArray
    brain: FloatArray
    relapse_memory: NDArray[np.int16]
    """relapses of the last twelve months (month x person), the latest first"""
    lesion_memory: NDArray[np.int16]
    relapses_year: IntArray
    """relapses of the last twelve months, the present one included"""
    new_t2_year: IntArray
    """new T2 lesions of the last twelve months"""
    enhancing: IntArray

    def take(self, rows: IntArray) -> DiseaseState:
        """A copy with the given persons, repeated as often as they are named."""
        return take_rows(self, rows)

    @property
    def edss(self) -> FloatArray:
        """True EDSS, relapses apart."""
        return EDSS_OF_STEP[self.step]

    @property
    def progressing(self) -> BoolArray:
        """Who began to progress within the last year."""
        return self.progressing_for > 0

    def remember(self, relapse: BoolArray, new_t2: IntArray) -> None:
        """A month has passed: what happened in it comes into the last twelve, what is older leaves them."""
        self.relapses_year = self.relapses_year + relapse - self.relapse_memory[-1]
        self.new_t2_year = self.new_t2_year + new_t2 - self.lesion_memory[-1]
        self.relapse_memory = np.roll(self.relapse_memory, 1, axis=0)
        self.lesion_memory = np.roll(self.lesion_memory, 1, axis=0)
        self.relapse_memory[0], self.lesion_memory[0] = relapse, new_t2


@dataclass(frozen=True, slots=True)
class RelapseEvents:
    """Relapses of one month: person, day within the month, severity, steps when at their worst and for good."""

    who: IntArray
    day: IntArray
    severity: IntArray
    acute_steps: IntArray
    residual_steps: IntArray


@dataclass(frozen=True, slots=True)
class Expected:
    """What was to be expected of a month in the state at its beginning, by person.

    Chances of a relapse, of one that leaves a whole point of EDSS behind, of beginning to progress and of conversion to
    SPMS; ``new_t2`` and ``new_t2_of_relapse`` sum
    to the mean number of new lesions before bursts: the part in proportion to ``lesion_frailty`` and the rest.
    """

    relapse: FloatArray
    lasting_relapse: FloatArray
    progression: FloatArray
    conversion: FloatArray
    new_t2: FloatArray
    new_t2_of_relapse: FloatArray


@dataclass(frozen=True, slots=True)
class Events:
    """What happened in one month, and what was expected. ``new_t2`` and ``reactivated`` count lesions by person."""

    relapses: RelapseEvents
    new_t2: IntArray
    reactivated: IntArray
    progressed: BoolArray
    converted: BoolArray
    expected: Expected


def draw_state(people: People, parameters: Parameters, seeds: np.random.SeedSequence) -> DiseaseState:
    """State of every person before onset: fixed differences, lesions and brain volume as they are at onset."""
    count, lesions, brain = len(people), parameters.lesions, parameters.brain
    lesion_rng, disability_rng, brain_rng, activity_rng = (np.random.default_rng(seed) for seed in seeds.spawn(4))
    relapsing = disability_rng.choice(4, count, p=parameters.disability.first_step_shares)
    primary = disability_rng.integers(3, 7, count)
    sd = lesions.volume_log_sd
    lesion_ml = lesions.volume_ml_per_lesion * np.exp(lesion_rng.normal(-0.5 * sd**2, sd, count))
    first_lesions = (lesion_rng.poisson(lesions.count_at_onset * people.lesion_frailty) + 1).astype(np.float64)
    expected = brain.volume_at_onset_ml - brain.volume_age_slope_ml * (people.age_on(people.onset_day) - 35.0)
    never = np.full(count, _NEVER, dtype=np.int64)
    return DiseaseState(
        step=np.where(people.ppms, primary, relapsing).astype(np.int64),
        course=np.where(people.ppms, PPMS, RRMS).astype(np.int64),
        spms_day=np.full(count, -1, dtype=np.int64),
        steps_due=np.zeros(count, dtype=np.int64),
        step_due_in=np.zeros(count, dtype=np.int64),
        progressing_for=np.zeros(count, dtype=np.int64),
        since_relapse=never,
        residual_due=np.zeros(count, dtype=np.int64),
        relapse_count=np.zeros(count, dtype=np.int64),
        activity=activity_rng.normal(0.0, parameters.relapse.activity_log_sd, count),
        lesion_ml=lesion_ml,
        brain_loss=brain_rng.normal(0.0, brain.person_sd, count),
        count=first_lesions,
        volume=first_lesions * lesion_ml,
        brain=expected + brain_rng.normal(0.0, brain.volume_sd_ml, count),
        relapse_memory=np.zeros((MONTHS_REMEMBERED, count), dtype=np.int16),
        lesion_memory=np.zeros((MONTHS_REMEMBERED, count), dtype=np.int16),
        relapses_year=np.zeros(count, dtype=np.int64),
        new_t2_year=np.zeros(count, dtype=np.int64),
        enhancing=np.zeros(count, dtype=np.int64),
    )


def features_of(state: DiseaseState, people: People, age: FloatArray, who: IntArray, tried: BoolArray) -> Features:
    """What may modify a therapy's effect, as it is when ``who`` start it (values over ``who``)."""
    return Features(
        age=age[who],
        female=people.female[who].astype(np.float64),
        edss=state.edss[who],
        relapses_year=state.relapses_year[who].astype(np.float64),
        new_t2_year=state.new_t2_year[who].astype(np.float64),
        gd=np.minimum(state.enhancing[who], 1).astype(np.float64),
        t2_volume_ml=state.volume[who],
        treated_before=tried[who].astype(np.float64),
    )
