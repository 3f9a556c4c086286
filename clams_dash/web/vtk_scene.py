"""The MRI scene: three planes through one point of one image, with a lesion overlay.

The only module that imports dash-vtk. Volumes travel by URL and everything faster than a click runs in the browser
(``assets/clams_mri.js``): scrolling, window, overlay and crosshair make no request.

::

    Scene -> scene_component --(Mri.STATE: what to show)--> show: fetch, draw ------> Mri.MESSAGE
             next lesion --(Mri.TARGET: a point in mm) ---> show: move
             sliders, mouse wheel, click -----------------> slide: draw one plane --> position text
             window slider, overlay switch ---------------> look: draw all planes --> window text
             reset ---------------------------------------> reset_window ----------> window slider
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
import dash_vtk
from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from clams_dash.web.ids import Mri, mri_part, mri_position, mri_slider

PLANE_AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
_EDGE_LETTERS = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
_EDGES = ("left", "right", "top", "bottom")
_HELP = (
    "The patient's right is on your left. Wheel: slices. Click or drag: move the other planes to this point. "
    "Right-drag: window."
)
_BLACK = [0.0, 0.0, 0.0]
_NAMESPACE = "clams_mri"

Millimetres = tuple[float, float, float]


@dataclass(frozen=True)
class SceneImage:
    """One image on an axis-aligned RAS+ grid, served as ``.vti`` at ``url``.

    ``window`` holds the grey levels (0 to 255) shown black and white. ``brain_box_mm`` holds the lower and upper corner
    of the brain; each plane is scaled to it. None means the whole volume.
    """

    url: str
    shape_ras: tuple[int, int, int]
    spacing_mm: Millimetres
    origin_mm: Millimetres
    window: tuple[float, float]
    brain_box_mm: tuple[Millimetres, Millimetres] | None

    def __post_init__(self) -> None:
        if min(self.shape_ras) < 2:
            raise ValueError(f"three planes need at least two voxels along each axis, not {self.shape_ras}")
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"voxel sizes must be above zero, not {self.spacing_mm} mm")
        if not 0 <= self.window[0] < self.window[1] <= 255:
            raise ValueError(f"a window lies within grey levels 0 to 255, not {self.window}")

    def index_at(self, axis: int, position_mm: float) -> int:
        """The voxel index nearest a position along one axis, kept inside the volume."""
        index = round((position_mm - self.origin_mm[axis]) / self.spacing_mm[axis])
        return min(max(index, 0), self.shape_ras[axis] - 1)

    def box_mm(self) -> tuple[Millimetres, Millimetres]:
        """The brain's box, or the outer edges of the volume."""
        if self.brain_box_mm is not None:
            return self.brain_box_mm
        grid = list(zip(self.origin_mm, self.spacing_mm, self.shape_ras, strict=True))
        low_x, low_y, low_z = (origin - spacing / 2 for origin, spacing, _ in grid)
        high_x, high_y, high_z = (origin + spacing * (count - 0.5) for origin, spacing, count in grid)
        return (low_x, low_y, low_z), (high_x, high_y, high_z)


@dataclass(frozen=True)
class Scene:
    """What one viewer shows: all planes open at ``start_mm`` (None: the middle of the brain), ``caption`` on top.

    ``overlay_text`` names the overlay, or says why there is none (None: "Lesions" or "no lesion mask").
    """

    image: SceneImage
    overlay_url: str | None
    start_mm: Millimetres | None
    caption: str
    overlay_text: str | None = None

    def start_indices(self) -> tuple[int, int, int]:
        """Voxel index along x, y and z of the planes at opening."""
        low, high = self.image.box_mm()
        x, y, z = self.start_mm or ((a + b) / 2 for a, b in zip(low, high, strict=True))
        return self.image.index_at(0, x), self.image.index_at(1, y), self.image.index_at(2, z)


def scene_component(scene: Scene, key: str = "current") -> Component:
    """The viewer, filling its parent; ``key`` tells the scenes of one page apart."""
    attributes: dict[str, Any] = {
        "aria-label": f"MRI viewer: {scene.caption}",
        "data-scene": key,
        "data-image": scene.image.url,
    }
    return html.Div(
        [
            dcc.Store(id=mri_part(Mri.STATE, key), data=_state(scene, key)),
            dcc.Store(id=mri_part(Mri.TARGET, key)),
            html.Div(
                [
                    html.Span(scene.caption, className="clams-mri-title"),
                    html.Span("radiological convention", title=_HELP),
                ],
                className="clams-mri-caption",
            ),
            html.Div([_plane(scene, plane, key) for plane in PLANE_AXIS], className="clams-mri-planes"),
            _controls(scene, key),
            html.Div("Loading image …", id=mri_part(Mri.MESSAGE, key), className="clams-mri-message", role="status"),
        ],
        id=mri_part(Mri.SCENE, key),
        className="clams-mri",
        role="group",
        **attributes,
    )


def register(app: Dash) -> None:
    """Connect the scenes of a page; nothing here calls the server.

    Writing a point ``[x, y, z]`` in mm into the store ``mri_part(Mri.TARGET, key)`` moves a scene there without
    loading anything again (the next lesion, a click on a list).
    """
    connect: Callable[..., None] = app.clientside_callback
    each: dict[str, Any] = {"scene": MATCH}
    state = State(mri_part(Mri.STATE) | each, "data")
    window = mri_part(Mri.WINDOW) | each
    connect(
        ClientsideFunction(_NAMESPACE, "show"),
        Output(mri_part(Mri.MESSAGE) | each, "children"),
        Input(mri_part(Mri.STATE) | each, "data"),
        Input(mri_part(Mri.TARGET) | each, "data"),
    )
    connect(
        ClientsideFunction(_NAMESPACE, "look"),
        Output(mri_part(Mri.WINDOW_TEXT) | each, "children"),
        Input(window, "value"),
        Input(mri_part(Mri.OVERLAY) | each, "checked"),
        state,
    )
    connect(
        ClientsideFunction(_NAMESPACE, "reset_window"),
        Output(window, "value"),
        Input(mri_part(Mri.WINDOW_RESET) | each, "n_clicks"),
        state,
        prevent_initial_call=True,
    )
    one_plane = {"plane": MATCH, **each}
    connect(
        ClientsideFunction(_NAMESPACE, "slide"),
        Output(mri_position("") | one_plane, "children"),
        Input(mri_slider("") | one_plane, "value"),
        state,
    )


def _state(scene: Scene, key: str) -> dict[str, Any]:
    """What ``clams_mri.js`` needs; ids are handed over so that they have one home."""
    image = scene.image
    return {
        "scene": key,
        "url": image.url,
        "shape": image.shape_ras,
        "spacing_mm": image.spacing_mm,
        "origin_mm": image.origin_mm,
        "box_mm": image.box_mm(),
        "window": image.window,
        "overlay_url": scene.overlay_url,
        "start": scene.start_indices(),
        "ids": {
            "sliders": {plane: mri_slider(plane, key) for plane in PLANE_AXIS},
            "window": mri_part(Mri.WINDOW, key),
            "message": mri_part(Mri.MESSAGE, key),
            "target": mri_part(Mri.TARGET, key),
        },
    }


def _plane(scene: Scene, plane: str, key: str) -> Component:
    axis = PLANE_AXIS[plane]
    attributes: dict[str, Any] = {"data-plane": plane, "data-ready": "false"}
    letters = [
        html.Span(letter, className=f"clams-mri-letter clams-mri-{edge}")
        for letter, edge in zip(_EDGE_LETTERS[plane], _EDGES, strict=True)
    ]
    return html.Div(
        [
            html.Div(
                [
                    _view(scene, plane),
                    html.Div(className="clams-mri-glass"),
                    *letters,
                    html.Span(plane, className="clams-mri-name"),
                    html.Span(id=mri_position(plane, key), className="clams-mri-position"),
                ],
                className="clams-mri-frame",
            ),
            dmc.Slider(
                id=mri_slider(plane, key),
                className="clams-mri-slider",
                min=0,
                max=scene.image.shape_ras[axis] - 1,
                step=1,
                value=scene.start_indices()[axis],
                updatemode="drag",
                label=None,
                size="xs",
                color="gray",
                thumbLabel=f"{plane} slice",
            ),
        ],
        className=f"clams-mri-plane clams-mri-{plane}",
        **attributes,
    )


def _view(scene: Scene, plane: str) -> Component:
    """One dash-vtk view; the axial one also holds the readers, whose images all planes share."""
    low, high = scene.image.window
    levels = {"colorWindow": high - low, "colorLevel": (high + low) / 2, "interpolationType": 1}
    # Opacity 1 would put the overlay into the opaque pass, where it hides the scan.
    colours = {"independentComponents": False, "opacity": 0.99, "interpolationType": 0}
    view: Component = dash_vtk.View(
        [_slices(plane, levels), _slices(plane, colours)],
        background=_BLACK,
        cameraParallelProjection=True,
        interactorSettings=[],
        style={"width": "100%", "height": "100%"},
    )
    return view


def _slices(plane: str, look: dict[str, Any]) -> Component:
    reader = dash_vtk.Reader(vtkClass="vtkXMLImageDataReader", renderOnUpdate=False, resetCameraOnUpdate=False)
    slices: Component = dash_vtk.SliceRepresentation(
        [reader] if plane == "axial" else [],
        property=look,
        colorDataRange=[0, 255],
        # Picking on slices throws in dash-vtk 0.0.9. The script also knows by it which layers React has mounted.
        actor={"visibility": False, "pickable": False},
    )
    return slices


def _controls(scene: Scene, key: str) -> Component:
    return html.Div(
        [
            html.Span("Window", className="clams-mri-label"),
            dmc.RangeSlider(
                id=mri_part(Mri.WINDOW, key),
                className="clams-mri-window",
                min=0,
                max=255,
                minRange=4,
                step=1,
                value=list(scene.image.window),
                updatemode="drag",
                label=None,
                size="xs",
                color="gray",
                thumbFromLabel="grey level shown black",
                thumbToLabel="grey level shown white",
            ),
            html.Span(id=mri_part(Mri.WINDOW_TEXT, key), className="clams-mri-window-text"),
            html.Button("reset", id=mri_part(Mri.WINDOW_RESET, key), type="button", title="Window as at opening"),
            dmc.Switch(
                id=mri_part(Mri.OVERLAY, key),
                label=scene.overlay_text or ("Lesions" if scene.overlay_url else "no lesion mask"),
                checked=scene.overlay_url is not None,
                disabled=scene.overlay_url is None,
                size="xs",
                className="clams-mri-overlay",
            ),
        ],
        className="clams-mri-controls",
    )
