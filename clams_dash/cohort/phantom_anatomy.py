"""One person's brain: the template bent by smooth random fields, with sulci of its own, at several dates.

Everything is kept for the voxels of the head only (``Anatomy.support``), one float32 per voxel and map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_fields import smooth_field, torque, upsampled
from clams_dash.cohort.phantom_template import MAPS, FloatVolume, Template

Values = NDArray[np.float32]
"""one number for every voxel of the support"""

RIBBON_MM = 3.1
_BENDS_MM = ((36.0, 2.6), (15.0, 1.3))
"""distance of knots and strength of the random fields that bend the template"""
_COARSE_MM = 4
_FOLD_KNOT_MM = 6.2
_LEAN_KNOT_MM, _LEAN_MM = 16.0, 3.0
_PIAL_MM = 2.4
_SHRINK = (1.048, 1.03, 1.025)
"""the average head is larger, and above all wider, than most"""
_USUAL_ML = 1440.0
_HEAD_SHARE = 0.75
_STRIPPED_MM = 0.7
"""fluid that skull stripping leaves around the surface"""
_LOOSE = 0.8
"""half the width (mm) over which fluid turns into tissue"""
_SOLVE_EVERY = 5
_CHUNK = 1 << 14
_WIDENING_MM = (-2.0, 2.4)


@dataclass(frozen=True, slots=True)
class Tissue:
    """One brain at one date, values on the support: fractions of fluid, of grey among tissue, and the cortex margin.

    ``cortex_mm`` is the distance from the fluid of fissures and sulci, negative inside; ``wall_mm`` that from the
    ventricle wall.
    """

    fluid: Values
    grey: Values
    cortex_mm: Values
    wall_mm: Values
    parenchyma_ml: float


class Anatomy:
    """A person's anatomy; :meth:`at` gives the brain with a parenchymal volume asked for.

    Parameters
    ----------
    template
        The average brain.
    ventricle_mm
        How far the ventricle walls stand further out than in the average young adult, at the first study.
    parenchyma_ml
        Brain volume at the first study; part of what sets it apart from the usual one is the size of the head.
    """

    def __init__(self, template: Template, rng: np.random.Generator, ventricle_mm: float, parenchyma_ml: float) -> None:
        self.template, self.shape = template, template.shape
        where = self._bend(rng, ventricle_mm, (_USUAL_ML / parenchyma_ml) ** (_HEAD_SHARE / 3.0))
        self._ventricle_mm = ventricle_mm
        values = _gather(template.maps, where)
        ragged = 0.5 * smooth_field(rng, self.shape, 11.0).reshape(-1)[self._around]
        inside = values[MAPS.index("depth_mm")] > np.float32(_PIAL_MM - _STRIPPED_MM) + ragged
        self.support = self._around[inside]
        self.places = {name: values[number][inside] for number, name in enumerate(MAPS)}
        margin = self._cortex_margin(where[:, inside], rng)
        kept = self._beside_tissue(margin)
        self.support, self._margin = self.support[kept], margin[kept]
        self.places = {name: values[kept] for name, values in self.places.items()}

    def _bend(self, rng: np.random.Generator, ventricle_mm: float, shrink: float) -> NDArray[np.float32]:
        """Place in the template from which every voxel is taken; worked out on a coarse grid."""
        shape, step = self.shape, _COARSE_MM
        coarse = self._coarse(step)
        affine = self.template.affine.copy()
        affine[:3, :3] *= step
        nodes = np.stack(np.meshgrid(*(np.arange(size) * step for size in coarse), indexing="ij")).astype(np.float32)
        centre = np.array(shape, dtype=np.float32)[:, None, None, None] / 2
        size = np.array(_SHRINK, dtype=np.float32)[:, None, None, None] * np.float32(shrink)
        size = size + 0.016 * rng.standard_normal((3, 1, 1, 1)).astype(np.float32)
        total = torque(coarse, affine) + (nodes - centre) * (size - 1.0)
        side = np.abs(nodes[0] + np.float32(self.template.affine[0, 3]))
        middle = 0.1 + 0.9 * np.clip((side - 2.0) / 24.0, 0.0, 1.0)
        for axis in range(3):
            for knot_mm, strength_mm in _BENDS_MM:
                bend = np.float32(strength_mm) * smooth_field(rng, coarse, knot_mm / step)
                # The falx keeps the midline straight.
                total[axis] += bend * middle if axis == 0 else bend
        pushed = np.clip(np.rint(nodes + total).astype(np.int64), 0, np.array(shape)[:, None, None, None] - 1)
        total -= np.float32(ventricle_mm) * self.template.push[:, pushed[0], pushed[1], pushed[2]]
        # A margin of 4 mm around the template's head holds every bent head.
        head = np.pad(self.template.brain[::4, ::4, ::4], 1)
        near = ndimage.binary_dilation(head, iterations=3)[1:-1, 1:-1, 1:-1]
        full = near.repeat(4, 0).repeat(4, 1).repeat(4, 2)[: shape[0], : shape[1], : shape[2]]
        self._around = np.flatnonzero(full)
        place = np.stack(np.unravel_index(self._around, shape)).astype(np.float32)
        for axis in range(3):
            place[axis] += upsampled(total[axis], step, shape).reshape(-1)[self._around]
        return place

    def _beside_tissue(self, margin: Values) -> NDArray[np.bool_]:
        """Voxels within about 3 mm of tissue: skull stripping takes what floats further out."""
        tissue = (self.volume((margin > 0.5).astype(np.float32))[::2, ::2, ::2] > 0.5).astype(np.float32)
        share = ndimage.uniform_filter(tissue, 7)
        x, y, z = np.unravel_index(self.support, self.shape)
        return np.asarray(share[x // 2, y // 2, z // 2] > 0.22)

    def _cortex_margin(self, where: NDArray[np.float32], rng: np.random.Generator) -> Values:
        """Distance (mm) from the fluid of surface, fissures and own sulci at no widening, negative inside."""
        places = self.places
        depth = places["depth_mm"]
        surface = depth - np.float32(_PIAL_MM)
        fissure = places["fissure_mm"] + 0.3 + 0.6 * places["infratentorial"] + self._fissures_own(rng)
        cortical = places["cortical"]
        sheet, reach, open_mm = self._own_folds(where, depth, rng)
        # A sulcus is a sheet with a rounded lower edge; where the cortex is not drawn anew it is far away.
        below = np.clip(depth - reach, 0.0, None) + 12.0 * (1.0 - cortical)
        sheet = np.sqrt(sheet**2 + below**2) - open_mm
        return np.asarray(np.minimum(np.minimum(surface, fissure), sheet), dtype=np.float32)

    def _fissures_own(self, rng: np.random.Generator) -> Values:
        """How much narrower (mm) fissures and cisterns are here than in the average brain: no two are alike."""
        coarse = self._coarse(_COARSE_MM)
        here = upsampled(smooth_field(rng, coarse, 20.0 / _COARSE_MM), _COARSE_MM, self.shape)
        return np.asarray(rng.normal(0.1, 0.25) + 0.5 * here.reshape(-1)[self.support], dtype=np.float32)

    def _coarse(self, step: int) -> tuple[int, int, int]:
        x, y, z = (-(-size // step) + 1 for size in self.shape)
        return x, y, z

    def _own_folds(
        self, where: NDArray[np.float32], depth: Values, rng: np.random.Generator
    ) -> tuple[Values, Values, Values]:
        """Distance to the person's own sulci, which an average brain has lost, how deep they reach, how open they are.

        The sulci are zero lines of noise on the surface, carried inwards along the normal. Where both banks touch
        (openness below zero) only the folded grey ribbon shows.
        """
        inward = np.stack([self.places[f"inward_{axis}"] for axis in "xyz"])
        noise = smooth_field(rng, self.shape, _FOLD_KNOT_MM)
        deepness = smooth_field(rng, self.shape, 12.0)
        at_surface = where - np.float32(0.88) * np.clip(depth, 0.0, 26.0) * inward
        # Sulci bend on their way in, the more the deeper.
        for axis in range(3):
            lean = upsampled(
                smooth_field(rng, self._coarse(_COARSE_MM), _LEAN_KNOT_MM / _COARSE_MM), _COARSE_MM, self.shape
            )
            at_surface[axis] += np.float32(_LEAN_MM) * np.clip(depth / 14.0, 0.0, 1.6) * lean.reshape(-1)[self.support]
        side = np.sign(where[0] - np.float32(self.shape[0] / 2))
        # The hemispheres are folded each in its own way.
        at_surface[2] += np.where(side > 0, np.float32(9.0), np.float32(0.0))
        volume = np.zeros(self.shape, dtype=np.float32)
        volume.ravel()[self.support] = ndimage.map_coordinates(noise, at_surface, order=1, mode="mirror")
        steepness = np.zeros(len(self.support), dtype=np.float32)
        for axis in range(3):
            slope: FloatVolume = np.asarray(np.gradient(volume, axis=axis))
            steepness += slope.ravel()[self.support] ** 2
        field = volume.ravel()[self.support]
        distance = np.abs(field) / np.clip(np.sqrt(steepness), 0.06, 0.8)
        nearest = np.rint(at_surface).astype(np.int64)
        for axis, size in enumerate(self.shape):
            np.clip(nearest[axis], 0, size - 1, out=nearest[axis])
        deep = deepness[nearest[0], nearest[1], nearest[2]]
        openness = -0.25 + 0.55 * deepness[::-1][nearest[0], nearest[1], nearest[2]]
        height = where[2] + np.float32(self.template.affine[2, 3])
        reach = np.clip(16.5 + 4.5 * deep + 5.0 * np.clip((height - 22.0) / 20.0, 0.0, 1.0), 0.0, 28.0)
        # On the medial wall gyri are shallow.
        off_midline = np.abs(where[0] + np.float32(self.template.affine[0, 3]))
        reach *= 1.0 - 0.5 * np.clip((24.0 - off_midline) / 10.0, 0.0, 1.0)
        return distance.astype(np.float32), reach.astype(np.float32), openness.astype(np.float32)

    def at(self, parenchyma_ml: float, ventricle_mm: float) -> Tissue:
        """The brain with its ventricle walls moved and its sulci widened until its tissue has the volume asked for."""
        places = self.places
        wall = places["ventricle_mm"] - np.float32(ventricle_mm - self._ventricle_mm) * places["widening"]
        wall = wall - np.float32(0.35 * ventricle_mm) * places["widening"]
        few = slice(None, None, _SOLVE_EVERY)
        ventricle = _ventricle(wall, places["septum"])
        low, high = _WIDENING_MM
        goal = parenchyma_ml * 1000.0 / _SOLVE_EVERY
        for _ in range(14):
            middle = 0.5 * (low + high)
            tissue = 1.0 - np.maximum(_surface_fluid(self._margin[few], middle), ventricle[few])
            low, high = (middle, high) if float(tissue.sum()) > goal else (low, middle)
        widening = np.float32(0.5 * (low + high))
        fluid = np.maximum(_surface_fluid(self._margin, widening), ventricle)
        cortex = self._margin - widening
        return Tissue(
            fluid=fluid,
            grey=self._grey(cortex),
            cortex_mm=cortex,
            wall_mm=wall,
            parenchyma_ml=float((1.0 - fluid).sum(dtype=np.float64)) / 1000.0,
        )

    def _grey(self, cortex: Values) -> Values:
        """Fraction of grey matter: a ribbon along the fluid, and what the template shows deep inside and below."""
        places = self.places
        ribbon = np.clip(0.5 + (np.float32(RIBBON_MM) - cortex) / 1.4, 0.0, 1.0)
        steep = 1.0 + 0.6 * places["deep_grey"]
        average = np.clip(steep * (0.845 - places["t1"]) / 0.14, 0.0, 1.0)
        grey = ribbon * places["cortical"] + average * (1.0 - places["cortical"])
        return np.asarray(grey, dtype=np.float32)

    @property
    def off_midline_mm(self) -> Values:
        """Distance from the template's midline, right positive."""
        side = self.support // (self.shape[1] * self.shape[2])
        return np.asarray(side + self.template.affine[0, 3], dtype=np.float32)

    def volume(self, values: Values) -> FloatVolume:
        """Values of the support as a volume, zero elsewhere."""
        volume = np.zeros(self.shape, dtype=np.float32)
        volume.ravel()[self.support] = values
        return volume


def _surface_fluid(margin: Values, widening: float | np.float32) -> Values:
    fluid = np.clip(0.5 - (margin - np.float32(widening)) / np.float32(2 * _LOOSE), 0.0, 1.0)
    return np.asarray(fluid, dtype=np.float32)


def _ventricle(wall: Values, septum: Values) -> Values:
    return np.asarray(np.clip(0.5 - wall, 0.0, 1.0) * (1.0 - 0.75 * septum), dtype=np.float32)


def _gather(maps: FloatVolume, where: NDArray[np.float32]) -> NDArray[np.float32]:
    """Trilinear values of all maps at places (3 x n): one pass over memory instead of one for every map."""
    shape, count = maps.shape[:3], maps.shape[3]
    flat = maps.reshape(-1, count)
    out = np.empty((count, where.shape[1]), dtype=np.float32)
    steps = (shape[1] * shape[2], shape[2], 1)
    for start in range(0, where.shape[1], _CHUNK):
        part = [np.clip(where[axis, start : start + _CHUNK], 0.0, shape[axis] - 1.001) for axis in range(3)]
        floor = [line.astype(np.int64) for line in part]
        share = [line - whole for line, whole in zip(part, floor, strict=True)]
        base = sum(whole * step for whole, step in zip(floor, steps, strict=True))
        total = np.zeros((len(part[0]), count), dtype=np.float32)
        for corner in range(8):
            bits = [(corner >> axis) & 1 for axis in range(3)]
            weight = np.ones(len(part[0]), dtype=np.float32)
            for axis in range(3):
                weight *= share[axis] if bits[axis] else 1.0 - share[axis]
            offset = sum(bit * step for bit, step in zip(bits, steps, strict=True))
            total += weight[:, None] * flat[base + offset]
        out[:, start : start + _CHUNK] = total.T
    return out
