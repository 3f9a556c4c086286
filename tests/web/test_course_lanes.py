"""The course beyond its records: drugs around their time, changes by their definition, the cohort, the axis."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from clams_dash.clinical.bands import Bands
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression import ConfirmedChange, Progression, UnconfirmedChange
from clams_dash.model.records import Case, TreatmentCourse
from clams_dash.web.elements import day_of
from clams_dash.web.figures.course_axis import ANCHORS, SPANS, CourseAxis, unavailable
from clams_dash.web.figures.timeline import CourseContext, timeline
from clams_dash.web.views import course_panel
from clams_dash.web.views.course_panel import Definitions
from tests.web.test_timeline import ANNA, FULL, HERE, hovers, scan, texts, visit

WORSE = ConfirmedChange(
    "CDW", date(2018, 1, 1), 2.0, date(2020, 1, 1), 3.5, date(2020, 8, 1), date(2020, 8, 1), "PIRA", date(2020, 8, 1)
)
OPEN = UnconfirmedChange("CDW", date(2018, 1, 1), 2.0, date(2020, 1, 1), 3.5)


def drawn(case: Case = FULL, axis: CourseAxis | None = None, **context: object) -> go.Figure:
    return timeline(case, None, CourseContext(**context), axis)  # type: ignore[arg-type]


def test_a_drug_is_hatched_until_it_works_and_pale_while_it_still_counts() -> None:
    said = hovers(drawn())
    assert "Glatiramer acetate</b>: within its onset lag of 30 weeks" in said
    assert "Glatiramer acetate</b>: effect counted for 90 days after its last dose" in said


def test_carry_over_ends_where_the_next_drug_begins() -> None:
    bar = next(one for one in drawn().data if one.type == "bar" and "effect counted" in str(one.hovertemplate))
    assert timedelta(milliseconds=bar.x[0]) == date(2018, 10, 1) - date(2018, 9, 1)


def test_an_ongoing_drug_has_no_stop_mark() -> None:
    ongoing = replace(FULL, treatments=(TreatmentCourse("natalizumab", date(2019, 1, 1), None, None, None, 4.0, HERE),))
    assert "stopped" not in hovers(drawn(ongoing))
    assert "every 4 weeks" in hovers(drawn(ongoing))


def test_confirmed_worsening_is_named_and_an_unconfirmed_one_says_so() -> None:
    assert "PIRA" in texts(drawn(changes=Progression((WORSE,), ())))
    said = drawn(changes=Progression((), (OPEN,)))
    assert "unconfirmed" in texts(said)
    assert "Unconfirmed worsening" in hovers(said)
    assert "confirmed on" not in hovers(said)


def test_names_of_changes_do_not_cover_each_other_and_the_hover_names_all() -> None:
    near = replace(WORSE, onset_date=date(2019, 12, 1), label="RAW")
    case = replace(FULL, visits=(*FULL.visits[:2], visit(date(2019, 12, 1), 3.0), FULL.visits[2]))
    figure = drawn(case, changes=Progression((near, WORSE), ()))
    assert [one.text for one in figure.layout.annotations if one.text in ("PIRA", "RAW")] == ["RAW"]
    assert "Confirmed worsening, PIRA" in hovers(figure)


def test_the_cohort_band_has_a_gap_where_too_few_were_seen() -> None:
    years = np.arange(0.0, 5.0, 0.5)
    values = np.stack([np.full(len(years), low) for low in (0.0, 1.0, 1.5, 2.0, 3.0)])
    values[:, 4] = np.nan
    band = Bands("duration", years, (10, 25, 50, 75, 90), values, np.full(len(years), 99))
    shades = [one for one in drawn(edss_band=band).data if one.type == "scatter" and one.fill == "toself"]
    assert [len(one.x) for one in shades] == [8, 10]
    assert max(shades[0].y) == 3.0


def test_without_a_known_onset_there_is_no_band() -> None:
    years = np.arange(0.0, 5.0, 0.5)
    band = Bands("duration", years, (10, 90), np.ones((2, len(years))), np.full(len(years), 99))
    nobody = replace(FULL, patient=replace(ANNA, onset_date=None))
    assert not [one for one in drawn(nobody, edss_band=band).data if one.type == "scatter" and one.fill == "toself"]


def test_brain_volume_not_measured_is_said() -> None:
    assert texts(drawn()).count("not measured") >= 1
    measured = replace(FULL, scans=(replace(scan("a-1", date(2019, 1, 5), None), pbvc_percent=-0.7),))
    assert "Brain volume -0.70 %" in hovers(drawn(measured))


def test_two_years_end_with_the_last_record() -> None:
    end = date(2020, 1, 5)
    low, high = CourseAxis("two_years").limits(FULL, end)
    assert low < end - timedelta(days=700)
    assert low > end - timedelta(days=900)
    assert high > end


def test_counting_from_onset_labels_its_anniversaries() -> None:
    ticks = CourseAxis("all", "onset").layout(FULL, date(2020, 1, 5))
    assert dict(zip(ticks["ticktext"], ticks["tickvals"], strict=True))["+36 mo"] == "2018-01-01"


def test_what_is_not_known_cannot_be_an_anchor() -> None:
    untreated = replace(FULL, treatments=(), patient=replace(ANNA, onset_date=None))
    assert unavailable(untreated, date(2020, 1, 5)) == ("onset", "therapy")
    assert unavailable(FULL, date(2020, 1, 5)) == ()


@given(
    st.sampled_from(SPANS), st.sampled_from(ANCHORS),
    st.dates(date(1950, 1, 1), date(2024, 1, 1)), st.integers(0, 365 * 45),
)  # fmt: skip
def test_labels_of_any_axis_lie_on_it_and_are_few(span: str, anchor: str, onset: date, days: int) -> None:
    end = onset + timedelta(days=days)
    days_seen = sorted({onset, end})
    case = Case(replace(ANNA, onset_date=onset), visits=tuple(visit(day, 2.0) for day in days_seen))
    axis = course_panel.chosen_axis(span, anchor)
    low, high = axis.limits(case, end)
    assert low < end < high
    shown = axis.layout(case, end)
    if shown["tickvals"] is not None:
        assert all(low.isoformat() <= day <= high.isoformat() for day in shown["tickvals"])
        assert 1 <= len(shown["tickvals"]) <= 12


def test_the_page_chooses_among_the_definitions_there_are() -> None:
    chosen = Definitions("B", "12", "kappos2020").convention()
    assert (chosen.threshold, chosen.confirm_days, chosen.pira) == ("B", 84, "kappos2020")


@pytest.mark.parametrize("hostile", [None, 3, [], {}, ["A"], "'; DROP", "999"])
def test_an_unknown_choice_is_the_default(hostile: object) -> None:
    assert Definitions(hostile, hostile, hostile).convention() == Convention.named(Convention().pira)
    assert course_panel.chosen_axis(hostile, hostile) == CourseAxis()


def test_a_day_that_is_none_is_refused() -> None:
    assert day_of("2024-02-29") == date(2024, 2, 29)
    with pytest.raises(BadRequest):
        day_of("yesterday")
