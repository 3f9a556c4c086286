"""Anatomy of the phantom: maps prepared from the MNI152 templates that ship inside the nilearn package.

The template is an average of 152 heads: its sulci hold grey instead of dark fluid and its cortex is thick.
``sulcal`` is T1 with the blur of averaging taken back, on which fluid can be carved out at a depth chosen per person.
Template: ICBM 2009a nonlinear symmetric, 1 mm (Fonov 2011), cropped to the brain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatVolume = NDArray[np.float32]
BoolVolume = NDArray[np.bool_]

_MARGIN = 6
_DARK_SPOTS_MM = (
    # Iron-rich nuclei are dark on FLAIR: globus pallidus, substantia nigra, red nucleus, dentate.
    ((19.0, -5.0, -1.0), (4.5, 7.0, 5.0), 1.0),
    ((10.0, -17.0, -12.0), (3.0, 5.0, 3.0), 0.8),
    ((5.0, -20.0, -8.0), (3.0, 3.0, 3.5), 0.8),
    ((15.0, -58.0, -33.0), (5.0, 5.0, 4.0), 0.6),
)
_BRIGHT_TRACTS_MM = (
    # Posterior limb of the internal capsule and the corona above it look faintly bright in healthy adults.
    ((25.0, -22.0, 8.0), (3.5, 5.0, 9.0), 1.0),
    ((25.0, -24.0, 24.0), (4.0, 6.0, 8.0), 0.5),
)
_CHOROID_MM = (
    # Glomus in the atria and the plexus on the floor of the ventricular bodies.
    ((24.0, -40.0, 7.0), (2.6, 4.5, 3.5), 1.0),
    ((10.0, -14.0, 17.0), (2.0, 9.0, 1.4), 0.8),
)


@dataclass(frozen=True, slots=True)
class Template:
    """Maps on one cropped 1 mm grid (x to the right, y anterior, z superior); fractions between 0 and 1.

    ``t1`` has white matter near 1 and grey matter near 0.7; ``ventricle_distance_mm`` is signed (inside negative).
    """

    affine: NDArray[np.float64]
    t1: FloatVolume
    sulcal: FloatVolume
    grey: FloatVolume
    white: FloatVolume
    brain: FloatVolume
    ventricle_distance_mm: FloatVolume
    septum: FloatVolume
    iron: FloatVolume
    tract: FloatVolume
    choroid: FloatVolume
    infratentorial: FloatVolume
    deep_grey: FloatVolume
    widening: FloatVolume
    """0 to 1: share of the widening that a part of the ventricles takes; thin horns take less"""
    depth_mm: FloatVolume
    """distance from the outer surface of the brain"""
    push: FloatVolume
    """3 x grid: direction and strength (0 to 1) in which tissue gives way when the ventricles widen"""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the grid."""
        x, y, z = self.t1.shape
        return x, y, z


def load_template() -> Template:
    """Prepare the maps (about two seconds); nothing is downloaded."""
    from nilearn import datasets

    images = [
        load(resolution=1)
        for load in (
            datasets.load_mni152_template,
            datasets.load_mni152_gm_template,
            datasets.load_mni152_wm_template,
        )
    ]
    whole = [np.asarray(image.dataobj, dtype=np.float32) for image in images]
    whole = [volume / volume.max() for volume in whole]
    inside = ndimage.binary_fill_holes(whole[0] > 0.02)
    box = tuple(
        slice(max(part.start - _MARGIN, 0), part.stop + _MARGIN)
        for part in ndimage.find_objects(inside.astype(np.uint8))[0]
    )
    t1, grey, white = (np.ascontiguousarray(volume[box]) for volume in whole)
    brain = np.ascontiguousarray(inside[box])
    affine = np.asarray(images[0].affine, dtype=np.float64).copy()
    affine[:3, 3] = affine[:3, :3] @ [part.start for part in box] + affine[:3, 3]
    x, y, z = np.meshgrid(
        *(np.arange(size, dtype=np.float32) + np.float32(affine[axis, 3]) for axis, size in enumerate(t1.shape)),
        indexing="ij",
        sparse=True,
    )
    ventricle = _ventricles(t1, brain, x, y, z)
    brainstem = (np.abs(x) < 19) & (y > -46) & (y < -8) & (z < -10)
    cerebellum = (y < -36) & (z < -18 + 0.12 * (-36 - y)) & (np.abs(x) < 60)
    deep = (np.abs(x) < 37) & (y > -34) & (y < 24) & (z > -12) & (z < 21) & ~(np.abs(x) < 1.0)
    signed, thick = _distance(ventricle)
    return Template(
        affine=affine,
        t1=t1,
        sulcal=_sulcal(t1, white, deep),
        grey=grey,
        white=white,
        brain=brain.astype(np.float32),
        ventricle_distance_mm=signed,
        septum=_septum(signed, x, y, z),
        iron=_spots(_DARK_SPOTS_MM, x, y, z),
        tract=_spots(_BRIGHT_TRACTS_MM, x, y, z),
        choroid=_spots(_CHOROID_MM, x, y, z) * (signed < 1.0),
        infratentorial=((brainstem | cerebellum) & brain).astype(np.float32),
        deep_grey=ndimage.gaussian_filter(deep.astype(np.float32), 2.0),
        widening=thick,
        depth_mm=ndimage.distance_transform_edt(brain).astype(np.float32),
        push=_push(signed, thick),
    )


def _sulcal(t1: FloatVolume, white: FloatVolume, deep: BoolVolume) -> FloatVolume:
    """T1 with local contrast restored; low where fluid must be in the sulci between two blades of white matter."""
    sharp = t1 + 1.6 * (t1 - ndimage.gaussian_filter(t1, 1.6)) + 0.5 * (t1 - ndimage.gaussian_filter(t1, 4.0))
    far = np.clip(ndimage.distance_transform_edt(white < 0.42).astype(np.float32) - 3.2, 0.0, 4.0)
    return np.asarray(ndimage.gaussian_filter(sharp - 0.035 * far * ~deep, 0.6), dtype=np.float32)


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


def _spots(
    spots: tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...],
    x: FloatVolume,
    y: FloatVolume,
    z: FloatVolume,
) -> FloatVolume:
    """Soft ellipsoids, one on each side."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
    for (side, front, up), (rx, ry, rz), weight in spots:
        square = ((np.abs(x) - side) / rx) ** 2 + ((y - front) / ry) ** 2 + ((z - up) / rz) ** 2
        total += np.float32(weight) * np.exp(-np.float32(0.6) * square**2)
    return total


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
    sheet = np.exp(-((x / 1.0) ** 2)) * ((y > -14) & (y < 28) & (z > 3) & (z < 26))
    return np.asarray(sheet * (signed < 5.0), dtype=np.float32)


def _push(signed: FloatVolume, thick: FloatVolume) -> FloatVolume:
    """Away from the ventricle wall, fading within about 2 cm."""
    smooth = ndimage.gaussian_filter(signed, 1.2)
    gradient = np.stack(list(np.gradient(smooth))).astype(np.float32)
    norm = np.sqrt((gradient**2).sum(axis=0)) + np.float32(1e-3)
    strength = np.exp(-np.clip(signed, 0.0, None) / 16.0) * thick * (signed > -0.5)
    return np.asarray(gradient / norm * strength, dtype=np.float32)
