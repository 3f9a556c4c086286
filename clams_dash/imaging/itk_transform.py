"""Affine transforms as ITK and elastix write them: text files of point maps in LPS millimetres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clams_dash.errors import ImageError

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_KINDS = frozenset(
    {"MatrixOffsetTransformBase_double_3_3", "AffineTransform_double_3_3", "MatrixOffsetTransformBase_float_3_3"}
)


def read_itk_affine(path: Path) -> NDArray[np.float64]:
    """Read one ITK affine transform as a 4 x 4 map of millimetres RAS+ to millimetres RAS+.

    ITK maps a point of the fixed (target) space to the moving (source) space: ``y = M (x - c) + c + t`` in LPS.

    Raises
    ------
    ImageError
        Naming the file, when it is not such a transform or its numbers are not finite or not invertible.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{path}: cannot be read as an ITK transform") from error
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    kind = fields.get("Transform", "").strip()
    if kind not in _KINDS:
        raise ImageError(f"{path}: an affine ITK transform is needed, found {kind or 'none'}")
    parameters = _numbers(fields.get("Parameters", ""), 12, path)
    centre = _numbers(fields.get("FixedParameters", ""), 3, path)
    matrix = parameters[:9].reshape(3, 3)
    if abs(np.linalg.det(matrix)) < 1e-6:
        raise ImageError(f"{path}: its matrix cannot be inverted")
    lps = np.eye(4)
    lps[:3, :3] = matrix
    lps[:3, 3] = parameters[9:] + centre - matrix @ centre
    return _LPS_RAS @ lps @ _LPS_RAS


def _numbers(text: str, count: int, path: Path) -> NDArray[np.float64]:
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError as error:
        raise ImageError(f"{path}: a parameter is not a number") from error
    if len(values) != count or not np.isfinite(values).all():
        raise ImageError(f"{path}: {count} finite parameters are needed, found {len(values)}")
    return values
