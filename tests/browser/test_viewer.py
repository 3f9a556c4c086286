"""The MRI viewer as a reader sees it: the right brain, the right way round, in the right place, filling its frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, Route, expect
from scipy import ndimage

from clams_dash.config import real_data_dir
from clams_dash.imaging.encode import to_levels
from clams_dash.web.ids import Mri, mri_part
from tests.browser.conftest import Watch
from tests.browser.screen import (
    AXIS,
    brain_size_mm,
    dice,
    expected_lesions,
    mirrored,
    orange,
    pixels,
    px_per_mm,
    seen_box,
)
from tests.browser.viewer_page import PLATE_LEVEL, Exam, phantom, served, viewer_app

RIGHT_LESION_MM = (32.0, 21.0, 14.0)
LEFT_LESION_MM = (-24.0, -40.0, 5.0)
BARE = """.clams-mri-letter, .clams-mri-name, .clams-mri-position { visibility: hidden !important; }
.clams-mri-frame::before, .clams-mri-frame::after, .clams-mri-glass::before, .clams-mri-glass::after
{ display: none !important; }"""


def real_exam() -> Exam | None:
    """FLAIR and consensus mask of a patient with MS, opened at the centre of the largest lesion."""
    folder = real_data_dir() / "open_ms_data" / "cross_sectional" / "MNI" / "patient19"
    if not folder.is_dir():
        return None
    flair = nibabel.as_closest_canonical(nibabel.load(next(folder.glob("FLAIR*.nii.gz"))))
    mask = nibabel.as_closest_canonical(nibabel.load(next(folder.glob("GOLD_STANDARD*.nii.gz"))))
    data, lesions = np.asarray(flair.dataobj), (np.asarray(mask.dataobj) > 0.5).astype(np.uint8)
    levels = to_levels(data, 0.0, float(np.percentile(data[data > 0], 99.8)))
    labels, _ = ndimage.label(lesions)
    largest = int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    x, y, z = nibabel.affines.apply_affine(flair.affine, np.mean(np.argwhere(labels == largest), axis=0))
    return Exam("patient19", levels, levels > 45, lesions, flair.affine, (float(x), float(y), float(z)))


@pytest.fixture(scope="module")
def exams() -> dict[str, Exam]:
    made = [
        phantom("right", RIGHT_LESION_MM, RIGHT_LESION_MM),
        phantom("left", LEFT_LESION_MM, LEFT_LESION_MM),
        phantom("middle", RIGHT_LESION_MM, None),
    ]
    real = real_exam()
    return {exam.name: exam for exam in ([*made, real] if real else made)}


@pytest.fixture(scope="module")
def address(exams: dict[str, Exam]) -> Iterator[str]:
    files = {name: content for exam in exams.values() for name, content in exam.files().items()}
    scene = exams["right"].scene()
    other_grid = replace(scene.image, origin_mm=(0.0, 0.0, 0.0))
    pages = {exam.name: {"current": exam.scene()} for exam in exams.values()} | {
        "pair": {"prior": exams["left"].scene(), "current": exams["right"].scene()},
        "no mask": {"current": replace(scene, image=replace(scene.image, overlays={}))},
        "image missing": {"current": replace(scene, image=replace(scene.image, url="/volume/gone.vti"))},
        "image damaged": {"current": replace(scene, image=replace(scene.image, url="/volume/damaged.vti"))},
        "other grid": {"current": replace(scene, image=other_grid)},
        "mask missing": {
            "current": replace(scene, image=replace(scene.image, overlays={"lesions": "/volume/gone.vti"}))
        },
    }
    files["damaged.vti"] = files["right.vti"][: len(files["right.vti"]) // 2]
    with served(viewer_app(pages, files, first="right")) as url:
        yield url


@pytest.fixture(scope="module")
def decoder(browser: Browser) -> Iterator[Page]:
    blank = browser.new_page()
    yield blank
    blank.close()


@pytest.fixture
def viewer(page: Page, address: str) -> Page:
    page.goto(address)
    wait_until_drawn(page, "right")
    return page


@pytest.fixture(params=["right", "left", pytest.param("patient19", marks=pytest.mark.real_data)])
def exam(request: pytest.FixtureRequest, exams: dict[str, Exam]) -> Exam:
    if request.param not in exams:
        pytest.skip(f"no real scans in {real_data_dir()}")
    return exams[request.param]


def switch(page: Page, name: str) -> None:
    page.evaluate("name => window.dash_clientside.set_props('shown', {data: name})", name)


def wait_until_drawn(page: Page, name: str) -> None:
    drawn = page.locator(f"[data-image='/volume/{name}.vti'] [data-plane][data-ready=true]")
    expect(drawn).to_have_count(3, timeout=20_000)


def show(page: Page, name: str) -> None:
    if page.locator(f"[data-image='/volume/{name}.vti']").count() == 0:
        switch(page, name)
    wait_until_drawn(page, name)


def frame(page: Page, plane: str) -> Locator:
    return page.locator(f"[data-plane={plane}] .clams-mri-frame")


def fact(page: Page, plane: str, name: str) -> float:
    return float(page.locator(f"[data-plane={plane}]").get_attribute(f"data-{name}") or "nan")


def slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def wait_for_slice(page: Page, plane: str, index: int) -> None:
    expect(page.locator(f"[data-plane={plane}]")).to_have_attribute("data-slice", str(index))
    expect(slider(page, f"{plane} slice")).to_have_attribute("aria-valuenow", str(index))


@pytest.fixture
def look(viewer: Page, decoder: Page) -> Callable[[str], NDArray[np.int16]]:
    """Pixels of a plane without letters and crosshair."""
    viewer.add_style_tag(content=BARE)
    return lambda plane: pixels(decoder, frame(viewer, plane))


def test_the_overlay_lies_on_the_lesions_and_left_is_left(
    viewer: Page, look: Callable[[str], NDArray[np.int16]], exam: Exam
) -> None:
    viewer.set_viewport_size({"width": 900, "height": 600})
    show(viewer, exam.name)
    for plane in AXIS:
        rgb = look(plane)
        box, index, seen = seen_box(rgb), int(fact(viewer, plane, "slice")), orange(rgb)
        expected = expected_lesions(exam, plane, index, box, seen.shape)
        assert expected.sum() > 100, plane
        assert dice(seen, expected) > 0.9, plane
        assert dice(seen, mirrored(expected, box)) < 0.75, plane


def test_the_patients_right_is_at_the_viewers_left(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    for plane in ("axial", "coronal"):
        rgb = look(plane)
        middle = (seen_box(rgb).left + seen_box(rgb).right) / 2
        assert np.flatnonzero(orange(rgb).any(axis=0)).max() < middle, plane


@pytest.mark.parametrize("panel", [(534, 380), (900, 600)])
def test_the_brain_fills_its_frame_undistorted(
    viewer: Page, look: Callable[[str], NDArray[np.int16]], exam: Exam, panel: tuple[int, int]
) -> None:
    viewer.set_viewport_size({"width": panel[0], "height": panel[1]})
    show(viewer, exam.name)
    for plane in AXIS:
        rgb = look(plane)
        across, up = px_per_mm(exam, plane, int(fact(viewer, plane, "slice")), seen_box(rgb))
        assert across == pytest.approx(up, rel=0.03), f"{plane}: a millimetre is as long in both directions"
        assert 1 / fact(viewer, plane, "mm-per-pixel") == pytest.approx((across + up) / 2, rel=0.03), plane
        width_mm, height_mm = brain_size_mm(exam, plane)
        assert 0.85 < max(width_mm * across / rgb.shape[1], height_mm * up / rgb.shape[0]) <= 1.0, plane


def test_the_picture_follows_the_size_of_its_panel(viewer: Page) -> None:
    small = fact(viewer, "axial", "mm-per-pixel")
    viewer.set_viewport_size({"width": 1068, "height": 760})
    expect(viewer.locator(f"[data-plane=axial]:not([data-mm-per-pixel='{small}'])")).to_have_count(1)
    assert fact(viewer, "axial", "mm-per-pixel") < small / 1.8


def test_every_slice_says_which_side_is_which(viewer: Page) -> None:
    expect(viewer.get_by_text("radiological convention")).to_be_visible()
    for plane, left, right, top, bottom in (("axial", *"RLAP"), ("coronal", *"RLSI"), ("sagittal", *"APSI")):
        for edge, letter in (("left", left), ("right", right), ("top", top), ("bottom", bottom)):
            expect(frame(viewer, plane).locator(f".clams-mri-{edge}")).to_have_text(letter)
    expect(frame(viewer, "sagittal")).to_contain_text("R 31.5 mm")
    expect(frame(viewer, "axial")).to_contain_text("S 15.0 mm")


def test_the_viewer_opens_at_the_lesion(viewer: Page, exams: dict[str, Exam]) -> None:
    for plane, axis in AXIS.items():
        offset = abs(fact(viewer, plane, "position-mm") - RIGHT_LESION_MM[axis])
        assert offset <= exams["right"].spacing_mm[axis] / 2 + 1e-6


def test_without_a_lesion_the_viewer_opens_in_the_middle_of_the_brain(viewer: Page) -> None:
    show(viewer, "middle")
    assert all(abs(fact(viewer, plane, "position-mm")) <= 1.5 for plane in AXIS)


def test_the_lowest_slice_can_be_shown(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    slider(viewer, "axial slice").press("Home")
    wait_for_slice(viewer, "axial", 0)
    rgb = look("axial")
    assert abs(int(rgb.max()) - PLATE_LEVEL) <= 2
    assert not orange(rgb).any()
    slider(viewer, "axial slice").press("End")
    wait_for_slice(viewer, "axial", 40)
    assert look("axial").max() == 0


def test_arrow_keys_step_through_the_slices(viewer: Page) -> None:
    start = int(fact(viewer, "coronal", "slice"))
    for _ in range(3):
        slider(viewer, "coronal slice").press("ArrowRight")
    wait_for_slice(viewer, "coronal", start + 3)


def test_scrolling_fifty_slices_asks_the_server_nothing(viewer: Page, watch: Watch) -> None:
    start = int(fact(viewer, "coronal", "slice"))
    before = len(watch.requests)
    frame(viewer, "coronal").hover()
    for _ in range(50):
        viewer.mouse.wheel(0, 100)
    wait_for_slice(viewer, "coronal", start - 50)
    expect(frame(viewer, "coronal")).to_contain_text("P 39.6 mm")
    assert len(watch.requests) == before


def test_a_fast_wheel_up_and_down_ends_where_it_began(viewer: Page) -> None:
    starts = {plane: int(fact(viewer, plane, "slice")) for plane in AXIS}
    viewer.evaluate(
        """async () => {
          for (let step = 0; step < 120; step++) {
            document.querySelectorAll(".clams-mri-glass").forEach((glass) => glass.dispatchEvent(
              new WheelEvent("wheel", { deltaY: step % 20 < 10 ? -100 : 100, cancelable: true }),
            ));
            if (step % 2) await new Promise(requestAnimationFrame);
          }
          for (let quiet = 0; quiet < 30; quiet++) await new Promise(requestAnimationFrame);
        }"""
    )
    for plane, start in starts.items():
        wait_for_slice(viewer, plane, start)


def test_the_wheel_stops_at_the_ends(viewer: Page) -> None:
    frame(viewer, "axial").hover()
    for _ in range(45):
        viewer.mouse.wheel(0, -100)
    wait_for_slice(viewer, "axial", 40)


def test_a_click_moves_the_other_planes_to_the_point(
    viewer: Page, look: Callable[[str], NDArray[np.int16]], exams: dict[str, Exam]
) -> None:
    box, axial = seen_box(look("axial")), fact(viewer, "axial", "slice")
    across, up = px_per_mm(exams["right"], "axial", int(axial), box)
    x_mm, y_mm = -30.0, -45.0
    x_px, y_px = (box.left + box.right) / 2 - x_mm * across, (box.top + box.bottom) / 2 - y_mm * up
    frame(viewer, "axial").click(position={"x": x_px, "y": y_px})
    assert fact(viewer, "sagittal", "position-mm") == pytest.approx(x_mm, abs=2)
    assert fact(viewer, "coronal", "position-mm") == pytest.approx(y_mm, abs=2)
    assert fact(viewer, "axial", "slice") == axial
    for plane in ("sagittal", "coronal"):
        wait_for_slice(viewer, plane, int(fact(viewer, plane, "slice")))


def test_dragging_does_not_turn_or_shift_the_slice(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    before = look("axial")
    where = frame(viewer, "axial").bounding_box()
    assert where is not None
    viewer.mouse.move(where["x"] + 80, where["y"] + 100)
    viewer.mouse.down()
    viewer.mouse.move(where["x"] + 180, where["y"] + 200, steps=5)
    viewer.mouse.up()
    viewer.keyboard.press("r")
    assert np.array_equal(look("axial"), before)


def test_another_point_is_reached_without_loading_again(viewer: Page, watch: Watch) -> None:
    before = len(watch.requests)
    viewer.evaluate("id => window.dash_clientside.set_props(id, {data: [-30, 12, -27]})", mri_part(Mri.TARGET))
    for plane, index in (("sagittal", 30), ("coronal", 85), ("axial", 11)):
        wait_for_slice(viewer, plane, index)
    assert len(watch.requests) == before


def test_the_window_changes_the_grey_levels_and_back(
    viewer: Page, look: Callable[[str], NDArray[np.int16]], watch: Watch
) -> None:
    opened, before = look("axial"), len(watch.requests)
    viewer.get_by_text("Display", exact=True).click()
    for _ in range(60):
        slider(viewer, "grey level shown white").press("ArrowLeft")
    expect(viewer.get_by_text("0–76 %")).to_be_visible()
    brighter = look("axial")
    assert brighter.mean() > opened.mean() + 10
    viewer.get_by_role("button", name="reset").click()
    expect(viewer.get_by_text("0–100 %")).to_be_visible()
    viewer.get_by_text("Display", exact=True).click()
    assert np.array_equal(look("axial"), opened)
    assert len(watch.requests) == before


def test_a_right_drag_changes_the_window(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    opened, where = look("axial"), frame(viewer, "axial").bounding_box()
    assert where is not None
    viewer.mouse.move(where["x"] + 150, where["y"] + 100)
    viewer.mouse.down(button="right")
    viewer.mouse.move(where["x"] + 50, where["y"] + 60, steps=4)
    viewer.mouse.up(button="right")
    expect(viewer.get_by_text("12–73 %")).to_have_count(1)
    assert look("axial").mean() > opened.mean() + 10


def test_the_overlay_can_be_switched_off_and_on(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    lesions = viewer.get_by_role("switch", name="Lesions")
    assert orange(look("axial")).sum() > 100
    lesions.uncheck(force=True)
    expect(lesions).not_to_be_checked()
    assert all(not orange(look(plane)).any() for plane in AXIS)
    lesions.check(force=True)
    expect(lesions).to_be_checked()
    assert orange(look("axial")).sum() > 100


def test_switching_scenes_twenty_times_leaves_nothing_behind(
    viewer: Page, look: Callable[[str], NDArray[np.int16]]
) -> None:
    for turn in range(20):
        show(viewer, ("left", "right")[turn % 2])
    canvases = "[...document.querySelectorAll('canvas')].map(c => c.getContext('webgl2').isContextLost())"
    assert viewer.evaluate(canvases) == [False, False, False]
    assert orange(look("axial")).sum() > 100


def test_the_last_of_many_quick_switches_is_shown(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    for name in ("left", "right", "middle", "right", "left"):
        switch(viewer, name)
    wait_until_drawn(viewer, "left")
    box = seen_box(look("axial"))
    assert np.flatnonzero(orange(look("axial")).any(axis=0)).min() > (box.left + box.right) / 2


def test_a_panel_hidden_while_it_loads_is_drawn_when_it_appears(
    viewer: Page, look: Callable[[str], NDArray[np.int16]]
) -> None:
    viewer.evaluate("document.getElementById('host').style.display = 'none'")
    switch(viewer, "left")
    expect(viewer.locator("[data-image='/volume/left.vti'][data-phase=shown]")).to_have_count(1, timeout=20_000)
    assert viewer.locator("[data-ready=true]").count() == 0
    viewer.evaluate("document.getElementById('host').style.display = 'grid'")
    wait_until_drawn(viewer, "left")
    assert orange(look("axial")).sum() > 100


def test_two_scenes_on_one_page_keep_to_themselves(viewer: Page) -> None:
    viewer.set_viewport_size({"width": 1100, "height": 400})
    switch(viewer, "pair")
    expect(viewer.locator("[data-plane][data-ready=true]")).to_have_count(6, timeout=20_000)
    prior, current = (viewer.locator(f"[data-scene={key}] [data-plane=axial]") for key in ("prior", "current"))
    unmoved = current.get_attribute("data-slice") or ""
    viewer.locator("[data-scene=prior] [data-slides=axial]").get_by_role("slider").press("Home")
    expect(prior).to_have_attribute("data-slice", "0")
    expect(current).to_have_attribute("data-slice", unmoved)


def test_an_image_without_a_mask_says_so(viewer: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    show(viewer, "left")
    switch(viewer, "no mask")
    wait_until_drawn(viewer, "right")
    expect(viewer.get_by_text("no lesion mask")).to_be_visible()
    assert not orange(look("axial")).any()


@pytest.mark.parametrize(
    ("name", "words", "complaints"),
    [
        ("image missing", "The image could not be loaded: the server answered 404.", ["404"]),
        ("image damaged", "The image could not be loaded: the file is damaged.", []),
        ("other grid", "its grid is not the one described", []),
    ],
)
def test_an_image_that_cannot_be_shown_says_why_and_shows_no_other(
    viewer: Page, watch: Watch, name: str, words: str, complaints: list[str]
) -> None:
    watch.expected.extend(complaints)
    switch(viewer, name)
    expect(viewer.get_by_role("status")).to_contain_text(words)
    expect(frame(viewer, "axial")).to_be_hidden()
    assert viewer.locator("[data-ready=true]").count() == 0


def test_missing_lesions_are_not_shown_as_no_lesions(viewer: Page, watch: Watch) -> None:
    watch.expected.append("404")
    switch(viewer, "mask missing")
    expect(viewer.get_by_role("status")).to_have_text(
        "The lesion overlay could not be loaded: the server answered 404."
    )
    expect(frame(viewer, "axial")).to_be_visible()


def test_a_lost_graphics_context_is_said_not_shown_as_black(viewer: Page, watch: Watch) -> None:
    watch.expected.append("CONTEXT_LOST_WEBGL")
    viewer.evaluate(
        "document.querySelector('canvas').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    expect(viewer.get_by_role("status")).to_contain_text("graphics context lost")
    expect(frame(viewer, "axial")).to_be_hidden()


def test_another_dash_vtk_is_refused_in_words(page: Page, address: str, watch: Watch) -> None:
    watch.expected.append("does not fit the installed dash-vtk")

    def rename(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("openglRenderWindow", "glWindow"))

    page.route("**/async-ReactVTK*", rename)
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("does not fit the installed dash-vtk", timeout=20_000)
