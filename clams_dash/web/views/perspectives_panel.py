"""The perspectives panel: what is likely under each therapy, how sure that is, and where the model abstains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.clinical.case_words import dmt_label, iso
from clams_dash.clinical.words import in_sentence, plural
from clams_dash.response.prediction import COUNT_OUTCOMES, ArmPrediction, Prediction
from clams_dash.web import ids
from clams_dash.web.elements import named
from clams_dash.web.figures.perspectives import perspectives
from clams_dash.web.services import NoPrediction

OUTCOMES = {
    "relapse": ("Relapse", "chance of a relapse within 24 months"),
    "worsening": ("Worsening", "chance of EDSS worsening within 24 months, confirmed at 6 months"),
    "new_t2": ("New T2", "expected number of new T2 lesions within 12 months"),
    "neda": ("NEDA-3", "chance of no relapse, no confirmed worsening and no new T2 lesion after month 6, to month 24"),
}
_CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def layout(prediction: Prediction | NoPrediction) -> Component:
    """Return the panel: one tab per outcome."""
    if isinstance(prediction, NoPrediction):
        return _without_estimates(prediction.reason)
    if not has_estimates(prediction):
        reasons = sorted({one.reason or "" for group in prediction.outcomes.values() for one in group})
        return _without_estimates(f"No estimate: {'; '.join(reasons)}")
    basis = "synthetic patients" if prediction.synthetic else "this pool's patients"
    head = f"if started on {iso(prediction.at)} · 90 % interval · n comparable people · model trained on {basis}"
    known = {name: words for name, words in OUTCOMES.items() if name in prediction.outcomes}
    choice = dmc.TabsList([dmc.TabsTab(title, value=name) for name, (title, _) in known.items()])
    panels = [
        dmc.TabsPanel(_outcome(prediction, name, meaning), value=name, className="clams-outcome")
        for name, (_, meaning) in known.items()
    ]
    tabs = dmc.Tabs([_head(head, choice), *panels], value=next(iter(known)), className="clams-outcomes")
    return named(html.Section(tabs, className="clams-panel clams-perspectives"), "Therapy perspectives")


def has_estimates(prediction: Prediction | NoPrediction) -> bool:
    """Whether there is anything to draw."""
    if isinstance(prediction, NoPrediction):
        return False
    return any(one.risk is not None for group in prediction.outcomes.values() for one in group)


def _without_estimates(reason: str) -> Component:
    words = html.P(reason, className="clams-muted clams-no-model")
    return named(html.Section([_head(""), words], className="clams-panel clams-perspectives"), "Therapy perspectives")


def _head(text: str, choice: Component | None = None) -> Component:
    caution = html.Span("model estimates: association, not proof of effect", className="clams-muted clams-right")
    parts = [html.H2("Perspectives"), choice, html.Span(text, className="clams-muted"), caution]
    return html.Div([part for part in parts if part is not None], className="clams-panel-head")


def _outcome(prediction: Prediction, name: str, meaning: str) -> list[Component]:
    estimates = prediction.outcomes[name]
    stay = prediction.stay if prediction.stay_recorded else None
    figure = perspectives(estimates, stay, count=name in COUNT_OUTCOMES)
    compared = against_staying(estimates, prediction.stay, recorded=prediction.stay_recorded)
    sentences = [f"{meaning}: {compared} {_basis(prediction, name)}"]
    return [
        dcc.Graph(
            id=ids.perspectives_plot(name), figure=figure, config=_CONFIG, className="clams-graph", responsive=True
        ),
        html.Div([*sentences, *_abstentions(estimates, prediction.stay)], className="clams-muted clams-in-words"),
    ]


def against_staying(estimates: Sequence[ArmPrediction], stay: str, *, recorded: bool = True) -> str:
    """Say which therapies the model tells apart from staying, so that small gaps between dots are not read as real."""
    if not recorded:
        return "the present therapy is not recorded, so no therapy is compared with staying."
    if not any(one.dmt == stay and one.risk is not None for one in estimates):
        return "staying cannot be judged, so no therapy is compared with it."
    lower = [_with(one.dmt) for one in estimates if one.diff_high is not None and one.diff_high < 0]
    higher = [_with(one.dmt) for one in estimates if one.diff_low is not None and one.diff_low > 0]
    if not lower and not higher:
        return "no therapy is told apart from staying (90 %)."
    parts = [
        f"{direction} with {', '.join(names)}" for direction, names in (("lower", lower), ("higher", higher)) if names
    ]
    return f"{'; '.join(parts)} than staying; the others are not told apart from it (90 %)."


def _basis(prediction: Prediction, name: str) -> str:
    """Say whether people are given effects of their own, which needs held-out evidence."""
    if prediction.personal.get(name, False):
        return "Effects may differ between people (held-out evidence)."
    return "No evidence that individual effects can be predicted: shown is baseline risk × average relative effect."


def _with(dmt: str) -> str:
    return "no therapy" if dmt == "none" else in_sentence(dmt_label(dmt))


def _abstentions(estimates: Sequence[ArmPrediction], stay: str) -> list[Component | str]:
    silent = sorted((one for one in estimates if one.risk is None), key=lambda one: one.dmt != stay)
    if not silent:
        return []
    parts: list[Component | str] = [f" No estimate for {plural(len(silent), 'therapy', 'therapies')}: "]
    for number, one in enumerate(silent):
        label = dmt_label(one.dmt)
        name = f"staying on {in_sentence(label)}" if one.dmt == stay else label
        parts += [", " if number else "", html.Span(f"{name} (n={one.n_similar})", title=one.reason or "")]
    return [*parts, "; too few comparable people, or hardly ever given to them (point at a name for the reason)."]
