"""Smooth random fields of the phantom, and the lean that most brains share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatVolume = NDArray[np.float32]

_TORQUE_MM = 2.2


def smooth_field(rng: np.random.Generator, shape: tuple[int, int, int], knot: float) -> FloatVolume:
    """Smooth noise of unit variance: cubic B-splines over random knots ``knot`` voxels apart, axis by axis."""
    x, y, z = (_spline_basis(size, knot) for size in shape)
    knots = rng.standard_normal((x.shape[1], y.shape[1], z.shape[1])).astype(np.float32)
    field = _product(knots, x, y, z)
    return np.asarray(field / field[::3, ::3, ::3].std(), dtype=np.float32)


def upsampled(coarse: FloatVolume, step: int, shape: tuple[int, int, int]) -> FloatVolume:
    """A field known every ``step`` voxels, interpolated linearly."""
    return _product(
        coarse, *(_linear_basis(size, nodes, step) for size, nodes in zip(shape, coarse.shape, strict=True))
    )


def _product(knots: FloatVolume, x: NDArray[np.float32], y: NDArray[np.float32], z: NDArray[np.float32]) -> FloatVolume:
    planes = np.matmul(y, knots @ z.T)
    return np.asarray((x @ planes.reshape(len(planes), -1)).reshape(len(x), len(y), len(z)), dtype=np.float32)


def _spline_basis(size: int, knot: float) -> NDArray[np.float32]:
    knots = int(np.ceil(size / knot)) + 3
    distance = np.abs(np.arange(size)[:, None] / knot - (np.arange(knots)[None, :] - 1.0))
    inner = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    outer = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, inner, outer).astype(np.float32)


def _linear_basis(size: int, nodes: int, step: int) -> NDArray[np.float32]:
    distance = np.abs(np.arange(size)[:, None] / step - np.arange(nodes)[None, :])
    return np.clip(1.0 - distance, 0.0, None).astype(np.float32)


def torque(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> FloatVolume:
    """Most brains lean: right frontal and left occipital pole reach further out (Yakovlevian torque).

    Displacement in millimetres (3 x grid) from a place in the person to the place in the template it is taken from.
    """
    nx, ny, _ = shape
    side = (np.arange(nx, dtype=np.float32) * affine[0, 0] + affine[0, 3])[:, None, None] / 40.0
    front = (np.arange(ny, dtype=np.float32) * affine[1, 1] + affine[1, 3])[None, :, None] / 70.0
    field = np.zeros((3, *shape), dtype=np.float32)
    frontal = -_TORQUE_MM * np.clip(side, 0.0, 1.0) * np.clip(front, 0.0, 1.0)
    occipital = _TORQUE_MM * np.clip(-side, 0.0, 1.0) * np.clip(-front, 0.0, 1.0)
    field[1] = frontal + occipital
    return field
