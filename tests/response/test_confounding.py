"""E-values agree with the published formula and vanish where the interval holds no difference."""

from __future__ import annotations

import pytest

from clams_dash.response.confounding import e_value


def test_published_example():
    """A risk ratio of 3.9 (VanderWeele and Ding 2017) has an E-value of 7.26, of its limit 1.8 one of 3.0."""
    assert e_value(0.39, 0.10, 0.29, 0.29) == pytest.approx(7.26, abs=0.01)
    assert e_value(0.39, 0.10, 0.08, 0.60) == pytest.approx(3.0, abs=0.01)


def test_protective_ratio_counts_as_its_inverse():
    assert e_value(0.10, 0.39, -0.29, -0.29) == pytest.approx(7.26, abs=0.01)


def test_interval_that_holds_no_difference_needs_no_confounder():
    assert e_value(0.2, 0.3, -0.2, 0.01) == 1.0
