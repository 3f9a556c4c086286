"""JCV strata and the risk of PML on natalizumab (clinical.md 3.3)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from clams_dash.clinical.labs import pml
from clams_dash.errors import FactsError
from clams_dash.model.records import Case, ClinicalFact, LabResult
from tests.clinical.chart import case, fact, lab, on

START = date(2019, 1, 1)
NO_PRIOR = fact("prior_immunosuppression", START, "no")
PRIOR = fact("prior_immunosuppression", START, "azathioprine until 2015")


def month(number: int) -> date:
    return START + timedelta(days=round(30.4375 * (number - 0.5)))


def treated(index: float | None, at: int, *facts: ClinicalFact, tested_days_ago: int = 20) -> pml.PmlRisk:
    day = month(at)
    labs: list[LabResult] = []
    if index is not None:
        labs = [lab("jcv_index", day - timedelta(days=tested_days_ago), index)]
    return pml.assess(case(treatments=[on("natalizumab", START)], labs=labs, facts=facts), day)


@pytest.mark.parametrize(
    ("index", "per_1000"),
    [(0.1, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), (0.8, [0.1, 0.1, 0.2, 0.4, 0.5, 0.6]), (1.2, [0.1, 0.3, 0.8, 2, 2, 3]),
     (2.5, [0.2, 0.9, 3, 7, 8, 10])],
)  # fmt: skip
def test_risk_by_index_and_year_without_earlier_immunosuppression(index, per_1000):
    assert [treated(index, 12 * year + 6, NO_PRIOR).per_1000 for year in range(6)] == per_1000


@pytest.mark.parametrize("index", [0.8, 1.2, 2.5])
def test_index_does_not_matter_after_earlier_immunosuppression(index):
    assert [treated(index, 12 * year + 6, PRIOR).per_1000 for year in range(6)] == [0.3, 0.4, 4, 8, 8, 6]


def test_years_change_after_twelve_full_months():
    assert treated(2.5, 12, NO_PRIOR).per_1000 == 0.2
    assert treated(2.5, 13, NO_PRIOR).per_1000 == 0.9


def test_beyond_the_table_there_is_no_number_but_still_a_flag():
    late = treated(2.5, 80, NO_PRIOR)
    assert (late.per_1000, late.high_risk) == (None, True)
    assert "the table ends at month 72" in late.reason


def test_high_risk_needs_two_years_and_a_high_index_or_all_three_factors():
    assert treated(2.5, 24, NO_PRIOR).high_risk is False
    assert treated(2.5, 25, NO_PRIOR).high_risk is True
    assert treated(1.2, 40, NO_PRIOR).high_risk is False
    assert treated(0.6, 40, PRIOR).high_risk is True
    assert treated(0.1, 40, PRIOR).high_risk is False


def test_missing_index_is_unknown_not_low():
    found = treated(None, 30, NO_PRIOR)
    assert (found.per_1000, found.high_risk) == (None, None)
    assert "not on record" in found.reason


@pytest.mark.parametrize(("index", "retest"), [(0.1, True), (0.85, True), (1.2, False)])
def test_old_negative_or_low_index_has_to_be_repeated(index, retest):
    found = treated(index, 30, NO_PRIOR, tested_days_ago=200)
    assert found.retest_due is retest
    assert (found.per_1000 is None) is retest
    assert (found.high_risk is None) is retest


@pytest.mark.parametrize(("index", "days", "retest"), [(0.9, 184, True), (0.9, 183, False), (0.91, 184, False)])
def test_index_up_to_point_nine_is_good_for_half_a_year(index, days, retest):
    assert treated(index, 30, NO_PRIOR, tested_days_ago=days).retest_due is retest


def test_indeterminate_index_waits_for_the_inhibition_test():
    found = treated(0.3, 30, NO_PRIOR)
    assert (found.per_1000, found.high_risk) == (None, None)
    assert "inhibition test" in found.reason


def test_earlier_immunosuppression_not_on_record_is_said_with_what_it_would_mean():
    found = treated(1.2, 30)
    assert found.per_1000 == 0.8
    assert found.high_risk is None
    assert "not on record (4 per 1,000 if there was any)" in found.reason


def test_positive_antibody_without_an_index_has_its_own_column():
    found = treated(None, 30, NO_PRIOR, fact("jcv_antibody", month(29), "positive"))
    assert (found.stratum, found.per_1000, found.high_risk) == ("no_index", 2, None)
    assert treated(None, 30, NO_PRIOR, fact("jcv_antibody", month(29), "negative")).per_1000 == 0.1


def test_newer_of_index_and_antibody_counts():
    day = month(30)
    chart = case(
        treatments=[on("natalizumab", START)],
        labs=[lab("jcv_index", day - timedelta(days=10), 1.8)],
        facts=[NO_PRIOR, fact("jcv_antibody", day - timedelta(days=400), "negative")],
    )
    assert pml.assess(chart, day).stratum == "high"


def test_time_on_natalizumab_adds_up_over_a_break_and_ends_with_the_last_dose():
    first, second = on("natalizumab", START, month(13)), on("natalizumab", month(25))
    assert pml.natalizumab_months(case(treatments=[first, second]), month(37)) == 25
    assert pml.natalizumab_months(case(treatments=[first]), month(37)) == 13
    assert pml.natalizumab_months(case(), month(37)) == 0


def test_someone_who_might_start_is_looked_at_in_the_first_month():
    chart: Case = case(labs=[lab("jcv_index", START, 2.0)], facts=[NO_PRIOR])
    assert pml.assess(chart, START, months=1).per_1000 == 0.2


@pytest.mark.parametrize(("weeks", "extended"), [(4, False), (6, True), (None, None)])
def test_extended_interval_is_named(weeks, extended):
    chart = case(treatments=[on("natalizumab", START, interval_weeks=weeks)])
    assert pml.assess(chart, month(30)).extended_interval is extended


def test_table_without_a_stratum_is_refused(tmp_path: Path):
    path = tmp_path / "pml_risk.csv"
    kept = [line for line in pml.RISK_FILE.read_text(encoding="utf-8").splitlines() if ",no_index," not in line]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match="no rows for no_index"):
        pml.load_table(pml.STRATA_FILE, path)


def test_strata_that_do_not_ascend_are_refused(tmp_path: Path):
    path = tmp_path / "jcv_strata.csv"
    path.write_text(pml.STRATA_FILE.read_text(encoding="utf-8").replace("0.4,0.9", "0.4,0.1"), encoding="utf-8")
    with pytest.raises(FactsError, match="have to ascend"):
        pml.load_table(path, pml.RISK_FILE)
