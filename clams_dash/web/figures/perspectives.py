"""Therapy perspectives of one outcome: every therapy as a dot with its 90 % interval, on one axis in two columns.

No ranking by risk: staying comes first, the others keep the catalogue's order. Model estimates never stand alone: each
has its interval and the number of comparable people. A dotted line marks the risk of staying in both columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from clams_dash.clinical.case_words import dmt_label
from clams_dash.clinical.words import in_sentence
from clams_dash.response.prediction import ArmPrediction
from clams_dash.web.theme import Colour, Size, plot_template

_COLUMNS = ((0.165, 0.485), (0.68, 1.0))
_LABEL_SHIFT, _SUPPORT_SHIFT = -214, -8


def perspectives(estimates: Sequence[ArmPrediction], stay: str | None, *, count: bool = False) -> go.Figure:
    """Draw the therapies that have an estimate; ``stay`` is the therapy kept at present, None = not recorded.

    ``count``: estimates are expected numbers, not chances.
    """
    shown = sorted((one for one in estimates if one.risk is not None), key=lambda one: one.dmt != stay)
    rows = max(1, -(-len(shown) // len(_COLUMNS)))
    figure = make_subplots(rows=1, cols=len(_COLUMNS))
    figure.update_layout(template=plot_template(), margin={"l": 8, "r": 14, "t": 20, "b": 2})
    highest = max((one.high or 0.0 for one in shown), default=0.0)
    top = max(1.0, highest) * 1.22 if count else min(max(0.3, highest) * 1.22, 1.12)
    for number, domain in enumerate(_COLUMNS):
        figure.update_xaxes(
            domain=domain,
            range=[0, top],
            tickformat="~g" if count else ".0%",
            side="top",
            nticks=6,
            showgrid=True,
            row=1,
            col=number + 1,
        )
        figure.update_yaxes(range=[rows - 0.4, -0.6], visible=False, row=1, col=number + 1)
        for position, one in enumerate(shown[number * rows : (number + 1) * rows]):
            _draw(figure, number + 1, position, one, stay, count=count)
    _mark_staying(figure, next((one.risk for one in shown if one.dmt == stay), None))
    return figure


def _axis(letter: str, column: int) -> str:
    return letter if column == 1 else f"{letter}{column}"


def _draw(figure: go.Figure, column: int, position: int, one: ArmPrediction, stay: str | None, *, count: bool) -> None:
    if one.risk is None or one.low is None or one.high is None:
        return
    is_stay = one.dmt == stay
    _label(figure, column, position, one, stay)
    figure.add_scatter(
        x=[one.low, one.high], y=[position, position], mode="lines", hoverinfo="skip", row=1, col=column,
        line={"color": (Colour.ACCENT if is_stay else Colour.MUTED).value, "width": 4},
        opacity=1.0 if is_stay else 0.55,
    )  # fmt: skip
    figure.add_scatter(
        x=[one.risk], y=[position], mode="markers", hovertemplate=_hover(one, is_stay, count=count), row=1, col=column,
        marker={"color": Colour.INK.value, "size": 8, "line": {"color": Colour.PAPER.value, "width": 1}},
    )  # fmt: skip
    ends = f"{one.low:.1f}–{one.high:.1f}" if count else f"{one.low * 100:.0f}–{one.high * 100:.0f}"
    interval = f"<span style='color:{Colour.MUTED.value}'>{ends}</span>"
    figure_text = f"{one.risk:.1f}" if count else f"{one.risk:.0%}"
    figure.add_annotation(
        text=f"<b>{figure_text}</b> {interval}", x=one.high, y=position, xref=_axis("x", column),
        yref=_axis("y", column), xanchor="left", xshift=4, showarrow=False, font={"size": Size.SMALL},
        bgcolor=Colour.PAPER.value, borderpad=0,
    )  # fmt: skip


def _label(figure: go.Figure, column: int, position: int, one: ArmPrediction, stay: str | None) -> None:
    place = {
        "xref": f"{_axis('x', column)} domain", "x": 0, "yref": _axis("y", column), "y": position, "showarrow": False,
    }  # fmt: skip
    label = dmt_label(one.dmt)
    name = f"<b>Stay: {in_sentence(label)}</b>" if one.dmt == stay else label
    figure.add_annotation(text=name, xanchor="left", xshift=_LABEL_SHIFT, font={"size": Size.BODY}, **place)
    # A reason beside an estimate says that it was borrowed from the therapy's class.
    people = f"n={one.n_similar}" + (" class" if one.reason else "")
    figure.add_annotation(
        text=people, xanchor="right", xshift=_SUPPORT_SHIFT, font={"size": Size.SMALL, "color": Colour.MUTED.value},
        **place,
    )  # fmt: skip


def _mark_staying(figure: go.Figure, risk: float | None) -> None:
    if risk is None:
        return
    for column in range(1, len(_COLUMNS) + 1):
        figure.add_shape(
            type="line", xref=_axis("x", column), yref=f"{_axis('y', column)} domain", x0=risk, x1=risk, y0=0, y1=1,
            layer="below", line={"color": Colour.ACCENT.value, "width": 1, "dash": "2px,3px"},
        )  # fmt: skip


def _hover(one: ArmPrediction, is_stay: bool, *, count: bool) -> str:
    if count:
        first = (
            f"<b>{dmt_label(one.dmt)}</b>: {one.risk or 0:.1f} new lesions expected, 90 % interval "
            f"{one.low or 0:.1f} to {one.high or 0:.1f}; 90 of 100 people like this have "
            f"{one.observed_low or 0:.0f} to {one.observed_high or 0:.0f}"
        )
    else:
        first = (
            f"<b>{dmt_label(one.dmt)}</b>: {(one.risk or 0) * 100:.0f} of 100 people like this, 90 % interval "
            f"{(one.low or 0) * 100:.0f} to {(one.high or 0) * 100:.0f}"
        )
    lines = [first, f"{one.n_similar} comparable people in the training data"]
    if count and not is_stay and one.difference_from_stay is not None:
        gap = f"{one.difference_from_stay:+.1f} lesions ({one.diff_low or 0:+.1f} to {one.diff_high or 0:+.1f})"
        lines.append(f"difference from staying {gap}")
    elif not is_stay and one.difference_from_stay is not None:
        lines.append(
            f"difference from staying {one.difference_from_stay * 100:+.0f} percentage points "
            f"({(one.diff_low or 0) * 100:+.0f} to {(one.diff_high or 0) * 100:+.0f})"
        )
    if one.e_value is not None and one.e_value > 1.0:
        lines.append(f"something unrecorded would need a risk ratio of {one.e_value:.1f} with both to explain it away")
    if one.reason:
        lines.append(one.reason)
    return "<br>".join(lines) + "<extra></extra>"
