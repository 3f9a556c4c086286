"""Intensities as the search wants them: air dark, the brightest voxels cut, so that tissue fills the histogram."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from clams_dash.errors import ImageError
from clams_dash.imaging.registration.settings import RegistrationSettings


def clipped(image: sitk.Image, rules: RegistrationSettings) -> sitk.Image:
    """Cut the intensities. Raises ImageError for an image without contrast."""
    levels = sitk.GetArrayViewFromImage(image)
    positive = levels[levels > 0]
    if positive.size == 0:
        raise ImageError("holds no positive intensity")
    tissue = positive[positive > rules.foreground_share * np.percentile(positive, 99)]
    low, high = rules.clip_percentiles
    black, white = 0.5 * float(np.percentile(tissue, low)), float(np.percentile(tissue, high))
    if not black < white:
        raise ImageError("has one intensity only")
    cut: sitk.Image = sitk.Clamp(image, sitk.sitkFloat32, black, white)
    return cut
