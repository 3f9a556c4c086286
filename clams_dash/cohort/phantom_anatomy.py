"""One person's brain: the template bent by smooth random fields, and the same brain at later dates with atrophy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_template import FloatVolume, Template

_MOVING = ("t1", "sulcal", "grey", "white", "brain")
_FIXED = (
    "depth_mm",
    "ventricle_distance_mm",
    "widening",
    "septum",
    "iron",
    "tract",
    "choroid",
    "infratentorial",
    "deep_grey",
)
_CARVE_WIDTH = 0.16
_CARVE_DEPTH = 0.50
_TORQUE_MM = 2.2
_RIBBON_MM = 3.2
_BENDS_MM = ((34.0, 2.6), (13.0, 1.1), (7.0, 0.45))
"""distance of knots and strength of the random fields that bend the template"""


@dataclass(frozen=True, slots=True)
class Tissue:
    """One brain at one date on the template's grid: ``fluid`` (cerebrospinal) and ``brain`` are fractions."""

    t1: FloatVolume
    fluid: FloatVolume
    grey: FloatVolume
    white: FloatVolume
    brain: FloatVolume


class Anatomy:
    """A person's fixed anatomy; :meth:`at` gives the brain for a given amount of tissue loss.

    The maps of places (``ventricle_distance_mm``, ``iron``, ``tract``, ``choroid``, ``infratentorial``,
    ``deep_grey``) are those of the young brain.
    """

    def __init__(self, template: Template, rng: np.random.Generator) -> None:
        self.template = template
        shape = template.shape
        self._support = np.flatnonzero(ndimage.binary_dilation(template.brain > 0.5, iterations=5))
        total = torque(shape, template.affine).reshape(3, -1)[:, self._support]
        middle = np.broadcast_to(_off_midline(template), shape).reshape(-1)[self._support]
        for axis in range(3):
            for knot_mm, strength_mm in _BENDS_MM:
                bend = np.float32(strength_mm) * smooth_field(rng, shape, knot_mm).reshape(-1)[self._support]
                # The falx keeps the midline straight.
                total[axis] += bend * middle if axis == 0 else bend
        size = 1.0 + 0.02 * rng.standard_normal(3)
        centre = np.array(shape, dtype=np.float32)[:, None] / 2
        grid = np.stack(np.unravel_index(self._support, shape)).astype(np.float32)
        self._where = ((grid - centre) * size[:, None] + centre + total).astype(np.float32)
        self._push = template.push.reshape(3, -1)[:, self._support]
        # Sulci are wide here and narrow there, so the depth at which fluid is carved varies over the brain.
        carve = 0.035 * smooth_field(rng, shape, 26.0) + 0.02 * smooth_field(rng, shape, 9.0)
        self._carve = carve.ravel()[self._support]
        self._fold = self._own_folds(rng)
        self.places = {name: self._volume(self._sample(name, self._where)) for name in _FIXED}

    def at(self, ventricle_mm: float, sulcal_widening: float) -> Tissue:
        """The brain with its ventricle walls moved out by ``ventricle_mm`` and its sulci widened (0 = young adult)."""
        where = self._where - np.float32(ventricle_mm) * self._push
        values = {name: self._sample(name, where) for name in _MOVING}
        ribbon = np.exp(-((self._fold / _RIBBON_MM) ** 4)) * self._fold_depth
        values["t1"] -= np.float32(0.9) * ribbon * np.clip(values["t1"] - 0.66, 0.0, 1.0)
        crease = np.clip(1.25 - self._fold / (1.0 + 8.0 * np.float32(sulcal_widening)), 0.0, 1.0)
        values["sulcal"] -= np.float32(0.55) * crease * self._fold_depth
        values["white"] *= 1.0 - ribbon
        values["grey"] = np.maximum(values["grey"], ribbon * values["brain"])
        carve = np.float32(_CARVE_DEPTH + sulcal_widening) + self._carve
        fluid = np.clip((carve + _CARVE_WIDTH / 2 - values.pop("sulcal")) / _CARVE_WIDTH, 0.0, 1.0)
        fixed = {
            name: self.places[name].ravel()[self._support] for name in ("ventricle_distance_mm", "widening", "septum")
        }
        wall = np.float32(ventricle_mm) * fixed["widening"] - fixed["ventricle_distance_mm"]
        fluid = np.maximum(fluid, np.clip(wall + 0.5, 0.0, 1.0)) * (1.0 - 0.75 * fixed["septum"])
        volumes = {name: self._volume(value) for name, value in values.items()}
        return Tissue(fluid=self._volume(fluid), **volumes)

    def _own_folds(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Distance (about mm) to secondary sulci of the person's own, which an average brain has lost.

        The sulci are zero lines of smooth noise on a sphere around the brain, carried inwards along the radius, so
        that they run at right angles to the surface; ``_fold_depth`` says how far in each reaches.
        """
        shape, where = self.template.shape, self._where
        centre = np.array([shape[0] / 2, shape[1] * 0.53, shape[2] * 0.44], dtype=np.float32)[:, None]
        ray = where - centre
        reach = np.sqrt((ray**2).sum(axis=0)) + np.float32(1e-3)
        on_sphere = ray / reach * np.float32(52.0) + centre
        noise = smooth_field(rng, shape, 14.0)
        field = ndimage.map_coordinates(noise, on_sphere + 0.12 * ray, order=1, mode="nearest")
        how_deep = 9.0 + 5.0 * ndimage.map_coordinates(
            smooth_field(rng, shape, 14.0), on_sphere, order=1, mode="nearest"
        )
        depth = self._sample("depth_mm", where)
        upper = np.clip((where[2] - np.float32(48.0)) / 12.0, 0.0, 1.0)
        taper = np.clip((how_deep - depth) / 3.0, 0.0, 1.0) * upper
        self._fold_depth = np.asarray(taper * (self._sample("infratentorial", where) < 0.1), dtype=np.float32)
        return np.asarray(np.abs(field) * np.float32(9.0) * reach / 60.0, dtype=np.float32)

    def _sample(self, name: str, where: NDArray[np.float32]) -> NDArray[np.float32]:
        sampled = ndimage.map_coordinates(getattr(self.template, name), where, order=1, mode="nearest")
        return np.asarray(sampled, dtype=np.float32)

    def _volume(self, values: NDArray[np.float32]) -> FloatVolume:
        volume = np.zeros(self.template.shape, dtype=np.float32)
        volume.ravel()[self._support] = values
        return volume


def smooth_field(rng: np.random.Generator, shape: tuple[int, int, int], knot_mm: float) -> FloatVolume:
    """Smooth noise of unit variance: cubic B-splines over random knots, axis by axis."""
    x, y, z = (_spline_basis(size, knot_mm) for size in shape)
    knots = rng.standard_normal((x.shape[1], y.shape[1], z.shape[1])).astype(np.float32)
    planes = np.matmul(y, knots @ z.T)
    field = (x @ planes.reshape(len(planes), -1)).reshape(shape)
    return np.asarray(field / field.std(), dtype=np.float32)


def _spline_basis(size: int, knot_mm: float) -> NDArray[np.float32]:
    knots = int(np.ceil(size / knot_mm)) + 3
    distance = np.abs(np.arange(size)[:, None] / knot_mm - (np.arange(knots)[None, :] - 1.0))
    inner = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    outer = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, inner, outer).astype(np.float32)


def _off_midline(template: Template) -> FloatVolume:
    side = np.abs(np.arange(template.shape[0], dtype=np.float32) + np.float32(template.affine[0, 3]))
    return np.asarray(0.1 + 0.9 * np.clip((side - 2.0) / 24.0, 0.0, 1.0), dtype=np.float32)[:, None, None]


def torque(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> FloatVolume:
    """Most brains lean: right frontal and left occipital pole reach further out (Yakovlevian torque).

    Displacement in voxels (3 x grid) from a place in the person to the place in the template it is taken from.
    """
    nx, ny, _ = shape
    side = (np.arange(nx, dtype=np.float32) + affine[0, 3])[:, None, None] / 40.0
    front = (np.arange(ny, dtype=np.float32) + affine[1, 3])[None, :, None] / 70.0
    field = np.zeros((3, *shape), dtype=np.float32)
    frontal = -_TORQUE_MM * np.clip(side, 0.0, 1.0) * np.clip(front, 0.0, 1.0)
    occipital = _TORQUE_MM * np.clip(-side, 0.0, 1.0) * np.clip(-front, 0.0, 1.0)
    field[1] = frontal + occipital
    return field
