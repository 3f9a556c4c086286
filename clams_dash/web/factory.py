"""Making the application: settings and services in, a Dash app out. No module-level state.

Flow of the shell::

    address --> shell.route --> list page | consultation page | data pool page | "not found"
"""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, dcc, html
from dash.development.base_component import Component

from clams_dash.config import ASSETS_DIR, NOT_A_DEVICE, Settings
from clams_dash.errors import ClamsError
from clams_dash.security import guard, headers
from clams_dash.web import routes
from clams_dash.web.ids import Shell
from clams_dash.web.mri import callbacks as mri_callbacks
from clams_dash.web.services import Services
from clams_dash.web.theme import mantine_theme
from clams_dash.web.views import case_list, consultation, data_pool, news, shell

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


def create_app(settings: Settings, services: Services) -> Dash:
    """Create the application for one pool."""
    app = Dash(
        "clams_dash",
        title="CLAMS Dash",
        update_title="",
        assets_folder=str(ASSETS_DIR),
        serve_locally=True,
        suppress_callback_exceptions=False,
    )
    app.layout = _frame()
    whole: Any = html.Div([_frame(), case_list.layout(), data_pool.layout(), consultation.skeleton()])
    app.validation_layout = whole
    shell.register(app, services)
    news.register(app, services)
    case_list.register(app, services)
    consultation.register(app, services)
    data_pool.register(app, services)
    mri_callbacks.register(app)
    refuse_open_host(settings.host)
    limits = guard.Limits(settings.max_body_bytes, settings.max_json_depth, LOOPBACK_HOSTS)
    guard.install(app.server, limits, lambda: _shapes(app))
    routes.add_routes(app.server, services)
    routes.add_error_answers(app.server)
    headers.add_headers(app.server, app.csp_hashes())
    return app


def refuse_open_host(host: str) -> None:
    """Raise ClamsError for an address that other machines can reach: there is no log-in."""
    if host not in LOOPBACK_HOSTS:
        raise ClamsError(f"--host {host}: this version has no log-in, so it serves this machine only (127.0.0.1)")


def _shapes(app: Dash) -> dict[str, guard.Shape]:
    """Shapes of the callbacks that run on the server; the others never send a request."""

    def named(parts: list[dict[str, str]]) -> guard.Dependencies:
        return tuple((part["id"], part["property"]) for part in parts)

    return {
        output: guard.Shape(named(callback["inputs"]), named(callback["state"]))
        for output, callback in app.callback_map.items()
        if "callback" in callback
    }


def _frame() -> Component:
    provider: Component = dmc.MantineProvider(
        [
            dcc.Location(id=Shell.LOCATION, refresh=False),
            html.Div(id=Shell.CONTENT, className="clams-page"),
            html.Footer(
                [html.Span(NOT_A_DEVICE), *news.parts(), html.Span(id=Shell.POOL)],
                className="clams-footer",
            ),
        ],
        theme=mantine_theme(),
        forceColorScheme="light",
    )
    return provider
