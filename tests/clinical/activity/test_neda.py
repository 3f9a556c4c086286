"""NEDA in three values: true only where assessments cover the window, false on any activity, unknown otherwise."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.activity.neda import Window, all_free, neda, neda_in
from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.model.records import Case, Relapse
from tests.clinical import stories
from tests.clinical.chart import brain_scan, case, on, shifted, source, visit

START = date(2025, 1, 1)
END = date(2026, 1, 1)
YEAR = Window(START, END, "a year")


def after(days: int) -> date:
    return START + timedelta(days=days)


def scans(*days: int, **known: Any):
    """Scans of the brain on these days, each compared with the one before, nothing new unless said of the last."""
    same: dict[str, Any] = {"field_t": 3.0, "vendor": "GE", "model": "Premier"}
    found = [replace(brain_scan(after(days[0])), study_id="s0", **same)]
    for at, day in enumerate(days[1:], start=1):
        read: dict[str, Any] = {"new_t2": 0, "enlarging_t2": 0, "comparison_study_id": f"s{at - 1}"}
        said = known if at == len(days) - 1 else {}
        found.append(replace(brain_scan(after(day)), study_id=f"s{at}", **(same | read | said)))
    return found


def quiet(**known: Any) -> Case:
    """Half-yearly visits without change, a scan at either end of the year."""
    return case(
        visits=[visit(after(day), 2.0) for day in (-5, 180, 360)],
        scans=scans(-10, 355, **({"pbvc_percent": -0.2} | known)),
    )


def relapsed(chart: Case, *days: int) -> Case:
    return replace(chart, relapses=tuple(Relapse(after(day), (), "mild", None, "complete", source(9)) for day in days))


def test_a_quiet_year_meets_neda_3_and_4():
    found = neda_in(quiet(), YEAR)
    assert (found.neda3, found.neda4) == (True, True)


@pytest.mark.parametrize("parts", list(product((True, False, None), repeat=3)))
def test_any_false_is_false_else_any_unknown_is_unknown(parts):
    expected = False if False in parts else None if None in parts else True
    assert all_free(*parts) is expected


@pytest.mark.parametrize(("day", "expected"), [(0, True), (1, False), (365, False), (366, True)])
def test_a_relapse_counts_from_after_the_start_to_the_end(day, expected):
    assert neda_in(relapsed(quiet(), day), YEAR).neda3 is expected


def test_activity_is_false_even_where_the_rest_is_unknown():
    chart = relapsed(replace(quiet(), scans=()), 100)
    found = neda_in(chart, YEAR)
    assert (found.mri.free, found.neda3, found.neda4) == (None, False, False)


def test_no_scan_is_unknown_and_never_no_activity():
    found = neda_in(replace(quiet(), scans=()), YEAR)
    assert (found.relapse.free, found.edss.free, found.mri.free, found.neda3) == (True, True, None, None)


def test_contrast_not_given_does_not_make_a_compared_scan_unknown():
    assert neda_in(quiet(gd_given=False), YEAR).neda3 is True
    assert neda_in(quiet(gd_given=True, gd_lesions=1), YEAR).neda3 is False


@pytest.mark.parametrize(("known", "expected"), [({"new_t2": 1}, False), ({"enlarging_t2": 1}, False),
                                                 ({"new_t2": None}, None), ({"enlarging_t2": None}, None)])  # fmt: skip
def test_new_and_enlarging_lesions(known, expected):
    assert neda_in(quiet(**known), YEAR).mri.free is expected


def test_lesions_that_may_be_older_than_the_window_leave_it_unknown():
    chart = replace(quiet(), scans=tuple(scans(-300, 355, new_t2=2)))
    assert neda_in(chart, YEAR).mri.free is None


def test_worsening_with_onset_in_the_year_and_unconfirmed_worsening():
    rising = case(visits=[visit(after(day), edss) for day, edss in ((-5, 2.0), (180, 3.0), (360, 3.0))])
    assert neda_in(rising, YEAR).edss.free is False
    late = case(visits=[visit(after(day), edss) for day, edss in ((-5, 2.0), (180, 2.0), (360, 3.0))])
    assert neda_in(late, YEAR).edss.free is None
    later = replace(late, visits=(*late.visits, visit(after(560), 3.0)))
    assert neda_in(later, YEAR).edss.free is False


@pytest.mark.parametrize(("percent", "expected"), [(-0.39, True), (-0.41, False), (None, None)])
def test_neda_4_asks_for_brain_volume_loss_of_at_most_0_4_percent_a_year(percent, expected):
    found = neda_in(quiet(pbvc_percent=percent), YEAR)
    assert (found.neda3, found.neda4) == (True, expected)


def test_on_a_new_drug_the_window_begins_at_the_new_baseline():
    chart = replace(quiet(), treatments=(on("natalizumab", after(-30)),))
    early = relapsed(replace(chart, scans=tuple(scans(-10, 90, 355))), 20)
    found = neda(early, END)
    assert found.window is not None
    assert (found.window.start, found.neda3) == (after(90), True)
    assert (
        neda(replace(early, relapses=(Relapse(after(200), (), "mild", None, "none", source(9)),)), END).neda3 is False
    )


def test_without_a_new_baseline_nothing_is_known_yet():
    chart = replace(quiet(), treatments=(on("natalizumab", after(200)),), scans=tuple(scans(-10, 230)))
    found = neda(chart, END)
    assert (found.window, found.neda3) == (None, None)
    assert "has no baseline scan" in found.mri.reason


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="before it starts"):
        neda_in(quiet(), Window(END, START, "turned"))


@given(
    st.lists(st.integers(-300, 365), unique=True, max_size=8), st.lists(st.integers(-400, 365), unique=True, max_size=5)
)
@settings(max_examples=300, deadline=None)
def test_gaps_beyond_the_stated_coverage_are_never_true(visit_days, scan_days):
    """The coverage is worked out here anew, from the data file's numbers only."""
    rules = activity_settings().neda
    chart = case(
        visits=[visit(after(day), 2.0) for day in visit_days],
        scans=scans(*sorted(scan_days)) if scan_days else (),
    )
    found = neda_in(chart, YEAR)
    seen = sorted(day for day in visit_days if day >= -rules.visit_edge_days)
    visits_cover = (
        bool(seen)
        and seen[0] <= rules.visit_edge_days
        and seen[-1] >= 365 - rules.visit_edge_days
        and all(second - first <= rules.largest_visit_gap_days for first, second in pairwise(seen))
    )
    ordered = sorted(scan_days)
    inside = [day for day in ordered[1:] if 0 < day <= 365]
    earliest = max((day for day in ordered if day <= 0), default=None) if inside else None
    begins = earliest if earliest is not None else next(iter(ordered), 0)
    scans_cover = bool(inside) and begins <= rules.scan_edge_days and inside[-1] >= 365 - rules.scan_edge_days
    assert found.relapse.free is (True if visits_cover else None)
    assert found.edss.free is (True if visits_cover else None)
    assert found.mri.free is (True if scans_cover else None)
    assert found.neda3 is (True if visits_cover and scans_cover else None)


@given(st.sampled_from([(story.case, story.as_of) for story in stories.load()]), st.integers(-4000, 4000))
@settings(max_examples=40, deadline=None)
def test_shifting_all_dates_changes_nothing(told, days):
    chart, as_of = told
    moved, here = neda(shifted(chart, days), as_of + timedelta(days=days)), neda(chart, as_of)
    assert (moved.neda3, moved.neda4) == (here.neda3, here.neda4)


@given(st.sets(st.integers(0, 2)), st.sets(st.integers(0, 1)))
@settings(max_examples=40, deadline=None)
def test_any_assessment_taken_away_makes_it_unknown(visits_gone, scans_gone):
    chart = quiet()
    fewer = replace(
        chart,
        visits=tuple(one for at, one in enumerate(chart.visits) if at not in visits_gone),
        scans=tuple(one for at, one in enumerate(chart.scans) if at not in scans_gone),
    )
    assert neda_in(fewer, YEAR).neda3 is (True if fewer == chart else None)


def test_an_improvement_not_yet_confirmed_is_no_worsening():
    better = case(visits=[visit(after(day), edss) for day, edss in ((-5, 3.0), (180, 3.0), (360, 2.0))])
    assert neda_in(better, YEAR).edss.free is True
