"""The newest result of every analyte, as a clinician reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.labs import GradedLab, graded
from clams_dash.clinical.labs.nfl import load_percentile_table
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Case, LabResult
from tests.clinical.chart import case, fact, lab, on, patient, shifted

DAY = date(2024, 6, 1)


def only(chart: Case, day: date = DAY) -> GradedLab:
    (found,) = graded(chart, day)
    return found


@pytest.mark.parametrize(
    ("value", "grade", "severity"),
    [
        (1.5, "within limits", "ok"),
        (0.9, "grade 1", "watch"),
        (0.79, "grade 2", "watch"),
        (0.5, "grade 2", "watch"),
        (0.49, "grade 3", "alert"),
        (0.19, "grade 4", "alert"),
        (4.0, "high", "watch"),
    ],
)
def test_grades_of_lymphocytes(value, grade, severity):
    found = only(case(labs=[lab("lymphocytes", DAY, value)]))
    assert (found.grade, found.severity) == (grade, severity)


def test_grade_one_starts_at_the_lower_limit_of_the_laboratory():
    assert only(case(labs=[lab("lymphocytes", DAY, 1.1)])).grade == "within limits"
    assert only(case(labs=[lab("lymphocytes", DAY, 1.1, lower=1.2)])).grade == "grade 1"


def test_b_cells_are_read_by_the_drug():
    cells = [lab("cd19", DAY, 3)]
    assert only(case(labs=cells, treatments=[on("ocrelizumab", date(2023, 1, 1))])).grade == "depleted"
    assert only(case(labs=[lab("cd19", DAY, 40)], treatments=[on("ocrelizumab", date(2023, 1, 1))])).severity == "watch"
    assert only(case(labs=cells)).severity == "not_assessable", "no reference limit without the drug"


def test_old_result_is_never_ok_and_an_old_alert_stays_one():
    old = date(2023, 1, 1)
    normal, low = only(case(labs=[lab("lymphocytes", old, 1.8)])), only(case(labs=[lab("lymphocytes", old, 0.3)]))
    assert (normal.stale, normal.severity) == (True, "not_assessable")
    assert (low.stale, low.severity) == (True, "alert")
    assert "d old" in normal.text


def test_nfl_is_read_by_age_and_bmi_at_the_time_of_the_sample():
    person = patient(birth=date(1994, 6, 1))
    found = only(case(person=person, labs=[lab("nfl", DAY, 10)], facts=[fact("bmi", DAY, "25", "kg/m2")]))
    assert found.nfl is not None
    assert found.nfl.z == pytest.approx(2.01, abs=0.01)
    assert found.severity == "watch"
    assert "approximate" in found.text
    assert "percentile 98 for age and BMI" in found.text


def test_nfl_without_a_birth_date_is_not_assessable():
    assert only(case(person=patient(birth=None), labs=[lab("nfl", DAY, 5)])).severity == "not_assessable"


@pytest.mark.parametrize(("born", "value", "severity"), [(1990, 40, "watch"), (1980, 40, "ok"), (1950, 110, "ok")])
def test_gfap_limit_rises_with_age(born, value, severity):
    chart = case(person=patient(birth=date(born, 1, 1)), labs=[lab("gfap", DAY, value, assay="Lumipulse CLEIA")])
    assert only(chart).severity == severity


def test_gfap_of_another_platform_is_not_read_against_these_limits():
    def severity(assay: str | None) -> str:
        chart = case(person=patient(birth=date(1990, 1, 1)), labs=[lab("gfap", DAY, 70, assay=assay)])
        return only(chart).severity

    assert severity("CLEIA") == "watch"
    assert severity("Elecsys ECLIA") == "watch"
    assert severity("Simoa") == "ok"
    assert severity("ELISA") == "not_assessable"
    assert severity(None) == "not_assessable"


@pytest.mark.parametrize(
    ("index", "grade"),
    [(0.19, "negative"), (0.2, "indeterminate"), (0.4, "indeterminate"), (0.41, "positive up to 0.9"),
     (0.9, "positive up to 0.9"), (1.5, "positive above 0.9 up to 1.5"), (1.51, "positive above 1.5")],
)  # fmt: skip
def test_strata_of_the_jcv_index(index, grade):
    assert only(case(labs=[lab("jcv_index", DAY, index)])).grade == grade


def test_serum_and_csf_of_one_analyte_are_kept_apart():
    chart = case(labs=[lab("albumin", DAY, 40, specimen="serum"), lab("albumin", DAY, 0.2, specimen="CSF")])
    assert [item.specimen for item in graded(chart, DAY)] == ["CSF", "serum"]


def test_nfl_of_another_platform_is_not_read_against_the_surrogate():
    other = only(case(labs=[lab("nfl", DAY, 20, assay="Lumipulse CLEIA")]))
    assert (other.severity, other.nfl) == ("not_assessable", None)
    assert "holds for Simoa" in other.grade
    assert "in CSF" in only(case(labs=[lab("nfl", DAY, 800, specimen="CSF")])).grade
    assert only(case(labs=[lab("nfl", DAY, 20, assay="Simoa SR-X")])).severity == "watch"
    assert "platform not on record" in only(case(labs=[lab("nfl", DAY, 20)])).grade


@pytest.mark.parametrize(
    ("rows", "value", "severity"),
    [("18,60,50,5;18,60,97.5,20", 25, "watch"), ("18,60,50,5;18,60,97.5,20", 2, "ok"),
     ("18,60,25,5;18,60,75,20", 25, "not_assessable"), ("18,60,95,15;18,60,97.5,20", 10, "not_assessable")],
)  # fmt: skip
def test_value_beyond_a_table_is_raised_only_where_the_table_settles_it(tmp_path: Path, rows, value, severity):
    path = tmp_path / "ours.csv"
    path.write_text("age_from,age_below,percentile,pg_ml\n" + rows.replace(";", "\n") + "\n", encoding="utf-8")
    (found,) = graded(case(labs=[lab("nfl", DAY, value)]), DAY, load_percentile_table(path))
    assert found.severity == severity


def test_gfap_limit_of_the_laboratory_comes_first():
    chart = case(person=patient(birth=None), labs=[lab("gfap", DAY, 70, upper=100, assay="ELISA")])
    assert only(chart).severity == "ok"


def test_high_lymphocytes_are_expected_on_natalizumab_and_not_otherwise():
    high = [lab("lymphocytes", DAY, 4.2)]
    assert only(case(labs=high)).severity == "watch"
    assert only(case(labs=high, treatments=[on("natalizumab", date(2023, 1, 1))])).severity == "ok"


def test_analyte_outside_the_catalogue_is_refused_and_a_drug_outside_it_has_no_class():
    odd = replace(lab("alt", DAY, 20), analyte="caeruloplasmin")
    with pytest.raises(ValueError, match="not in the catalogue of analytes: caeruloplasmin"):
        graded(case(labs=[odd]), DAY)
    assert only(case(labs=[lab("alt", DAY, 20)], treatments=[on("placebo", date(2023, 1, 1))])).severity == "ok"


def test_centre_table_named_in_the_environment_replaces_the_surrogate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = tmp_path / "ours.csv"
    table.write_text("age_from,age_below,percentile,pg_ml\n18,60,50,30\n18,60,97.5,60\n", encoding="utf-8")
    chart = case(labs=[lab("nfl", DAY, 20)])
    assert "raised" in only(chart).grade
    monkeypatch.setenv("CLAMS_NFL_TABLE", str(table))
    found = only(chart)
    assert found.grade == "percentile <50 for age"
    assert "ours.csv" in found.origin
    monkeypatch.setenv("CLAMS_NFL_TABLE", str(tmp_path / "absent.csv"))
    with pytest.raises(FactsError, match=r"absent\.csv: cannot be read"):
        graded(chart, DAY)


def test_results_after_the_day_are_not_seen():
    chart = case(labs=[lab("alt", DAY, 20), lab("alt", DAY + timedelta(days=1), 400)])
    assert only(chart).value == 20
    assert graded(chart, DAY - timedelta(days=1)) == ()


@st.composite
def results(draw: st.DrawFn) -> LabResult:
    analyte = catalogues.analytes()[draw(st.sampled_from(sorted(catalogues.analytes())))]
    value = draw(st.floats(analyte.plausible_low, analyte.plausible_high))
    return lab(analyte.analyte, DAY - timedelta(days=draw(st.integers(0, 2000))), value)


def _read(found: Iterable[GradedLab]) -> list[tuple[str, str, str]]:
    return [(item.analyte, item.grade, item.severity) for item in found]


@settings(max_examples=60, deadline=None)
@given(labs=st.lists(results(), max_size=12), shift=st.integers(-3000, 3000))
def test_shifting_every_date_changes_no_grade_and_every_analyte_has_one(labs, shift):
    chart = case(labs=labs)
    found = graded(chart, DAY)
    assert {item.analyte for item in found} == {result.analyte for result in labs}
    assert _read(found) == _read(graded(shifted(chart, shift), DAY + timedelta(days=shift)))
    assert not any(item.stale and item.severity == "ok" for item in found)
