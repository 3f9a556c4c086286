"""How sure a lesion's volume is: how it changes when grid, threshold and boundary are as they may be in another scan.

Three perturbations (``data/rules/lesions.toml``, section ``reliability``): the mask read again on a grid that lies
elsewhere by up to what the registration may be wrong, with another threshold for partly filled voxels, and with its
boundary moved by a share of one voxel. The error holds for 95 of 100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.imaging.lesion_settings import ReliabilitySettings
from clams_dash.imaging.lesions import LabelledMask

FloatArray = NDArray[np.float64]
_NORMAL_95 = 1.96
_PAD = 2
_HALF_VOXEL = 0.5
_TOUCHING = ndimage.generate_binary_structure(3, 1)
_BLUR = 0.25
"""A voxel's value is spread to its neighbours by these shares along each axis, as partial volume does."""


@dataclass(frozen=True, slots=True)
class VolumeError:
    """Error of one lesion's volume in mm3 (95 %): by the grid's place, which is chance, and by where the edge lies."""

    placement_mm3: float
    boundary_mm3: float

    @property
    def total_mm3(self) -> float:
        """Both together."""
        return float(np.hypot(self.placement_mm3, self.boundary_mm3))


def volume_errors(
    mask: LabelledMask, registration_error_mm: float, settings: ReliabilitySettings
) -> tuple[VolumeError, ...]:
    """Error of each component of a mask, in their order."""
    spacing = np.linalg.norm(mask.affine[:3, :3], axis=0)
    steps = _placements(spacing, registration_error_mm, settings.placements)
    boxes = ndimage.find_objects(mask.labels)
    return tuple(
        _error(mask.labels[box] == number, steps, mask.voxel_volume_mm3, settings)
        for number, box in enumerate(boxes, start=1)
    )


def _placements(spacing: FloatArray, error_mm: float, count: int) -> FloatArray:
    """Sub-voxel shifts (count x 3, in voxels): corners of a box, as far as the registration may err, at most half."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)[:count]
    reach = np.clip(error_mm / spacing, 0.0, 0.45)
    return np.asarray(corners * reach)


def _error(
    lesion: NDArray[np.bool_], steps: FloatArray, voxel_mm3: float, settings: ReliabilitySettings
) -> VolumeError:
    filled = np.pad(lesion, _PAD)
    again = np.array([int((_shifted(filled.astype(np.float32), step) >= _HALF_VOXEL).sum()) for step in steps])
    placement = _NORMAL_95 * float(again.std(ddof=1)) if len(again) > 1 else 0.0
    soft = filled.astype(np.float32)
    for axis in range(3):
        soft = ndimage.correlate1d(soft, [_BLUR, 1 - 2 * _BLUR, _BLUR], axis=axis, mode="constant")
    low, high = settings.thresholds
    by_threshold = (int((soft >= low).sum()) - int((soft >= high).sum())) / 2
    grown = int(ndimage.binary_dilation(filled, _TOUCHING).sum())
    shrunk = int(ndimage.binary_erosion(filled, _TOUCHING).sum())
    by_boundary = settings.boundary_share * (grown - shrunk) / 2
    return VolumeError(placement * voxel_mm3, max(by_threshold, by_boundary) * voxel_mm3)


def _shifted(filled: NDArray[np.float32], step: FloatArray) -> NDArray[np.float32]:
    """Share of every voxel that is filled once the grid lies elsewhere by a part of a voxel (trilinear)."""
    for axis, part in enumerate(step.tolist()):
        share = abs(part)
        if share:
            weights = [0.0, 1.0 - share, share] if part > 0 else [share, 1.0 - share, 0.0]
            filled = ndimage.correlate1d(filled, weights, axis=axis, mode="constant")
    return filled


def sum_of_errors(errors: tuple[VolumeError, ...]) -> float:
    """Error (mm3) of the volume of several lesions: chance adds up in squares, the edge moves the same way for all."""
    placement = float(np.sqrt(sum(one.placement_mm3**2 for one in errors)))
    return float(np.hypot(placement, sum(one.boundary_mm3 for one in errors)))


def grade(error_mm3: float, volume_mm3: float, settings: ReliabilitySettings) -> str:
    """``high``, ``moderate`` or ``low`` by the error relative to the volume."""
    percent = 100.0 * error_mm3 / volume_mm3 if volume_mm3 else float("inf")
    if percent <= settings.good_percent:
        return "high"
    return "moderate" if percent <= settings.fair_percent else "low"
