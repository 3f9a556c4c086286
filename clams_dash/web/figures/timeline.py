"""The course of a case on one date axis: therapy, relapses, EDSS, MRI, laboratory. A pure function of the case.

SVG traces only: under the content security policy WebGL traces fail without an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from clams_dash.clinical.bands import Bands
from clams_dash.clinical.labs.lanes import lab_lanes
from clams_dash.clinical.progression import Progression
from clams_dash.model.records import Case
from clams_dash.web.figures import edss_lane, lab_lane, mri_lanes, relapse_lane, therapy_lane
from clams_dash.web.figures.course_axis import CourseAxis
from clams_dash.web.theme import Colour, Size, plot_template

CURSOR_SHAPE = 0
_LEFT_MARGIN = 132


@dataclass(frozen=True, slots=True)
class CourseContext:
    """What the rules and the cohort add to the records: EDSS changes, and the band of people of the same duration."""

    changes: Progression = field(default_factory=lambda: Progression((), ()))
    edss_band: Bands | None = None


def timeline(
    case: Case, selected_study: str | None, context: CourseContext | None = None, axis: CourseAxis | None = None
) -> go.Figure:
    """Draw the course; the scan ``selected_study`` is marked by a vertical line.

    Points of MRI studies carry the study id as ``customdata``, so that a click can open the scan.
    """
    end, shown, known = last_day(case), axis or CourseAxis(), context or CourseContext()
    lanes: list[tuple[float, Callable[[go.Figure, int], None]]] = [
        (1.0, partial(therapy_lane.draw, case=case, end=end, axis=shown)),
        (0.75, partial(relapse_lane.draw, case=case)),
        (3.0, partial(edss_lane.draw, case=case, end=end, axis=shown, changes=known.changes, band=known.edss_band)),
        (1.5, partial(mri_lanes.new_lesions, case=case, end=end)),
        (1.1, partial(mri_lanes.t2_volume, case=case)),
        (1.0, partial(mri_lanes.brain_volume, case=case)),
        *((1.1, partial(lab_lane.draw, case=case, name=analyte)) for analyte in lab_lanes(case, end)),
    ]
    figure = make_subplots(
        rows=len(lanes), cols=1, shared_xaxes=True, vertical_spacing=0.02, row_heights=[weight for weight, _ in lanes]
    )
    figure.update_layout(
        template=plot_template(), barmode="overlay", margin={"l": _LEFT_MARGIN, "r": 14, "t": 2, "b": 20}
    )
    figure.update_layout(uniformtext={"mode": "hide", "minsize": Size.SMALL})
    figure.add_shape(_cursor(_date_of(case, selected_study)))
    for row, (_, draw) in enumerate(lanes, start=1):
        draw(figure, row)
    figure.update_xaxes(**shown.layout(case, end), showgrid=True, showticklabels=False)
    figure.update_xaxes(showticklabels=True, ticks="outside", ticklen=3, hoverformat="%Y-%m-%d", row=len(lanes), col=1)
    return figure


def last_day(case: Case) -> date:
    """The right end of the course: the day of the last record."""
    return case.last_date() or date.today()  # noqa: DTZ011 - a calendar day, only for an empty case


def _cursor(day: date | None) -> dict[str, object]:
    text = day.isoformat() if day else None
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": text, "x1": text, "y0": 0, "y1": 1,
        "visible": day is not None, "layer": "below",
        "line": {"color": Colour.ACCENT.value, "width": 1.5, "dash": "3px,3px"},
    }  # fmt: skip


def _date_of(case: Case, study_id: str | None) -> date | None:
    return next((scan.date for scan in case.scans if scan.study_id == study_id), None)
