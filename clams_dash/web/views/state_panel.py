"""What changed since the last visit, and is the disease active: a line and six fields, by rules alone.

Severity and state carry a shape and a word beside the colour: triangle = alert, half circle = watch, full circle = ok,
open circle = not assessable, dash = for information.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from clams_dash.clinical.activity.findings import FieldState
from clams_dash.clinical.activity.since_last_visit import Item
from clams_dash.clinical.case_words import iso
from clams_dash.clinical.summary import Summary
from clams_dash.clinical.words import plural
from clams_dash.model.records import Source
from clams_dash.web.elements import named
from clams_dash.web.ids import Consultation

_LABELS = {
    "relapse": "Relapse",
    "edss": "EDSS",
    "t2": "New T2",
    "gd": "Gd",
    "brain_volume": "Brain volume",
    "safety": "Safety",
}
_SHAPES = {"alert": "▲", "watch": "◐", "ok": "●", "not_assessable": "○", "info": "–"}
_WORDS = {
    "alert": "alert",
    "watch": "watch",
    "ok": "ok",
    "not_assessable": "not assessable",
    "info": "for information",
}
_SHOWN = 8
"""items on the line; the others are counted and stand in the tip"""
_TIP_SOURCES = 6


def layout(summary: Summary | None) -> Component:
    """The line and the strip of one case, as known on the day of the summary; nothing where nothing is recorded."""
    return html.Div(parts(summary), id=Consultation.STATE, className="clams-state")


def parts(summary: Summary | None) -> list[Component]:
    """The line and the strip."""
    return [_line(summary), _strip(summary)] if summary else []


def _line(summary: Summary) -> Component:
    items = summary.since_last_visit
    since = f"since {iso(summary.since)}" if summary.since else "on record"
    changes = [item for item in items if item.kind not in ("nothing_new", "no_comparison")]
    counted = f"{since} · {plural(len(changes), 'item')}" if changes else since
    shown: list[Component] = [html.Strong(counted, className="clams-since")]
    shown += [_item(item) for item in items[:_SHOWN]]
    hidden = items[_SHOWN:]
    if hidden:
        text = "\n".join(f"{item.text} ({_WORDS[item.severity]})" for item in hidden)
        shown.append(html.Span(f"and {len(hidden)} more", title=text, className="clams-more", tabIndex="0"))
    worst = next((item.severity for item in items), "info")
    return named(html.Section(shown, className=f"clams-line is-{worst}"), "Since last visit")


def _item(item: Item) -> Component:
    return html.Span(
        [_shape(item.severity), item.text],
        title=f"{item.text}\n{_rows(item.sources)}",
        className="clams-item",
    )


def _strip(summary: Summary) -> Component:
    return named(
        html.Section([_field(name, field, summary) for name, field in summary.strip.items()], className="clams-strip"),
        "Activity over the last twelve months",
    )


def _field(name: str, field: FieldState, summary: Summary) -> Component:
    label = _LABELS[name]
    judged = f"{label}: {_WORDS[field.state]}. {field.reason}"
    return html.Div(
        [html.Div([_shape(field.state), html.Strong(label)]), html.Div(field.reason, className="clams-reason")],
        title=f"{judged}\n{_rule(name, summary)}\n{_rows(field.sources)}",
        className=f"clams-field is-{field.state}",
    )


def _rule(name: str, summary: Summary) -> str:
    """By which rule a field was judged."""
    if name != "edss":
        return f"Twelve months up to {iso(summary.as_of)}; rules in data/rules/activity.toml."
    choices = summary.convention.to_json()
    return f"{choices['threshold_text']}; confirmed at {choices['confirm_days']} days; {choices['pira_text']}."


def _shape(state: str) -> Component:
    """The shape of a state, with its word for a screen reader."""
    return html.Span(
        [
            html.Span(_SHAPES[state], **{"aria-hidden": "true"}),  # type: ignore[arg-type]
            html.Span(f"{_WORDS[state]}: ", className="clams-hidden"),
        ],
        className=f"clams-shape is-{state}",
    )


def _rows(sources: tuple[Source, ...]) -> str:
    """The source rows, one a line."""
    if not sources:
        return "nothing on record"
    more = [f"and {len(sources) - _TIP_SOURCES} more rows"] if len(sources) > _TIP_SOURCES else []
    return "\n".join([*(str(source) for source in sources[:_TIP_SOURCES]), *more])
