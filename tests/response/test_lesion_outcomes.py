"""New T2 lesions of a window, from scans that do not fall on its ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clams_dash.response.history import Look
from clams_dash.response.lesion_outcomes import Intervals

ZERO = pd.Timestamp("2015-01-01")
A, B = np.array([0]), np.array([1])


def day(offset: int) -> pd.Timestamp:
    return ZERO + pd.Timedelta(days=offset)


def lines(scans: dict[str, list[tuple[int, float | None]]]) -> Intervals:
    """Scans of people a and b as (day, new lesions)."""
    rows = [(who, day(when), new) for who, own in scans.items() for when, new in own]
    mri = pd.DataFrame(rows, columns=["patient_id", "date", "new_t2"])
    index = pd.DataFrame({"patient_id": ["a", "b"], "index_date": [ZERO, ZERO]})
    return Intervals.of(Look.at({"mri": mri}, index))


def at(offset: int) -> np.ndarray:
    return np.array([int(np.datetime64(day(offset), "D").astype(np.int64))])


YEARLY = {"a": [(-100, None), (100, 4.0), (300, 2.0), (500, 0.0)], "b": [(0, None), (400, 8.0)]}


def test_lesions_of_an_interval_count_by_its_share_of_the_window():
    found = lines(YEARLY)
    assert found.expected(A, at(0), at(300))[0] == pytest.approx(2.0 + 2.0)
    assert found.expected(A, at(0), at(200))[0] == pytest.approx(2.0 + 1.0)
    assert found.expected(B, at(0), at(100))[0] == pytest.approx(2.0)


def test_window_is_covered_only_between_scans():
    found = lines(YEARLY)
    assert found.covered(A, at(0), at(365))[0] == pytest.approx(1.0)
    assert found.covered(A, at(300), at(700))[0] == pytest.approx(0.5)
    assert found.covered(B, at(-100), at(100))[0] == pytest.approx(0.5)


def test_scan_whose_new_lesions_nobody_counted_covers_nothing():
    found = lines({"a": [(0, None), (200, None), (400, 1.0)], "b": [(0, None)]})
    assert found.covered(A, at(0), at(400))[0] == pytest.approx(0.5)
    assert found.expected(A, at(0), at(400))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("since", "until", "chance"), [(100, 300, 0.0), (300, 500, 1.0), (200, 500, 0.25), (350, 450, 1.0)]
)
def test_no_new_lesion_is_certain_or_a_matter_of_when_in_the_interval_it_came(since, until, chance):
    """Two lesions between day 100 and 300: that both came before day 200 has a chance of a quarter."""
    assert lines(YEARLY).none_probability(A, at(since), at(until))[0] == pytest.approx(chance)


def test_window_within_one_interval():
    assert lines(YEARLY).none_probability(B, at(100), at(200))[0] == pytest.approx(0.75**8)


def test_person_without_scans_is_covered_nowhere():
    found = lines({"b": [(0, None), (100, 1.0)]})
    assert found.covered(A, at(0), at(100))[0] == 0.0
    assert found.expected(A, at(0), at(100))[0] == 0.0
