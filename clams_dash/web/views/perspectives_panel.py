"""The perspectives panel: what is likely under each therapy, how sure that is, and where the model abstains."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.response.predict import Prediction
from clams_dash.web.elements import named
from clams_dash.web.figures.perspectives import perspectives
from clams_dash.web.ids import Consultation
from clams_dash.web.services import NoPrediction
from clams_dash.web.wording import dmt_label, in_sentence, iso, plural

_CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def layout(prediction: Prediction | NoPrediction) -> Component:
    """Return the panel."""
    if isinstance(prediction, NoPrediction):
        return _panel([html.P(prediction.reason, className="clams-muted clams-no-model")], "")
    if not has_estimates(prediction):
        reasons = sorted({estimate.reason or "" for group in prediction.outcomes.values() for estimate in group})
        return _panel([html.P(f"No estimate: {'; '.join(reasons)}", className="clams-muted clams-no-model")], "")
    figure = dcc.Graph(
        id=Consultation.PERSPECTIVES,
        figure=perspectives(prediction.outcomes, prediction.stay),
        config=_CONFIG,
        className="clams-graph",
        responsive=True,
    )
    basis = "synthetic patients" if prediction.synthetic else "this pool's patients"
    head = f"if started on {iso(prediction.at)}, with 90 % interval and number of comparable people"
    return _panel([figure, _told_apart(prediction), _abstentions(prediction)], f"{head} · model trained on {basis}")


def has_estimates(prediction: Prediction | NoPrediction) -> bool:
    """Whether there is anything to draw."""
    if isinstance(prediction, NoPrediction):
        return False
    return any(estimate.risk is not None for group in prediction.outcomes.values() for estimate in group)


def _panel(body: list[Component], head: str) -> Component:
    section = html.Section(
        [
            html.Div(
                [
                    html.H2("Perspectives"),
                    html.Span(head, className="clams-muted"),
                    html.Span("model estimates: association, not proof of effect", className="clams-muted clams-right"),
                ],
                className="clams-panel-head",
            ),
            *body,
        ],
        className="clams-panel clams-perspectives",
    )
    return named(section, "Therapy perspectives")


def _told_apart(prediction: Prediction) -> Component:
    """Which therapies the model cannot tell apart, so that small differences between dots are not read as real."""
    sentences = []
    for outcome, groups in prediction.not_told_apart.items():
        judged = [one.dmt for one in prediction.outcomes[outcome] if one.risk is not None]
        if any(set(group) == set(judged) for group in groups):
            sentences.append(f"{outcome}: no therapy is told apart from another")
        else:
            alike = ["(" + ", ".join(dmt_label(dmt) for dmt in group) + ")" for group in groups if len(group) > 1]
            sentences.append(
                f"{outcome}: not told apart {' nor '.join(alike)}" if alike else f"{outcome}: all told apart"
            )
    return html.Div(" · ".join(sentences), className="clams-muted clams-told-apart", title=" · ".join(sentences))


def _abstentions(prediction: Prediction) -> Component:
    groups = list(prediction.outcomes.values())
    silent = [
        estimate
        for estimate in (groups[0] if groups else [])
        if all(other.risk is None for group in groups for other in group if other.dmt == estimate.dmt)
    ]
    if not silent:
        return html.Div()
    silent.sort(key=lambda estimate: estimate.dmt != prediction.stay)
    count = plural(len(silent), "therapy", "therapies")
    parts: list[Component | str] = [f"No estimate for {count}, too few comparable people: "]
    for number, one in enumerate(silent):
        name = f"staying on {in_sentence(dmt_label(one.dmt))}" if one.dmt == prediction.stay else dmt_label(one.dmt)
        parts += [", " if number else "", html.Span(f"{name} (n={one.n_similar})", title=one.reason or "")]
    return html.Div(parts, className="clams-muted clams-abstained")
