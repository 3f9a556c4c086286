"""The MRI scene as it leaves the server: where it opens, what it names, and that nothing in it calls back."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from dash.development.base_component import Component
from hypothesis import given
from hypothesis import strategies as st

import clams_dash
from clams_dash.config import ASSETS_DIR
from clams_dash.web.ids import Mri, mri_part, mri_position, mri_slider
from clams_dash.web.vtk_scene import PLANE_AXIS, Scene, SceneImage, register, scene_component

BRAIN_MM = ((-70.0, -100.0, -50.0), (70.0, 75.0, 80.0))


def image(**changes: Any) -> SceneImage:
    values: dict[str, Any] = {
        "url": "/volume/7.vti",
        "shape_ras": (182, 218, 60),
        "spacing_mm": (1.0, 1.0, 3.0),
        "origin_mm": (-90.0, -126.0, -72.0),
        "window": (10.0, 200.0),
        "brain_box_mm": BRAIN_MM,
    }
    return SceneImage(**(values | changes))


def scene(*, overlay_url: str | None = "/volume/7-lesions.vti", start_mm: Any = (20.0, -30.0, 15.0)) -> Scene:
    return Scene(image(), overlay_url, start_mm, "FLAIR · 20 Apr 2026")


def components(root: Component) -> Iterator[Component]:
    yield root
    children = getattr(root, "children", None)
    for child in children if isinstance(children, list) else [children]:
        if isinstance(child, Component):
            yield from components(child)


def part(root: Component, identity: dict[str, str]) -> Any:
    return next(each for each in components(root) if getattr(each, "id", None) == identity)


def test_the_planes_open_at_the_voxel_nearest_the_lesion() -> None:
    assert scene(start_mm=(20.4, -30.4, 16.0)).start_indices() == (110, 96, 29)


def test_without_a_lesion_the_planes_open_in_the_middle_of_the_brain() -> None:
    assert scene(start_mm=None).start_indices() == (90, 114, 29)


def test_without_a_brain_box_the_outer_voxel_edges_are_shown() -> None:
    assert image(brain_box_mm=None).box_mm() == ((-90.5, -126.5, -73.5), (91.5, 91.5, 106.5))


@given(st.tuples(*[st.floats(-1000, 1000)] * 3))
def test_no_point_opens_outside_the_volume(start_mm: tuple[float, float, float]) -> None:
    indices = scene(start_mm=start_mm).start_indices()
    assert all(0 <= index < count for index, count in zip(indices, image().shape_ras, strict=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape_ras": (182, 218, 1)}, "at least two voxels"),
        ({"spacing_mm": (1.0, -1.0, 3.0)}, "above zero"),
        ({"window": (200.0, 10.0)}, "grey levels 0 to 255"),
        ({"window": (0.0, 300.0)}, "grey levels 0 to 255"),
    ],
)
def test_an_image_that_cannot_be_drawn_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        image(**changes)


@pytest.mark.parametrize("plane", PLANE_AXIS)
def test_each_plane_has_a_slider_named_after_it(plane: str) -> None:
    slider = part(scene_component(scene()), mri_slider(plane))
    axis = PLANE_AXIS[plane]
    assert slider.thumbLabel == f"{plane} slice"
    assert (slider.min, slider.max) == (0, image().shape_ras[axis] - 1)
    assert slider.value == scene().start_indices()[axis]


def test_the_browser_is_told_where_to_fetch_and_nothing_of_the_volume_itself() -> None:
    state = part(scene_component(scene()), mri_part(Mri.STATE)).data
    text = json.dumps(state)
    assert (state["url"], state["overlay_url"]) == ("/volume/7.vti", "/volume/7-lesions.vti")
    assert len(text) < 2_000


def test_the_convention_and_the_letters_are_printed() -> None:
    children = [getattr(each, "children", None) for each in components(scene_component(scene()))]
    texts = [text for text in children if isinstance(text, str)]
    assert "radiological convention" in texts
    assert [text for text in texts if len(text) == 1] == [*"RLAP", *"RLSI", *"APSI"]
    assert "FLAIR · 20 Apr 2026" in texts


def test_before_anything_is_drawn_the_viewer_says_that_it_loads() -> None:
    message = part(scene_component(scene()), mri_part(Mri.MESSAGE))
    assert message.children == "Loading image …"
    assert message.role == "status"


def test_a_missing_mask_is_said_not_shown_as_an_empty_one() -> None:
    switch = part(scene_component(scene(overlay_url=None)), mri_part(Mri.OVERLAY))
    assert (switch.label, switch.checked, switch.disabled) == ("no lesion mask", False, True)


def test_two_scenes_share_no_id() -> None:
    first, second = (
        {json.dumps(each.id) for each in components(scene_component(scene(), key)) if hasattr(each, "id")}
        for key in ("prior", "current")
    )
    assert first
    assert not first & second


def test_no_part_of_the_viewer_calls_the_server() -> None:
    app = Dash(__name__)
    register(app)
    callbacks = app._callback_list
    assert callbacks
    assert all(callback["clientside_function"] for callback in callbacks)
    script = (ASSETS_DIR / "clams_mri.js").read_text(encoding="utf-8")
    for callback in callbacks:
        assert f" {callback['clientside_function']['function_name']}(" in script


def test_every_id_of_the_callbacks_is_on_the_page() -> None:
    app = Dash(__name__)
    register(app)
    on_page = {
        json.dumps(identity | {"scene": ["MATCH"]}, sort_keys=True)
        for identity in (getattr(each, "id", None) for each in components(scene_component(scene())))
        if isinstance(identity, dict)
    }
    any_plane = {mri_slider("axial")["part"], mri_position("axial")["part"]}
    for callback in app._callback_list:
        for each in [*callback["inputs"], *callback["state"]]:
            identity = json.loads(each["id"])
            if identity["part"] in any_plane:
                identity["plane"] = "axial"
            assert json.dumps(identity, sort_keys=True) in on_page


def test_only_the_scene_module_imports_dash_vtk() -> None:
    package = Path(clams_dash.__file__).parent
    importers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "dash_vtk" for name in names):
                importers.add(path.relative_to(package).as_posix())
    assert importers == {"web/vtk_scene.py"}
