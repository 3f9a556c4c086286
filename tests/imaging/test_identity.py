"""What may name a person leaves a NIfTI file; voxels and orientation stay."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from clams_dash.imaging.identity import TEXT_FIELDS, without_identity
from clams_dash.imaging.nifti import read_nifti

KINDS = [(nib.Nifti1Image, field) for field in (*TEXT_FIELDS, "extension", "after")]
KINDS += [(nib.Nifti2Image, field) for field in ("descrip", "aux_file", "intent_name", "extension", "after")]
AFFINE = np.array([[-1.0, 0, 0, 90], [0, 0, 2.0, -120], [0, 1.5, 0, -70], [0, 0, 0, 1]])


def _write(path: Path, kind: Any, field: str | None = None, *, extension: bool = False) -> np.ndarray:
    data = np.random.default_rng(0).integers(0, 900, (7, 8, 9)).astype(np.int16)
    image = kind(data, AFFINE)
    if field is not None:
        image.header[field] = b"Miller"
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Miller Anna"))
    nib.save(image, path)
    return data


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(("kind", "field"), KINDS)
def test_what_names_a_person_goes_and_the_image_stays(tmp_path: Path, name: str, kind: Any, field: str) -> None:
    path = tmp_path / name
    data = _write(path, kind, field if field in TEXT_FIELDS else None, extension=field == "extension")
    if field == "after":
        raw = path.read_bytes()
        path.write_bytes(gzip.compress(gzip.decompress(raw) + b"Miller") if name.endswith("gz") else raw + b"Miller")
    cleaned = without_identity(path)
    assert cleaned is not None
    (tmp_path / f"clean-{name}").write_bytes(cleaned)
    plain = gzip.decompress(cleaned) if name.endswith("gz") else cleaned
    assert b"Miller" not in plain
    volume = read_nifti(tmp_path / f"clean-{name}")
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.affine, AFFINE)
    assert without_identity(tmp_path / f"clean-{name}") is None


def test_the_first_name_of_a_compressed_file_goes(tmp_path: Path) -> None:
    data = _write(tmp_path / "plain.nii", nib.Nifti1Image)
    with (tmp_path / "x.nii.gz").open("wb") as file, gzip.GzipFile("Miller.nii", "wb", fileobj=file) as stream:
        stream.write((tmp_path / "plain.nii").read_bytes())
    cleaned = without_identity(tmp_path / "x.nii.gz")
    assert cleaned is not None
    assert b"Miller" not in cleaned
    assert gzip.decompress(cleaned)[-data.nbytes :] == data.tobytes(order="F")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_that_names_nobody_is_kept_as_it_is(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name, nib.Nifti1Image)
    assert without_identity(tmp_path / name) is None
