"""NIfTI files to arrays, distrusting the file: caps before decompression, plausible headers, clear errors.

nibabel checks the format; this module adds what it does not: a compressed file may claim, or hide, gigabytes, and a
header may be well formed and still describe no image (singular affine, zero spacing).
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from clams_dash.errors import ImageError

MAX_FILE_BYTES = 512 * 2**20
MAX_UNPACKED_BYTES = 768 * 2**20
MAX_VOXELS = 150_000_000
MAX_DIMENSION = 2048
SPACING_LIMITS_MM = (0.05, 20.0)
MAX_SHEAR = 0.02
TRAILING_ALLOWANCE_BYTES = 4096

_GZIP_MAGIC = b"\x1f\x8b"
_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540


@dataclass(frozen=True, slots=True)
class Volume:
    """A three-dimensional image.

    Attributes
    ----------
    data
        Voxels, shape ``(i, j, k)``; scaled by the header's slope and intercept.
    affine
        4 x 4, voxel indices to millimetres in RAS+ world coordinates.
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along ``i``, ``j``, ``k``."""
        sizes = nib.affines.voxel_sizes(self.affine)
        return float(sizes[0]), float(sizes[1]), float(sizes[2])

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))


def read_nifti(path: Path) -> Volume:
    """Read one three-dimensional NIfTI-1 or NIfTI-2 file, ``.nii`` or ``.nii.gz``.

    Raises
    ------
    ImageError
        Naming the file: not a NIfTI, truncated or damaged, larger than the caps, 4D, complex or RGB voxels, a header
        whose affine is not finite, singular, sheared, or whose spacing is implausible.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
    if size > MAX_FILE_BYTES:
        raise ImageError(f"{path}: {size / 2**20:.0f} MiB, larger than the limit of {MAX_FILE_BYTES // 2**20} MiB")
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            return _read_stream(cast("IO[bytes]", stream), path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ImageError(f"{path}: compressed data are truncated or damaged ({error}); copy the file again") from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error})") from error


def _read_stream(stream: IO[bytes], path: Path) -> Volume:
    header = _read_header(stream, path)
    shape = _checked_shape(header, path)
    dtype = _checked_dtype(header, path)
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    refuse_too_many_voxels(shape, path)
    if n_bytes > MAX_UNPACKED_BYTES:
        raise ImageError(
            f"{path}: the header describes {n_bytes / 2**20:.0f} MiB of voxels, more than the limit of "
            f"{MAX_UNPACKED_BYTES // 2**20} MiB"
        )
    affine = _checked_affine(header, path)
    offset = int(header["vox_offset"])
    already = _NIFTI2_BYTES if isinstance(header, nib.Nifti2Header) else _NIFTI1_BYTES
    if not already <= offset <= already + 16 * 2**20:
        raise ImageError(f"{path}: voxel data are said to start at byte {offset}, which cannot be")
    _read_exactly(stream, offset - already, path)
    body = _read_exactly(stream, n_bytes, path)
    if len(stream.read(TRAILING_ALLOWANCE_BYTES + 1)) > TRAILING_ALLOWANCE_BYTES:
        raise ImageError(f"{path}: holds more data than its header describes")
    data = np.frombuffer(body, dtype=dtype).reshape(shape, order="F")
    return Volume(_scaled(data, header, path), affine)


def refuse_too_many_voxels(shape: tuple[int, ...], name: Path | str) -> None:
    """Raise ImageError for a grid of more than 150 million voxels (512 x 512 x 512 is 134 million)."""
    count = math.prod(shape)
    if count > MAX_VOXELS:
        size = " x ".join(str(n) for n in shape)
        raise ImageError(f"{name}: {size} voxels, more than the limit of {MAX_VOXELS // 1_000_000} million")


def _read_exactly(stream: IO[bytes], n_bytes: int, path: Path) -> bytes:
    data = stream.read(n_bytes)
    if len(data) != n_bytes:
        raise ImageError(f"{path}: truncated: {n_bytes} bytes expected, {len(data)} found; copy the file again")
    return data


def _read_header(stream: IO[bytes], path: Path) -> nib.Nifti1Header:
    start = _read_exactly(stream, 4, path)
    sizes = {int.from_bytes(start, "little"), int.from_bytes(start, "big")}
    kind: type[nib.Nifti1Header]
    if _NIFTI1_BYTES in sizes:
        kind, length = nib.Nifti1Header, _NIFTI1_BYTES
    elif _NIFTI2_BYTES in sizes:
        kind, length = nib.Nifti2Header, _NIFTI2_BYTES
    else:
        raise ImageError(f"{path}: is not a NIfTI file")
    block = start + _read_exactly(stream, length - 4, path)
    try:
        header = kind(block, check=False)
    except (WrapStructError, ValueError) as error:
        raise ImageError(f"{path}: its NIfTI header cannot be read ({error})") from error
    if bytes(header["magic"])[:2] not in (b"n+", b"ni"):
        raise ImageError(f"{path}: is not a NIfTI file (no NIfTI signature in its header)")
    if bytes(header["magic"])[:2] == b"ni":
        raise ImageError(f"{path}: keeps header and voxels in two files; save it as one .nii or .nii.gz")
    return header


def _checked_shape(header: nib.Nifti1Header, path: Path) -> tuple[int, int, int]:
    dims = [int(value) for value in header["dim"]]
    n_dims = dims[0]
    if not 3 <= n_dims <= 7 or any(size != 1 for size in dims[4 : n_dims + 1]):
        raise ImageError(
            f"{path}: one three-dimensional image is needed; its dimensions are {dims[1 : max(n_dims, 0) + 1]}"
        )
    shape = dims[1], dims[2], dims[3]
    if any(not 1 <= size <= MAX_DIMENSION for size in shape):
        raise ImageError(f"{path}: implausible dimensions {shape}; each must lie between 1 and {MAX_DIMENSION}")
    return shape


def _checked_dtype(header: nib.Nifti1Header, path: Path) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = np.dtype(header.get_data_dtype())
    except (KeyError, ValueError, nib.spatialimages.HeaderDataError) as error:
        raise ImageError(f"{path}: unknown voxel type {int(header['datatype'])}") from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ImageError(f"{path}: voxel type {dtype} is not a plain number of at most 8 bytes")
    return dtype


def _checked_affine(header: nib.Nifti1Header, path: Path) -> NDArray[np.float64]:
    _refuse_guessed_sides(header, path)
    try:
        with np.errstate(all="ignore"):
            affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    except (ValueError, nib.spatialimages.HeaderDataError) as error:
        raise ImageError(f"{path}: its position in space cannot be read ({error})") from error
    if not np.isfinite(affine).all() or np.abs(affine).max() > 1e5:
        raise ImageError(f"{path}: its affine is not finite or far outside any scanner")
    axes = affine[:3, :3]
    sizes = np.linalg.norm(axes, axis=0)
    low, high = SPACING_LIMITS_MM
    if (sizes < low).any() or (sizes > high).any():
        raise ImageError(f"{path}: voxel sizes {np.round(sizes, 4).tolist()} mm are outside {low} to {high} mm")
    cosines = axes / sizes
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > MAX_SHEAR:
        raise ImageError(f"{path}: its axes are not at right angles (sheared or singular affine)")
    return affine


def _refuse_guessed_sides(header: nib.Nifti1Header, path: Path) -> None:
    """Where left is must be written in the file, and once: readers guess otherwise, each in its own way."""
    in_sform, in_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not in_sform and not in_qform:
        raise ImageError(
            f"{path}: does not say where left and right are (sform and qform codes are 0); export it again"
        )
    if not (in_sform and in_qform):
        return
    try:
        with np.errstate(all="ignore"):
            told = [nib.aff2axcodes(one) for one in (header.get_sform(), header.get_qform())]
    except (ValueError, np.linalg.LinAlgError, nib.spatialimages.HeaderDataError):
        return  # a form that is no form at all is refused with the affine
    if told[0] != told[1]:
        raise ImageError(
            f"{path}: contradicts itself about its sides (sform {''.join(map(str, told[0]))}, qform "
            f"{''.join(map(str, told[1]))}); export it again"
        )


def _scaled(data: NDArray[Any], header: nib.Nifti1Header, path: Path) -> NDArray[Any]:
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if data.dtype.kind == "f":
        data = np.nan_to_num(data.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if not np.isfinite(slope) or slope == 0 or (slope == 1 and inter == 0):
        return data
    if not np.isfinite(inter):
        raise ImageError(f"{path}: its intensity scaling is not finite")
    with np.errstate(over="ignore"):
        scaled = (data * np.float32(slope) + np.float32(inter)).astype(np.float32)
    if not np.isfinite(scaled).all():
        raise ImageError(f"{path}: its intensities are not finite once scaled")
    return scaled
