"""Therapy perspectives: every therapy on one axis per outcome, as a dot with its 90 % interval. No ranking by risk.

Model estimates never stand alone: each has its interval and the number of comparable people; what the model cannot
judge is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from clams_dash.response.predict import ArmPrediction
from clams_dash.web.theme import Colour, Size, plot_template
from clams_dash.web.wording import dmt_label, in_sentence

OUTCOME_TITLES = {
    "relapse": "chance of a relapse within 24 months",
    "worsening": "chance of EDSS worsening within 24 months, confirmed at 6 months",
}
_LEFT_MARGIN = 236


def perspectives(outcomes: Mapping[str, Sequence[ArmPrediction]], stay: str) -> go.Figure:
    """Draw the therapies with an estimate for at least one outcome; ``stay`` first, the rest in their own order."""
    shown = _shown(outcomes, stay)
    names = [_name(dmt, stay) for dmt in shown]
    figure = make_subplots(rows=1, cols=len(OUTCOME_TITLES), shared_yaxes=True, horizontal_spacing=0.035)
    figure.update_layout(template=plot_template(), margin={"l": _LEFT_MARGIN, "r": 18, "t": 34, "b": 2}, bargap=0)
    for column, outcome in enumerate(OUTCOME_TITLES, start=1):
        estimates = {estimate.dmt: estimate for estimate in outcomes.get(outcome, ()) if estimate.dmt in shown}
        _draw(figure, column, outcome, [estimates[dmt] for dmt in shown if dmt in estimates], stay)
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names, range=[len(names) - 0.4, -0.6],
        showgrid=False, showticklabels=False,
    )  # fmt: skip
    for position, dmt in enumerate(shown):
        estimate = next(one for group in outcomes.values() for one in group if one.dmt == dmt and one.risk is not None)
        _row_label(figure, position, names[position], dmt == stay, estimate)
    return figure


def _shown(outcomes: Mapping[str, Sequence[ArmPrediction]], stay: str) -> list[str]:
    order = list(dict.fromkeys(estimate.dmt for group in outcomes.values() for estimate in group))
    judged = {estimate.dmt for group in outcomes.values() for estimate in group if estimate.risk is not None}
    return sorted((dmt for dmt in order if dmt in judged), key=lambda dmt: dmt != stay)


def _name(dmt: str, stay: str) -> str:
    return f"Stay: {in_sentence(dmt_label(dmt))}" if dmt == stay else dmt_label(dmt)


def _row_label(figure: go.Figure, position: int, name: str, is_stay: bool, estimate: ArmPrediction) -> None:
    common = {"yref": "y", "y": position, "xref": "paper", "x": 0, "showarrow": False, "xanchor": "left"}
    figure.add_annotation(
        text=f"<b>{name}</b>" if is_stay else name, xshift=-(_LEFT_MARGIN - 6), font={"size": Size.BODY}, **common
    )
    # A reason beside an estimate says that it was borrowed from the therapy's class.
    people = f"n={estimate.n_similar}" + (" class" if estimate.reason else "")
    figure.add_annotation(
        text=people, xshift=-8, font={"size": Size.SMALL, "color": Colour.MUTED.value}, **{**common, "xanchor": "right"}
    )


def _draw(figure: go.Figure, column: int, outcome: str, estimates: list[ArmPrediction], stay: str) -> None:
    top = max([0.4, *(estimate.high or 0 for estimate in estimates)]) + 0.17
    figure.update_xaxes(
        range=[0, min(top, 1.12)], tickformat=".0%", side="top", showgrid=True, tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1.0],
        title={"text": OUTCOME_TITLES[outcome], "standoff": 2, "font": {"size": Size.BODY, "color": Colour.INK.value}},
        row=1, col=column,
    )  # fmt: skip
    for estimate in estimates:
        _draw_estimate(figure, column, estimate, estimate.dmt == stay, stay)


def _draw_estimate(figure: go.Figure, column: int, estimate: ArmPrediction, is_stay: bool, stay: str) -> None:
    name = _name(estimate.dmt, stay)
    if estimate.risk is None or estimate.low is None or estimate.high is None:
        return
    colour = (Colour.ACCENT if is_stay else Colour.MUTED).value
    figure.add_scatter(
        x=[estimate.low, estimate.high], y=[name, name], mode="lines", line={"color": colour, "width": 4},
        opacity=1.0 if is_stay else 0.55, hoverinfo="skip", row=1, col=column,
    )  # fmt: skip
    figure.add_scatter(
        x=[estimate.risk], y=[name], mode="markers", marker={"color": Colour.INK.value, "size": 8,
        "line": {"color": Colour.PAPER.value, "width": 1}}, hovertemplate=_hover(estimate, is_stay), row=1, col=column,
    )  # fmt: skip
    figure.add_annotation(
        text=f"<b>{estimate.risk:.0%}</b> <span style='color:{Colour.MUTED.value}'>{estimate.low * 100:.0f}–"
             f"{estimate.high * 100:.0f}</span>",
        x=estimate.high, y=name, xref="x" if column == 1 else f"x{column}", yref="y", xanchor="left", xshift=4,
        showarrow=False, font={"size": Size.SMALL},
    )  # fmt: skip


def _hover(estimate: ArmPrediction, is_stay: bool) -> str:
    lines = [
        f"<b>{dmt_label(estimate.dmt)}</b>: {(estimate.risk or 0) * 100:.0f} of 100 people like this, 90 % interval "
        f"{(estimate.low or 0) * 100:.0f} to {(estimate.high or 0) * 100:.0f}",
        f"{estimate.n_similar} comparable people in the training data",
    ]
    if not is_stay and estimate.difference_from_stay is not None:
        lines.append(
            f"difference from staying {estimate.difference_from_stay * 100:+.0f} percentage points "
            f"({(estimate.diff_low or 0) * 100:+.0f} to {(estimate.diff_high or 0) * 100:+.0f})"
        )
    if estimate.reason:
        lines.append(estimate.reason)
    return "<br>".join(lines) + "<extra></extra>"
