"""Whom early activity belongs to: the drug before, the onset lag of the new one, or the return after natalizumab."""

from datetime import date, timedelta

import pytest

from clams_dash.clinical.activity.attribution import attribute
from clams_dash.clinical.activity.settings import activity_settings
from tests.clinical.chart import case, on

START = date(2024, 1, 1)
AS_OF = date(2025, 6, 1)


def after(days: int) -> date:
    return START + timedelta(days=days)


@pytest.mark.parametrize(("dmt", "weeks"), [("natalizumab", 12), ("ocrelizumab", 12), ("glatiramer_acetate", 30)])
def test_the_onset_lag_ends_on_its_day(dmt, weeks):
    chart = case(treatments=[on(dmt, START)])
    assert attribute(chart, after(7 * weeks - 1), AS_OF).early
    assert "onset lag" in attribute(chart, after(7 * weeks - 1), AS_OF).words
    assert not attribute(chart, after(7 * weeks), AS_OF).early


def test_a_drug_the_catalogue_does_not_know_has_the_longer_lag():
    assert activity_settings().onset_lag.days("trial_drug_x") == activity_settings().onset_lag.slow_days


def test_what_happened_before_the_start_names_the_drug_of_then():
    chart = case(treatments=[on("teriflunomide", after(-400), after(-10)), on("ofatumumab", START)])
    found = attribute(chart, after(-50), AS_OF)
    assert found.early
    assert found.words == "before ofatumumab was started on 2024-01-01, on teriflunomide"


def test_soon_after_a_stop_is_the_carry_over_of_that_drug_and_later_is_untreated():
    chart = case(treatments=[on("teriflunomide", after(-400), START)])
    assert "carry-over of teriflunomide" in attribute(chart, after(90), AS_OF).words
    assert attribute(chart, after(91), AS_OF).words == "untreated"
    assert not attribute(chart, after(10), AS_OF).early


@pytest.mark.parametrize(
    ("dmt", "days", "named"),
    [("natalizumab", 29, False), ("natalizumab", 30, True), ("natalizumab", 183, True), ("natalizumab", 184, False),
     ("fingolimod", 0, True), ("fingolimod", 184, False), ("ocrelizumab", 40, False)],
)  # fmt: skip
def test_activity_is_named_as_returning_only_after_natalizumab_and_fingolimod(dmt, days, named):
    chart = case(treatments=[on(dmt, after(-800), START)])
    assert ("returning" in attribute(chart, after(days), AS_OF).words) is named


def test_of_overlapping_drugs_the_one_started_last_answers():
    chart = case(treatments=[on("glatiramer_acetate", after(-900)), on("natalizumab", START)])
    assert "natalizumab" in attribute(chart, after(20), AS_OF).words


def test_no_treatment_record_is_not_untreated():
    assert attribute(case(), START, AS_OF).words == "treatment not recorded"
    assert attribute(case(treatments=[on("none", after(-900))]), START, AS_OF).words == "untreated"


def test_a_short_break_of_the_same_drug_does_not_start_its_lag_anew():
    chart = case(treatments=[on("ocrelizumab", after(-900), after(-20)), on("ocrelizumab", START)])
    assert not attribute(chart, after(5), AS_OF).early


@pytest.mark.parametrize(("dmt", "days"), [("alemtuzumab", 1461), ("cladribine", 730), ("ocrelizumab", 365)])
def test_drugs_given_in_courses_are_not_called_untreated_soon_after_the_last_dose(dmt, days):
    chart = case(treatments=[on(dmt, after(-400), START)])
    late = AS_OF + timedelta(days=2000)
    assert f"carry-over of {dmt}" in attribute(chart, after(days), late).words
    assert attribute(chart, after(days + 1), late).words == "untreated"


def test_the_day_of_the_first_dose_is_already_on_the_drug():
    words = attribute(case(treatments=[on("ofatumumab", START)]), START, AS_OF).words
    assert words.startswith("0 days after the start of ofatumumab")
