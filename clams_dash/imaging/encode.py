"""Arrays on an axis-aligned RAS+ grid as VTK XML image files (``.vti``), and surfaces (``.vtp``), for the viewer.

The files are zlib-compressed with raw appended data, as vtk.js reads them; the ``vtk`` package (over 500 MB installed)
is not needed to write them. Format: Kitware, "VTK XML file formats" (serial ImageData, appended raw encoding).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 1 << 20
_OFF_AXIS_TOLERANCE_MM = 1e-5


def image_vti(levels_ras: NDArray[np.uint8], affine_ras: NDArray[np.float64]) -> bytes:
    """Grey levels as a one-component image.

    Parameters
    ----------
    levels_ras
        Shape (nx, ny, nz), 0 to 255; x grows to the patient's right, y to anterior, z to superior.
    affine_ras
        4 x 4, voxel index to mm, with a positive diagonal and nothing beside it: spacing and origin in mm.

    Raises
    ------
    ValueError
        When the array is not a filled 3D uint8 array or the affine is not axis-aligned RAS+.
    """
    _check_grid(levels_ras)
    spacing_mm, origin_mm = _spacing_and_origin(affine_ras)
    return _vti(levels_ras[..., np.newaxis], spacing_mm, origin_mm, name="levels")


def mask_vti(
    labels_ras: NDArray[np.uint8],
    affine_ras: NDArray[np.float64],
    palette: Mapping[int, tuple[int, int, int, int]],
    inside_alpha_share: float = 1.0,
) -> bytes | None:
    """Lesion labels as a four-component RGBA image, cropped to the labelled voxels plus one voxel on each side.

    Parameters
    ----------
    labels_ras
        Shape (nx, ny, nz); 0 is background and stays transparent.
    affine_ras
        As in :func:`image_vti`, of the whole grid: the crop gets an origin of its own.
    palette
        Label to red, green, blue, alpha, each 0 to 255.
    inside_alpha_share
        Share of the alpha left to voxels whose six neighbours all carry their label, 0 to 1: below 1 the lesion shows
        as a rim with its own signal visible inside, as readers mark lesions.

    Returns
    -------
    bytes or None
        None when no voxel is labelled.

    Raises
    ------
    ValueError
        As :func:`image_vti`, and for a label without a colour: a lesion must not vanish silently.
    """
    _check_grid(labels_ras)
    if not 0 <= inside_alpha_share <= 1:
        raise ValueError(f"inside_alpha_share is a share from 0 to 1, not {inside_alpha_share}")
    spacing_mm, origin_mm = _spacing_and_origin(affine_ras)
    labels = [int(label) for label in np.flatnonzero(np.bincount(labels_ras.ravel(), minlength=256)) if label != 0]
    if not labels:
        return None
    colourless = [label for label in labels if label not in palette]
    if colourless:
        raise ValueError(f"the mask has labels without a colour: {colourless}; add them to the palette")
    colours = np.zeros((256, 4), dtype=np.uint8)
    for label in labels:
        colours[label] = palette[label]
    first, box = _labelled_box(labels_ras)
    rgba = colours[labels_ras[box]]
    if inside_alpha_share != 1.0:
        inside = _inside(labels_ras[box])
        rgba[inside, 3] = np.rint(rgba[inside, 3] * inside_alpha_share).astype(np.uint8)
    return _vti(rgba, spacing_mm, origin_mm + first * spacing_mm, name="lesions")


def to_levels(data: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Intensities as grey levels: ``low`` and below is 0, ``high`` and above is 255, linear between, NaN is 0.

    Raises
    ------
    ValueError
        When ``low`` and ``high`` are not finite or ``high`` is not above ``low``.
    """
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        raise ValueError(f"a grey scale needs finite low < high, not {low} and {high}")
    scaled = np.clip(data, low, high, dtype=np.result_type(data, np.float32))
    scaled -= low
    scaled *= 255.0 / (high - low)
    levels: NDArray[np.uint8] = np.nan_to_num(np.rint(scaled), nan=0.0).astype(np.uint8)
    return levels


def _check_grid(array: NDArray[np.uint8]) -> None:
    if array.ndim != 3 or array.dtype != np.uint8 or array.size == 0:
        raise ValueError(f"expected a filled 3D uint8 array, not shape {array.shape} of {array.dtype}")


def _spacing_and_origin(affine_ras: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    affine = np.asarray(affine_ras, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or not np.array_equal(affine[3], [0, 0, 0, 1]):
        raise ValueError(f"expected a finite 4 x 4 affine with last row 0 0 0 1, not {affine.tolist()}")
    axes = affine[:3, :3]
    spacing_mm = np.diag(axes).copy()
    if (spacing_mm <= 0).any() or (np.abs(axes - np.diag(spacing_mm)) > _OFF_AXIS_TOLERANCE_MM).any():
        raise ValueError(f"the grid is not axis-aligned RAS+: {axes.tolist()}; resample the image to RAS+ first")
    return spacing_mm, affine[:3, 3].copy()


def _labelled_box(labels_ras: NDArray[np.uint8]) -> tuple[NDArray[np.int64], tuple[slice, slice, slice]]:
    """First voxel and slices of the box around all labels, one voxel wider where the grid allows."""
    labelled = labels_ras != 0
    spans = []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(labelled.any(axis=other))
        spans.append((max(int(used[0]) - 1, 0), min(int(used[-1]) + 2, labels_ras.shape[axis])))
    x, y, z = (slice(start, stop) for start, stop in spans)
    return np.array([start for start, _ in spans], dtype=np.int64), (x, y, z)


def _inside(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Labelled voxels whose six neighbours carry the same label; outside the grid lies background."""
    inside: NDArray[np.bool_] = labels != 0
    padded = np.pad(labels, 1)
    for axis in range(3):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis=axis)[1:-1, 1:-1, 1:-1] == labels
    return inside


def _vti(
    components: NDArray[np.uint8], spacing_mm: NDArray[np.float64], origin_mm: NDArray[np.float64], name: str
) -> bytes:
    """Bytes of a ``.vti`` file from (nx, ny, nz, components); VTK wants x fastest."""
    nx, ny, nz, count = components.shape
    extent = f"0 {nx - 1} 0 {ny - 1} 0 {nz - 1}"
    head = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt32"'
        ' compressor="vtkZLibDataCompressor">\n'
        f'<ImageData WholeExtent="{extent}" Origin="{_numbers(origin_mm)}" Spacing="{_numbers(spacing_mm)}">\n'
        f'<Piece Extent="{extent}">\n'
        f'<PointData Scalars="{name}">\n'
        f'<DataArray type="UInt8" Name="{name}" NumberOfComponents="{count}" format="appended" offset="0"/>\n'
        "</PointData>\n<CellData></CellData>\n</Piece>\n</ImageData>\n"
        '<AppendedData encoding="raw">\n_'
    )
    payload = _compressed_blocks(np.ascontiguousarray(components.transpose(2, 1, 0, 3)).data.cast("B"))
    return head.encode("ascii") + payload + b"\n</AppendedData>\n</VTKFile>\n"


def polydata_vtp(points_mm: NDArray[np.float32], triangles: NDArray[np.int32], normals: NDArray[np.float32]) -> bytes:
    """Triangles as a VTK XML polygon file (``.vtp``) with point normals.

    Parameters
    ----------
    points_mm, normals
        Shape (n, 3), mm RAS+ and unit vectors.
    triangles
        Shape (m, 3), indices of points.

    Raises
    ------
    ValueError
        When shapes do not fit or a triangle names a point that is not there.
    """
    if points_mm.ndim != 2 or points_mm.shape[1] != 3 or normals.shape != points_mm.shape:
        raise ValueError(f"expected points and normals of shape (n, 3), not {points_mm.shape} and {normals.shape}")
    if triangles.ndim != 2 or triangles.shape[1] != 3 or not len(triangles):
        raise ValueError(f"expected triangles of shape (m, 3), not {triangles.shape}")
    if triangles.min() < 0 or triangles.max() >= len(points_mm):
        raise ValueError("a triangle names a point that is not there")
    offsets = np.arange(3, 3 * len(triangles) + 1, 3, dtype="<i4")
    arrays = {
        "normals": ("Float32", 3, normals.astype("<f4")),
        "points": ("Float32", 3, points_mm.astype("<f4")),
        "connectivity": ("Int32", 1, triangles.astype("<i4")),
        "offsets": ("Int32", 1, offsets),
    }
    payload, entries = b"", {}
    for name, (kind, count, values) in arrays.items():
        entries[name] = (
            f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{count}" format="appended" '
            f'offset="{len(payload)}"/>\n'
        )
        payload += _compressed_blocks(np.ascontiguousarray(values).data.cast("B"))
    head = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt32"'
        ' compressor="vtkZLibDataCompressor">\n<PolyData>\n'
        f'<Piece NumberOfPoints="{len(points_mm)}" NumberOfVerts="0" NumberOfLines="0" NumberOfStrips="0"'
        f' NumberOfPolys="{len(triangles)}">\n'
        f'<PointData Normals="normals">\n{entries["normals"]}</PointData>\n<CellData></CellData>\n'
        f"<Points>\n{entries['points']}</Points>\n"
        f"<Polys>\n{entries['connectivity']}{entries['offsets']}</Polys>\n"
        "</Piece>\n</PolyData>\n"
        '<AppendedData encoding="raw">\n_'
    )
    return head.encode("ascii") + payload + b"\n</AppendedData>\n</VTKFile>\n"


def _numbers(values: NDArray[np.float64]) -> str:
    return " ".join(repr(float(value)) for value in values)


def _compressed_blocks(raw: memoryview) -> bytes:
    """VTK's compressed array: UInt32 counts (blocks, block size, size of a shorter last block or 0, sizes), blocks."""
    blocks = [zlib.compress(raw[start : start + _BLOCK_BYTES], 6) for start in range(0, len(raw), _BLOCK_BYTES)]
    counts = [len(blocks), _BLOCK_BYTES, len(raw) % _BLOCK_BYTES, *(len(block) for block in blocks)]
    return struct.pack(f"<{len(counts)}I", *counts) + b"".join(blocks)
