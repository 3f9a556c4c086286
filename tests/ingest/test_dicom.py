"""DICOM: slices to volumes where they were, masks on the grid of their scan, and what is no volume named."""

import datetime as dt
import shutil
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from clams_dash.errors import ImportRefused
from clams_dash.imaging import grid, lesions
from clams_dash.imaging.nifti import read_nifti
from clams_dash.ingest.dicom.read import stage
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.ingest.dicom_files import STUDY, write_seg, write_series
from tests.pools import silent

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom", "ignore::UserWarning:highdicom")

SHAPE = (20, 24, 12)
SCAN = np.random.default_rng(3).integers(40, 900, SHAPE)
MASK = np.zeros(SHAPE, dtype=np.uint8)
MASK[3:6, 14:17, 7:9] = 1
MASK[12:14, 5:7, 4:5] = 1


def _affine(axes: str, angle: float = 0.0) -> np.ndarray:
    """Affine of a scan whose voxel axes run along ``axes`` (of RAS letters), tilted about the left-right axis."""
    letters = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (letter, size) in enumerate(zip(axes, (1.0, 1.2, 3.0), strict=True)):
        affine[letters[letter], column] = size if letter in "RAS" else -size
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, 3] = (-31.0, 22.0, 7.0)
    return tilt @ affine


def _import(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre="C", dry_run=False, progress=silent)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LPI", "PSR", "ASL", "RSA", "LIP"])
@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_every_voxel_stays_where_it_was_in_the_head(tmp_path: Path, axes: str, angle: float) -> None:
    affine = _affine(axes, angle)
    write_series(tmp_path / "in", SCAN, affine, "t2_FLAIR_sag")
    staged = stage(tmp_path / "in")
    assert staged.image_root is not None
    volume = read_nifti(staged.image_root / "study1" / "FLAIR.nii.gz")
    world = np.linalg.inv(volume.affine) @ affine @ np.array([[3, 4, 5, 1], [17, 2, 11, 1], [0, 23, 0, 1]]).T
    for (i, j, k), told in zip([(3, 4, 5), (17, 2, 11), (0, 23, 0)], world[:3].T, strict=True):
        assert np.allclose(told, np.rint(told), atol=1e-3)
        assert volume.data[tuple(np.rint(told).astype(int))] == SCAN[i, j, k]


def test_a_study_comes_in_with_its_scanner_its_sequences_and_a_measured_mask(pool: PoolFolder, tmp_path: Path) -> None:
    source = tmp_path / "in"
    affine = _affine("LPS", 0.1)
    flair = write_series(source / "a", SCAN, affine, "t2_spc_da-fl_FLAIR_sag_p2_iso")
    write_series(source / "b", SCAN, affine, "t1_mprage_sag")
    write_series(source / "c", SCAN, affine, "t1_mprage_sag_post KM", ContrastBolusAgent="Gadobutrol")
    write_series(source / "d", SCAN[:, :, :3], affine, "localizer")
    write_seg(source / "seg.dcm", flair, MASK)
    (source / "report.txt").write_text("no DICOM")
    report = _import(pool, source)

    assert (report.format, report.errors) == ("dicom", 0)
    case = cases.load_case(Database(pool), "anna")
    assert (case.patient.sex, case.patient.birth_date) == ("female", dt.date(1985, 4, 3))
    (scan,) = case.scans
    assert (scan.study_id, scan.date, scan.region, scan.field_t, scan.vendor, scan.model, scan.gd_given) == (
        STUDY, dt.date(2020, 3, 5), "brain", 3.0, "Siemens", "Prisma", True,
    )  # fmt: skip
    assert {series.sequence for series in scan.series} == {"FLAIR", "T1W", "T1W_GD", "lesion_mask"}
    assert (scan.t2_count, scan.mask_source) == (2, "manual segmentation")
    assert scan.t2_volume_ml == pytest.approx((18 + 4) * 3.6 / 1000)
    centre = (affine @ [4, 15, 7.5, 1])[:3]
    assert scan.lesions[0].centroid_ras_mm == pytest.approx(tuple(centre), abs=1e-3)
    assert {reject.value for reject in report.rejects} == {"localizer", "1"}


def test_one_multi_frame_object_is_the_same_volume_as_its_slices(tmp_path: Path) -> None:
    affine = _affine("PSR", 0.2)
    slices = write_series(tmp_path / "slices", SCAN, affine, "FLAIR")
    datasets = sorted((pydicom.dcmread(file) for file in slices), key=lambda one: int(one.InstanceNumber))
    enhanced = highdicom.legacy.LegacyConvertedEnhancedMRImage(
        datasets, series_instance_uid="1.2.3.4", series_number=7, sop_instance_uid="1.2.3.4.5", instance_number=1
    )
    enhanced.SeriesDescription = "FLAIR"
    (tmp_path / "frames").mkdir()
    enhanced.save_as(tmp_path / "frames" / "all.dcm")
    volumes = []
    for name in ("slices", "frames"):
        staged = stage(tmp_path / name)
        assert staged.image_root is not None
        volumes.append(grid.to_ras(read_nifti(staged.image_root / "study1" / "FLAIR.nii.gz"), is_mask=False))
    assert np.allclose(volumes[0].affine, volumes[1].affine, atol=1e-4)
    assert np.array_equal(volumes[0].data, volumes[1].data)


@pytest.mark.real_data
def test_a_real_scan_and_its_mask_measure_the_same_after_a_way_through_dicom(
    pool: PoolFolder, open_ms_data: Path, tmp_path: Path
) -> None:
    folder = open_ms_data / "cross_sectional" / "MNI" / "patient07"
    scan, mask = (read_nifti(next(folder.glob(pattern))) for pattern in ("FLAIR_*", "GOLD_STANDARD_*"))
    levels = (scan.data - scan.data.min()) * (4000 / np.ptp(scan.data))
    files = write_series(tmp_path / "in", levels, scan.affine, "FLAIR")
    write_seg(tmp_path / "in" / "seg.dcm", files, (mask.data > 0).astype(np.uint8))
    assert _import(pool, tmp_path / "in").errors == 0
    (study,) = cases.load_case(Database(pool), "anna").scans
    direct = lesions.measure(lesions.as_mask(mask, "mask"))
    assert study.t2_count == direct.t2_count
    assert study.t2_volume_ml == pytest.approx(direct.t2_volume_ml, rel=1e-4)
    found = sorted(lesion.centroid_ras_mm for lesion in study.lesions)
    told = sorted(component.centroid_ras_mm for component in direct.components)
    assert np.allclose(found, told, atol=0.01)


def test_no_name_of_a_header_reaches_the_pool(pool: PoolFolder, tmp_path: Path) -> None:
    write_series(tmp_path / "in", SCAN, _affine("LPS"), "FLAIR")
    _import(pool, tmp_path / "in")
    assert not any(b"Secret" in file.read_bytes() for file in pool.path.rglob("*") if file.is_file())


def test_no_header_is_quoted_on_the_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for file in write_series(tmp_path / "in", SCAN, _affine("LPS"), "FLAIR"):
        file.write_bytes(file.read_bytes().replace(b"1.2.826.0.1.3680043.8.498.1.9", b"Secret^Anna of 1.2.3.4.5.6.7."))
    stage(tmp_path / "in")
    assert caplog.records == []


def test_converted_files_are_gone_once_the_import_is_done(pool: PoolFolder, tmp_path: Path) -> None:
    write_series(tmp_path / "in", SCAN, _affine("LPS"), "FLAIR")
    staged = stage(tmp_path / "in")
    root = staged.image_root
    assert root is not None
    assert root.is_dir()
    del staged
    assert not root.exists()


def test_of_a_double_echo_the_first_is_proton_density(tmp_path: Path) -> None:
    for echo, seed in (("90", 1), ("12", 2)):
        _write_echo(tmp_path / "in" / echo, np.random.default_rng(seed).integers(1, 99, SHAPE), echo)
    staged = stage(tmp_path / "in")
    assert staged.image_root is not None
    assert set(staged.frames["series"]["sequence"]) == {"PD", "T2W"}
    first = read_nifti(staged.image_root / "study1" / "PD.nii.gz").data
    assert sorted(np.unique(first)) == sorted(np.unique(np.random.default_rng(2).integers(1, 99, SHAPE)))


def _write_echo(folder: Path, data: np.ndarray, echo: str) -> None:
    for file in write_series(folder, data, _affine("LPS"), "pd+t2_tse", EchoTime=echo, SeriesInstanceUID="1.2.3.4.5"):
        dataset = pydicom.dcmread(file)
        dataset.SOPInstanceUID = UID(f"{dataset.SOPInstanceUID}.{echo}"[-64:])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(file)


def test_a_series_with_a_missing_slice_is_set_aside_and_the_rest_stands(pool: PoolFolder, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_series(source / "a", SCAN, _affine("LPS"), "FLAIR")[5].unlink()
    write_series(source / "b", SCAN, _affine("LPS"), "t1_mprage")
    report = _import(pool, source)
    (error,) = [reject for reject in report.rejects if reject.severity == "error"]
    assert error.reason.startswith("FLAIR: cannot be converted")
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert [series.sequence for series in scan.series] == ["T1W"]


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:900])


def _no_pixels(file: Path) -> None:
    dataset = pydicom.dcmread(file)
    del dataset.PixelData
    dataset.save_as(file)


def _turned(file: Path) -> None:
    dataset = pydicom.dcmread(file)
    dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    dataset.save_as(file)


def _no_place(file: Path) -> None:
    dataset = pydicom.dcmread(file)
    del dataset.ImagePositionPatient
    dataset.save_as(file)


def _huge(file: Path) -> None:
    dataset = pydicom.dcmread(file)
    dataset.Rows, dataset.Columns = 60000, 60000
    dataset.save_as(file)


@pytest.mark.parametrize("damage", [_truncated, _no_pixels, _turned, _no_place, _huge])
def test_a_damaged_slice_sets_its_series_aside(pool: PoolFolder, tmp_path: Path, damage) -> None:
    source = tmp_path / "in"
    damage(write_series(source / "a", SCAN, _affine("LPS"), "FLAIR")[3])
    write_series(source / "b", SCAN, _affine("LPS"), "t1_mprage")
    report = _import(pool, source)
    assert report.errors >= 1
    assert {series.sequence for series in cases.load_case(Database(pool), "anna").scans[0].series} == {"T1W"}


def test_a_study_of_two_patients_is_set_aside(tmp_path: Path) -> None:
    write_series(tmp_path / "in" / "a", SCAN, _affine("LPS"), "FLAIR")
    write_series(tmp_path / "in" / "b", SCAN, _affine("LPS"), "t1_mprage", PatientID="bea")
    staged = stage(tmp_path / "in")
    assert "series" not in staged.frames
    assert any("more than one PatientID" in note.reason and note.severity == "error" for note in staged.notes)


def test_a_mask_on_no_scans_grid_or_of_no_lesion_is_set_aside(tmp_path: Path) -> None:
    flair = write_series(tmp_path / "other", SCAN, _affine("RSA", 0.2), "FLAIR")
    source = tmp_path / "in"
    write_series(source / "a", SCAN, _affine("LPS"), "FLAIR")
    write_seg(source / "elsewhere.dcm", flair, MASK)
    write_seg(source / "liver.dcm", flair, MASK, label="Liver")
    said = [note.reason for note in stage(source).notes if note.severity == "error"]
    assert any("none of the study's 1 scans" in reason for reason in said)
    assert any("no segment that is a lesion (Liver)" in reason for reason in said)


def test_a_date_of_nonsense_sets_the_study_aside(pool: PoolFolder, tmp_path: Path) -> None:
    write_series(tmp_path / "in", SCAN, _affine("LPS"), "FLAIR", StudyDate="20201399")
    report = _import(pool, tmp_path / "in")
    assert ("mri", "date", "2020-13-99") in {(one.table_name, one.column_name, one.value) for one in report.rejects}
    assert report.rows_kept == {"patient": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.dcm", b"\0" * 128 + b"DICM"),
        ("a.dcm", b"\0" * 128 + b"DICM" + b"\xff" * 4000),
        ("a", b"\0" * 128 + b"DICM\2\0"),
    ],
)
def test_what_only_begins_like_dicom_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match="no MR series of DICOM that could be read"):
        stage(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (file, *_) = write_series(tmp_path / "out", SCAN, _affine("LPS"), "FLAIR")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").symlink_to(file)
    with pytest.raises(ImportRefused, match="outside the imported folder"):
        stage(tmp_path / "in")


def _pydicom_file(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def test_the_dicomdir_study_shipped_with_pydicom_is_sorted_and_its_pilots_left_out(
    pool: PoolFolder, tmp_path: Path
) -> None:
    shutil.copytree(_pydicom_file("MR_small.dcm").parent / "dicomdirtests" / "98892003", tmp_path / "98892003")
    report = _import(pool, tmp_path)
    assert report.rows_kept == {"patient": 1, "mri": 3}
    dates = {scan.date for scan in cases.load_case(Database(pool), "98890234").scans}
    assert dates == {dt.date(2003, 5, 5)}
    assert {reject.value for reject in report.rejects if reject.table_name == "series"} == {
        "FAST LOCALIZER", "T/S/C RF FAST PILOT", "ANGIO Projected from   C",
    }  # fmt: skip


def test_the_single_slice_shipped_with_pydicom_is_no_volume_once_it_is_named(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(_pydicom_file("MR_small.dcm"))
    dataset.SeriesDescription = "T1 se"
    dataset.save_as(tmp_path / "one.dcm")
    pool = PoolFolder(tmp_path / "pool")
    report = _import(pool, tmp_path / "one.dcm")
    assert report.rows_kept == {"patient": 1, "mri": 1}
    (error,) = [reject for reject in report.rejects if reject.severity == "error"]
    assert "64 x 64 x 1 voxels" in error.reason


def test_the_liver_segmentation_shipped_with_pydicom_is_no_lesion_mask(tmp_path: Path) -> None:
    shutil.copy(_pydicom_file("liver_1frame.dcm"), tmp_path / "liver.dcm")
    staged = stage(tmp_path)
    assert any("no segment that is a lesion" in note.reason for note in staged.notes)
    assert "series" not in staged.frames
