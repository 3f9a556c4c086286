"""Views of dash-vtk: slices of volumes and surfaces of meshes. The only module that imports dash-vtk.

Nothing is loaded here: ``assets/mri`` fetches each file once, hands it to the readers below and draws on demand, so
scrolling, window, overlay and crosshair make no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_vtk
from dash.development.base_component import Component

from clams_dash.palette import Colour

_BLACK = [0.0, 0.0, 0.0]
_FILL = {"width": "100%", "height": "100%"}
# Opacity 1 would put an overlay into the opaque pass, where it hides the scan.
_OVERLAY_OPACITY = 0.99
_BRAIN_OPACITY = 0.34
_SURFACE_COLOURS = {
    "brain": Colour.BRAIN,
    "lesions_new": Colour.NEW_LESION,
    "lesions_enlarging": Colour.ENLARGING_LESION,
    "lesions_stable": Colour.STABLE_LESION,
    "lesions_resolved": Colour.RESOLVED_LESION,
}


def slice_view(window: tuple[float, float], *, with_readers: bool) -> Component:
    """One slice with an overlay; the view with readers unpacks the volumes for all views of its scene."""
    low, high = window
    levels = {"colorWindow": high - low, "colorLevel": (high + low) / 2, "interpolationType": 1}
    colours = {"independentComponents": False, "opacity": _OVERLAY_OPACITY, "interpolationType": 0}
    return _view([_slices(levels, with_readers), _slices(colours, with_readers)])


def surface_view(kinds: Sequence[str]) -> Component:
    """Surfaces, translucent for the brain and solid for lesions, in the order of the scene's meshes."""
    return _view([_surface(kind, number) for number, kind in enumerate(kinds)])


def _view(children: list[Component]) -> Component:
    view: Component = dash_vtk.View(
        children, background=_BLACK, cameraParallelProjection=True, interactorSettings=[], style=_FILL
    )
    return view


def _reader(kind: str) -> Component:
    reader: Component = dash_vtk.Reader(vtkClass=kind, renderOnUpdate=False, resetCameraOnUpdate=False)
    return reader


def _slices(look: dict[str, Any], with_reader: bool) -> Component:
    slices: Component = dash_vtk.SliceRepresentation(
        [_reader("vtkXMLImageDataReader")] if with_reader else [],
        property=look,
        colorDataRange=[0, 255],
        # Picking on slices throws in dash-vtk 0.0.9. The script also knows by it which layers React has mounted.
        actor={"visibility": False, "pickable": False},
    )
    return slices


def _surface(kind: str, number: int) -> Component:
    is_brain = kind == "brain"
    look = {
        "color": Colour(_SURFACE_COLOURS[kind]).shares(),
        "opacity": _BRAIN_OPACITY if is_brain else 1.0,
        # A surface has no lines: their width carries its number, by which the script knows it.
        "lineWidth": number + 1,
        "ambient": 0.2,
        "diffuse": 0.85,
        "specular": 0.25 if is_brain else 0.1,
        "specularPower": 24,
        "backfaceCulling": is_brain,
    }
    surface: Component = dash_vtk.GeometryRepresentation(
        [_reader("vtkXMLPolyDataReader")],
        property=look,
        mapper={"scalarVisibility": False},
        actor={"visibility": False, "pickable": False},
    )
    return surface
