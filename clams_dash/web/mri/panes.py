"""The viewer's elements: panes in one of three arrangements, controls, and the stores the browser works from.

Arrangements: ``pair`` (prior beside current in one plane, which can be chosen), ``planes`` (the current study in three
planes, or both studies where the panel is larger), ``solid`` (the brain's surface beside one plane).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.web.ids import Mri, mri_part, mri_slice, mri_slider
from clams_dash.web.mri.scene import OVERLAYS, PLANE_AXIS, Scene, SceneImage
from clams_dash.web.vtk_scene import slice_view, surface_view

_EDGE_LETTERS = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
_EDGES = ("left", "right", "top", "bottom")
_ARRANGEMENTS = {"pair": "Pair", "planes": "Planes", "solid": "3D"}
_HELP = (
    "The patient's right is on your left. Wheel: slices. Click or drag: crosshair. Right-drag: window. "
    "Shift-drag: pan. Ctrl + wheel: zoom; double click: back. Keys: N next change, O overlay, A C S planes, F larger. "
    "Touch: one finger up and down for slices, two to zoom and pan, tap for the crosshair."
)
_LETTERS_OF_SOLID = "RLAPSI"
_FACE_WORDS = {"R": "right", "L": "left", "A": "front", "P": "back", "S": "above", "I": "below"}


def scene_component(scene: Scene, key: str = "current") -> Component:
    """The viewer, filling its parent; ``key`` tells the scenes of one page apart."""
    arrangements = _arrangements(scene, key)
    first = next(iter(arrangements))
    attributes: dict[str, Any] = {
        "aria-label": f"MRI viewer: {scene.caption}",
        "data-scene": key,
        "data-key": scene.key(),
        "data-image": scene.image.url,
    }
    return html.Div(
        [
            dcc.Store(id=mri_part(Mri.STATE, key), data=_state(scene, key)),
            dcc.Store(id=mri_part(Mri.TARGET, key)),
            dcc.Store(id=mri_part(Mri.CHOSEN, key)),
            dcc.Store(id=mri_part(Mri.SHOWN_PLANE, key)),
            dcc.Store(id=mri_part(Mri.ARRANGEMENTS, key), data=arrangements),
            html.Div(
                [
                    html.Span(scene.caption, className="clams-mri-title"),
                    html.Span(className="clams-mri-point"),
                    html.Span("radiological convention", title=_HELP),
                ],
                className="clams-mri-caption",
            ),
            html.Div(arrangements[first], id=mri_part(Mri.PANES, key), className="clams-mri-stage"),
            _controls(scene, key, list(arrangements)),
            html.Div("Loading image …", id=mri_part(Mri.MESSAGE, key), className="clams-mri-message", role="status"),
        ],
        id=mri_part(Mri.SCENE, key),
        className="clams-mri",
        role="group",
        **attributes,
    )


def _state(scene: Scene, key: str) -> dict[str, Any]:
    """What ``assets/mri`` needs; ids are handed over so that they have one home."""
    return scene.state() | {
        "scene": key,
        "ids": {
            "sliders": {name: mri_slider(name, key) for name in ("pair", *PLANE_AXIS)},
            "window": mri_part(Mri.WINDOW, key),
            "message": mri_part(Mri.MESSAGE, key),
            "target": mri_part(Mri.TARGET, key),
            "plane": mri_part(Mri.PLANE, key),
            "overlay": mri_part(Mri.OVERLAY, key),
            "chosen": mri_part(Mri.CHOSEN, key),
        },
    }


def _arrangements(scene: Scene, key: str) -> dict[str, Component]:
    """What the stage may hold, by name; the first is shown at opening."""
    arrangements: dict[str, Component] = {}
    if scene.prior is not None:
        arrangements["pair"] = _pair(scene, key)
    arrangements["planes"] = _planes(scene, key)
    if scene.surfaces:
        arrangements["solid"] = _solid(scene, key)
    return arrangements


def _stage(name: str, children: Sequence[Component]) -> Component:
    attributes: dict[str, Any] = {"data-arrangement": name}
    return html.Div(list(children), className=f"clams-mri-panes is-{name}", **attributes)


def _pair(scene: Scene, key: str) -> Component:
    panes = [
        _pane(image, "axial", slot, "pair", follows=True, with_readers=slot == "prior")
        for slot, image in scene.slots().items()
    ]
    if not scene.linked:
        panes.append(html.Div("not in step: the two scans do not lie in one space", className="clams-mri-unlinked"))
    return _stage("pair", [*panes, _slider(scene, "pair", "axial", key)])


def _planes(scene: Scene, key: str) -> Component:
    parts: list[Component] = []
    for plane in PLANE_AXIS:
        pane = _pane(scene.image, plane, "current", plane, with_readers=plane == "axial")
        attributes: dict[str, Any] = {"data-cell": plane}
        parts.append(html.Div([pane, _slider(scene, plane, plane, key)], className="clams-mri-cell", **attributes))
    return _stage("planes", parts)


def _solid(scene: Scene, key: str) -> Component:
    attributes: dict[str, Any] = {"data-solid": "true", "data-ready": "false"}
    letters = [
        html.Span(letter, className="clams-mri-towards", **{"data-towards": letter})  # type: ignore[arg-type]
        for letter in _LETTERS_OF_SOLID
    ]
    faces = [_deed(letter, "face", f"look from the {_FACE_WORDS[letter]}", letter) for letter in _LETTERS_OF_SOLID]
    stage = html.Div(
        [
            surface_view([surface.kind for surface in scene.surfaces]),
            html.Div(className="clams-mri-glass"),
            *letters,
            html.I(className="clams-mri-ring"),
            html.Div(faces, className="clams-mri-faces", **{"data-mri-for": key}),  # type: ignore[arg-type]
        ],
        className="clams-mri-solid",
        **attributes,
    )
    pane = _pane(scene.image, "axial", "current", "pair", follows=True, with_readers=True)
    return _stage("solid", [stage, pane, _slider(scene, "pair", "axial", key)])


def _pane(
    image: SceneImage, plane: str, slot: str, slider: str, *, follows: bool = False, with_readers: bool = False
) -> Component:
    """One study in one plane. A pane that ``follows`` changes its plane with the choice of planes."""
    attributes: dict[str, Any] = {"data-plane": plane, "data-slot": slot, "data-slider": slider, "data-ready": "false"}
    if follows:
        attributes["data-follows"] = "true"
    if with_readers:
        attributes["data-reader"] = "true"
    letters = [
        html.Span(letter, className=f"clams-mri-letter clams-mri-{edge}")
        for letter, edge in zip(_EDGE_LETTERS[plane], _EDGES, strict=True)
    ]
    return html.Div(
        html.Div(
            [
                slice_view(image.window, with_readers=with_readers),
                html.Div(className="clams-mri-stills"),
                html.Div(className="clams-mri-glass"),
                *letters,
                html.Span(
                    [
                        html.Span(image.caption, className="clams-mri-study"),
                        html.Span([image.sequence, " ", html.Span(className="clams-mri-plane-name")]),
                    ],
                    className="clams-mri-name",
                ),
                html.Span(className="clams-mri-position"),
            ],
            className="clams-mri-frame",
        ),
        className="clams-mri-plane",
        **attributes,
    )


def _slider(scene: Scene, name: str, plane: str, key: str) -> Component:
    axis = PLANE_AXIS[plane]
    slider = dmc.Slider(
        id=mri_slider(name, key),
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
    )
    attributes: dict[str, Any] = {"data-slides": name}
    return html.Div([slider, dcc.Store(id=mri_slice(name, key))], className="clams-mri-slides", **attributes)


def _controls(scene: Scene, key: str, arrangements: list[str]) -> Component:
    attributes: dict[str, Any] = {"data-mri-for": key}
    choices = [{"value": name, "label": _ARRANGEMENTS[name]} for name in arrangements]
    planes = [{"value": name, "label": name.capitalize()} for name in PLANE_AXIS]
    return html.Div(
        [
            dmc.SegmentedControl(
                id=mri_part(Mri.LAYOUT, key),
                data=choices,
                value=arrangements[0],
                size="xs",
                className="clams-mri-choice clams-mri-layout" + ("" if len(choices) > 1 else " is-alone"),
                **{"aria-label": "Arrangement"},
            ),
            dmc.SegmentedControl(
                id=mri_part(Mri.PLANE, key),
                data=planes,
                value="axial",
                size="xs",
                className="clams-mri-choice clams-mri-plane-choice",
                persistence=scene.place or False,
                persistence_type="memory",
                **{"aria-label": "Plane"},
            ),
            _display(scene, key),
            dmc.Switch(
                id=mri_part(Mri.OVERLAY, key),
                label=_overlay_text(scene),
                checked=bool(scene.overlay_kinds()),
                disabled=not scene.overlay_kinds(),
                size="xs",
                className="clams-mri-overlay",
            ),
            _deed("⤢", "larger", "Larger (F)"),
        ],
        className="clams-mri-controls",
        **attributes,
    )


def _overlay_text(scene: Scene) -> str:
    return scene.overlay_text or ("Lesions" if scene.overlay_kinds() else "no lesion mask")


def _display(scene: Scene, key: str) -> Component:
    """Window, and how the overlay is drawn; folded away until asked for."""
    kinds = scene.overlay_kinds()
    window = dmc.RangeSlider(
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
    )
    opacity = dmc.Slider(
        id=mri_part(Mri.OPACITY, key),
        className="clams-mri-opacity",
        min=10,
        max=100,
        step=5,
        value=100,
        updatemode="drag",
        label=None,
        size="xs",
        color="gray",
        thumbLabel="overlay opacity",
    )
    style = dmc.SegmentedControl(
        id=mri_part(Mri.STYLE, key),
        data=[
            {"value": "rim", "label": "Rim"},
            {"value": "outline", "label": "Outline"},
            {"value": "filled", "label": "Filled"},
        ],
        value="rim",
        size="xs",
        className="clams-mri-choice",
        **{"aria-label": "Overlay style"},
    )
    kind = dmc.SegmentedControl(
        id=mri_part(Mri.KIND, key),
        data=[{"value": name, "label": OVERLAYS[name]} for name in kinds],
        value=kinds[0] if kinds else None,
        size="xs",
        className="clams-mri-choice" + ("" if len(kinds) > 1 else " is-alone"),
        **{"aria-label": "Overlay"},
    )
    reset = html.Button("reset", id=mri_part(Mri.WINDOW_RESET, key), type="button", title="Window as at opening")
    return html.Details(
        [
            html.Summary("Display"),
            html.Div(
                [
                    html.Div([html.Span("Window"), window, html.Span(id=mri_part(Mri.WINDOW_TEXT, key)), reset]),
                    html.Div([html.Span("Overlay"), opacity, kind]),
                    html.Div([html.Span("Drawn as"), style]),
                ],
                className="clams-mri-sheet",
            ),
        ],
        className="clams-mri-display",
    )


def _deed(label: str, does: str, title: str, detail: str | None = None) -> Component:
    """A button that the browser acts on by itself."""
    attributes: dict[str, Any] = {"data-mri-does": does, "aria-label": title}
    if detail is not None:
        attributes["data-mri-with"] = detail
    return html.Button(label, type="button", title=title, className="clams-mri-deed", **attributes)
