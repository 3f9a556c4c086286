"""A page with nothing but the MRI viewer, under the headers the app sends, and the images it shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dash_mantine_components as dmc
import numpy as np
from dash import Dash, Input, Output, dcc, html
from flask import Response, abort
from numpy.typing import NDArray
from waitress.server import create_server

from clams_dash.config import ASSETS_DIR
from clams_dash.imaging.encode import image_vti, mask_vti
from clams_dash.web.vtk_scene import Scene, SceneImage, register, scene_component

ORANGE = (255, 122, 69, 255)
PALETTE = {1: ORANGE}


@dataclass(frozen=True)
class Exam:
    """Grey levels and lesions on one RAS+ grid, and the point to open at."""

    name: str
    levels: NDArray[np.uint8]
    lesions: NDArray[np.uint8]
    affine: NDArray[np.float64]
    start_mm: tuple[float, float, float]

    def spacing_mm(self) -> tuple[float, float, float]:
        x, y, z = (float(value) for value in np.diag(self.affine)[:3])
        return x, y, z

    def origin_mm(self) -> tuple[float, float, float]:
        x, y, z = (float(value) for value in self.affine[:3, 3])
        return x, y, z

    def world_mm(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(index) * self.spacing_mm() + self.origin_mm()

    def brain_box_mm(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Outer edges of the voxels brighter than the background."""
        voxels = np.argwhere(self.levels > 20)
        low, high = self.world_mm(voxels.min(axis=0) - 0.5), self.world_mm(voxels.max(axis=0) + 0.5)
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def scene(self, *, overlay: bool = True) -> Scene:
        shape = self.levels.shape
        image = SceneImage(
            url=f"/volume/{self.name}.vti",
            shape_ras=(shape[0], shape[1], shape[2]),
            spacing_mm=self.spacing_mm(),
            origin_mm=self.origin_mm(),
            window=(0.0, 255.0),
            brain_box_mm=self.brain_box_mm(),
        )
        return Scene(image, f"/volume/{self.name}-lesions.vti" if overlay else None, self.start_mm, self.name)

    def files(self) -> dict[str, bytes]:
        lesions = mask_vti(self.lesions, self.affine, {1:(255,122,69,220)}, inside_alpha_share=0.3)
        assert lesions is not None
        return {self.name: image_vti(self.levels, self.affine), f"{self.name}-lesions": lesions}


def phantom(name: str = "phantom", lesion_mm: tuple[float, float, float] = (32.0, 21.0, 14.0)) -> Exam:
    """An egg with a bright front left, thick slices, and one lesion: by default on the patient's right, in front, high.

    The lesion has a different extent along each axis, so that swapped axes show.
    """
    affine = np.diag([1.5, 1.2, 3.0, 1.0])
    affine[:3, 3] = (-75.0, -90.0, -60.0)
    shape = (101, 151, 41)
    x, y, z = (affine[a, a] * np.arange(shape[a]) + affine[a, 3] for a in range(3))
    grid_x, grid_y, grid_z = np.meshgrid(x, y, z, indexing="ij")
    brain = (grid_x / 65) ** 2 + (grid_y / 82) ** 2 + (grid_z / 52) ** 2 <= 1
    levels = np.where(brain, 110, 0).astype(np.uint8)
    levels[brain & (grid_x < -10) & (grid_y > 20)] = 190
    away = [(grid - centre) / radius for grid, centre, radius in zip((grid_x, grid_y, grid_z), lesion_mm, (7, 12, 8), strict=True)]
    lesion = sum(part**2 for part in away) <= 1
    return Exam(name, levels, lesion.astype(np.uint8), affine, lesion_mm)


def viewer_app(scenes: dict[str, Scene], files: dict[str, bytes], first: str) -> Dash:
    """Shows ``scenes[first]`` over the whole window; writing another name into the store ``shown`` switches."""
    app = Dash(__name__, assets_folder=str(ASSETS_DIR), update_title="")
    app.layout = dmc.MantineProvider(
        [
            dcc.Store(id="shown", data=first),
            html.Div(id="host", style={"position": "fixed", "inset": 0}),
        ]
    )
    register(app)

    @app.callback(Output("host", "children"), Input("shown", "data"))
    def switch(name: str) -> object:
        return scene_component(scenes[name]) if name in scenes else None

    @app.server.get("/volume/<name>.vti")
    def volume(name: str) -> Response:
        if name not in files:
            abort(404)
        return Response(files[name], mimetype="application/octet-stream", headers={"Cache-Control": "private, max-age=600"})

    @app.server.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {' '.join(app.csp_hashes())}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        return response

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
