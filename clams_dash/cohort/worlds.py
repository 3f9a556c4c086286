"""A simulated world: the true effects of the therapies, drawn once, how they vary between persons, and what confounds.

The input ratios of ``dmt_effects.csv`` are what a randomised trial of two years would find. Effects build up over
months and differ between persons, and worsening comes partly through relapses; so what acts in the simulation, the full
effect, is solved from the input such that the reference trial gives the input back on average (clinical.md 5.4 and
``reference_trial.csv`` and
``worsening_surface.csv``, written by ``scripts/calibrate_effects.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.drugs import Drugs, load_drugs
from clams_dash.cohort.families import FAMILIES_FILE, Family, Features, family_named
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.reference import load_reference_trial
from clams_dash.cohort.scenarios import SCENARIOS_FILE, Scenario, scenario_named
from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.model.catalogues import dmts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TRIAL_MONTHS = 24
RELAPSE_BLIND_YEARS = 1.5 / 12.0
"""no relapse in the month after one, and at most one a month"""
_LOG_LIMITS = (-6.0, 1.5)
_BISECTIONS = 50


@dataclass(frozen=True, slots=True)
class World:
    """True effects and what modifies them. ``*_log`` are full log ratios over drugs, row 0 = untreated = 0."""

    family: Family
    scenario_name: str
    scenario: Scenario
    drugs: Drugs
    drug_class: NDArray[np.str_]
    relapse_log: FloatArray
    new_t2_log: FloatArray
    worsening_log: FloatArray
    """on progression independent of relapses, at an age factor of 1"""
    atrophy_log: FloatArray
    """on the excess loss of brain volume"""
    escalation_by_centre: FloatArray
    shifted: NDArray[np.bool_]
    """centre: the one that differs"""

    def relapse_factor(self, people: People) -> FloatArray:
        """What the unmeasured confounder does to the relapse rate; mean 1."""
        return _unit_mean(self.scenario.confounder_relapse, people.confounder)

    def worsening_factor(self, people: People) -> FloatArray:
        """What the unmeasured confounder does to the hazard of progression; mean 1."""
        return _unit_mean(self.scenario.confounder_worsening, people.confounder)

    def age_rule(self, age: FloatArray) -> FloatArray:
        """Factor on the log effect on progression at an age."""
        return 1.0 + self.scenario.heterogeneity * (self.family.age_rule.of(age) - 1.0)

    def exponents(self, features: Features, drug: IntArray) -> FloatArray:
        """Exponents (outcome x person) on the log effects of the drugs that persons with these features start."""
        return self.family.exponents(features, self.drug_class[drug], self.scenario.heterogeneity)

    def centre_relapse_factor(self, centre: IntArray) -> FloatArray:
        """What a centre's own mix of people does to relapse and lesion frailty (``people.draw_people``)."""
        return np.where(self.shifted[centre], self.scenario.shift_relapse_ratio, 1.0)

    def centre_escalation(self, centre: IntArray) -> FloatArray:
        """A centre's habit: added to the pull towards stronger drugs."""
        return np.asarray(self.escalation_by_centre[centre] + self.shifted[centre] * self.scenario.shift_escalation)

    def frame(self) -> pd.DataFrame:
        """One row per drug: the drawn input ratios, the full effects that act, and family and scenario."""
        drugs = self.drugs
        return pd.DataFrame(
            {
                "family": self.family.name,
                "scenario": self.scenario_name,
                "dmt": list(drugs.names),
                "arr_ratio": drugs.arr_ratio,
                "new_t2_ratio": drugs.new_t2_ratio,
                "worsening_ratio": drugs.cdw_hr,
                "full_relapse_ratio": np.exp(self.relapse_log),
                "full_new_t2_ratio": np.exp(self.new_t2_log),
                "full_progression_ratio": np.exp(self.worsening_log),
                "excess_atrophy_removed": drugs.bvl_removed,
            }
        )


def make_world(
    parameters: Parameters,
    rng: np.random.Generator | None,
    *,
    family: str = "smooth",
    scenario: str = "default",
    folder: Path = EFFECTS_DIR,
) -> World:
    """A world of one family and scenario. With ``rng`` the input effects are drawn, otherwise the published points.

    Raises FactsError for an unknown family, scenario or drug and for an impossible entry, naming file and key.
    """
    chosen = family_named(family, folder / FAMILIES_FILE.name)
    knobs = scenario_named(scenario, parameters.cohort.centres, folder / SCENARIOS_FILE.name)
    drugs = load_drugs(rng, folder)
    trial = load_reference_trial(folder)
    drug_class = np.array([dmts()[name].drug_class for name in drugs.names])
    exponents = np.stack(
        [chosen.exponents(trial.features, np.full(len(trial), name), knobs.heterogeneity) for name in drug_class]
    )
    age = 1.0 + knobs.heterogeneity * (chosen.age_rule.of(trial.features.age) - 1.0)
    of_relapses = (exponents[:, 0], trial.relapse_rate, parameters.relapse.lag_months, RELAPSE_BLIND_YEARS)
    relapse = _solve(drugs.arr_ratio, *of_relapses)
    new_t2 = _solve(drugs.new_t2_ratio, exponents[:, 1], trial.new_t2_rate, parameters.lesions.lag_months)
    progression = _solve(
        trial.surface.progression_for(drugs.arr_ratio, drugs.cdw_hr),
        exponents[:, 2] * age,
        trial.progression_rate,
        parameters.disability.lag_months,
    )
    return World(
        family=chosen,
        scenario_name=scenario,
        scenario=knobs,
        drugs=drugs,
        drug_class=drug_class,
        relapse_log=relapse,
        new_t2_log=new_t2,
        worsening_log=progression,
        atrophy_log=np.log(np.maximum(1.0 - drugs.bvl_removed, 0.02)),
        escalation_by_centre=np.array(parameters.treatment.centre_escalation),
        shifted=np.array([name == knobs.shifted_centre for name in parameters.cohort.centres]),
    )


def untreated_world(parameters: Parameters, *, scenario: str = "default", folder: Path = EFFECTS_DIR) -> World:
    """A world in which no therapy does anything: what the reference trial is made from."""
    drugs = load_drugs(None, folder)
    knobs = scenario_named(scenario, parameters.cohort.centres, folder / SCENARIOS_FILE.name)
    nothing = np.zeros(len(drugs.names))
    return World(
        family=family_named("smooth", folder / FAMILIES_FILE.name),
        scenario_name=scenario,
        scenario=knobs,
        drugs=drugs,
        drug_class=np.array([dmts()[name].drug_class for name in drugs.names]),
        relapse_log=nothing,
        new_t2_log=nothing,
        worsening_log=nothing,
        atrophy_log=nothing,
        escalation_by_centre=np.array(parameters.treatment.centre_escalation),
        shifted=np.array([name == knobs.shifted_centre for name in parameters.cohort.centres]),
    )


def _unit_mean(slope: float, trait: FloatArray) -> FloatArray:
    return np.asarray(np.exp(slope * trait - 0.5 * slope**2))


def _average(
    full_log: FloatArray, exponents: FloatArray, rate: FloatArray, lag_months: float, blind_years: float = 0.0
) -> FloatArray:
    """Mean ratio over the reference trial for every drug: persons by their yearly rate, months by the lag.

    ``blind_years`` is the time after an event in which no other can happen: it thins the high rates more.
    """
    ramp = np.clip(np.arange(TRIAL_MONTHS) / lag_months, 0.0, 1.0)
    levels, months = np.unique(ramp, return_counts=True)
    total = np.zeros(len(full_log))
    for level, number in zip(levels, months, strict=True):
        treated = rate * np.exp(full_log[:, None] * exponents * level)
        total += number * (treated / (1.0 + blind_years * treated)).sum(axis=1)
    return np.asarray(total / (TRIAL_MONTHS * (rate / (1.0 + blind_years * rate)).sum()))


def _solve(
    target: FloatArray, exponents: FloatArray, rate: FloatArray, lag_months: float, blind_years: float = 0.0
) -> FloatArray:
    """Full log ratio of every drug whose average over the reference trial is the target (bisection)."""
    low = np.full(len(target), _LOG_LIMITS[0])
    high = np.full(len(target), _LOG_LIMITS[1])
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = _average(middle, exponents, rate, lag_months, blind_years) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    solved = 0.5 * (low + high)
    solved[0] = 0.0
    return np.asarray(solved)
