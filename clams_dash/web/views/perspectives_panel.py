"""The perspectives panel: what is likely under each therapy, how sure that is, and where the model abstains."""

from __future__ import annotations

from datetime import date

from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.model.records import Case
from clams_dash.response.predict import Prediction
from clams_dash.web.figures.perspectives import perspectives
from clams_dash.web.services import NoPrediction
from clams_dash.web.wording import dmt_label, iso, plural

_CONFIG = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def layout(prediction: Prediction | NoPrediction, case: Case, day: date | None) -> Component:
    """Return the panel."""
    if isinstance(prediction, NoPrediction):
        return _panel([html.P(prediction.reason, className="clams-muted clams-no-model")], "")
    current = case.treatment_on(day) if day else None
    stay = current.dmt if current else "none"
    judged = any(estimate.risk is not None for group in prediction.outcomes.values() for estimate in group)
    if not judged:
        reasons = sorted({estimate.reason or "" for group in prediction.outcomes.values() for estimate in group})
        return _panel([html.P(f"No estimate: {'; '.join(reasons)}", className="clams-muted clams-no-model")], "")
    figure = dcc.Graph(
        figure=perspectives(dict(prediction.outcomes), stay), config=_CONFIG, className="clams-graph", responsive=True
    )
    head = f"if started on {iso(prediction.at)}, with 90 % interval and number of comparable people"
    return _panel([figure, _abstentions(prediction)], f"{head} · model {prediction.model}")


def _panel(body: list[Component], head: str) -> Component:
    return html.Section(
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
        **{"aria-label": "Therapy perspectives"},
    )


def _abstentions(prediction: Prediction) -> Component:
    groups = list(prediction.outcomes.values())
    silent = [
        estimate
        for estimate in (groups[0] if groups else [])
        if all(other.risk is None for group in groups for other in group if other.dmt == estimate.dmt)
    ]
    if not silent:
        return html.Div()
    texts = [html.Span(f"{dmt_label(one.dmt)} (n={one.n_similar})", title=one.reason or "") for one in silent]
    parts: list[Component | str] = [
        f"No estimate for {plural(len(silent), 'therapy', 'therapies')}, too few comparable people: "
    ]
    for number, text in enumerate(texts):
        parts += [", " if number else "", text]
    return html.Div(parts, className="clams-muted clams-abstained")
