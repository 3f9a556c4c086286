"""The EDSS lane: steps, the cohort's band behind them, confirmed changes named PIRA or RAW, unconfirmed ones open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import plotly.graph_objects as go

from clams_dash.clinical.bands import Bands
from clams_dash.clinical.progression import ConfirmedChange, Progression, UnconfirmedChange
from clams_dash.clinical.rule_files import DAYS_PER_YEAR
from clams_dash.model.records import Case, Visit
from clams_dash.web.figures.course_axis import CourseAxis
from clams_dash.web.figures.marks import axis_of, lane_label, last_value, missing_note, source_line
from clams_dash.web.theme import Colour, Size

_LABEL_SHARE = 0.075
"""Share of the axis a label of a change takes; nearer ones would cover each other."""
_SHAPES = {("CDW", True): "triangle-up", ("CDW", False): "triangle-up-open",
           ("CDI", True): "triangle-down", ("CDI", False): "triangle-down-open"}  # fmt: skip


def draw(
    figure: go.Figure, row: int, case: Case, end: date, axis: CourseAxis, changes: Progression, band: Bands | None
) -> None:
    """Draw the lane into a row of the figure."""
    lane_label(figure, row, "EDSS", "cohort 10–90 %" if band is not None else None)
    visits = [visit for visit in case.visits if visit.edss is not None]
    scores = [visit.edss for visit in visits if visit.edss is not None]
    top = max([6.0, *(score + 1.1 for score in scores)])
    figure.update_yaxes(range=[-0.4, min(top, 10.8)], tickvals=[0, 2, 4, 6, 8, 10], row=row, col=1)
    if not visits:
        figure.update_yaxes(showticklabels=False, showgrid=False, row=row, col=1)
        missing_note(figure, row, "no EDSS on record")
        return
    if band is not None and case.patient.onset_date is not None:
        _band(figure, row, case.patient.onset_date, band)
    _steps(figure, row, visits, scores)
    last_value(figure, row, visits[-1].date, scores[-1], f"{scores[-1]:.1f}", Colour.ACCENT)
    _changes(figure, row, case, end, axis, changes)


def _steps(figure: go.Figure, row: int, visits: Sequence[Visit], scores: Sequence[float]) -> None:
    figure.add_scatter(
        x=[visit.date for visit in visits], y=scores, mode="lines+markers", line_shape="hv",
        line={"color": Colour.ACCENT.value, "width": 2},
        marker={"size": 6, "color": Colour.PAPER.value, "line": {"color": Colour.ACCENT.value, "width": 1.5}},
        hovertemplate=[
            f"<b>EDSS {visit.edss:.1f}</b><br>{'about ' if visit.date_approximate else ''}{visit.date.isoformat()}"
            f"{source_line(visit.source)}<extra></extra>"
            for visit in visits
        ],
        row=row, col=1,
    )  # fmt: skip


def _band(figure: go.Figure, row: int, onset: date, band: Bands) -> None:
    """The span between the outer percentiles of people of the same disease duration; gaps where they are too few."""
    days = np.array([onset + timedelta(days=round(years * DAYS_PER_YEAR)) for years in band.years])
    known = np.flatnonzero(np.isfinite(band.values).all(axis=0))
    for part in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(part) < 2:
            continue
        low, high = band.values[0, part], band.values[-1, part]
        figure.add_scatter(
            x=[*days[part], *days[part][::-1]], y=[*high, *low[::-1]], mode="lines", fill="toself",
            line={"width": 0}, fillcolor=Colour.BAND.value, hoverinfo="skip", row=row, col=1,
        )  # fmt: skip


def _changes(figure: go.Figure, row: int, case: Case, end: date, axis: CourseAxis, changes: Progression) -> None:
    found: list[ConfirmedChange | UnconfirmedChange] = [*changes.events, *changes.unconfirmed]
    if not found:
        return
    found.sort(key=lambda one: one.onset_date)
    rows = {visit.date: visit.source for visit in case.visits}
    confirmed = [isinstance(one, ConfirmedChange) for one in found]
    figure.add_scatter(
        x=[one.onset_date for one in found], y=[one.onset_edss + 0.75 for one in found], mode="markers",
        marker={"symbol": [_SHAPES[one.kind, sure] for one, sure in zip(found, confirmed, strict=True)], "size": 7,
                "color": [_colour(one).value for one in found], "line": {"width": 1.2}},
        hovertemplate=[
            f"<b>{_title(one)}</b><br>{_detail(one)}{source_line(rows[one.onset_date])}<extra></extra>" for one in found
        ],
        cliponaxis=False, row=row, col=1,
    )  # fmt: skip
    _labels(figure, row, case, end, axis, found)


def _labels(
    figure: go.Figure, row: int, case: Case, end: date, axis: CourseAxis,
    found: Sequence[ConfirmedChange | UnconfirmedChange],
) -> None:  # fmt: skip
    """Short names beside worsening, as far as they keep clear of each other; the hover names every one."""
    low, high = axis.limits(case, end)
    apart = (high - low).days * _LABEL_SHARE
    last: date | None = None
    for one in found:
        near = last is not None and (one.onset_date - last).days < apart
        if one.kind != "CDW" or near or not low <= one.onset_date <= high:
            continue
        last = one.onset_date
        figure.add_annotation(
            x=one.onset_date, y=one.onset_edss + 0.75, xref=axis_of("x", row), yref=axis_of("y", row),
            text=_short(one), showarrow=False, xanchor="left", xshift=6, yshift=1,
            font={"size": Size.SMALL, "color": _colour(one).value},
        )  # fmt: skip


def _short(one: ConfirmedChange | UnconfirmedChange) -> str:
    if isinstance(one, UnconfirmedChange):
        return "unconfirmed"
    return one.label if one.label in ("PIRA", "RAW") else "CDW"


def _colour(one: ConfirmedChange | UnconfirmedChange) -> Colour:
    if one.kind == "CDI":
        return Colour.GOOD
    return Colour.ALERT if isinstance(one, ConfirmedChange) else Colour.WATCH


def _title(one: ConfirmedChange | UnconfirmedChange) -> str:
    kind = "worsening" if one.kind == "CDW" else "improvement"
    if isinstance(one, UnconfirmedChange):
        return f"Unconfirmed {kind}"
    label = {"PIRA": ", PIRA", "RAW": ", RAW", "undefined": ", neither PIRA nor RAW"}.get(one.label or "", "")
    return f"Confirmed {kind}{label}"


def _detail(one: ConfirmedChange | UnconfirmedChange) -> str:
    step = f"EDSS {one.onset_edss:.1f} since {one.onset_date} after {one.reference_edss:.1f} on {one.reference_date}"
    return f"{step}<br>confirmed on {one.confirmed_date}" if isinstance(one, ConfirmedChange) else step
