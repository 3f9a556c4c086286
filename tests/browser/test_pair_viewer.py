"""Prior beside current as a reader uses them: same slice and zoom, from one new lesion to the next, in 3D, by touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from clams_dash.imaging.encode import mask_vti
from clams_dash.web.mri.scene import Scene, Target
from tests.browser.chromium import find_chromium
from tests.browser.conftest import LAUNCH_ARGUMENTS, Watch
from tests.browser.screen import dice, expected_lesions, mirrored, orange, pixels, seen_box
from tests.browser.test_viewer import BARE
from tests.browser.viewer_page import CYAN, ORANGE, Exam, phantom, served, viewer_app

OLD_MM = (-30.0, -24.0, 6.0)
LARGE_NEW_MM = (31.5, 21.6, 15.0)
SMALL_NEW_MM = (-22.5, 39.6, -18.0)
ENLARGING_MM = (15.0, -48.0, 21.0)
STOPS_MM = {"2": LARGE_NEW_MM, "3": SMALL_NEW_MM, "4": ENLARGING_MM}


def lesion_coloured(rgb: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Pixels of the new lesions, rim and inside."""
    tinted: NDArray[np.bool_] = rgb[..., 0] - rgb[..., 2] > 25
    return tinted


def _with(exam: Exam, name: str, spots: dict[tuple[float, float, float], tuple[float, int]]) -> Exam:
    """The exam with round lesions: centre in mm to radius in mm and label (1 = orange, 2 = cyan)."""
    x, y, z = np.meshgrid(
        *(s * np.arange(n) + o for s, o, n in zip(exam.spacing_mm, exam.origin_mm, exam.levels.shape, strict=True)),
        indexing="ij",
    )
    lesions = np.zeros_like(exam.lesions)
    for (cx, cy, cz), (radius, label) in spots.items():
        lesions[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= radius**2] = label
    return replace(exam, name=name, lesions=lesions)


@pytest.fixture(scope="module")
def exams() -> dict[str, Exam]:
    empty = phantom("brain", LARGE_NEW_MM, None)
    prior = _with(empty, "prior", {OLD_MM: (9, 2)})
    current = _with(
        empty, "current", {OLD_MM: (9, 2), LARGE_NEW_MM: (9, 1), SMALL_NEW_MM: (5, 1), ENLARGING_MM: (6, 1)}
    )
    return {"prior": prior, "current": current}


def _scene(exams: dict[str, Exam], **changes: object) -> Scene:
    now = exams["current"]
    targets = (
        Target("1", OLD_MM, "stable", "Stable lesion"),
        *(Target(key, mm, "new", f"New lesion {key}") for key, mm in STOPS_MM.items()),
    )
    scene = Scene(
        image=now.image(),
        start_mm=None,
        caption="pair",
        prior=exams["prior"].image(),
        targets=targets,
        tour=tuple(STOPS_MM),
        opens_on="2",
        surfaces=now.surfaces(),
        place="pair",
    )
    return replace(scene, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def address(exams: dict[str, Exam]) -> Iterator[str]:
    files = {name: content for exam in exams.values() for name, content in exam.files().items()}
    grids = {name: exam.grid() for exam in exams.values() for name in (exam.name, f"{exam.name}-lesions")}
    pages = {
        "pair": {"current": _scene(exams)},
        "apart": {"current": _scene(exams, linked=False, place="apart")},
        "swapped": {"current": _scene(exams, image=exams["prior"].image(), prior=exams["current"].image())},
    }
    rims = mask_vti(exams["current"].lesions, exams["current"].affine, {1: ORANGE, 2: CYAN}, inside_alpha_share=0.3)
    assert rims is not None
    files["current-lesions.vti"] = rims
    with served(viewer_app(pages, files | exams["current"].meshes(), "pair", grids)) as url:
        yield url


@pytest.fixture
def pair(page: Page, address: str) -> Page:
    page.set_viewport_size({"width": 760, "height": 420})
    page.goto(address)
    _drawn(page)
    return page


@pytest.fixture(scope="module")
def decoder(browser: Browser) -> Iterator[Page]:
    blank = browser.new_page()
    yield blank
    blank.close()


@pytest.fixture
def look(pair: Page, decoder: Page) -> Callable[[str], NDArray[np.int16]]:
    """Pixels of a study's frame without letters and crosshair."""
    pair.add_style_tag(content=BARE)
    return lambda slot: pixels(decoder, frame(pair, slot))


def _drawn(page: Page) -> None:
    expect(page.locator("[data-slot][data-ready=true]")).to_have_count(2, timeout=20_000)
    expect(page.locator("[data-slot=current]")).to_have_attribute("data-slice", "25")


def pane(page: Page, slot: str) -> Locator:
    return page.locator(f"[data-slot={slot}]")


def frame(page: Page, slot: str) -> Locator:
    return pane(page, slot).locator(".clams-mri-frame")


def index(page: Page, slot: str) -> int:
    return int(pane(page, slot).get_attribute("data-slice") or "-1")


def at(page: Page) -> str:
    return page.locator(".clams-mri-point").inner_text()


def wait_for_slices(page: Page, prior: int, current: int) -> None:
    expect(pane(page, "prior")).to_have_attribute("data-slice", str(prior))
    expect(pane(page, "current")).to_have_attribute("data-slice", str(current))


def test_it_opens_on_the_largest_new_lesion_which_only_the_current_study_has(
    pair: Page, look: Callable[[str], NDArray[np.int16]], exams: dict[str, Exam]
) -> None:
    assert index(pair, "prior") == index(pair, "current") == 25
    assert at(pair) == "R 31.5 · A 21.6 · S 15.0 mm"
    assert not orange(look("prior")).any()
    rgb = look("current")
    box = seen_box(rgb)
    expected = expected_lesions(exams["current"], "axial", 25, box, rgb.shape[:2])
    assert dice(lesion_coloured(rgb), expected) > 0.9
    assert dice(lesion_coloured(rgb), mirrored(expected, box)) < 0.5


def test_the_wheel_over_either_study_steps_both_and_asks_the_server_nothing(pair: Page, watch: Watch) -> None:
    asked = len(watch.requests)
    frame(pair, "prior").hover()
    for _ in range(7):
        pair.mouse.wheel(0, -100)
    wait_for_slices(pair, 32, 32)
    frame(pair, "current").hover()
    for _ in range(9):
        pair.mouse.wheel(0, 100)
    wait_for_slices(pair, 23, 23)
    assert len(watch.requests) == asked


def test_n_goes_to_the_next_change_and_shift_n_back(pair: Page, watch: Watch) -> None:
    asked = len(watch.requests)
    places = ["R 31.5 · A 21.6 · S 15.0 mm", "L 22.5 · A 39.6 · I 18.0 mm", "R 15.0 · P 48.0 · S 21.0 mm"]
    point = pair.locator(".clams-mri-point")
    for place in (places[1], places[2], places[0]):
        pair.keyboard.press("n")
        expect(point).to_have_text(place)
    for place in (places[2], places[1]):
        pair.keyboard.press("Shift+N")
        expect(point).to_have_text(place)
    assert len(watch.requests) == asked


def test_a_click_in_one_study_moves_the_crosshair_of_both(pair: Page) -> None:
    frame(pair, "prior").click(position={"x": 150, "y": 120})
    where = "slot => getComputedStyle(document.querySelector(`[data-slot=${slot}] .clams-mri-frame`))"
    points = [
        pair.evaluate(
            f"slot => ['x', 'y'].map(axis => ({where})(slot).getPropertyValue(`--clams-mri-${{axis}}`))", slot
        )
        for slot in ("prior", "current")
    ]
    assert points[0] == points[1]
    assert abs(float(points[0][0].removesuffix("px")) - 150) < 3


@pytest.mark.parametrize(("key", "letters"), [("c", "RLSI"), ("s", "APSI")])
def test_another_plane_shows_the_same_lesion_in_both(
    pair: Page, look: Callable[[str], NDArray[np.int16]], exams: dict[str, Exam], key: str, letters: str
) -> None:
    plane = {"c": "coronal", "s": "sagittal"}[key]
    pair.keyboard.press(key)
    for slot in ("prior", "current"):
        expect(pane(pair, slot)).to_have_attribute("data-plane", plane)
        for edge, letter in zip(("left", "right", "top", "bottom"), letters, strict=True):
            expect(frame(pair, slot).locator(f".clams-mri-{edge}")).to_have_text(letter)
    rgb = look("current")
    box = seen_box(rgb)
    expected = expected_lesions(exams["current"], plane, index(pair, "current"), box, rgb.shape[:2])
    assert dice(lesion_coloured(rgb), expected) > 0.9
    assert not orange(look("prior")).any()
    slider = pair.get_by_role("slider", name=f"{plane} slice", exact=True)
    slider.press("End")
    last = exams["current"].levels.shape[{"coronal": 1, "sagittal": 0}[plane]] - 1
    wait_for_slices(pair, last, last)


def test_zoom_and_pan_go_in_step_and_a_double_click_undoes_them(pair: Page) -> None:
    scale = float(pane(pair, "prior").get_attribute("data-mm-per-pixel") or "nan")
    frame(pair, "current").hover(position={"x": 100, "y": 100})
    pair.keyboard.down("Control")
    for _ in range(4):
        pair.mouse.wheel(0, -100)
    pair.keyboard.up("Control")
    zoomed = [float(pane(pair, slot).get_attribute("data-mm-per-pixel") or "nan") for slot in ("prior", "current")]
    assert zoomed[0] == zoomed[1] == pytest.approx(scale / 1.15**4)
    before = pane(pair, "prior").get_attribute("data-center-mm")
    box = frame(pair, "current").bounding_box()
    assert box is not None
    pair.keyboard.down("Shift")
    pair.mouse.move(box["x"] + 100, box["y"] + 100)
    pair.mouse.down()
    pair.mouse.move(box["x"] + 140, box["y"] + 120, steps=4)
    pair.mouse.up()
    pair.keyboard.up("Shift")
    moved = pane(pair, "prior").get_attribute("data-center-mm")
    assert moved == pane(pair, "current").get_attribute("data-center-mm") != before
    x_before, y_before = (float(part) for part in (before or "").split())
    x_now, y_now = (float(part) for part in (moved or "").split())
    assert (x_now - x_before, y_now - y_before) == pytest.approx((40 * zoomed[0], 20 * zoomed[0]), rel=0.02)
    frame(pair, "current").dblclick(position={"x": 30, "y": 30})
    expect(pane(pair, "prior")).to_have_attribute("data-mm-per-pixel", str(scale))


def test_scans_that_do_not_lie_in_one_space_are_shown_apart_and_say_so(pair: Page) -> None:
    pair.evaluate("window.dash_clientside.set_props('shown', {data: 'apart'})")
    expect(pair.get_by_text("not in step: the two scans do not lie in one space")).to_be_visible(timeout=20_000)
    _drawn(pair)
    frame(pair, "prior").hover()
    for _ in range(5):
        pair.mouse.wheel(0, 100)
    wait_for_slices(pair, 20, 25)


def test_the_overlay_can_be_fainter_filled_or_an_outline(pair: Page, look: Callable[[str], NDArray[np.int16]]) -> None:
    display = pair.get_by_text("Display", exact=True)

    def tinted() -> int:
        return int(lesion_coloured(look("current")).sum())

    rim = tinted()
    strong = int((look("current")[..., 0] - look("current")[..., 2]).max())
    display.click()
    pair.get_by_text("Outline", exact=True).click()
    display.click()
    outline = tinted()
    assert 0 < outline < 0.8 * rim, "nothing is drawn inside an outline"
    display.click()
    pair.get_by_text("Filled", exact=True).click()
    slider = pair.get_by_role("slider", name="overlay opacity")
    for _ in range(12):
        slider.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuenow", "40")
    display.click()
    rgb = look("current")
    assert int((rgb[..., 0] - rgb[..., 2]).max()) < 0.6 * strong
    assert tinted() > outline


def test_three_planes_of_the_current_study_are_one_click_away_and_back(pair: Page) -> None:
    pair.get_by_text("Planes", exact=True).click()
    expect(pair.locator("[data-slot=current][data-ready=true]")).to_have_count(3, timeout=20_000)
    expect(pair.locator(".clams-mri-point")).to_have_text("R 31.5 · A 21.6 · S 15.0 mm")
    pair.get_by_text("Pair", exact=True).click()
    _drawn(pair)


def test_going_to_another_study_and_back_loads_nothing_twice(pair: Page, watch: Watch) -> None:
    def loaded() -> int:
        return sum(".vti" in request.url for request in watch.requests)

    before = loaded()
    pair.evaluate("window.dash_clientside.set_props('shown', {data: 'swapped'})")
    expect(pair.locator("[data-image='/volume/prior.vti'] [data-slot][data-ready=true]")).to_have_count(2)
    assert loaded() == before
    expect(pair.locator(".clams-mri-point")).to_have_text("R 31.5 · A 21.6 · S 15.0 mm")


def _lesion_centre(rgb: NDArray[np.int16]) -> tuple[float, float]:
    rows, columns = np.nonzero(orange(rgb))
    return float(columns.mean()) / rgb.shape[1], float(rows.mean()) / rgb.shape[0]


def test_the_solid_view_has_each_lesion_on_its_side(
    page: Page, address: str, decoder: Page, exams: dict[str, Exam]
) -> None:
    """The large new lesion lies right, in front and above; seen from each face of the head it must lie there."""
    only = replace(exams["current"], name="only")
    only = _with(only, "only", {LARGE_NEW_MM: (9, 1)})
    scene = replace(only.scene(), surfaces=only.surfaces(), start_mm=(0.0, 0.0, 0.0))
    with served(viewer_app({"a": {"current": scene}}, only.files() | only.meshes(), "a")) as url:
        page.set_viewport_size({"width": 900, "height": 480})
        page.goto(url)
        expect(page.locator("[data-slot][data-ready=true]")).to_have_count(3, timeout=20_000)
        page.get_by_text("3D", exact=True).click()
        solid = page.locator("[data-solid]")
        expect(solid).to_have_attribute("data-ready", "true", timeout=20_000)
        page.add_style_tag(
            content=".clams-mri-towards, .clams-mri-ring, .clams-mri-faces { visibility: hidden !important }"
        )
        seen = {}
        for face in "RLAPSI":
            page.evaluate(
                """face => document.querySelector(`[data-mri-with='${face}']`)
                    .dispatchEvent(new MouseEvent('click', {bubbles: true}))""",
                face,
            )
            expect(solid).to_have_attribute("data-face", face)
            seen[face] = _lesion_centre(pixels(decoder, solid))
    assert seen["A"][0] < 0.47, "from the front the patient's right is at the viewer's left"
    assert seen["P"][0] > 0.53
    assert seen["S"][0] > 0.53, "from above, with the face up, the patient's right is at the viewer's right"
    assert seen["S"][1] < 0.47, "and anterior is up"
    assert seen["I"][0] < 0.47
    assert seen["R"][0] > 0.53, "from the right the face looks to the viewer's right"
    assert seen["L"][0] < 0.47
    assert all(seen[face][1] < 0.47 for face in "RLAP"), "above the middle"


def test_one_finger_steps_slices_and_two_zoom(pair: Page) -> None:
    send = """([id, kind, x, y]) => {
      const glass = document.querySelector("[data-slot=current] .clams-mri-glass");
      glass.setPointerCapture = () => {};
      const box = glass.getBoundingClientRect();
      const button = kind === "pointerdown" ? 0 : -1;
      glass.dispatchEvent(new PointerEvent(kind, { pointerId: id, pointerType: "touch", button,
        clientX: box.left + x, clientY: box.top + y, bubbles: true, cancelable: true }));
    }"""
    start = index(pair, "current")
    for event in (
        [1, "pointerdown", 150, 200],
        [1, "pointermove", 150, 170],
        [1, "pointermove", 150, 150],
        [1, "pointerup", 150, 150],
    ):
        pair.evaluate(send, event)
    wait_for_slices(pair, start + 5, start + 5)
    scale = float(pane(pair, "current").get_attribute("data-mm-per-pixel") or "nan")
    for event in (
        [1, "pointerdown", 100, 100], [2, "pointerdown", 200, 100], [2, "pointermove", 300, 100],
        [2, "pointerup", 300, 100], [1, "pointerup", 100, 100],
    ):  # fmt: skip
        pair.evaluate(send, event)
    assert float(pane(pair, "prior").get_attribute("data-mm-per-pixel") or "nan") == pytest.approx(scale / 2)


def test_without_webgl_the_slices_come_as_pictures_the_right_way_round(
    browser: Browser, address: str, exams: dict[str, Exam], decoder: Page
) -> None:
    arguments = [*LAUNCH_ARGUMENTS[:1], "--disable-3d-apis"]
    flat = browser.browser_type.launch(executable_path=find_chromium(), args=arguments)
    page = flat.new_page(viewport={"width": 760, "height": 420})
    page.goto(address)
    _drawn(page)
    page.add_style_tag(content=BARE)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.clams-mri-still:not([hidden])')].every(one => one.complete)"
    )
    rgb = pixels(decoder, frame(page, "current"))
    box = seen_box(rgb)
    expected = expected_lesions(exams["current"], "axial", 25, box, rgb.shape[:2])
    assert dice(lesion_coloured(rgb), expected) > 0.85
    assert dice(lesion_coloured(rgb), mirrored(expected, box)) < 0.5
    assert not orange(pixels(decoder, frame(page, "prior"))).any()
    frame(page, "prior").hover()
    page.mouse.wheel(0, 100)
    wait_for_slices(page, 24, 24)
    page.keyboard.press("n")
    expect(page.locator(".clams-mri-point")).to_have_text("L 22.5 · A 39.6 · I 18.0 mm")
    flat.close()
