"""A page with nothing but the MRI viewer, under the headers the app sends, and the images it shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import dash_mantine_components as dmc
import numpy as np
from dash import Dash, Input, Output, dcc, html
from flask import Response, abort
from numpy.typing import NDArray
from waitress.server import create_server

from clams_dash.config import ASSETS_DIR
from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.imaging.encode import image_vti, mask_vti
from clams_dash.imaging.mesh import brain_surface, lesion_surface
from clams_dash.web.mri.callbacks import register
from clams_dash.web.mri.panes import scene_component
from clams_dash.web.mri.scene import Scene, SceneImage, Surface

Volume = NDArray[np.uint8]
Point = tuple[float, float, float]

ORANGE = (255, 122, 69, 255)
CYAN = (34, 211, 238, 255)
PLATE_LEVEL = 18


@dataclass(frozen=True)
class Exam:
    """Grey levels and lesions on one RAS+ grid, the brain within it, and the point to open at."""

    name: str
    levels: Volume
    brain: NDArray[np.bool_]
    lesions: Volume
    affine: NDArray[np.float64]
    start_mm: Point | None

    @property
    def spacing_mm(self) -> Point:
        return _point(np.diag(self.affine)[:3])

    @property
    def origin_mm(self) -> Point:
        return _point(self.affine[:3, 3])

    def brain_box_mm(self) -> tuple[Point, Point]:
        """Outer edges of the brain's voxels."""
        voxels = np.argwhere(self.brain)
        low, high = voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5
        return _point(low * self.spacing_mm + self.origin_mm), _point(high * self.spacing_mm + self.origin_mm)

    def image(self) -> SceneImage:
        nx, ny, nz = self.levels.shape
        return SceneImage(
            url=f"/volume/{self.name}.vti",
            shape_ras=(nx, ny, nz),
            spacing_mm=self.spacing_mm,
            origin_mm=self.origin_mm,
            window=(0.0, 255.0),
            brain_box_mm=self.brain_box_mm(),
            overlays={"lesions": f"/volume/{self.name}-lesions.vti"},
            caption=self.name,
        )

    def grid(self) -> DisplayGrid:
        """Grid of the image and of the whole mask."""
        nx, ny, nz = self.levels.shape
        return DisplayGrid((nx, ny, nz), self.spacing_mm, self.origin_mm)

    def scene(self) -> Scene:
        return Scene(self.image(), self.start_mm, self.name)

    def surfaces(self) -> tuple[Surface, ...]:
        return tuple(Surface(f"/volume/{self.name}-{kind}.vtp", kind) for kind in ("lesions_new", "brain"))

    def meshes(self) -> dict[str, bytes]:
        """Files of :meth:`surfaces`."""
        brain, lesions = (
            brain_surface(self.levels, self.affine, self.brain),
            lesion_surface(self.lesions > 0, self.affine),
        )
        assert brain is not None
        assert lesions is not None
        return {f"{self.name}-brain.vtp": brain.vtp(), f"{self.name}-lesions_new.vtp": lesions.vtp()}

    def files(self) -> dict[str, bytes]:
        lesions = mask_vti(self.lesions, self.affine, {1: ORANGE, 2: CYAN})
        assert lesions is not None
        return {f"{self.name}.vti": image_vti(self.levels, self.affine), f"{self.name}-lesions.vti": lesions}


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z


def phantom(name: str, lesion_mm: Point, start_mm: Point | None) -> Exam:
    """An egg of thick slices, bright at the front left, with one lesion and a faint plate in the lowest slice.

    Brain and lesion differ in extent along each axis, so that swapped axes show.
    """
    spacing, origin, shape = (1.5, 1.2, 3.0), (-75.0, -90.0, -60.0), (101, 151, 41)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    x, y, z = np.meshgrid(
        *(s * np.arange(n) + o for s, o, n in zip(spacing, origin, shape, strict=True)), indexing="ij"
    )
    brain = (x / 65) ** 2 + (y / 82) ** 2 + (z / 52) ** 2 <= 1
    levels = np.where(brain, 110, 0).astype(np.uint8)
    levels[brain & (x < -10) & (y > 20)] = 190
    levels[20:60, 30:90, 0] = PLATE_LEVEL
    lesion_x, lesion_y, lesion_z = lesion_mm
    lesion = ((x - lesion_x) / 7) ** 2 + ((y - lesion_y) / 12) ** 2 + ((z - lesion_z) / 8) ** 2 <= 1
    return Exam(name, levels, brain, lesion.astype(np.uint8), affine, start_mm)


def viewer_app(
    pages: Mapping[str, Mapping[str, Scene]],
    files: Mapping[str, bytes],
    first: str,
    grids: Mapping[str, DisplayGrid] | None = None,
) -> Dash:
    """Shows the scenes of ``pages[first]`` side by side; writing another name into the store ``shown`` switches.

    ``grids`` of the volumes, by name, serves their slices as PNG too.
    """
    app = Dash(__name__, assets_folder=str(ASSETS_DIR), update_title="")
    host_style = {
        "position": "fixed",
        "inset": 0,
        "display": "grid",
        "gridAutoFlow": "column",
        "gridAutoColumns": "1fr",
    }
    app.layout = dmc.MantineProvider([dcc.Store(id="shown", data=first), html.Div(id="host", style=host_style)])
    register(app)

    @app.callback(Output("host", "children"), Input("shown", "data"))
    def show(name: str) -> list[object]:
        return [scene_component(scene, key) for key, scene in pages[name].items()]

    def volume(name: str) -> Response:
        if name not in files:
            abort(404)
        headers = {"Cache-Control": "private, max-age=600"}
        return Response(files[name], mimetype="application/octet-stream", headers=headers)

    def still(name: str, plane: str, index: int) -> Response:
        grid = (grids or {}).get(name)
        if grid is None:
            abort(404)
        return Response(read_display(files[f"{name}.vti"], grid).slice_png(plane, index), mimetype="image/png")

    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {' '.join(app.csp_hashes())}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        return response

    app.server.add_url_rule("/volume/<name>", view_func=volume)
    app.server.add_url_rule("/volume/<name>/<plane>/<int:index>.png", view_func=still)
    app.server.after_request(protect)
    return app


@contextmanager
def served(app: Dash) -> Iterator[str]:
    """The address of the app while it is served from a thread."""
    server = create_server(app.server, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/"
    finally:
        server.close()
        thread.join(timeout=5)
