"""Percentile bands of the cohort along disease duration and age."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.bands import Along, bands, place
from clams_dash.clinical.standing_settings import BandSettings
from clams_dash.model.reference import ReferencePoints

RULES = BandSettings(percentiles=(25.0, 50.0, 75.0), half_width_years=2.0, least_people=4)


def reference(person: list[int], years: list[float], value: list[float]) -> ReferencePoints:
    along = np.array(years, dtype=np.float64)
    return ReferencePoints(np.array(person), along + 30.0, along, np.array(value, dtype=np.float64))


def test_quartiles_of_five_people_around_a_point_and_a_gap_where_nobody_was_seen():
    cohort = reference([1, 2, 3, 4, 5], [4, 5, 5, 6, 5], [1, 2, 3, 4, 5])
    found = bands(Along.of(cohort, "duration"), np.array([5.0, 12.0]), RULES)
    assert found.values[:, 0].tolist() == [2.0, 3.0, 4.0]
    assert np.isnan(found.values[:, 1]).all()
    assert found.people.tolist() == [5, 0]
    assert found.curve(50.0)[0] == 3.0


def test_band_by_age_uses_the_age():
    cohort = reference([1, 2, 3, 4, 5], [4, 5, 5, 6, 5], [1, 2, 3, 4, 5])
    assert bands(Along.of(cohort, "age"), np.array([35.0]), RULES).people.tolist() == [5]
    assert bands(Along.of(cohort, "duration"), np.array([35.0]), RULES).people.tolist() == [0]


def test_person_seen_often_counts_once_with_the_nearest_measurement():
    often = reference([1] * 6 + [2, 3, 4], [3.5, 4, 4.9, 5.5, 6, 6.5, 5, 5, 5], [9, 9, 1, 9, 9, 9, 2, 3, 4])
    found = bands(Along.of(often, "duration"), np.array([5.0]), RULES)
    assert found.people.tolist() == [4]
    assert found.curve(50.0)[0] == 2.5


def test_place_counts_ties_half():
    cohort = reference([1, 2, 3, 4], [5, 5, 5, 5], [1, 2, 2, 3])
    found = place(2.0, 5.0, Along.of(cohort, "duration"), RULES)
    assert found is not None
    assert (found.percentile, found.people) == (50.0, 4)


def test_no_place_among_too_few_people():
    assert place(2.0, 5.0, Along.of(reference([1, 2, 3], [5, 5, 5], [1, 2, 3]), "duration"), RULES) is None


def test_unknown_years_and_values_are_left_out():
    cohort = reference([1, 2, 3, 4, 5], [5, 5, 5, 5, np.nan], [1, 2, 3, np.nan, 5])
    assert bands(Along.of(cohort, "duration"), np.array([5.0]), RULES).people.tolist() == [3]


@given(
    value=st.lists(st.floats(0, 10), min_size=4, max_size=30),
    shift=st.floats(-20, 20),
    order=st.randoms(use_true_random=False),
)
def test_curves_never_cross_and_neither_order_nor_origin_matters(value, shift, order):
    years = [float(at % 3) for at in range(len(value))]
    first = bands(Along.of(reference(list(range(len(value))), years, value), "duration"), np.array([1.0]), RULES)
    mixed = list(range(len(value)))
    order.shuffle(mixed)
    # A shift by a whole number of halves keeps the edges of the window exact.
    by = round(shift * 2) / 2
    later = reference(mixed, [years[at] + by for at in mixed], [value[at] for at in mixed])
    second = bands(Along.of(later, "duration"), np.array([1.0 + by]), RULES)
    assert (np.diff(first.values[:, 0]) >= 0).all()
    assert second.values[:, 0] == pytest.approx(first.values[:, 0])
