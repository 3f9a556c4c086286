from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.edss import is_valid, load_rules, next_step, previous_step, threshold
from clams_dash.errors import FactsError
from clams_dash.model.tables import EDSS_STEPS


def test_scale_has_twenty_steps_and_no_half_point():
    assert sum(is_valid(half / 2) for half in range(21)) == 20
    assert not is_valid(0.5)
    assert next_step(0.0) == 1.0
    assert previous_step(1.0) == 0.0


def test_scale_ends_at_ten_and_starts_at_zero():
    assert next_step(10.0) is None
    assert previous_step(0.0) is None


@given(st.sampled_from(EDSS_STEPS[:-1]))
def test_a_step_up_and_down_returns_to_the_same_score(edss):
    up = next_step(edss)
    assert up is not None
    assert previous_step(up) == edss


@pytest.mark.parametrize(
    ("reference", "a", "b"),
    [(0.0, 1.5, 1.5), (1.0, 1.0, 1.0), (5.0, 1.0, 1.0), (5.5, 0.5, 1.0), (6.0, 0.5, 0.5), (9.5, 0.5, 0.5)],
)
def test_thresholds_of_both_conventions(reference, a, b):
    assert threshold("A").delta(reference) == a
    assert threshold("B").delta(reference) == b


def test_value_off_the_scale_is_refused_by_name():
    with pytest.raises(ValueError, match=r"0\.5 is not an EDSS score"):
        threshold("A").delta(0.5)


def test_unknown_convention_is_refused_with_the_known_ones():
    with pytest.raises(FactsError, match=r"'C' is not known; choose one of A, B"):
        threshold("C")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("upper_reference = 10.0", "upper_reference = 9.0", "reach 10.0"),
        ('default_threshold = "A"', 'default_threshold = "Z"', "not one of the conventions"),
        ("default_confirm_days = 168", "", "default_confirm_days"),
        ("[confirmation]", "[confirmation", "not a valid"),
    ],
)
def test_damaged_rules_file_is_refused_with_the_reason(tmp_path: Path, old, new, reason):
    from clams_dash.clinical.edss import EDSS_RULES

    text = EDSS_RULES.read_text(encoding="utf-8")
    assert old in text
    damaged = tmp_path / "edss.toml"
    damaged.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        load_rules(damaged)


def test_missing_rules_file_is_refused(tmp_path: Path):
    with pytest.raises(FactsError, match="cannot be read"):
        load_rules(tmp_path / "edss.toml")
