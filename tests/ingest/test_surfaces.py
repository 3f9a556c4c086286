"""Surfaces made at ingest: where the scan has them, found again with the case, gone with the person."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from clams_dash.pool.cases import load_case, mesh_file
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.removal import erase
from tests.conftest import ImportTables
from tests.imaging.test_mesh import read_vtp

LESION_MM = (18.0, -10.0, 12.0)
AFFINE = np.array([[-1.5, 0, 0, 42], [0, 1.5, 0, -48], [0, 0, 2, -36], [0, 0, 0, 1]], dtype=float)
"""LAS, as scanners write: the file's x runs to the left."""


def _write(folder: Path, *, noise: float = 0.0, lesions: bool = True) -> None:
    shape = (57, 65, 37)
    where = nib.affines.apply_affine(AFFINE, np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
    brain = (where**2 / np.array([36, 42, 30]) ** 2).sum(axis=-1) <= 1
    image = np.where(brain, 100.0, noise * np.random.default_rng(1).random(shape) + (noise > 0))
    mask = (((where - LESION_MM) ** 2).sum(axis=-1) <= 36) & lesions
    folder.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(image.astype(np.float32), AFFINE), folder / "flair.nii.gz")
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), AFFINE), folder / "mask.nii.gz")


@pytest.fixture
def scanned(tmp_path: Path, import_tables: ImportTables, pool: PoolFolder) -> PoolFolder:
    _import(tmp_path / "scans", import_tables)
    return pool


def _import(folder: Path, import_tables: ImportTables, **image: float) -> None:
    _write(folder, **image)  # type: ignore[arg-type]
    import_tables(
        folder,
        patient=[{"patient_id": "anna", "course": "RRMS"}],
        mri=[{"study_id": "anna-1", "patient_id": "anna", "date": "2024-01-01", "region": "brain"}],
        series=[
            {"study_id": "anna-1", "sequence": "FLAIR", "path": "flair.nii.gz"},
            {"study_id": "anna-1", "sequence": "lesion_mask", "path": "mask.nii.gz"},
        ],
    )


def _middle(pool: PoolFolder, kind: str) -> np.ndarray:
    database = Database(pool)
    (scan,) = load_case(database, "anna").scans
    mesh = next(one for one in scan.meshes if one.kind == kind)
    file = mesh_file(database, mesh.mesh_id)
    assert file is not None
    points = read_vtp(file.path.read_bytes()).points
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)


def test_brain_and_lesions_get_surfaces_where_they_lie(scanned: PoolFolder) -> None:
    assert np.abs(_middle(scanned, "lesions_stable") - LESION_MM).max() < 1.0
    assert np.abs(_middle(scanned, "brain")).max() < 2.0


def test_a_head_with_its_skull_gets_no_brain_surface(
    tmp_path: Path, import_tables: ImportTables, pool: PoolFolder
) -> None:
    _import(tmp_path / "head", import_tables, noise=40.0)
    (scan,) = load_case(Database(pool), "anna").scans
    assert [mesh.kind for mesh in scan.meshes] == ["lesions_stable"]


def test_an_empty_mask_has_no_lesion_surface(tmp_path: Path, import_tables: ImportTables, pool: PoolFolder) -> None:
    _import(tmp_path / "clean", import_tables, lesions=False)
    (scan,) = load_case(Database(pool), "anna").scans
    assert [mesh.kind for mesh in scan.meshes] == ["brain"]


def test_an_erased_person_leaves_no_surface(scanned: PoolFolder) -> None:
    files = list((scanned.imaging / "mesh").glob("*.vtp"))
    assert len(files) == 2
    erase(scanned, "anna")
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize("name", ["0" * 32, "../CURRENT", "", "A" * 32])
def test_no_name_but_an_opaque_id_finds_a_file(scanned: PoolFolder, name: str) -> None:
    assert mesh_file(Database(scanned), name) is None
