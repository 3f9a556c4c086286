"""Display copies: what the viewer draws. 8-bit levels on an axis-aligned RAS+ grid, as VTK XML images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.errors import ImageError
from clams_dash.imaging.encode import image_vti, mask_vti, to_levels
from clams_dash.imaging.lesion_painting import LABELS
from clams_dash.imaging.nifti import Volume

LESION_RGBA = {"lesion_mask": (34, 211, 238, 230), "change_mask": (255, 122, 61, 230)}
"""Colours with one meaning each: cyan = lesion, orange = new or changed."""
CHANGE_RGB = {
    "new": (242, 107, 46),
    "enlarging": (255, 201, 51),
    "stable": (34, 211, 238),
    "resolved": (154, 168, 184),
}
"""Colours of lesions by change; shrinking ones are drawn as stable."""
INSIDE_ALPHA_SHARE = 0.22
"""Lesions are drawn as a rim, so that their own signal stays visible inside."""

_BACKGROUND_SHARE = 0.12
_PLANE_SHARE = 0.004
_FEWEST_SLICES = 2
_NARROWEST_WINDOW = 4.0


@dataclass(frozen=True, slots=True)
class DisplayCopy:
    """Bytes of a .vti file (None for an empty mask) and what a viewer must know about it.

    ``window`` holds the 8-bit levels shown black and white; ``box_mm`` the low and high corner (RAS+) of what is
    not background.
    """

    vti: bytes | None
    window: tuple[float, float] | None
    box_mm: tuple[float, float, float, float, float, float] | None


def image_copy(image: Volume) -> DisplayCopy:
    """Encode an image on an axis-aligned RAS+ grid. Intensities are clipped at the 0.1 and 99.95 percentile.

    Raises ImageError for an image that cannot be shown: a single slice, or nothing positive in it.
    """
    if min(image.data.shape) < _FEWEST_SLICES:
        raise ImageError(
            f"holds {' x '.join(str(n) for n in image.data.shape)} voxels; three planes need two along each axis"
        )
    data = image.data.astype(np.float32, copy=False)
    positive = data[data > 0]
    if positive.size == 0:
        raise ImageError("holds no positive intensity, so there is nothing to show")
    foreground = data > _BACKGROUND_SHARE * float(np.percentile(positive, 99))
    inside = data[foreground]
    low, high = min(0.0, float(np.percentile(inside, 0.1))), float(np.percentile(inside, 99.95))
    levels = to_levels(data, low, high)
    shown = np.percentile(levels[foreground], (1, 99.6))
    black = round(max(0.0, float(shown[0]) * 0.6), 1)
    # A few extreme voxels (metal) leave the rest in a handful of levels; the window must stay one.
    white = round(max(float(shown[1]), black + _NARROWEST_WINDOW), 1)
    window = (min(black, 255.0 - _NARROWEST_WINDOW), min(white, 255.0))
    return DisplayCopy(image_vti(levels, image.affine), window, _box_mm(foreground, image.affine))


def mask_copy(mask: Volume, sequence: str) -> DisplayCopy:
    """Encode a mask as coloured overlay."""
    labels = (mask.data > 0).astype(np.uint8)
    return DisplayCopy(mask_vti(labels, mask.affine, {1: LESION_RGBA[sequence]}, INSIDE_ALPHA_SHARE), None, None)


def change_copy(labels: Volume) -> DisplayCopy:
    """Encode lesions labelled by change (:data:`clams_dash.imaging.lesion_painting.LABELS`) as coloured overlay."""
    alpha = LESION_RGBA["lesion_mask"][3]
    palette = {number: (*CHANGE_RGB.get(change, CHANGE_RGB["stable"]), alpha) for change, number in LABELS.items()}
    return DisplayCopy(mask_vti(labels.data, labels.affine, palette, INSIDE_ALPHA_SHARE), None, None)


def _box_mm(
    foreground: NDArray[np.bool_], affine: NDArray[np.float64]
) -> tuple[float, float, float, float, float, float]:
    # A few bright voxels outside the head must not widen the box, so a plane counts only with a share of foreground.
    ends: list[tuple[int, int]] = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        share = foreground.mean(axis=others)
        hits = np.flatnonzero(share > _PLANE_SHARE)
        ends.append((int(hits[0]), int(hits[-1])) if hits.size else (0, foreground.shape[axis] - 1))
    low = [affine[axis, 3] + affine[axis, axis] * (ends[axis][0] - 0.5) for axis in range(3)]
    high = [affine[axis, 3] + affine[axis, axis] * (ends[axis][1] + 0.5) for axis in range(3)]
    return (*(round(float(value), 3) for value in low), *(round(float(value), 3) for value in high))  # type: ignore[return-value]
