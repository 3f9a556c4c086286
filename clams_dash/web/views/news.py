"""What goes on beside the server: scans that are still being drawn, a model in training, a new version of the pool.

Flow::

    clock --> look: words, what this page has seen --+--> the list asks for its rows again (in the browser)
                                                     +--> any other page offers to show the new data
"""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from clams_dash.errors import ClamsError
from clams_dash.pool.background import Stage, Work
from clams_dash.web.ids import CaseList, Shell
from clams_dash.web.services import Services

_LOOK_MS = 3000


def parts() -> list[Component]:
    """The line in the footer and what drives it."""
    return [
        html.Span(id=Shell.NEWS, className="clams-news", role="status"),
        dcc.Interval(id=Shell.TICK, interval=_LOOK_MS),
        dcc.Store(id=Shell.SEEN),
        dcc.Store(id=Shell.REFRESH),
    ]


def register(app: Dash, services: Services) -> None:
    """Connect the clock to the line, and a new version to the list of cases."""

    @app.callback(
        Output(Shell.NEWS, "children"),
        Output(Shell.SEEN, "data"),
        Output(Shell.REFRESH, "data"),
        Output(Shell.TICK, "disabled"),
        Input(Shell.TICK, "n_intervals"),
        State(Shell.SEEN, "data"),
        State(Shell.LOCATION, "pathname"),
        State(Shell.LOCATION, "search"),
    )
    def tick(
        ticks: int | None, seen: str | None, pathname: str | None, search: str | None
    ) -> tuple[object, object, object, bool]:
        return look(services, seen, pathname, search)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("clams_list", "refresh"),
        Output(Shell.REFRESH, "id"),
        Input(Shell.REFRESH, "data"),
        prevent_initial_call=True,
    )


def look(
    services: Services, seen: object, pathname: object, search: object = ""
) -> tuple[object, object, object, bool]:
    """Words for the line, the version this page has seen, one for the list to fetch, and whether to stop looking.

    The list takes a new version by itself; a page that shows one case is not changed under the reader's eyes.
    """
    try:
        news = services.news()
    except ClamsError:
        return "", no_update, no_update, False
    said: list[Any] = [words(news.work, alive=news.alive)] if news.work is not None and news.work.unfinished else []
    finished = not said
    new = isinstance(seen, str) and seen != news.token
    if new and pathname != "/":
        address = f"{pathname}{search}" if isinstance(pathname, str) and isinstance(search, str) else "/"
        link = html.A("show them", href=address)
        before = " · new data are ready: " if said else "New data are ready: "
        return [*said, before, link], no_update, no_update, finished
    refresh = {"grid": CaseList.GRID, "version": news.token} if new else no_update
    return said, news.token, refresh, finished


def words(work: Work, *, alive: bool) -> str:
    """Say what is ready, what is being done, and what is missing where nobody does it any more."""
    scans = f"{work.scans_ready} of {work.scans} patients' scans are ready"
    lacking = work.scans_ready < work.scans
    if work.failure is not None or not alive:
        missing = [scans] if lacking else []
        if work.stage is Stage.SPACES:
            missing.append("not all scans are laid over each other yet")
        else:
            missing.append("there is no model for therapies yet")
        reason = work.failure or "the process that prepared the rest was ended"
        return f"{'; '.join(missing)}: {reason}. Starting `clams serve` again goes on with it."
    if work.stage is Stage.MODEL:
        return f"The model for therapies is being trained ({work.share:.0%})"
    if work.stage is Stage.SPACES:
        return f"Each patient's scans are being laid over each other, to compare their lesions ({work.share:.0%})"
    return f"{scans}; then the model for therapies is trained"
