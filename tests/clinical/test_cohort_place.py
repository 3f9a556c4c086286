"""A case's place in the cohort."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from clams_dash.clinical.cohort_place import CohortReference, cohort_reference, place_in_cohort
from clams_dash.model.reference import ReferencePoints
from tests.clinical.chart import brain_scan, case, lab, patient, shifted, visit

DAY = date(2022, 1, 1)


@pytest.fixture(scope="module")
def cohort() -> CohortReference:
    """A hundred people of 40 years, ten years after onset: half of them EDSS 2, half EDSS 4; volumes 1 to 100 ml."""
    people = np.arange(100)
    at_forty, after_ten = np.full(100, 40.0), np.full(100, 10.0)

    def points(values: np.ndarray) -> ReferencePoints:
        return ReferencePoints(people, at_forty, after_ten, values.astype(np.float64))

    return cohort_reference(
        {
            "edss": points(np.where(people < 50, 2.0, 4.0)),
            "lesion_volume": points(people + 1),
            "nfl": points(people + 1),
        }
    )


PERSON = patient(birth=date(1982, 1, 1))  # onset 2012-01-01


def test_newest_values_are_ranked_among_people_of_the_same_age_and_duration(cohort):
    chart = case(
        person=PERSON,
        visits=[visit(DAY - timedelta(days=400), 2.0), visit(DAY, 4.0)],
        scans=[replace(brain_scan(DAY), t2_volume_ml=25.0)],
        labs=[lab("nfl", DAY, 90.0)],
    )
    found = place_in_cohort(chart, DAY, cohort)
    assert found.msss == pytest.approx(10 * 75.5 / 101)
    assert found.armss == pytest.approx(10 * 75.5 / 101)
    assert found.percentiles["edss", "duration"].percentile == 75.0
    assert found.percentiles["lesion_volume", "age"].percentile == 24.5
    assert found.percentiles["nfl", "duration"].percentile == 89.5
    assert found.percentiles["edss", "age"].people == 100
    assert found.measured["edss"].date == DAY


def test_later_values_are_not_looked_at(cohort):
    chart = case(person=PERSON, visits=[visit(DAY - timedelta(days=30), 2.0), visit(DAY, 4.0)])
    assert place_in_cohort(chart, DAY - timedelta(days=1), cohort).measured["edss"].value == 2.0


def test_what_is_not_known_has_no_place(cohort):
    unborn = replace(PERSON, birth_date=None, onset_date=None)
    found = place_in_cohort(case(person=unborn, visits=[visit(DAY, 4.0)]), DAY, cohort)
    assert (found.msss, found.armss, found.percentiles) == (None, None, {})
    empty = place_in_cohort(case(person=PERSON), DAY, cohort)
    assert (empty.msss, empty.measured) == (None, {})


def test_no_place_far_from_the_cohort(cohort):
    old = replace(PERSON, birth_date=date(1950, 1, 1))
    found = place_in_cohort(case(person=old, visits=[visit(DAY, 4.0)]), DAY, cohort)
    assert found.armss is None
    assert ("edss", "age") not in found.percentiles
    assert found.msss is not None


def test_shifting_every_date_changes_no_place(cohort):
    chart = case(person=PERSON, visits=[visit(DAY, 4.0)])
    here = place_in_cohort(chart, DAY, cohort)
    there = place_in_cohort(shifted(chart, 1234), DAY + timedelta(days=1234), cohort)
    assert (here.msss, here.armss, here.percentiles) == (there.msss, there.armss, there.percentiles)
