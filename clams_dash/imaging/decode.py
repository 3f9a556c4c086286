"""Reading back the display copies that :mod:`clams_dash.imaging.encode` writes, for slices as still pictures."""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clams_dash.errors import ImageError

PLANES = ("axial", "coronal", "sagittal")
_OPENING = b'<AppendedData encoding="raw">\n_'
_CLOSING = b"\n</AppendedData>"
_PIECE = re.compile(
    rb'<ImageData WholeExtent="0 (?P<x>\d+) 0 (?P<y>\d+) 0 (?P<z>\d+)" Origin="(?P<origin>[^"]+)"'
    rb' Spacing="(?P<spacing>[^"]+)">'
)
_COMPONENTS = re.compile(rb'NumberOfComponents="(?P<count>\d+)"')


@dataclass(frozen=True, slots=True)
class DisplayGrid:
    """Grid of a whole display copy; a mask's file holds only the part around its lesions. RAS+ millimetres."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class DisplayVolume:
    """Levels or colours, shape (x, y, z, components), and where they lie in the whole grid (voxel of the corner)."""

    values: NDArray[np.uint8]
    first: tuple[int, int, int]
    grid: DisplayGrid

    def slice_png(self, plane: str, index: int) -> bytes:
        """One slice of the whole grid as PNG: grey levels, or colours on nothing.

        Shown as the viewer shows it: the patient's right and anterior at the viewer's left, anterior or superior on
        top. Raises ImageError for a plane or slice that is not there.
        """
        if plane not in PLANES:
            raise ImageError(f"no plane {plane[:20]!r}; there are {', '.join(PLANES)}")
        axis = 2 - PLANES.index(plane)
        if not 0 <= index < self.grid.shape[axis]:
            raise ImageError(f"no {plane} slice {index}; there are {self.grid.shape[axis]}")
        across, up = (one for one in range(3) if one != axis)
        flat = np.zeros((self.grid.shape[across], self.grid.shape[up], self.values.shape[3]), dtype=np.uint8)
        own = index - self.first[axis]
        if 0 <= own < self.values.shape[axis]:
            part = np.take(self.values, own, axis=axis)
            a, b = self.first[across], self.first[up]
            flat[a : a + part.shape[0], b : b + part.shape[1]] = part
        # Rows from top to bottom, columns from the viewer's left: R to L, or A to P, so both run against their axis.
        shown = flat[::-1, ::-1].transpose(1, 0, 2)
        picture = Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown)
        target = io.BytesIO()
        picture.save(target, "PNG", compress_level=1)
        return target.getvalue()


def read_display(content: bytes, grid: DisplayGrid) -> DisplayVolume:
    """Unpack a ``.vti`` of :mod:`clams_dash.imaging.encode`. Raises ImageError when it is none."""
    start, end = content.find(_OPENING), content.rfind(_CLOSING)
    piece, components = _PIECE.search(content), _COMPONENTS.search(content)
    if start < 0 or end < start or piece is None or components is None:
        raise ImageError("is not a display copy of this version")
    nx, ny, nz = (int(piece[axis]) + 1 for axis in ("x", "y", "z"))
    raw = _unpacked(content[start + len(_OPENING) : end])
    count = int(components["count"])
    if len(raw) != nx * ny * nz * count:
        raise ImageError("display copy is damaged: it holds another number of voxels than it says")
    values = np.frombuffer(raw, dtype=np.uint8).reshape(nz, ny, nx, count).transpose(2, 1, 0, 3)
    origin = [float(value) for value in piece["origin"].split()]
    x, y, z = (
        round((own - whole) / size) for own, whole, size in zip(origin, grid.origin_mm, grid.spacing_mm, strict=True)
    )
    return DisplayVolume(values, (x, y, z), grid)


def _unpacked(body: bytes) -> bytes:
    try:
        (count, _, _) = struct.unpack_from("<3I", body)
        sizes = struct.unpack_from(f"<{count}I", body, 12)
        at = 12 + 4 * count
        blocks = []
        for size in sizes:
            blocks.append(zlib.decompress(body[at : at + size]))
            at += size
    except (struct.error, zlib.error) as error:
        raise ImageError(f"display copy is damaged ({error})") from error
    return b"".join(blocks)
