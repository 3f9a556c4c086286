"""A lesion's volume over the dates of its studies: the frame that the browser fills with the chosen lesion."""

from __future__ import annotations

import plotly.graph_objects as go

from clams_dash.palette import Colour
from clams_dash.web.theme import plot_template

_INK = "#c9d4e3"
_GRID = "#243042"


def empty_history() -> go.Figure:
    """The plot without a lesion: a line with error bars, and the last point. Millimetres cubed over dates."""
    hover = "%{customdata}<extra></extra>"
    line = go.Scatter(
        x=[],
        y=[],
        mode="lines+markers",
        line={"color": _INK, "width": 1.5},
        marker={"size": 5, "color": _INK},
        error_y={"type": "data", "array": [], "color": "#8fa1b8", "thickness": 1, "width": 3},
        hovertemplate=hover,
    )
    now = go.Scatter(
        x=[], y=[], mode="markers", marker={"size": 9, "color": Colour.NEW_LESION.value}, hovertemplate=hover
    )
    figure = go.Figure([line, now])
    axis = {"gridcolor": _GRID, "linecolor": _GRID, "tickfont": {"color": _INK, "size": 10}}
    title = {"font": {"color": _INK, "size": 10}}
    figure.update_layout(template=plot_template(), margin={"l": 44, "r": 10, "t": 6, "b": 24})
    figure.update_xaxes(**axis, type="date", nticks=4, tickangle=0, tickformat="%b %Y")
    figure.update_yaxes(**axis, rangemode="tozero", title={**title, "text": "mm³"}, nticks=4)
    return figure
