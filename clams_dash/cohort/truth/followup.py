"""Visits as the registry would have kept them after a decision, and worsening judged on the EDSS rated at them.

Scheduled visits at the registry's gaps, extra ones after most relapses, rated with noise, some without EDSS
(``examinations.py``). Worsening: an onset within 24 months, held at every visit until one at least 24 weeks later and
30 days after any relapse, by month 30 (``response/dataset.py`` counts it so in data).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from clams_dash.cohort.disease_state import Events
from clams_dash.cohort.examinations import lingering_steps
from clams_dash.cohort.parameters import VisitParameters
from clams_dash.cohort.people import DAYS_PER_MONTH
from clams_dash.response.settings import Design

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_LEAST_GAP_DAYS = 10
_VISITS = 16
_FAR = -100_000
_RELAPSE_DISTANCE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Schedule:
    """Random part of the visits of some columns: day of a scheduled visit by month (-1 none), and uniforms by month."""

    day: IntArray
    """month x column, days since the first day of the future"""
    extra: FloatArray
    """uniform, (whether, after how many days) x month x column"""
    noise: FloatArray
    """uniform, (scheduled, extra) x month x column"""
    missing: FloatArray
    """uniform, (scheduled, extra) x month x column"""

    @classmethod
    def draw(
        cls, elapsed_days: IntArray, months: int, parameters: VisitParameters, rng: np.random.Generator
    ) -> Schedule:
        """Schedules of columns whose last visit was so many days before the first day of the future."""
        count = len(elapsed_days)
        median, sd = np.log(parameters.gap_median_months * DAYS_PER_MONTH), parameters.gap_log_sd
        # The gap that is running is longer than what has passed of it.
        passed = ndtr((np.log(np.maximum(elapsed_days, 1.0)) - median) / sd)
        uniform = passed + (1.0 - passed) * rng.random(count)
        first = np.exp(median + sd * ndtri(np.clip(uniform, 1e-9, 1.0 - 1e-9))) - elapsed_days
        gaps = np.exp(rng.normal(median, sd, (_VISITS, count)))
        gaps[0] = np.maximum(first, 1.0)
        visits = np.round(np.cumsum(gaps, axis=0)).astype(np.int64)
        day = np.full((months, count), -1, dtype=np.int64)
        for number in range(_VISITS):
            month = (visits[number] / DAYS_PER_MONTH).astype(np.int64)
            far = number == 0 or (visits[number] - visits[number - 1] >= _LEAST_GAP_DAYS)
            column = np.flatnonzero((month < months) & far)
            day[month[column], column] = visits[number, column]
        shape = (2, months, count)
        return cls(day, rng.random(shape), rng.random(shape), rng.random(shape))


class WorseningWatch:
    """Follows the visits of all columns month by month; columns of one draw share its schedule (``draw``)."""

    def __init__(
        self,
        schedule: Schedule,
        draw: IntArray,
        worse_step: IntArray,
        since_relapse_days: IntArray,
        parameters: VisitParameters,
        highest_step: int,
        design: Design,
    ) -> None:
        count = len(draw)
        self.schedule, self.draw, self.worse_step = schedule, draw, worse_step
        self.parameters, self.highest_step, self.design = parameters, highest_step, design
        self.onset = np.full(count, -1, dtype=np.int64)
        self.confirmed = np.zeros(count, dtype=np.bool_)
        self.relapse_day = -since_relapse_days
        self.relapse_month = np.full(count, -1, dtype=np.int64)
        self.acute = np.zeros(count, dtype=np.int64)
        self.residual = np.zeros(count, dtype=np.int64)
        self.extra_day = np.full(count, _FAR, dtype=np.int64)
        self.last_visit = np.full(count, _FAR, dtype=np.int64)
        self.noise_seen = np.zeros(count)
        """sum of the rating noise until the horizon: zero on average, a control variate"""

    def see(self, month: int, step: IntArray, events: Events) -> None:
        """A month has passed: ``step`` is the true EDSS step at its end."""
        found, draw = events.relapses, self.draw
        who = found.who
        self.relapse_day[who] = round(month * DAYS_PER_MONTH) + found.day
        self.relapse_month[who] = month
        self.acute[who], self.residual[who] = found.acute_steps, found.residual_steps
        comes = self.schedule.extra[0, month, draw[who]] < self.parameters.relapse_visit_share
        after = 3 + (self.schedule.extra[1, month, draw[who]] * 28).astype(np.int64)
        self.extra_day[who[comes]] = self.relapse_day[who[comes]] + after[comes]
        end = (month + 1) * DAYS_PER_MONTH
        scheduled = self.schedule.day[month, draw]
        due = np.flatnonzero((self.extra_day != _FAR) & (self.extra_day < end))
        early = due[(scheduled[due] < 0) | (self.extra_day[due] <= scheduled[due])]
        late = due[(scheduled[due] >= 0) & (self.extra_day[due] > scheduled[due])]
        self._visit(1, month, early, self.extra_day[early], step)
        planned = np.flatnonzero(scheduled >= 0)
        self._visit(0, month, planned, scheduled[planned], step)
        self._visit(1, month, late, self.extra_day[late], step)
        self.extra_day[due] = _FAR

    def _visit(self, kind: int, month: int, who: IntArray, day: IntArray, step: IntArray) -> None:
        apart = (day - self.last_visit[who] >= _LEAST_GAP_DAYS) & (day <= self.design.confirm_until_days)
        who, day = who[apart], day[apart]
        if not len(who):
            return
        self.last_visit[who] = day
        draw, parameters = self.draw[who], self.parameters
        since = day - self.relapse_day[who]
        counted = np.where(self.relapse_month[who] < month, self.residual[who], 0)
        noise = self.schedule.noise[kind, month, draw]
        half = 0.5 * parameters.rating_noise
        error = (noise < half).astype(np.int64) - (noise > 1.0 - half)
        rated = step[who] + np.where(since >= 0, lingering_steps(self.acute[who], counted, since), 0) + error
        known = self.schedule.missing[kind, month, draw] >= parameters.edss_missing
        who, day, since, error = who[known], day[known], since[known], error[known]
        worse = np.minimum(rated[known], self.highest_step) >= self.worse_step[who]
        self.noise_seen[who] += error * (day <= self.design.horizon_days)
        onset = self.onset[who]
        calm = (since >= _RELAPSE_DISTANCE_DAYS) | (since < 0)
        held = worse & (onset >= 0) & (onset <= self.design.horizon_days)
        self.confirmed[who] |= held & calm & (day - onset >= self.design.confirm_days)
        self.onset[who] = np.where(worse, np.where(onset < 0, day, onset), -1)
