"""The search for a transform: many coarse starts, the best of them refined level by level, by mutual information.

Mattes mutual information (Mattes 2003) with a regular-step gradient descent in SimpleITK, one thread and a fixed seed,
so that the same scans give the same transform. Levels are made by hand because ITK draws its samples before it shrinks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from clams_dash.imaging.registration.itk import mask_on, sampled
from clams_dash.imaging.registration.settings import Level, RegistrationSettings

_FAILED = 9.0
_MASK_VOXELS_AROUND = {8: 3, 4: 2}
_RELAXATION = 0.8

AnyTransform = TypeVar("AnyTransform", sitk.Euler3DTransform, sitk.AffineTransform)
Start = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Turn (degrees about x, y, z) and shift (mm)."""


class Pyramid:
    """One image at the spacings of a search, each made once out of the next finer one."""

    def __init__(self, image: sitk.Image, settings: RegistrationSettings) -> None:
        wanted = sorted({settings.coarse.spacing_mm, *(level.spacing_mm for level in settings.levels)})
        self._images: dict[float, sitk.Image] = {}
        spacing, smoothing = 0.0, 0.0
        for step in wanted:
            smooth = step / 2 if step > 1 else 0.0
            # What was smoothed before counts: variances add.
            image = sampled(image, step, math.sqrt(max(smooth**2 - smoothing**2, 0.0))) if step != spacing else image
            spacing, smoothing = step, max(smooth, smoothing)
            self._images[step] = image

    def at(self, spacing_mm: float) -> sitk.Image:
        """The image at one of the spacings."""
        return self._images[spacing_mm]


def search(
    fixed: Pyramid, moving: Pyramid, mask: sitk.Image, settings: RegistrationSettings, levels: Sequence[Level]
) -> sitk.Euler3DTransform:
    """The rigid transform of fixed to moving space, whatever the start, within the capture range of the settings."""
    coarse = settings.coarse
    first, second = fixed.at(coarse.spacing_mm), moving.at(coarse.spacing_mm)
    around = sitk.BinaryDilate(mask_on(mask, first), [_MASK_VOXELS_AROUND[8]] * 3)
    shift = _centre_of_mass(second) - _centre_of_mass(first)
    centre = _centre(mask)
    method = _method(Level(coarse.spacing_mm, 0, 16, 25, 6.0, 0.5), around, settings.seed, relaxation=0.5)

    def tried(starts: Iterable[Start]) -> list[tuple[float, sitk.Euler3DTransform]]:
        return [_tried(method, first, second, around, centre, start, coarse.least_overlap) for start in starts]

    still = (0.0, 0.0, 0.0)
    shifts = (still, (float(shift[0]), float(shift[1]), float(shift[2])))
    upright = tried((still, one) for one in shifts)
    best = shifts[int(np.argmin([value for value, _ in upright]))]
    turned = tried((turn, best) for turn in _turns(coarse.rotations_deg))
    found = sorted([*upright, *turned], key=lambda one: one[0])
    return refine(fixed, moving, mask, [transform for _, transform in found[: coarse.kept]], settings, levels)


def refine(
    fixed: Pyramid,
    moving: Pyramid,
    mask: sitk.Image,
    starts: Sequence[AnyTransform],
    settings: RegistrationSettings,
    levels: Sequence[Level],
) -> AnyTransform:
    """The best of ``starts`` after the first level, refined over the others."""
    transforms = list(starts)
    for level in levels:
        first, second = fixed.at(level.spacing_mm), moving.at(level.spacing_mm)
        around = mask_on(mask, first)
        wider = _MASK_VOXELS_AROUND.get(round(level.spacing_mm))
        if wider:
            around = sitk.BinaryDilate(around, [wider] * 3)
        method = _method(level, around, settings.seed, relaxation=_RELAXATION)
        values = [_run(method, first, second, transform) for transform in transforms]
        transforms = [transforms[int(np.argmin(values))]]
    return transforms[0]


def _tried(
    method: sitk.ImageRegistrationMethod, fixed: sitk.Image, moving: sitk.Image, mask: sitk.Image,
    centre: tuple[float, float, float], start: Start, least_overlap: float,
) -> tuple[float, sitk.Euler3DTransform]:  # fmt: skip
    turn, shift = start
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre)
    transform.SetRotation(*np.deg2rad(turn).tolist())
    transform.SetTranslation(shift)
    value = _run(method, fixed, moving, transform)
    return (value if overlap(mask, moving, transform) >= least_overlap else _FAILED), transform


def _run(
    method: sitk.ImageRegistrationMethod, fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform
) -> float:
    """Move the transform in place; a start that loses the other scan counts as failed."""
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:
        return _FAILED
    return float(method.GetMetricValue())


def _method(level: Level, mask: sitk.Image, seed: int, *, relaxation: float) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(level.bins)
    voxels = float(sitk.GetArrayViewFromImage(mask).sum())
    if level.samples and voxels > level.samples:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(level.samples / voxels, seed)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=level.first_step,
        minStep=level.last_step,
        numberOfIterations=level.steps,
        relaxationFactor=relaxation,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def overlap(mask: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> float:
    """Share of the mask that lies inside the moving scan."""
    whole = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    whole.CopyInformation(moving)
    seen = sitk.Resample(whole, mask, transform, sitk.sitkNearestNeighbor, 0)
    inside = sitk.GetArrayViewFromImage(mask) > 0
    return float((sitk.GetArrayViewFromImage(seen)[inside] > 0).mean())


def _turns(degrees: float) -> list[tuple[float, float, float]]:
    signs = (degrees, -degrees)
    return [
        (one if axis == 0 else 0.0, one if axis == 1 else 0.0, one if axis == 2 else 0.0)
        for axis in range(3)
        for one in signs
    ]


def _centre(mask: sitk.Image) -> tuple[float, float, float]:
    """The middle of the mask, LPS mm."""
    index = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0).mean(axis=0)[::-1]
    x, y, z = mask.TransformContinuousIndexToPhysicalPoint(index.tolist())
    return x, y, z


def _centre_of_mass(image: sitk.Image) -> NDArray[np.float64]:
    levels = sitk.GetArrayViewFromImage(image).astype(np.float64)
    weights = np.clip(levels - levels.min(), 0, None)
    index = [float((np.indices(weights.shape)[axis] * weights).sum() / weights.sum()) for axis in (2, 1, 0)]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))
