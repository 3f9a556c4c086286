"""What would have come: the arm that was decided must replay what the frames record."""

from __future__ import annotations

import numpy as np

from tests.cohort.truth.conftest import Looked


def test_the_arm_that_was_decided_replays_the_recorded_relapses_and_lesions(looked: Looked) -> None:
    cohort, decisions, captured = looked.cohort, looked.decisions, looked.captured
    courses, people = cohort.courses, cohort.people
    relapses, births = courses.relapses, courses.births
    relapse_month, birth_month = courses.month_of(relapses.day), courses.month_of(births.day)
    compared = 0
    for row, person in enumerate(decisions.person.tolist()):
        first = int(decisions.month[row]) + 1
        # Once somebody is lost, therapies are no longer changed in the cohort; in the truth they are.
        if people.lost_day[person] < courses.month_day[first + 24]:
            continue
        own = relapses.person == person
        came = ((relapse_month[own] >= first) & (relapse_month[own] < first + 24)).any()
        mine = (births.person == person) & births.new
        lesions = ((birth_month[mine] >= first) & (birth_month[mine] < first + 12)).sum()
        arm = np.flatnonzero(captured.arms[row].drug == decisions.drug[row])
        assert len(arm) == 1
        assert captured.realised[row].relapse[arm[0]] == came
        assert captured.realised[row].new_t2[arm[0]] == lesions
        compared += 1
    assert compared > 150


def test_untreated_more_happens_than_on_a_strong_therapy(looked: Looked) -> None:
    """In the same persons, with the same random numbers; those left untreated are soon treated all the same."""
    natalizumab = looked.cohort.world.drugs.index("natalizumab")
    more, fewer = np.zeros(2), np.zeros(2)
    for arms, came in zip(looked.captured.arms, looked.captured.realised, strict=True):
        treated = np.flatnonzero(arms.drug == natalizumab)
        if len(treated):
            untreated = int(np.flatnonzero(arms.drug == 0)[0])
            more += came.relapse[untreated], came.new_t2[untreated]
            fewer += came.relapse[treated[0]], came.new_t2[treated[0]]
    assert fewer[0] < 0.85 * more[0]
    assert fewer[1] < 0.6 * more[1]


def test_no_therapy_the_present_one_and_all_eligible_ones_are_arms(looked: Looked) -> None:
    drugs = looked.cohort.world.drugs
    for row, arms in enumerate(looked.captured.arms):
        assert {0, int(looked.decisions.drug[row])} <= set(arms.drug.tolist())
        allowed = arms.drug[arms.eligible]
        year = 1970 + looked.decisions.day[row] / 365.25
        assert (drugs.first_use_year[allowed] <= year).all()
        age = looked.cohort.people.age_on(looked.decisions.day[[row]], looked.decisions.person[[row]])[0]
        assert (drugs.max_age[allowed] >= age - 0.2).all()
