"""Rio, modified Rio and MAGNIMS after the first year on a drug: a number only where the year is known."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clams_dash.clinical.activity.scores import response_scores
from clams_dash.model.records import Case, Relapse
from tests.clinical.chart import brain_scan, case, on, source, visit

START = date(2024, 1, 1)
AS_OF = date(2025, 3, 1)


def after(days: int) -> date:
    return START + timedelta(days=days)


def year(relapses: int = 0, new: int | None = 0, enlarging: int | None = 0, edss: float = 2.0, **gd: Any) -> Case:
    """A first year on interferon with visits and the two scans that frame it."""
    first = replace(brain_scan(after(-30)), study_id="a")
    last = replace(
        brain_scan(after(365)), study_id="b", new_t2=new, enlarging_t2=enlarging, comparison_study_id="a", **gd
    )
    days = ((-10, 2.0), (100, 2.0), (200, edss), (400, edss))
    chart = case(
        treatments=[on("interferon_beta_1b", START)],
        visits=[visit(after(day), score) for day, score in days],
        scans=[first, last],
    )
    happened = tuple(Relapse(after(40 + 60 * at), (), "mild", None, "complete", source(9)) for at in range(relapses))
    return replace(chart, relapses=happened)


def scores(chart: Case, as_of: date = AS_OF) -> dict[str, int | None]:
    return {one.name: one.value for one in response_scores(chart, as_of)}


@pytest.mark.parametrize(("relapses", "new", "modified_rio", "magnims"), [
    (0, 0, 0, 0), (0, 2, 0, 0), (0, 3, 0, 1), (0, 5, 0, 1), (0, 6, 1, 1), (1, 0, 1, 1), (1, 2, 1, 1), (1, 3, 1, 2),
    (1, 6, 2, 2), (2, 0, 2, 2), (2, 6, 3, 2), (3, 9, 3, 2),
])  # fmt: skip
def test_modified_rio_and_magnims_by_relapses_and_new_lesions(relapses, new, modified_rio, magnims):
    found = scores(year(relapses=relapses, new=new))
    assert (found["modified Rio"], found["MAGNIMS"]) == (modified_rio, magnims)


@pytest.mark.parametrize(("chart", "rio"), [
    (year(), 0), (year(relapses=2), 1), (year(new=3), 1), (year(new=2), 0), (year(new=1, enlarging=2), 1),
    (year(edss=3.0), 1), (year(edss=2.5), 0), (year(relapses=1, new=4, edss=3.0), 3),
    (year(new=0, gd_given=True, gd_lesions=3), 1), (year(new=3, gd_given=True, gd_lesions=1), 1),
])  # fmt: skip
def test_rio_gives_a_point_each_for_relapse_sustained_edss_and_more_than_two_active_lesions(chart, rio):
    assert scores(chart)["Rio"] == rio


def test_an_enhancing_lesion_may_be_one_of_the_new_ones_so_the_score_stays_open():
    found = {one.name: one for one in response_scores(year(new=2, gd_given=True, gd_lesions=2), AS_OF)}
    assert (found["Rio"].value, found["Rio"].low, found["Rio"].high, found["Rio"].high_risk) == (None, 0, 1, False)


def test_enlarging_lesions_count_for_rio_only():
    assert scores(year(new=0, enlarging=7)) == {"Rio": 1, "modified Rio": 0, "MAGNIMS": 0}


def test_without_the_scan_of_the_year_a_score_is_a_range():
    found = response_scores(replace(year(relapses=1), scans=()), AS_OF)
    assert {one.name: (one.value, one.low, one.high) for one in found} == {
        "Rio": (None, 1, 2), "modified Rio": (None, 1, 2), "MAGNIMS": (None, 1, 2),
    }  # fmt: skip
    assert all(one.risk is None for one in found)


def test_two_relapses_are_high_risk_whatever_the_scan_would_show():
    found = {one.name: one for one in response_scores(replace(year(relapses=2), scans=()), AS_OF)}
    assert (found["MAGNIMS"].value, found["MAGNIMS"].high_risk) == (2, True)
    assert (found["modified Rio"].value, found["modified Rio"].high_risk) == (None, True)


def test_a_risk_the_source_marks_as_unsure_keeps_its_mark():
    found = {one.name: one.risk for one in response_scores(year(), AS_OF)}
    assert found == {"Rio": None, "modified Rio": "24 %", "MAGNIMS": "about 17 % ⚠"}


def test_visits_that_miss_part_of_the_year_leave_relapses_open():
    chart = year()
    found = {one.name: one for one in response_scores(replace(chart, visits=chart.visits[-1:]), AS_OF)}
    assert (found["MAGNIMS"].low, found["MAGNIMS"].high) == (0, 2)


def test_there_is_no_score_while_the_year_lasts_without_a_drug_or_long_after():
    assert response_scores(year(), after(364)) == ()
    assert len(response_scores(year(), after(365))) == 3
    assert response_scores(replace(year(), treatments=()), AS_OF) == ()
    assert response_scores(year(), after(1200)) == ()
