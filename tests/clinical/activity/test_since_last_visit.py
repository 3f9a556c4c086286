"""The line since the last visit: what belongs on it, in which order, and what it says when nothing does."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.activity.since_last_visit import since_last_visit
from clams_dash.model.records import Relapse
from tests.clinical import stories
from tests.clinical.chart import brain_scan, case, fact, lab, on, shifted, source, visit

AS_OF = date(2026, 3, 1)
CASES = [(story.case, story.as_of) for story in stories.load()]


def before(days: int) -> date:
    return AS_OF - timedelta(days=days)


VISITS = (visit(before(200), 2.0), visit(before(2), 2.0))


def line(chart, **options):
    return since_last_visit(chart, AS_OF, **options)


def kinds(chart, **options):
    return [item.kind for item in line(chart, **options)]


def test_with_one_visit_there_is_nothing_to_compare_even_after_a_relapse():
    chart = case(visits=VISITS[:1])
    relapse = Relapse(before(5), (), "mild", None, "none", source(9))
    assert kinds(replace(chart, relapses=(relapse,))) == ["no_comparison"]


def test_nothing_new_says_what_was_not_looked_at():
    (item,) = line(case(visits=[visit(before(200), None), visit(before(2), None)]))
    assert item.kind == "nothing_new"
    assert item.text.endswith("no EDSS, no scan, no laboratory result")


def test_nothing_new_does_not_call_an_uncompared_scan_quiet():
    (item,) = line(case(visits=VISITS, scans=[brain_scan(before(20))]))
    assert f"scan of {before(20)} not compared with an earlier one" in item.text


def test_a_chosen_date_takes_the_place_of_the_visit_before_last():
    relapse = Relapse(before(300), (), "mild", None, "complete", source(9))
    chart = replace(case(visits=VISITS), relapses=(relapse,))
    assert kinds(chart) == ["nothing_new"]
    assert kinds(chart, since=before(301)) == ["relapse"]
    assert kinds(chart, since=before(300)) == ["nothing_new"]
    assert kinds(replace(chart, visits=VISITS[:1]), since=before(301)) == ["relapse"]


def test_a_date_after_the_day_looked_at_is_refused():
    with pytest.raises(ValueError, match="lies after 2026-03-01"):
        line(case(visits=VISITS), since=AS_OF + timedelta(days=1))


def test_alerts_come_before_watches_and_watches_before_information():
    first = replace(brain_scan(before(380)), study_id="a")
    second = replace(brain_scan(before(10)), study_id="b", new_t2=1, enlarging_t2=0, comparison_study_id="a")
    chart = case(
        visits=VISITS,
        scans=[first, second],
        treatments=[on("teriflunomide", before(900), before(20)), on("fingolimod", before(15))],
        labs=[lab("lymphocytes", before(30), 0.19, row=20), lab("lymphocytes", before(5), 0.17, row=21)],
        facts=[fact("pregnancy_wish", before(2), "yes")],
    )
    found = line(chart)
    assert [item.severity for item in found] == sorted(
        (item.severity for item in found), key=["alert", "watch", "info"].index
    )
    assert [item.kind for item in found][-1] == "treatment"


def test_a_result_outside_limits_is_told_once_and_not_when_it_was_so_before():
    new = [lab("vitamin_d", before(400), 80.0, row=20), lab("vitamin_d", before(5), 30.0, row=21)]
    known = [lab("vitamin_d", before(400), 32.0, row=20), lab("vitamin_d", before(5), 30.0, row=21)]
    (item,) = line(case(visits=VISITS, labs=new))
    assert (item.kind, item.severity) == ("lab", "info")
    assert "30 nmol/L" in item.text
    assert f"(before: 80 on {before(400)})" in item.text
    assert kinds(case(visits=VISITS, labs=known)) == ["nothing_new"]


def test_a_severe_value_that_no_rule_allows_is_a_watch():
    labs = [lab("lymphocytes", before(5), 0.15, row=20)]
    (item,) = [one for one in line(case(visits=VISITS, labs=labs)) if one.kind == "lab"]
    assert item.severity == "watch"


def test_low_lymphocytes_that_the_drug_brings_are_information():
    labs = [lab("lymphocytes", before(100), 1.2, row=20), lab("lymphocytes", before(5), 0.4, row=21)]
    chart = case(visits=VISITS, labs=labs, treatments=[on("siponimod", before(900))])
    (item,) = [one for one in line(chart) if one.kind == "lab"]
    assert item.severity == "info"


def test_a_stop_a_start_and_a_switch():
    stopped = [on("teriflunomide", before(900), before(100), reason="adverse_event")]
    (item,) = line(case(visits=VISITS, treatments=stopped))
    assert item.text == f"Teriflunomide stopped on {before(100)}, adverse event"
    switched = [*stopped, on("glatiramer_acetate", before(90))]
    (item,) = line(case(visits=VISITS, treatments=switched))
    assert "Switch from teriflunomide" in item.text
    assert "to glatiramer acetate" in item.text
    paused = [on("glatiramer_acetate", before(900), before(100)), on("glatiramer_acetate", before(90))]
    assert kinds(case(visits=VISITS, treatments=paused)) == ["nothing_new"]


def test_pml_risk_stands_even_where_the_index_is_not_new():
    labs = [lab("jcv_index", before(250), 2.4, row=20), lab("alt", before(20), 20.0, row=21)]
    chart = case(visits=VISITS, labs=labs, treatments=[on("natalizumab", before(900))])
    found = [item for item in line(chart) if item.severity == "alert"]
    assert [item.kind for item in found] == ["safety"]
    assert "PML risk: JCV index 2.40" in found[0].text


def test_an_improvement_is_information():
    rising = [visit(before(day), edss) for day, edss in ((700, 4.0), (400, 3.0), (200, 3.0))]
    (item,) = since_last_visit(case(visits=rising), before(200))
    assert (item.kind, item.severity) == ("edss", "info")


@given(st.sampled_from(CASES), st.integers(-4000, 4000))
@settings(max_examples=60, deadline=None)
def test_shifting_all_dates_changes_neither_items_nor_their_order(told, days):
    chart, as_of = told
    moved = since_last_visit(shifted(chart, days), as_of + timedelta(days=days))
    here = since_last_visit(chart, as_of)
    assert [(one.kind, one.severity) for one in moved] == [(one.kind, one.severity) for one in here]


@given(st.sampled_from(CASES), st.integers(1, 900))
@settings(max_examples=80, deadline=None)
def test_no_item_rests_on_what_is_not_in_the_interval(told, days):
    """Only safety speaks of what stands; everything else needs a row dated later than the chosen day."""
    chart, as_of = told
    since = as_of - timedelta(days=days)
    dated = {one.source: one.date for group in (chart.visits, chart.relapses, chart.labs, chart.scans) for one in group}
    for course in chart.treatments:
        dated[course.source] = max(course.start_date, course.stop_date or course.start_date)
    for item in since_last_visit(chart, as_of, since=since):
        if item.kind not in ("safety", "nothing_new", "no_comparison"):
            assert dated[item.sources[0]] > since, item.text


def test_a_positive_jcv_index_is_told_with_the_risk_it_means():
    labs = [lab("jcv_index", before(20), 1.2, row=20), lab("alt", before(20), 20.0, row=21)]
    chart = case(visits=VISITS, labs=labs, treatments=[on("natalizumab", before(900))],
                 facts=[fact("prior_immunosuppression", before(950), "no")])  # fmt: skip
    (item,) = line(chart)
    assert (item.kind, item.severity) == ("lab", "watch")
    assert "about 0.8 per 1,000" in item.text
