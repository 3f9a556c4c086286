"""Neurofilament against age and BMI (clinical.md 3.1), and a centre's own table in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.labs.nfl import NflPosition, NflReference, load_percentile_table, surrogate
from clams_dash.errors import FactsError


def position(value: float, age: float, bmi: float | None, reference: NflReference | None = None) -> NflPosition:
    found = (reference or surrogate()).place(value, age, bmi)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "age", "bmi", "z"),
    [
        (5, 30, 25, 0.28),
        (10, 30, 25, 2.01),
        (10, 30, 35, 2.51),
        (10, 50, 25, 0.49),
        (20, 40, 25, 2.98),
        (20, 65, 25, 1.08),
    ],
)
def test_golden_values_of_the_surrogate(value, age, bmi, z):
    assert position(value, age, bmi).z == pytest.approx(z, abs=0.006)


@pytest.mark.parametrize(("age", "published"), [(25, 8.4), (35, 11.4), (45, 15.4), (55, 20.8), (65, 28.0), (75, 37.9)])
def test_surrogate_gives_back_the_published_97_5th_percentiles(age, published):
    assert surrogate().value_at(97.5, age) == pytest.approx(published, rel=0.02)


def test_position_is_labelled_approximate_and_says_what_it_is_adjusted_for():
    assert position(10, 30, 25).approximate
    assert "approximate" in position(10, 30, 25).label
    assert position(10, 30, 25).adjusted_for == ("age", "BMI")
    assert position(10, 30, None).adjusted_for == ("age",)
    assert position(10, 30, 250).adjusted_for == ("age",), "an impossible BMI is not used"


@pytest.mark.parametrize("age", [12, 19.9, 80, 95])
def test_no_position_outside_the_ages_the_surrogate_was_fitted_to(age):
    assert surrogate().place(10, age, 25) is None


@given(st.floats(0.5, 99.5), st.floats(20, 79.9), st.floats(15, 50))
def test_value_of_a_percentile_lies_at_that_percentile(percentile, age, bmi):
    assert position(surrogate().value_at(percentile, age, bmi), age, bmi).percentile == pytest.approx(percentile)


def test_words_never_claim_the_hundredth_percentile():
    assert position(500, 30, 25).words == ">99"
    assert position(0.2, 30, 25).words == "<1"


@pytest.fixture
def write_table(tmp_path: Path):
    def write(*lines: str) -> Path:
        path = tmp_path / "ours.csv"
        path.write_text("\n".join(["age_from,age_below,percentile,pg_ml", *lines]) + "\n", encoding="utf-8")
        return path

    return write


def test_centre_table_takes_the_place_of_the_surrogate(write_table):
    table = load_percentile_table(write_table("18,40,50,5", "18,40,97.5,12", "40,70,50,9", "40,70,97.5,22"))
    assert position(5, 30, None, table).percentile == pytest.approx(50)
    assert position(12, 30, None, table).percentile == pytest.approx(97.5)
    assert position(12, 50, None, table).percentile < 80
    assert not position(5, 30, None, table).approximate
    beyond = position(13, 30, None, table)
    assert (beyond.z, beyond.words) == (None, ">97.5")
    assert position(2, 30, None, table).words == "<50"
    assert table.place(5, 75, None) is None


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["18,40,50,5"], "two or more percentiles"),
        (["18,40,50,5", "18,40,97.5,4"], "rising values"),
        (["18,40,50,5", "18,40,97.5,9", "35,70,50,9", "35,70,97.5,22"], "overlap"),
        (["18,40,50,5", "18,40,100,9"], "row 3, column percentile.*between 0 and 100"),
        (["18,40,50,-5", "18,40,90,9"], "row 2, column pg_ml"),
        (["18,40,50,five", "18,40,90,9"], "row 2, column pg_ml.*not a number"),
    ],
)
def test_faulty_centre_table_is_refused_with_the_place(write_table, lines, reason):
    with pytest.raises(FactsError, match=reason):
        load_percentile_table(write_table(*lines))
