"""What connects a scene's controls with ``assets/mri``; nothing here calls the server.

::

    Scene -> scene_component --(Mri.STATE: what to show)--> show: fetch, draw ------> Mri.MESSAGE
             a point in mm --(Mri.TARGET)-----------------> show: move
             slider --------------------------------------> slide: draw
             window, overlay, opacity, style, kind -------> look: draw all panes ---> window text
             arrangement ---------------------------------> arrange ----------------> panes
             chosen lesion -------------------------------> card ------------------> card, volume history
             plane ---------------------------------------> plane: the panes that follow it
             reset ---------------------------------------> reset_window -----------> window slider
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, Output, State

from clams_dash.web.ids import Mri, mri_part, mri_slice, mri_slider

NAMESPACE = "clams_mri"


def register(app: Dash) -> None:
    """Connect the scenes of a page.

    Writing a point ``[x, y, z]`` in mm into the store ``mri_part(Mri.TARGET, key)`` moves a scene there without
    loading anything again (a click on a list, a point of the course).
    """
    connect: Callable[..., None] = app.clientside_callback
    each: dict[str, Any] = {"scene": MATCH}

    def part(one: Mri) -> dict[str, Any]:
        return mri_part(one) | each

    state = State(part(Mri.STATE), "data")
    connect(
        ClientsideFunction(NAMESPACE, "show"),
        Output(part(Mri.MESSAGE), "children"),
        Input(part(Mri.STATE), "data"),
        Input(part(Mri.TARGET), "data"),
    )
    connect(
        ClientsideFunction(NAMESPACE, "look"),
        Output(part(Mri.WINDOW_TEXT), "children"),
        Input(part(Mri.WINDOW), "value"),
        Input(part(Mri.OVERLAY), "checked"),
        Input(part(Mri.OPACITY), "value"),
        Input(part(Mri.STYLE), "value"),
        Input(part(Mri.KIND), "value"),
        state,
    )
    connect(
        ClientsideFunction(NAMESPACE, "reset_window"),
        Output(part(Mri.WINDOW), "value"),
        Input(part(Mri.WINDOW_RESET), "n_clicks"),
        state,
        prevent_initial_call=True,
    )
    connect(
        ClientsideFunction(NAMESPACE, "arrange"),
        Output(part(Mri.PANES), "children"),
        Input(part(Mri.LAYOUT), "value"),
        State(part(Mri.ARRANGEMENTS), "data"),
        state,
        prevent_initial_call=True,
    )
    connect(
        ClientsideFunction(NAMESPACE, "plane"),
        Output(part(Mri.SHOWN_PLANE), "data"),
        Input(part(Mri.PLANE), "value"),
        Input(part(Mri.PANES), "children"),
        state,
    )
    connect(
        ClientsideFunction(NAMESPACE, "card"),
        Output(part(Mri.CARD), "children"),
        Output(part(Mri.HISTORY), "figure"),
        Input(part(Mri.CHOSEN), "data"),
        Input(part(Mri.DISPUTED), "data"),
        state,
        State(part(Mri.HISTORY), "figure"),
    )
    one_slider = {"slider": MATCH, **each}
    connect(
        ClientsideFunction(NAMESPACE, "slide"),
        Output(mri_slice("") | one_slider, "data"),
        Input(mri_slider("") | one_slider, "value"),
        state,
    )
