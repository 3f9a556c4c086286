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
from clams_dash.web.ids import Mri, mri_part, mri_slider
from clams_dash.web.mri.callbacks import register
from clams_dash.web.mri.panes import scene_component
from clams_dash.web.mri.scene import PLANE_AXIS, Scene, SceneImage, Surface, Target

OF_THE_PANEL = (Mri.CARD, Mri.HISTORY, Mri.DISPUTED)
"""Parts that stand beside the scene (views/lesion_panel.py)."""
BRAIN_MM = ((-70.0, -100.0, -50.0), (70.0, 75.0, 80.0))


def image(**changes: Any) -> SceneImage:
    values: dict[str, Any] = {
        "url": "/volume/7.vti",
        "shape_ras": (182, 218, 60),
        "spacing_mm": (1.0, 1.0, 3.0),
        "origin_mm": (-90.0, -126.0, -72.0),
        "window": (10.0, 200.0),
        "brain_box_mm": BRAIN_MM,
        "overlays": {"lesions": "/volume/7-lesions.vti"},
    }
    return SceneImage(**(values | changes))


def scene(*, start_mm: Any = (20.0, -30.0, 15.0), **changes: Any) -> Scene:
    return Scene(**({"image": image(), "start_mm": start_mm, "caption": "FLAIR · 20 Apr 2026"} | changes))


def lesion(key: str, position_mm: Any, change: str = "new") -> Target:
    return Target(key, position_mm, change, f"{change} lesion {key}", (("Volume", "85 mm³"),))


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
    current = state["slots"]["current"]
    assert (current["url"], current["overlays"]) == ("/volume/7.vti", {"lesions": "/volume/7-lesions.vti"})
    assert len(text) < 2_000


def test_the_viewer_opens_on_the_lesion_it_is_told_to() -> None:
    targets = (lesion("1", (0.0, 0.0, 0.0), "stable"), lesion("2", (20.4, -30.4, 16.0)))
    opened = scene(start_mm=None, targets=targets, tour=("2",), opens_on="2")
    assert opened.start_indices() == (110, 96, 29)
    assert part(scene_component(opened), mri_part(Mri.STATE)).data["tour"] == ("2",)


def test_a_tour_visits_only_lesions_there_are() -> None:
    with pytest.raises(ValueError, match="no such target"):
        scene(targets=(lesion("1", (0.0, 0.0, 0.0)),), tour=("1", "9"))


def test_studies_on_other_grids_never_move_in_step() -> None:
    other = image(url="/volume/6.vti", origin_mm=(-80.0, -126.0, -72.0))
    with pytest.raises(ValueError, match="one grid"):
        scene(prior=other)
    assert scene(prior=other, linked=False).state()["linked"] is False


def test_an_arrangement_is_offered_only_where_there_is_something_to_arrange() -> None:
    def offered(one: Scene) -> list[str]:
        return [each["value"] for each in part(scene_component(one), mri_part(Mri.LAYOUT)).data]

    assert offered(scene()) == ["planes"]
    assert offered(scene(prior=image(url="/volume/6.vti"))) == ["pair", "planes"]
    assert offered(scene(surfaces=(Surface("/volume/m.vtp", "brain"),))) == ["planes", "solid"]


def test_the_convention_and_the_letters_are_printed() -> None:
    children = [getattr(each, "children", None) for each in components(scene_component(scene()))]
    texts = [text for text in children if isinstance(text, str)]
    assert "radiological convention" in texts
    assert [text for text in texts if len(text) == 1 and text.isalpha()] == [*"RLAP", *"RLSI", *"APSI"]
    assert "FLAIR · 20 Apr 2026" in texts


def test_before_anything_is_drawn_the_viewer_says_that_it_loads() -> None:
    message = part(scene_component(scene()), mri_part(Mri.MESSAGE))
    assert message.children == "Loading image …"
    assert message.role == "status"


def test_a_missing_mask_is_said_not_shown_as_an_empty_one() -> None:
    switch = part(scene_component(scene(image=image(overlays={}))), mri_part(Mri.OVERLAY))
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
    script = (ASSETS_DIR / "mri" / "callbacks.js").read_text(encoding="utf-8")
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
    on_page |= {json.dumps(mri_part(each) | {"scene": ["MATCH"]}, sort_keys=True) for each in OF_THE_PANEL}
    any_slider = mri_slider("axial")["part"]
    for callback in app._callback_list:
        for each in [*callback["inputs"], *callback["state"]]:
            identity = json.loads(each["id"])
            if identity["part"] == any_slider:
                identity["slider"] = "axial"
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
