"""What a neurologist does: find a case, see its course, look at the scan, read the perspectives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from clams_dash.cli import app as command_line
from clams_dash.config import Settings
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.web.factory import create_app
from clams_dash.web.pool_services import PoolServices
from tests.browser.conftest import Watch
from tests.browser.screen import dice, expected_lesions, mirrored, pixels, seen_box
from tests.browser.test_viewer import BARE, fact, frame
from tests.browser.viewer_page import Exam, served
from tests.imaging.test_encode import read_vti
from tests.pools import scanned_patient

PATIENCE_MS = 30_000
DESK = {"width": 1366, "height": 768}


def _serve(pool: PoolFolder) -> Iterator[str]:
    settings = Settings(pool_dir=pool.path)
    services = PoolServices(settings)
    with served(create_app(settings, services)) as url:
        yield url.rstrip("/")
    services.close()


@pytest.fixture(scope="module")
def demo_app(demo_pool: PoolFolder) -> Iterator[str]:
    yield from _serve(demo_pool)


@pytest.fixture(scope="module")
def real_app(real_cases: PoolFolder) -> Iterator[str]:
    yield from _serve(real_cases)


@pytest.fixture
def desk(page: Page) -> Page:
    page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    return page


@pytest.fixture
def decoder(browser: Browser) -> Iterator[Page]:
    blank = browser.new_page()
    yield blank
    blank.close()


def open_case(page: Page, url: str, patient: str) -> None:
    page.goto(f"{url}/case/{patient}")
    drawn(page)


def drawn(page: Page) -> None:
    expect(page.locator("#consultation-timeline .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-slot=current][data-ready=true]").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-slot][data-ready=false]")).to_have_count(0, timeout=PATIENCE_MS)


def cyan(rgb: NDArray[np.int16]) -> NDArray[np.bool_]:
    return rgb[..., 2] - rgb[..., 0] > 40


def shown_traces(page: Page, outcome: str) -> list[dict[str, Any]]:
    """Traces of one outcome's plot as the browser holds them."""
    script = """outcome => [...document.querySelectorAll('.js-plotly-plot')]
        .find(plot => plot.closest(`[id*='"outcome":"${outcome}"']`)).data.map(one => ({x: Array.from(one.x)}))"""
    traces: list[dict[str, Any]] = page.evaluate(script, outcome)
    return traces


def _patient19(pool: PoolFolder, source: Any) -> Exam:
    """What the viewer should show: the mask as nibabel reads it, the scan as the pool's display copy at its window."""
    (scan,) = cases.load_case(Database(pool), "cs-patient19").scans
    flair = scan.first_series("FLAIR")
    assert flair is not None
    assert flair.window is not None
    copy = cases.display_copy(Database(pool), flair.series_id)
    assert copy is not None
    low, high = flair.window
    levels = np.clip((read_vti(copy.path.read_bytes()).values_xyzc[..., 0].astype(float) - low) / (high - low), 0, 1)
    folder = source / "cross_sectional" / "MNI" / "patient19"
    mask = nibabel.as_closest_canonical(nibabel.load(next(folder.glob("GOLD_STANDARD*"))))
    lesions = (np.asarray(mask.dataobj) > 0).astype(np.uint8)
    grey = (levels * 255).astype(np.uint8)
    return Exam("patient19", grey, grey > 45, lesions, mask.affine, None)


@pytest.mark.real_data
def test_patient19_opens_with_the_overlay_on_the_lesions_and_left_on_the_left(
    desk: Page, real_app: str, real_cases: PoolFolder, open_ms_data: Any, decoder: Page
) -> None:
    exam = _patient19(real_cases, open_ms_data)
    open_case(desk, real_app, "cs-patient19")
    expect(desk.get_by_text("44 T2 lesions · 49.8 ml")).to_be_visible()
    desk.add_style_tag(content=BARE)
    for plane in ("axial", "coronal", "sagittal"):
        rgb = pixels(decoder, frame(desk, plane))
        box = seen_box(rgb)
        expected = expected_lesions(exam, plane, int(fact(desk, plane, "slice")), box, rgb.shape[:2])
        agreement = dice(cyan(rgb), expected)
        assert agreement > 0.75, plane
        if plane != "sagittal":
            assert dice(cyan(rgb), mirrored(expected, box)) < agreement - 0.2, plane
        assert max(box.width / rgb.shape[1], box.height / rgb.shape[0]) > 0.8, plane


@pytest.mark.real_data
def test_scrolling_fifty_slices_of_a_real_case_asks_the_server_nothing(desk: Page, real_app: str, watch: Watch) -> None:
    open_case(desk, real_app, "cs-patient19")
    desk.wait_for_load_state("networkidle")
    start, asked = fact(desk, "axial", "slice"), len(watch.requests)
    frame(desk, "axial").hover()
    for _ in range(50):
        desk.mouse.wheel(0, -100)
    expect(desk.locator("[data-plane=axial]")).to_have_attribute("data-slice", str(int(start) + 50))
    assert len(watch.requests) == asked


@pytest.mark.real_data
def test_another_sequence_of_the_study_is_one_click(desk: Page, real_app: str) -> None:
    open_case(desk, real_app, "cs-patient19")
    before = desk.locator(".clams-mri").get_attribute("data-image")
    desk.locator("#consultation-sequence").get_by_text("T1 + Gd", exact=True).click()
    expect(desk.locator(".clams-mri")).not_to_have_attribute("data-image", before or "")
    drawn(desk)
    expect(desk.locator(".clams-mri-title")).to_contain_text("T1 + Gd")


def test_a_case_is_found_by_search_and_opened_by_its_link(desk: Page, demo_app: str, demo_pool: PoolFolder) -> None:
    patient = scanned_patient(demo_pool)
    desk.goto(demo_app)
    expect(desk.get_by_text("300 cases · 1 with MRI images")).to_be_visible(timeout=PATIENCE_MS)
    desk.get_by_label("Search cases").fill(patient)
    expect(desk.get_by_text("1 case found")).to_be_visible()
    desk.get_by_role("link", name=patient).click()
    drawn(desk)
    expect(desk.get_by_role("heading", name=patient)).to_be_visible()
    expect(desk.get_by_text("SYNTHETIC", exact=True)).to_be_visible()


def test_the_consultation_fits_the_screen_and_says_it_is_no_medical_device(
    desk: Page, demo_app: str, demo_pool: PoolFolder
) -> None:
    open_case(desk, demo_app, scanned_patient(demo_pool))
    assert desk.evaluate("document.documentElement.scrollHeight") <= DESK["height"]
    assert desk.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    expect(desk.get_by_text("not a medical device")).to_be_in_viewport()


def test_a_click_on_a_scan_in_the_course_opens_it(desk: Page, demo_app: str, demo_pool: PoolFolder) -> None:
    patient = scanned_patient(demo_pool)
    with_images = [scan for scan in cases.load_case(Database(demo_pool), patient).scans if scan.series]
    earliest = with_images[0]
    open_case(desk, demo_app, patient)
    before = desk.locator(".clams-mri").get_attribute("data-image")
    place = desk.evaluate(
        """day => {
            const plot = document.querySelector('#consultation-timeline .js-plotly-plot');
            const trace = plot._fullData.find(one => one.marker && Array.isArray(one.marker.symbol)
                && one.marker.symbol.includes('square'));
            const x = plot._fullLayout[trace.xaxis.replace('x', 'xaxis')];
            const y = plot._fullLayout[trace.yaxis.replace('y', 'yaxis')];
            const box = plot.getBoundingClientRect();
            return [box.left + x._offset + x.d2p(day), box.top + y._offset + y.d2p(trace.y[0])];
        }""",
        earliest.date.isoformat(),
    )
    desk.mouse.move(place[0] - 3, place[1])
    desk.mouse.move(place[0], place[1])
    desk.mouse.click(place[0], place[1])
    expect(desk.locator(".clams-mri")).not_to_have_attribute("data-image", before or "")
    drawn(desk)
    expect(desk.locator("[data-slot=current] .clams-mri-study").first).to_contain_text(earliest.date.isoformat())
    desk.wait_for_function(
        """day => document.querySelector('#consultation-timeline .js-plotly-plot').layout.shapes[0].x0 === day""",
        arg=earliest.date.isoformat(),
    )


def test_a_disputed_lesion_is_counted_as_such_and_the_pool_stays_as_it_is(
    desk: Page, demo_app: str, demo_pool: PoolFolder
) -> None:
    patient = scanned_patient(demo_pool)
    open_case(desk, demo_app, patient)
    desk.get_by_role("button", name="list of lesions and card").click()
    desk.locator(".clams-lesion-row").first.click()
    expect(desk.locator(".clams-card-title")).to_be_visible()
    expect(desk.locator(".clams-card-facts")).to_contain_text("mm³ on")
    version = demo_pool.current_version()
    desk.get_by_role("button", name="Mark as disputed").click()
    expect(desk.locator(".clams-lesions")).to_contain_text("of which 1 disputed")
    expect(desk.locator(".clams-lesion-row").first).to_contain_text("disputed")
    expect(desk.locator(".clams-card-facts")).to_contain_text("by a reader")
    desk.reload()
    drawn(desk)
    expect(desk.locator(".clams-lesions")).to_contain_text("of which 1 disputed")
    desk.get_by_role("button", name="list of lesions and card").click()
    desk.locator(".clams-lesion-row").first.click()
    desk.get_by_role("button", name="Mark as disputed").click()
    expect(desk.locator(".clams-lesions")).not_to_contain_text("disputed")
    assert demo_pool.current_version() == version


def test_the_larger_viewer_fills_the_page_and_gives_it_back(desk: Page, demo_app: str, demo_pool: PoolFolder) -> None:
    open_case(desk, demo_app, scanned_patient(demo_pool))
    panel = desk.locator(".clams-mri-panel")
    desk.keyboard.press("f")
    expect(panel).to_have_class(re.compile("is-large"))
    box = panel.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (DESK["width"], DESK["height"] - 22)
    expect(desk.get_by_text("not a medical device")).to_be_in_viewport()
    expect(desk.locator(".clams-lesion-list")).to_be_visible()
    desk.keyboard.press("f")
    expect(panel).not_to_have_class(re.compile("is-large"))


def test_the_solid_view_of_a_case_is_one_click(desk: Page, demo_app: str, demo_pool: PoolFolder) -> None:
    open_case(desk, demo_app, scanned_patient(demo_pool))
    desk.get_by_text("3D", exact=True).click()
    expect(desk.locator("[data-solid]")).to_have_attribute("data-ready", "true", timeout=PATIENCE_MS)
    for letter in "RLAPSI":
        expect(desk.locator(f"[data-towards={letter}]")).to_be_visible()


def test_the_page_and_the_command_line_give_the_same_predictions(
    desk: Page, demo_app: str, demo_pool: PoolFolder
) -> None:
    patient = scanned_patient(demo_pool)
    printed = CliRunner().invoke(command_line, ["predict", patient, "--json", "--pool", str(demo_pool.path)])
    assert printed.exit_code == 0, printed.output
    outcomes = json.loads(printed.stdout)["outcomes"]
    open_case(desk, demo_app, patient)
    for outcome in ("relapse", "worsening"):
        expected = {(one["low"], one["risk"], one["high"]) for one in outcomes[outcome] if one["risk"] is not None}
        assert len(expected) >= 2
        traces = shown_traces(desk, outcome)
        shown = {(line["x"][0], dot["x"][0], line["x"][1]) for line, dot in zip(traces[::2], traces[1::2], strict=True)}
        assert np.array(sorted(shown)) == pytest.approx(np.array(sorted(expected)), abs=1e-12)


def test_a_case_without_images_says_so(desk: Page, demo_app: str, demo_pool: PoolFolder) -> None:
    everyone, _ = cases.case_page(Database(demo_pool), rows=300)
    desk.goto(f"{demo_app}/case/{everyone[-1].patient_id}")
    gap = desk.get_by_text("in the pool.").or_(desk.get_by_text("No MRI study on record."))
    expect(gap).to_be_visible(timeout=PATIENCE_MS)


def test_an_unknown_case_leads_back_to_the_list(page: Page, demo_app: str, watch: Watch) -> None:
    watch.expected.append("404")
    answer = page.goto(f"{demo_app}/case/nobody")
    assert answer is not None
    assert answer.status == 404
    page.get_by_role("link", name="All cases").click()
    expect(page.locator(".ag-row").first).to_be_visible(timeout=PATIENCE_MS)


def test_the_course_is_read_from_onset_for_two_years_and_by_another_definition(
    demo_app: str, demo_pool: PoolFolder, desk: Page, watch: Watch
) -> None:
    desk.goto(f"{demo_app}/case/{scanned_patient(demo_pool)}")
    course = desk.locator("#consultation-timeline")
    expect(course.locator(".main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    desk.get_by_text("since onset", exact=True).click()
    first = course.get_by_text(re.compile(r"^\+\d+ (y|mo)$")).first
    expect(first).to_be_visible(timeout=PATIENCE_MS)
    wide = first.text_content()
    desk.get_by_text("2 years", exact=True).click()
    expect(first).not_to_have_text(wide or "", timeout=PATIENCE_MS)
    desk.get_by_role("button", name="Definitions").click()
    desk.get_by_text("12 weeks", exact=True).click()
    expect(desk.locator("#consultation-defined")).to_contain_text("12 weeks", timeout=PATIENCE_MS)
    assert watch.unexpected() == []


def test_print_gives_the_letter_in_one_click(demo_app: str, demo_pool: PoolFolder, desk: Page) -> None:
    patient = scanned_patient(demo_pool)
    desk.goto(f"{demo_app}/case/{patient}")
    link = desk.get_by_role("link", name="Print")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    answer = desk.request.get(f"{demo_app}{link.get_attribute('href')}")
    assert answer.status == 200
    assert answer.body().startswith(b"%PDF-")
