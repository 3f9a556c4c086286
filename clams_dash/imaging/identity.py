"""Taking out of a NIfTI file what may name a person: free texts of the header, extensions, what follows the voxels.

Converters write names, ids and whole DICOM headers there. The gzip wrapper may hold the file's first name as well.
Fields: ``data_type``, ``db_name``, ``descrip``, ``aux_file``, ``intent_name`` (NIfTI-1 and -2), all extensions.
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np

from clams_dash.errors import ImageError

TEXT_FIELDS = ("data_type", "db_name", "descrip", "aux_file", "intent_name")
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_NAME_OR_COMMENT = 0x08 | 0x10
_NIFTI2_SIZES = (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")
_NO_EXTENSION = b"\0\0\0\0"


def without_identity(path: Path) -> bytes | None:
    """The file's bytes without what may name a person; None when it holds nothing of the kind.

    Voxels, shape and orientation stay as they are. Expects a file that :func:`read_nifti` accepts; raises ImageError,
    naming it, for another.
    """
    raw = path.read_bytes()
    packed = raw[:2] == _GZIP_MAGIC
    content = gzip.decompress(raw) if packed else raw
    kind: Any = nib.Nifti2Header if content[:4] in _NIFTI2_SIZES else nib.Nifti1Header
    size = int(kind.sizeof_hdr)
    header = cast("Any", kind(content[:size], check=False))
    start = int(header["vox_offset"])
    end = start + int(np.prod(header.get_data_shape())) * int(header.get_data_dtype().itemsize)
    if len(content) < end:
        raise ImageError(f"{path}: voxel data are truncated")
    named = [field for field in TEXT_FIELDS if field in header.keys() and header[field].tobytes().strip(b"\0 ")]  # noqa: SIM118
    between, after = content[size:start].strip(b"\0"), content[end:].strip(b"\0")
    wrapped = packed and raw[3] & _GZIP_NAME_OR_COMMENT
    if not (named or between or after or wrapped):
        return None
    for field in named:
        header[field] = b""
    header["vox_offset"] = size + len(_NO_EXTENSION)
    cleaned = bytes(header.binaryblock) + _NO_EXTENSION + content[start:end]
    return _packed(cleaned) if packed else cleaned


def _packed(content: bytes) -> bytes:
    """Gzip without name and time, so that the same content gives the same bytes."""
    target = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0, compresslevel=6) as stream:
        stream.write(content)
    return target.getvalue()
