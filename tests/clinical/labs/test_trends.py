"""The slope of a laboratory value with its uncertainty, or why there is none."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.labs.settings import lab_settings
from clams_dash.clinical.labs.trends import TooFew, Trend, trend

START = date(2022, 1, 1)
RULES = lab_settings().trend


def fitted(days: list[int], values: list[float], *, relative: bool = False) -> Trend | TooFew:
    return trend([START + timedelta(days=day) for day in days], values, RULES, relative=relative)


def line(days: list[int], values: list[float], *, relative: bool = False) -> Trend:
    found = fitted(days, values, relative=relative)
    assert isinstance(found, Trend)
    return found


def test_igg_falling_by_half_a_gram_a_year():
    days = [0, 180, 365, 545, 730]
    noise = [0.05, -0.05, 0.05, -0.05, 0.05]
    found = line(days, [10 - 0.5 * day / 365.25 + off for day, off in zip(days, noise, strict=True)])
    assert found.per_year == pytest.approx(-0.5, abs=0.03)
    assert found.low < -0.5 < found.high
    assert found.direction == "falling"


def test_scatter_gives_no_clear_trend():
    assert line([0, 100, 200, 300, 400], [1.0, 1.6, 0.9, 1.7, 1.1]).direction == "no clear trend"


def test_relative_trend_of_a_marker_that_doubles_every_year():
    found = line([0, 183, 365, 548], [5.0, 5 * 2**0.501, 10.0, 5 * 2**1.5004], relative=True)
    assert found.per_year == pytest.approx(1.0, abs=0.01)


def test_too_few_or_too_close_results_give_no_slope_but_a_reason():
    few, close = fitted([0, 200, 400], [1, 2, 3]), fitted([0, 10, 20, 30], [1, 2, 3, 4])
    assert isinstance(few, TooFew)
    assert "3 of at least 4 results" in few.reason
    assert isinstance(close, TooFew)
    assert "30 of at least 180 days" in close.reason


def test_results_before_the_window_are_left_out():
    found = line([-3000, 0, 200, 400, 600], [99.0, 1.0, 1.1, 1.2, 1.3])
    assert (found.results, found.first) == (4, START)


def test_zero_has_no_relative_change():
    assert isinstance(fitted([0, 100, 200, 300], [0.0, 1, 2, 3], relative=True), TooFew)


def test_values_a_hundred_orders_of_magnitude_apart_have_no_line():
    found = fitted([0, 100, 200, 300], [1e-109, 1.0, 1.0, 1.0], relative=True)
    assert isinstance(found, TooFew)
    assert "too far apart" in found.reason


def test_interval_holds_the_true_slope_about_nine_times_in_ten():
    rng = np.random.default_rng(5)
    days = [0, 120, 250, 370, 500, 640]
    held = 0
    for _ in range(400):
        found = line(days, [3 + 0.8 * day / 365.25 + rng.normal(0, 0.3) for day in days])
        held += found.low <= 0.8 <= found.high
    assert 0.86 < held / 400 < 0.94


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(0.1, 50), min_size=4, max_size=8),
    shift=st.integers(-5000, 5000),
    seed=st.randoms(use_true_random=False),
)
def test_neither_the_calendar_nor_the_order_of_the_results_matters(values, shift, seed):
    days = [70 * at for at in range(len(values))]
    order = list(range(len(values)))
    seed.shuffle(order)
    first = fitted(days, values)
    second = fitted([days[at] + shift for at in order], [values[at] for at in order])
    if isinstance(first, Trend) and isinstance(second, Trend):
        assert second.per_year == pytest.approx(first.per_year)
        assert (second.last - first.last).days == shift
    else:
        assert first == second
