"""What became brighter or darker between two scans on one grid, as coloured steps over the current scan.

Both are brought to the same median and spread within the brain and smoothed a little; a difference counts from so many
spreads of the differences themselves (robust, so that lesions do not raise the bar). A difference map shows where to
look; it is no measurement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.imaging.encode import mask_vti

STEPS = (3.0, 4.5, 6.0, 8.0)
"""Spreads from which each step of colour holds."""
_BRIGHTER = ((255, 196, 87, 90), (255, 158, 48, 140), (242, 107, 46, 190), (214, 40, 40, 225))
_DARKER = ((140, 190, 255, 90), (92, 150, 245, 140), (52, 104, 220, 190), (28, 58, 170, 225))
PALETTE = {number + 1: colour for number, colour in enumerate((*_BRIGHTER, *_DARKER))}
_SMOOTHING_VOXELS = 0.8
_SPREAD_OF_MAD = 1.4826


def difference_labels(
    current: NDArray[np.floating], prior: NDArray[np.floating], brain: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Steps of difference on the scans' grid: 1 to 4 brighter now, 5 to 8 darker now, 0 elsewhere."""
    labels = np.zeros(brain.shape, dtype=np.uint8)
    both = brain & (current > 0) & (prior > 0)
    if not both.any():
        return labels
    change = _even(current, both) - _even(prior, both)
    change -= np.median(change[both])
    spread = _SPREAD_OF_MAD * float(np.median(np.abs(change[both])))
    if spread <= 0:
        return labels
    inside = ndimage.binary_erosion(both)
    for sign, first in ((1.0, 1), (-1.0, 1 + len(STEPS))):
        for number, step in enumerate(STEPS):
            labels[inside & (sign * change >= step * spread)] = first + number
    return labels


def difference_vti(labels: NDArray[np.uint8], affine: NDArray[np.float64]) -> bytes | None:
    """The steps as a coloured overlay; None where nothing differs."""
    return mask_vti(labels, affine, PALETTE)


def _even(levels: NDArray[np.floating], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Levels with median 0 and quartile spread 1 within the brain, smoothed."""
    smooth = ndimage.gaussian_filter(levels.astype(np.float64), _SMOOTHING_VOXELS)
    low, middle, high = np.percentile(smooth[inside], (25, 50, 75))
    return np.asarray((smooth - middle) / max(high - low, 1e-9))
