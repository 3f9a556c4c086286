"""The activity strip field by field: what makes it red, amber, green, and what leaves it grey."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clams_dash.clinical.activity.strip import activity_strip
from clams_dash.model import catalogues
from clams_dash.model.records import Relapse
from tests.clinical.chart import brain_scan, case, fact, lab, on, source, visit

AS_OF = date(2026, 3, 1)


def before(days: int) -> date:
    return AS_OF - timedelta(days=days)


def relapse(days_ago: int) -> Relapse:
    return Relapse(before(days_ago), (), "moderate", True, "complete", source(9))


def scan(days_ago: int, *, study: str = "now", **known: Any):
    return replace(brain_scan(before(days_ago)), study_id=study, **known)


def pair(**known):
    first = scan(400, study="then", field_t=3.0, vendor="Siemens", model="Vida")
    same: dict[str, Any] = {"field_t": 3.0, "vendor": "Siemens", "model": "Vida", "comparison_study_id": "then"}
    return [first, scan(30, **(same | known))]


def state(chart, field):
    return dict(activity_strip(chart, AS_OF).items())[field]


def test_a_relapse_counts_for_twelve_months():
    visits = [visit(before(400), 2.0), visit(before(1), 2.0)]
    assert state(replace(case(visits=visits), relapses=(relapse(364),)), "relapse").state == "alert"
    assert state(replace(case(visits=visits), relapses=(relapse(365),)), "relapse").state == "ok"


def test_no_relapse_is_known_only_where_someone_asked():
    assert state(case(), "relapse").reason == "no relapse and no visit recorded"
    assert state(case(visits=[visit(before(10), None)]), "relapse").state == "not_assessable"
    late = state(case(visits=[visit(before(900), 2.0), visit(before(500), 2.0)]), "relapse")
    assert (late.state, str(before(500)) in late.reason) == ("not_assessable", True)


def test_visits_without_an_edss_leave_the_edss_grey():
    chart = case(visits=[visit(before(300), None), visit(before(100), None)])
    assert state(chart, "edss").reason == "no EDSS recorded"
    assert state(chart, "relapse").state == "ok"


def test_scores_that_all_follow_a_relapse_have_no_reference():
    chart = case(visits=[visit(before(200), 3.0), visit(before(20), 3.0)])
    assert state(replace(chart, relapses=(relapse(210),)), "edss").state == "not_assessable"


@pytest.mark.parametrize(("new", "enlarging", "expected"), [
    (0, 0, "ok"), (1, 0, "watch"), (1, 1, "watch"), (2, 1, "alert"), (3, 0, "alert"), (0, None, "not_assessable"),
    (None, 0, "not_assessable"), (1, None, "watch"), (None, None, "not_assessable"),
])  # fmt: skip
def test_new_and_enlarging_lesions_count_together_and_unknown_is_not_zero(new, enlarging, expected):
    assert state(case(scans=pair(new_t2=new, enlarging_t2=enlarging)), "t2").state == expected


def test_lesions_of_several_scans_add_up():
    scans = [scan(400, study="a"), scan(200, study="b", new_t2=2, enlarging_t2=0, comparison_study_id="a"),
             scan(20, study="c", new_t2=1, enlarging_t2=0, comparison_study_id="b")]  # fmt: skip
    assert state(case(scans=scans), "t2").state == "alert"


def test_nothing_new_over_a_few_months_is_not_yet_green():
    scans = [scan(120, study="a"), scan(20, study="b", new_t2=0, enlarging_t2=0, comparison_study_id="a")]
    assert state(case(scans=scans), "t2").state == "not_assessable"
    assert "covers only" in state(case(scans=scans), "t2").reason


def test_a_shorter_span_is_enough_from_the_new_baseline_of_a_recent_drug():
    scans = [scan(120, study="a"), scan(20, study="b", new_t2=0, enlarging_t2=0, comparison_study_id="a")]
    assert state(case(scans=scans, treatments=[on("ofatumumab", before(230))]), "t2").state == "ok"
    assert state(case(scans=scans, treatments=[on("ofatumumab", before(2000))]), "t2").state == "not_assessable"


def test_many_lesions_against_a_scan_before_the_new_baseline_are_a_watch():
    chart = case(scans=pair(new_t2=9, enlarging_t2=0), treatments=[on("ocrelizumab", before(330))])
    assert state(chart, "t2").state == "watch"
    assert "new baseline on ocrelizumab" in state(chart, "t2").reason


def test_a_scan_of_the_cord_says_nothing_about_the_brain_but_its_lesions_count():
    cord = [replace(one, region="cord") for one in pair(new_t2=0, enlarging_t2=0, gd_given=True, gd_lesions=0)]
    assert {state(case(scans=cord), field).state for field in ("t2", "gd", "brain_volume")} == {"not_assessable"}
    lesions = [replace(one, region="cord") for one in pair(new_t2=1, enlarging_t2=0)]
    assert state(case(scans=lesions), "t2").state == "watch"


@pytest.mark.parametrize(("given_", "lesions", "expected", "said"), [
    (True, 0, "ok", "no enhancing lesion"), (True, 2, "alert", "2 enhancing lesions"),
    (None, 1, "alert", "1 enhancing lesion"), (False, None, "not_assessable", "not given"),
    (None, 0, "not_assessable", "not given"),
    (True, None, "not_assessable", "not recorded"), (False, 3, "not_assessable", "yet 3 enhancing lesions recorded"),
])  # fmt: skip
def test_enhancing_lesions(given_, lesions, expected, said):
    found = state(case(scans=pair(gd_given=given_, gd_lesions=lesions)), "gd")
    assert found.state == expected
    assert said in found.reason


@pytest.mark.parametrize(("percent", "expected"), [(-0.2, "ok"), (-0.4, "ok"), (-0.9, "watch"), (-5.0, "watch")])
def test_brain_volume_loss_is_never_more_than_a_watch(percent, expected):
    assert state(case(scans=pair(pbvc_percent=percent)), "brain_volume").state == expected


@pytest.mark.parametrize(("change", "said"), [
    ({"field_t": 1.5}, "field strength 3.0 T, then 1.5 T"), ({"vendor": "GE"}, "vendor Siemens, then GE"),
    ({"model": None}, "scanner model not recorded"), ({"comparison_study_id": "lost"}, "not on record"),
])  # fmt: skip
def test_brain_volume_of_scans_that_differ_is_not_judged(change, said):
    found = state(case(scans=pair(pbvc_percent=-2.0, **change)), "brain_volume")
    assert found.state == "not_assessable"
    assert said in found.reason
    assert "comparable" in found.reason


def test_brain_volume_over_a_few_months_is_not_judged():
    first, second = pair(pbvc_percent=-2.0)
    found = state(case(scans=[replace(first, date=before(200)), second]), "brain_volume")
    assert "170 days apart, less than 12 months" in found.reason


def test_safety_without_a_treatment_record_is_not_known_and_known_untreated_is_in_order():
    assert state(case(), "safety").state == "not_assessable"
    assert state(case(treatments=[on("none", before(100))]), "safety").state == "ok"


def test_a_drug_without_rules_or_unknown_to_the_catalogue_is_not_in_order():
    for dmt in ("daclizumab", "trial_drug_x"):
        found = state(case(treatments=[on(dmt, before(100))]), "safety")
        assert (found.state, "no monitoring rules" in found.reason) == ("not_assessable", True)


def test_natalizumab_without_a_jcv_index_is_never_green():
    labs = [lab("alt", before(5), 20.0, row=11), lab("lymphocytes", before(5), 2.0, row=12)]
    assert state(case(treatments=[on("natalizumab", before(60))], labs=labs), "safety").state == "not_assessable"


def test_a_test_long_overdue_is_a_watch_like_one_just_overdue():
    for days in (110, 1500):
        chart = case(treatments=[on("dimethyl_fumarate", before(days))])
        assert state(chart, "safety").state == "watch"


def test_a_pregnancy_on_teriflunomide_is_an_alert_and_an_old_one_is_over():
    course = on("glatiramer_acetate", before(900))
    pregnant = [fact("pregnancy", before(20), "yes")]
    assert state(case(treatments=[on("teriflunomide", before(900))], facts=pregnant), "safety").state == "alert"
    old = [fact("pregnancy", before(700), "yes")]
    assert state(case(treatments=[course], facts=old), "safety").state == "ok"


def test_a_course_that_ends_before_it_starts_is_left_out():
    wrong = on("ocrelizumab", before(100), before(200))
    assert activity_strip(case(treatments=[wrong]), AS_OF) == activity_strip(case(), AS_OF)


def test_two_scores_on_one_day_are_refused_by_name():
    with pytest.raises(ValueError, match="two EDSS scores on 2026-02-19"):
        activity_strip(case(visits=[visit(before(10), 2.0), visit(before(10), 3.0)]), AS_OF)


NORMAL = {
    "lymphocytes": 1.8, "leucocytes": 6.0, "neutrophils": 4.0, "platelets": 250.0, "alt": 20.0, "ast": 20.0,
    "creatinine": 70.0, "tsh": 2.0, "igg": 9.0, "igm": 1.0, "cd19": 3.0, "jcv_index": 0.1, "bilirubin": 8.0,
}  # fmt: skip
WITHOUT_RULES = {"daclizumab"}
WITH_LVEF = {"mitoxantrone"}


@pytest.mark.parametrize("dmt", sorted(set(catalogues.dmts()) - {"none"}))
def test_with_every_result_in_time_and_normal_the_safety_of_a_drug_with_rules_is_green(dmt):
    labs = [
        lab(analyte, before(day), value, row=100 * at + place)
        for at, day in enumerate((400, *range(385, 0, -20)))
        for place, (analyte, value) in enumerate(NORMAL.items())
    ]
    heart = [fact("lvef", before(day), "60", "%") for day in (400, 30)] if dmt in WITH_LVEF else []
    found = state(case(treatments=[on(dmt, before(400))], labs=labs, facts=heart), "safety")
    assert found.state == ("not_assessable" if dmt in WITHOUT_RULES else "ok"), found.reason


def test_a_confirmed_worsening_tells_the_score_of_now():
    visits = [visit(before(day), edss) for day, edss in ((700, 1.5), (500, 2.5), (20, 6.0))]
    assert "EDSS 2.5" in state(case(visits=visits), "edss").reason
    assert f"EDSS now 6.0 ({before(20)})" in state(case(visits=visits), "edss").reason
    recovered = [*visits[:2], visit(before(200), 2.5), visit(before(20), 1.5)]
    assert "EDSS 1.5 on" in state(case(visits=recovered), "edss").reason


def test_a_missing_analyte_of_a_test_that_was_done_is_named():
    labs = [
        lab(analyte, before(5), value, row=20 + at)
        for at, (analyte, value) in enumerate([("igg", 9.0), ("lymphocytes", 1.5), ("cd19", 1.0), ("alt", 20.0)])
    ]
    found = state(case(treatments=[on("ocrelizumab", before(400))], labs=labs), "safety")
    assert found.state == "ok"
    assert "no neutrophils on record" in found.reason


def test_improvement_not_yet_confirmed_is_no_warning():
    chart = case(visits=[visit(before(300), 4.0), visit(before(20), 2.5)])
    assert state(chart, "edss").state == "ok"


def test_a_visit_on_the_first_day_outside_the_window_does_not_count():
    def seen(days_ago):
        return state(case(visits=[visit(before(700), 2.0), visit(before(days_ago), 2.0)]), "relapse").state

    assert (seen(364), seen(365)) == ("ok", "not_assessable")


def test_lesions_that_are_not_the_drugs_do_not_add_to_those_that_are():
    scans = [
        scan(360, study="a"),
        scan(340, study="b", new_t2=5, enlarging_t2=0, comparison_study_id="a"),
        scan(30, study="c", new_t2=1, enlarging_t2=0, comparison_study_id="b"),
    ]
    chart = case(scans=scans, treatments=[on("natalizumab", before(500))])
    assert state(chart, "t2").state == "alert"
    later = case(scans=scans, treatments=[on("natalizumab", before(300))])
    assert state(later, "t2").state == "watch"


def test_a_break_in_the_chain_of_comparisons_ends_what_is_covered():
    scans = [
        scan(420, study="a"),
        scan(300, study="b", new_t2=0, enlarging_t2=0, comparison_study_id="a"),
        scan(200, study="c"),
        scan(20, study="d", new_t2=0, enlarging_t2=0, comparison_study_id="c"),
    ]
    found = state(case(scans=scans), "t2")
    assert found.state == "not_assessable"
    assert f"from {before(200)} to {before(20)}" in found.reason


def test_a_scan_is_not_compared_with_one_of_the_same_day_or_of_another_region():
    same_day = [scan(30, study="a"), scan(30, study="b", new_t2=0, enlarging_t2=0, comparison_study_id="a")]
    assert "not on record" in state(case(scans=same_day), "t2").reason
    cord = replace(scan(300, study="a"), region="cord")
    unnamed = [scan(400, study="b"), cord, scan(30, study="c", new_t2=0, enlarging_t2=0)]
    assert f"from {before(400)}" in state(case(scans=unnamed), "t2").reason


def test_a_yearly_pair_may_be_a_month_early():
    def judged(days_apart):
        first, second = pair(pbvc_percent=-0.1)
        return state(case(scans=[replace(first, date=before(30 + days_apart)), second]), "brain_volume").state

    assert (judged(334), judged(335)) == ("not_assessable", "ok")


def test_contrast_in_a_scan_of_the_cord_says_nothing_about_the_brain():
    cord = replace(scan(20, study="cord", gd_given=True, gd_lesions=0), region="cord")
    assert state(case(scans=[scan(30, gd_given=False), cord]), "gd").state == "not_assessable"


def test_a_test_the_pool_seldom_holds_counts_once_it_was_recorded():
    course = on("teriflunomide", before(400))
    labs = [
        lab(analyte, before(day), NORMAL[analyte], row=10 * day + place)
        for day in (400, *range(385, 0, -14))
        for place, analyte in enumerate(("lymphocytes", "alt", "ast"))
    ]
    assert state(case(treatments=[course], labs=labs), "safety").state == "ok"
    measured = [fact("blood_pressure", before(390), "120", "mmHg")]
    assert state(case(treatments=[course], labs=labs, facts=measured), "safety").state == "watch"


@pytest.mark.parametrize(("days", "expected"), [(183, "watch"), (184, "ok")])
def test_pml_is_thought_of_for_six_months_after_natalizumab(days, expected):
    stopped = on("natalizumab", before(900), before(days))
    assert state(case(treatments=[stopped]), "safety").state == expected


def test_natalizumab_taken_again_is_no_former_drug():
    courses = [on("natalizumab", before(900), before(150)), on("natalizumab", before(100))]
    assert "months after natalizumab" not in state(case(treatments=courses), "safety").reason
