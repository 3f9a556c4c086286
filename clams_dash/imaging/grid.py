"""Orientation and grids: every display copy lies on an axis-aligned RAS+ grid in millimetres."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np
from nibabel import orientations
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.imaging.nifti import Volume, refuse_too_many_voxels

OBLIQUE_TOLERANCE_RAD = 1e-3
GRID_TOLERANCE_MM = 0.05


def to_ras(volume: Volume, *, is_mask: bool = False) -> Volume:
    """Bring a volume to an axis-aligned grid whose axes run right, anterior, superior.

    Axes are flipped and swapped without touching a voxel; an oblique volume is resampled once, linearly for images and
    by nearest neighbour for masks, onto a grid of its own spacing that covers all of it.
    """
    flipped = _closest_ras(volume)
    if float(np.abs(nib.affines.obliquity(flipped.affine)).max()) <= OBLIQUE_TOLERANCE_RAD:
        affine = np.diag([*flipped.spacing_mm, 1.0])
        affine[:3, 3] = flipped.affine[:3, 3]
        return Volume(flipped.data, affine)
    affine, shape = _covering_grid(flipped)
    refuse_too_many_voxels(shape, "the upright grid of this oblique scan")
    return resample(flipped, affine, shape, is_mask=is_mask)


def _closest_ras(volume: Volume) -> Volume:
    codes = orientations.io_orientation(volume.affine)
    data = orientations.apply_orientation(volume.data, codes)
    return Volume(data, volume.affine @ orientations.inv_ornt_aff(codes, volume.data.shape))


def _covering_grid(volume: Volume) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    ends = np.array(volume.data.shape) - 1
    corners = np.array([[i, j, k] for i in (0, ends[0]) for j in (0, ends[1]) for k in (0, ends[2])])
    world = nib.affines.apply_affine(volume.affine, corners)
    spacing = np.array(volume.spacing_mm)
    low, high = world.min(axis=0), world.max(axis=0)
    shape = np.ceil((high - low) / spacing - 1e-6).astype(int) + 1
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    return affine, (int(shape[0]), int(shape[1]), int(shape[2]))


def resample(
    volume: Volume,
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    *,
    world_map: NDArray[np.float64] | None = None,
    is_mask: bool = False,
) -> Volume:
    """Resample a volume onto the grid ``affine``, ``shape``.

    Parameters
    ----------
    world_map
        4 x 4, millimetres RAS+ of the target grid to millimetres RAS+ of the volume; None = the same space.
    is_mask
        Nearest neighbour, keeping labels, instead of linear interpolation.
    """
    through = np.eye(4) if world_map is None else world_map
    to_voxels = np.linalg.inv(volume.affine) @ through @ affine
    source: NDArray[Any] = volume.data if is_mask else volume.data.astype(np.float32, copy=False)
    data = ndimage.affine_transform(
        source, to_voxels[:3, :3], to_voxels[:3, 3], output_shape=shape, order=0 if is_mask else 1, cval=0
    )
    return Volume(data, affine)


def same_grid(first: Volume, second: Volume) -> bool:
    """Whether two volumes have the same shape and their corner voxels coincide within 0.05 mm."""
    if first.data.shape != second.data.shape:
        return False
    ends = np.array(first.data.shape) - 1
    corners = np.array([[0, 0, 0], [ends[0], 0, 0], [0, ends[1], 0], [0, 0, ends[2]], ends])
    gap = nib.affines.apply_affine(first.affine, corners) - nib.affines.apply_affine(second.affine, corners)
    return bool(np.abs(gap).max() <= GRID_TOLERANCE_MM)
