"""Small masks for tests of lesion change: boxes in a grid of 1 mm, measured and placed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clams_dash.imaging.lesion_change import MeasuredMask
from clams_dash.imaging.lesion_matching import PlacedMask
from clams_dash.imaging.lesion_reliability import volume_errors
from clams_dash.imaging.lesion_settings import lesion_settings
from clams_dash.imaging.lesions import LabelledMask, labelled
from clams_dash.imaging.nifti import Volume

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def cube(x: int, y: int, z: int, size: int = 4) -> Box:
    """A cube with its first corner at a voxel."""
    return (x, x + size), (y, y + size), (z, z + size)


def mask_of(*boxes: Box, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> LabelledMask:
    """Components of a mask of boxes."""
    data = np.zeros((60, 60, 60), dtype=np.uint8)
    for (x0, x1), (y0, y1), (z0, z1) in boxes:
        data[x0:x1, y0:y1, z0:z1] = 1
    return labelled(Volume(data, np.diag([*spacing, 1.0])))


def placed(mask: LabelledMask, from_common: NDArray[np.float64] | None = None) -> PlacedMask:
    """A mask in the common space (by default its own)."""
    return PlacedMask(mask, np.eye(4) if from_common is None else from_common)


def measured(mask: LabelledMask, from_common: NDArray[np.float64] | None = None) -> MeasuredMask:
    """The same with the errors of its volumes."""
    return MeasuredMask(placed(mask, from_common), volume_errors(mask, 0.5, lesion_settings().reliability))
