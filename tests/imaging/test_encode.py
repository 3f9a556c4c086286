"""What the browser's reader will find in a .vti file, read back here without the code that wrote it."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from clams_dash.config import real_data_dir
from clams_dash.imaging.encode import image_vti, mask_vti, to_levels

ORANGE = (255, 112, 67, 200)
CYAN = (77, 208, 225, 200)


@dataclass(frozen=True)
class ReadBack:
    values_xyzc: NDArray[np.uint8]
    origin_mm: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]

    def at_mm(self, *position_mm: float) -> tuple[int, ...]:
        index = np.rint((np.array(position_mm) - self.origin_mm) / self.spacing_mm).astype(int)
        return tuple(int(value) for value in self.values_xyzc[tuple(index)])


def read_vti(content: bytes) -> ReadBack:
    opening = b'\n<AppendedData encoding="raw">\n_'
    closing = b"\n</AppendedData>"
    start = content.index(opening) + len(opening)
    end = content.rindex(closing)
    root = ET.fromstring(content[:start] + content[end:])  # noqa: S314 our own bytes
    assert root.attrib["compressor"] == "vtkZLibDataCompressor"
    assert (root.attrib["byte_order"], root.attrib["header_type"]) == ("LittleEndian", "UInt32")
    image = root.find("ImageData")
    array = root.find("ImageData/Piece/PointData/DataArray")
    assert image is not None
    assert array is not None
    assert array.attrib["type"] == "UInt8"
    body = content[start:end]
    count, block_bytes, last_bytes = struct.unpack_from("<3I", body)
    sizes = struct.unpack_from(f"<{count}I", body, 12)
    assert 12 + 4 * count + sum(sizes) == len(body), "vtk.js finds the data by counting back from the end"
    raw, at = b"", 12 + 4 * count
    for number, size in enumerate(sizes):
        block = zlib.decompress(body[at : at + size])
        assert len(block) == (last_bytes or block_bytes if number == count - 1 else block_bytes)
        raw += block
        at += size
    extent = [int(value) for value in image.attrib["WholeExtent"].split()]
    nx, ny, nz = (extent[2 * axis + 1] - extent[2 * axis] + 1 for axis in range(3))
    values = np.frombuffer(raw, dtype=np.uint8).reshape(nz, ny, nx, int(array.attrib["NumberOfComponents"]))
    return ReadBack(
        values.transpose(2, 1, 0, 3),
        np.array([float(value) for value in image.attrib["Origin"].split()]),
        np.array([float(value) for value in image.attrib["Spacing"].split()]),
    )


def grid(spacing_mm: tuple[float, float, float], origin_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = origin_mm
    return affine


positive_mm = st.floats(0.2, 8.0)
position_mm = st.floats(-300.0, 300.0)
grids = st.builds(grid, st.tuples(*[positive_mm] * 3), st.tuples(*[position_mm] * 3))
volumes = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=9))


@given(volumes, grids)
def test_every_voxel_comes_back_at_its_world_position(levels: NDArray[np.uint8], affine: NDArray[np.float64]) -> None:
    found = read_vti(image_vti(levels, affine))
    assert np.array_equal(found.values_xyzc[..., 0], levels)
    corner = affine @ [*(np.array(levels.shape) - 1), 1]
    assert found.at_mm(*corner[:3]) == (levels[-1, -1, -1],)
    assert np.array_equal(found.origin_mm, affine[:3, 3])


def test_images_longer_than_one_block_come_back_whole() -> None:
    levels = np.random.default_rng(1).integers(0, 256, (128, 128, 130), dtype=np.uint8)
    assert np.array_equal(read_vti(image_vti(levels, np.eye(4))).values_xyzc[..., 0], levels)
    whole_blocks = levels[:, :, :128]
    assert np.array_equal(read_vti(image_vti(whole_blocks, np.eye(4))).values_xyzc[..., 0], whole_blocks)


def test_arrays_in_fortran_order_are_not_transposed() -> None:
    levels = np.asfortranarray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    assert np.array_equal(read_vti(image_vti(levels, np.eye(4))).values_xyzc[..., 0], levels)


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=8), elements=st.integers(0, 2)),
    grids,
)
def test_each_labelled_voxel_keeps_its_place_and_colour(labels: NDArray[np.uint8], affine: NDArray[np.float64]) -> None:
    content = mask_vti(labels, affine, {1: ORANGE, 2: CYAN})
    if not labels.any():
        assert content is None
        return
    assert content is not None
    found = read_vti(content)
    for index in np.argwhere(labels):
        world = affine @ [*index, 1]
        assert found.at_mm(*world[:3]) == (ORANGE if labels[tuple(index)] == 1 else CYAN)
    assert np.count_nonzero(found.values_xyzc[..., 3]) == np.count_nonzero(labels)


def test_the_mask_is_cropped_to_the_lesions_and_one_voxel() -> None:
    labels = np.zeros((40, 50, 60), dtype=np.uint8)
    labels[10:12, 0, 58:] = 1
    content = mask_vti(labels, grid((0.9, 0.9, 3.0), (-90.0, -120.0, -60.0)), {1: ORANGE})
    assert content is not None
    found = read_vti(content)
    assert found.values_xyzc.shape == (4, 2, 3, 4)
    assert found.origin_mm == pytest.approx([-90 + 9 * 0.9, -120.0, -60 + 57 * 3.0])


def test_a_lesion_can_be_drawn_as_a_rim_that_leaves_its_signal_visible() -> None:
    labels = np.zeros((9, 9, 9), dtype=np.uint8)
    labels[2:7, 2:7, 2:7] = 1
    labels[4, 4, 6] = 2
    content = mask_vti(labels, np.eye(4), {1: ORANGE, 2: CYAN}, inside_alpha_share=0.25)
    assert content is not None
    found = read_vti(content)
    assert found.at_mm(2, 4, 4) == ORANGE
    assert found.at_mm(4, 4, 4) == (*ORANGE[:3], 50)
    assert found.at_mm(4, 4, 5) == ORANGE, "a neighbour with another label makes an edge"
    assert np.count_nonzero(found.values_xyzc[..., 3] == 50) == 26


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_share_of_alpha_lies_between_none_and_all(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        mask_vti(np.ones((2, 2, 2), dtype=np.uint8), np.eye(4), {1: ORANGE}, inside_alpha_share=share)


def test_a_mask_without_lesions_is_no_image() -> None:
    assert mask_vti(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4), {1: ORANGE}) is None


def test_a_lesion_without_a_colour_is_refused() -> None:
    with pytest.raises(ValueError, match=r"without a colour: \[7\]"):
        mask_vti(np.full((2, 2, 2), 7, dtype=np.uint8), np.eye(4), {1: ORANGE})


@pytest.mark.parametrize(
    "affine",
    [
        pytest.param(np.diag([-1.0, 1, 1, 1]), id="left-positive"),
        pytest.param(np.eye(4)[[1, 0, 2, 3]], id="axes swapped"),
        pytest.param(np.eye(4) + 0.01 * np.eye(4)[[1, 0, 2, 3]], id="oblique"),
        pytest.param(np.diag([1.0, 0, 1, 1]), id="no spacing"),
        pytest.param(np.diag([1.0, np.nan, 1, 1]), id="not a number"),
        pytest.param(np.eye(3), id="3 x 3"),
    ],
)
def test_a_grid_that_is_not_ras_is_refused(affine: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"RAS\+|affine"):
        image_vti(np.ones((2, 2, 2), dtype=np.uint8), affine)


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 2, 1), (0, 2, 2)])
def test_only_filled_volumes_are_encoded(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3D uint8"):
        image_vti(np.ones(shape, dtype=np.uint8), np.eye(4))


def test_levels_are_linear_and_clipped() -> None:
    data = np.array([-np.inf, -5.0, 0.0, 20.0, 100.0, 900.0, np.inf, np.nan])
    assert to_levels(data, 0.0, 100.0).tolist() == [0, 0, 0, 51, 255, 255, 255, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
def test_every_stored_type_has_the_same_levels(dtype: type[np.generic]) -> None:
    data = np.arange(0, 128, dtype=dtype)
    assert np.array_equal(to_levels(data, 10.0, 95.0), to_levels(data.astype(np.float64), 10.0, 95.0))


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e6, 1e6)), st.floats(-1e5, 1e5), positive_mm)
@settings(max_examples=50)
def test_levels_keep_the_order_of_intensities(data: NDArray[np.float64], low: float, width: float) -> None:
    levels = to_levels(np.sort(data), low, low + width)
    assert (np.diff(levels.astype(int)) >= 0).all()


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_an_empty_grey_scale_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="grey scale"):
        to_levels(np.zeros(3), low, high)


@pytest.mark.real_data
def test_a_real_flair_travels_in_a_few_megabytes() -> None:
    nibabel = pytest.importorskip("nibabel")
    folder = real_data_dir() / "open_ms_data" / "cross_sectional" / "MNI" / "patient19"
    if not folder.is_dir():
        pytest.skip(f"no real scans in {folder}")
    flair = nibabel.as_closest_canonical(nibabel.load(next(folder.glob("FLAIR*.nii.gz"))))
    data = np.asarray(flair.dataobj)
    low, high = np.percentile(data[data > data.min()], [0.5, 99.8])
    levels = to_levels(data, float(low), float(high))
    content = image_vti(levels, flair.affine)
    assert len(content) < 5_000_000
    assert np.array_equal(read_vti(content).values_xyzc[..., 0], levels)
