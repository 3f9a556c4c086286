"""The printed letter says what the page says, on every page what it is, and never that something missing is normal."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pypdf import PdfReader

from clams_dash.config import NOT_A_DEVICE
from clams_dash.model.records import Case, Patient, Relapse, Scan, Source, TreatmentCourse, Visit
from clams_dash.report.content import Origin
from clams_dash.report.gather import gather
from clams_dash.report.letter import case_letter
from clams_dash.response.prediction import ArmPrediction, Prediction

SOURCE = Source("b-1", "visits.csv", 7)
DAY = date(2024, 6, 1)
ORIGIN = Origin("0.1.0", "20240601T000000-abc", "m-77", datetime(2024, 6, 2, 9, 30, tzinfo=UTC))


def _case(*, synthetic: bool = True, years: int = 4) -> Case:
    patient = Patient(
        "anna", "female", date(1990, 5, 1), False, date(2015, 2, 1), None, "RRMS", "North", synthetic, SOURCE
    )
    visits = tuple(
        Visit(date(2024 - years + year, 6, 1), False, 2.0 + 0.5 * (year % 2), {}, None, None, None, None, SOURCE)
        for year in range(years + 1)
    )
    relapse = Relapse(date(2022, 3, 1), ("sensory",), "severe", True, "partial", SOURCE)
    therapies = (
        TreatmentCourse(
            "interferon_beta_1a_sc", date(2020, 1, 1), date(2022, 4, 1), "breakthrough_activity", None, None, SOURCE
        ),
        TreatmentCourse("natalizumab", date(2022, 5, 1), None, None, None, 4.0, SOURCE),
    )
    return Case(patient=patient, visits=visits, relapses=(relapse,), treatments=therapies)


def _scan(report: str) -> Scan:
    return Scan(
        "s-1", date(2024, 5, 1), False, "brain", 3.0, "Maker", "Model", None, None, None, None, None, None, None, None,
        None, report, None, None, None, (), (), SOURCE,
    )  # fmt: skip


def _arm(dmt: str, risk: float | None, reason: str | None = None) -> ArmPrediction:
    known = risk is not None
    return ArmPrediction(
        dmt, risk, 0.1 if known else None, 0.3 if known else None, None, None, None, 44, 0.2, not known, reason, ()
    )


def _prediction() -> Prediction:
    arms = (_arm("natalizumab", 0.21), _arm("ocrelizumab", 0.19), _arm("cladribine", None, "12 comparable people"))
    return Prediction("anna", DAY, 24, "m-77", True, "natalizumab", True, {"relapse": arms}, {"relapse": ()})


def _pages(case: Case, prediction: Prediction | str = "no model") -> list[str]:
    pdf = case_letter(gather(case, DAY, prediction, ORIGIN))
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_every_page_says_what_it_is_and_whom_it_is_about() -> None:
    scans = tuple(
        replace(_scan("long report " * 60), study_id=f"s-{year}", date=date(year, 5, 1)) for year in range(2018, 2025)
    )
    pages = _pages(replace(_case(), scans=scans), _prediction())
    for number, words in enumerate(pages, start=1):
        assert NOT_A_DEVICE in words
        assert "SYNTHETIC" in words
        assert "anna" in words
        assert f"page {number} of {len(pages)}" in words


def test_a_real_person_is_not_marked_synthetic() -> None:
    words = " ".join(_pages(_case(synthetic=False)))
    assert "SYNTHETIC" not in words
    assert "RESEARCH" in words


def test_facts_therapies_and_stop_reasons_stand_in_the_letter() -> None:
    words = " ".join(_pages(_case()))
    for fact in (
        "woman, 34",
        "natalizumab, 2 years",
        "stopped: breakthrough disease activity",
        "2022-05-01 to now",
        "EDSS 2.0",
    ):
        assert fact in words


def test_estimates_have_their_interval_and_staying_comes_first() -> None:
    words = " ".join(_pages(_case(), _prediction()))
    assert "21 % (10–30)" in words
    assert words.index("Stay: Natalizumab") < words.index("Ocrelizumab")
    assert "No estimate for Cladribine" in words
    assert "association, not proof of effect" in words


def test_an_expected_number_of_lesions_is_no_percentage() -> None:
    many = replace(_arm("natalizumab", 1.4), low=0.5, high=3.9)
    counted = replace(_prediction(), outcomes={"new_t2": (many,)})
    words = " ".join(_pages(_case(), counted))
    assert "1.4 (0.5–3.9)" in words
    assert "140 %" not in words


def test_without_a_model_the_letter_says_why() -> None:
    assert "no model yet" in " ".join(_pages(_case(), "no model yet"))


def test_what_is_missing_is_said_to_be_missing() -> None:
    words = " ".join(_pages(replace(_case(), visits=(), relapses=(), scans=(_scan(""),))))
    assert "EDSS not recorded" in words
    assert "new T2 lesions not assessed" in words
    assert "contrast not recorded" in words
    assert "not measured" in words


def test_markup_in_a_source_is_printed_and_not_obeyed() -> None:
    words = " ".join(_pages(replace(_case(), scans=(_scan("<b>bold</b> & <unknown/> new lesion"),))))
    assert "<b>bold</b> & <unknown/> new lesion" in words


def test_the_letter_names_rows_versions_and_day() -> None:
    words = " ".join(_pages(_case()))
    assert "visits.csv" in words
    assert "b-1" in words
    assert ORIGIN.pool in words
    assert "m-77" in words
    assert "2024-06-02 09:30 UTC" in words


@pytest.mark.parametrize("years", [0, 1, 30])
def test_short_and_long_courses_are_drawn(years: int) -> None:
    pages = _pages(_case(years=years))
    assert 1 <= len(pages) <= 2
