"""Pairs of lesion masks with known change: the lesions of a phantom read on two days, the head never lying quite alike.

No images: what is tested with these is how two masks are compared. A mask is read from the true lesions as a scanner
would see them with the head elsewhere: a voxel is lesion where at least half of it is filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from clams_dash.cohort.phantom_anatomy import Anatomy
from clams_dash.cohort.phantom_course import Load
from clams_dash.cohort.phantom_grid import LabelVolume, StudyGrid
from clams_dash.cohort.phantom_lesions import LesionPlan, PhantomLesion
from clams_dash.cohort.phantom_parameters import load_phantom_parameters
from clams_dash.cohort.phantom_template import load_template

FloatArray = NDArray[np.float64]

_USUAL_ML = 1440.0
_HALF = 0.5
_EDGE_BLUR = 1.0
_REACH = 12
"""voxels around a lesion within which it may lie once the head has moved"""


@dataclass(frozen=True, slots=True)
class PhantomPerson:
    """A brain with its lesions over several studies; ``brain`` holds points (mm) spread over the brain."""

    lesions: list[PhantomLesion]
    years: tuple[float, ...]
    shape: tuple[int, int, int]
    affine: FloatArray
    brain: FloatArray


def draw_person(seed: int) -> PhantomPerson:
    """A person with three studies: some forty lesions, new, enlarging, slowly growing and resolved ones."""
    rng = np.random.default_rng([seed, 6])
    template = load_template()
    anatomy = Anatomy(template, rng, float(rng.uniform(0.1, 0.7)), float(rng.normal(_USUAL_ML, 60.0)))
    tissue = anatomy.at(float(rng.normal(_USUAL_ML, 20.0)), 0.4)
    years = (0.0, float(rng.uniform(0.8, 1.3)), float(rng.uniform(1.9, 2.8)))
    count = int(rng.integers(15, 60))
    load = Load(
        first_count=count,
        first_volume_ml=float(count * rng.uniform(0.1, 0.35)),
        years=years,
        new=(0, int(rng.integers(0, 6)), int(rng.integers(0, 6))),
        enlarging=(0, int(rng.integers(0, 5)), int(rng.integers(0, 5))),
        enhancing=(0, 0, 0),
        resolved=(0, int(rng.integers(0, 2)), int(rng.integers(0, 2))),
        slow=4,
    )
    thickness = load_phantom_parameters().scanner.slice_mm_2d
    lesions = LesionPlan(anatomy, tissue, load_phantom_parameters().lesions, thickness, rng).draw(load)
    places = np.argwhere(template.brain)[::997]
    points = places @ template.affine[:3, :3].T + template.affine[:3, 3]
    return PhantomPerson(lesions, years, anatomy.shape, template.affine, points)


def motion_of(person: PhantomPerson, displacement_mm: float, rng: np.random.Generator) -> FloatArray:
    """A rigid motion (4 x 4, mm) in a random direction that displaces the brain by ``displacement_mm`` on average."""
    turn, shift = rng.normal(size=3) * np.radians(0.5), rng.normal(size=3)
    centre = person.brain.mean(axis=0)

    def motion(scale: float) -> FloatArray:
        whole = np.eye(4)
        whole[:3, :3] = Rotation.from_rotvec(turn * scale).as_matrix()
        whole[:3, 3] = centre - whole[:3, :3] @ centre + shift * scale
        return whole

    def mean_mm(scale: float) -> float:
        whole = motion(scale)
        moved = person.brain @ whole[:3, :3].T + whole[:3, 3]
        return float(np.linalg.norm(moved - person.brain, axis=1).mean())

    low, high = 0.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_mm(middle) < displacement_mm else (low, middle)
    return motion((low + high) / 2)


def read_mask(
    person: PhantomPerson,
    study: int,
    grid: StudyGrid,
    motion: FloatArray,
    rng: np.random.Generator | None = None,
    edge_noise: float = 0.0,
) -> LabelVolume:
    """The lesions of a study as labels (the lesion's number) on ``grid``, the head moved by ``motion``.

    ``edge_noise``: standard deviation of the share of a voxel by which a reader's edge is off (0 = none).
    """
    labels = np.zeros(grid.shape, dtype=np.uint8)
    to_true = np.linalg.inv(person.affine) @ np.linalg.inv(motion) @ person.affine
    for lesion in person.lesions:
        size = lesion.sizes[study]
        if size:
            voxels = _moved(person.shape, lesion.order[:size], to_true, rng, edge_noise)
            labels.ravel()[grid.lesion_voxels(voxels, len(voxels))] = lesion.number
    return labels


def _moved(
    shape: tuple[int, int, int],
    voxels: NDArray[np.int64],
    to_true: FloatArray,
    rng: np.random.Generator | None,
    edge_noise: float,
) -> NDArray[np.int64]:
    """Voxels (flat) of a lesion of the true grid on the same grid with the head moved, its middle first."""
    where = np.stack(np.unravel_index(voxels, shape))
    low = np.maximum(where.min(axis=1) - _REACH, 0)
    high = np.minimum(where.max(axis=1) + _REACH + 1, np.array(shape))
    box = np.zeros(high - low, dtype=np.float32)
    box[tuple(where - low[:, None])] = 1.0
    offset = to_true[:3, :3] @ low + to_true[:3, 3] - low
    filled = ndimage.affine_transform(box, to_true[:3, :3], offset, order=1)
    if rng is not None and edge_noise:
        noise = ndimage.gaussian_filter(rng.standard_normal(box.shape), _EDGE_BLUR)
        filled = np.where(filled > 0, filled + edge_noise * noise / noise.std(), 0.0)
    found = np.argwhere(filled >= _HALF) + low
    if not len(found):
        return np.empty(0, dtype=np.int64)
    middle = np.argsort(((found - found.mean(axis=0)) ** 2).sum(axis=1))
    return np.asarray(np.ravel_multi_index(tuple(found[middle].T), shape), dtype=np.int64)


def grids(person: PhantomPerson) -> Iterator[tuple[str, StudyGrid, StudyGrid]]:
    """Kinds of pairs: two scans of 1 mm, two of thick slices, and one of each."""
    thick = load_phantom_parameters().scanner.slice_mm_2d
    fine, coarse = (StudyGrid(person.shape, person.affine, thickness) for thickness in (1, thick))
    yield "3D and 3D", fine, fine
    yield "2D and 2D", coarse, coarse
    yield "3D, then 2D", fine, coarse
