"""Grades as data, and the kappa index."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from clams_dash.clinical.labs.grades import GRADES_FILE, grade, limits_of, load_grades
from clams_dash.clinical.labs.kappa import computed_indices, kappa_index
from clams_dash.errors import FactsError
from tests.clinical.chart import lab


def test_kappa_index_is_the_ratio_of_the_two_quotients():
    assert kappa_index(kappa_csf=1.2, kappa_serum=12.0, albumin_csf=0.2, albumin_serum=40.0) == pytest.approx(20.0)


def test_kappa_index_needs_four_values():
    with pytest.raises(ValueError, match="four values above 0"):
        kappa_index(1.2, 0.0, 0.2, 40.0)


def test_index_is_computed_on_days_with_all_four_measurements_and_none_given():
    day = date(2024, 1, 1)
    parts = [
        lab("kappa_flc", day, 1.2, specimen="CSF"),
        lab("kappa_flc", day, 12.0, specimen="serum"),
        lab("albumin", day, 0.2, specimen="CSF"),
        lab("albumin", day, 40.0, specimen="serum"),
    ]
    (found,) = computed_indices(tuple(parts))
    assert found.value == pytest.approx(20.0)
    assert found.date == day
    assert computed_indices(tuple(parts[1:])) == ()
    assert computed_indices((*parts, lab("kappa_index", day, 19.0))) == ()


@pytest.mark.parametrize(("value", "name"), [(6.1, "negative"), (6.2, "positive")])
def test_kappa_index_is_positive_above_its_cut_off(value, name):
    assert grade(lab("kappa_index", date(2024, 1, 1), value), frozenset()).grade == name


def test_side_a_laboratory_leaves_out_comes_from_the_catalogue():
    found = limits_of(lab("lymphocytes", date(2024, 1, 1), 2.0, upper=4.0))
    assert (found.lower, found.upper, found.origin) == (1.0, 4.0, "laboratory")
    assert limits_of(lab("lymphocytes", date(2024, 1, 1), 2.0)).origin == "catalogue"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("lymphocytes,grade 4,<,0.2", "lymphocites,grade 4,<,0.2", "row 2, column analyte"),
        ("lymphocytes,grade 4,<,0.2", "lymphocytes,grade 4,=,0.2", "row 2, column operator"),
        ("lymphocytes,grade 4,<,0.2", "lymphocytes,grade 4,<,", "row 2, column limit"),
        ("anti_cd20,ok", "anti_cd2,ok", "column drug_class"),
        ("value,,alert", "value,,red", "row 2, column severity"),
    ],
)
def test_faulty_grade_is_refused_with_the_place(tmp_path: Path, old, new, reason):
    text = GRADES_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "lab_grades.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        load_grades(path)
