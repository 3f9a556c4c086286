"""Laws of the activity strip on the written cases and on any life of which any part is not known."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.activity.strip import FIELDS, activity_strip
from clams_dash.model.records import Relapse
from tests.clinical import stories
from tests.clinical.chart import brain_scan, case, fact, lab, on, shifted, source, visit

AS_OF = date(2026, 3, 1)
CASES = [(story.case, story.as_of) for story in stories.load()]


def before(days: int) -> date:
    return AS_OF - timedelta(days=days)


def relapse(days_ago: int) -> Relapse:
    return Relapse(before(days_ago), (), "moderate", True, "complete", source(9))


def scan(days_ago: int, *, study: str = "now", **known: Any):
    return replace(brain_scan(before(days_ago)), study_id=study, **known)


def test_unsorted_records_give_the_same_strip():
    for chart, as_of in CASES:
        turned = replace(
            chart,
            visits=chart.visits[::-1],
            relapses=chart.relapses[::-1],
            treatments=chart.treatments[::-1],
            labs=chart.labs[::-1],
            scans=chart.scans[::-1],
        )
        assert activity_strip(turned, as_of) == activity_strip(chart, as_of)


def test_what_is_later_than_the_day_is_not_known():
    for chart, as_of in CASES:
        later = replace(
            chart, relapses=(*chart.relapses, Relapse(as_of + timedelta(days=1), (), "severe", True, "none", source(9)))
        )
        assert activity_strip(later, as_of) == activity_strip(chart, as_of)


DMTS = ("interferon_beta_1b", "natalizumab", "ocrelizumab", "fingolimod", "none", "daclizumab")
ANALYTES = ("lymphocytes", "alt", "jcv_index", "igg")
UNKNOWN_OR = st.one_of(st.none(), st.integers(0, 3))


@st.composite
def charts(draw):
    """Any life of the last two years, with any of it not known."""
    days = draw(st.lists(st.integers(0, 730), unique=True, max_size=5))
    visits = [visit(before(day), draw(st.sampled_from([None, 2.0, 3.0, 5.5, 6.0]))) for day in days]
    scans = []
    for at, day in enumerate(sorted(draw(st.lists(st.integers(0, 730), unique=True, max_size=4)), reverse=True)):
        scans.append(
            scan(
                day,
                study=f"s{at}",
                region=draw(st.sampled_from(["brain", "cord", None])),
                gd_given=draw(st.sampled_from([None, True, False])),
                gd_lesions=draw(UNKNOWN_OR),
                new_t2=draw(UNKNOWN_OR),
                enlarging_t2=draw(UNKNOWN_OR),
                pbvc_percent=draw(st.sampled_from([None, -0.2, -1.0])),
                field_t=draw(st.sampled_from([None, 3.0])),
                vendor="GE",
                model="Premier",
                comparison_study_id=f"s{at - 1}" if at and draw(st.booleans()) else None,
            )
        )
    treatments = [
        on(draw(st.sampled_from(DMTS)), before(start), draw(st.sampled_from([None, before(start // 2)])))
        for start in draw(st.lists(st.integers(2, 1200), unique=True, max_size=2))
    ]
    labs = [
        lab(
            draw(st.sampled_from(["lymphocytes", "alt", "jcv_index", "igg"])),
            before(day),
            draw(st.floats(0, 12)),
            row=at,
        )
        for at, day in enumerate(draw(st.lists(st.integers(0, 500), unique=True, max_size=4)), start=100)
    ]
    happened = tuple(relapse(day) for day in draw(st.lists(st.integers(0, 700), unique=True, max_size=2)))
    return replace(case(visits=visits, scans=scans, treatments=treatments, labs=labs), relapses=happened), AS_OF


ANY_CASE = st.one_of(st.sampled_from(CASES), charts())


@given(ANY_CASE, st.integers(-4000, 4000))
@settings(max_examples=100, deadline=None)
def test_shifting_all_dates_changes_no_state(told, days):
    chart, as_of = told
    moved = activity_strip(shifted(chart, days), as_of + timedelta(days=days))
    assert [one.state for _, one in moved.items()] == [one.state for _, one in activity_strip(chart, as_of).items()]


EMPTY = {
    "visit without EDSS": lambda chart, day: replace(chart, visits=(*chart.visits, visit(day, None))),
    "scan without reading": lambda chart, day: replace(
        chart, scans=(*chart.scans, replace(brain_scan(day), study_id="empty"))
    ),
    "scan of the cord": lambda chart, day: replace(
        chart, scans=(*chart.scans, replace(brain_scan(day, region="cord"), study_id="cord"))
    ),
    "fact without value": lambda chart, day: replace(
        chart, facts=(*chart.facts, replace(fact("pregnancy_wish", day, ""), value=None))
    ),
    "result nobody asks for": lambda chart, day: replace(
        chart, labs=(*chart.labs, lab("vzv_igg", day, 500.0, row=999))
    ),
}
FIELDS_SPARED = {"visit without EDSS": ("relapse",)}


@given(ANY_CASE, st.sampled_from(sorted(EMPTY)), st.integers(0, 700))
@settings(max_examples=250, deadline=None)
def test_adding_what_says_nothing_never_turns_grey_into_green(told, empty, days_ago):
    """A visit tells whether there was a relapse, so for that field it does say something."""
    chart, as_of = told
    day = as_of - timedelta(days=days_ago)
    if any(one.date == day for one in (*chart.visits, *chart.scans)):
        return
    earlier = dict(activity_strip(chart, as_of).items())
    later = dict(activity_strip(EMPTY[empty](chart, day), as_of).items())
    for field in FIELDS:
        if field not in FIELDS_SPARED.get(empty, ()) and earlier[field].state == "not_assessable":
            assert later[field].state != "ok", (field, later[field].reason)


@given(charts())
@settings(max_examples=100, deadline=None)
def test_green_rests_on_rows_and_grey_says_why(told):
    for field, one in activity_strip(*told).items():
        assert one.reason, field
        assert one.sources or one.state == "not_assessable", field
