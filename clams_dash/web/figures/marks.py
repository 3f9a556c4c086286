"""Small marks shared by the lanes of the timeline: lane labels, notes for what is missing, source lines."""

from __future__ import annotations

import html
import math
from datetime import date

import plotly.graph_objects as go

from clams_dash.model.records import Source
from clams_dash.web.theme import Colour, Size

_LABEL_SHIFT = -122


def axis_of(letter: str, row: int) -> str:
    """Name of a subplot's axis, such as ``y3``."""
    return letter if row == 1 else f"{letter}{row}"


def lane_label(figure: go.Figure, row: int, name: str, unit: str | None = None) -> None:
    """Write a lane's name, and its unit in grey below, left of its axis."""
    text = f"<b>{name}</b>" + (f"<br><span style='color:{Colour.MUTED.value}'>{unit}</span>" if unit else "")
    figure.add_annotation(
        text=text, xref="paper", x=0, xanchor="left", xshift=_LABEL_SHIFT, yref=f"{axis_of('y', row)} domain", y=0.5,
        yanchor="middle", align="left", showarrow=False, font={"size": Size.BODY, "color": Colour.INK.value},
    )  # fmt: skip


def missing_note(figure: go.Figure, row: int, text: str) -> None:
    """Say in a lane what is missing. An invisible point keeps the lane's axes drawn."""
    figure.add_scatter(x=[None], y=[None], hoverinfo="skip", row=row, col=1)
    figure.add_annotation(
        text=text, xref="paper", x=0, xanchor="left", xshift=8, yref=f"{axis_of('y', row)} domain", y=0.5,
        showarrow=False, font={"size": Size.BODY, "color": Colour.MUTED.value}, bgcolor=Colour.PAPER.value,
    )  # fmt: skip


def safe(text: str) -> str:
    """Text of a source for use in a figure: plotly reads a few HTML tags in texts, and a source may hold any."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def source_line(source: Source) -> str:
    """Where a number was read, as the last line of its hover text."""
    return f"<br><span style='color:{Colour.MUTED.value}'>{safe(str(source))}</span>"


def last_value(figure: go.Figure, row: int, day: date, value: float, text: str, colour: Colour) -> None:
    """Write the last value of a lane beside its point, on paper so that lines behind it do not cross it."""
    figure.add_annotation(
        x=day, y=value, xref=axis_of("x", row), yref=axis_of("y", row), text=f"<b>{text}</b>", showarrow=False,
        xanchor="left", xshift=7, bgcolor="rgba(255,255,255,0.85)", borderpad=0,
        font={"size": Size.BODY, "color": colour.value},
    )  # fmt: skip


def value_axis(figure: go.Figure, row: int, top: float) -> None:
    """A lane's axis from zero to ``top`` with lines at zero and at one labelled value (two labels would touch)."""
    step = _round_down(top)
    low, high = -0.14 * (top or 1), 1.4 * (top or 1)
    figure.update_yaxes(range=[low, high], tickvals=[0, step], ticktext=["", f"{step:g}"], row=row, col=1)


def _round_down(value: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above ``value``; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))
