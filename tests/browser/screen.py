"""What is to be seen: screenshots as arrays, and volumes mapped onto them without the viewer's own numbers."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page
from scipy import ndimage

from tests.browser.viewer_page import Exam

BRIGHT = 45
_FINE = 8
AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
# World axis from the viewer's left to right and from bottom to top, and whether it grows that way. The patient's right
# (x grows to it) and anterior (y) lie at the viewer's left.
_ACROSS = {"axial": (0, -1), "coronal": (0, -1), "sagittal": (1, -1)}
_UP = {"axial": (1, 1), "coronal": (2, 1), "sagittal": (2, 1)}

_DECODE = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  let text = "";
  for (let start = 0; start < data.length; start += 32768) {
    text += String.fromCharCode(...data.subarray(start, start + 32768));
  }
  return [bitmap.width, bitmap.height, btoa(text)];
}"""


@dataclass(frozen=True)
class Box:
    """Pixels ``left`` to ``right`` and ``top`` to ``bottom``, the latter excluded."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def pixels(decoder: Page, element: Locator) -> NDArray[np.int16]:
    """Red, green and blue of an element as on screen, shape (height, width, 3)."""
    width, height, data = decoder.evaluate(_DECODE, base64.b64encode(element.screenshot()).decode())
    rgba = np.frombuffer(base64.b64decode(data), dtype=np.uint8).reshape(height, width, 4)
    return rgba[..., :3].astype(np.int16)


def orange(rgb: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Overlay-coloured pixels."""
    return rgb[..., 0] - rgb[..., 2] > 60


def seen_box(rgb: NDArray[np.int16]) -> Box:
    """The box around everything brighter than the ground."""
    return _box(rgb.max(axis=2) > BRIGHT)


def _upright(volume: NDArray[np.uint8], plane: str, index: int) -> NDArray[np.uint8]:
    """One slice as rows from top to bottom and columns from the viewer's left to right."""
    (across, across_sign), (up, up_sign) = _ACROSS[plane], _UP[plane]
    flat: NDArray[np.uint8] = np.take(volume, index, axis=AXIS[plane])
    rows_first = flat.T if across < up else flat
    return rows_first[::-up_sign, ::across_sign]


def _brain_in_slice(exam: Exam, plane: str, index: int) -> Box:
    """The box around what is bright in a slice drawn with linear interpolation, in ``_FINE``ths of a voxel."""
    fine = ndimage.zoom(_upright(exam.levels, plane, index), _FINE, order=1, mode="nearest", grid_mode=True)
    return _box(fine > BRIGHT)


def _box(bright: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return Box(int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1)


def expected_lesions(exam: Exam, plane: str, index: int, box: Box, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the lesions of a slice belong on screen, given where its brain is seen."""
    brain = _brain_in_slice(exam, plane, index)
    lesions = _upright(exam.lesions, plane, index) > 0
    row = brain.top + (np.arange(box.height) + 0.5) / box.height * brain.height
    column = brain.left + (np.arange(box.width) + 0.5) / box.width * brain.width
    screen = np.zeros(shape, dtype=bool)
    voxels = np.ix_((row / _FINE).astype(int), (column / _FINE).astype(int))
    screen[box.top : box.bottom, box.left : box.right] = lesions[voxels]
    return screen


def mirrored(screen: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    """The same with left and right swapped within the brain."""
    flipped = np.zeros_like(screen)
    flipped[:, box.left : box.right] = screen[:, box.left : box.right][:, ::-1]
    return flipped


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def px_per_mm(exam: Exam, plane: str, index: int, box: Box) -> tuple[float, float]:
    """Across and up, from the slice's brain in voxels and the box it fills on screen."""
    brain = _brain_in_slice(exam, plane, index)
    across, up = exam.spacing_mm[_ACROSS[plane][0]], exam.spacing_mm[_UP[plane][0]]
    return box.width / (brain.width / _FINE * across), box.height / (brain.height / _FINE * up)


def brain_size_mm(exam: Exam, plane: str) -> tuple[float, float]:
    """Width and height of the whole brain in a plane."""
    low, high = exam.brain_box_mm()
    across, up = _ACROSS[plane][0], _UP[plane][0]
    return high[across] - low[across], high[up] - low[up]
