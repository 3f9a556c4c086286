"""The MRI lanes: new and enhancing lesions by study, T2 lesion volume, brain volume change. Points carry the study."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import plotly.graph_objects as go

from clams_dash.clinical.case_words import iso
from clams_dash.model.records import Case, Scan
from clams_dash.web.figures.marks import lane_label, last_value, missing_note, source_line, value_axis
from clams_dash.web.theme import Colour, Size


def new_lesions(figure: go.Figure, row: int, case: Case, end: date) -> None:
    """New T2 lesions as bars, enhancing ones as stars; a dash where nobody compared."""
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


def t2_volume(figure: go.Figure, row: int, case: Case) -> None:
    """Volume of all T2 lesions."""
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


def brain_volume(figure: go.Figure, row: int, case: Case) -> None:
    """Change of brain volume against the study compared with, in percent."""
    lane_label(figure, row, "Brain volume", "% to prior")
    scans = [scan for scan in case.scans if scan.pbvc_percent is not None]
    if not scans:
        figure.update_yaxes(showticklabels=False, showgrid=False, range=[0, 1], row=row, col=1)
        missing_note(figure, row, "not measured")
        return
    values = [scan.pbvc_percent or 0.0 for scan in scans]
    low, high = min([-0.5, *values]), max([0.0, *values])
    room = 0.35 * (high - low)
    figure.update_yaxes(range=[low - room, high + room], tickvals=[0], row=row, col=1)
    figure.add_scatter(
        x=[scan.date for scan in scans], y=values, mode="markers", cliponaxis=False,
        marker={"size": 6, "symbol": "diamond", "color": Colour.VOLUME.value},
        error_y={"type": "data", "symmetric": False, "array": [-value for value in values],
                 "arrayminus": [0.0] * len(values), "width": 0, "thickness": 1.2, "color": Colour.VOLUME.value},
        customdata=[scan.study_id for scan in scans],
        hovertemplate=[
            f"<b>Brain volume {value:+.2f} %</b> against the study compared with<br>{iso(scan.date)}"
            f"{source_line(scan.source)}<extra></extra>"
            for scan, value in zip(scans, values, strict=True)
        ],
        row=row, col=1,
    )  # fmt: skip
    last_value(figure, row, scans[-1].date, values[-1], f"{values[-1]:+.1f}", Colour.VOLUME)
