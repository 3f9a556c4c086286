"""Lesions of a pair of scans on the person's common grid, each voxel labelled by what became of its lesion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from clams_dash.imaging.grid import resample
from clams_dash.imaging.lesion_change import CHANGES, PairChange
from clams_dash.imaging.lesion_matching import PlacedMask
from clams_dash.imaging.nifti import Volume

LABELS: Mapping[str, int] = {change: number for number, change in enumerate(CHANGES, start=1)}
"""Label by change: new 1, enlarging 2, stable 3, shrinking 4, resolved 5."""


def painted(
    earlier: PlacedMask,
    later: PlacedMask,
    change: PairChange,
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """Labels on the grid ``affine`` (mm of the common space), ``shape``: the later mask over what is resolved."""
    before = {
        number: LABELS[one.change] for one in change.lesions for number in one.group.earlier if not one.group.later
    }
    after = {number: LABELS[one.change] for one in change.lesions for number in one.group.later}
    old, new = (_labels(*pair, affine, shape) for pair in ((earlier, before), (later, after)))
    return np.where(new > 0, new, old)


def _labels(
    placed: PlacedMask, label_of: Mapping[int, int], affine: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    table = np.zeros(len(placed.mask.components) + 1, dtype=np.uint8)
    for number, label in label_of.items():
        table[number] = label
    coloured = Volume(table[placed.mask.labels], placed.mask.affine)
    return np.asarray(
        resample(coloured, affine, shape, world_map=placed.from_common, is_mask=True).data, dtype=np.uint8
    )
