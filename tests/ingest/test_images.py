"""Images of an import: what is measured, and every bad file named while the study stays."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables

ANNA = {"patient_id": "anna", "birth_date": "1990-01-01"}
STUDY = {"study_id": "anna-1", "patient_id": "anna", "date": "2024-01-01"}
AFFINE = np.array([[-1.0, 0, 0, 20], [0, 1, 0, -20], [0, 0, 2, -10], [0, 0, 0, 1]])


def _scan(seed: int = 0) -> np.ndarray:
    data = np.zeros((40, 44, 20), dtype=np.float32)
    data[6:34, 6:38, 3:17] = np.random.default_rng(seed).normal(200, 10, (28, 32, 14))
    return data


def _mask() -> np.ndarray:
    data = np.zeros((40, 44, 20), dtype=np.uint8)
    data[10:13, 10:13, 5:7] = 1  # 36 mm3
    data[20:23, 20, 8] = 1  # 6 mm3, below the floor
    return data


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    nib.save(nib.Nifti1Image(_scan(), AFFINE), folder / "flair.nii.gz")
    nib.save(nib.Nifti1Image(_mask(), AFFINE), folder / "mask.nii.gz")
    return folder


SERIES = [
    {"study_id": "anna-1", "sequence": "FLAIR", "path": "flair.nii.gz"},
    {"study_id": "anna-1", "sequence": "lesion_mask", "path": "mask.nii.gz"},
]


def test_a_scan_and_its_mask_are_kept_and_measured(pool: PoolFolder, import_tables: ImportTables, source: Path) -> None:
    report = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES)

    assert report.rejects == ()
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert scan.t2_count == 1
    assert scan.t2_volume_ml == pytest.approx(0.042)
    assert [(lesion.volume_mm3, lesion.below_floor) for lesion in scan.lesions] == [(36.0, False), (6.0, True)]
    flair = scan.first_series("FLAIR")
    assert flair is not None
    assert (flair.shape, flair.spacing_mm, flair.origin_mm) == ((40, 44, 20), (1.0, 1.0, 2.0), (-19.0, -20.0, -10.0))
    assert flair.box_mm is not None
    np.testing.assert_allclose(flair.box_mm, [[-13.5, -14.5, -5.0], [14.5, 17.5, 23.0]])


def test_the_files_are_kept_as_they_came(pool: PoolFolder, import_tables: ImportTables, source: Path) -> None:
    import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES)
    kept = {file.read_bytes() for file in (pool.imaging / "nifti").iterdir()}
    assert kept == {(source / "flair.nii.gz").read_bytes(), (source / "mask.nii.gz").read_bytes()}


def _truncate(folder: Path) -> None:
    path = folder / "flair.nii.gz"
    path.write_bytes(path.read_bytes()[:-3000])


def _bomb(folder: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float32)
    header.set_data_shape((1024, 1024, 1024))
    with gzip.open(folder / "flair.nii.gz", "wb", compresslevel=9) as out:
        out.write(header.binaryblock + b"\0" * 4)
        out.writelines(b"\0" * 2**20 for _ in range(32))


def _remove(folder: Path) -> None:
    (folder / "flair.nii.gz").unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_truncate, "truncated or damaged"),
        (_bomb, "more than the limit"),
        (_remove, "no such file in the imported folder"),
    ],
)
def test_a_scan_that_cannot_be_used_is_set_aside_and_its_study_says_so(
    pool: PoolFolder, import_tables: ImportTables, source: Path, spoil, reason: str
) -> None:
    spoil(source)

    report = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES)

    (reject,) = report.rejects
    assert (reject.table_name, reject.source_file, reject.source_row, reject.column_name) == (
        "series",
        "series.csv",
        2,
        "path",
    )
    assert reason in reject.reason
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert scan.first_series("FLAIR") is None
    assert scan.t2_count == 1
    assert "FLAIR could not be used" in (scan.note or "")


def _single_slice(folder: Path) -> None:
    nib.save(nib.Nifti1Image(_scan()[:, :, :1], AFFINE), folder / "flair.nii.gz")


def _sides_unknown(folder: Path) -> None:
    image = nib.Nifti1Image(_scan(), AFFINE)
    image.set_sform(AFFINE, code=0)
    image.set_qform(AFFINE, code=0)
    nib.save(image, folder / "flair.nii.gz")


def _sides_contradict(folder: Path) -> None:
    image = nib.Nifti1Image(_scan(), AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(AFFINE @ np.diag([-1.0, 1, 1, 1]), code=1)
    nib.save(image, folder / "flair.nii.gz")


def _black(folder: Path) -> None:
    nib.save(nib.Nifti1Image(-_scan(), AFFINE), folder / "flair.nii.gz")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_single_slice, "three planes need two along each axis"),
        (_sides_unknown, "does not say where left and right are"),
        (_sides_contradict, "contradicts itself about its sides"),
        (_black, "nothing to show"),
    ],
)
def test_a_scan_that_would_mislead_is_set_aside(import_tables: ImportTables, source: Path, spoil, reason: str) -> None:
    spoil(source)
    reject = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES[:1]).rejects[0]
    assert reason in reject.reason
    assert reject.reason.startswith("flair.nii.gz: ")


def test_a_few_extreme_voxels_leave_a_usable_window(
    pool: PoolFolder, import_tables: ImportTables, source: Path
) -> None:
    data = _scan()
    data[::13, ::11, ::7] *= 1e4
    nib.save(nib.Nifti1Image(data, AFFINE), source / "flair.nii.gz")
    import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES[:1])
    window = cases.load_case(Database(pool), "anna").scans[0].series[0].window
    assert window is not None
    assert 0 <= window[0] < window[1] <= 255


def test_an_oblique_scan_whose_upright_grid_would_be_enormous_is_set_aside(
    import_tables: ImportTables, source: Path
) -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.sqrt(0.5), -np.sqrt(0.5)], [np.sqrt(0.5), np.sqrt(0.5)]]
    nib.save(
        nib.Nifti1Image(np.ones((32, 1024, 32), np.uint8), turn @ np.diag([0.05, 20, 0.05, 1])), source / "flair.nii.gz"
    )
    reject = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES[:1]).rejects[0]
    assert "more than the limit of 150 million" in reject.reason


def test_a_mask_on_another_grid_than_its_scan_is_set_aside(
    pool: PoolFolder, import_tables: ImportTables, source: Path
) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 2.0
    nib.save(nib.Nifti1Image(_mask(), moved), source / "mask.nii.gz")

    report = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES)

    (reject,) = report.rejects
    assert "the mask lies on another grid" in reject.reason
    assert reject.source_row == 3
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, scan.t2_volume_ml, scan.lesions) == (None, None, ())


def test_a_probability_map_is_not_taken_for_a_mask(import_tables: ImportTables, source: Path) -> None:
    nib.save(nib.Nifti1Image(_mask() * np.float32(0.7), AFFINE), source / "mask.nii.gz")
    (reject,) = import_tables(source, patient=[ANNA], mri=[STUDY], series=SERIES).rejects
    assert "probability map" in reject.reason


def test_a_table_that_disagrees_with_the_mask_is_overruled_with_a_warning(
    pool: PoolFolder, import_tables: ImportTables, source: Path
) -> None:
    report = import_tables(source, patient=[ANNA], mri=[{**STUDY, "t2_count": 9}], series=SERIES)
    (warning,) = report.rejects
    assert (warning.severity, warning.column_name, warning.value) == ("warning", "t2_count", "9")
    assert cases.load_case(Database(pool), "anna").scans[0].t2_count == 1


@pytest.mark.parametrize("path", ["../outside.nii.gz", "/etc/passwd", "link.nii.gz"])
def test_a_path_never_leaves_the_imported_folder(
    pool: PoolFolder, import_tables: ImportTables, source: Path, path: str
) -> None:
    nib.save(nib.Nifti1Image(_scan(), AFFINE), source.parent / "outside.nii.gz")
    (source / "link.nii.gz").symlink_to(source.parent / "outside.nii.gz")
    report = import_tables(source, patient=[ANNA], mri=[STUDY], series=[{**SERIES[0], "path": path}])
    assert "outside the imported folder" in report.rejects[0].reason
    assert cases.load_case(Database(pool), "anna").scans[0].series == ()


def test_an_image_of_an_unknown_study_is_set_aside(import_tables: ImportTables, source: Path) -> None:
    report = import_tables(source, patient=[ANNA], series=SERIES)
    assert [reject.column_name for reject in report.rejects] == ["study_id", "study_id"]
