"""The line since the last visit and the activity strip, as they stand on the page."""

from __future__ import annotations

from datetime import date
from typing import Any

from dash import html
from dash.development.base_component import Component

from clams_dash.web.views import state_panel
from tests.web.conftest import SmallApp


def texts(component: Any) -> str:
    """All text of a component tree, in order."""
    if isinstance(component, Component):
        return texts(getattr(component, "children", None))
    if isinstance(component, list | tuple):
        return " ".join(filter(None, (texts(one) for one in component)))
    return "" if component is None else str(component)


def found(component: Any, name: str) -> list[Component]:
    """Components of a class, in order."""
    here = [component] if name in str(getattr(component, "className", "")).split() else []
    children = getattr(component, "children", None) if isinstance(component, Component) else component
    below = children if isinstance(children, list | tuple) else [children] if isinstance(children, Component) else []
    return here + [one for child in below for one in found(child, name)]


def _bold(field: Component) -> list[html.Strong]:
    return [
        one for one in getattr(getattr(field, "children", [None])[0], "children", []) if isinstance(one, html.Strong)
    ]


def tip(component: Component) -> str:
    return str(getattr(component, "title", ""))


def css(component: Component) -> str:
    return str(getattr(component, "className", ""))


def panel(app: SmallApp, patient: str, at: date | None = None) -> Component:
    summary = app.services.summary(patient, at)
    assert summary is not None
    return state_panel.layout(summary)


def test_the_line_names_the_visit_it_begins_after_and_counts_its_items(small_app: SmallApp) -> None:
    line = found(panel(small_app, "anna"), "clams-line")[0]
    items = found(line, "clams-item")
    assert f"since 2020-01-10 · {len(items)} items" in texts(line)
    assert any("EDSS" in texts(item) for item in items)


def test_every_item_and_field_leads_to_its_source_row(small_app: SmallApp) -> None:
    whole = panel(small_app, "anna")
    for item in found(whole, "clams-item"):
        assert ".csv, row " in tip(item)
    relapse = found(whole, "clams-field")[0]
    assert "relapse.csv, row 2" in tip(relapse)


def test_the_six_fields_stand_in_their_order_each_with_a_word_for_its_state(small_app: SmallApp) -> None:
    fields = found(panel(small_app, "anna"), "clams-field")
    names = [str(strong.children) for field in fields for strong in _bold(field)]
    assert names == ["Relapse", "EDSS", "New T2", "Gd", "Brain volume", "Safety"]
    for field in fields:
        state = next(name for name in css(field).split() if name.startswith("is-")).removeprefix("is-")
        assert texts(found(field, "clams-hidden")[0]) == f"{state.replace('_', ' ')}: "


def test_what_was_not_measured_is_not_assessable_never_ok(small_app: SmallApp) -> None:
    gd = found(panel(small_app, "anna"), "clams-field")[3]
    assert "is-not_assessable" in css(gd)


def test_the_rule_behind_the_edss_field_is_named(small_app: SmallApp) -> None:
    edss = found(panel(small_app, "anna"), "clams-field")[1]
    assert "168 days" in tip(edss)
    assert "Müller 2023" in tip(edss)


def test_on_an_earlier_day_the_strip_knows_nothing_of_what_came_later(small_app: SmallApp) -> None:
    relapse = found(panel(small_app, "anna", date(2020, 2, 1)), "clams-field")[0]
    assert "relapse.csv" not in tip(relapse)


def test_a_person_without_any_record_has_no_strip(small_app: SmallApp) -> None:
    assert small_app.services.summary("ben") is None
