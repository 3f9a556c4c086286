"""All studies of one person in one space: which study is the reference, how the others lie, copies on one grid.

The reference is the study with the thinnest slices, the earliest of equals, so that a later study seldom changes it.
Within a study the other sequences are laid over the one that was registered: people move between sequences too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from clams_dash.errors import ImageError
from clams_dash.imaging import grid
from clams_dash.imaging.brain import find_brain
from clams_dash.imaging.nifti import Volume
from clams_dash.imaging.registration import Aligned, register, register_near

REGISTERED_FIRST = ("FLAIR", "T2W", "T1W", "T1W_GD", "PD")
"""The sequence that stands for its study, the first that it has: FLAIR shows the lesions."""
COMMON_MM = 1.0
_MARGIN_MM = 6.0
_SAME = Aligned(np.eye(4), 2.0, 1.0, 0.0, "pass", "the reference itself")


@dataclass(frozen=True, slots=True)
class StudyVolumes:
    """The volumes of one study by sequence, each on an axis-aligned RAS+ grid; masks apart from images."""

    study_id: str
    date: date
    images: Mapping[str, Volume]
    masks: Mapping[str, Volume]

    @property
    def main(self) -> str:
        """The sequence that stands for the study."""
        return next((name for name in REGISTERED_FIRST if name in self.images), next(iter(self.images)))


@dataclass(frozen=True, slots=True)
class PlacedStudy:
    """How a study lies over the reference; ``maps``: mm RAS+ of the reference to mm RAS+ of each of its volumes."""

    study_id: str
    sequence: str
    aligned: Aligned | None
    reason: str
    maps: Mapping[str, NDArray[np.float64]]

    @property
    def passed(self) -> bool:
        """Whether the study may be compared with the person's others."""
        return self.aligned is not None and self.aligned.quality == "pass"


@dataclass(frozen=True, slots=True)
class CommonSpace:
    """One person's space: the grid all copies lie on, the brain on it, and how each study lies in it."""

    reference: str
    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    brain: NDArray[np.bool_]
    template: NDArray[np.float64]
    studies: tuple[PlacedStudy, ...]

    def place(self, study_id: str) -> PlacedStudy:
        """The place of a study. Raises KeyError for another."""
        return {one.study_id: one for one in self.studies}[study_id]

    def carried(self, volume: Volume, world_map: NDArray[np.float64], *, is_mask: bool) -> Volume:
        """A volume on the common grid; labels stay labels."""
        return grid.resample(volume, self.affine, self.shape, world_map=world_map, is_mask=is_mask)


def common_space(studies: Sequence[StudyVolumes]) -> CommonSpace:
    """Lay the studies of one person over each other.

    Raises ImageError when there are none, or when the reference shows no brain: then nothing of this person can be
    compared.
    """
    if not studies:
        raise ImageError("no study with images")
    reference = min(studies, key=lambda one: (_slice_mm(one), one.date, one.study_id))
    base = reference.images[reference.main]
    brain = find_brain(base)
    affine, shape = _common_grid(brain.mask)
    on_grid = grid.resample(brain.mask, affine, shape, is_mask=True).data > 0
    placed = tuple(_placed(study, reference, brain.mask) for study in studies)
    return CommonSpace(reference.study_id, affine, shape, on_grid, brain.template, placed)


def _slice_mm(study: StudyVolumes) -> float:
    return round(max(study.images[study.main].spacing_mm), 1)


def _common_grid(brain: Volume) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    """An isotropic grid around the brain, with room for the head near it."""
    voxels = np.argwhere(brain.data > 0)
    corners = np.stack([voxels.min(axis=0), voxels.max(axis=0)])
    ends = corners * np.diag(brain.affine)[:3] + brain.affine[:3, 3]
    low, high = ends[0] - 2 * _MARGIN_MM, ends[1] + 2 * _MARGIN_MM
    count = np.ceil((high - low) / COMMON_MM).astype(int) + 1
    affine = np.diag([COMMON_MM, COMMON_MM, COMMON_MM, 1.0])
    affine[:3, 3] = np.round(low)
    return affine, (int(count[0]), int(count[1]), int(count[2]))


def _placed(study: StudyVolumes, reference: StudyVolumes, brain: Volume) -> PlacedStudy:
    main = study.main
    if study is reference:
        aligned = _SAME
    else:
        try:
            aligned = register(reference.images[reference.main], study.images[main], brain)
        except (ImageError, RuntimeError) as error:
            return PlacedStudy(study.study_id, main, None, f"could not be laid over the reference: {error}", {})
    maps = dict(_maps(study, main, aligned, brain)) if aligned.quality == "pass" else {}
    return PlacedStudy(study.study_id, main, aligned, aligned.reason, maps)


def _maps(study: StudyVolumes, main: str, aligned: Aligned, brain: Volume) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Where each volume of a study lies: on the main one's grid, or laid over it; a volume that fails is left out."""
    placed = {main: aligned.matrix}
    for name, image in study.images.items():
        if name == main or grid.same_grid(image, study.images[main]):
            placed[name] = aligned.matrix
            continue
        own_brain = grid.resample(
            brain, study.images[main].affine, study.images[main].data.shape[:3],
            world_map=np.asarray(np.linalg.inv(aligned.matrix)), is_mask=True,
        )  # fmt: skip
        try:
            inner = register_near(study.images[main], image, own_brain)
        except (ImageError, RuntimeError):
            continue
        if inner.quality == "pass":
            placed[name] = inner.matrix @ aligned.matrix
    for name, mask in study.masks.items():
        base = next((one for one in placed if grid.same_grid(mask, study.images[one])), None)
        if base is not None:
            placed[name] = placed[base]
    yield from placed.items()
