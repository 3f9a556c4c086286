"""NIfTI reading: what a scan is accepted as, and every way a file may lie."""

import gzip
import resource
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.errors import ImageError
from clams_dash.imaging.nifti import MAX_UNPACKED_BYTES, read_nifti
from tests.conftest import WriteNifti


def _bytes_of(data: np.ndarray, affine: np.ndarray | None = None) -> bytearray:
    return bytearray(nib.Nifti1Image(data, np.eye(4) if affine is None else affine).to_bytes())


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_scan_is_read_as_nibabel_reads_it(write_nifti: WriteNifti, name: str) -> None:
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.array([[-1.5, 0, 0, 10], [0, 2, 0, -5], [0, 0, 3, 7], [0, 0, 0, 1.0]])

    volume = read_nifti(write_nifti(name, data, affine))

    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.affine, affine)
    assert volume.spacing_mm == (1.5, 2.0, 3.0)
    assert volume.voxel_volume_mm3 == pytest.approx(9.0)


def test_intensity_scaling_of_the_header_is_applied(tmp_path: Path) -> None:
    raw = _bytes_of(np.full((2, 2, 2), 10, dtype=np.int16))
    struct.pack_into("<ff", raw, 112, 0.5, 3.0)
    (tmp_path / "scaled.nii").write_bytes(raw)

    assert float(read_nifti(tmp_path / "scaled.nii").data[0, 0, 0]) == pytest.approx(8.0)


def test_a_truncated_compressed_file_is_refused_by_name(write_nifti: WriteNifti) -> None:
    path = write_nifti("scan.nii.gz", np.random.default_rng(1).normal(size=(20, 20, 20)).astype(np.float32))
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(ImageError, match=r"scan\.nii\.gz: compressed data are truncated or damaged"):
        read_nifti(path)


def test_a_bomb_with_an_honest_header_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((1024, 1024, 1024))
    path = tmp_path / "bomb.nii.gz"
    with gzip.open(path, "wb", compresslevel=9) as out:
        out.write(header.binaryblock + b"\0" * 4)
        out.writelines(b"\0" * 2**20 for _ in range(64))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageError, match="1024 x 1024 x 1024 voxels, more than the limit"):
        read_nifti(path)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250 * 1024


def test_a_bomb_whose_header_lies_is_refused_after_what_the_header_describes(tmp_path: Path) -> None:
    path = tmp_path / "tail.nii.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(bytes(_bytes_of(np.zeros((4, 4, 4), dtype=np.uint8))))
        out.writelines(b"\0" * 2**20 for _ in range(256))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageError, match="holds more data than its header describes"):
        read_nifti(path)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.nii", b"", "truncated"),
        ("text.nii", b"this is not an image at all" * 40, "is not a NIfTI file"),
        ("broken.nii.gz", b"\x1f\x8b\x08\x00" + b"\xff" * 400, "truncated or damaged"),
    ],
)
def test_what_is_no_nifti_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_nifti(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.nii: cannot be read"):
        read_nifti(tmp_path / "nothing.nii")


@pytest.mark.parametrize(
    ("shape", "dtype", "reason"),
    [
        ((4, 4, 4, 3), np.int16, "one three-dimensional image is needed"),
        ((4, 4), np.int16, "one three-dimensional image is needed"),
        ((4, 4, 4), np.complex64, "not a plain number"),
    ],
)
def test_other_kinds_of_image_are_refused(
    write_nifti: WriteNifti, shape: tuple[int, ...], dtype: type, reason: str
) -> None:
    with pytest.raises(ImageError, match=reason):
        read_nifti(write_nifti("other.nii", np.zeros(shape, dtype=dtype)))


@pytest.mark.parametrize(
    ("affine", "reason"),
    [
        (np.diag([0.0, 1, 1, 1]), "voxel sizes"),
        (np.diag([1.0, 1, 50, 1]), "voxel sizes"),
        (np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "right angles"),
        (np.diag([np.nan, 1, 1, 1]), "not finite"),
    ],
)
def test_an_impossible_position_in_space_is_refused(tmp_path: Path, affine: np.ndarray, reason: str) -> None:
    raw = _bytes_of(np.zeros((3, 3, 3), dtype=np.uint8))
    struct.pack_into("<hh", raw, 252, 0, 1)
    struct.pack_into("<12f", raw, 280, *affine[:3].ravel())
    (tmp_path / "placed.nii").write_bytes(raw)

    with pytest.raises(ImageError, match=reason):
        read_nifti(tmp_path / "placed.nii")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_mutated_header_gives_a_plausible_scan_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    raw = _bytes_of(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([1.0, 1.0, 3.0, 1.0]))
    for place, value in changes:
        raw[place] = value
    path = tmp_path_factory.mktemp("fuzz") / "mutated.nii"
    path.write_bytes(raw)

    try:
        volume = read_nifti(path)
    except ImageError:
        return
    assert volume.data.ndim == 3
    assert volume.data.nbytes <= MAX_UNPACKED_BYTES
    assert np.isfinite(volume.affine).all()
    assert volume.voxel_volume_mm3 > 0


@pytest.mark.real_data
def test_real_thick_slices_and_mni_scans_are_read(open_ms_data: Path) -> None:
    flair = read_nifti(open_ms_data / "longitudinal/raw/patient01/study1_FLAIR.nii.gz")
    assert flair.data.shape == (320, 320, 36)
    assert flair.spacing_mm == pytest.approx((0.719, 0.719, 4.0), abs=1e-3)
