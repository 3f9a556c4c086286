"""The grid of a study: 1 mm in all directions, or the thick slices of a 2D protocol with partial volume."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.imaging.lesions import COUNTING_FLOOR_MM3

FloatVolume = NDArray[np.float32]
LabelVolume = NDArray[np.uint8]
IntArray = NDArray[np.int64]
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class StudyGrid:
    """A grid whose slices are ``thickness`` voxels of the fine 1 mm grid thick (1 = the fine grid itself)."""

    fine_shape: Shape
    fine_affine: NDArray[np.float64]
    thickness: int

    @property
    def shape(self) -> Shape:
        """Voxels of the study's grid."""
        x, y, z = self.fine_shape
        return x, y, z // self.thickness

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel to RAS+ millimetres: the centre of a thick slice is the centre of the fine slices in it."""
        affine = self.fine_affine.copy()
        affine[:3, 3] += affine[:3, 2] * (self.thickness - 1) / 2
        affine[:3, 2] *= self.thickness
        return affine

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    def mean(self, fine: FloatVolume) -> FloatVolume:
        """A fine volume as the study sees it: every thick slice holds the mean of its fine slices."""
        if self.thickness == 1:
            return fine
        x, y, z = self.shape
        return np.asarray(fine.reshape(x, y, z, self.thickness).mean(axis=3), dtype=np.float32)

    def lesion_voxels(self, fine_order: IntArray, size: int) -> IntArray:
        """Voxels (flat) of the study's grid that a lesion of ``size`` fine voxels covers.

        On thick slices those holding the most of it are taken, one connected to the next, until its volume is
        reached, and never fewer than the counting floor asks for.
        """
        if size == 0 or self.thickness == 1:
            return fine_order[:size]
        x, y, z = np.unravel_index(fine_order[:size], self.fine_shape)
        thick = np.ravel_multi_index((x, y, z // self.thickness), self.shape)
        voxels, first, filled = np.unique(thick, return_index=True, return_counts=True)
        wanted = max(int(np.ceil(COUNTING_FLOOR_MM3 / self.voxel_mm3)), round(size / self.voxel_mm3))
        share = dict(zip(voxels.tolist(), filled.tolist(), strict=True))
        start = int(voxels[np.argmin(first)])
        taken = _connected_best(share, start, wanted, self.shape)
        return np.array(sorted(taken), dtype=np.int64)


def _connected_best(share: dict[int, int], start: int, wanted: int, shape: Shape) -> set[int]:
    """Up to ``wanted`` voxels from ``start``, always the fullest one that touches (by a face) what has been taken."""
    steps = (shape[1] * shape[2], -shape[1] * shape[2], shape[2], -shape[2], 1, -1)
    heap, seen, taken = [(0, start)], {start}, set[int]()
    while heap and len(taken) < wanted:
        _, voxel = heapq.heappop(heap)
        taken.add(voxel)
        for step in steps:
            near = voxel + step
            if near in share and near not in seen:
                seen.add(near)
                heapq.heappush(heap, (-share[near], near))
    return taken
