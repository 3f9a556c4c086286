"""The frame around every page: from address to page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs

from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from clams_dash.clinical.words import plural
from clams_dash.errors import ClamsError
from clams_dash.web import routes
from clams_dash.web.ids import Shell
from clams_dash.web.services import Services
from clams_dash.web.views import case_list, consultation, data_pool

_EARLIEST_DAY = date(1950, 1, 1)


def register(app: Dash, services: Services) -> None:
    """Connect address and page."""

    @app.callback(
        Output(Shell.CONTENT, "children"),
        Output(Shell.POOL, "children"),
        Input(Shell.LOCATION, "pathname"),
        Input(Shell.LOCATION, "search"),
    )
    def route(pathname: str | None, search: str | None) -> tuple[list[Component], str]:
        return [*kinds_banner(services), page(services, pathname, search)], pool_line(services)


def page(services: Services, pathname: str | None, search: str | None) -> Component:
    """Return the page of an address, or a page that says why there is none."""
    pathname = pathname if isinstance(pathname, str) else "/"
    search = search if isinstance(search, str) else ""
    try:
        if pathname == "/":
            return case_list.layout(services.counts())
        if pathname == routes.DATA_POOL:
            return data_pool.layout(services.data_quality())
        patient = routes.patient_of(pathname)
        if patient is None:
            return message("Not found", "There is no such page here.")
        return consultation.layout(services, patient, _asked_day(search))
    except ClamsError as error:
        return message("This page cannot be shown", str(error))


def kinds_banner(services: Services) -> list[Component]:
    """A line above every page of a pool that holds synthetic patients and others; nothing for one kind alone."""
    try:
        counts = services.counts()
    except ClamsError:
        return []
    if not (counts.synthetic and counts.not_synthetic):
        return []
    others = f"{counts.not_synthetic} who {'is' if counts.not_synthetic == 1 else 'are'} not"
    text = (
        f"This pool mixes {plural(counts.synthetic, 'synthetic patient')} with {others}: every case is marked, and a "
    )
    text += "model learns from one kind only."
    return [html.Div(text, className="clams-kinds", role="note")]


def pool_line(services: Services) -> str:
    """Say in the footer whose data these are."""
    try:
        counts = services.counts()
    except ClamsError:
        return "no pool can be read"
    kinds = []
    if counts.synthetic:
        kinds.append(plural(counts.synthetic, "synthetic patient"))
    if counts.not_synthetic:
        kinds.append(plural(counts.not_synthetic, "patient") + " not synthetic")
    return "pool: " + (", ".join(kinds) or "empty")


def message(title: str, text: str) -> Component:
    """A page with a message and the way back."""
    return html.Main(
        [html.H1(title), html.P(text), html.A("All cases", href="/", className="clams-button")],
        className="clams-message",
    )


def _asked_day(search: str) -> date | None:
    """The date of ``?at=YYYY-MM-DD``; None when it is absent. Raises ClamsError when it is no date."""
    asked = parse_qs(search.removeprefix("?")).get("at", [])
    if not asked:
        return None
    try:
        day = date.fromisoformat(asked[0])
    except ValueError as error:
        raise ClamsError(f"at={asked[0][:20]}: is not a date; write it as YYYY-MM-DD") from error
    if not _EARLIEST_DAY <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise ClamsError(f"at={day}: lies before {_EARLIEST_DAY.year} or in the future")
    return day
