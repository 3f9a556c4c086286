"""Small structures of the phantom's anatomy, in millimetres of MNI space: nuclei, tracts, plexus and veins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatVolume = NDArray[np.float32]
Point = tuple[float, float, float]

DARK_NUCLEI: tuple[tuple[Point, Point, float], ...] = (
    # Iron-rich nuclei are dark on FLAIR: globus pallidus, substantia nigra, red nucleus, dentate.
    ((19.0, -5.0, -1.0), (4.5, 7.0, 5.0), 1.0),
    ((10.0, -17.0, -12.0), (3.0, 5.0, 3.0), 0.8),
    ((5.0, -20.0, -8.0), (3.0, 3.0, 3.5), 0.8),
    ((15.0, -58.0, -33.0), (5.0, 5.0, 4.0), 0.6),
)
BRIGHT_TRACTS: tuple[tuple[Point, Point, float], ...] = (
    # Posterior limb of the internal capsule and the corona above it look faintly bright in healthy adults.
    ((25.0, -22.0, 8.0), (3.5, 5.0, 9.0), 1.0),
    ((25.0, -24.0, 24.0), (4.0, 6.0, 8.0), 0.5),
)
CHOROID: tuple[tuple[Point, Point, float], ...] = (
    # Glomus in the atria and the plexus on the floor of the ventricular bodies.
    ((24.0, -40.0, 7.0), (2.6, 4.5, 3.5), 1.0),
    ((10.0, -14.0, 17.0), (2.0, 9.0, 1.4), 0.8),
)
VEINS: tuple[tuple[Point, Point, float], ...] = (
    # Internal cerebral veins to the vein of Galen, straight sinus, transverse sinuses along the tentorium.
    ((2.5, -8.0, 13.0), (1.5, -36.0, 7.0), 0.9),
    ((1.0, -36.0, 7.0), (0.0, -46.0, 4.0), 1.8),
    ((0.0, -46.0, 4.0), (0.0, -88.0, -14.0), 1.7),
    ((2.0, -95.0, -17.0), (28.0, -88.0, -24.0), 2.0),
    ((28.0, -88.0, -24.0), (50.0, -66.0, -28.0), 2.0),
)
"""ends of a straight piece on one side of the head, and its radius"""


def spots(
    places: tuple[tuple[Point, Point, float], ...], x: FloatVolume, y: FloatVolume, z: FloatVolume
) -> FloatVolume:
    """Soft ellipsoids (centre, half axes, weight), one on each side."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
    for (side, front, up), (rx, ry, rz), weight in places:
        parts = _near(
            ((side - 2 * rx, front - 2 * ry, up - 2 * rz), (side + 2 * rx, front + 2 * ry, up + 2 * rz)), x, y, z
        )
        for box in parts:
            square = ((np.abs(x[box[0]]) - side) / rx) ** 2 + ((y[:, box[1]] - front) / ry) ** 2
            square = square[:, :, :] + ((z[:, :, box[2]] - up) / rz) ** 2
            total[box] += np.float32(weight) * np.exp(-np.float32(0.6) * square**2)
    return total


def tubes(
    pieces: tuple[tuple[Point, Point, float], ...], x: FloatVolume, y: FloatVolume, z: FloatVolume
) -> FloatVolume:
    """Soft tubes around straight pieces, one on each side."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), dtype=np.float32)
    for start, end, radius in pieces:
        low = tuple(min(a, b) - 4.0 for a, b in zip(start, end, strict=True))
        high = tuple(max(a, b) + 4.0 for a, b in zip(start, end, strict=True))
        along = np.array(end) - np.array(start)
        for box in _near((low, high), x, y, z):
            away = [np.abs(x[box[0]]) - start[0], y[:, box[1]] - start[1], z[:, :, box[2]] - start[2]]
            share = sum(part * step for part, step in zip(away, along, strict=True)) / float(along @ along)
            share = np.clip(share, 0.0, 1.0)
            square = sum((part - share * step) ** 2 for part, step in zip(away, along, strict=True))
            total[box] = np.maximum(total[box], np.clip(radius + 0.5 - np.sqrt(square), 0.0, 1.0))
    return total


def _near(
    ends: tuple[tuple[float, ...], tuple[float, ...]], x: FloatVolume, y: FloatVolume, z: FloatVolume
) -> list[tuple[slice, slice, slice]]:
    """Boxes of the grid, left and right, within which a structure lies."""
    low, high = ends
    boxes = []
    for sign in (-1.0, 1.0):
        sides = sorted((sign * low[0], sign * high[0]))
        if low[0] <= 0.0:
            sides = [0.0, high[0]] if sign > 0 else [-high[0], -0.5]
        axes = ((x.ravel(), sides[0], sides[1]), (y.ravel(), low[1], high[1]), (z.ravel(), low[2], high[2]))
        inside = [np.flatnonzero((line >= first) & (line <= last)) for line, first, last in axes]
        if all(len(found) for found in inside):
            x_part, y_part, z_part = (slice(int(found[0]), int(found[-1]) + 1) for found in inside)
            boxes.append((x_part, y_part, z_part))
    return boxes
