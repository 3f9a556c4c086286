"""The course: one date axis, units on every lane, what is missing said in words, clicks that carry a study."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import plotly.graph_objects as go
import pytest

from clams_dash.clinical.labs.lanes import lab_lanes
from clams_dash.model.records import Case, LabResult, Patient, Relapse, Scan, Source, TreatmentCourse, Visit
from clams_dash.web.figures.timeline import CURSOR_SHAPE, timeline

HERE = Source("b-1", "visit.csv", 7)
ANNA = Patient("anna", "female", date(1990, 1, 1), False, date(2015, 1, 1), None, "RRMS", "North", True, HERE)


def visit(day: date, edss: float | None) -> Visit:
    return Visit(day, False, edss, {}, None, None, None, None, HERE)


def lab(day: date, analyte: str, value: float, unit: str, low: float | None = None) -> LabResult:
    return LabResult(day, analyte, value, unit, low, None, None, None, HERE)


def scan(study: str, day: date, new_t2: int | None, volume: float | None = None) -> Scan:
    return Scan(study, day, False, "brain", 3.0, None, None, None, None, new_t2, None, None, None, volume, None, None,
                None, None, None, None, (), (), HERE)  # fmt: skip


FULL = Case(
    ANNA,
    visits=(visit(date(2018, 1, 1), 2.0), visit(date(2019, 1, 1), None), visit(date(2020, 1, 1), 3.5)),
    relapses=(Relapse(date(2018, 6, 1), ("sensory",), "severe", True, "partial", HERE),),
    treatments=(
        TreatmentCourse(
            "glatiramer_acetate", date(2018, 2, 1), date(2018, 9, 1), "breakthrough_activity", None, None, HERE
        ),
        TreatmentCourse("dimethyl_fumarate", date(2018, 10, 1), None, None, None, None, HERE),
    ),
    labs=(lab(date(2019, 2, 1), "lymphocytes", 0.6, "10^9/L", 1.1),),
    scans=(scan("a-1", date(2018, 1, 5), None, 4.0), scan("a-2", date(2020, 1, 5), 2, 5.0)),
)  # fmt: skip


def texts(figure: go.Figure) -> str:
    return " | ".join(annotation.text for annotation in figure.layout.annotations)


def hovers(figure: go.Figure) -> str:
    found: list[str] = []
    for trace in figure.data:
        hover = trace.hovertemplate
        found += [hover] if isinstance(hover, str) else list(hover or [])
    return " | ".join(found)


def test_an_empty_case_says_what_is_missing_in_every_lane() -> None:
    said = texts(timeline(Case(ANNA), None))
    for words in ("no therapy on record", "none on record", "no EDSS on record", "no MRI on record", "not measured"):
        assert words in said


def test_every_point_leads_to_its_source_row() -> None:
    said = hovers(timeline(FULL, None))
    for fact in ("EDSS 3.5", "Relapse, severe", "Glatiramer acetate", "breakthrough disease activity",
                 "2 new T2", "5.000 ml", "Lymphocytes 0.60 10⁹/L"):  # fmt: skip
        assert fact in said, fact
    assert said.count("visit.csv, row 7") >= 8


def test_a_visit_without_edss_draws_no_zero() -> None:
    edss = next(trace for trace in timeline(FULL, None).data if trace.type == "scatter" and trace.line.shape == "hv")
    assert list(edss.y) == [2.0, 3.5]


def test_a_new_lesion_count_that_was_not_assessed_is_a_dash_and_not_zero() -> None:
    counts = next(trace for trace in timeline(FULL, None).data if trace.type == "scatter" and trace.mode == "text")
    assert [text.strip() for text in counts.text] == ["–", "2"]


def test_no_enhancing_lesion_and_no_contrast_look_different() -> None:
    with_contrast = replace(FULL.scans[1], gd_given=True, gd_lesions=0)
    figure = timeline(replace(FULL, scans=(FULL.scans[0], with_contrast)), None)
    marks = next(trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers+text")
    assert (list(marks.customdata), list(marks.marker.symbol)) == (["a-2"], ["star-diamond-open"])
    enhancing = replace(FULL.scans[1], gd_given=True, gd_lesions=3)
    marks = next(
        trace
        for trace in timeline(replace(FULL, scans=(enhancing,)), None).data
        if trace.type == "scatter" and trace.mode == "markers+text"
    )
    assert (list(marks.marker.symbol), marks.text[0].strip()) == (["star-diamond"], "3")


def test_a_result_outside_the_laboratorys_own_limits_is_marked_by_shape_and_colour() -> None:
    figure = timeline(FULL, None)
    lane = next(trace for trace in figure.data if "Lymphocytes" in str(trace.hovertemplate))
    assert list(lane.marker.symbol) == ["diamond"]
    assert "outside its range" in lane.hovertemplate[0]
    assert "laboratory's limits" in lane.hovertemplate[0]


def test_scans_carry_their_study_and_the_cursor_stands_at_the_chosen_one() -> None:
    figure = timeline(FULL, "a-2")
    assert {tuple(trace.customdata) for trace in figure.data if trace.customdata is not None} == {("a-1", "a-2")}
    cursor = figure.layout.shapes[CURSOR_SHAPE]
    assert (cursor.x0, cursor.x1, cursor.visible) == ("2020-01-05", "2020-01-05", True)
    assert timeline(FULL, None).layout.shapes[CURSOR_SHAPE].visible is False


def test_no_trace_needs_webgl() -> None:
    assert {trace.type for trace in timeline(FULL, "a-1").data} <= {"scatter", "bar"}


def test_lanes_carry_their_units() -> None:
    said = texts(timeline(FULL, None))
    for unit in ("ml", "10⁹/L", "pg/mL", "bars new T2 · ✦ Gd"):
        assert unit in said


@pytest.mark.parametrize(
    ("dmt", "wanted"),
    [("ocrelizumab", ("nfl", "igg", "cd19")), ("natalizumab", ("nfl", "jcv_index", "alt")),
     ("dimethyl_fumarate", ("nfl", "lymphocytes", "alt"))],
)  # fmt: skip
def test_lanes_follow_the_present_therapy_even_when_nothing_was_measured(dmt: str, wanted: tuple[str, ...]) -> None:
    case = Case(ANNA, treatments=(TreatmentCourse(dmt, date(2020, 1, 1), None, None, None, None, HERE),))
    assert lab_lanes(case, date(2021, 1, 1)) == wanted
