"""After an import a person's studies lie in one space, or are said not to; what changed is worked out anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.imaging.nifti import Volume
from clams_dash.ingest.alignment import align_people
from clams_dash.ingest.display import image_copy
from clams_dash.ingest.run import import_source
from clams_dash.model.records import Series
from clams_dash.pool.cases import display_copy, load_case
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.imaging.registration.test_pairs import brain_like, motion, moved

TRUTH = motion(5, 6, 3)


def quietly(doing: str, share: float) -> None:
    """No progress."""


def _write(source: Path, number: int, data: np.ndarray, affine: np.ndarray, mask: np.ndarray | None) -> None:
    folder = source / f"s{number}"
    folder.mkdir(parents=True)
    nib.save(nib.Nifti1Image(data.astype(np.float32), affine), folder / "flair.nii.gz")
    if mask is not None:
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), folder / "mask.nii.gz")


def _import(pool: PoolFolder, source: Path, *numbers: int) -> None:
    studies = [
        {"study_id": f"anna-{number}", "patient_id": "anna", "date": f"202{number}-03-01", "region": "brain"}
        for number in numbers
    ]
    series = [
        {"study_id": f"anna-{number}", "sequence": sequence, "path": str(path.relative_to(source))}
        for number in numbers
        for sequence, path in (
            ("FLAIR", source / f"s{number}" / "flair.nii.gz"), ("lesion_mask", source / f"s{number}" / "mask.nii.gz")
        )
        if path.exists()
    ]  # fmt: skip
    pd.DataFrame([{"patient_id": "anna", "synthetic": True}]).to_csv(source / "patient.csv", index=False)
    pd.DataFrame(studies).to_csv(source / "mri.csv", index=False)
    pd.DataFrame(series).to_csv(source / "series.csv", index=False)
    import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=quietly)


def _as_volume(content: bytes, copy: Series) -> Volume:
    whole = read_display(content, DisplayGrid(copy.shape, copy.spacing_mm, copy.origin_mm)).values[..., 0]
    affine = np.diag([*copy.spacing_mm, 1.0])
    affine[:3, 3] = copy.origin_mm
    return Volume(whole.astype(np.float32), affine)


@pytest.fixture(scope="module")
def two_studies(tmp_path_factory: pytest.TempPathFactory) -> PoolFolder:
    """The same head twice, moved in between, with a lesion at the same place of it."""
    source = tmp_path_factory.mktemp("source")
    scan, _ = brain_like(3)
    lesion = np.zeros(scan.data.shape, dtype=np.uint8)
    lesion[50:54, 60:64, 40:43] = 1
    other = moved(scan, TRUTH, (2.0, 2.0, 2.0))
    seen = moved(replace(scan, data=100.0 * lesion), TRUTH, (2.0, 2.0, 2.0)).data > 45
    _write(source, 1, scan.data, scan.affine, lesion)
    _write(source, 2, other.data, other.affine, seen)
    pool = PoolFolder(tmp_path_factory.mktemp("pool") / "pool")
    _import(pool, source, 1, 2)
    assert align_people(pool, quietly) == ["anna"]
    return pool


def test_both_studies_lie_in_one_space_and_their_lesion_at_one_place(two_studies: PoolFolder) -> None:
    first, second = load_case(Database(two_studies), "anna").scans
    assert first.registration is not None
    assert second.registration is not None
    assert (first.registration.quality, second.registration.quality) == ("pass", "pass")
    masks = [scan.first_aligned("lesion_mask") for scan in (first, second)]
    images = [scan.first_aligned("FLAIR") for scan in (first, second)]
    assert masks[0] is not None
    assert masks[1] is not None
    assert {(one.shape, one.origin_mm) for one in (*masks, *images) if one} == {(masks[0].shape, masks[0].origin_mm)}
    assert masks[0].focus_mm is not None
    assert masks[1].focus_mm is not None
    assert np.linalg.norm(np.subtract(masks[0].focus_mm, masks[1].focus_mm)) < 4.0


def test_copies_are_served_by_their_own_id(two_studies: PoolFolder) -> None:
    database = Database(two_studies)
    copy = load_case(database, "anna").scans[1].first_aligned("FLAIR")
    assert copy is not None
    found = display_copy(database, copy.series_id)
    assert found is not None
    assert found.path.is_file()
    assert found.patient_id == "anna"


def test_nothing_is_worked_out_twice(two_studies: PoolFolder) -> None:
    version = two_studies.current_version()
    assert align_people(two_studies, quietly) == []
    assert two_studies.current_version() == version


@pytest.mark.slow
def test_a_scan_of_noise_is_not_comparable_and_the_rest_stands(pool: PoolFolder, tmp_path: Path) -> None:
    scan, _ = brain_like(3)
    noise = np.random.default_rng(1).integers(1, 200, scan.data.shape)
    _write(tmp_path, 1, scan.data, scan.affine, None)
    _write(tmp_path, 2, np.where(scan.data > 0, noise, 0), scan.affine, None)
    _import(pool, tmp_path, 1, 2)
    align_people(pool, quietly)
    first, second = load_case(Database(pool), "anna").scans
    assert first.first_aligned("FLAIR") is not None
    assert second.registration is not None
    assert not second.registration.comparable
    assert second.first_aligned("FLAIR") is None


def test_copies_are_shown_between_the_levels_they_hold(two_studies: PoolFolder) -> None:
    scan = load_case(Database(two_studies), "anna").scans[0]
    copy = scan.first_aligned("FLAIR")
    assert copy is not None
    found = display_copy(Database(two_studies), copy.series_id)
    assert found is not None
    shown = image_copy(_as_volume(found.path.read_bytes(), copy))
    assert copy.window is not None
    assert shown.window is not None
    np.testing.assert_allclose(np.array(copy.window), np.array(shown.window), atol=6.0)


def test_whoever_writes_meanwhile_is_not_disturbed(pool: PoolFolder, tmp_path: Path) -> None:
    data = np.random.default_rng(2).integers(1, 200, (30, 30, 30))
    for number in (1, 2):
        _write(tmp_path, number, data, np.eye(4), None)
    _import(pool, tmp_path, 1, 2)
    version = pool.current_version()
    with pool.writing():
        assert align_people(pool, quietly) == []
    assert pool.current_version() == version


def test_scans_without_a_brain_are_said_to_be_not_comparable(pool: PoolFolder, tmp_path: Path) -> None:
    data = np.random.default_rng(2).integers(1, 200, (30, 30, 30))
    for number in (1, 2):
        _write(tmp_path, number, data, np.eye(4), None)
    _import(pool, tmp_path, 1, 2)
    assert align_people(pool, quietly) == ["anna"]
    for scan in load_case(Database(pool), "anna").scans:
        assert scan.registration is not None
        assert scan.registration.quality == "fail"
        assert str(tmp_path) not in scan.registration.reason


def test_a_person_with_one_study_needs_no_work(pool: PoolFolder, tmp_path: Path) -> None:
    scan, _ = brain_like(3)
    _write(tmp_path, 1, scan.data, scan.affine, None)
    _import(pool, tmp_path, 1)
    assert align_people(pool, quietly) == []
