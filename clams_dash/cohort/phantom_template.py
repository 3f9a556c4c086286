"""Anatomy of the phantom: maps prepared from the MNI152 templates that ship inside the nilearn package.

The template is an average of 152 heads: its sulci hold grey instead of dark fluid and its cortex is thick. So the
surface is kept as signed distances (mm) from which fluid and a cortical ribbon are drawn anew for every person, and
the intensities serve only where all brains agree: deep grey matter, brainstem and cerebellum.
Template: ICBM 2009a nonlinear symmetric, 1 mm (Fonov 2011), cropped to the brain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_spots import BRIGHT_TRACTS, CHOROID, DARK_NUCLEI, VEINS, spots, tubes
from clams_dash.errors import ClamsError

FloatVolume = NDArray[np.float32]
BoolVolume = NDArray[np.bool_]

MAPS: tuple[str, ...] = (
    "t1", "depth_mm", "fissure_mm", "ventricle_mm", "widening", "inward_x", "inward_y", "inward_z",
    "cortical", "septum", "iron", "tract", "choroid", "veins", "infratentorial", "deep_grey",
)  # fmt: skip
"""Maps in the order of the last axis of ``Template.maps``; see :class:`Template`."""

_MARGIN = 5
_FISSURE_LEVEL = 0.50
_LEAST_FISSURE_VOXELS = 400
_SLAB = 3
"""The crop holds a whole number of 3 mm slices."""


@dataclass(frozen=True, slots=True)
class Template:
    """Maps on one cropped 1 mm grid (x to the right, y anterior, z superior).

    ``maps`` has the shape (x, y, z, map): ``t1`` with white matter near 1 and grey near 0.7; ``depth_mm`` below the
    outer surface or the falx; ``fissure_mm`` to the fluid of the fissures that all brains share (inside negative);
    ``ventricle_mm`` to the ventricle wall (inside negative); ``widening`` 0 to 1, the share of widening a part of the
    ventricles takes; ``inward_*`` the unit vector away from the outer surface; ``cortical`` 1 where the cortex is
    drawn anew; the rest are soft spots between 0 and 1.
    """

    affine: NDArray[np.float64]
    maps: FloatVolume
    brain: BoolVolume
    push: FloatVolume
    """3 x grid: direction and strength (0 to 1) in which tissue gives way when the ventricles widen"""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the grid."""
        x, y, z = self.brain.shape
        return x, y, z

    def map(self, name: str) -> FloatVolume:
        """One of the maps."""
        return np.asarray(self.maps[..., MAPS.index(name)])


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Prepare the maps (about two seconds, once a process); nothing is downloaded."""
    whole, affine = _read()
    inside = ndimage.binary_fill_holes(whole["t1"] > 0.02)
    box = _crop(inside)
    t1, grey, white = (np.ascontiguousarray(whole[name][box]) for name in ("t1", "gm", "wm"))
    brain = np.ascontiguousarray(inside[box])
    affine[:3, 3] = affine[:3, :3] @ [part.start for part in box] + affine[:3, 3]
    x, y, z = np.meshgrid(
        *(np.arange(size, dtype=np.float32) + np.float32(affine[axis, 3]) for axis, size in enumerate(t1.shape)),
        indexing="ij",
        sparse=True,
    )
    ventricle = _ventricles(t1, brain, x, y, z)
    brainstem = (np.abs(x) < 19) & (y > -46) & (y < -8) & (z < -10)
    tentorium = -6.0 - 0.36 * np.abs(x) - 0.2 * np.clip(-45.0 - y, 0.0, None)
    cerebellum = (y < -36) & (z < tentorium) & (np.abs(x) < 60)
    infratentorial = ((brainstem | cerebellum) & brain).astype(np.float32)
    deep = (np.abs(x) < 37) & (y > -34) & (y < 24) & (z > -12) & (z < 21)
    signed, thick = _distance(ventricle)
    # The septum keeps the inner walls in place: ventricles widen outwards.
    thick = thick * np.clip((np.abs(x) - 1.5) / 7.0, 0.15, 1.0)
    deep_grey = ndimage.gaussian_filter(deep.astype(np.float32), 2.0)
    depth, inward = _depth(brain, x, y, z)
    maps = {
        "t1": t1,
        "depth_mm": depth,
        "fissure_mm": _fissures(t1, grey, white, brain, deep, ventricle, signed),
        "ventricle_mm": signed,
        "widening": thick,
        "inward_x": inward[0],
        "inward_y": inward[1],
        "inward_z": inward[2],
        "cortical": _cortical(depth, infratentorial, deep_grey, x, y, z),
        "septum": _septum(signed, x, y, z),
        "iron": spots(DARK_NUCLEI, x, y, z),
        "tract": spots(BRIGHT_TRACTS, x, y, z),
        "choroid": spots(CHOROID, x, y, z) * (signed < 1.0),
        "veins": tubes(VEINS, x, y, z) + _sagittal_sinus(brain, x, y, z),
        "infratentorial": infratentorial,
        "deep_grey": deep_grey,
    }
    stacked = np.empty((*brain.shape, len(MAPS)), dtype=np.float32)
    for number, name in enumerate(MAPS):
        stacked[..., number] = maps[name]
    return Template(affine=affine, maps=stacked, brain=brain, push=_push(signed, thick))


def _read() -> tuple[dict[str, FloatVolume], NDArray[np.float64]]:
    """T1, grey and white matter as shares of their maxima, read without importing nilearn (seconds saved)."""
    package = find_spec("nilearn")
    if package is None or not package.submodule_search_locations:
        raise ClamsError("nilearn is not installed, and the phantoms are made from its MNI152 template; install it")
    folder = Path(package.submodule_search_locations[0]) / "datasets" / "data"
    whole = {}
    for name in ("t1", "gm", "wm"):
        path = folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"
        if not path.is_file():
            raise ClamsError(f"{path}: not there; install the version of nilearn that this project asks for")
        image = nib.Nifti1Image.from_filename(path)
        data = np.asarray(image.dataobj, dtype=np.float32)
        whole[name] = data / data.max()
        affine = np.asarray(image.affine, dtype=np.float64).copy()
    return whole, affine


def _crop(inside: BoolVolume) -> tuple[slice, ...]:
    found = ndimage.find_objects(inside.astype(np.uint8))[0]
    box = [slice(max(part.start - _MARGIN, 0), part.stop + _MARGIN) for part in found]
    height = -(-(box[2].stop - box[2].start) // _SLAB) * _SLAB
    start = min(box[2].start, inside.shape[2] - height)
    return box[0], box[1], slice(start, start + height)


def _depth(
    brain: BoolVolume, x: FloatVolume, y: FloatVolume, z: FloatVolume
) -> tuple[FloatVolume, tuple[FloatVolume, ...]]:
    """Depth below the outer surface or the falx, and the direction in which it grows."""
    outer = ndimage.distance_transform_edt(brain).astype(np.float32)
    # The falx parts the hemispheres everywhere but at the callosum and what lies below it.
    apart = ((y + 12.0) / 50.0) ** 2 + ((z - 6.0) / 25.0) ** 2 > 1.0
    medial = np.where(apart & (z > -20.0), np.abs(x) + 1.7, np.float32(60.0))
    depth = np.minimum(outer, np.clip(medial, 0.0, None)).astype(np.float32)
    smooth = ndimage.gaussian_filter(depth, 2.5)
    gradient = np.gradient(smooth)
    norm = np.sqrt(sum(part**2 for part in gradient)) + np.float32(1e-3)
    return depth, tuple((part / norm).astype(np.float32) for part in gradient)


def _fissures(
    t1: FloatVolume,
    grey: FloatVolume,
    white: FloatVolume,
    brain: BoolVolume,
    deep: BoolVolume,
    ventricle: BoolVolume,
    signed: FloatVolume,
) -> FloatVolume:
    """Signed distance to fluid that the average still shows: Sylvian and central fissure, cisterns."""
    sharp = t1 + 1.6 * (t1 - ndimage.gaussian_filter(t1, 1.6)) + 0.5 * (t1 - ndimage.gaussian_filter(t1, 4.0))
    fluid = (ndimage.gaussian_filter(sharp, 0.6) < _FISSURE_LEVEL) & brain & ~ventricle & (signed > 2.0)
    fluid &= ~(deep & (grey + white > 0.5))
    labels, count = ndimage.label(fluid)
    fluid &= (np.bincount(labels.ravel(), minlength=count + 1) >= _LEAST_FISSURE_VOXELS)[labels]
    outside = ndimage.distance_transform_edt(~fluid).astype(np.float32)
    inside = ndimage.distance_transform_edt(fluid).astype(np.float32)
    return np.asarray(ndimage.gaussian_filter(np.minimum(outside, 30.0) - inside, 0.5), dtype=np.float32)


def _cortical(
    depth: FloatVolume, below: FloatVolume, deep: FloatVolume, x: FloatVolume, y: FloatVolume, z: FloatVolume
) -> FloatVolume:
    """1 where gyri are drawn anew: the convexity and the medial wall, not insula, hippocampus or cerebellum."""
    side, front = np.abs(x), y
    insula = (side > 26) & (side < 44) & (front > -24) & (front < 26) & (z > -18) & (z < 22) & (depth > 10.0)
    hippocampus = (side < 36) & (front > -44) & (front < 8) & (z < -2)
    callosum = (side < 16) & (front > -48) & (front < 36) & (z < 34) & (z > -12)
    kept = (insula | hippocampus | callosum | (below > 0.5) | (deep > 0.3)).astype(np.float32)
    return np.asarray(np.clip(1.0 - 1.6 * ndimage.gaussian_filter(kept, 1.5), 0.0, 1.0), dtype=np.float32)


def _ventricles(t1: FloatVolume, brain: BoolVolume, x: FloatVolume, y: FloatVolume, z: FloatVolume) -> BoolVolume:
    """Lateral and third ventricle: fluid deep inside the brain."""
    side = np.abs(x)
    body = (side < 24) & (y > -30) & (y < 36) & (z > 0) & (z < 28) & ((side > 1.5) | (z < 20))
    atrium = (side > 14) & (side < 36) & (y > -60) & (y < -24) & (z > -8) & (z < 24)
    third = (side < 4) & (y > -26) & (y < 4) & (z > -12) & (z < 8)
    temporal = (side > 24) & (side < 38) & (y > -36) & (y < -6) & (z > -22) & (z < -5)
    fluid = (t1 < 0.52) & brain & (body | atrium | third | temporal)
    labels, count = ndimage.label(fluid)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray(np.isin(labels, np.flatnonzero(sizes > 150)))


def _distance(ventricle: BoolVolume) -> tuple[FloatVolume, FloatVolume]:
    """Signed distance (mm, inside negative) to the ventricle wall, and how freely the nearest part may widen."""
    outside = ndimage.distance_transform_edt(~ventricle)
    inside = ndimage.distance_transform_edt(ventricle)
    signed = ndimage.gaussian_filter((outside - inside).astype(np.float32), 0.8)
    thick = ndimage.gaussian_filter(_widest(inside.astype(np.float32)), 3.0)
    return np.asarray(signed, dtype=np.float32), np.asarray(np.clip(thick / 3.5, 0.0, 1.0), dtype=np.float32)


def _widest(inside: FloatVolume) -> FloatVolume:
    """Greatest depth of the ventricle within 4 mm, worked out around the ventricles only."""
    box = tuple(
        slice(max(part.start - 8, 0), part.stop + 8) for part in ndimage.find_objects((inside > 0).astype(np.uint8))[0]
    )
    widest = np.zeros_like(inside)
    widest[box] = ndimage.maximum_filter(inside[box], 9)
    return widest


def _septum(signed: FloatVolume, x: FloatVolume, y: FloatVolume, z: FloatVolume) -> FloatVolume:
    """The thin wall between the lateral ventricles, which stays when they widen."""
    sheet = np.exp(-((x / 1.3) ** 4)) * ((y > -14) & (y < 28) & (z > 3) & (z < 26))
    return np.asarray(sheet * (signed < 5.0), dtype=np.float32)


def _sagittal_sinus(brain: BoolVolume, x: FloatVolume, y: FloatVolume, z: FloatVolume) -> FloatVolume:
    """Superior sagittal sinus: the rim of the midline from the forehead over the vertex to the occiput."""
    middle = brain[brain.shape[0] // 2]
    rim = ndimage.distance_transform_edt(middle).astype(np.float32)[None]
    along = (z > 10.0 - 0.4 * np.clip(-y - 60.0, 0.0, 50.0)) & ((y < 50.0) | (z > 20.0))
    return np.asarray(np.clip(3.6 - np.abs(x) - 0.4 * rim, 0.0, 1.0) * (rim > 0) * along, dtype=np.float32)


def _push(signed: FloatVolume, thick: FloatVolume) -> FloatVolume:
    """Away from the ventricle wall, fading within about 2 cm."""
    gradient = np.stack(list(np.gradient(ndimage.gaussian_filter(signed, 1.2)))).astype(np.float32)
    norm = np.sqrt((gradient**2).sum(axis=0)) + np.float32(1e-3)
    strength = np.exp(-np.clip(signed, 0.0, None) / 16.0) * thick * (signed > -0.5)
    return np.asarray(gradient / norm * strength, dtype=np.float32)
