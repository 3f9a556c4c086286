"""From masks to what became of the lesions: counted only between scans that lie in one space; the rest is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from clams_dash.cli import app
from clams_dash.cohort.phantom import plan_phantoms
from clams_dash.cohort.phantom_drawing import draw_patient
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.config import DEMO_SEED
from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.ingest.display import CHANGE_RGB
from clams_dash.ingest.known import Known
from clams_dash.ingest.lesion_step import lesion_rows
from clams_dash.model import tables
from clams_dash.pool.build import build_next
from clams_dash.pool.cases import display_copy, load_case
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.pools import silent

SHAPE = (60, 60, 60)
OLD = (slice(10, 15), slice(10, 15), slice(10, 15))
GROWN = (slice(30, 37), slice(30, 37), slice(30, 36))
SMALL = (slice(30, 35), slice(30, 35), slice(30, 35))
NEW = (slice(45, 49), slice(10, 14), slice(40, 44))
GONE = (slice(10, 13), slice(45, 48), slice(20, 23))
SHIFT = 6
"""voxels by which the head lies further to the right at the second scan"""


def _mask(*boxes: tuple[slice, ...], right: int = 0) -> np.ndarray:
    data = np.zeros(SHAPE, dtype=np.uint8)
    for box in boxes:
        data[(slice(box[0].start + right, box[0].stop + right), *box[1:])] = 1
    return data


def _import(import_tables: ImportTables, folder: Path, second: np.ndarray, spacing: float = 1.0, **more: Any) -> None:
    """Anna with two scans a year apart; ``more`` goes into the second."""
    rng = np.random.default_rng(1)
    flair = np.zeros(SHAPE, dtype=np.float32)
    flair[4:56, 4:56, 4:56] = rng.normal(100, 5, (52, 52, 52))
    series = []
    for number, (mask, thick) in enumerate(((_mask(OLD, SMALL, GONE), 1.0), (second, spacing)), start=1):
        affine = np.diag([1.0, 1.0, thick, 1.0])
        for name, data in (("FLAIR", flair), ("lesion_mask", mask)):
            nib.save(nib.Nifti1Image(data, affine), folder / f"{name}-{number}.nii.gz")
            series.append({"study_id": f"anna-{number}", "sequence": name, "path": f"{name}-{number}.nii.gz"})
    scanner = {"region": "brain", "vendor": "Siemens", "model": "Skyra", "field_t": 3.0, "mask_source": "LST-AI"}
    import_tables(
        folder,
        patient=[{"patient_id": "anna"}],
        mri=[
            {"study_id": "anna-1", "patient_id": "anna", "date": "2020-01-01", **scanner},
            {"study_id": "anna-2", "patient_id": "anna", "date": "2021-01-01", "new_t2": 4, **scanner, **more},
        ],
        series=series,
    )


def _aligned(study: str) -> dict[str, Any]:
    return {
        **{column.name: None for column in tables.ALIGNED.columns}, "series_id": "0" * 32, "study_id": study,
        "patient_id": "anna", "sequence": "FLAIR", "shape": [70, 60, 60], "spacing_mm": [1.0, 1.0, 1.0],
        "origin_mm": [-5.0, 0.0, 0.0], "batch_id": "b",
    }  # fmt: skip


def _register(pool: PoolFolder, quality: str = "pass") -> None:
    """Rows of registration as the import would work them out, and the lesions anew on top of them."""
    database = Database(pool)
    rows = {table.name: database.frame(table) for table in (tables.MRI, tables.SERIES, tables.LESION)}
    database.close()
    moved = np.eye(4)
    moved[0, 3] = SHIFT
    registration = pd.DataFrame(
        [
            {
                **{column.name: None for column in tables.REGISTRATION.columns}, "study_id": f"anna-{number}",
                "patient_id": "anna", "reference_study_id": "anna-1", "matrix": matrix.ravel().tolist(),
                "error_mm": 0.2, "quality": "pass" if number == 1 else quality, "reason": "two ways disagree",
                "batch_id": "b",
            }
            for number, matrix in ((1, np.eye(4)), (2, moved))
        ]
    )  # fmt: skip
    rows |= {"registration": registration, "aligned": pd.DataFrame([_aligned("anna-2")])}
    with pool.writing() as version:
        derived = lesion_rows(rows, Known(), pool.imaging, "b", silent)
        build_next(version, "b", {"registration": registration, **derived})
        version.publish()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scans"
    made.mkdir()
    return made


def _lesions(pool: PoolFolder) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["lesions", "anna", "--json", "--pool", str(pool.path)])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_scans_not_in_one_space_are_not_compared_and_give_no_count(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT))
    first, second = _lesions(pool)["studies"]
    assert (first["comparable_with_prior"], first["reasons"]) == (None, ["no earlier study with a lesion mask"])
    assert second["comparable_with_prior"] is False
    assert second["prior_study"] == "anna-1"
    assert "not registered" in second["reasons"][0]
    assert (second["new"], second["enlarging"], second["resolved"]) == (None, None, None)
    assert {lesion["change"] for lesion in second["lesions"]} == {None}
    assert (second["t2_count"], second["recorded"]["new_t2"]) == (3, 4)


def test_lesions_are_followed_through_the_registration(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    report = "No new T2 lesions."
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT), report_text=report)
    _register(pool)
    first, second = _lesions(pool)["studies"]
    assert second["comparable_with_prior"] is True
    assert (second["new"], second["enlarging"], second["resolved"], second["stable"]) == (1, 1, 1, 1)
    before = {lesion["lesion"]: lesion for lesion in first["lesions"]}
    by_change = {lesion["change"]: lesion for lesion in second["lesions"]}
    assert by_change["new"]["volume_mm3"] == 64
    assert by_change["enlarging"]["volume_mm3"] == 7 * 7 * 6
    assert by_change["enlarging"]["track"] == before[by_change["enlarging"]["prior_lesions"][0]]["track"]
    assert by_change["new"]["track"] not in {lesion["track"] for lesion in first["lesions"]}
    assert by_change["new"]["reference_ras_mm"] == pytest.approx([46.5, 11.5, 41.5], abs=1.0)
    assert [before[number]["volume_mm3"] for number in second["resolved_lesions"]] == [27]
    assert second["recorded"]["new_t2"] == 4
    assert second["report"]["conflict"] is not None
    assert report in second["report"]["conflict"]


def test_lesions_are_drawn_by_change_where_prior_and_current_share_a_grid(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT))
    _register(pool)
    copy = load_case(Database(pool), "anna").scans[1].first_aligned("lesion_change")
    assert copy is not None
    found = display_copy(Database(pool), copy.series_id)
    assert found is not None
    grid = DisplayGrid(copy.shape, copy.spacing_mm, copy.origin_mm)
    drawn = read_display(found.path.read_bytes(), grid)
    voxels = {}
    for change, rgb in CHANGE_RGB.items():
        where = np.argwhere((drawn.values == rgb_and_alpha(drawn.values, rgb)).all(axis=3) & (drawn.values[..., 3] > 0))
        voxels[change] = (len(where), where.mean(axis=0) + drawn.first + copy.origin_mm)
    assert {change: count for change, (count, _) in voxels.items()} == {
        "new": 64, "enlarging": 7 * 7 * 6, "stable": 125, "resolved": 27,
    }  # fmt: skip
    np.testing.assert_allclose(voxels["new"][1], [46.5, 11.5, 41.5])
    np.testing.assert_allclose(voxels["resolved"][1], [11.0, 46.0, 21.0])


def rgb_and_alpha(values: np.ndarray, rgb: tuple[int, int, int]) -> np.ndarray:
    """A colour with the alpha that each voxel has."""
    wanted = np.empty_like(values)
    wanted[..., :3], wanted[..., 3] = rgb, values[..., 3]
    return wanted


def test_the_table_of_lesions_carries_track_and_change(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT))
    _register(pool)
    rows = Database(pool).frame(tables.LESION)
    later = rows[rows["study_id"] == "anna-2"]
    assert sorted(later["change"]) == ["enlarging", "new", "stable"]
    assert rows["track_id"].notna().all()
    assert rows.loc[rows["study_id"] == "anna-1", "change"].isna().all()


@pytest.mark.parametrize(
    ("more", "quality", "reason"),
    [
        ({}, "doubtful", "registration doubtful (two ways disagree)"),
        ({"mask_source": "SAMSEG"}, "pass", "mask by LST-AI, then by SAMSEG"),
    ],
)
def test_a_doubtful_pair_gives_its_reason_and_no_count(
    pool: PoolFolder, import_tables: ImportTables, folder: Path, more: dict[str, Any], quality: str, reason: str
) -> None:
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT), **more)
    _register(pool, quality)
    pair = load_case(Database(pool), "anna").scans[1].pair
    assert pair is not None
    assert pair.comparable is False
    assert any(reason in one for one in pair.reasons)
    assert (pair.new, pair.resolved, pair.volume_change_ml) == (None, None, None)


def test_thick_slices_are_not_compared_with_thin_ones(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    _import(import_tables, folder, _mask(OLD), spacing=3.0)
    _register(pool)
    pair = load_case(Database(pool), "anna").scans[1].pair
    assert pair is not None
    assert pair.comparable is False
    assert "slices of 1 mm, then 3 mm" in pair.reasons


def test_another_scanner_is_a_caution_and_not_a_bar(
    pool: PoolFolder, import_tables: ImportTables, folder: Path
) -> None:
    _import(import_tables, folder, _mask(OLD, GROWN, NEW, right=SHIFT), model="Prisma")
    _register(pool)
    pair = load_case(Database(pool), "anna").scans[1].pair
    assert pair is not None
    assert pair.comparable
    assert pair.reasons == ("model Skyra, then Prisma",)


@pytest.mark.slow
def test_phantom_scans_give_the_counts_that_their_tables_tell(tmp_path: Path) -> None:
    frames = simulate_cohort(1500, DEMO_SEED)
    person = plan_phantoms(frames, 2)[1]
    drawn = draw_patient(frames["mri"], person, 1, tmp_path)
    registration = pd.DataFrame(
        [
            {
                "study_id": study, "patient_id": drawn.patient_id, "matrix": np.eye(4).ravel().tolist(),
                "quality": "pass", "reason": "", "error_mm": 0.3,
            }
            for study in drawn.mri["study_id"]
        ]
    )  # fmt: skip
    series = drawn.series.assign(patient_id=drawn.patient_id)
    rows = {"mri": drawn.mri, "series": series, "registration": registration}
    pairs = lesion_rows(rows, Known(), tmp_path, "b", silent)["study_pair"].set_index("study_id")
    told = drawn.mri.set_index("study_id")
    compared = pairs.index[pairs["comparable"] == True]  # noqa: E712 - None stands beside the flags
    assert len(compared) >= 2
    assert told.loc[compared, "new_t2"].sum() > 0
    assert pairs.loc[compared, "new"].tolist() == told.loc[compared, "new_t2"].tolist()
    assert pairs["t2_count"].tolist() == told.loc[pairs.index, "t2_count"].tolist()
