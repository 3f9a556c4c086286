"""Decisions month by month: when a therapy is stopped and why, when the next is started, and which one is chosen.

The choice is confounded on purpose, as in a clinic: activity, age, JCV index, wish for pregnancy and era drive it, and
so do a small part of the unobserved frailty and, in some scenarios, the unmeasured confounder (clinical.md 5.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.families import Features
from clams_dash.cohort.parameters import TreatmentParameters
from clams_dash.cohort.people import People
from clams_dash.cohort.treatment import (
    CHOICE,
    COMPLETED,
    ESCALATES,
    NEVER_STOPPED,
    PREGNANCY,
    STOP_REASONS,
    TreatmentState,
)
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What the treating doctor knows of every person in one month, and the dates of the month."""

    first_day: int
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
    jcv_index: FloatArray


@dataclass(frozen=True, slots=True)
class Stops:
    """Therapies that ended in one month."""

    who: IntArray
    drug: IntArray
    start_day: IntArray
    stop_day: IntArray
    reason: IntArray
    """row of ``STOP_REASONS``"""


_NOBODY: IntArray = np.empty(0, dtype=np.int64)
NO_STOPS = Stops(_NOBODY, _NOBODY, _NOBODY, _NOBODY, _NOBODY)


@dataclass(frozen=True, slots=True)
class PolicyDraws:
    """Random numbers of one month of decisions, the same amount whatever the states are.

    ``rows`` names the column that serves each person: several persons may share their numbers.
    """

    stop: FloatArray
    """uniform, reason x column"""
    start: FloatArray
    """uniform, three rows: whether, day of stop, day of start"""
    choice: FloatArray
    """uniform, drug x column"""
    rows: IntArray

    @classmethod
    def draw(cls, count: int, drugs: Drugs, rng: np.random.Generator) -> PolicyDraws:
        """For ``count`` persons."""
        choice = rng.random((len(drugs.names), count), dtype=np.float32)
        stop = rng.random((len(STOP_REASONS), count), dtype=np.float32)
        return cls(stop, rng.random((3, count)), choice, np.arange(count))  # type: ignore[arg-type]

    def take(self, rows: IntArray) -> PolicyDraws:
        """The numbers of the given persons, repeated as often as they are named."""
        return PolicyDraws(self.stop, self.start, self.choice, self.rows[rows])

    def gumbel(self, who: IntArray) -> FloatArray:
        """Gumbel noise on the utilities (drug x who)."""
        uniform = self.choice[:, self.rows[who]]
        return np.asarray(-np.log(-np.log(np.maximum(uniform, 1e-7))))


def stop_therapies(
    state: TreatmentState,
    known: Known,
    drugs: Drugs,
    parameters: TreatmentParameters,
    draws: PolicyDraws,
) -> Stops:
    """End therapies this month, each with one reason."""
    rows = np.flatnonzero((state.drug > 0) & known.in_care & (state.months_on >= 1))
    hit = draws.stop[:, draws.rows[rows]] < _stop_chances(rows, state, known, drugs, parameters)
    stopped = hit.any(axis=0)
    who, reason = rows[stopped], np.argmax(hit[:, stopped], axis=0)
    day = known.first_day + (draws.start[1, draws.rows[who]] * 14).astype(np.int64)
    stops = Stops(who, state.drug[who], state.start_day[who], day, reason)
    state.close(who, reason, drugs)
    return stops


def _stop_chances(
    who: IntArray, state: TreatmentState, known: Known, drugs: Drugs, parameters: TreatmentParameters
) -> FloatArray:
    drug, on, jcv = state.drug[who], state.months_on[who], known.jcv_index[who]
    settled = on >= 6
    yearly = known.since_diagnosis[who] % 12 == 6
    room = drugs.efficacy_rank[drug] < 5
    breakthrough = settled * (
        known.relapse_now[who] * parameters.breakthrough_relapse
        + (yearly & (known.new_t2_year[who] >= parameters.breakthrough_new_t2)) * parameters.breakthrough_mri
    )
    fixed = np.isfinite(drugs.fixed_months[drug])
    early = np.where(on < 6, parameters.early_adverse_ratio, 1.0)
    natalizumab = drug == drugs.index("natalizumab")
    pml = natalizumab & (jcv > 0.4) & (on > parameters.pml_after_months)
    awkward = drugs.childbearing_penalty[drug] > 0
    older = 1.0 + 2.0 * ((known.age[who] > 58) & (known.relapses_year[who] == 0))
    return np.stack(
        [
            np.where(fixed, 0.0, np.where(room, breakthrough, 0.4 * breakthrough)),
            np.where(fixed, 0.0, known.progressed_now[who] * settled * parameters.progression_stop),
            drugs.adverse_stops[drug] / 12.0 * early,
            np.where(on > 3, drugs.laboratory_stops[drug] / 12.0, 0.0),
            pml * parameters.pml_stop_per_year / 12.0 * np.where(jcv > 1.5, 2.0, 1.0),
            np.where(fixed, 0.0, (known.wish_began[who] & awkward) * 0.8),
            drugs.choice_stops[drug] / 12.0 * older,
            (on >= drugs.fixed_months[drug]).astype(np.float64),
        ]
    )


def start_therapies(
    state: TreatmentState,
    known: Known,
    people: People,
    world: World,
    parameters: TreatmentParameters,
    draws: PolicyDraws,
    features: Callable[[IntArray], Features],
) -> None:
    """Start therapies in persons in care who are on none, by softmax over the drugs open to them (Gumbel draw).

    ``features`` gives what modifies effects in the persons who start.
    """
    chance = _start_chances(state, known, parameters)
    who = np.flatnonzero(known.in_care & (state.drug == 0) & (draws.start[0, draws.rows] < chance))
    if not len(who):
        return
    weight = utilities(who, state, known, people, world, parameters)
    drug = np.argmax(weight + parameters.temperature * draws.gumbel(who), axis=0)
    day = known.first_day + 14 + (draws.start[2, draws.rows[who]] * 14).astype(np.int64)
    possible = np.isfinite(weight[drug, np.arange(len(who))]) & (day < people.lost_day[who])
    who, drug, day = who[possible], drug[possible], day[possible]
    state.open(who, drug, day, world.exponents(features(who), drug))


def _start_chances(state: TreatmentState, known: Known, parameters: TreatmentParameters) -> FloatArray:
    active = (known.relapses_year >= 1) | (known.new_t2_year >= 3)
    late = known.since_diagnosis > parameters.late_after_months
    first = np.where(
        known.since_diagnosis == 0,
        parameters.start_at_diagnosis,
        np.where(late, parameters.start_late_per_month, parameters.start_per_month),
    )
    first = np.where(known.course == 2, parameters.ppms_start_per_month, first)
    first = np.where(
        (known.relapses_year >= 1) & (known.since_diagnosis > 0), first * parameters.start_relapse_ratio, first
    )
    first = np.where(known.first_attack_only, 0.5 * first, first)
    paused = state.months_off < parameters.pregnancy_pause_months
    again = np.full(len(state.drug), parameters.restart_per_month)
    again = np.where(state.reason == CHOICE, np.where(active, 0.3, parameters.restart_after_choice_per_month), again)
    after_child = np.where(paused, 0.0, parameters.restart_after_pregnancy_per_month)
    again = np.where(state.reason == PREGNANCY, after_child, again)
    again = np.where(state.reason == COMPLETED, np.where(active & (state.months_off > 6), 0.25, 0.002), again)
    chance = np.where(state.reason == NEVER_STOPPED, first, again)
    return np.asarray(np.where(known.age > 62, 0.2 * chance, chance))


def utilities(
    who: IntArray,
    state: TreatmentState,
    known: Known,
    people: People,
    world: World,
    parameters: TreatmentParameters,
) -> FloatArray:
    """What draws the doctor to every drug (drug x who), minus infinity where it is not open to the person."""
    drugs, scenario = world.drugs, world.scenario
    era = np.clip((known.year - 2010.0) / 15.0, 0.0, 1.0)
    popularity = drugs.popularity_2010 + era * (drugs.popularity_2025 - drugs.popularity_2010)
    activity = (
        known.relapses_year[who]
        + 0.2 * np.minimum(known.new_t2_year[who], 10)
        + parameters.frailty_confounding * np.log(np.maximum(people.frailty[who], 0.05))
        + scenario.confounder_assignment * people.confounder[who]
        - 0.03 * (known.age[who] - 35.0)
    )
    course = known.course[who]
    pull = np.where(course == 1, parameters.spms_activity_weight, 1.0) * parameters.activity_weight * activity
    pull = pull + parameters.era_weight * (known.year - 2010.0) + world.centre_escalation(people.centre[who])
    rank = drugs.efficacy_rank[:, None]
    weight = popularity[:, None] + pull[None, :] * (rank - 2.5) / 2.0
    before = drugs.efficacy_rank[state.previous[who]][None, :]
    escalate = (state.reason[who] == ESCALATES)[None, :]
    weight = weight + np.where(escalate, parameters.escalation_weight * np.clip(rank - before, -4.0, 2.0), 0.0)
    weight = weight - parameters.tried_penalty * state.tried[:, who]
    younger = (known.age[who] < 50.0)[None, :]
    weight = weight - np.where(younger, parameters.deescalation_penalty * np.clip(before - rank - 1.0, 0.0, 5.0), 0.0)
    index = known.jcv_index[who]
    jcv = np.where(index > 1.5, parameters.jcv_high_penalty, np.where(index > 0.4, parameters.jcv_penalty, 0.0))
    weight[drugs.index("natalizumab")] -= jcv
    weight = weight - known.wishes_child[who][None, :] * drugs.childbearing_penalty[:, None]
    return np.asarray(
        np.where(eligible(who, state, known, drugs), scenario.choice_sharpness * weight, -np.inf), dtype=np.float64
    )


def eligible(who: IntArray, state: TreatmentState, known: Known, drugs: Drugs) -> BoolArray:
    """Which drugs are open to a person (drug x who): course, age, approval, and what failed or harmed before."""
    allowed = drugs.allowed[known.course[who]].T & ~state.ruled_out[:, who]
    allowed &= ~known.first_attack_only[who][None, :] | drugs.allowed_in_cis[:, None]
    allowed &= (drugs.first_use_year <= np.floor(known.year))[:, None]
    return np.asarray(allowed & (drugs.max_age[:, None] >= known.age[who][None, :]))
