"""Speed of the MRI viewer in a headless Chromium with software GL, against NiiVue on the same volumes in the same run.

Ours draws one canvas pixel a voxel while the reader scrolls and the slice that stays in full (``full_resolution_ms``).
Both show a prior and a current study with lesions, each in its own canvas of the same size, one axial slice each (and
as a second figure three planes). NiiVue comes from the npm registry by its ordinary client into a temporary folder; it
is no part of the project. Pages are opened in turns, each in a profile of its own, so that both see the same machine.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from clams_dash.cli.output import Report
from clams_dash.config import ASSETS_DIR, Settings, chromium
from clams_dash.errors import ClamsError
from clams_dash.imaging.decode import DisplayGrid, DisplayVolume, read_display

NIIVUE = "@niivue/niivue@0.69.0"
FRAME_PX = (420, 420)
ROUNDS = 5
STEPS = 40
_PATIENCE_MS = 120_000
_SETTLED_MS = 500
_BROWSER = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
)
# Waits until what was asked for is on the canvas, not only queued.
_FINISH = """window.benchFinish = (canvas) => {
  const gl = canvas.getContext("webgl2");
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
};"""
_OUR_READY = """() => {
  const done = () => {
    const panes = [...document.querySelectorAll("[data-slot]")];
    return panes.length >= 2 && panes.every((pane) => pane.dataset.ready === "true");
  };
  const look = () => (done() ? (window.benchReady = performance.now()) : requestAnimationFrame(look));
  requestAnimationFrame(look);
}"""
_OUR_STEPS = """(steps) => {
  const scene = window.clamsMri.activeScene();
  const axial = scene.panes.filter((each) => each.name === "axial");
  const panes = scene.state.linked ? axial.slice(0, 1) : axial;
  const canvases = [...scene.root.querySelectorAll("canvas")];
  const taken = [];
  for (let step = 0; step < steps; step++) {
    const begun = performance.now();
    for (const pane of panes) scene.step(pane, step < steps / 2 ? 1 : -1);
    canvases.forEach(window.benchFinish);
    taken.push(performance.now() - begun);
  }
  return taken;
}"""
_OUR_STILL = """(times) => {
  const scene = window.clamsMri.activeScene();
  const taken = [];
  for (let time = 0; time < times; time++) {
    const begun = performance.now();
    scene.panes.forEach((pane) => pane.draw());
    scene.panes.forEach((pane) => window.benchFinish(pane.painter.canvas));
    taken.push(performance.now() - begun);
  }
  return taken;
}"""
_OUR_RATE = """(seconds) => new Promise((resolve) => {
  const scene = window.clamsMri.activeScene();
  const axial = scene.panes.filter((each) => each.name === "axial");
  const panes = scene.state.linked ? axial.slice(0, 1) : axial;
  const canvases = [...scene.root.querySelectorAll("canvas")];
  const begun = performance.now();
  let steps = 0;
  const step = () => {
    for (const pane of panes) scene.step(pane, Math.floor(steps / 30) % 2 ? -1 : 1);
    canvases.forEach(window.benchFinish);
    steps += 1;
    if (performance.now() - begun < 1000 * seconds) requestAnimationFrame(step);
    else resolve((1000 * steps) / (performance.now() - begun));
  };
  requestAnimationFrame(step);
})"""
_NIIVUE_STEPS = """(steps) => {
  const taken = [];
  for (let step = 0; step < steps; step++) {
    const begun = performance.now();
    for (const viewer of window.benchViewers) viewer.moveCrosshairInVox(0, 0, step < steps / 2 ? 1 : -1);
    for (const viewer of window.benchViewers) window.benchFinish(viewer.canvas);
    taken.push(performance.now() - begun);
  }
  return taken;
}"""
_NIIVUE_PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>peer</title>
<style>body {{ margin: 0; background: #000; }} canvas {{ display: block; }}
div {{ float: left; width: {width}px; height: {height}px; }}</style></head>
<body>{canvases}<script src="./niivue.js"></script><script type="module">
const {{ Niivue }} = window.niivue;
const names = {names};
const viewers = names.map(() => new Niivue({{ isResizeCanvas: true, show3Dcrosshair: false }}));
await Promise.all(viewers.map(async (viewer, number) => {{
  const name = names[number];
  await viewer.attachTo(name);
  viewer.setSliceType(viewer.{slice_type});
  await viewer.loadVolumes([
    {{ url: `./${{name}}.nii.gz`, colormap: "gray" }},
    {{ url: `./${{name}}-lesions.nii.gz`, colormap: "red", opacity: 0.7 }},
  ]);
}}));
viewers.forEach((viewer) => window.benchFinish(viewer.canvas));
window.benchViewers = viewers;
window.benchReady = performance.now();
</script></body></html>"""


@dataclass(frozen=True, slots=True)
class _Pair:
    """The studies both viewers show: display copies by name (``prior``, ``current`` and their ``-lesions``)."""

    files: Mapping[str, bytes]
    volumes: Mapping[str, DisplayVolume]
    patient_id: str


def bench_viewer(progress: Report, rounds: int = ROUNDS) -> dict[str, object]:
    """Milliseconds to both studies drawn with lesions and per step, ours and NiiVue's, and bytes sent per study.

    Raises ClamsError where Playwright, Chromium or npm is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ClamsError(
            "the viewer's benchmark drives a browser by Playwright: install the development tools"
        ) from error
    with tempfile.TemporaryDirectory(prefix="clams-bench-") as name:
        folder = Path(name)
        progress("fetching the peer", 0.05)
        peer = _fetch_niivue(folder)
        progress("building a person with scans", 0.1)
        with _our_app(folder / "pool") as (ours, pair):
            _peer_pages(peer, pair)
            with _serving_folder(peer) as theirs, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=list(_BROWSER))
                measured = _measure(browser, ours, theirs, rounds, progress)
                browser.close()
        sizes = {name: len(content) for name, content in pair.files.items()}
        sent = {path.name: path.stat().st_size for path in peer.glob("*.nii.gz")}
    return {
        "what": f"prior and current with lesions, frames of {FRAME_PX[0]} x {FRAME_PX[1]} px, software GL",
        "peer": NIIVUE,
        "rounds": rounds,
        **measured,
        "bytes_per_study": {
            "ours": sizes["current"] + sizes["current-lesions"],
            "niivue": sent["current.nii.gz"] + sent["current-lesions.nii.gz"],
        },
    }


def _measure(browser: Any, ours: str, theirs: str, rounds: int, progress: Report) -> dict[str, object]:
    pages = {
        "viewer": (f"{ours}/pair/", _OUR_STEPS, _OUR_READY),
        "viewer_planes": (f"{ours}/planes/", _OUR_STEPS, _OUR_READY),
        "consultation": (f"{ours}/case", _OUR_STEPS, _OUR_READY),
        "niivue_axial": (f"{theirs}/axial.html", _NIIVUE_STEPS, None),
        "niivue_multiplanar": (f"{theirs}/multiplanar.html", _NIIVUE_STEPS, None),
    }
    loads: dict[str, list[float]] = {name: [] for name in pages}
    steps: dict[str, list[float]] = {name: [] for name in pages}
    rates: list[float] = []
    stills: list[float] = []
    for number in range(rounds):
        for name, (url, stepping, ready) in pages.items():
            progress(f"round {number + 1} of {rounds}: {name}", 0.2 + 0.8 * number / rounds)
            with _opened(browser, url, ready) as page:
                loads[name].append(page.evaluate("window.benchReady"))
                steps[name] += page.evaluate(stepping, STEPS)
                if name == "viewer":
                    rates.append(page.evaluate(_OUR_RATE, 1.5))
                    page.wait_for_timeout(_SETTLED_MS)
                    stills += page.evaluate(_OUR_STILL, STEPS)
    load = {name: _spread(values) for name, values in loads.items()}
    step = {name: _spread(values) for name, values in steps.items()}

    def ratio(table: dict[str, dict[str, float]], mine: str, peer: str) -> float:
        return round(table[mine]["median"] / table[peer]["median"], 3)

    return {
        "load_ms": load,
        "step_ms": step,
        "ratios": {
            "load_to_axial": ratio(load, "viewer", "niivue_axial"),
            "planes_load_to_multiplanar": ratio(load, "viewer_planes", "niivue_multiplanar"),
            "consultation_load_to_axial": ratio(load, "consultation", "niivue_axial"),
            "step_to_axial": ratio(step, "viewer", "niivue_axial"),
            "planes_step_to_multiplanar": ratio(step, "viewer_planes", "niivue_multiplanar"),
        },
        "full_resolution_ms": _spread(stills),
        "steps_a_second": round(statistics.median(rates), 1),
    }


@contextmanager
def _opened(browser: Any, url: str, ready: str | None) -> Iterator[Any]:
    width, height = FRAME_PX
    context = browser.new_context(viewport={"width": 2 * width + 60, "height": height + 160})
    page = context.new_page()
    page.add_init_script(_FINISH)
    if ready is not None:
        page.add_init_script(f"({ready})()")
    page.goto(url)
    page.wait_for_function("() => window.benchReady !== undefined", timeout=_PATIENCE_MS)
    yield page
    context.close()


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "least": round(min(values), 2),
        "median": round(statistics.median(values), 2),
        "most": round(max(values), 2),
    }


def _fetch_niivue(folder: Path) -> Path:
    """NiiVue's smallest one-file build in a folder of its own, by npm as it is set up on this machine."""
    npm = shutil.which("npm")
    if npm is None:
        raise ClamsError("the peer comes from the npm registry: install npm, or leave this benchmark out")
    packed = folder / "packed"
    packed.mkdir()
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [npm, "pack", NIIVUE, "--silent", "--pack-destination", str(packed)],
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(packed.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        raise ClamsError(f"npm could not fetch {NIIVUE}: {done.stderr.strip()[-300:]}")
    target = folder / "peer"
    target.mkdir()
    with tarfile.open(archives[0]) as archive:
        member = archive.extractfile("package/dist/niivue.umd.js")
        if member is None:
            raise ClamsError(f"{NIIVUE} holds no dist/niivue.umd.js")
        (target / "niivue.js").write_bytes(member.read())
    return target


def _peer_pages(folder: Path, pair: _Pair) -> None:
    """The peer's pages and volumes: the same levels and lesions as NIfTI, prior and current or three planes of one."""
    for name, volume in pair.volumes.items():
        _write_nifti(folder / f"{name}.nii.gz", volume)
    width, height = FRAME_PX
    for kind, slice_type, shown, wide in (
        ("axial", "sliceTypeAxial", ("prior", "current"), width),
        ("multiplanar", "sliceTypeMultiplanar", ("current",), 2 * width),
    ):
        canvases = "".join(f'<div><canvas id="{name}"></canvas></div>' for name in shown)
        page = _NIIVUE_PAGE.format(
            width=wide, height=height, slice_type=slice_type, canvases=canvases, names=list(shown)
        )
        (folder / f"{kind}.html").write_text(page, encoding="utf-8")


def _write_nifti(path: Path, volume: DisplayVolume) -> None:
    grid = volume.grid
    data = np.zeros(grid.shape, dtype=np.uint8)
    part = volume.values[..., 0] if volume.values.shape[3] == 1 else (volume.values[..., 3] > 0).astype(np.uint8)
    x, y, z = volume.first
    data[x : x + part.shape[0], y : y + part.shape[1], z : z + part.shape[2]] = part
    affine = np.diag([*grid.spacing_mm, 1.0])
    affine[:3, 3] = grid.origin_mm
    path.write_bytes(gzip.compress(nib.Nifti1Image(data, affine).to_bytes(), 6, mtime=0))


@contextmanager
def _our_app(pool_dir: Path) -> Iterator[tuple[str, _Pair]]:
    """The app over a small demo pool; ``/bench`` shows the viewer alone, ``/case`` leads to the consultation."""
    from clams_dash.ingest.demo import build_demo
    from clams_dash.pool import cases
    from clams_dash.pool.database import Database
    from clams_dash.pool.folder import PoolFolder
    from clams_dash.web.factory import create_app
    from clams_dash.web.pool_services import PoolServices

    folder = PoolFolder(pool_dir)
    build_demo(folder, patients=8, seed=1, scans=1, progress=lambda doing, share: None)
    database = Database(folder)
    patient_id = cases.case_page(database, rows=1)[0][0].patient_id
    scene, pair = _pair_of(database, patient_id)
    database.close()
    settings = Settings(pool_dir=pool_dir)
    services = PoolServices(settings)
    app = create_app(settings, services)
    with (
        _serving_app(app.server) as consult,
        _serving_app(_viewer_alone(scene, pair, f"{consult}/case/{patient_id}")) as viewer,
    ):
        yield viewer, pair
    services.close()


def _pair_of(database: Any, patient_id: str) -> tuple[Any, _Pair]:
    """The scene of the last study beside its prior, as the consultation shows it, and its files."""
    from clams_dash.pool import cases
    from clams_dash.web.views import mri_panel, study_scene

    case = cases.load_case(database, patient_id)
    last = next(scan for scan in case.scans if scan.study_id == mri_panel.first_study(case))
    pairing = study_scene.pairing_of(case, last, "FLAIR")
    if pairing is None or pairing.prior is None:
        raise ClamsError("the demo's person has no two studies to compare")
    scene = study_scene.scene_of(case, pairing, "FLAIR")
    files: dict[str, bytes] = {}
    volumes: dict[str, DisplayVolume] = {}
    kind = scene.overlay_kinds()[0]
    for slot, image in scene.slots().items():
        for name, url in ((slot, image.url), (f"{slot}-lesions", image.overlays[kind])):
            copy = cases.display_copy(database, url.removeprefix("/volume/").removesuffix(".vti"))
            if copy is None:
                raise ClamsError(f"the demo pool has no file for {name}")
            files[name] = copy.path.read_bytes()
            volumes[name] = read_display(files[name], DisplayGrid(copy.shape, copy.spacing_mm, copy.origin_mm))
    return scene, _Pair(files, volumes, patient_id)


def _viewer_alone(scene: Any, pair: _Pair, consultation: str) -> Any:
    """A server with nothing but the viewer, under the app's headers: ``/pair``, ``/planes``, and on to ``/case``."""
    import dash_mantine_components as dmc
    from dash import Dash, html
    from flask import Flask, Response, redirect

    from clams_dash.security import headers
    from clams_dash.web.mri.callbacks import register
    from clams_dash.web.mri.panes import scene_component

    server: Any = Flask("bench")
    kind = scene.overlay_kinds()[0]
    contents = {
        url: pair.files[name]
        for slot, image in scene.slots().items()
        for name, url in ((slot, image.url), (f"{slot}-lesions", image.overlays[kind]))
    }
    width, height = FRAME_PX
    box = {"display": "grid", "width": 2 * width + 20, "height": height + 130}
    hashes: list[str] = []
    for page, shown in (("pair", scene), ("planes", replace(scene, prior=None))):
        app = Dash(page, server=server, assets_folder=str(ASSETS_DIR), update_title="", url_base_pathname=f"/{page}/")
        app.layout = dmc.MantineProvider(html.Div(scene_component(shown), style=box), forceColorScheme="light")
        register(app)
        hashes += app.csp_hashes()

    def volume(series_id: str) -> Response:
        return Response(contents[f"/volume/{series_id}.vti"], mimetype="application/octet-stream")

    server.add_url_rule("/volume/<series_id>.vti", view_func=volume)
    server.add_url_rule("/case", view_func=lambda: redirect(consultation))
    headers.add_headers(server, hashes)
    return server


@contextmanager
def _serving_app(server: Any) -> Iterator[str]:
    from waitress.server import create_server

    running = create_server(server, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.effective_port}"
    finally:
        running.close()
        thread.join(timeout=5)


@contextmanager
def _serving_folder(folder: Path) -> Iterator[str]:
    from flask import Flask

    server = Flask("peer", static_folder=str(folder), static_url_path="")
    with _serving_app(server) as url:
        yield url
