"""BIDS: participants, sessions with their dates, images by name, masks from derivatives; nothing invented."""

import datetime as dt
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from clams_dash.errors import ImportRefused
from clams_dash.ingest.bids.read import recognises, stage
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

AFFINE = np.diag([-2.0, 2.0, 2.0, 1.0])
SCAN = np.random.default_rng(0).uniform(50, 100, (24, 24, 24)).astype(np.float32)
LESIONS = np.zeros(SCAN.shape, dtype=np.uint8)
LESIONS[4:7, 4:7, 4:7] = 1
LESIONS[15:17, 15:17, 15:17] = 2


def _nifti(path: Path, data: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, AFFINE)
    image.set_sform(AFFINE, 1)
    nib.save(image, path)


def _json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Two people: one with two dated sessions and masks of two tools, one with one session and no date."""
    root = tmp_path / "bids"
    _json(root / "dataset_description.json", {"Name": "MS", "BIDSVersion": "1.8.0"})
    (root / "participants.tsv").write_text(
        "participant_id\tage\tsex\tcourse\nsub-01\t34\tF\tRR\nsub-02\tn/a\tM\tn/a\nsub-09\t50\tF\tn/a\n"
    )
    (root / "sub-01").mkdir()
    (root / "sub-01" / "sub-01_sessions.tsv").write_text(
        "session_id\tacq_time\tedss\nses-a\t2019-03-04T10:00:00\t2.0\nses-b\t2020-03-10T10:00:00\t2.5\n"
    )
    for session in ("a", "b"):
        stem = root / "sub-01" / f"ses-{session}" / "anat" / f"sub-01_ses-{session}"
        _nifti(Path(f"{stem}_FLAIR.nii.gz"), SCAN)
        _nifti(Path(f"{stem}_T1w.nii.gz"), SCAN)
    extra = root / "sub-01" / "ses-b" / "anat"
    _nifti(extra / "sub-01_ses-b_ce-gadolinium_T1w.nii.gz", SCAN)
    _nifti(extra / "sub-01_ses-b_acq-fast_FLAIR.nii.gz", SCAN)
    _json(extra / "sub-01_ses-b_FLAIR.json", {"MagneticFieldStrength": 3, "Manufacturer": "Siemens"})
    _nifti(root / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz", SCAN)
    tool = root / "derivatives" / "lstai"
    _json(tool / "dataset_description.json", {"GeneratedBy": [{"Name": "LST-AI", "Version": "1.2"}]})
    _nifti(tool / "sub-01/ses-a/anat/sub-01_ses-a_space-orig_label-lesion_mask.nii.gz", LESIONS.clip(0, 1))
    _nifti(tool / "sub-01/ses-b/anat/sub-01_ses-b_desc-lesions_dseg.nii.gz", LESIONS)
    (tool / "sub-01/ses-b/anat/sub-01_ses-b_desc-lesions_dseg.tsv").write_text(
        "index\tname\n0\tBackground\n1\tlesion 1\n2\tlesion 2\n"
    )
    return root


def _import(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre="C", dry_run=False, progress=silent)


def test_people_sessions_images_and_masks_come_in(pool: PoolFolder, data_set: Path) -> None:
    report = _import(pool, data_set)
    case = cases.load_case(Database(pool), "sub-01")

    assert (report.format, report.errors) == ("bids", 0)
    person = case.patient
    assert (person.sex, person.course, person.birth_date, person.birth_date_approximate) == (
        "female", "RRMS", dt.date(1985, 1, 1), True,
    )  # fmt: skip
    assert [(visit.date, visit.edss) for visit in case.visits] == [
        (dt.date(2019, 3, 4), 2.0),
        (dt.date(2020, 3, 10), 2.5),
    ]
    first, second = case.scans
    assert (first.study_id, first.date, first.mask_source, first.gd_given) == (
        "sub-01_ses-a", dt.date(2019, 3, 4), "LST-AI 1.2", None,
    )  # fmt: skip
    assert {series.sequence for series in first.series} == {"FLAIR", "T1W", "lesion_mask"}
    assert {series.sequence for series in second.series} == {"FLAIR", "T1W", "T1W_GD", "lesion_mask"}
    assert (second.field_t, second.vendor, second.gd_given) == (3.0, "Siemens", True)


def test_a_binary_mask_and_a_labelled_one_of_the_same_lesions_measure_the_same(
    pool: PoolFolder, data_set: Path
) -> None:
    _import(pool, data_set)
    first, second = cases.load_case(Database(pool), "sub-01").scans
    assert first.t2_count == second.t2_count == 2
    assert first.t2_volume_ml == second.t2_volume_ml == pytest.approx((27 + 8) * 8 / 1000)
    assert [lesion.centroid_ras_mm for lesion in first.lesions] == [lesion.centroid_ras_mm for lesion in second.lesions]
    assert first.lesions[0].centroid_ras_mm == pytest.approx((-10, 10, 10))


def test_a_single_undated_session_is_nominal_and_says_so(pool: PoolFolder, data_set: Path) -> None:
    _import(pool, data_set)
    case = cases.load_case(Database(pool), "sub-02")
    assert case.patient.birth_date is None
    (scan,) = case.scans
    assert (scan.date, scan.date_approximate, scan.note) == (dt.date(2015, 7, 1), True, "scan date is nominal")


def test_several_sessions_without_dates_are_set_aside_and_not_spaced_by_guess(pool: PoolFolder, data_set: Path) -> None:
    (data_set / "sub-01" / "sub-01_sessions.tsv").unlink()
    report = _import(pool, data_set)
    assert [(one.value, one.severity) for one in report.rejects if one.column_name == "date"] == [
        ("ses-a", "error"), ("ses-b", "error"),
    ]  # fmt: skip
    assert cases.load_case(Database(pool), "sub-01").scans == ()


def test_dates_of_scans_tables_serve_where_sessions_have_none(data_set: Path) -> None:
    (data_set / "sub-01" / "sub-01_sessions.tsv").unlink()
    for session, day in (("a", "2019-03-04"), ("b", "2020-03-10")):
        (data_set / "sub-01" / f"ses-{session}" / f"sub-01_ses-{session}_scans.tsv").write_text(
            f"filename\tacq_time\nanat/x_T1w.nii.gz\tn/a\nanat/x_FLAIR.nii.gz\t{day}T08:00:00\n"
        )
    studies = stage(data_set).frames["mri"].set_index("study_id")["date"]
    assert studies["sub-01_ses-b"] == "2020-03-10"


def test_what_is_there_twice_or_without_a_folder_is_named(data_set: Path) -> None:
    other = data_set / "derivatives" / "manual" / "sub-01" / "ses-a" / "anat"
    _nifti(other / "sub-01_ses-a_label-lesion_mask.nii.gz", LESIONS)
    said = {(note.source_file, note.reason.split(" (")[0]) for note in stage(data_set).notes}
    assert said == {
        ("sub-01/ses-b/anat/sub-01_ses-b_acq-fast_FLAIR.nii.gz", "another FLAIR of the session was taken"),
        ("derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_label-lesion_mask.nii.gz",
         "another lesion mask of the session was taken"),
        ("participants.tsv", "has no folder; left out"),
    }  # fmt: skip


def test_a_segmentation_of_tissues_is_no_lesion_mask(data_set: Path) -> None:
    table = data_set / "derivatives/lstai/sub-01/ses-b/anat/sub-01_ses-b_desc-lesions_dseg.tsv"
    table.write_text("index\tname\n1\tlesion\n2\tthalamus\n")
    staged = stage(data_set)
    assert "lesion_mask" not in set(
        staged.frames["series"].loc[staged.frames["series"]["study_id"] == "sub-01_ses-b", "sequence"]
    )
    assert any("thalamus" in note.reason and note.severity == "error" for note in staged.notes)


def test_a_link_out_of_the_data_set_is_set_aside(pool: PoolFolder, data_set: Path) -> None:
    scan = data_set / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz"
    scan.rename(data_set.parent / "elsewhere.nii.gz")
    scan.symlink_to(data_set.parent / "elsewhere.nii.gz")
    errors = [one for one in _import(pool, data_set).rejects if one.severity == "error"]
    assert [one.source_file for one in errors] == ["sub-02/anat/sub-02_FLAIR.nii.gz"]
    assert "outside the imported folder" in errors[0].reason


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("participants.tsv", b"", r"participants\.tsv: is empty"),
        ("participants.tsv", b"subject\tage\nsub-01\t3\n", r"column 'participant_id' is missing"),
        ("participants.tsv", b"participant_id\tage\tage\n", r"'age' stands twice"),
        ("participants.tsv", b"\xff\xfep\x00", r"is not UTF-8 text"),
        ("sub-01/sub-01_sessions.tsv", b"session\tacq_time\n", r"column 'session_id' is missing"),
        ("sub-01/ses-b/anat/sub-01_ses-b_FLAIR.json", b"{", r"FLAIR\.json: cannot be read as JSON"),
        ("sub-01/ses-b/anat/sub-01_ses-b_FLAIR.json", b"[1]", r"is no JSON object"),
        ("dataset_description.json", b"[" * 100_000, r"cannot be read as JSON"),
    ],
)
def test_a_table_or_description_at_fault_is_refused(data_set: Path, file: str, content: bytes, reason: str) -> None:
    (data_set / file).write_bytes(content)
    with pytest.raises(ImportRefused, match=reason):
        stage(data_set)


def test_impossible_values_of_a_session_set_its_rows_aside(pool: PoolFolder, data_set: Path) -> None:
    (data_set / "sub-01" / "sub-01_sessions.tsv").write_text(
        "session_id\tacq_time\tedss\nses-a\t04.03.2019\t2.0\nses-b\t2020-03-10\t0.5\n"
    )
    (data_set / "participants.tsv").write_text("participant_id\tage\nsub-01\t89+\nsub-02\t40\n")
    report = _import(pool, data_set)
    errors = {(one.table_name, one.source_row, one.column_name) for one in report.rejects if one.severity == "error"}
    assert {("mri", 2, "date"), ("visit", 2, "date"), ("visit", 3, "edss")} <= errors
    assert any(one.column_name == "age" and one.value == "89+" for one in report.rejects)
    assert cases.load_case(Database(pool), "sub-01").patient.birth_date is None


def test_a_folder_written_by_nilearn_is_recognised_and_its_empty_images_set_aside(
    pool: PoolFolder, tmp_path: Path
) -> None:
    from nilearn._utils.data_gen import create_fake_bids_dataset

    made = Path(create_fake_bids_dataset(base_dir=tmp_path, n_sub=2, n_ses=1, tasks=["main"], n_runs=[1]))
    assert recognises(made)
    report = _import(pool, made)
    assert report.rows_kept == {"patient": 2, "mri": 2}
    assert [one.table_name for one in report.rejects if one.severity == "error"] == ["series", "series"]


@pytest.mark.real_data
def test_the_same_scans_as_bids_measure_the_same(pool: PoolFolder, open_ms_data: Path, tmp_path: Path) -> None:
    source = open_ms_data / "cross_sectional" / "MNI" / "patient07"
    root = tmp_path / "bids"
    _json(root / "dataset_description.json", {"Name": "real", "BIDSVersion": "1.8.0"})
    mask = root / "derivatives/expert/sub-07/anat/sub-07_label-lesion_mask.nii.gz"
    for target, pattern in ((root / "sub-07/anat/sub-07_FLAIR.nii.gz", "FLAIR_*"), (mask, "GOLD_STANDARD_*")):
        target.parent.mkdir(parents=True)
        shutil.copy(next(source.glob(pattern)), target)
    assert _import(pool, root).errors == 0
    (scan,) = cases.load_case(Database(pool), "sub-07").scans
    voxels = nib.Nifti1Image.from_filename(mask)
    assert scan.t2_volume_ml == pytest.approx(
        np.count_nonzero(voxels.get_fdata()) * abs(np.linalg.det(voxels.affine[:3, :3])) / 1000, rel=1e-5
    )
    assert scan.mask_source == "expert"
    assert scan.t2_count is not None
    assert scan.t2_count > 5
