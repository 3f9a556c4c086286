"""Surfaces and still pictures lie where the scan lies, whichever way round its file was written."""

from __future__ import annotations

import io
import itertools
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel import orientations
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial.transform import Rotation

from clams_dash.errors import ImageError
from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.imaging.encode import image_vti, mask_vti, polydata_vtp
from clams_dash.imaging.grid import to_ras
from clams_dash.imaging.mesh import brain_surface, lesion_surface
from clams_dash.imaging.nifti import Volume

AXIS_CODES = [
    "".join(code) for order in itertools.permutations(("RL", "AP", "SI")) for code in itertools.product(*order)
]
LESION_MM = np.array([21.0, -13.0, 17.0])
"""Right, posterior, superior."""
RED = (255, 0, 0, 255)


@dataclass(frozen=True)
class MeshFile:
    """What a ``.vtp`` file holds, read by code of its own."""

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    normals: NDArray[np.float32]


def read_vtp(content: bytes) -> MeshFile:
    opening = b'<AppendedData encoding="raw">\n_'
    start = content.index(opening) + len(opening)
    root = ET.fromstring(content[:start] + content[content.rindex(b"\n</AppendedData>") :])  # noqa: S314 our own bytes
    found = {}
    for entry in root.iter("DataArray"):
        at = start + int(entry.attrib["offset"])
        count = int.from_bytes(content[at : at + 4], "little")
        sizes = np.frombuffer(content, "<u4", count, at + 12)
        at += 12 + 4 * count
        raw = b""
        for size in sizes:
            raw += zlib.decompress(content[at : at + int(size)])
            at += int(size)
        kind = {"Float32": "<f4", "Int32": "<i4"}[entry.attrib["type"]]
        found[entry.attrib["Name"]] = np.frombuffer(raw, kind)
    corners = found["connectivity"]
    assert list(found["offsets"][:2]) == [3, 6]
    return MeshFile(found["points"].reshape(-1, 3), corners.reshape(-1, 3), found["normals"].reshape(-1, 3))


def ball(codes: str, spacing: tuple[float, float, float], tilt_deg: tuple[float, float, float]) -> Volume:
    """A ball of 8 mm at LESION_MM in a file of these axes, tilted."""
    shape = tuple(round(100 / size) for size in spacing)
    towards = orientations.axcodes2ornt(tuple(codes))
    axes = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(towards):
        axes[int(axis), column] = sign * spacing[column]
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", tilt_deg, degrees=True).as_matrix() @ axes
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    where = nib.affines.apply_affine(affine, np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    data = (((where - LESION_MM) ** 2).sum(axis=-1) <= 8.0**2).astype(np.uint8)
    return Volume(data, affine)


tilts = st.tuples(*[st.floats(-20, 20)] * 3)
sizes = st.tuples(*[st.sampled_from([1.0, 1.4, 2.0, 3.0])] * 3)


@pytest.mark.parametrize("codes", AXIS_CODES)
@given(spacing=sizes, tilt=tilts)
@settings(max_examples=2, deadline=None)
def test_mesh_and_picture_have_the_lesion_where_the_file_has_it(
    codes: str, spacing: tuple[float, float, float], tilt: tuple[float, float, float]
) -> None:
    volume = ball(codes, spacing, tilt)
    upright = to_ras(volume, is_mask=True)
    half_voxel = max(upright.spacing_mm) / 2
    surface = lesion_surface(upright.data > 0, upright.affine)
    assert surface is not None
    mesh = read_vtp(surface.vtp())
    assert np.abs((mesh.points.min(axis=0) + mesh.points.max(axis=0)) / 2 - LESION_MM).max() <= half_voxel + 0.5
    # the picture: the patient's right at the viewer's left, anterior or superior on top
    nx, ny, nz = upright.data.shape
    sx, sy, sz = upright.spacing_mm
    ox, oy, oz = (float(value) for value in upright.affine[:3, 3])
    content = mask_vti(upright.data, upright.affine, {1: RED})
    assert content is not None
    shown = read_display(content, DisplayGrid((nx, ny, nz), (sx, sy, sz), (ox, oy, oz)))
    right, anterior, superior = LESION_MM
    for plane, axis, (x_axis, x_mm), (y_axis, y_mm) in (
        ("axial", 2, (0, right), (1, anterior)),
        ("coronal", 1, (0, right), (2, superior)),
        ("sagittal", 0, (1, anterior), (2, superior)),
    ):
        index = round((LESION_MM[axis] - upright.affine[axis, 3]) / upright.spacing_mm[axis])
        picture = np.asarray(Image.open(io.BytesIO(shown.slice_png(plane, index))))
        row, column = ndimage.center_of_mass(picture[..., 3] > 0)
        across = upright.affine[x_axis, 3] + (picture.shape[1] - 1 - column) * upright.spacing_mm[x_axis]
        up = upright.affine[y_axis, 3] + (picture.shape[0] - 1 - row) * upright.spacing_mm[y_axis]
        assert abs(across - x_mm) <= upright.spacing_mm[x_axis] / 2 + 0.5, plane
        assert abs(up - y_mm) <= upright.spacing_mm[y_axis] / 2 + 0.5, plane


def test_there_are_48_ways_to_write_a_file() -> None:
    assert len(set(AXIS_CODES)) == 48


def test_triangles_and_normals_look_outwards() -> None:
    surface = lesion_surface(ball("RAS", (1, 1, 1), (0, 0, 0)).data > 0, np.eye(4))
    assert surface is not None
    mesh = read_vtp(surface.vtp())
    middle = mesh.points.mean(axis=0)
    outwards = mesh.points - middle
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    assert (outwards * mesh.normals).sum(axis=1).min() > 0.7
    a, b, c = (mesh.points[mesh.triangles[:, corner]].astype(float) for corner in range(3))
    enclosed = float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6
    assert enclosed == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.1), "the ball's volume, positive"


def test_a_lesion_of_one_voxel_does_not_vanish_in_the_solid_view() -> None:
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[5, 6, 7] = True
    surface = lesion_surface(mask, np.eye(4))
    assert surface is not None
    assert np.abs(surface.points.mean(axis=0) - [5, 6, 7]).max() < 0.2


def test_without_lesions_or_tissue_there_is_no_surface() -> None:
    nothing = np.zeros((12, 12, 12))
    assert lesion_surface(nothing > 0, np.eye(4)) is None
    assert brain_surface(nothing, np.eye(4)) is None


def test_the_brain_surface_leaves_out_fluid_around_and_ventricles_within() -> None:
    x, y, z = np.meshgrid(*[np.arange(-40, 41.0)] * 3, indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    image = np.select([radius < 8, radius < 30, radius < 36], [20.0, 100.0, 20.0], 0.0)
    affine = np.eye(4)
    affine[:3, 3] = -40
    surface = brain_surface(image, affine)
    assert surface is not None
    reach = np.linalg.norm(surface.points, axis=1)
    assert reach.min() > 28, "no inner wall of the ventricle"
    assert reach.max() < 32, "the fluid around is not brain"


def test_a_mesh_that_does_not_fit_together_is_refused() -> None:
    points, normals = np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32)
    with pytest.raises(ValueError, match="not there"):
        polydata_vtp(points, np.array([[0, 1, 3]], np.int32), normals)
    with pytest.raises(ValueError, match="triangles"):
        polydata_vtp(points, np.zeros((0, 3), np.int32), normals)


def test_a_damaged_display_copy_gives_no_picture() -> None:
    grid = DisplayGrid((8, 9, 10), (1, 1, 1), (0, 0, 0))
    content = image_vti(np.ones((8, 9, 10), np.uint8), np.eye(4))
    assert read_display(content, grid).slice_png("axial", 9).startswith(b"\x89PNG")
    for damaged in (content[: len(content) // 2], b"", content.replace(b"0 7 0 8 0 9", b"0 7 0 8 0 8")):
        with pytest.raises(ImageError):
            read_display(damaged, grid)
    for plane, index in (("axial", 10), ("axial", -1), ("../../etc", 0)):
        with pytest.raises(ImageError):
            read_display(content, grid).slice_png(plane, index)
