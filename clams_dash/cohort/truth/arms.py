"""The arms of a decision: every therapy that could be given, and the months that follow each under the usual policy.

After the decision therapies are stopped and switched by the same rules as in the cohort (intention to treat).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.course import Calendar, known_in
from clams_dash.cohort.disease import step_month
from clams_dash.cohort.disease_state import DiseaseState, Draws, Events, Month, features_of, take_rows
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import DAYS_PER_YEAR, NEVER_LOST, People
from clams_dash.cohort.policy import Known, PolicyDraws, eligible, start_therapies, stop_therapies
from clams_dash.cohort.treatment import CHOICE, TreatmentState
from clams_dash.cohort.worlds import World

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand at decisions, arrays over decisions: the month's stops are done, nothing is started yet."""

    people: People
    state: DiseaseState
    therapy: TreatmentState
    known: Known
    calendar: Calendar

    def take(self, rows: IntArray) -> Standing:
        """The given decisions, repeated as often as they are named; whoever they are is followed up for good."""
        people = self.people.take(rows)
        return Standing(
            replace(people, lost_day=np.full(len(rows), NEVER_LOST, dtype=np.int64)),
            self.state.take(rows),
            self.therapy.take(rows),
            take_known(self.known, rows),
            self.calendar.take(rows),
        )


def take_known(known: Known, rows: IntArray) -> Known:
    """What is known of the given persons; the date stays that of the month."""
    arrays = {
        name: getattr(known, name)[rows] for name in Known.__dataclass_fields__ if name not in {"first_day", "year"}
    }
    return Known(first_day=known.first_day, year=known.year, **arrays)


@dataclass(frozen=True, slots=True)
class Arms:
    """Arms of several decisions, in order: the decision's row, the drug, and whether the label's rules allow it."""

    row: IntArray
    drug: IntArray
    eligible: BoolArray


def arms_of(standing: Standing, world: World) -> Arms:
    """No therapy, the present one, and every eligible one, for decisions of one month."""
    count = len(standing.people)
    after = standing.therapy.take(np.arange(count))
    treated = np.flatnonzero(after.drug > 0)
    after.close(treated, np.full(len(treated), CHOICE, dtype=np.int64), world.drugs)
    allowed = eligible(np.arange(count), after, standing.known, world.drugs)
    allowed[0] = True
    given = allowed.copy()
    given[standing.therapy.drug, np.arange(count)] = True
    row, drug = np.nonzero(given.T)
    return Arms(row, drug, allowed.T[row, drug])


def begin_arms(standing: Standing, drug: IntArray, first_day: int, age: FloatArray, world: World) -> None:
    """Give every column its drug (0 = none) and let the month of the decision pass; the therapies change in place."""
    therapy = standing.therapy
    everyone = np.arange(len(drug))
    tried = np.asarray(therapy.tried.any(axis=0))
    changed = np.flatnonzero(therapy.drug != drug)
    leaving = changed[therapy.drug[changed] > 0]
    therapy.close(leaving, np.full(len(leaving), CHOICE, dtype=np.int64), world.drugs)
    starting = changed[drug[changed] > 0]
    features = features_of(standing.state, standing.people, age, everyone, tried)
    exponents = world.exponents(take_rows(features, starting), drug[starting])
    therapy.open(starting, drug[starting], np.full(len(starting), first_day + 21), exponents)
    therapy.tick()


def pass_month(
    standing: Standing,
    index: int,
    first_day: int,
    draws: Draws,
    policy: PolicyDraws,
    world: World,
    parameters: Parameters,
) -> Events:
    """One month of every column; state and therapy change in place."""
    people, state, therapy = standing.people, standing.state, standing.therapy
    count = len(people)
    age = (first_day - people.birth_day) / DAYS_PER_YEAR
    ill = np.ones(count, dtype=np.bool_)
    month = Month(first_day, ill, ~ill, age)
    events = step_month(state, people, month, therapy, draws, world, parameters)
    tried = np.asarray(therapy.tried.any(axis=0))
    known = known_in(index, month, people, state, events, standing.calendar)
    stop_therapies(therapy, known, world.drugs, parameters.treatment, policy)
    features = partial(features_of, state, people, age, tried=tried)
    start_therapies(therapy, known, people, world, parameters.treatment, policy, features)
    therapy.tick()
    return events
