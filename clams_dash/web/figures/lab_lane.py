"""One laboratory lane of the timeline: values, reference band, out-of-range marks."""

from __future__ import annotations

import plotly.graph_objects as go

from clams_dash.clinical.case_words import iso
from clams_dash.clinical.labs.grades import limits_of
from clams_dash.model import catalogues
from clams_dash.model.records import Case, LabResult
from clams_dash.web.figures.marks import axis_of, lane_label, last_value, missing_note, source_line, value_axis
from clams_dash.web.theme import Colour

_UNITS = {"10^9/L": "10⁹/L", "umol/L": "µmol/L", "cells/uL": "cells/µL"}


def draw(figure: go.Figure, row: int, case: Case, name: str) -> None:
    """Draw the lane of the analyte ``name`` into a row of the figure."""
    results = [result for result in case.labs if result.analyte == name]
    analyte = catalogues.analytes()[name]
    unit = _UNITS.get(analyte.unit, analyte.unit)
    lane_label(figure, row, analyte.label, unit)
    if not results:
        figure.update_yaxes(showticklabels=False, showgrid=False, range=[0, 1], row=row, col=1)
        missing_note(figure, row, "not measured")
        return
    limits = limits_of(results[-1])
    low, high = limits.lower, limits.upper
    values = [result.value for result in results]
    top = max([*values, (high or 0.0) * 0.75, (low or 0.0) * 1.2])
    value_axis(figure, row, top)
    if low is not None or high is not None:
        figure.add_shape(
            type="rect", xref=f"{axis_of('x', row)} domain", x0=0, x1=1, yref=axis_of("y", row), y0=low or 0,
            y1=high if high is not None else top * 1.4, fillcolor=Colour.REFERENCE.value, line_width=0, layer="below",
        )  # fmt: skip
    outside = [limits_of(result).outside(result.value) for result in results]
    decimals = analyte.decimals
    last_value(
        figure,
        row,
        results[-1].date,
        values[-1],
        f"{values[-1]:.{decimals}f}",
        Colour.ALERT if outside[-1] else Colour.INK,
    )
    figure.add_scatter(
        x=[result.date for result in results], y=values, mode="lines+markers", cliponaxis=False,
        line={"color": Colour.INK.value, "width": 1.2},
        marker={"size": [7 if out else 4 for out in outside],
                "symbol": ["diamond" if out else "circle" for out in outside],
                "color": [(Colour.ALERT if out else Colour.INK).value for out in outside]},
        hovertemplate=[
            f"<b>{analyte.label} {result.value:.{decimals}f} {unit}</b>{' · outside its range' if out else ''}"
            f"<br>{iso(result.date)} · {_limits_text(result, unit)}{source_line(result.source)}<extra></extra>"
            for result, out in zip(results, outside, strict=True)
        ],
        row=row, col=1,
    )  # fmt: skip


def _limits_text(result: LabResult, unit: str) -> str:
    limits = limits_of(result)
    low, high = limits.lower, limits.upper
    if low is None and high is None:
        return "no fixed reference range"
    origin = "laboratory's limits" if limits.origin == "laboratory" else "catalogue's limits"
    if low is None:
        return f"up to {high:g} {unit} ({origin})"
    return f"from {low:g} {unit} ({origin})" if high is None else f"{low:g} to {high:g} {unit} ({origin})"
