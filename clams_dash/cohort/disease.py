"""The disease of every person in one month: relapses, lesions, disability and brain volume.

A simple, honest parametric model (clinical.md 5.4); nothing here knows of visits, scans or missing data. EDSS is held
as a step number on the scale's twenty values, so that an impossible value cannot arise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.treatment import TreatmentState
from clams_dash.model.tables import EDSS_STEPS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

EDSS_OF_STEP: FloatArray = np.array(EDSS_STEPS)
RRMS, SPMS, PPMS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Now:
    """One month: its number and first day, who is ill by then, who fell ill in it, ages, and the therapies acting."""

    index: int
    first_day: int
    ill: BoolArray
    begins: BoolArray
    age: FloatArray
    therapy: TreatmentState


class Disease:
    """State of the disease in all persons; every process draws from a random stream of its own."""

    def __init__(
        self, people: People, drugs: Drugs, parameters: Parameters, seeds: np.random.SeedSequence, months: int
    ) -> None:
        self.people, self.drugs, self.parameters = people, drugs, parameters
        relapse, lesion, disability, brain = (np.random.default_rng(seed) for seed in seeds.spawn(4))
        self.relapse_rng, self.lesion_rng, self.disability_rng, self.brain_rng = relapse, lesion, disability, brain
        count = len(people)
        never = np.full(count, -100, dtype=np.int64)
        first = disability.choice(4, count, p=(0.25, 0.3, 0.3, 0.15))
        self.step: IntArray = np.where(people.ppms, disability.integers(3, 7, count), first).astype(np.int64)
        self.course: IntArray = np.where(people.ppms, PPMS, RRMS).astype(np.int64)
        self.spms_day: IntArray = np.full(count, -1, dtype=np.int64)
        self.progress_due: IntArray = never.copy()
        self.progress_until: IntArray = never.copy()
        self.last_relapse: IntArray = never.copy()
        self.relapse_count: IntArray = np.zeros(count, dtype=np.int64)
        self.residual_due: IntArray = np.zeros(count, dtype=np.int64)
        self.relapse_blocks: list[IntArray] = []
        self.birth_blocks: list[IntArray] = []
        self._draw_traits(months)

    def _draw_traits(self, months: int) -> None:
        """Fixed differences between persons: lesion factor by year, lesion size, lesions and brain at onset."""
        people, lesions, brain = self.people, self.parameters.lesions, self.parameters.brain
        count, sd, rng = len(people), lesions.volume_log_sd, self.lesion_rng
        self.lesion_year: FloatArray = rng.gamma(
            lesions.year_shape, 1.0 / lesions.year_shape, (count, months // 12 + 1)
        )
        self.lesion_ml: FloatArray = lesions.volume_ml_per_lesion * np.exp(rng.normal(-0.5 * sd**2, sd, count))
        self.count: FloatArray = (rng.poisson(lesions.count_at_onset * people.frailty) + 1).astype(np.float64)
        self.volume: FloatArray = self.count * self.lesion_ml
        self.brain_loss: FloatArray = self.brain_rng.normal(0.0, brain.person_sd, count)
        expected = brain.volume_at_onset_ml - brain.volume_age_slope_ml * (people.age_on(people.onset_day) - 35.0)
        self.brain: FloatArray = expected + self.brain_rng.normal(0.0, brain.volume_sd_ml, count)

    @property
    def edss(self) -> FloatArray:
        """True EDSS, relapses apart."""
        return EDSS_OF_STEP[self.step]

    def relapses(self, now: Now) -> BoolArray:
        """Relapses of this month; never in two months running, so that two lie at least 30 days apart."""
        rate, people = self.parameters.relapse, self.people
        whole = np.minimum(self.edss.astype(np.int64), 9)
        by_edss = np.array([rate.edss_factor_rrms, rate.edss_factor_spms, [rate.ppms_factor] * 10])
        yearly = rate.rate_per_year * np.exp(-rate.age_slope * (now.age - rate.age_centre)) * people.frailty
        yearly = yearly * by_edss[self.course, whole]
        yearly = yearly * now.therapy.ratio(self.drugs, self.drugs.arr_ratio, rate.lag_months)
        yearly = yearly * now.therapy.rebound(self.drugs, rate.rebound_months, rate.lag_months)
        free = now.ill & ~now.begins & (now.index - self.last_relapse > 1)
        happens = free & (self.relapse_rng.random(len(people)) < 1.0 - np.exp(-yearly / 12.0))
        at_onset = now.begins & (self.course == RRMS)
        happens |= at_onset
        who = np.flatnonzero(happens)
        if len(who):
            first = at_onset[who]
            severity = self.relapse_rng.choice(3, len(who), p=rate.severity_shares)
            day = now.first_day + self.relapse_rng.integers(0, 28, len(who))
            acute = np.array(rate.acute_steps)[severity]
            residual = np.where(first, 0, np.minimum(self._residual(severity, now.age[who]), acute))
            self.residual_due[who] = residual
            self.last_relapse[who] = now.index
            self.relapse_count[who] += 1
            day = np.where(first, people.onset_day[who], day)
            self.relapse_blocks.append(np.stack([who, day, severity, acute, residual]))
        return np.asarray(happens)

    def _residual(self, severity: IntArray, age: FloatArray) -> IntArray:
        rules = self.parameters.disability
        older = np.clip(np.exp(rules.residual_age_slope * (age - 35.0)), 0.6, 1.6)
        some = rules.residual_any * np.array(rules.residual_any_by_severity)[severity] * older
        more = rules.residual_one_point * np.array(rules.residual_one_point_by_severity)[severity] * older
        draw = self.relapse_rng.random(len(severity))
        large = self.relapse_rng.random(len(severity)) < 0.25
        return np.where(draw < more, 2 + large, np.where(draw < some, 1, 0)).astype(np.int64)

    def lesions(self, now: Now, relapse: BoolArray) -> IntArray:
        """New T2 lesions of this month; count and volume follow (confluence slows the count, old lesions shrink)."""
        rules, rng, count = self.parameters.lesions, self.lesion_rng, len(self.people)
        by_course = np.array([1.0, rules.spms_factor, rules.ppms_factor])[self.course]
        yearly = rules.new_t2_per_year * np.exp(-rules.age_slope * (now.age - 32.0)) * by_course
        yearly = yearly * self.people.frailty * self.lesion_year[:, now.index // 12]
        acting = now.therapy.ratio(self.drugs, self.drugs.new_t2_ratio, self.parameters.relapse.lag_months)
        later = now.ill & ~now.begins
        born = rng.poisson(later * (yearly / 12.0 + relapse * rules.per_relapse) * acting)
        who = np.repeat(np.arange(count), born)
        if len(who):
            self.birth_blocks.append(np.stack([who, now.first_day + rng.integers(0, 28, len(who))]))
        self.count += born / (1.0 + rules.confluence * self.count)
        # White matter is finite: a full brain gains less from a new lesion.
        size = self.lesion_ml * rng.gamma(2.0, 0.5, count) / (1.0 + self.volume / rules.volume_saturation_ml)
        self.volume = self.volume * (1.0 - now.ill * rules.volume_loss_per_year / 12.0) + born * size
        return np.asarray(born)

    def disability(self, now: Now) -> BoolArray:
        """Residuals of last month's relapses, progression, recovery and conversion; returns who began to progress."""
        rules = self.parameters.disability
        draws = self.disability_rng.random((4, len(self.people)))
        self.step += np.where(self.last_relapse == now.index - 1, self.residual_due, 0)
        self.step = np.minimum(self.step, rules.highest_step)
        edss = self.edss
        young = np.clip((rules.effect_zero_age - now.age) / rules.effect_age_span, 0.0, rules.effect_age_cap)
        ratio = now.therapy.ratio(self.drugs, self.drugs.cdw_hr, rules.lag_months) ** (rules.effect_exponent * young)
        hazard = rules.pira_per_year * rules.pira_age_ratio ** ((now.age - 40.0) / 10.0)
        hazard = hazard * rules.pira_edss_ratio ** (edss - 2.0) * self.people.progression_frailty * ratio
        hazard = hazard * np.array([1.0, rules.pira_spms_factor, rules.pira_ppms_factor])[self.course]
        begins = now.ill & (self.progress_due < now.index) & (draws[0] < 1.0 - np.exp(-hazard / 12.0))
        self.step += begins.astype(np.int64) + (self.progress_due == now.index)
        # Below EDSS 5.5 a confirmed step is a whole point: its second half follows within the year.
        follows = begins & (edss < 5.5)
        self.progress_due = np.where(follows, now.index + 2 + (draws[1] * 7).astype(np.int64), self.progress_due)
        self.progress_until = np.where(begins, now.index + 12, self.progress_until)
        progressing = self.progress_until >= now.index
        recovers = now.ill & ~progressing & (self.course == RRMS) & (now.age < rules.improvement_age_limit)
        recovers &= (self.step >= 2) & (draws[2] < rules.improvement_per_year / 12.0)
        self.step = np.clip(self.step - recovers, 0, rules.highest_step)
        convert = rules.spms_per_year * rules.spms_age_ratio ** (now.age - 40.0) * rules.spms_edss_ratio ** (edss - 4.0)
        converts = progressing & (self.course == RRMS) & (edss >= rules.spms_edss_floor) & (draws[3] < convert / 12.0)
        self.course = np.where(converts, SPMS, self.course)
        self.spms_day = np.where(converts, now.first_day, self.spms_day)
        return np.asarray(begins)

    def progressing(self, index: int) -> BoolArray:
        """Who began to progress within the last year."""
        return np.asarray(self.progress_until >= index)

    def shrink_brain(self, now: Now, born: IntArray) -> None:
        """One month of brain volume loss: healthy part, excess part that therapy removes, and new lesions."""
        rules = self.parameters.brain
        kept = now.therapy.ratio(self.drugs, 1.0 - self.drugs.bvl_removed, self.parameters.disability.lag_months)
        yearly = rules.healthy_loss + rules.excess_loss * kept + self.brain_loss
        self.brain *= 1.0 - now.ill * (yearly / 12.0 + rules.loss_per_new_t2 * born) / 100.0
