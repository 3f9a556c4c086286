"""T2 lesions of a phantom: where they sit and how they are shaped.

Shapes are grown voxel by voxel from a seed in the order of a cost that depends on the place: elongated away from the
ventricle wall (Dawson's fingers) or spread along it (caps), flat against the cortex, along the veins in deep white
matter. A lesion of n voxels is the first n of its order, so it is connected at any size, and two lesions keep two
voxels of the coarsest grid between them for good unless they are one confluent lesion from the start.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_anatomy import RIBBON_MM, Anatomy, Tissue
from clams_dash.cohort.phantom_course import LEAST_VOXELS, Course, Load, plan_courses
from clams_dash.cohort.phantom_fields import smooth_field
from clams_dash.cohort.phantom_grid import StudyGrid
from clams_dash.cohort.phantom_parameters import Lesions
from clams_dash.cohort.phantom_template import BoolVolume, FloatVolume

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_GAP_VOXELS = 2
_SEED_GAP_VOXELS = 5
_TRIES = 14
REGIONS: tuple[str, ...] = ("periventricular", "juxtacortical", "deep_white_matter", "infratentorial")


@dataclass(frozen=True, slots=True)
class PhantomLesion:
    """One lesion: its voxels (flat, 1 mm grid) in order of growth, its course, and its look."""

    number: int
    region: str
    order: IntArray
    born: int
    sizes: tuple[int, ...]
    """voxels at every study, 0 before birth and after it has gone"""
    brightness: float
    black_hole: float
    """0 = isointense on T1, 1 = as dark as fluid"""
    enhancing: frozenset[int]
    """studies at which it lights up on T1 after contrast"""


class LesionPlan:
    """Places the lesions of one person on the brain of the first study.

    ``slab`` is the thickness (voxels) of the thickest slices of any of the studies.
    """

    def __init__(
        self, anatomy: Anatomy, tissue: Tissue, parameters: Lesions, slab: int, rng: np.random.Generator
    ) -> None:
        self.rng, self.shape, self.parameters, self.slab = rng, anatomy.shape, parameters, slab
        places, volume = anatomy.places, anatomy.volume
        below = places["infratentorial"] > 0.5
        from_cortex = tissue.cortex_mm - np.float32(RIBBON_MM)
        solid = (tissue.fluid < 0.25) & (places["depth_mm"] > 4.0)
        white = solid & (tissue.grey < 0.4) & ~below & (tissue.wall_mm > 0.3)
        # White matter next to the ventricles is partly fluid in an average template.
        lining = (tissue.wall_mm > 0.3) & (tissue.wall_mm < 3.0) & (places["deep_grey"] < 0.5) & ~below
        lining &= np.abs(anatomy.off_midline_mm) > 3.0
        inside = white | (lining & solid)
        domains = {
            "periventricular": inside & (places["deep_grey"] < 0.75) & (from_cortex > -0.5),
            "juxtacortical": solid
            & ~below
            & (from_cortex > -1.4)
            & (tissue.wall_mm > 6.0)
            & (places["deep_grey"] < 0.2),
            "deep_white_matter": white & (from_cortex > 1.8) & (tissue.wall_mm > 5.0) & (places["deep_grey"] < 0.6),
            "infratentorial": solid
            & below
            & (places["depth_mm"] > 6.0)
            & (tissue.cortex_mm > 3.0)
            & (places["t1"] > 0.66),
        }
        seeds = {
            "periventricular": domains["periventricular"] & (tissue.wall_mm < 2.2),
            "juxtacortical": domains["juxtacortical"] & (np.abs(from_cortex) < 1.2) & (places["cortical"] > 0.6),
            "deep_white_matter": domains["deep_white_matter"] & (from_cortex > 3.0) & (tissue.wall_mm > 7.0),
            "infratentorial": domains["infratentorial"],
        }
        self._domain = {name: volume(domain.astype(np.float32)) > 0.5 for name, domain in domains.items()}
        # A seed in the middle of a thick slice is found by any way of comparing thick and thin slices.
        middle = anatomy.support % self.shape[2] % slab == slab // 2
        self._seeds = {name: anatomy.support[seed & middle] for name, seed in seeds.items()}
        self._wall = volume(np.clip(tissue.wall_mm, -5.0, 60.0))
        self._cortex = volume(np.clip(tissue.cortex_mm, -5.0, 30.0))
        self._noise = 0.8 * smooth_field(rng, self.shape, 3.2) + 0.6 * smooth_field(rng, self.shape, 9.0)
        self._taken: BoolVolume = np.zeros(self.shape, dtype=np.bool_)
        self._crowded: BoolVolume = np.zeros(self.shape, dtype=np.bool_)

    def draw(self, load: Load) -> list[PhantomLesion]:
        """Lesions for all studies; fewer than asked for when the brain has no more room."""
        lesions: list[PhantomLesion] = []
        for course in plan_courses(load, self.parameters, self.rng):
            self._add(lesions, course)
        return lesions

    def _region(self) -> str:
        places = self.parameters
        shares = (
            places.share_periventricular, places.share_juxtacortical, places.share_deep_white_matter,
            places.share_infratentorial,
        )  # fmt: skip
        return str(self.rng.choice(REGIONS, p=shares))

    def _add(self, lesions: list[PhantomLesion], course: Course) -> None:
        region = "periventricular" if course.large else self._region()
        order, wanted = None, max(course.sizes)
        for place in (region, *(other for other in REGIONS if other != region)):
            order, region = self._grow(place, wanted, course.large), place
            if order is not None:
                break
        if order is None:
            return
        self._reserve(order)
        dark = self.rng.random() < self.parameters.black_hole_share and not course.enhancing
        lesions.append(
            PhantomLesion(
                number=len(lesions) + 1,
                region=region,
                order=order,
                born=course.born,
                sizes=tuple(min(size, len(order)) for size in course.sizes),
                brightness=float(np.clip(self.rng.normal(1.0, 0.16), 0.62, 1.3)),
                black_hole=0.2 if region == "infratentorial" else float(self.rng.uniform(0.5, 1.05)) if dark else 0.28,
                enhancing=frozenset(course.enhancing),
            )
        )

    def _reserve(self, order: IntArray) -> None:
        """Keep the surroundings of a lesion free, counted in voxels of the coarsest grid."""
        parts = np.unravel_index(order, self.shape)
        margin = (_SEED_GAP_VOXELS + 1) * self.slab
        box = tuple(
            slice(max(int(part.min()) - margin, 0), min(int(part.max()) + margin + 1, size))
            for part, size in zip(parts, self.shape, strict=True)
        )
        start = box[2].start // self.slab * self.slab
        box = (box[0], box[1], slice(start, min(-(-box[2].stop // self.slab) * self.slab, self.shape[2])))
        thick = np.zeros(
            (*(part.stop - part.start for part in box[:2]), (box[2].stop - start) // self.slab), dtype=bool
        )
        thick[parts[0] - box[0].start, parts[1] - box[1].start, (parts[2] - start) // self.slab] = True
        for mask, gap in ((self._taken, _GAP_VOXELS), (self._crowded, _SEED_GAP_VOXELS)):
            wide = (2 * gap + 1, 2 * gap + 1, 2 * min(gap, _GAP_VOXELS if self.slab > 1 else gap) + 1)
            grown = ndimage.maximum_filter(thick.astype(np.uint8), size=wide, mode="constant") > 0
            mask[box] |= np.repeat(grown, self.slab, axis=2)

    def _grow(self, region: str, size: int, confluent: bool) -> IntArray | None:
        seeds = self._seeds[region]
        candidates = seeds[~self._crowded.ravel()[seeds]]
        if not len(candidates):
            candidates = seeds[~self._taken.ravel()[seeds]]
        if not len(candidates):
            return None
        weight = self._seed_weight(region, candidates)
        best: IntArray | None = None
        for seed in self.rng.choice(candidates, size=_TRIES, p=weight):
            order = self._flood(region, int(seed), size, confluent)
            if len(order) >= size:
                return order
            if best is None or len(order) > len(best):
                best = order
        return best if best is not None and len(best) >= max(LEAST_VOXELS, size // 2) else None

    def _seed_weight(self, region: str, candidates: IntArray) -> FloatArray:
        weight = np.ones(len(candidates))
        if region == "periventricular":
            # Upper and outer angles and the horns carry most lesions; the medial wall hardly any.
            side, front, up = np.unravel_index(candidates, self.shape)
            middle, height = np.median(front), np.median(up)
            weight = 1.0 + 1.5 * (np.abs(front - middle) > 22) + 1.5 * (up > height)
            weight = np.where(np.abs(side - self.shape[0] / 2) < 9, 0.1 * weight, weight)
        return np.asarray(weight / weight.sum())

    def _flood(self, region: str, seed: int, size: int, confluent: bool) -> IntArray:
        """Voxels in order of growth: always the cheapest neighbour of what has been taken."""
        box, corner = self._cost(region, seed, size, confluent)
        shape = box.shape
        start = tuple(int(c) for c in np.array(np.unravel_index(seed, self.shape)) - corner)
        steps = (shape[1] * shape[2], -shape[1] * shape[2], shape[2], -shape[2], 1, -1)
        flat = box.ravel().tolist()
        first = int(np.ravel_multi_index(start, shape))
        heap: list[tuple[float, int]] = [(0.0, first)]
        seen = {first}
        taken: list[int] = []
        far = float("inf")
        while heap and len(taken) < size:
            _, voxel = heapq.heappop(heap)
            taken.append(voxel)
            for step in steps:
                near = voxel + step
                if near not in seen and flat[near] < far:
                    seen.add(near)
                    heapq.heappush(heap, (flat[near], near))
        local = np.stack(np.unravel_index(np.array(taken, dtype=np.int64), shape))
        return np.asarray(np.ravel_multi_index(tuple(local + corner[:, None]), self.shape), dtype=np.int64)

    def _cost(self, region: str, seed: int, size: int, confluent: bool) -> tuple[FloatVolume, IntArray]:
        centre = np.array(np.unravel_index(seed, self.shape))
        reach = int(2.3 * (size * 3 / (4 * np.pi)) ** (1 / 3)) + 5 + 14 * confluent
        low, high = np.maximum(centre - reach, 1), np.minimum(centre + reach + 1, np.array(self.shape) - 1)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        offset = [(np.arange(a, b) - c).astype(np.float32) for a, b, c in zip(low, high, centre, strict=True)]
        x, y, z = np.meshgrid(*offset, indexing="ij", sparse=True)
        axis, along, across = self._axis(region, centre)
        parallel = np.float32(axis[0]) * x + np.float32(axis[1]) * y + np.float32(axis[2]) * z
        square = np.maximum(x**2 + y**2 + z**2 - parallel**2, 0.0)
        radius = np.sqrt((parallel / np.float32(along)) ** 2 + square / np.float32(across**2))
        if confluent:
            radius = 0.45 * radius + 1.6 * np.clip(self._wall[box], 0.0, None)
        cost = radius * np.exp(0.42 * self._noise[box])
        open_to = self._domain[region][box] & ~self._taken[box]
        open_to[[0, -1]], open_to[:, [0, -1]], open_to[:, :, [0, -1]] = False, False, False
        return np.where(open_to, cost, np.inf).astype(np.float32), low

    def _axis(self, region: str, centre: IntArray) -> tuple[FloatArray, float, float]:
        """Main axis of a shape at a place, and its extent along and across that axis."""
        normal = self.rng.normal(size=3)
        if region != "infratentorial":
            field = self._cortex if region == "juxtacortical" else self._wall
            part = field[tuple(slice(max(c - 3, 0), c + 4) for c in centre)]
            normal = np.array([float(np.gradient(part, axis=axis).mean()) for axis in range(3)])
        normal = normal / (np.linalg.norm(normal) + 1e-6)
        if region == "periventricular":
            finger = self.rng.random() < 0.6
            return normal, *((1.9, 0.75) if finger else (0.85, 1.2))
        if region == "juxtacortical":
            return normal, 0.6, 1.3
        return normal, float(self.rng.uniform(0.9, 1.8)), 0.85


def label_volume(lesions: list[PhantomLesion], study: int, grid: StudyGrid) -> NDArray[np.uint8]:
    """Mask of one study on its grid, every lesion labelled by its number, which it keeps over the studies."""
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for lesion in lesions:
        labels.ravel()[grid.lesion_voxels(lesion.order, lesion.sizes[study])] = lesion.number
    return labels
