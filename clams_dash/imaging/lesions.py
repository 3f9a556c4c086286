"""T2 lesions of one mask: connected components, their volumes and places, and the counting convention.

Convention (stored with the counts in the pool): 26-connectivity; components of at least 14.0 mm3 are counted (a sphere
of 3 mm diameter is 14.1 mm3, the smallest lesion of the MAGNIMS criteria); the volume is that of the whole mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.errors import ImageError
from clams_dash.imaging.nifti import Volume

COUNTING_FLOOR_MM3 = 14.0
_CONNECT_26 = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Component:
    """One connected component; ``number`` 1 is the largest. Centroid in millimetres RAS+."""

    number: int
    volume_mm3: float
    centroid_ras_mm: tuple[float, float, float]

    @property
    def counted(self) -> bool:
        """Whether the component reaches the counting floor."""
        return self.volume_mm3 >= COUNTING_FLOOR_MM3


@dataclass(frozen=True, slots=True)
class LesionLoad:
    """The lesions of one mask, largest first."""

    components: tuple[Component, ...]

    @property
    def t2_count(self) -> int:
        """Components of at least 14.0 mm3."""
        return sum(component.counted for component in self.components)

    @property
    def t2_volume_ml(self) -> float:
        """Volume of the whole mask, small components included."""
        return sum(component.volume_mm3 for component in self.components) / 1000.0


def as_mask(volume: Volume, name: str) -> Volume:
    """Check that a volume is a mask (whole numbers from 0 to 65535) and return it with integer labels.

    Raises
    ------
    ImageError
        Naming the file, when voxels are negative, fractional (a probability map) or beyond 65535.
    """
    data = volume.data
    if data.dtype.kind == "f":
        if not np.array_equal(data, np.rint(data)):
            raise ImageError(f"{name}: holds fractions, so it is a probability map and not a lesion mask")
        data = np.rint(data).astype(np.int64)
    if data.size and (int(data.min()) < 0 or int(data.max()) > 65535):
        raise ImageError(f"{name}: a mask holds labels from 0 to 65535; this holds {data.min()} to {data.max()}")
    return Volume(data.astype(np.uint16), volume.affine)


@dataclass(frozen=True, slots=True)
class LabelledMask:
    """The components of one mask, numbered as in :class:`LesionLoad`, in the box around them.

    Attributes
    ----------
    labels
        Component numbers, 0 outside; shape of the box. An empty mask has one voxel of 0.
    affine
        4 x 4, voxel indices of the box to millimetres RAS+ of the mask's file.
    components
        The components, largest first.
    """

    labels: NDArray[np.int32]
    affine: NDArray[np.float64]
    components: tuple[Component, ...]

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))


def measure(mask: Volume) -> LesionLoad:
    """Measure the connected components of ``mask`` (any label > 0 is lesion)."""
    return LesionLoad(labelled(mask).components)


def labelled(mask: Volume) -> LabelledMask:
    """Label the connected components of ``mask`` (any label > 0 is lesion), 1 the largest."""
    labels, count, corner = _labelled(mask)
    index = np.arange(1, count + 1)
    volumes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * mask.voxel_volume_mm3
    voxels = np.array(ndimage.center_of_mass(labels > 0, labels, index)).reshape(-1, 3) + corner
    centres = nib.affines.apply_affine(mask.affine, voxels)
    found = zip(volumes.tolist(), centres.tolist(), index.tolist(), strict=True)
    ordered = sorted(found, key=lambda one: (-one[0], one[1]))
    numbers = np.zeros(count + 1, dtype=np.int32)
    for number, (_, _, label) in enumerate(ordered, start=1):
        numbers[label] = number
    affine = mask.affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(mask.affine, corner)
    components = tuple(
        Component(number, round(volume, 4), (centre[0], centre[1], centre[2]))
        for number, (volume, centre, _) in enumerate(ordered, start=1)
    )
    return LabelledMask(numbers[labels], affine, components)


def focus_mm(mask: Volume) -> tuple[float, float, float] | None:
    """Find a point to look at: the voxel of the largest component that is nearest its centroid, millimetres RAS+.

    The centroid itself may lie outside a curved lesion. None for an empty mask.
    """
    labels, count, corner = _labelled(mask)
    if count == 0:
        return None
    largest = int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    voxels = nib.affines.apply_affine(mask.affine, np.argwhere(labels == largest) + corner)
    nearest = voxels[np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1))]
    return float(nearest[0]), float(nearest[1]), float(nearest[2])


def _labelled(mask: Volume) -> tuple[NDArray[np.int32], int, NDArray[np.int64]]:
    """Components of a mask within the box around it, their number, and the box's first voxel."""
    lesion = mask.data > 0
    box = ndimage.find_objects(lesion.astype(np.uint8))
    if not box:
        return np.zeros((1, 1, 1), dtype=np.int32), 0, np.zeros(3, dtype=np.int64)
    labels, count = ndimage.label(lesion[box[0]], structure=_CONNECT_26)
    return labels.astype(np.int32), int(count), np.array([part.start for part in box[0]])
