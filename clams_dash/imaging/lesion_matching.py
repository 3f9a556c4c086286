"""Which lesions of two masks are the same: an overlap graph in millimetres of one common space.

Voxel centres of either mask are looked up in the other through the registration, so that nothing is resampled: a lesion
of one voxel keeps its voxel, and thick slices meet thin ones without an interpolated mask between. Rules and
tolerances: ``data/rules/lesions.toml``, section ``matching``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from clams_dash.imaging.lesion_settings import MatchingSettings
from clams_dash.imaging.lesions import LabelledMask

FloatArray = NDArray[np.float64]
_Points = tuple[FloatArray, NDArray[np.int32]]
_NEXT_VOXEL = 1e-3


@dataclass(frozen=True, slots=True)
class PlacedMask:
    """A labelled mask in the common space. ``from_common``: 4 x 4, mm RAS+ of that space to those of the mask."""

    mask: LabelledMask
    from_common: FloatArray

    def points(self) -> tuple[FloatArray, NDArray[np.int32]]:
        """Centres of all lesion voxels, mm of the common space (n x 3), and the lesion number of each."""
        where = np.argwhere(self.mask.labels)
        to_common = np.linalg.inv(self.from_common) @ self.mask.affine
        return nib.affines.apply_affine(to_common, where), self.mask.labels[tuple(where.T)]

    def numbers_at(self, points_mm: FloatArray) -> NDArray[np.int32]:
        """Lesion number at points of the common space, 0 outside."""
        to_voxels = np.linalg.inv(self.mask.affine) @ self.from_common
        where = np.rint(nib.affines.apply_affine(to_voxels, points_mm)).astype(np.int64)
        inside = ((where >= 0) & (where < self.mask.labels.shape)).all(axis=1)
        found = np.zeros(len(points_mm), dtype=np.int32)
        found[inside] = self.mask.labels[tuple(where[inside].T)]
        return found

    def reach_mm(self) -> FloatArray:
        """Extent of one voxel along the axes of the common space, mm."""
        return np.asarray(np.abs((np.linalg.inv(self.from_common) @ self.mask.affine)[:3, :3]).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Group:
    """Lesions of two masks that are one lesion: numbers in the earlier and in the later mask; one side may be empty."""

    earlier: tuple[int, ...]
    later: tuple[int, ...]

    @property
    def event(self) -> str | None:
        """``split``, ``merge``, ``regrouped`` (several into several), or None for one to one, new and gone."""
        before, after = len(self.earlier), len(self.later)
        if not before or not after or (before, after) == (1, 1):
            return None
        return "split" if before == 1 else "merge" if after == 1 else "regrouped"


def match(
    earlier: PlacedMask, later: PlacedMask, registration_error_mm: float, settings: MatchingSettings
) -> tuple[Group, ...]:
    """Group the lesions of two masks; every lesion of either is in exactly one group.

    ``registration_error_mm``: by how much the two may be misplaced against each other, mean over the brain.
    """
    points, numbers = earlier.points()
    points_later, numbers_later = later.points()
    shared = np.maximum(
        _shared(numbers, later.numbers_at(points), earlier, later),
        _shared(numbers_later, earlier.numbers_at(points_later), later, earlier).T,
    )
    volumes = [np.array([one.volume_mm3 for one in placed.mask.components]) for placed in (earlier, later)]
    smaller = np.minimum(volumes[0][:, None], volumes[1][None, :])
    linked = shared >= settings.overlap_share * smaller
    tolerance_mm = np.maximum(np.maximum(earlier.reach_mm(), later.reach_mm()), settings.least_voxel_mm)
    tolerance_mm = tolerance_mm + min(registration_error_mm, settings.most_registration_mm) + _NEXT_VOXEL
    _attach(linked, (points, numbers), (points_later, numbers_later), tolerance_mm)
    _attach(linked.T, (points_later, numbers_later), (points, numbers), tolerance_mm)
    _rejoin(linked, points_later, numbers_later, later, volumes[1])
    _rejoin(linked.T, points, numbers, earlier, volumes[0])
    return _groups(linked)


def _shared(numbers: NDArray[np.int32], other: NDArray[np.int32], own: PlacedMask, against: PlacedMask) -> FloatArray:
    """Volume (mm3) that each lesion shares with each of the other mask, seen from ``own``'s voxels."""
    rows, columns = len(own.mask.components), len(against.mask.components)
    both = other > 0
    flat = (numbers[both].astype(np.int64) - 1) * columns + other[both] - 1
    counts = np.bincount(flat, minlength=rows * columns).reshape(rows, columns)
    return np.asarray(counts * own.mask.voxel_volume_mm3)


def _attach(linked: NDArray[np.bool_], other: _Points, own: _Points, tolerance_mm: FloatArray) -> None:
    """Link each lesion of ``own`` (columns) that is linked to none to the one of ``other`` (rows) that it touches."""
    for lonely in np.flatnonzero(~linked.any(axis=0)) + 1:
        touched = _touched(own[0][own[1] == lonely], *other, tolerance_mm)
        if touched is not None:
            linked[touched - 1, lonely - 1] = True


def _rejoin(
    linked: NDArray[np.bool_], points: FloatArray, numbers: NDArray[np.int32], placed: PlacedMask, volumes: FloatArray
) -> None:
    """A piece one empty voxel from a larger linked lesion of its own mask (columns) belongs to that lesion.

    Where a thin part of a lesion is half filled a mask breaks in two; the piece is no lesion of its own.
    """
    gap_mm = 2.0 * placed.reach_mm() + _NEXT_VOXEL
    for lonely in np.flatnonzero(~linked.any(axis=0)) + 1:
        whole = np.flatnonzero(linked.any(axis=0) & (volumes > volumes[lonely - 1])) + 1
        among = np.isin(numbers, whole)
        touched = _touched(points[numbers == lonely], points[among], numbers[among], gap_mm)
        if touched is not None:
            linked[:, lonely - 1] = linked[:, touched - 1]


def _touched(own: FloatArray, points: FloatArray, numbers: NDArray[np.int32], tolerance_mm: FloatArray) -> int | None:
    """The lesion that most of the points ``own`` lie beside, within a box of the tolerance; None when all are clear."""
    low, high = own.min(axis=0) - tolerance_mm, own.max(axis=0) + tolerance_mm
    near = ((points >= low) & (points <= high)).all(axis=1)
    if not near.any():
        return None
    distance, nearest = KDTree(points[near] / tolerance_mm).query(own / tolerance_mm, p=np.inf, distance_upper_bound=1)
    touching = np.isfinite(distance)
    if not touching.any():
        return None
    counts = np.bincount(numbers[near][np.asarray(nearest)[touching]])
    return int(counts.argmax())


def _groups(linked: NDArray[np.bool_]) -> tuple[Group, ...]:
    rows, columns = linked.shape
    earlier, later = np.nonzero(linked)
    graph = coo_array((np.ones(len(earlier)), (earlier, later + rows)), shape=(rows + columns, rows + columns))
    count, owner = connected_components(graph, directed=False)
    before = _members(owner[:rows], count)
    after = _members(owner[rows:], count)
    return tuple(Group(one, other) for one, other in zip(before, after, strict=True))


def _members(owner: NDArray[np.int32], count: int) -> list[tuple[int, ...]]:
    found: list[list[int]] = [[] for _ in range(count)]
    for number, group in enumerate(owner.tolist(), start=1):
        found[group].append(number)
    return [tuple(one) for one in found]


def moved(placed: PlacedMask, step_mm: Sequence[float]) -> PlacedMask:
    """The mask moved by ``step_mm`` in the common space."""
    step = np.eye(4)
    step[:3, 3] = -np.asarray(step_mm)
    return PlacedMask(placed.mask, placed.from_common @ step)
