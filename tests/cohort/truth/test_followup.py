"""Worsening as the registry would have seen it: judged month by month here, visit by visit in the clinical rules."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression import Score, change_from
from clams_dash.cohort.disease_state import EDSS_OF_STEP, Events, Expected, RelapseEvents
from clams_dash.cohort.parameters import load_parameters
from clams_dash.cohort.people import DAYS_PER_MONTH
from clams_dash.cohort.truth.decisions import FUTURE_MONTHS
from clams_dash.cohort.truth.followup import Schedule, WorseningWatch
from clams_dash.response.settings import response_rules

PARAMETERS = load_parameters()
DESIGN = response_rules().design
NO_ONE = np.empty(0, dtype=np.int64)
SOON = date(2020, 1, 1)


def quiet() -> Events:
    none = np.zeros(1)
    return Events(
        RelapseEvents(NO_ONE, NO_ONE, NO_ONE, NO_ONE, NO_ONE),
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
        np.zeros(1, dtype=np.bool_),
        np.zeros(1, dtype=np.bool_),
        Expected(none, none, none, none, none, none),
    )


def exact(days: dict[int, int]) -> Schedule:
    """A schedule of visits by month, rated without noise, with every EDSS given."""
    day = np.full((FUTURE_MONTHS, 1), -1, dtype=np.int64)
    for month, when in days.items():
        day[month, 0] = when
    middle = np.full((2, FUTURE_MONTHS, 1), 0.5)
    return Schedule(day, middle, middle, np.ones((2, FUTURE_MONTHS, 1)))


def watched(schedule: Schedule, steps: list[int], worse_step: int) -> bool:
    watch = WorseningWatch(
        schedule, np.zeros(1, dtype=np.int64), np.array([worse_step]), np.array([10_000]), PARAMETERS.visits, 17, DESIGN
    )
    for month, step in enumerate(steps):
        watch.see(month, np.array([step]), quiet())
    return bool(watch.confirmed[0])


def half_yearly() -> dict[int, int]:
    return {month: round(month * DAYS_PER_MONTH) + 3 for month in range(0, FUTURE_MONTHS, 6)}


def test_a_rise_held_for_half_a_year_is_confirmed_worsening() -> None:
    assert watched(exact(half_yearly()), [4] * 10 + [6] * 21, worse_step=6)


def test_a_rise_that_is_gone_at_the_next_visit_is_none() -> None:
    assert not watched(exact(half_yearly()), [4] * 10 + [6] * 6 + [4] * 15, worse_step=6)


def test_a_rise_nobody_saw_again_stays_unconfirmed() -> None:
    assert not watched(exact({0: 3, 12: 368}), [4] * 10 + [6] * 21, worse_step=6)


def test_a_rise_first_seen_after_two_years_does_not_count() -> None:
    assert not watched(exact({0: 3, 12: 368, 24: 740, 30: 910}), [4] * 13 + [6] * 18, worse_step=6)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(2, 9), min_size=FUTURE_MONTHS, max_size=FUTURE_MONTHS),
    st.sets(st.integers(0, FUTURE_MONTHS - 1), min_size=1, max_size=12),
    st.integers(0, 27),
)
def test_it_agrees_with_the_clinical_rule_on_any_course(steps: list[int], months: set[int], within: int) -> None:
    days = {month: round(month * DAYS_PER_MONTH) + within for month in sorted(months)}
    days = {month: day for month, day in days.items() if day <= DESIGN.confirm_until_days}
    reference = Score(SOON - timedelta(days=1), float(EDSS_OF_STEP[4]))
    worse_step = 6
    scores = [Score(SOON + timedelta(days=day), float(EDSS_OF_STEP[steps[month]])) for month, day in days.items()]
    found = change_from(
        reference,
        scores,
        [],
        Convention(threshold="A", confirm_days=DESIGN.confirm_days, reference="fixed", event="first"),
    ).first("CDW")
    expected = found is not None and found.onset_date <= SOON + timedelta(days=DESIGN.horizon_days)
    assert watched(exact(days), steps, worse_step) == expected


def test_the_running_gap_is_longer_than_what_has_passed_of_it() -> None:
    """Somebody not seen for nine months is due soon; nobody is seen again on a day before the decision."""
    rng = np.random.default_rng(0)
    waited = np.full(4000, round(9 * DAYS_PER_MONTH))
    fresh = np.full(4000, 30)
    first = [
        np.where(day >= 0, day, 10_000).min(axis=0)
        for day in (Schedule.draw(gap, FUTURE_MONTHS, PARAMETERS.visits, rng).day for gap in (waited, fresh))
    ]
    assert np.median(first[0]) < np.median(first[1])
    assert min(first[0].min(), first[1].min()) >= 0


def test_scheduled_visits_come_at_the_gaps_of_the_registry() -> None:
    day = Schedule.draw(np.full(3000, 1), FUTURE_MONTHS, PARAMETERS.visits, np.random.default_rng(1)).day
    gaps = [np.diff(column[column >= 0]) for column in day.T]
    median = np.median(np.concatenate(gaps)) / DAYS_PER_MONTH
    # Seen through a window of 31 months, long gaps are missed more often than short ones.
    assert median == pytest.approx(PARAMETERS.visits.gap_median_months, rel=0.12)
