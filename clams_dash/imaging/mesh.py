"""Surfaces for the view in three dimensions, as VTK XML polygon files (``.vtp``); made once, at ingest.

Marching cubes by scikit-image (Lewiner 2012 variant), fewer triangles by fast-simplification (quadric error, Garland
and Heckbert 1997). Points lie in the RAS+ millimetres of the volume they were made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import fast_simplification
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters, measure

from clams_dash.imaging.encode import polydata_vtp

LESION_KINDS = ("new", "enlarging", "stable", "resolved")
"""Changes with a surface of their own; shrinking lesions are drawn with the stable ones."""
_BRAIN_GRID_MM = 1.4
_BRAIN_TRIANGLES = 60_000
_BRAIN_SMOOTH_MM = 1.0
_SULCI_SHARE = 0.85
_LESION_SMOOTH_MM = 0.6
_LESION_TRIANGLES = 40_000
_HALF = 0.5
_MARGIN_VOXELS = 3


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles: ``points`` (n, 3) in mm RAS+, ``triangles`` (m, 3) turning anticlockwise seen from outside."""

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]

    def vtp(self) -> bytes:
        """The surface with point normals, as a ``.vtp`` file."""
        return polydata_vtp(self.points, self.triangles, self._normals())

    def _normals(self) -> NDArray[np.float32]:
        """Unit normals at the points, each the mean of its triangles' weighted by their areas."""
        a, b, c = (self.points[self.triangles[:, corner]] for corner in range(3))
        faces = np.cross(b - a, c - a)
        normals = np.zeros_like(self.points)
        for corner in range(3):
            np.add.at(normals, self.triangles[:, corner], faces)
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (normals / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


def brain_surface(
    image: NDArray[Any], affine: NDArray[np.float64], brain: NDArray[np.bool_] | None = None
) -> Surface | None:
    """The outer surface of the brain, with its sulci.

    Parameters
    ----------
    image
        FLAIR or T1 on an axis-aligned RAS+ grid, shape (x, y, z): fluid is dark, tissue bright.
    affine
        4 x 4, voxel to mm RAS+.
    brain
        Brain mask on the same grid; None = everything above zero, for an image that holds the brain alone.

    Returns
    -------
    Surface or None
        None when there is no tissue to draw.
    """
    inside = image > 0 if brain is None else brain
    if not inside.any():
        return None
    spacing = np.diag(affine)[:3]
    values = np.where(inside, image, 0).astype(np.float32)
    coarse = np.maximum(spacing, _BRAIN_GRID_MM)
    values = ndimage.zoom(values, spacing / coarse, order=1, grid_mode=True, mode="grid-constant")
    inside = (
        ndimage.zoom(inside.astype(np.float32), spacing / coarse, order=1, grid_mode=True, mode="grid-constant") > _HALF
    )
    grid = np.diag([*(spacing * np.array(image.shape) / np.array(values.shape)), 1.0])
    grid[:3, 3] = affine[:3, 3] - spacing / 2 + np.diag(grid)[:3] / 2
    if not inside.any() or np.ptp(values[inside]) == 0:
        return _surface(inside, grid, _BRAIN_SMOOTH_MM, _BRAIN_TRIANGLES)
    tissue = inside & (values > _SULCI_SHARE * float(filters.threshold_otsu(values[inside])))
    return _surface(_whole(tissue), grid, _BRAIN_SMOOTH_MM, _BRAIN_TRIANGLES)


def _whole(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest piece, without its cavities: the ventricles have no place on an outer surface."""
    labels, count = ndimage.label(tissue)
    if count == 0:
        return tissue
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(largest)
    return filled


def lesion_surface(lesions: NDArray[np.bool_], affine: NDArray[np.float64]) -> Surface | None:
    """The surface of all lesions of a mask (shape (x, y, z), axis-aligned RAS+); None when there are none."""
    return _surface(lesions, affine, _LESION_SMOOTH_MM, _LESION_TRIANGLES)


def _surface(mask: NDArray[np.bool_], affine: NDArray[np.float64], smooth_mm: float, most: int) -> Surface | None:
    box = ndimage.find_objects(mask.astype(np.uint8))
    if not box:
        return None
    spacing = np.diag(affine)[:3]
    part = np.pad(mask[box[0]].astype(np.float32), _MARGIN_VOXELS)
    soft = ndimage.gaussian_filter(part, smooth_mm / spacing)
    # A lesion of a few voxels is smoothed to below one half and would vanish; it is kept at the height it still has.
    level = min(_HALF, _HALF * float(soft.max()))
    corners, triangles, _, _ = measure.marching_cubes(soft, level)
    first = np.array([piece.start for piece in box[0]]) - _MARGIN_VOXELS
    points = ((corners + first) * spacing + affine[:3, 3]).astype(np.float32)
    triangles = triangles[:, ::-1].astype(np.int32)
    if len(triangles) > most:
        points, triangles = fast_simplification.simplify(points, triangles, 1 - most / len(triangles))
    return Surface(np.asarray(points, dtype=np.float32), _outwards(points, triangles))


def _outwards(points: NDArray[Any], triangles: NDArray[Any]) -> NDArray[np.int32]:
    """The triangles turned so that the enclosed volume is positive."""
    a, b, c = (np.asarray(points, dtype=np.float64)[triangles[:, corner]] for corner in range(3))
    volume = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum())
    turned: NDArray[np.int32] = np.ascontiguousarray(triangles if volume > 0 else triangles[:, ::-1], dtype=np.int32)
    return turned
