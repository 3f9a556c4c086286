"""Lesions on T1: black holes and enhancement, each against the white matter around the lesion.

Levels: ``data/rules/lesions.toml``, section ``t1``. The white matter is the brightest half of a shell around a lesion,
so that cortex and fluid in the shell do not make a lesion look bright.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.imaging.grid import resample
from clams_dash.imaging.lesion_settings import T1Settings
from clams_dash.imaging.lesions import LabelledMask
from clams_dash.imaging.nifti import Volume

_WHITE_PERCENTILE = 75
_RISE_PERCENTILE = 75
_LEAST_SHELL_VOXELS = 20


@dataclass(frozen=True, slots=True)
class LesionSignal:
    """A lesion on T1: its signal as a share of white matter, and what it is; None = cannot be told."""

    t1_share: float | None
    black_hole: bool | None
    enhancing: bool | None


def lesion_signals(
    mask: LabelledMask, t1: Volume | None, after_contrast: Volume | None, settings: T1Settings
) -> tuple[LesionSignal, ...]:
    """Signal of each component; ``t1`` and ``after_contrast`` lie in the mask's space, on any grid."""
    nothing = LesionSignal(None, None, None)
    if t1 is None or not mask.components:
        return tuple(nothing for _ in mask.components)
    spacing = np.linalg.norm(mask.affine[:3, :3], axis=0)
    pad = [int(size) for size in np.ceil(settings.around_mm[1] / spacing) + 1]
    labels = np.pad(mask.labels, [(size, size) for size in pad])
    affine = mask.affine.copy()
    affine[:3, 3] = affine[:3, 3] - affine[:3, :3] @ np.array(pad)
    shape = (labels.shape[0], labels.shape[1], labels.shape[2])
    plain = resample(t1, affine, shape).data
    lit = None if after_contrast is None else resample(after_contrast, affine, shape).data
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        wide = tuple(slice(max(part.start - size, 0), part.stop + size) for part, size in zip(box, pad, strict=True))
        rise = None if lit is None else lit[wide] - plain[wide]
        found.append(_signal(labels[wide], number, plain[wide], rise, spacing, settings))
    return tuple(
        one if part.volume_mm3 >= settings.least_mm3 else nothing
        for one, part in zip(found, mask.components, strict=True)
    )


def _signal(
    labels: NDArray[np.int32],
    number: int,
    plain: NDArray[np.float32],
    rise: NDArray[np.float32] | None,
    spacing: NDArray[np.float64],
    settings: T1Settings,
) -> LesionSignal:
    own = labels == number
    distance = ndimage.distance_transform_edt(~own, sampling=spacing)
    near, far = settings.around_mm
    shell = (distance >= near) & (distance <= far) & (labels == 0) & (plain > 0)
    if int(shell.sum()) < _LEAST_SHELL_VOXELS:
        return LesionSignal(None, None, None)
    white = float(np.percentile(plain[shell], _WHITE_PERCENTILE))
    share = float(np.median(plain[own])) / white
    enhancing = None
    if rise is not None:
        enhancing = bool(np.percentile(rise[own], _RISE_PERCENTILE) >= settings.enhancing_rise * white)
    return LesionSignal(share, share < settings.black_hole_below and not enhancing, enhancing)
