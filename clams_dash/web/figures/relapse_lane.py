"""The relapse lane: a triangle a relapse, its fill and colour by severity."""

from __future__ import annotations

import plotly.graph_objects as go

from clams_dash.clinical.case_words import iso
from clams_dash.model.records import Case
from clams_dash.web.figures.marks import lane_label, missing_note, safe, source_line
from clams_dash.web.theme import Colour

_SEVERITY = {
    "severe": ("triangle-up", Colour.ALERT, 11),
    "moderate": ("triangle-up", Colour.WATCH, 10),
    "mild": ("triangle-up-open", Colour.WATCH, 9),
    "unknown": ("triangle-up-open", Colour.MUTED, 9),
}


def draw(figure: go.Figure, row: int, case: Case) -> None:
    """Draw the lane into a row of the figure."""
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
