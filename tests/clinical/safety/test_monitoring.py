"""What is due, overdue or breached on a drug (clinical.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.safety import monitoring
from clams_dash.clinical.safety.findings import CHECK_LABEL, SafetyFinding, State
from clams_dash.clinical.safety.rules import Phase
from clams_dash.model.records import Case, LabResult
from tests.clinical.chart import brain_scan, case, fact, lab, lymphocytes, on, patient, shifted

START = date(2023, 1, 1)


def after(days: int) -> date:
    return START + timedelta(days=days)


def one(found: Iterable[SafetyFinding], test: str, phase: Phase, containing: str = "") -> SafetyFinding:
    hits = [item for item in found if item.test == test and item.phase is phase and containing in item.action]
    assert len(hits) == 1, hits
    return hits[0]


def schedule(case_: Case, test: str, day: date, region: str = "EU") -> SafetyFinding:
    return one(monitoring.findings(case_, day, region), test, Phase.ON)


def alert(case_: Case, test: str, day: date, containing: str = "") -> SafetyFinding:
    return one(monitoring.findings(case_, day), test, Phase.ALERT, containing)


def test_blood_count_on_fumarate_is_due_three_months_after_the_last_one():
    chart = case(treatments=[on("dimethyl_fumarate", START)], labs=[lab("lymphocytes", after(90), 1.4)])
    due = after(90 + 91)
    assert schedule(chart, "blood_count", after(100)).state is State.OK
    assert schedule(chart, "blood_count", due - timedelta(days=10)).state is State.DUE
    assert schedule(chart, "blood_count", due).state is State.DUE
    late = schedule(chart, "blood_count", due + timedelta(days=10))
    assert (late.state, late.due_date, late.severity) == (State.OVERDUE, due, "watch")
    assert schedule(chart, "blood_count", due + timedelta(days=92)).severity == "alert"


def test_first_test_counts_from_the_start_and_one_before_the_start_does_not():
    chart = case(treatments=[on("dimethyl_fumarate", START)], labs=[lab("lymphocytes", after(-5), 1.4)])
    assert schedule(chart, "blood_count", after(80)).due_date == after(91)
    assert "none since the start" in schedule(chart, "blood_count", after(200)).reason


def test_blood_counts_on_fumarate_are_rarer_under_the_american_label():
    chart = case(treatments=[on("dimethyl_fumarate", START)], labs=[lab("lymphocytes", after(180), 1.4)])
    assert schedule(chart, "blood_count", after(300), "EU").state is State.OVERDUE
    assert schedule(chart, "blood_count", after(300), "US").state is State.OK


def test_liver_tests_on_fingolimod_follow_the_months_of_the_first_year():
    tested = [lab("alt", after(30), 20), lab("alt", after(88), 20)]
    chart = case(treatments=[on("fingolimod", START)], labs=tested)
    assert schedule(chart, "liver", after(100)).due_date == after(183), "day 88 counts for month 3"
    assert schedule(case(treatments=[on("fingolimod", START)], labs=tested[:1]), "liver", after(60)).due_date == after(
        91
    )


@pytest.mark.parametrize(
    ("values", "state"),
    [([0.4, 0.4], State.DUE), ([0.4, 0.4, 0.4, 0.45], State.BREACHED), ([0.4, 0.9, 0.4, 0.45], State.DUE)],
    ids=["three months", "nine months", "interrupted by a better value"],
)
def test_lymphocytes_below_half_on_fumarate_count_once_they_lasted_six_months(values, state):
    days = [after(91 * (at + 1)) for at in range(len(values))]
    chart = case(treatments=[on("dimethyl_fumarate", START)], labs=lymphocytes(days, values))
    found = alert(chart, "blood_count", days[-1] + timedelta(days=1), "stop")
    assert found.state is state
    if state is State.BREACHED:
        assert found.severity == "alert"
        assert len(found.sources) == 4


def test_lymphocytes_below_a_fifth_on_fingolimod_have_to_be_repeated_and_hold_until_above_point_six():
    def state(*values: float) -> State:
        days = [after(30 * (at + 1)) for at in range(len(values))]
        chart = case(treatments=[on("fingolimod", START)], labs=lymphocytes(days, values))
        return alert(chart, "blood_count", days[-1] + timedelta(days=1)).state

    assert state(0.15) is State.DUE
    assert state(0.15, 0.30) is State.OK
    assert state(0.15, 0.18) is State.BREACHED
    assert state(0.15, 0.18, 0.5) is State.BREACHED
    assert state(0.15, 0.18, 0.7) is State.OK


def test_alt_is_read_against_the_limit_of_the_laboratory():
    def state(value: float, upper: float | None) -> State:
        chart = case(treatments=[on("teriflunomide", START)], labs=[lab("alt", after(20), value, upper=upper)])
        return alert(chart, "liver", after(21)).state

    assert state(140, None) is State.BREACHED
    assert state(140, 50) is State.OK
    assert state(151, 50) is State.BREACHED


def test_alt_three_times_with_raised_bilirubin_interrupts_fingolimod():
    def found(bilirubin: float | None, days_apart: int = 1) -> SafetyFinding:
        labs = [lab("alt", after(20), 150)]
        if bilirubin is not None:
            labs.append(lab("bilirubin", after(20 + days_apart), bilirubin))
        chart = case(treatments=[on("fingolimod", START)], labs=labs)
        return alert(chart, "liver", after(50), "bilirubin")

    assert found(30).state is State.BREACHED
    assert "above 3 times the upper limit (120), with raised Bilirubin" in found(30).reason
    assert found(15).state is State.OK
    assert "but Bilirubin is not raised" in found(15).reason
    assert found(21).state is State.OK, "at the limit is not above it"
    assert found(None).state is State.NOT_ASSESSABLE
    assert "was not measured with it" in found(None).reason
    assert found(30, days_apart=14).state is State.BREACHED
    assert found(30, days_apart=15).state is State.NOT_ASSESSABLE


@pytest.mark.parametrize(
    ("drug", "analyte", "value", "state"),
    [
        ("teriflunomide", "lymphocytes", 0.20, State.OK),
        ("teriflunomide", "lymphocytes", 0.19, State.BREACHED),
        ("teriflunomide", "alt", 120.0, State.OK),
        ("teriflunomide", "alt", 121.0, State.BREACHED),
    ],
)
def test_value_at_a_threshold_does_not_breach_it(drug, analyte, value, state):
    chart = case(treatments=[on(drug, START)], labs=[lab(analyte, after(10), value)])
    (found,) = (
        item for item in monitoring.findings(chart, after(11)) if item.phase is Phase.ALERT and item.value is not None
    )
    assert found.state is state


def test_reasons_say_on_which_side_of_the_limit_a_value_lies():
    def reason(analyte: str, value: float) -> str:
        chart = case(treatments=[on("interferon_beta_1b", START)], labs=[lab(analyte, after(10), value)])
        found = [item for item in monitoring.findings(chart, after(11)) if item.phase is Phase.ALERT]
        return " | ".join(item.reason for item in found if item.value is not None)

    assert reason("leucocytes", 2.0) == "Leucocytes 2.0 10^9/L on 2023-01-11, below 3"
    assert reason("leucocytes", 5.0) == "Leucocytes 5.0 10^9/L on 2023-01-11, not below 3"
    assert "above the upper limit (4)" in reason("tsh", 9.0)
    assert "not above the upper limit (4)" in reason("tsh", 1.0)
    assert "above 5 times the upper limit (200)" in reason("alt", 300)


def test_clearing_value_has_to_be_passed_not_met():
    days = [after(30), after(60), after(90)]
    held = case(treatments=[on("fingolimod", START)], labs=lymphocytes(days, [0.15, 0.18, 0.60]))
    found = alert(held, "blood_count", after(91))
    assert found.state is State.BREACHED
    assert "not yet beyond 0.6 again" in found.reason


def test_six_months_have_to_be_passed_not_met():
    def state(last: int) -> State:
        labs = lymphocytes([after(100), after(100 + last)], [0.4, 0.4])
        return alert(
            case(treatments=[on("dimethyl_fumarate", START)], labs=labs), "blood_count", after(400), "stop"
        ).state

    assert state(183) is State.DUE
    assert state(184) is State.BREACHED


def test_value_of_the_first_day_is_a_baseline_and_a_result_on_the_drug():
    labs = [lab("creatinine", START, 60), lab("creatinine", after(30), 79)]
    chart = case(treatments=[on("alemtuzumab", START)], labs=labs)
    assert alert(chart, "renal", after(31)).state is State.BREACHED
    counted = case(treatments=[on("teriflunomide", START)], labs=lymphocytes([after(-300), START], [0.1, 1.8]))
    assert alert(counted, "blood_count", after(1)).state is State.OK


def test_result_counts_until_the_day_the_next_is_due():
    chart = case(treatments=[on("teriflunomide", START)], labs=[lab("lymphocytes", after(58), 1.8)])
    due = schedule(chart, "blood_count", after(60)).due_date
    assert due is not None
    assert alert(chart, "blood_count", due).state is State.OK
    assert alert(chart, "blood_count", due + timedelta(days=1)).state is State.NOT_ASSESSABLE


def test_result_past_its_due_date_is_never_normal():
    chart = case(treatments=[on("teriflunomide", START)], labs=[lab("lymphocytes", after(60), 1.8)])
    assert alert(chart, "blood_count", after(70)).state is State.OK
    old = alert(chart, "blood_count", after(400))
    assert old.state is State.NOT_ASSESSABLE
    assert old.severity == "not_assessable"
    assert "too old" in old.reason


def test_breach_stands_until_a_newer_result_ends_it():
    chart = case(treatments=[on("teriflunomide", START)], labs=[lab("lymphocytes", after(60), 0.1)])
    assert alert(chart, "blood_count", after(500)).state is State.BREACHED


def test_test_that_was_never_done_is_overdue_and_its_threshold_not_assessable():
    chart = case(treatments=[on("ocrelizumab", START)])
    assert schedule(chart, "immunoglobulins", after(400)).state is State.OVERDUE
    assert {item.state for item in monitoring.findings(chart, after(400)) if item.test == "immunoglobulins"} == {
        State.OVERDUE,
        State.NOT_ASSESSABLE,
    }


def test_check_before_a_running_drug_without_record_is_not_assessable():
    chart = case(treatments=[on("ocrelizumab", START)], labs=[lab("hbsag", after(-20), 0.2)])
    found = monitoring.findings(chart, after(10))
    assert one(found, "hbv_antigen", Phase.BEFORE).state is State.OK
    assert one(found, "hbv_core", Phase.BEFORE).state is State.NOT_ASSESSABLE


def test_low_igg_on_ocrelizumab_is_a_watch_and_severe_deficiency_an_alert():
    def severities(value: float) -> set[str]:
        chart = case(treatments=[on("ocrelizumab", START)], labs=[lab("igg", after(170), value)])
        found = monitoring.findings(chart, after(171))
        return {item.severity for item in found if item.state is State.BREACHED}

    assert severities(9.0) == set()
    assert severities(5.0) == {"watch"}
    assert severities(3.5) == {"watch", "alert"}


def test_positive_hbsag_on_anti_cd20_breaches_however_old():
    chart = case(treatments=[on("rituximab", START)], labs=[lab("hbsag", after(-20), 8.0)])
    assert alert(chart, "hbv_antigen", after(900)).state is State.BREACHED


def test_cladribine_waits_for_normal_lymphocytes_and_defers_year_two_below_point_eight():
    before = case(labs=[lab("lymphocytes", after(-20), 0.9)])
    assert one(monitoring.before_start(before, "cladribine", START), "blood_count", Phase.BEFORE, "year 1").state is (
        State.BREACHED
    )
    chart = case(treatments=[on("cladribine", START)], labs=[lab("lymphocytes", after(330), 0.7)])
    assert alert(chart, "blood_count", after(340), "year 2").state is State.BREACHED
    assert alert(chart, "blood_count", after(100), "year 2").state is State.NOT_APPLICABLE


def test_cladribine_counts_are_asked_in_months_two_and_six_of_each_year_and_before_year_two():
    def due(*tested: int) -> date | None:
        chart = case(
            treatments=[on("cladribine", START)], labs=lymphocytes([after(day) for day in tested], [1.5] * len(tested))
        )
        return schedule(chart, "blood_count", after(10 + max(tested, default=0))).due_date

    assert due() == after(61)
    assert due(60) == after(183)
    assert due(60, 185) == after(365), "before year 2"
    assert due(60, 185, 360) == after(426)
    chart = case(treatments=[on("cladribine", START)], labs=[lab("lymphocytes", after(550), 1.5)])
    assert schedule(chart, "blood_count", after(700)).state is State.NOT_APPLICABLE


def test_alemtuzumab_is_watched_monthly_for_four_years_after_the_last_dose():
    chart = case(treatments=[on("alemtuzumab", START, after(370))], labs=[lab("platelets", after(800), 210)])
    assert schedule(chart, "blood_count", after(810)).due_date == after(830)
    assert alert(
        case(treatments=chart.treatments, labs=[lab("platelets", after(800), 60)]), "blood_count", after(820)
    ).state is (State.BREACHED)
    assert monitoring.findings(chart, after(370 + 1470)) == ()


def test_creatinine_on_alemtuzumab_is_read_against_the_value_before_it():
    labs = [lab("creatinine", after(-10), 60), lab("creatinine", after(60), 81)]
    assert alert(case(treatments=[on("alemtuzumab", START)], labs=labs), "renal", after(61)).state is State.BREACHED
    assert alert(case(treatments=[on("alemtuzumab", START)], labs=labs[1:]), "renal", after(61)).state is (
        State.NOT_ASSESSABLE
    )


def test_natalizumab_at_high_risk_of_pml_asks_for_mri_every_four_months_and_at_low_risk_yearly():
    def mri(index: float) -> list[State]:
        chart = case(
            treatments=[on("natalizumab", START)],
            labs=[lab("jcv_index", after(900), index)],
            facts=[fact("prior_immunosuppression", START, "no")],
            scans=[brain_scan(after(780))],
        )
        found = monitoring.findings(chart, after(950))
        return [item.state for item in found if item.test == "mri" and item.phase is Phase.ON]

    assert mri(2.4) == [State.OVERDUE, State.NOT_APPLICABLE]
    assert mri(0.1) == [State.NOT_APPLICABLE, State.OK]


def test_risk_of_pml_that_is_not_known_asks_for_mri_as_often_as_a_high_one_and_says_so():
    chart = case(treatments=[on("natalizumab", START)], scans=[brain_scan(after(780))])
    often, yearly = (
        item for item in monitoring.findings(chart, after(950)) if item.test == "mri" and item.phase == "on"
    )
    assert (often.state, yearly.state) == (State.OVERDUE, State.NOT_APPLICABLE)
    assert "because it is not known: pml high risk" in often.reason


def test_mri_of_an_unnamed_region_does_not_count_as_a_brain_scan():
    chart = case(treatments=[on("natalizumab", START)], scans=[brain_scan(after(50), None)])
    assert "none since the start" in schedule_of_low_risk(chart, after(500)).reason


def schedule_of_low_risk(chart: Case, day: date) -> SafetyFinding:
    found = [item for item in monitoring.findings(chart, day) if item.test == "mri" and item.phase is Phase.ON]
    return found[-1]


def test_jcv_is_repeated_half_yearly_while_negative_and_not_once_high():
    def jcv(index: float) -> State:
        chart = case(treatments=[on("natalizumab", START)], labs=[lab("jcv_index", after(30), index)])
        return schedule(chart, "jcv", after(300)).state

    assert jcv(0.1) is State.OVERDUE
    assert jcv(2.0) is State.NOT_APPLICABLE


def pml_state(day: int, *labs: LabResult, prior: str | None = "no") -> State:
    facts = [] if prior is None else [fact("prior_immunosuppression", START, prior)]
    chart = case(treatments=[on("natalizumab", START)], labs=labs, facts=facts)
    return one(monitoring.findings(chart, after(day)), "pml_risk", Phase.ALERT).state


def test_high_risk_of_pml_is_a_breach_and_what_is_not_known_is_not_assessable():
    assert pml_state(900, lab("jcv_index", after(880), 2.4)) is State.BREACHED
    assert pml_state(900, lab("jcv_index", after(880), 0.1)) is State.OK
    assert pml_state(900) is State.NOT_ASSESSABLE
    assert pml_state(300) is State.NOT_ASSESSABLE, "below two years, but the index is not known"
    assert pml_state(900, lab("jcv_index", after(880), 1.2), prior=None) is State.NOT_ASSESSABLE
    assert pml_state(3000, lab("jcv_index", after(2990), 0.1)) is State.OK, "beyond the table, negative"


def test_course_that_ends_before_it_starts_is_no_exposure():
    chart = case(treatments=[on("natalizumab", START, after(-10))])
    assert monitoring.findings(chart, after(10)) == ()


def test_overlapping_courses_are_each_monitored():
    chart = case(treatments=[on("natalizumab", START), on("teriflunomide", after(-500))])
    assert {item.drug for item in monitoring.findings(chart, after(100))} == {"natalizumab", "teriflunomide"}


def test_neighbouring_courses_of_one_drug_are_one_exposure():
    chart = case(treatments=[on("natalizumab", START, after(300)), on("natalizumab", after(320))])
    assert schedule(chart, "liver", after(500)).due_date == after(183)
    apart = case(treatments=[on("natalizumab", START, after(300)), on("natalizumab", after(400))])
    assert schedule(apart, "liver", after(500)).due_date == after(583)


def test_pregnancy_test_concerns_women_of_childbearing_age_and_those_of_unknown_age():
    def state(**person: object) -> State:
        chart = case(person=patient(**person))  # type: ignore[arg-type]
        return one(monitoring.before_start(chart, "teriflunomide", START), "pregnancy_test", Phase.BEFORE).state

    assert state(sex="female") is State.DUE
    assert state(sex="female", birth=None) is State.DUE
    assert state(sex="female", birth=date(1950, 1, 1)) is State.NOT_APPLICABLE
    assert state(sex="male") is State.NOT_APPLICABLE


def test_planned_drug_lists_what_is_missing_and_what_is_too_old():
    chart = case(labs=[lab("alt", after(-30), 20), lab("lymphocytes", after(-300), 1.8)])
    found = monitoring.before_start(chart, "dimethyl_fumarate", START)
    assert [(item.test, item.state) for item in found] == [
        ("blood_count", State.DUE),
        ("liver", State.OK),
        ("renal", State.DUE),
    ]


def test_only_what_was_known_on_the_day_counts():
    chart = case(treatments=[on("teriflunomide", START)], labs=[lab("alt", after(40), 900)])
    assert alert(chart, "liver", after(30)).state is State.NOT_ASSESSABLE
    assert alert(chart, "liver", after(40)).state is State.BREACHED


def test_drug_without_rules_is_named_rather_than_passed_over():
    chart = case(treatments=[on("daclizumab", START)])
    assert monitoring.findings(chart, after(100)) == ()
    assert monitoring.without_rules(chart, after(100)) == ("daclizumab",)


def test_every_text_sends_the_reader_to_the_label_and_names_its_rule():
    chart = case(treatments=[on("natalizumab", START), on("dimethyl_fumarate", after(-900), after(-10))])
    found = monitoring.findings(chart, after(200))
    assert found
    for item in found:
        assert item.text.endswith(CHECK_LABEL)
        assert "row" in item.origin or "pml_risk.csv" in item.origin


@st.composite
def charts(draw: st.DrawFn) -> Case:
    drugs = [
        "dimethyl_fumarate",
        "natalizumab",
        "ocrelizumab",
        "fingolimod",
        "cladribine",
        "teriflunomide",
        "alemtuzumab",
    ]
    start = draw(st.integers(0, 600))
    stop = draw(st.none() | st.integers(start + 1, start + 1500))
    course = on(draw(st.sampled_from(drugs)), after(start), None if stop is None else after(stop))
    analytes = st.sampled_from(["lymphocytes", "alt", "igg", "jcv_index", "platelets", "creatinine"])
    drawn = draw(st.lists(st.tuples(analytes, st.integers(-200, 1500), st.floats(0.05, 300)), max_size=8))
    return case(treatments=[course], labs=[lab(name, after(day), value) for name, day, value in drawn])


@settings(max_examples=60, deadline=None)
@given(chart=charts(), day=st.integers(0, 2000), shift=st.integers(-3000, 3000))
def test_shifting_every_date_changes_no_state(chart: Case, day: int, shift: int):
    here = monitoring.findings(chart, after(day))
    there = monitoring.findings(shifted(chart, shift), after(day) + timedelta(days=shift))
    assert [(item.test, item.state, item.severity) for item in here] == [
        (item.test, item.state, item.severity) for item in there
    ]
    assert [item.due_date and item.due_date + timedelta(days=shift) for item in here] == [
        item.due_date for item in there
    ]


@settings(max_examples=60, deadline=None)
@given(chart=charts(), day=st.integers(0, 2000))
def test_nothing_is_ok_without_a_row_of_the_record_behind_it(chart: Case, day: int):
    for item in monitoring.findings(chart, after(day)):
        if item.state is State.OK:
            assert item.sources
        assert (item.severity == "ok") == (item.state in (State.OK, State.NOT_APPLICABLE))
