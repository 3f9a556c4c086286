"""What a reader counts on two masks: lesions new and enlarging against the study before, on whatever grid it lies.

Rules: clinical.md 2.3. A lesion is new when it clears the earlier mask dilated by one voxel (26-neighbourhood) and
reaches 14.0 mm3; a lesion enlarges when it gains at least 9 % a year and 3 voxels.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from clams_dash.cohort.phantom_grid import LabelVolume, StudyGrid
from clams_dash.imaging.lesions import COUNTING_FLOOR_MM3

ENLARGING_PER_YEAR = 1.09
ENLARGING_VOXELS = 3
_NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


def on_grid(mask: LabelVolume, grid: StudyGrid, target: StudyGrid) -> LabelVolume:
    """A mask on another study's grid: the nearest voxel in the same world space."""
    if grid.thickness == target.thickness:
        return mask
    height = target.affine[2, 3] + target.affine[2, 2] * np.arange(target.shape[2])
    slices = np.rint((height - grid.affine[2, 3]) / grid.affine[2, 2]).astype(np.int64)
    return np.asarray(mask[:, :, np.clip(slices, 0, grid.shape[2] - 1)])


def count_new(mask: LabelVolume, before: LabelVolume, grid: StudyGrid) -> int:
    """Counted components of ``mask`` that do not touch ``before`` (same grid) dilated by one voxel."""
    found = ndimage.find_objects(((mask > 0) | (before > 0)).astype(np.uint8))
    if not found:
        return 0
    box = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in found[0])
    mask, before = mask[box], before[box]
    labels, count = ndimage.label(mask > 0, structure=_NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * grid.voxel_mm3
    touched = np.unique(labels[ndimage.binary_dilation(before > 0, structure=_NEIGHBOURS)])
    counted = np.flatnonzero(sizes >= COUNTING_FLOOR_MM3)
    return len(set(counted[counted > 0].tolist()) - set(touched.tolist()))


def count_enlarging(
    mask: LabelVolume, grid: StudyGrid, before: LabelVolume, grid_before: StudyGrid, years: float
) -> int:
    """Lesions (by label) of both masks, each on its own grid, that enlarge over ``years``."""
    now = np.bincount(mask.ravel(), minlength=256) * grid.voxel_mm3
    then = np.bincount(before.ravel(), minlength=256) * grid_before.voxel_mm3
    both = np.flatnonzero((now > 0) & (then > 0))[1:]
    gain = now[both] - then[both] >= ENLARGING_VOXELS * max(grid.voxel_mm3, grid_before.voxel_mm3)
    return int((gain & ((now[both] / then[both]) ** (1.0 / years) >= ENLARGING_PER_YEAR)).sum())
