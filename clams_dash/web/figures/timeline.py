"""The course of a case on one date axis: therapy, relapses, EDSS, MRI, laboratory. A pure function of the case.

SVG traces only: under the content security policy WebGL traces fail without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from clams_dash.clinical.case_words import dmt_label, iso
from clams_dash.clinical.labs.lanes import lab_lanes
from clams_dash.model.records import Case, Scan, TreatmentCourse
from clams_dash.web.figures import lab_lane
from clams_dash.web.figures.marks import lane_label, last_value, missing_note, safe, source_line, value_axis
from clams_dash.web.theme import Colour, Size, plot_template

CURSOR_SHAPE = 0
_LEFT_MARGIN = 132
_NARROWEST_PLOT_PX, _CHARACTER_PX = 620, 6.0
_SEVERITY = {
    "severe": ("triangle-up", Colour.ALERT, 11),
    "moderate": ("triangle-up", Colour.WATCH, 10),
    "mild": ("triangle-up-open", Colour.WATCH, 9),
    "unknown": ("triangle-up-open", Colour.MUTED, 9),
}


@dataclass(frozen=True, slots=True)
class _Lane:
    weight: float
    draw: Callable[[go.Figure, int, Case, date], None]


def timeline(case: Case, selected_study: str | None) -> go.Figure:
    """Draw the course; the scan ``selected_study`` is marked by a vertical line.

    Points of MRI studies carry the study id as ``customdata``, so that a click can open the scan.
    """
    end = case.last_date() or date.today()  # noqa: DTZ011 - a calendar day, only for an empty case
    lanes = [
        _Lane(1.0, _therapy),
        _Lane(0.75, _relapses),
        _Lane(3.0, _edss),
        _Lane(1.5, _new_lesions),
        _Lane(1.1, _t2_volume),
        *(_Lane(1.1, lab_lane.drawer(analyte)) for analyte in lab_lanes(case, end)),
    ]
    figure = make_subplots(
        rows=len(lanes), cols=1, shared_xaxes=True, vertical_spacing=0.022, row_heights=[lane.weight for lane in lanes]
    )
    figure.update_layout(
        template=plot_template(), barmode="overlay", margin={"l": _LEFT_MARGIN, "r": 14, "t": 2, "b": 20}
    )
    figure.update_layout(uniformtext={"mode": "hide", "minsize": Size.SMALL})
    figure.add_shape(_cursor(_date_of(case, selected_study)))
    for row, lane in enumerate(lanes, start=1):
        lane.draw(figure, row, case, end)
    figure.update_xaxes(type="date", range=_range(case, end), showgrid=True, showticklabels=False)
    figure.update_xaxes(showticklabels=True, ticks="outside", ticklen=3, hoverformat="%Y-%m-%d", row=len(lanes), col=1)
    return figure


def _cursor(day: date | None) -> dict[str, object]:
    text = day.isoformat() if day else None
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": text, "x1": text, "y0": 0, "y1": 1,
        "visible": day is not None, "layer": "below",
        "line": {"color": Colour.ACCENT.value, "width": 1.5, "dash": "3px,3px"},
    }  # fmt: skip


def _date_of(case: Case, study_id: str | None) -> date | None:
    return next((scan.date for scan in case.scans if scan.study_id == study_id), None)


def _range(case: Case, end: date) -> list[str]:
    days = [record.date for group in (case.visits, case.relapses, case.labs, case.scans) for record in group]
    days += [course.start_date for course in case.treatments]
    first = min(days, default=end)
    width = max((end - first).days, 730)
    first = min(first, end - timedelta(days=365))
    return [
        (first - timedelta(days=width * 0.03 + 20)).isoformat(),
        (end + timedelta(days=width * 0.07 + 20)).isoformat(),
    ]


def _therapy(figure: go.Figure, row: int, case: Case, end: date) -> None:
    lane_label(figure, row, "Therapy")
    figure.update_yaxes(visible=False, range=[-0.6, 0.6], row=row, col=1)
    courses = [course for course in case.treatments if course.dmt != "none"]
    if not courses:
        missing_note(figure, row, "no therapy on record")
        return
    for course in courses:
        stop = course.stop_date or end
        ongoing = course.stop_date is None
        ending = (
            "ongoing" if ongoing else f"until {iso(course.stop_date)}, {(course.stop_reason or 'reason not recorded')}"
        )
        figure.add_bar(
            base=[course.start_date.isoformat()], x=[max((stop - course.start_date).days, 5) * 86_400_000], y=[0],
            orientation="h", width=0.95, text=[_bar_text(case, course, end)], textposition="inside",
            insidetextanchor="start",
            constraintext="none", textangle=0, cliponaxis=True,
            textfont={"size": Size.BODY, "color": Colour.INK.value},
            marker={"color": (Colour.THERAPY_NOW if ongoing else Colour.THERAPY).value, "cornerradius": 3,
                    "line": {"color": Colour.PAPER.value, "width": 1}},
            hovertemplate=f"<b>{dmt_label(course.dmt)}</b><br>from {iso(course.start_date)}, {ending.replace('_', ' ')}"
                          f"{source_line(course.source)}<extra></extra>",
            row=row, col=1,
        )  # fmt: skip


def _bar_text(case: Case, course: TreatmentCourse, end: date) -> str:
    """The therapy's name where the bar has room for it; the hover text always has it."""
    low, high = (date.fromisoformat(day) for day in _range(case, end))
    share = ((course.stop_date or end) - course.start_date).days / (high - low).days
    name = dmt_label(course.dmt)
    return name if share * _NARROWEST_PLOT_PX > len(name) * _CHARACTER_PX + 8 else ""


def _relapses(figure: go.Figure, row: int, case: Case, end: date) -> None:
    lane_label(figure, row, "Relapses")
    figure.update_yaxes(visible=False, range=[-1, 1], row=row, col=1)
    if not case.relapses:
        missing_note(figure, row, "none on record")
        return
    looks = [_SEVERITY[relapse.severity] for relapse in case.relapses]
    figure.add_scatter(
        x=[relapse.date for relapse in case.relapses], y=[0] * len(looks), mode="markers",
        marker={"symbol": [look[0] for look in looks], "color": [look[1].value for look in looks],
                "size": [look[2] for look in looks], "line": {"width": 1.5}},
        hovertemplate=[
            f"<b>Relapse, {relapse.severity if relapse.severity != 'unknown' else 'severity not recorded'}</b><br>"
            f"{iso(relapse.date)} · {safe(', '.join(relapse.functional_systems)) or 'systems not recorded'}"
            f"<br>recovery {relapse.recovery}{source_line(relapse.source)}<extra></extra>"
            for relapse in case.relapses
        ],
        row=row, col=1,
    )  # fmt: skip


def _edss(figure: go.Figure, row: int, case: Case, end: date) -> None:
    lane_label(figure, row, "EDSS")
    visits = [visit for visit in case.visits if visit.edss is not None]
    scores = [visit.edss for visit in visits if visit.edss is not None]
    top = max([6.0, *(score + 0.8 for score in scores)])
    figure.update_yaxes(range=[-0.4, min(top, 10.4)], tickvals=[0, 2, 4, 6, 8, 10], row=row, col=1)
    if not visits:
        figure.update_yaxes(showticklabels=False, showgrid=False, row=row, col=1)
        missing_note(figure, row, "no EDSS on record")
        return
    figure.add_scatter(
        x=[visit.date for visit in visits], y=scores, mode="lines+markers", line_shape="hv",
        line={"color": Colour.ACCENT.value, "width": 2},
        marker={"size": 6, "color": Colour.PAPER.value, "line": {"color": Colour.ACCENT.value, "width": 1.5}},
        hovertemplate=[
            f"<b>EDSS {visit.edss:.1f}</b><br>{'about ' if visit.date_approximate else ''}{iso(visit.date)}"
            f"{source_line(visit.source)}<extra></extra>"
            for visit in visits
        ],
        row=row, col=1,
    )  # fmt: skip
    last_value(figure, row, visits[-1].date, scores[-1], f"{scores[-1]:.1f}", Colour.ACCENT)


def _new_lesions(figure: go.Figure, row: int, case: Case, end: date) -> None:
    lane_label(figure, row, "MRI", "bars new T2 · ✦ Gd")
    counts = [scan.new_t2 or 0 for scan in case.scans]
    top = max([3, *counts])
    figure.update_yaxes(range=[-0.34 * top, 2.45 * top], showticklabels=False, showgrid=False, row=row, col=1)
    if not case.scans:
        missing_note(figure, row, "no MRI on record")
        return
    _gd_marks(figure, row, case.scans, 2.1 * top)
    width = 86_400_000 * max(20, ((end - case.scans[0].date).days + 365) // 70)
    figure.add_bar(
        x=[scan.date for scan in case.scans], y=counts, width=width,
        marker={"color": Colour.NEW_LESION.value}, customdata=[scan.study_id for scan in case.scans],
        hovertemplate=[_scan_hover(scan) for scan in case.scans], row=row, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=[scan.date for scan in case.scans], y=[count + 0.3 * top for count in counts], mode="text",
        text=[" –" if scan.new_t2 is None else f" {scan.new_t2}" for scan in case.scans],
        textposition="middle right", cliponaxis=False,
        textfont={"size": Size.SMALL, "color": Colour.INK.value}, hoverinfo="skip", row=row, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=[scan.date for scan in case.scans], y=[-0.14 * top] * len(case.scans), mode="markers",
        marker={"symbol": ["square" if _has_images(scan) else "square-open" for scan in case.scans], "size": 8,
                "color": Colour.INK.value, "line": {"width": 1.2}},
        customdata=[scan.study_id for scan in case.scans], hovertemplate=[_scan_hover(scan) for scan in case.scans],
        cliponaxis=False, row=row, col=1,
    )  # fmt: skip


def _gd_marks(figure: go.Figure, row: int, scans: Sequence[Scan], height: float) -> None:
    """A filled star for enhancing lesions, with their number; an open one for none; nothing where it is not known."""
    known = [scan for scan in scans if scan.gd_lesions is not None]
    if not known:
        return
    figure.add_scatter(
        x=[scan.date for scan in known], y=[height] * len(known), mode="markers+text", cliponaxis=False,
        marker={"symbol": ["star-diamond" if scan.gd_lesions else "star-diamond-open" for scan in known], "size": 8,
                "color": Colour.INK.value, "line": {"width": 1}},
        text=[f" {scan.gd_lesions}" if scan.gd_lesions else "" for scan in known], textposition="middle right",
        textfont={"size": Size.SMALL}, customdata=[scan.study_id for scan in known],
        hovertemplate=[_scan_hover(scan) for scan in known], row=row, col=1,
    )  # fmt: skip


def _has_images(scan: Scan) -> bool:
    return any(series.drawable and series.window is not None for series in scan.series)


def _scan_hover(scan: Scan) -> str:
    new = "new T2 not assessed" if scan.new_t2 is None else f"{scan.new_t2} new T2"
    if scan.gd_lesions is not None:
        contrast = f"{scan.gd_lesions} Gd-enhancing"
    else:
        contrast = "contrast not given" if scan.gd_given is False else "Gd not recorded"
    count = "T2 count not known" if scan.t2_count is None else f"{scan.t2_count} T2 lesions"
    images = "click to open the images" if _has_images(scan) else "no images in the pool"
    return (
        f"<b>MRI {'about ' if scan.date_approximate else ''}{iso(scan.date)}</b><br>{new} · {contrast} · {count}"
        f"<br>{images}{source_line(scan.source)}<extra></extra>"
    )


def _t2_volume(figure: go.Figure, row: int, case: Case, end: date) -> None:
    lane_label(figure, row, "T2 volume", "ml")
    scans = [scan for scan in case.scans if scan.t2_volume_ml is not None]
    if not scans:
        figure.update_yaxes(showticklabels=False, showgrid=False, range=[0, 1], row=row, col=1)
        missing_note(figure, row, "not measured")
        return
    volumes = [scan.t2_volume_ml or 0.0 for scan in scans]
    value_axis(figure, row, max(volumes))
    last_value(figure, row, scans[-1].date, volumes[-1], f"{volumes[-1]:.1f}", Colour.VOLUME)
    figure.add_scatter(
        x=[scan.date for scan in scans], y=volumes, mode="lines+markers", cliponaxis=False,
        line={"color": Colour.VOLUME.value, "width": 1.8}, marker={"size": 5},
        customdata=[scan.study_id for scan in scans],
        hovertemplate=[
            f"<b>T2 lesion volume {volume:.3f} ml</b><br>{iso(scan.date)}{source_line(scan.source)}<extra></extra>"
            for scan, volume in zip(scans, volumes, strict=True)
        ],
        row=row, col=1,
    )  # fmt: skip
