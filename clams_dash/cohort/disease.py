"""The disease of every person, one month at a time: relapses, lesions, disability and brain volume (clinical.md 5.4).

The step functions know a state, a month and its random draws, nothing of a cohort, of calendars, visits or scans.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import RRMS, SPMS, DiseaseState, Draws, Events, Expected, Month, RelapseEvents
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.treatment import ActingTherapy
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def step_month(
    state: DiseaseState,
    people: People,
    month: Month,
    therapy: ActingTherapy,
    draws: Draws,
    world: World,
    parameters: Parameters,
) -> Events:
    """Take the state one month on, in place, and tell what happened."""
    _drift(state, draws, parameters)
    relapses, relapse_chance = _relapses(state, people, month, therapy, draws, world, parameters)
    lesions = _lesions(state, people, month, therapy, relapses, draws, world, parameters)
    new_t2, reactivated, expected_t2, expected_of_relapse = lesions
    progressed, converted, progression, conversion = _disability(
        state, people, month, therapy, draws, world, parameters
    )
    _shrink_brain(state, month, therapy, new_t2, world, parameters)
    happened = np.zeros(len(people), dtype=np.bool_)
    happened[relapses.who] = True
    state.remember(happened, np.minimum(new_t2, 30000))
    state.enhancing = new_t2 + reactivated
    lasting = relapse_chance * _lasting_share(month.age, parameters)
    expected = Expected(relapse_chance, lasting, progression, conversion, expected_t2, expected_of_relapse)
    return Events(relapses, new_t2, reactivated, progressed, converted, expected)


def _drift(state: DiseaseState, draws: Draws, parameters: Parameters) -> None:
    """Activity comes and goes: an autoregressive process on the log scale."""
    rules = parameters.relapse
    kept = np.exp(-1.0 / rules.activity_months)
    state.activity = kept * state.activity + np.sqrt(1.0 - kept**2) * rules.activity_log_sd * draws.activity


def _activity_factor(state: DiseaseState, parameters: Parameters) -> FloatArray:
    return np.asarray(np.exp(state.activity - 0.5 * parameters.relapse.activity_log_sd**2))


def relapse_rate(
    state: DiseaseState, people: People, age: FloatArray, world: World, parameters: Parameters
) -> FloatArray:
    """Relapses per year without treatment in every person's present state."""
    rate = parameters.relapse
    whole = np.minimum(state.edss.astype(np.int64), 9)
    by_edss = np.array([rate.edss_factor_rrms, rate.edss_factor_spms, [rate.ppms_factor] * 10])
    yearly = rate.rate_per_year * np.exp(-rate.age_slope * (age - rate.age_centre)) * people.frailty
    return np.asarray(
        yearly * _activity_factor(state, parameters) * by_edss[state.course, whole] * world.relapse_factor(people)
    )


def lesion_rate(state: DiseaseState, people: People, age: FloatArray, parameters: Parameters) -> FloatArray:
    """New T2 lesions per year without treatment, those that come with relapses apart."""
    rules = parameters.lesions
    by_course = np.array([1.0, rules.spms_factor, rules.ppms_factor])[state.course]
    yearly = rules.new_t2_per_year * np.exp(-rules.age_slope * (age - rules.age_centre)) * by_course
    return np.asarray(yearly * people.lesion_frailty * _activity_factor(state, parameters))


def progression_rate(
    state: DiseaseState, people: People, age: FloatArray, world: World, parameters: Parameters
) -> FloatArray:
    """Onsets of progression independent of relapses per year without treatment."""
    rules = parameters.disability
    hazard = rules.pira_per_year * rules.pira_age_ratio ** ((age - 40.0) / 10.0)
    edss = np.minimum(state.edss, rules.pira_edss_cap)
    hazard = hazard * rules.pira_edss_ratio ** (edss - 2.0) * people.progression_frailty
    by_course = np.array([1.0, rules.pira_spms_factor, rules.pira_ppms_factor])[state.course]
    return np.asarray(hazard * by_course * world.worsening_factor(people))


def _relapses(
    state: DiseaseState,
    people: People,
    month: Month,
    therapy: ActingTherapy,
    draws: Draws,
    world: World,
    parameters: Parameters,
) -> tuple[RelapseEvents, FloatArray]:
    """Relapses of this month and the chance of one; never in two months running, so that 30 days lie between two."""
    rate = parameters.relapse
    yearly = relapse_rate(state, people, month.age, world, parameters)
    yearly = yearly * np.exp(therapy.log_ratio("relapse", world.relapse_log, rate.lag_months))
    yearly = yearly * therapy.rebound(world.drugs, rate.rebound_months, rate.lag_months)
    state.since_relapse += 1
    at_onset = month.begins & (state.course == RRMS)
    possible = month.ill & ~month.begins & (state.since_relapse > 1)
    chance = possible * (1.0 - np.exp(-yearly / 12.0))
    who = np.flatnonzero((draws.relapse[0] < chance) | at_onset)
    first = at_onset[who]
    severity = np.searchsorted(np.cumsum(rate.severity_shares)[:2], draws.relapse[1, who])
    acute = np.array(rate.acute_steps)[severity]
    residual = np.where(first, 0, _residual(severity, month.age[who], draws.relapse[3:, who], parameters))
    residual = np.minimum(residual, acute)
    state.residual_due[who] = residual
    state.since_relapse[who] = 0
    state.relapse_count[who] += 1
    day = (draws.relapse[2, who] * 28).astype(np.int64)
    return RelapseEvents(who, day, severity.astype(np.int64), acute, residual), chance


def _lasting_share(age: FloatArray, parameters: Parameters) -> FloatArray:
    """Share of relapses that leave a whole point of EDSS behind, at an age."""
    rules, shares = parameters.disability, np.array(parameters.relapse.severity_shares)
    by_severity = rules.residual_one_point * np.array(rules.residual_one_point_by_severity)
    # A relapse of one step cannot leave two.
    possible = np.array(parameters.relapse.acute_steps) >= 2
    older = np.clip(np.exp(rules.residual_age_slope * (age - 35.0)), 0.6, 1.6)
    return np.asarray((shares * possible) @ np.minimum(np.outer(by_severity, older), 1.0))


def _residual(severity: IntArray, age: FloatArray, uniforms: FloatArray, parameters: Parameters) -> IntArray:
    rules = parameters.disability
    older = np.clip(np.exp(rules.residual_age_slope * (age - 35.0)), 0.6, 1.6)
    some = rules.residual_any * np.array(rules.residual_any_by_severity)[severity] * older
    more = rules.residual_one_point * np.array(rules.residual_one_point_by_severity)[severity] * older
    large = uniforms[1] < 0.25
    return np.where(uniforms[0] < more, 2 + large, np.where(uniforms[0] < some, 1, 0)).astype(np.int64)


def _lesions(
    state: DiseaseState,
    people: People,
    month: Month,
    therapy: ActingTherapy,
    relapses: RelapseEvents,
    draws: Draws,
    world: World,
    parameters: Parameters,
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """New T2 lesions, enhancing old ones, and the means of the former (``Expected``).

    Count and volume follow: confluence slows the count, old lesions shrink. The lesions that come with a relapse are
    scaled so that a therapy's ratio of new lesions is its input whatever it does to relapses.
    """
    rules, lag = parameters.lesions, parameters.relapse
    acting = therapy.log_ratio("new_t2", world.new_t2_log, rules.lag_months)
    possible = month.ill & ~month.begins
    steady = lesion_rate(state, people, month.age, parameters) / 12.0 * np.exp(acting) * possible
    on_relapses = therapy.log_ratio("relapse", world.relapse_log, lag.lag_months)[relapses.who]
    of_relapse = np.zeros(len(steady))
    of_relapse[relapses.who] = rules.per_relapse * np.exp(acting[relapses.who] - on_relapses) * possible[relapses.who]
    expected = (steady + of_relapse) * draws.burst
    born = poisson_of(draws.lesion[0], expected)
    reactivated = poisson_of(draws.lesion[1], expected * rules.reactivated_per_new)
    state.count += born / (1.0 + rules.confluence * state.count)
    # White matter is finite: a full brain gains less from a new lesion.
    size = state.lesion_ml * draws.lesion_size / (1.0 + state.volume / rules.volume_saturation_ml)
    state.volume = state.volume * (1.0 - month.ill * rules.volume_loss_per_year / 12.0) + born * size
    return born, reactivated, steady, of_relapse


def poisson_of(uniform: FloatArray, mean: FloatArray) -> IntArray:
    """Poisson numbers by inversion: one uniform each, so that a smaller mean never gives a larger number."""
    out = np.zeros(len(mean), dtype=np.int64)
    rows = np.flatnonzero(uniform > np.exp(-mean))
    left = uniform[rows] - np.exp(-mean[rows])
    term = np.exp(-mean[rows])
    number = 0
    while len(rows) and number < 1000:
        number += 1
        out[rows] = number
        term = term * mean[rows] / number
        more = left > term
        rows, left, term = rows[more], (left - term)[more], term[more]
    return out


def _disability(
    state: DiseaseState,
    people: People,
    month: Month,
    therapy: ActingTherapy,
    draws: Draws,
    world: World,
    parameters: Parameters,
) -> tuple[BoolArray, BoolArray, FloatArray, FloatArray]:
    """Residuals of last month's relapses, progression, recovery and conversion.

    Returns who began to progress, who converted to SPMS, and the chances of both.
    """
    rules, uniform = parameters.disability, draws.disability
    state.step = np.minimum(state.step + np.where(state.since_relapse == 1, state.residual_due, 0), rules.highest_step)
    edss = state.edss
    on_worsening = therapy.log_ratio("worsening", world.worsening_log, rules.lag_months)
    hazard = progression_rate(state, people, month.age, world, parameters)
    hazard = hazard * np.exp(on_worsening * world.age_rule(month.age))
    due = (state.steps_due > 0) & (state.step_due_in <= 1)
    chance = (month.ill & (state.steps_due <= 0)) * (1.0 - np.exp(-hazard / 12.0))
    begins = uniform[0] < chance
    state.step = state.step + begins + due
    # Below EDSS 5.5 a confirmed step is a whole point, and people pass quickly from 3.0 to 6.0 (clinical.md 5.1).
    further = np.where(edss >= 5.5, 0, np.where(edss >= rules.pira_fast_from_edss, rules.pira_fast_steps, 1))
    state.steps_due = np.where(begins, further, state.steps_due - due)
    wait = 1 + (uniform[1] * 4).astype(np.int64)
    state.step_due_in = np.where(begins | due, wait, np.maximum(state.step_due_in - 1, 0))
    state.progressing_for = np.where(begins, 12, np.maximum(state.progressing_for - 1, 0))
    progressing = state.progressing
    # What a relapse left behind may still fade within the year.
    fading = (state.since_relapse >= 2) & (state.since_relapse <= 12) & (state.residual_due > 0)
    fades = fading & (uniform[4] < rules.residual_recovery_per_month)
    state.residual_due = state.residual_due - fades
    state.step = state.step - fades
    recovers = month.ill & ~progressing & (state.course == RRMS) & (month.age < rules.improvement_age_limit)
    recovers &= (state.step >= 2) & (uniform[2] < rules.improvement_per_year / 12.0)
    state.step = np.clip(state.step - recovers, 0, rules.highest_step)
    convert = np.array(rules.spms_by_edss)[np.minimum(edss.astype(np.int64), 9)]
    convert = convert * rules.spms_age_ratio ** (month.age - 40.0) * np.where(progressing, rules.spms_progressing, 1.0)
    convert_chance = (month.ill & (state.course == RRMS)) * (convert / 12.0)
    converts = uniform[3] < convert_chance
    state.course = np.where(converts, SPMS, state.course)
    state.spms_day = np.where(converts, month.first_day, state.spms_day)
    return np.asarray(begins), np.asarray(converts), chance, convert_chance


def _shrink_brain(
    state: DiseaseState,
    month: Month,
    therapy: ActingTherapy,
    born: IntArray,
    world: World,
    parameters: Parameters,
) -> None:
    """One month of brain volume loss: healthy part, excess part that therapy removes, and new lesions."""
    rules = parameters.brain
    kept = np.exp(therapy.log_ratio(None, world.atrophy_log, parameters.disability.lag_months))
    yearly = rules.healthy_loss + rules.excess_loss * kept + state.brain_loss
    state.brain = state.brain * (1.0 - month.ill * (yearly / 12.0 + rules.loss_per_new_t2 * born) / 100.0)
