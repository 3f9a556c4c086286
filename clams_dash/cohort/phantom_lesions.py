"""T2 lesions of a phantom: where they sit, how they are shaped, and how each changes from study to study.

Shapes are grown voxel by voxel from a seed in the order of a cost that depends on the place: elongated away from the
ventricle wall (Dawson's fingers) or spread along it (caps), flat against the cortex, along the veins in deep white
matter. A lesion of n voxels is the first n of its order, so it is connected at any size, and two lesions keep two
voxels between them for good unless they are one confluent lesion from the start.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_anatomy import Anatomy, Tissue, smooth_field
from clams_dash.cohort.phantom_template import BoolVolume, FloatVolume

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

LEAST_VOXELS = 16
MOST_VOXELS = 9000
_GAP_VOXELS = 2
_SEED_GAP_VOXELS = 6
_TRIES = 60
REGIONS: tuple[str, ...] = ("periventricular", "juxtacortical", "deep_white_matter", "infratentorial")
_REGION_SHARES = (0.45, 0.22, 0.23, 0.10)  # clinical.md 2.5, design assumption


@dataclass(frozen=True, slots=True)
class PhantomLesion:
    """One lesion: its voxels (flat) in order of growth, the study it is born at, and its look."""

    number: int
    region: str
    order: IntArray
    born: int
    sizes: tuple[int, ...]
    """voxels at every study, 0 before birth"""
    brightness: float
    black_hole: float
    """0 = isointense on T1, 1 = as dark as fluid"""
    enhancing: bool
    """on T1 after contrast, at the study of its birth"""


@dataclass(frozen=True, slots=True)
class Load:
    """What the lesions of one person must amount to, study by study."""

    first_count: int
    first_volume_ml: float
    new: tuple[int, ...]
    """new lesions at every study; the entry of the first study is not used"""
    enhancing: tuple[int, ...]
    growing: int
    """lesions that enlarge slowly from study to study"""


class LesionPlan:
    """Places the lesions of one person on the brain of the first study."""

    def __init__(self, anatomy: Anatomy, tissue: Tissue, rng: np.random.Generator) -> None:
        self.rng, self.shape = rng, tissue.t1.shape
        places = anatomy.places
        below = places["infratentorial"] > 0.5
        solid = (tissue.brain > 0.9) & (tissue.fluid < 0.25)
        self._wall = places["ventricle_distance_mm"]
        # White matter next to the ventricles is partly fluid in an average template.
        lining = (self._wall > 0.0) & (self._wall < 3.0) & (tissue.fluid < 0.5) & (places["deep_grey"] < 0.5)
        white = (((tissue.white > 0.55) & solid) | lining) & (tissue.brain > 0.9) & ~below
        cortex = (tissue.grey > 0.55) & (places["deep_grey"] < 0.3) & (self._wall > 4.0) & ~below
        self._cortex = ndimage.distance_transform_cdt(~cortex, metric="chessboard").astype(np.float32)
        self._noise = 0.8 * smooth_field(rng, anatomy.template.shape, 3.2) + 0.6 * smooth_field(
            rng, anatomy.template.shape, 9.0
        )
        thick = ndimage.binary_erosion(solid, iterations=4) & below
        self._domain = {
            "periventricular": white & (self._wall > 0.0) & (places["deep_grey"] < 0.75),
            "juxtacortical": (white | ((self._cortex <= 1.0) & solid & ~below)) & (self._wall > 6.0),
            "deep_white_matter": white & (self._cortex > 2.5) & (self._wall > 5.0) & (places["deep_grey"] < 0.6),
            "infratentorial": thick & (tissue.t1 > 0.66),
        }
        near = white & (self._wall > 0.0) & (self._wall < 2.0)
        self._seeds = {
            "periventricular": near & self._domain["periventricular"],
            "juxtacortical": white & (self._cortex <= 1.5) & self._domain["juxtacortical"],
            "deep_white_matter": self._domain["deep_white_matter"] & (self._cortex > 4.0) & (self._wall > 7.0),
            "infratentorial": self._domain["infratentorial"],
        }
        self._taken: BoolVolume = np.zeros(self.shape, dtype=np.bool_)
        self._crowded: BoolVolume = np.zeros(self.shape, dtype=np.bool_)
        self._normals = {
            name: np.stack(list(np.gradient(ndimage.gaussian_filter(field, 1.5))))
            for name, field in (("wall", self._wall), ("cortex", self._cortex))
        }

    def draw(self, load: Load) -> list[PhantomLesion]:
        """Lesions for all studies; fewer than asked for when the brain has no more room."""
        studies = len(load.new)
        sizes = np.sort(_first_sizes(load, self.rng))[::-1]
        lesions: list[PhantomLesion] = []
        growing = set(range(1, 1 + load.growing))
        for rank, size in enumerate(sizes):
            large = size > 700
            region = "periventricular" if large else self._region()
            factor = 1.15 if rank in growing else 1.0
            course = [size * factor**study * self.rng.uniform(0.985, 1.015) for study in range(studies)]
            enhancing = 0 < len(sizes) - rank <= load.enhancing[0]
            self._add(lesions, region, 0, course, enhancing, confluent=large)
        for study in range(1, studies):
            for number in range(load.new[study]):
                size = float(np.clip(np.exp(self.rng.normal(4.5, 0.7)), 24, 700))
                later = [size * fade for fade in (1.0, 0.72, 0.64, 0.61, 0.6, 0.59, 0.58)]
                course = [0.0] * study + [later[min(step, 6)] for step in range(studies - study)]
                self._add(lesions, self._region(), study, course, number < load.enhancing[study], confluent=False)
        return lesions

    def _region(self) -> str:
        return str(self.rng.choice(REGIONS, p=_REGION_SHARES))

    def _add(
        self,
        lesions: list[PhantomLesion],
        region: str,
        born: int,
        course: list[float],
        enhancing: bool,
        confluent: bool,
    ) -> None:
        sizes = [0 if size <= 0 else int(np.clip(size, LEAST_VOXELS, MOST_VOXELS)) for size in course]
        order = None
        for place in (region, *(other for other in REGIONS if other != region)):
            order, region = self._grow(place, max(sizes), confluent), place
            if order is not None:
                break
        if order is None:
            return
        sizes = [min(size, len(order)) for size in sizes]
        shape = np.zeros(self.shape, dtype=np.bool_)
        shape.ravel()[order] = True
        box = _box(order, self.shape, _SEED_GAP_VOXELS + 1)
        for mask, gap in ((self._taken, _GAP_VOXELS), (self._crowded, _SEED_GAP_VOXELS)):
            mask[box] |= ndimage.binary_dilation(shape[box], structure=np.ones((3, 3, 3), dtype=bool), iterations=gap)
        hole = float(self.rng.uniform(0.5, 1.05)) if self.rng.random() < 0.42 and not enhancing else 0.28
        lesions.append(
            PhantomLesion(
                number=len(lesions) + 1,
                region=region,
                order=order,
                born=born,
                sizes=tuple(sizes),
                brightness=float(np.clip(self.rng.normal(1.0, 0.16), 0.62, 1.3)),
                black_hole=hole if region != "infratentorial" else 0.2,
                enhancing=enhancing,
            )
        )

    def _grow(self, region: str, size: int, confluent: bool) -> IntArray | None:
        candidates = np.flatnonzero(self._seeds[region] & ~self._crowded)
        if not len(candidates):
            candidates = np.flatnonzero(self._seeds[region] & ~self._taken)
        if not len(candidates):
            return None
        weight = self._seed_weight(region, candidates)
        best: IntArray | None = None
        for _ in range(_TRIES):
            seed = int(self.rng.choice(candidates, p=weight))
            order = self._flood(region, seed, size, confluent)
            if len(order) >= size:
                return order
            if best is None or len(order) > len(best):
                best = order
        return best if best is not None and len(best) >= LEAST_VOXELS else None

    def _seed_weight(self, region: str, candidates: IntArray) -> FloatArray:
        weight = np.ones(len(candidates))
        if region == "periventricular":
            # Upper and outer angles and the horns carry most lesions; the medial wall hardly any.
            side, front, up = np.unravel_index(candidates, self.shape)
            middle, height = np.median(front), np.median(up)
            weight = 1.0 + 1.5 * (np.abs(front - middle) > 22) + 1.5 * (up > height)
            weight = np.where(np.abs(side - self.shape[0] / 2) < 9, 0.15 * weight, weight)
        return np.asarray(weight / weight.sum())

    def _flood(self, region: str, seed: int, size: int, confluent: bool) -> IntArray:
        """Voxels in order of growth: always the cheapest neighbour of what has been taken."""
        cost = self._cost(region, seed, size, confluent)
        box, corner = cost
        shape = box.shape
        start = tuple(int(c) for c in np.array(np.unravel_index(seed, self.shape)) - corner)
        steps = (shape[1] * shape[2], -shape[1] * shape[2], shape[2], -shape[2], 1, -1)
        flat = box.ravel()
        first = int(np.ravel_multi_index(start, shape))
        heap: list[tuple[float, int]] = [(0.0, first)]
        seen = {first}
        taken: list[int] = []
        while heap and len(taken) < size:
            _, voxel = heapq.heappop(heap)
            taken.append(voxel)
            for step in steps:
                near = voxel + step
                if near not in seen and flat[near] < np.inf:
                    seen.add(near)
                    heapq.heappush(heap, (float(flat[near]), near))
        local = np.stack(np.unravel_index(np.array(taken, dtype=np.int64), shape))
        return np.asarray(np.ravel_multi_index(tuple(local + corner[:, None]), self.shape), dtype=np.int64)

    def _cost(self, region: str, seed: int, size: int, confluent: bool) -> tuple[FloatVolume, IntArray]:
        centre = np.array(np.unravel_index(seed, self.shape))
        reach = int(2.6 * (size * 3 / (4 * np.pi)) ** (1 / 3)) + 5 + 14 * confluent
        low, high = np.maximum(centre - reach, 1), np.minimum(centre + reach + 1, np.array(self.shape) - 1)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        offset = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"))
        offset = (offset - centre[:, None, None, None]).astype(np.float32)
        axis, along, across = self._axis(region, centre)
        parallel = np.tensordot(axis, offset, axes=(0, 0))
        square = np.maximum((offset**2).sum(axis=0) - parallel**2, 0.0)
        radius = np.sqrt((parallel / along) ** 2 + square / across**2)
        if confluent:
            radius = 0.45 * radius + 1.6 * np.clip(self._wall[box], 0.0, None)
        cost = radius * np.exp(0.42 * self._noise[box])
        open_to = self._domain[region][box] & ~self._taken[box]
        open_to[[0, -1]], open_to[:, [0, -1]], open_to[:, :, [0, -1]] = False, False, False
        return np.where(open_to, cost, np.inf).astype(np.float32), low

    def _axis(self, region: str, centre: IntArray) -> tuple[FloatArray, float, float]:
        """Main axis of a shape at a place, and its extent along and across that axis."""
        at = (slice(None), *centre)
        kind = "cortex" if region == "juxtacortical" else "wall"
        normal = self._normals[kind][at].astype(np.float64)
        normal = normal / (np.linalg.norm(normal) + 1e-6) if region != "infratentorial" else self.rng.normal(size=3)
        normal = normal / (np.linalg.norm(normal) + 1e-6)
        if region == "periventricular":
            finger = self.rng.random() < 0.6
            return normal, *((1.9, 0.75) if finger else (0.85, 1.2))
        if region == "juxtacortical":
            return normal, 0.55, 1.3
        return normal, float(self.rng.uniform(0.9, 1.8)), 0.85


def _first_sizes(load: Load, rng: np.random.Generator) -> FloatArray:
    """Sizes (voxels of 1 mm3) of the lesions of the first study: log-normal, scaled to the volume asked for."""
    if load.first_count == 0:
        return np.empty(0)
    sizes = np.exp(rng.normal(4.4, 1.1, load.first_count))
    target = max(load.first_volume_ml * 1000.0, load.first_count * (LEAST_VOXELS + 8.0))
    for _ in range(6):
        sizes = np.clip(sizes * target / sizes.sum(), LEAST_VOXELS + 2, MOST_VOXELS)
    return np.asarray(sizes)


def _box(order: IntArray, shape: tuple[int, ...], margin: int) -> tuple[slice, ...]:
    places = np.unravel_index(order, shape)
    return tuple(
        slice(max(int(axis.min()) - margin, 0), min(int(axis.max()) + margin + 1, size))
        for axis, size in zip(places, shape, strict=True)
    )


def label_volume(lesions: list[PhantomLesion], study: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Mask of one study, every lesion labelled by its number, which it keeps over the studies."""
    labels = np.zeros(shape, dtype=np.uint8)
    for lesion in lesions:
        labels.ravel()[lesion.order[: lesion.sizes[study]]] = lesion.number
    return labels
