"""How well each particle fits the findings of a month: EDSS, lesion counts, sNfL, GFAP, therapies chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import MONTHS_REMEMBERED, DiseaseState, Events
from clams_dash.cohort.examinations import lingering_steps
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.truth.record import Findings
from clams_dash.cohort.truth.traits import (
    FRAILTY_GRID,
    LesionMeans,
    Prior,
    Sums,
    Traits,
    first_count_log_likelihood,
    gfap_log_likelihood,
    interpolate,
    negative_binomial,
    pulled,
    unmerged,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MONTH_DAYS = 28
_UNLIKELY, _UNLIKELIER = np.log(1e-4), 1.5
"""of a rating two steps off, and per further step: no rating is taken to be impossible"""
_BIRTHS_SD = 1.5
"""spread of the lesions born within three weeks, for what they add to sNfL"""


@dataclass(frozen=True, slots=True)
class History:
    """Records of some decisions by month since onset, with what acted. ``months`` = onset to decision, both counted."""

    months: IntArray
    seen_from: IntArray
    spms_month: IntArray
    """month of conversion; -1 = none so far"""
    onset_index: IntArray
    """row of the grid of months"""
    birth_day: IntArray
    month_day: IntArray
    acting: FloatArray
    """relapse, new T2, worsening x month of the grid x decision"""
    relapses: dict[int, list[Findings]]
    visits: dict[int, list[Findings]]
    scans: dict[int, list[Findings]]
    nfl: dict[int, list[Findings]]
    gfap: dict[int, list[Findings]]
    choices: dict[int, list[Findings]]
    progression_stops: dict[int, list[Findings]]

    def __len__(self) -> int:
        return len(self.months)

    def _index(self, month: int) -> IntArray:
        return np.minimum(self.onset_index + month, len(self.month_day) - 1)

    def age_in(self, month: int) -> FloatArray:
        """Age in years of every decision's person."""
        return np.asarray((self.month_day[self._index(month)] - self.birth_day) / 365.25)

    def acting_in(self, month: int) -> FloatArray:
        """Log ratios that acted (relapse, new T2, worsening x decision)."""
        return np.asarray(self.acting[:, self._index(month), np.arange(len(self))])


class Weigher:
    """Log weights of all particles, and the running values they need. ``owner`` names the decision of each particle."""

    def __init__(self, history: History, owner: IntArray, shift: FloatArray, parameters: Parameters) -> None:
        count = len(owner)
        self.history, self.parameters, self.shift = history, parameters, shift
        self.particles = count // len(history)
        self.since_scan = LesionMeans.none(count)
        self.recent = np.zeros((MONTHS_REMEMBERED, 2, count))
        """means of new lesions of the last months, the latest first: in proportion to frailty, and of relapses"""
        self.last_count = np.full(len(history), np.nan)
        self.born: list[list[tuple[int, float]]] = [[] for _ in range(len(history))]
        """by decision: month of a scan and the lesions born since the one before"""
        self.relapse_day = np.full(len(history), -(10**7))
        self.relapse_month = np.full(len(history), -1)
        self.acute = np.zeros(len(history), dtype=np.int64)
        self.residual = np.zeros(count, dtype=np.int64)
        rules = parameters.laboratory
        self.nfl_mean, self.nfl_variance = np.zeros(count), np.full(count, rules.nfl_log_sd**2)

    def take(self, rows: IntArray) -> None:
        """Keep the given particles."""
        self.since_scan = self.since_scan.take(rows)
        self.recent = self.recent[:, :, rows]
        self.residual = self.residual[rows]
        self.nfl_mean, self.nfl_variance = self.nfl_mean[rows], self.nfl_variance[rows]

    def weigh(
        self, month: int, state: DiseaseState, events: Events, traits: Traits, sums: Sums, prior: Prior
    ) -> FloatArray:
        """Log weight of every particle for the findings of a month that has passed."""
        weight = np.zeros(len(self.residual))
        self._note(month, events, traits)
        for found in self.history.visits.get(month, []):
            columns = self._columns(found.row)
            weight[columns] += self._edss(month, found, columns, state)
        for found in self.history.scans.get(month, []):
            self._scan(month, found, traits, sums, weight)
        for found in self.history.nfl.get(month, []):
            columns = self._columns(found.row)
            weight[columns] += self._nfl(found, columns, state, traits)
        for found in self.history.gfap.get(month, []):
            columns = self._columns(found.row)
            weight[columns] += self._gfap(found, columns, traits, sums)
        for found in self.history.choices.get(month, []):
            columns = self._columns(found.row)
            table = np.repeat(found.values, self.particles, axis=1)
            sums.choices[:, columns] += table
            weight[columns] += pulled(table, prior.pull(traits.take(columns)))
        return weight

    def _columns(self, rows: IntArray) -> IntArray:
        return np.asarray((rows[:, None] * self.particles + np.arange(self.particles)[None, :]).ravel())

    def _each(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values, self.particles)

    def _note(self, month: int, events: Events, traits: Traits) -> None:
        expected = events.expected
        steady = expected.new_t2 / np.maximum(traits.lesion * self.shift, 1e-12)
        fixed = expected.new_t2_of_relapse
        self.since_scan = self.since_scan.add(steady, fixed)
        self.recent = np.roll(self.recent, 1, axis=0)
        self.recent[0] = steady, fixed
        self.residual[events.relapses.who] = events.relapses.residual_steps
        for found in self.history.relapses.get(month, []):
            self.relapse_day[found.row] = found.day
            self.relapse_month[found.row] = month
            self.acute[found.row] = np.array(self.parameters.relapse.acute_steps)[found.values[0].astype(np.int64)]

    def _edss(self, month: int, found: Findings, columns: IntArray, state: DiseaseState) -> FloatArray:
        rules = self.parameters
        since = np.maximum(self._each(found.day - self.relapse_day[found.row]), 0).astype(np.int64)
        earlier = self._each(self.relapse_month[found.row] < month)
        counted = np.where(earlier, self.residual[columns], 0)
        lingering = lingering_steps(self._each(self.acute[found.row]).astype(np.int64), counted, since)
        truth = np.minimum(state.step[columns] + lingering, rules.disability.highest_step)
        away = np.abs(self._each(found.values[0]) - truth)
        noise = rules.visits.rating_noise
        fits = np.where(away == 0, np.log(1.0 - noise), np.log(0.5 * noise))
        return np.asarray(np.where(away <= 1, fits, _UNLIKELY - _UNLIKELIER * (away - 2.0)))

    def _scan(self, month: int, found: Findings, traits: Traits, sums: Sums, weight: FloatArray) -> None:
        """T2 lesions born since the last scan (or ever, at the first one) and enhancing ones."""
        columns = self._columns(found.row)
        frailty = FRAILTY_GRID[:, None] * self.shift[columns][None, :]
        means = self.since_scan.take(columns)
        rules = self.parameters.lesions
        count, first = found.values[0], np.isnan(self.last_count[found.row])
        born = np.round(unmerged(count, self.parameters) - unmerged(self.last_count[found.row], self.parameters))
        born = np.where(first, 0.0, np.fmax(born, np.nan_to_num(found.values[1])))
        table = np.empty(frailty.shape)
        at_first = np.flatnonzero(self._each(first))
        later = np.flatnonzero(self._each(~first))
        table[:, at_first] = first_count_log_likelihood(
            self._each(count)[at_first], means.take(at_first), frailty[:, at_first], self.parameters
        )
        mean, variance = means.take(later).moments(frailty[:, later], rules.burst_shape)
        table[:, later] = negative_binomial(self._each(born)[later][None, :], mean, variance)
        table += self._enhancing(month, found, columns, frailty)
        sums.lesions[:, columns] += table
        weight[columns] += interpolate(table, traits.lesion[columns])
        self.since_scan = self.since_scan.cleared(columns)
        self.last_count[found.row] = count
        for row, is_first, number in zip(found.row.tolist(), first.tolist(), born.tolist(), strict=True):
            self.born[row].append((month, np.nan if is_first else number))

    def _enhancing(self, month: int, found: Findings, columns: IntArray, frailty: FloatArray) -> FloatArray:
        """Log likelihood of the number of enhancing lesions; 0 where contrast was not given."""
        rules, months = self.parameters.lesions, self.recent[:3][:, :, columns]
        first_day = self.history.month_day[self.history.onset_index[found.row] + month]
        day = self._each(np.clip(found.day - first_day, 0, _MONTH_DAYS - 1))
        lasting = rules.enhancement_days + 0.5
        means = LesionMeans.none(len(columns))
        for back in range(3):
            # Born evenly over a month: the part that still enhances on the day of the scan.
            begin = np.where(back == 0, 0.0, back * 30.4 + day - _MONTH_DAYS)
            end = day if back == 0 else back * 30.4 + day
            part = lasting / _MONTH_DAYS * (np.exp(-np.maximum(begin, 0.0) / lasting) - np.exp(-end / lasting))
            means = means.add(months[back, 0] * part, months[back, 1] * part)
        factor = 1.0 + rules.reactivated_per_new
        mean, variance = means.moments(frailty, rules.burst_shape, factor)
        seen = np.repeat(found.values[2], self.particles)
        known = np.isfinite(seen)
        likely = negative_binomial(np.where(known, seen, 0.0)[None, :], mean + 1e-6, variance + 2e-6)
        return np.asarray(np.where(known[None, :], likely, 0.0))

    def _nfl(self, found: Findings, columns: IntArray, state: DiseaseState, traits: Traits) -> FloatArray:
        rules = self.parameters.laboratory
        since = found.day - self.relapse_day[found.row]
        washout = rules.nfl_relapse_log * np.exp(-rules.nfl_washout_per_year * since / 365.25)
        expected = self._each(washout + rules.nfl_untreated_excess * found.values[1])
        expected = expected + rules.nfl_progressing * state.progressing[columns]
        expected = expected + rules.nfl_activity * state.activity[columns]
        steady, fixed = self.recent[0][:, columns]
        factor = 0.7 * (1.0 + self.parameters.lesions.reactivated_per_new)
        born = factor * (traits.lesion[columns] * self.shift[columns] * steady + fixed)
        expected = expected + rules.nfl_per_gd * np.minimum(born, rules.nfl_gd_cap)
        noise = rules.nfl_assay_cv**2 + (rules.nfl_per_gd * _BIRTHS_SD) ** 2
        away = self._each(found.values[0]) - expected - self.nfl_mean[columns]
        total = self.nfl_variance[columns] + noise
        gain = self.nfl_variance[columns] / total
        self.nfl_mean[columns] += gain * away
        self.nfl_variance[columns] *= 1.0 - gain
        return np.asarray(-0.5 * away**2 / total - 0.5 * np.log(total))

    def _gfap(self, found: Findings, columns: IntArray, traits: Traits, sums: Sums) -> FloatArray:
        own = traits.take(columns)
        before = gfap_log_likelihood(own, sums.gfap_count[columns], sums.gfap_sum[columns], self.parameters)
        sums.gfap_count[columns] += 1.0
        sums.gfap_sum[columns] += self._each(found.values[0])
        after = gfap_log_likelihood(own, sums.gfap_count[columns], sums.gfap_sum[columns], self.parameters)
        return np.asarray(after - before)

    def place_lesions(
        self, row: int, columns: IntArray, state: DiseaseState, traits: Traits, rng: np.random.Generator
    ) -> None:
        """Draw the new lesions of the last months of one decision as its scans and the particles' rates have them."""
        rules, shape = self.parameters.lesions, self.parameters.lesions.burst_shape
        months = int(self.history.months[row])
        mean = traits.lesion * self.shift[columns] * self.recent[:, 0, columns] + self.recent[:, 1, columns]
        burst = rng.gamma(shape, 1.0 / shape, mean.shape)
        born = rng.poisson(mean * burst)
        counted = [(months - 1 - month, number) for month, number in self.born[row]]
        for place, (back, number) in enumerate(counted):
            before = counted[place - 1][0] if place else MONTHS_REMEMBERED + 1_000
            inside = np.arange(back, min(before, MONTHS_REMEMBERED))
            if not len(inside) or np.isnan(number):
                continue
            outside = max(before - MONTHS_REMEMBERED, 0)
            weight = mean[inside] * burst[inside]
            beyond = outside * mean[inside].mean(axis=0) * rng.gamma(shape * max(outside, 1), 1.0, mean.shape[1])
            beyond = beyond / (shape * max(outside, 1))
            left = np.full(mean.shape[1], int(number))
            total = weight.sum(axis=0) + beyond
            for month, part in zip(inside.tolist(), weight, strict=True):
                chance = np.clip(part / np.maximum(total, 1e-12), 0.0, 1.0)
                if not outside and month == inside[-1]:
                    chance = np.ones_like(chance)
                born[month] = rng.binomial(left, chance)
                left, total = left - born[month], total - part
        state.lesion_memory = np.minimum(born, 30000).astype(np.int16)
        state.new_t2_year = state.lesion_memory.sum(axis=0, dtype=np.int64)
        state.enhancing = born[0] + rng.poisson(mean[0] * burst[0] * rules.reactivated_per_new)
