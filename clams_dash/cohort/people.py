"""Who the synthetic persons are: age, sex, course at onset, time of entry, and the traits that later steps act on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.scenarios import Scenario

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
NEVER_LOST = 10**7


@dataclass(frozen=True, slots=True)
class People:
    """Arrays over persons. Days count from 1970-01-01; ``wish_day`` is -1 where there is no wish for pregnancy."""

    female: BoolArray
    ppms: BoolArray
    birth_day: IntArray
    onset_day: IntArray
    diagnosis_day: IntArray
    entry_day: IntArray
    lost_day: IntArray
    """last day of follow-up; ``NEVER_LOST`` until the course has run"""
    centre: IntArray
    frailty: FloatArray
    """factor on the relapse rate"""
    lesion_frailty: FloatArray
    """factor on the rate of new lesions, correlated with ``frailty``"""
    progression_frailty: FloatArray
    bmi: FloatArray
    smoking: IntArray
    """0 never, 1 former, 2 current"""
    jcv_index: FloatArray
    """once positive; above 0.4"""
    jcv_positive_day: IntArray
    """first day of a positive index; long before birth where it always was"""
    wish_day: IntArray
    confounder: FloatArray
    """U, standard normal, recorded nowhere"""

    def __len__(self) -> int:
        return len(self.female)

    def take(self, rows: IntArray) -> People:
        """A copy with the given persons, repeated as often as they are named."""
        return People(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def jcv_on(self, day: int | IntArray) -> FloatArray:
        """JCV index of every person on a day; 0.12 (negative) before seroconversion."""
        return np.where(self.jcv_positive_day <= day, self.jcv_index, 0.12)

    def age_on(self, day: IntArray, who: IntArray | None = None) -> FloatArray:
        """Age in years on a day, for all persons or for the rows ``who``."""
        birth = self.birth_day if who is None else self.birth_day[who]
        return np.asarray((day - birth) / DAYS_PER_YEAR)


def day_number(value: object) -> int:
    """Days from 1970-01-01 to a date."""
    return int(np.datetime64(str(value), "D").astype(np.int64))


def draw_people(count: int, parameters: Parameters, scenario: Scenario, rng: np.random.Generator) -> People:
    """``count`` persons: an incident share enters soon after onset, the others years later (prevalent cases)."""
    cohort = parameters.cohort
    ppms = rng.random(count) < cohort.ppms_share
    female = rng.random(count) < np.where(ppms, cohort.female_share_ppms, cohort.female_share_relapsing)
    age = np.where(
        ppms,
        np.clip(rng.normal(cohort.onset_age_ppms_mean, cohort.onset_age_ppms_sd, count), 22.0, 66.0),
        np.clip(rng.normal(cohort.onset_age_relapsing_mean, cohort.onset_age_relapsing_sd, count), 14.0, 60.0),
    )
    centre = rng.integers(0, len(cohort.centres), count)
    shifted = np.array([name == scenario.shifted_centre for name in cohort.centres])[centre]
    age = age + shifted * scenario.shift_onset_age_years
    first, last, grid = (day_number(day) for day in (cohort.first_entry, cohort.last_entry, cohort.grid_start))
    entry = rng.integers(first, last + 1, count)
    mean_lag = np.where(
        rng.random(count) < cohort.incident_share, cohort.incident_lag_years, cohort.prevalent_lag_years
    )
    lag = 21 + (rng.exponential(mean_lag) * DAYS_PER_YEAR).astype(np.int64)
    onset = np.maximum(entry - lag, grid)
    wait = (rng.exponential(cohort.diagnosis_lag_years, count) * DAYS_PER_YEAR).astype(np.int64)
    diagnosis = np.minimum(onset + 14 + wait, entry)
    smoking = rng.choice(
        3,
        count,
        p=(
            1.0 - cohort.former_smoker_share - cohort.smoker_share,
            cohort.former_smoker_share,
            cohort.smoker_share,
        ),
    )
    laboratory = parameters.laboratory
    positive = rng.random(count) < cohort.jcv_positive_share
    index = np.exp(rng.normal(laboratory.jcv_log_median, laboratory.jcv_log_sd, count))
    years = rng.exponential(1.0, count) / max(cohort.jcv_conversion_per_year, 1e-9)
    converted = entry + np.minimum(years * DAYS_PER_YEAR, 1e7).astype(np.int64)
    wishes = female & ~ppms & (rng.random(count) < cohort.pregnancy_wish_share)
    birth = onset - np.round(age * DAYS_PER_YEAR).astype(np.int64)
    wish = birth + np.round(rng.uniform(27.0, 38.0, count) * DAYS_PER_YEAR).astype(np.int64)
    relapse_frailty, lesion_frailty = _correlated_gammas(count, cohort.frailty_shape, cohort.frailty_shared, rng)
    shift = np.where(shifted, scenario.shift_relapse_ratio, 1.0)
    return People(
        female=female,
        ppms=ppms,
        birth_day=birth,
        onset_day=onset,
        diagnosis_day=diagnosis,
        entry_day=entry,
        lost_day=np.full(count, NEVER_LOST, dtype=np.int64),
        centre=centre,
        frailty=relapse_frailty * shift,
        lesion_frailty=lesion_frailty * shift,
        progression_frailty=rng.gamma(cohort.progression_frailty_shape, 1.0 / cohort.progression_frailty_shape, count),
        bmi=np.clip(rng.normal(cohort.bmi_mean, cohort.bmi_sd, count), 16.5, 48.0),
        smoking=smoking.astype(np.int64),
        jcv_index=np.clip(index, 0.41, 4.5),
        jcv_positive_day=np.where(positive, -(10**6), converted),
        wish_day=np.where(wishes & (wish > diagnosis), wish, -1),
        confounder=rng.standard_normal(count),
    )


def _correlated_gammas(
    count: int, shape: float, correlation: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Two gamma variables of mean 1 and the given shape that share a part of that size."""
    own = max(shape * (1.0 - correlation), 1e-9)
    shared = rng.gamma(max(shape * correlation, 1e-9), 1.0 / shape, count)
    return shared + rng.gamma(own, 1.0 / shape, count), shared + rng.gamma(own, 1.0 / shape, count)
