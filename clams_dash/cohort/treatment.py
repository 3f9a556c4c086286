"""Therapy month by month: when one is stopped and why, when the next is started, and which one is chosen.

The choice is confounded on purpose, as in a clinic: activity, age, JCV index, wish for pregnancy and era drive it, and
a small part of the unobserved frailty does too (clinical.md 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.parameters import TreatmentParameters
from clams_dash.cohort.people import People

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

STOP_REASONS: tuple[str, ...] = (
    "breakthrough_activity",
    "progression",
    "adverse_event",
    "laboratory",
    "pml_risk",
    "pregnancy_wish",
    "patient_choice",
    "completed",
)
"""In order of precedence when several apply in one month."""
_CHOICE, _PREGNANCY, _COMPLETED = (
    STOP_REASONS.index(name) for name in ("patient_choice", "pregnancy_wish", "completed")
)
_ESCALATES = STOP_REASONS.index("breakthrough_activity")
_FAILURES = tuple(STOP_REASONS.index(name) for name in ("breakthrough_activity", "progression"))
_HARMS = tuple(STOP_REASONS.index(name) for name in ("adverse_event", "laboratory", "pml_risk"))
_NEVER_STOPPED = -1


@dataclass(frozen=True, slots=True)
class Month:
    """What is known of every person in one month when therapy is decided."""

    index: int
    year: float
    age: FloatArray
    course: IntArray
    """row of ``drugs.COURSES``"""
    first_attack_only: BoolArray
    in_care: BoolArray
    since_diagnosis: IntArray
    relapse_now: BoolArray
    relapses_year: IntArray
    new_t2_year: IntArray
    progressed_now: BoolArray
    wishes_child: BoolArray
    wish_began: BoolArray


class TreatmentState:
    """Therapy of every person: current and previous drug, months on and off, drugs tried, and the courses so far."""

    def __init__(self, count: int, drugs: Drugs) -> None:
        self._same_class = drugs.same_class
        self.drug: IntArray = np.zeros(count, dtype=np.int64)
        self.previous: IntArray = np.zeros(count, dtype=np.int64)
        self.months_on: FloatArray = np.zeros(count)
        self.months_off: FloatArray = np.full(count, 1e6)
        self.months_on_at_stop: FloatArray = np.zeros(count)
        self.reason: IntArray = np.full(count, _NEVER_STOPPED, dtype=np.int64)
        self.tried: BoolArray = np.zeros((count, len(drugs.names)), dtype=np.bool_)
        self.ruled_out: BoolArray = np.zeros((count, len(drugs.names)), dtype=np.bool_)
        self.start_day: IntArray = np.zeros(count, dtype=np.int64)
        self.courses: list[tuple[IntArray, IntArray, IntArray, IntArray, IntArray]] = []
        """blocks of person, drug, start day, stop day (-1 = goes on), reason (-1 = none)"""

    def close(self, who: IntArray, day: IntArray, reason: IntArray) -> None:
        """Stop the current therapy of ``who``."""
        self.courses.append((who, self.drug[who], self.start_day[who], day, reason))
        self.ruled_out[who] |= _ruled_out_by(reason, self.drug[who], self._same_class)
        self.previous[who] = self.drug[who]
        self.months_on_at_stop[who] = self.months_on[who]
        self.months_off[who] = 0.0
        self.drug[who] = 0
        self.months_on[who] = 0.0
        self.reason[who] = reason

    def open(self, who: IntArray, drug: IntArray, day: IntArray) -> None:
        """Start a therapy in ``who``."""
        self.drug[who] = drug
        self.months_on[who] = 0.0
        self.start_day[who] = day
        self.tried[who, drug] = True

    def tick(self) -> None:
        """One month passes."""
        self.months_on += self.drug > 0
        self.months_off += 1.0

    def ratio(self, drugs: Drugs, ratio: FloatArray, lag_months: float) -> FloatArray:
        """Rate ratio acting now: the better of the current drug (after its lag) and what is left of the last."""
        building = np.clip(self.months_on / lag_months, 0.0, 1.0)
        left = np.clip(1.0 - self.months_off / drugs.carry_months[self.previous], 0.0, 1.0)
        left *= np.clip(self.months_on_at_stop / lag_months, 0.0, 1.0)
        return np.asarray(np.minimum(ratio[self.drug] ** building, ratio[self.previous] ** left))

    def rebound(self, drugs: Drugs, rebound_months: float, lag_months: float) -> FloatArray:
        """Rise of the relapse rate from the second month after stopping some drugs, unless another one acts."""
        within = (self.months_off >= 1.0) & (self.months_off <= 1.0 + rebound_months) & (self.months_on_at_stop > 6.0)
        open_part = 1.0 - np.clip(self.months_on / lag_months, 0.0, 1.0)
        return np.asarray(np.where(within, drugs.rebound_ratio[self.previous] ** open_part, 1.0))


def _ruled_out_by(reason: IntArray, drug: IntArray, same_class: BoolArray) -> BoolArray:
    """Drugs not given again: the whole class after it failed, the drug itself after harm or a risk."""
    failed = np.isin(reason, _FAILURES)[:, None] & same_class[drug]
    harmed = np.isin(reason, _HARMS)[:, None] & (np.arange(len(same_class))[None, :] == drug[:, None])
    return np.asarray(failed | harmed)


def stop_therapies(
    state: TreatmentState,
    month: Month,
    first_day: int,
    people: People,
    drugs: Drugs,
    parameters: TreatmentParameters,
    rng: np.random.Generator,
) -> None:
    """End therapies this month, each with one reason."""
    on = (state.drug > 0) & month.in_care
    draws = rng.random((len(STOP_REASONS), len(people)))
    chance = _stop_chances(state, month, people, drugs, parameters)
    hit = draws < chance
    stops = on & hit.any(axis=0) & (state.months_on >= 1)
    who = np.flatnonzero(stops)
    if len(who):
        state.close(who, first_day + rng.integers(0, 14, len(who)), np.argmax(hit[:, who], axis=0))


def _stop_chances(
    state: TreatmentState, month: Month, people: People, drugs: Drugs, parameters: TreatmentParameters
) -> FloatArray:
    drug, on = state.drug, state.months_on
    settled = on >= 6
    yearly = month.since_diagnosis % 12 == 6
    room = drugs.efficacy_rank[drug] < 5
    breakthrough = settled * (
        month.relapse_now * parameters.breakthrough_relapse
        + (yearly & (month.new_t2_year >= parameters.breakthrough_new_t2)) * parameters.breakthrough_mri
    )
    fixed = np.isfinite(drugs.fixed_months[drug])
    early = np.where(on < 6, parameters.early_adverse_ratio, 1.0)
    natalizumab = drug == drugs.index("natalizumab")
    pml = natalizumab & (people.jcv_index > 0.4) & (on > parameters.pml_after_months)
    awkward = drugs.childbearing_penalty[drug] > 0
    older = 1.0 + 2.0 * ((month.age > 58) & (month.relapses_year == 0))
    return np.stack(
        [
            np.where(fixed, 0.0, np.where(room, breakthrough, 0.4 * breakthrough)),
            np.where(fixed, 0.0, month.progressed_now * settled * parameters.progression_stop),
            drugs.adverse_stops[drug] / 12.0 * early,
            np.where(on > 3, drugs.laboratory_stops[drug] / 12.0, 0.0),
            pml * parameters.pml_stop_per_year / 12.0 * np.where(people.jcv_index > 1.5, 2.0, 1.0),
            np.where(fixed, 0.0, (month.wish_began & awkward) * 0.8),
            drugs.choice_stops[drug] / 12.0 * older,
            (on >= drugs.fixed_months[drug]).astype(np.float64),
        ]
    )


def start_therapies(
    state: TreatmentState,
    month: Month,
    first_day: int,
    people: People,
    drugs: Drugs,
    parameters: TreatmentParameters,
    rng: np.random.Generator,
) -> None:
    """Start therapies in persons in care who are on none, by softmax over the drugs open to them (Gumbel draw)."""
    chance = _start_chances(state, month, parameters)
    starts = month.in_care & (state.drug == 0) & (rng.random(len(people)) < chance)
    who = np.flatnonzero(starts)
    if not len(who):
        return
    weight = _utilities(who, state, month, people, drugs, parameters)
    noisy = weight + parameters.temperature * rng.gumbel(size=weight.shape)
    drug = np.argmax(noisy, axis=1)
    day = first_day + rng.integers(14, 28, len(who))
    possible = np.isfinite(weight[np.arange(len(who)), drug]) & (day < people.lost_day[who])
    state.open(who[possible], drug[possible], day[possible])


def _start_chances(state: TreatmentState, month: Month, parameters: TreatmentParameters) -> FloatArray:
    active = (month.relapses_year >= 1) | (month.new_t2_year >= 3)
    late = month.since_diagnosis > parameters.late_after_months
    first = np.where(
        month.since_diagnosis == 0,
        parameters.start_at_diagnosis,
        np.where(late, parameters.start_late_per_month, parameters.start_per_month),
    )
    first = np.where(month.course == 2, parameters.ppms_start_per_month, first)
    first = np.where(
        (month.relapses_year >= 1) & (month.since_diagnosis > 0), first * parameters.start_relapse_ratio, first
    )
    first = np.where(month.first_attack_only, 0.5 * first, first)
    paused = state.months_off < parameters.pregnancy_pause_months
    again = np.full(len(state.drug), parameters.restart_per_month)
    quiet = np.isin(state.reason, (_CHOICE,))
    again = np.where(quiet, np.where(active, 0.3, parameters.restart_after_choice_per_month), again)
    after_child = np.where(paused, 0.0, parameters.restart_after_pregnancy_per_month)
    again = np.where(state.reason == _PREGNANCY, after_child, again)
    again = np.where(state.reason == _COMPLETED, np.where(active & (state.months_off > 6), 0.25, 0.002), again)
    chance = np.where(state.reason == _NEVER_STOPPED, first, again)
    return np.asarray(np.where(month.age > 62, 0.2 * chance, chance))


def _utilities(
    who: IntArray,
    state: TreatmentState,
    month: Month,
    people: People,
    drugs: Drugs,
    parameters: TreatmentParameters,
) -> FloatArray:
    era = np.clip((month.year - 2010.0) / 15.0, 0.0, 1.0)
    popularity = drugs.popularity_2010 + era * (drugs.popularity_2025 - drugs.popularity_2010)
    activity = (
        month.relapses_year[who]
        + 0.2 * np.minimum(month.new_t2_year[who], 10)
        + parameters.unmeasured_confounding * np.log(np.maximum(people.frailty[who], 0.05))
        - 0.03 * (month.age[who] - 35.0)
    )
    course = month.course[who]
    pull = np.where(course == 1, parameters.spms_activity_weight, 1.0) * parameters.activity_weight
    rank = drugs.efficacy_rank[None, :]
    weight = popularity[None, :] + (pull * activity)[:, None] * (rank - 2.5) / 2.0
    weight = weight + parameters.era_weight * (month.year - 2010.0) * (rank - 2.5) / 2.0
    before = drugs.efficacy_rank[state.previous[who]][:, None]
    escalate = (state.reason[who] == _ESCALATES)[:, None]
    weight = weight + np.where(escalate, parameters.escalation_weight * np.clip(rank - before, -4.0, 2.0), 0.0)
    weight = weight - parameters.tried_penalty * state.tried[who]
    younger = (month.age[who] < 50.0)[:, None]
    weight = weight - np.where(younger, parameters.deescalation_penalty * np.clip(before - rank - 1.0, 0.0, 5.0), 0.0)
    index = people.jcv_index[who]
    jcv = np.where(index > 1.5, parameters.jcv_high_penalty, np.where(index > 0.4, parameters.jcv_penalty, 0.0))
    weight[:, drugs.index("natalizumab")] -= jcv
    weight = weight - month.wishes_child[who][:, None] * drugs.childbearing_penalty[None, :]
    allowed = drugs.allowed[course].copy()
    allowed &= ~state.ruled_out[who]
    allowed[month.first_attack_only[who]] &= drugs.allowed_in_cis
    allowed &= drugs.first_use_year[None, :] <= np.floor(month.year)
    allowed &= drugs.max_age[None, :] >= month.age[who][:, None]
    return np.asarray(np.where(allowed, weight, -np.inf))
