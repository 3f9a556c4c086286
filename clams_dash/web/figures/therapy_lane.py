"""The therapy lane: a bar per course, hatched while it does not work fully yet, pale while a stopped one still does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import plotly.graph_objects as go

from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.case_words import dmt_label, ending, iso
from clams_dash.model.records import Case, TreatmentCourse
from clams_dash.web.figures.course_axis import CourseAxis
from clams_dash.web.figures.marks import lane_label, missing_note, source_line
from clams_dash.web.theme import Colour, Size

_DAY_MS = 86_400_000
_SHORTEST_DAYS = 5
_NARROWEST_PLOT_PX, _CHARACTER_PX = 620, 6.0


def draw(figure: go.Figure, row: int, case: Case, end: date, axis: CourseAxis) -> None:
    """Draw the lane into a row of the figure."""
    lane_label(figure, row, "Therapy")
    figure.update_yaxes(visible=False, range=[-0.6, 0.6], row=row, col=1)
    courses = [course for course in case.treatments if course.dmt != "none"]
    if not courses:
        missing_note(figure, row, "no therapy on record")
        return
    for number, course in enumerate(courses):
        _carry_over(figure, row, course, courses[number + 1 :], end)
        _bar(figure, row, case, course, end, axis)
        _onset_lag(figure, row, course, end)
    _stops(figure, row, courses)


def _bar(figure: go.Figure, row: int, case: Case, course: TreatmentCourse, end: date, axis: CourseAxis) -> None:
    ongoing = course.stop_date is None
    figure.add_bar(
        **_span(course.start_date, course.stop_date or end), width=0.95, text=[_text(case, course, end, axis)],
        textposition="inside", insidetextanchor="middle", constraintext="none", textangle=0, cliponaxis=True,
        textfont={"size": Size.BODY, "color": Colour.INK.value},
        marker={"color": (Colour.THERAPY_NOW if ongoing else Colour.THERAPY).value, "cornerradius": 3,
                "line": {"color": Colour.PAPER.value, "width": 1}},
        hovertemplate=f"<b>{dmt_label(course.dmt)}</b><br>from {iso(course.start_date)}, {_until(course)}"
                      f"{_dose(course)}{source_line(course.source)}<extra></extra>",
        row=row, col=1,
    )  # fmt: skip


def _until(course: TreatmentCourse) -> str:
    return ending(course) if course.stop_date is None else f"until {iso(course.stop_date)}, {ending(course)}"


def _dose(course: TreatmentCourse) -> str:
    interval = f"every {course.interval_weeks:g} weeks" if course.interval_weeks else ""
    return "".join(f" · {part}" for part in (course.dose, interval) if part)


def _onset_lag(figure: go.Figure, row: int, course: TreatmentCourse, end: date) -> None:
    """Hatch the time in which activity is early and no failure of the drug."""
    days = activity_settings().onset_lag.days(course.dmt)
    last = min(course.start_date + timedelta(days=days), course.stop_date or end, end)
    if last <= course.start_date:
        return
    figure.add_bar(
        **_span(course.start_date, last), width=0.95,
        marker={"color": "rgba(0,0,0,0)", "line": {"width": 0},
                "pattern": {"shape": "/", "size": 5, "solidity": 0.12, "fgcolor": Colour.INK.value}},
        hovertemplate=f"<b>{dmt_label(course.dmt)}</b>: within its onset lag of {days // 7} weeks<br>activity so soon "
                      f"after the start is no failure of the drug<extra></extra>",
        row=row, col=1,
    )  # fmt: skip


def _carry_over(
    figure: go.Figure, row: int, course: TreatmentCourse, later: Sequence[TreatmentCourse], end: date
) -> None:
    """Shade the time in which a stopped drug still counts, up to the next one."""
    if course.stop_date is None:
        return
    days = activity_settings().carry_over.days(course.dmt)
    ends = [course.stop_date + timedelta(days=days), end, *(one.start_date for one in later[:1])]
    if min(ends) <= course.stop_date:
        return
    figure.add_bar(
        **_span(course.stop_date, min(ends)), width=0.4, marker={"color": Colour.THERAPY.value, "opacity": 0.55},
        hovertemplate=f"<b>{dmt_label(course.dmt)}</b>: effect counted for {days} days after its last dose"
                      "<extra></extra>",
        row=row, col=1,
    )  # fmt: skip


def _stops(figure: go.Figure, row: int, courses: Sequence[TreatmentCourse]) -> None:
    """A cross where a course ended; its hover gives the reason."""
    ended = [course for course in courses if course.stop_date is not None]
    if not ended:
        return
    figure.add_scatter(
        x=[course.stop_date for course in ended], y=[0] * len(ended), mode="markers", cliponaxis=False,
        marker={"symbol": "x-thin", "size": 6, "line": {"width": 1.4, "color": Colour.INK.value}},
        hovertemplate=[
            f"<b>{dmt_label(course.dmt)} stopped</b><br>{_until(course)}{source_line(course.source)}<extra></extra>"
            for course in ended
        ],
        row=row, col=1,
    )  # fmt: skip


def _span(first: date, last: date) -> dict[str, object]:
    days = max((last - first).days, _SHORTEST_DAYS)
    return {"base": [first.isoformat()], "x": [days * _DAY_MS], "y": [0], "orientation": "h"}


def _text(case: Case, course: TreatmentCourse, end: date, axis: CourseAxis) -> str:
    """The therapy's name where the bar has room for it; the hover text always has it."""
    low, high = axis.limits(case, end)
    shown = (min(course.stop_date or end, high) - max(course.start_date, low)).days
    name = dmt_label(course.dmt)
    return name if shown / (high - low).days * _NARROWEST_PLOT_PX > len(name) * _CHARACTER_PX + 8 else ""
